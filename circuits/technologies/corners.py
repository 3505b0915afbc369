"""Process corners: how far transistors, capacitors and amplifiers lie from typical ones."""

from collections.abc import Mapping
from dataclasses import replace

from pydantic import Field

from circuits.data.amplifier import AmplifierModel
from circuits.data.models import ModelCard
from circuits.technologies.tables import Positive, Table, TechnologyError


class AmplifierShift(Table):
    """How far an amplifier of transistors at a corner is from a typical one, for macromodels; measured by DC sweeps."""

    gain: Positive = Field(default=1.0, description="factor of the gain")
    voltage_unit: Positive = Field(default=1.0, description="factor of V0")
    offset: float = Field(default=0.0, allow_inf_nan=False, description="added to the offset, V")
    imbalance: float = Field(default=0.0, allow_inf_nan=False, description="added to the imbalance")

    def moved(self, model: AmplifierModel, away: "AmplifierShift") -> AmplifierModel:
        """A model at another corner, `away` being the shift of the corner that it is at."""
        return replace(
            model,
            gain=model.gain * self.gain / away.gain,
            voltage_unit=model.voltage_unit * self.voltage_unit / away.voltage_unit,
            offset=model.offset + self.offset - away.offset,
            imbalance=model.imbalance + self.imbalance - away.imbalance,
        )


class Corner(Table):
    """How far a process corner lies from the typical one.

    Thresholds, currents and capacitors where the model cards do not say it themselves, amplifiers for macromodels.
    """

    nmos_threshold: float = Field(default=0.0, description="added to the threshold, V; positive is slower")
    pmos_threshold: float = Field(
        default=0.0, description="added to the threshold's size, V; positive is slower"
    )
    nmos_current: Positive = Field(default=1.0, description="factor of the mobility")
    pmos_current: Positive = Field(default=1.0, description="factor of the mobility")
    capacitance: Positive = Field(default=1.0, description="factor of all capacitors")
    amplifier: AmplifierShift = AmplifierShift()
    follower: AmplifierShift = AmplifierShift()

    def shifted(self, card: ModelCard) -> ModelCard:
        """A typical card at this corner, under BSIM's names of its numbers."""
        slower = self.nmos_threshold if card.polarity == "nmos" else -self.pmos_threshold
        factor = self.nmos_current if card.polarity == "nmos" else self.pmos_current
        if not slower and factor == 1:
            return card

        def moved(numbers: Mapping[str, float]) -> Mapping[str, float]:
            missing = [name for name in ("vth0", "u0") if name not in numbers]
            if missing:
                raise TechnologyError(
                    f"transistor {card.name}: its card has no {', '.join(missing)} to be shifted"
                )
            return {**numbers, "vth0": numbers["vth0"] + slower, "u0": numbers["u0"] * factor}

        bins = tuple(replace(size, parameters=moved(size.parameters)) for size in card.bins)
        return replace(card, parameters=moved(card.parameters), bins=bins)
