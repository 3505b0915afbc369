"""Virtual chips: one seed draws one chip, and model and netlist get the same numbers of it.

Inside a chip, parts that are drawn alike differ a little (mismatch); the whole chip lies at a corner, a temperature
and a supply. Both are taken up by the numbers of the network itself: its gains, offsets, time constants and weights.
So the torch model of a chip is a network, and its netlist is the netlist of a network, at any level: bias currents
carry the gains, references the offsets, capacitors the time constants.
"""

import math
import re
from dataclasses import dataclass

from circuits.data.models import Polarity
from circuits.data.scaling import Scaling
from circuits.data.values import CircuitError
from circuits.measures.spreads import code_spread, resolved, weight_spread
from circuits.realisations import recognised
from circuits.realisations.cells.ota import TEN_TRANSISTOR_SHARES
from circuits.realisations.cells.units import UNITS
from circuits.technologies import Technology
from circuits.technologies.sizing import Role, role_of
from conductance.layers import NeuronLayer
from conductance.networks import Network
from conductance.variation import Deviations, Mismatch, draw_deviations, rescaled, varied_network

PELGROM = "pelgrom"
"""Spelling of the mismatch that follows from a technology's coefficients and the sizes of its transistors."""
_NUMBER = r"(\d+(?:\.\d*)?|\.\d+)"
_SPELLING = re.compile(rf"\s*{_NUMBER}\s*%\s*/\s*{_NUMBER}\s*(mV|uV|V)(?:\s*/\s*{_NUMBER}\s*%)?\s*")
_VOLTS = {"V": 1.0, "mV": 1e-3, "uV": 1e-6}


class ChipError(CircuitError):
    """A mismatch that cannot be read, or a chip that cannot be."""


@dataclass(frozen=True, kw_only=True)
class Conditions:
    """Where a whole chip works; None is the technology's own.

    Args:
        corner: process corner.
        temperature: in degrees Celsius. Bias currents and references do not move with it.
        supply: total supply in V.
    """

    corner: str | None = None
    temperature: float | None = None
    supply: float | None = None

    def technology(self, nominal: Technology) -> Technology:
        """The technology under these conditions; `TechnologyError` for a corner that it does not have."""
        return nominal.at(corner=self.corner, temperature=self.temperature, supply=self.supply)


@dataclass(frozen=True, kw_only=True)
class Chip:
    """One chip of one network's design.

    Attributes:
        seed: that drew it.
        mismatch: the standard deviations; none where every device was drawn by its own.
        deviations: what was drawn.
        nominal: the technology for which the circuit was designed.
        technology: the technology under the chip's conditions, of which its amplifiers are made.
    """

    seed: int
    mismatch: Mismatch
    deviations: Deviations
    nominal: Technology
    technology: Technology

    @property
    def voltage_ratio(self) -> float:
        """Voltage unit of the chip's pairs, at its corner and temperature, over that of the design."""
        return self.technology.amplifier.voltage_unit / self.nominal.amplifier.voltage_unit

    @property
    def capacitance_ratio(self) -> float:
        """Capacitors of the chip's corner over those of the design's."""
        return self.technology.corner_shift.capacitance / self.nominal.corner_shift.capacitance

    def circuit(self, network: Network) -> Network:
        """The network whose circuit of amplifiers, in `technology` and the units of the design, is this chip."""
        return varied_network(network, self.deviations)

    def model(self, network: Network) -> Network:
        """The chip as a torch model, and as a behavioural netlist: the same in the voltage unit of its own pairs."""
        varied = varied_network(network, self.deviations)
        return rescaled(varied, self.voltage_ratio, self.capacitance_ratio, wide=wide_currents(network))


def wide_currents(network: Network) -> dict[str, dict[str, tuple[str, ...]]]:
    """The currents that no single pair makes, by layer, with the parameters of their width: wide ones and linear ones.

    Staggered pairs follow a law whose slope lies in their references, and ideal resistors know no temperature.
    """
    found: dict[str, dict[str, tuple[str, ...]]] = {}
    for label, layer in network.chain.items():
        if isinstance(layer, NeuronLayer) and layer.neuron.elements:
            found[label] = {
                f"{part.current.state.name}.{part.current.name}": tuple(sorted(part.width_parameters))
                for part in recognised(layer.neuron).parts
                if part.keeps_volts
            }
    return found


