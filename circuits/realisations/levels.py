"""A declared neuron at a level: the one place where levels are chosen."""

from collections.abc import Collection, Mapping
from functools import partial
from typing import Literal, get_args

import numpy as np
import sympy

from circuits.data.devices import CircuitError
from circuits.data.scaling import Scaling
from circuits.realisations.analog import Kit, Realisation, analog
from circuits.realisations.behavioural import behavioural
from circuits.realisations.forms import Transfer, check_continuous, drawn, named_currents, transfer
from circuits.realisations.macromodel import macromodel
from circuits.realisations.ota import Transistors, five_transistor_ota, ten_transistor_ota
from circuits.realisations.parasitics import loaded
from circuits.realisations.staggered import Staggered, span, staggered
from circuits.realisations.synapse import macromodel_synapses, transistor_synapses
from circuits.realisations.transconductor import Trim
from circuits.technologies import Technology, technology
from conductance.errors import nearest
from conductance.neurons.base import Neuron

Level = Literal["behavioural", "macromodel", "transistor"]
LEVELS: tuple[Level, ...] = get_args(Level)
MIXED = "mixed"
"""The word for a circuit whose layers or neurons are at several levels."""


def realise(
    neuron: Neuron,
    level: Level = "behavioural",
    *,
    technology: Technology | None = None,
    scaling: Scaling | None = None,
    ideal: Collection[str] = (),
    trims: Mapping[str, Trim] | None = None,
    bias: float | None = None,
) -> Realisation:
    """The circuit of a neuron at a level.

    Args:
        neuron: the declaration; with events it has no transistor level.
        level: behavioural, macromodel or transistor.
        technology: from which amplifiers and transistors come; `default_technology` where none is given.
        scaling: the SI units; the technology's own where none is given.
        ideal: currents (elements, leak, filter) and output that stay behavioural at the other levels.
        trims: what DC sweeps found, by the name of the cell.
        bias: largest bias current in A, for which transistors are made; that of the neuron's defaults where none.

    Raises:
        CircuitError: an unknown level, or a neuron that has no circuit at it.
        TechnologyError: a technology without transistors.
    """
    check_level(level)
    check_continuous(neuron)
    chosen = default_technology(level) if technology is None else technology
    units = chosen.scaling() if scaling is None else scaling
    if level == "behavioural":
        return Realisation(subcircuit=behavioural(neuron, units), temperature=chosen.temperature)
    largest = largest_bias(neuron, units) if bias is None else bias
    made = kit(level, chosen, bias=largest, scaling=units, trims=trims)
    return analog(neuron, units, made, ideal=ideal)


def check_level(name: str) -> Level:
    """The level of that name, or `CircuitError` with the names that there are."""
    for level in LEVELS:
        if name == level:
            return level
    raise CircuitError(f"level {name!r} is unknown; {nearest(name, LEVELS)}allowed are {', '.join(LEVELS)}")


def default_technology(*levels: str) -> Technology:
    """What is taken where no technology is given: `generic_180nm` for transistors, which `ideal` does not have."""
    return technology("generic_180nm" if "transistor" in levels else "ideal")


def _forms(neuron: Neuron) -> list[Transfer | Staggered]:
    """The amplifiers that a neuron asks for."""
    pairs = drawn(neuron)
    found: list[Transfer | Staggered | None] = []
    for state, _, current in named_currents(pairs):
        form = transfer(current, pairs)
        found.append(form or staggered(current, pairs, span(pairs, state)))
    return [form for form in found if form is not None]


def bias_currents(
    neuron: Neuron, scaling: Scaling, values: Mapping[str, np.ndarray] | None = None
) -> np.ndarray:
    """The bias currents in A that the amplifiers of a layer ask for, smallest first; I0 of the output among them.

    Args:
        neuron: whose default parameters count where `values` has none.
        scaling: the SI units.
        values: (neuron,) for each parameter of a layer.
    """
    names = [parameter.name for parameter in neuron.parameters]
    columns = [np.asarray((values or {}).get(name, neuron.defaults[name]), float) for name in names]
    slopes = [form.slope for form in _forms(neuron)]
    read = sympy.lambdify([parameter.symbol for parameter in neuron.parameters], slopes, "numpy")
    found = np.concatenate([[1.0], *(np.ravel(slope) for slope in read(*columns))])
    return scaling.current_unit * np.unique(found)


def largest_bias(neuron: Neuron, scaling: Scaling, values: Mapping[str, np.ndarray] | None = None) -> float:
    """The largest of the `bias_currents` in A."""
    return float(bias_currents(neuron, scaling, values)[-1])


def width_parameters(neuron: Neuron) -> tuple[str, ...]:
    """Parameters that decide how many pairs are built: they cannot differ between instances of one subcircuit."""
    return tuple(sorted(set().union(*(form.width_parameters for form in _forms(neuron)))))


def kit(
    level: Level, technology: Technology, *, bias: float, scaling: Scaling | None = None,
    trims: Mapping[str, Trim] | None = None,
) -> Kit:  # fmt: skip
    """The cells of a level above the behavioural one, made for bias currents up to `bias` (A)."""
    units = technology.scaling() if scaling is None else scaling
    if level == "transistor":
        transistors = Transistors(technology, bias)
        return Kit(
            technology=technology,
            synapses=transistor_synapses(transistors),
            element=ten_transistor_ota(technology, bias),
            follower=five_transistor_ota(technology, bias),
            transistors=transistors,
            trims=dict(trims or {}),
        )
    made = partial(
        macromodel, supply=technology.supply, thermal_voltage=technology.thermal_voltage, bias=bias
    )
    element = made(loaded(technology.amplifier, technology, bias))
    follower = element
    if technology.follower is not None:
        follower = made(loaded(technology.follower, technology, bias), name="amplifier_follower")
    synapses = macromodel_synapses(
        technology.amplifier, units, supply=technology.supply, thermal_voltage=technology.thermal_voltage
    )
    return Kit(
        technology=technology, element=element, follower=follower, synapses=synapses, trims=dict(trims or {})
    )
