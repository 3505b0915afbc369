"""A declared neuron at a level: the one place where a level is turned into a circuit."""

from collections.abc import Collection, Mapping

from circuits.data.levels import Level, check_level
from circuits.data.scaling import Scaling
from circuits.data.values import CircuitError
from circuits.realisations.analog import analog
from circuits.realisations.behavioural import behavioural
from circuits.realisations.cells.cell import Trim
from circuits.realisations.forms import check_continuous
from circuits.realisations.kit import kit
from circuits.realisations.noise import with_declared_noise
from circuits.realisations.parts import CURRENTS, WHOLE
from circuits.realisations.parts.base import Recogniser
from circuits.realisations.realisation import Realisation
from circuits.realisations.recognition import recognised
from circuits.technologies import Technology, chosen_technology
from conductance.neurons.base import Neuron
from conductance.neurons.noisy import silent

UNIT_RATIO = (0.65, 1.5)
"""The scaling's voltage unit over that of the pairs: chips at -40 and 150 degrees keep the scaling of 27."""


def realise(
    neuron: Neuron,
    level: Level = "behavioural",
    *,
    technology: Technology | None = None,
    scaling: Scaling | None = None,
    ideal: Collection[str] = (),
    trims: Mapping[str, Trim] | None = None,
    bias: float | None = None,
    parts: tuple[Recogniser, ...] = CURRENTS,
) -> Realisation:
    """The circuit of a neuron at a level.

    Args:
        neuron: the declaration; of those with events only `log_domain_neuron` has a transistor level, with pins that
            carry currents. Noise becomes sources that a pin drives.
        level: behavioural, macromodel or transistor.
        technology: from which amplifiers and transistors come; `default_technology` where none is given.
        scaling: the SI units; the technology's own where none is given.
        ideal: currents (elements, leak, filter) and output that stay behavioural at the other levels.
        trims: what DC sweeps found, by the name of the cell.
        bias: largest bias current in A, for which transistors are made; that of the neuron's defaults where none.
        parts: the ways to build a current, in the order in which they are asked; the package's own where none is given.

    Raises:
        CircuitError: an unknown level, or a neuron that has no circuit at it.
        TechnologyError: a technology without transistors.
    """
    check_level(level)
    check_continuous(neuron)
    chosen = chosen_technology(technology, level)
    units = chosen.scaling() if scaling is None else scaling
    quiet = silent(neuron)
    if level == "behavioural":
        plain = Realisation(subcircuit=behavioural(quiet, units), temperature=chosen.temperature)
        return with_declared_noise(plain, neuron)
    if level == "transistor":
        for build in filter(None, (recognise(neuron) for recognise in WHOLE)):
            return build(chosen, units)
    _check_unit(chosen, units, level)
    known = recognised(quiet, parts)
    largest = float(known.bias_currents(units)[-1]) if bias is None else bias
    made = kit(
        level, chosen, bias=largest, scaling=units, trims=trims, filter_bias=known.filter_current(units)
    )
    return with_declared_noise(analog(known, units, made, ideal=ideal), neuron)


def _check_unit(made_of: Technology, units: Scaling, level: Level) -> None:
    """Refuse a voltage unit that no pair of the technology has at any temperature that its circuits see."""
    ratio = units.voltage_unit / made_of.amplifier.voltage_unit
    if not UNIT_RATIO[0] < ratio < UNIT_RATIO[1]:
        raise CircuitError(
            f"scaling: voltage_unit = {units.voltage_unit:g} V; at level {level} it is that of the pairs, 2 n U_T, "
            f"which {made_of.name} has as {made_of.amplifier.voltage_unit:.4g} V; take {made_of.name}'s own, "
            f"technology.scaling(), or the behavioural level"
        )