def draw_chip(
    network: Network,
    mismatch: Mismatch,
    *,
    seed: int,
    technology: Technology,
    conditions: Conditions | None = None,
) -> Chip:
    """Draw one chip of a network.

    Args:
        network: the design.
        mismatch: see `mismatch_of`.
        seed: of the chip, >= 0.
        technology: of the design.
        conditions: of the chip; those of the technology where none are given.

    Raises:
        VariationError: a neuron that cannot be varied. TechnologyError: conditions that the technology does not have.
    """
    return Chip(
        seed=seed,
        mismatch=mismatch,
        deviations=draw_deviations(network, resolved(mismatch, network, technology), seed=seed),
        nominal=technology,
        technology=(conditions or Conditions()).technology(technology),
    )


def mismatch_of(
    text: str, technology: Technology, scaling: Scaling, *, bias: float | None = None
) -> Mismatch:
    """The mismatch that a text names: `2 % / 1 mV`, sigma of currents and of offsets, or `pelgrom`.

    A third number, as in `2 % / 1 mV / 1 %`, is that of capacitors, which else have none.

    Args:
        text: the spelling.
        technology: whose coefficients `pelgrom` takes.
        scaling: in whose voltage unit offsets are counted.
        bias: largest bias current in A, for which `pelgrom` sizes transistors; one current unit where none is given.

    Raises:
        ChipError: another spelling. TechnologyError: `pelgrom` in a technology without transistors.

    >>> from circuits.technologies import technology
    >>> ideal = technology("ideal")
    >>> found = mismatch_of("2 % / 1.44 mV", ideal, ideal.scaling())
    >>> found.current, found.offset, found.capacitor
    (0.02, 0.02, 0.0)
    """
    if text.strip().lower() == PELGROM:
        return pelgrom_mismatch(technology, scaling, scaling.current_unit if bias is None else bias)
    found = _SPELLING.fullmatch(text)
    if found is None:
        raise ChipError(
            f"mismatch {text!r}: write the sigma of currents and that of offsets, as in '2 % / 1 mV', a third for "
            f"capacitors, as in '2 % / 1 mV / 1 %', or {PELGROM}"
        )
    current, offset, unit, capacitor = found.groups()
    return Mismatch(
        current=float(current) / 100,
        offset=round(float(offset) * _VOLTS[unit] / scaling.voltage_unit, 12),
        capacitor=float(capacitor or 0) / 100,
    )


def pelgrom_mismatch(technology: Technology, scaling: Scaling, bias: float) -> Mismatch:
    """The mismatch of ten-transistor amplifiers, sized for `bias` (A), from the areas of their transistors.

    Below threshold, the logarithm of a current has the variance s^2 = (A_vt/(n U_T))^2/(W L) + A_b^2/(W L).
    What it adds to offset and gain is in `TEN_TRANSISTOR_SHARES`; that the mirrors add to both at once is left out.
    M. Pelgrom et al., IEEE J. Solid-State Circuits 24(5), 1989.
    """

    def variance(polarity: Polarity, role: Role | None) -> float:
        kind, size = technology.transistor(polarity), technology.size(polarity, bias, role)
        slope = kind.slope_factor * technology.thermal_voltage
        area = size.width * size.length
        return ((kind.pelgrom_threshold / slope) ** 2 + kind.pelgrom_current**2) / area

    pair = technology.transistor("nmos").slope_factor * technology.thermal_voltage
    # a mirror of `UNITS` unit transistors has the area of one transistor
    unit = math.sqrt(UNITS * variance("pmos", "unit"))
    turned = math.sqrt(2 * variance("nmos", "lower_mirror"))
    weights = weight_spread(unit, turned, technology.transistor("pmos").series_excess)
    capacitor = technology.capacitor.pelgrom / math.sqrt(scaling.capacitance / technology.capacitor.density)
    shares = [
        (share, variance(share.polarity, role_of(share.polarity, name)))
        for name, share in TEN_TRANSISTOR_SHARES.items()
    ]
    return Mismatch(
        current=math.sqrt(sum(share.gain**2 * spread for share, spread in shares)),
        offset=pair
        * math.sqrt(sum(share.offset**2 * spread for share, spread in shares))
        / scaling.voltage_unit,
        capacitor=capacitor,
        weights=weights,
        codes=code_spread(unit, turned),
    )
