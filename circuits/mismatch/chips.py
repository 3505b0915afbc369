"""Chips whose every transistor has a draw of its own: netlist and model of one chip rest on the same draws."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

from circuits.data.circuit import Circuit
from circuits.data.scaling import Scaling
from circuits.measures.chips import Chip, Conditions
from circuits.mismatch.circuit import sized_devices
from circuits.mismatch.deviations import deviations, rows, transistor_circuit
from circuits.mismatch.draws import Sized
from circuits.mismatch.rows import Row
from circuits.mismatch.sensitivities import Sensitivities
from circuits.technologies import Technology
from conductance.networks import Network
from conductance.variation import Mismatch

DEVICES = "devices"
"""Spelling of the mismatch in which every transistor is drawn by itself."""


@dataclass(frozen=True, kw_only=True)
class DeviceMismatch:
    """Mismatch of the devices of one network.

    Attributes:
        circuit: the network in transistors.
        rows: what each device moves in the network's model.
        technology: whose statistics are drawn from.
    """

    circuit: Circuit
    rows: tuple[Row, ...]
    technology: Technology

    @classmethod
    def of(
        cls, network: Network, technology: Technology, scaling: Scaling, sensitivities: Sensitivities
    ) -> "DeviceMismatch":
        """Of a network in a technology; `CircuitError` where it has no circuit of transistors."""
        circuit = transistor_circuit(network, technology, scaling)
        return cls(circuit=circuit, rows=rows(network, circuit, sensitivities), technology=technology)

    @cached_property
    def sized(self) -> Mapping[str, Sized]:
        """Every device by its path."""
        return sized_devices(self.circuit, self.technology)

    def draws(self, seed: int) -> dict[str, dict[str, float]]:
        """What each device is off by on one chip, by path and kind."""
        return {path: one.drawn(seed, path) for path, one in self.sized.items()}

    def chip(self, network: Network, *, seed: int, conditions: Conditions | None = None) -> Chip:
        """One chip: its deviations follow from the draws that `drawn_circuit` makes of this seed.

        Raises:
            TechnologyError: conditions that the technology does not have.
        """
        return Chip(
            seed=seed,
            mismatch=Mismatch(),
            deviations=deviations(network, self.rows, self.draws(seed)),
            nominal=self.technology,
            technology=(conditions or Conditions()).technology(self.technology),
        )
