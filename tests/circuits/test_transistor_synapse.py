"""Synapses: the sign and the weight of a copied output current, in ngspice."""

import math

import numpy as np
import pytest

from circuits.data.circuit import Circuit, CircuitError, Instance, Resistor, VoltageSource
from circuits.realisations import realise
from circuits.technologies import technology
from conductance.neurons import mtc
from netlists.analyses import DCSweep, Tolerances
from netlists.simulation import simulate
from netlists.writing import write_netlist

GENERIC = technology("generic_180nm")
SCALING = GENERIC.scaling()
UNIT = SCALING.voltage_unit
TOLERANCES = Tolerances(relative=1e-6, current=1e-16, voltage=1e-9, charge=1e-19, conductance=1e-16)
WEIGHTS = (1.0, 2.5, 0.3, 0.05, -1.0, -0.4, -3.0)


def synaptic_currents(level):
    """The output s and the current (I0) that each of `WEIGHTS` gives, while the membrane is swept."""
    built = realise(mtc(filter_limit=1.0), level, technology=GENERIC)
    source = lambda name, node, value: VoltageSource(name=name, positive=node, negative="0", waveform=value)  # noqa: E731
    axon = "a" if built.axon != "out" else "out"
    pins = {pin.name: pin.name for pin in built.subcircuit.pins} | {built.axon: axon}
    devices = [
        Instance(name="xn", subcircuit="mtc", connections=pins),
        *(source(f"v_{pin}", pin, value) for pin, value in built.supplies.items()),
        source("v_um", "um", 0.0),
    ]
    for index, weight in enumerate(WEIGHTS):
        devices += [
            built.synapses.place(f"xs{index}", axon=axon, out=f"n{index}", weight=weight),
            Resistor(name=f"r{index}", positive=f"n{index}", negative="0", resistance=1e6),
        ]
    probes = ("out", *(f"n{index}" for index in range(len(WEIGHTS))))
    circuit = Circuit(
        name="bench", devices=tuple(devices), models=built.models, probes=probes,
        subcircuits=(*built.cells, built.subcircuit, *built.synapses.subcircuits),
    )  # fmt: skip
    sweep = DCSweep(source="v_um", start=-2 * UNIT, stop=3 * UNIT, step=UNIT / 20)
    voltage = simulate(write_netlist(circuit, sweep, TOLERANCES)).require()["voltage"]
    currents = [voltage.sel(node=probe).to_numpy() / 1e6 / SCALING.current_unit for probe in probes[1:]]
    return voltage.sel(node="out").to_numpy() / UNIT, currents


@pytest.mark.simulator
@pytest.mark.parametrize(("level", "tolerance"), [("macromodel", 0.03), ("transistor", 0.06)])
def test_current_is_weight_times_output(level, tolerance):
    """A positive weight drives current into the node, a negative one out of it, in proportion to the output.

    Mirrors multiply by W/L within 6 % for weights from 0.1 to 3. Smaller ones are made by length, which also moves
    the threshold: 18 % at 0.05, that is 1 % of I0.
    """
    out, currents = synaptic_currents(level)
    assert out.max() > 0.95
    for weight, current in zip(WEIGHTS, currents, strict=True):
        assert np.abs(current - weight * out).max() < tolerance * max(abs(weight), 0.2), weight


def test_weights_are_ratios_of_transistors():
    """W/L is the weight times that of the output mirror, no width below the smallest one; tiny weights are left out."""
    synapses = realise(mtc(filter_limit=1.0), "transistor", technology=GENERIC).synapses
    unit = synapses.place("x", axon="a", out="n", weight=1.0).parameters
    for weight in (-3.0, 0.5, 0.05, -0.002):
        placed = synapses.place("x", axon="a", out="n", weight=weight)
        ratio = placed.parameters["width"] / placed.parameters["length"]
        # sizes lie on a grid of 5 nm: 2.5 nm in a length of 2.5 um
        assert ratio == pytest.approx(abs(weight) * unit["width"] / unit["length"], rel=1.1e-3)
        for size in (placed.parameters["width"], placed.parameters["length"]):
            assert size / 5e-9 == pytest.approx(round(size / 5e-9), abs=1e-6)
        assert placed.parameters["width"] >= GENERIC.pmos.width * (1 - 1e-12)
        assert placed.subcircuit == ("synapse_excitatory" if weight > 0 else "synapse_inhibitory")
    assert synapses.place("x", axon="a", out="n", weight=1e-6) is None
    with pytest.raises(CircuitError, match="not finite"):
        synapses.place("x", axon="a", out="n", weight=math.nan)
