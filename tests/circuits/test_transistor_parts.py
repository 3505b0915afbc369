"""Parts of amplifiers in ngspice: the cards below threshold, the amplifiers' law, leak, filter and output stage."""

import numpy as np
import pytest
import sympy

from circuits.data.circuit import (
    Capacitor,
    Circuit,
    CurrentSource,
    HeldWaveform,
    Instance,
    Mosfet,
    Param,
    Pin,
    Resistor,
    Subcircuit,
    VoltageSource,
)
from circuits.realisations import kit, realise, recognised
from circuits.realisations.cells.cell import VDD, VSS
from circuits.realisations.parts.base import Site
from circuits.technologies import technology
from conductance.neurons import mtc
from conductance.neurons.base import Neuron, State
from excitable.ladder.calibration import calibrate, calibrate_level, trims
from netlists.analyses import DCSweep, Tolerances, Transient
from netlists.simulation import simulate
from netlists.writing import write_netlist

pytestmark = pytest.mark.simulator

GENERIC = technology("generic_180nm")
UNIT = GENERIC.amplifier.voltage_unit
BIAS = 1e-9
TOLERANCES = Tolerances(relative=1e-6, current=1e-16, voltage=1e-9, charge=1e-19, conductance=1e-16)
LEVELS = ["macromodel", "transistor"]


def source(name, node, value):
    return VoltageSource(name=name, positive=node, negative="0", waveform=value)


def supplies():
    low, high = GENERIC.rails
    return source("v_vdd", VDD, high), source("v_vss", VSS, low)


def sweep(devices, name, start, stop, step, probes, subcircuits=(), models=()):
    circuit = Circuit(
        name="bench", devices=tuple(devices), probes=probes, subcircuits=subcircuits, models=models,
        temperature=GENERIC.temperature,
    )  # fmt: skip
    run = simulate(
        write_netlist(circuit, DCSweep(source=name, start=start, stop=stop, step=step), TOLERANCES)
    )
    waveforms = run.require()
    return waveforms["sweep"].to_numpy(), *(
        waveforms["voltage"].sel(node=probe).to_numpy() for probe in probes
    )


@pytest.mark.parametrize("polarity", ["nmos", "pmos"])
def test_card_has_the_stated_subthreshold_law(polarity):
    """Below threshold, current grows e-fold per n U_T with the stated n (5 %), and kappa is 0.65..0.75.

    Where the inversion coefficient is one, gm n U_T/I = 0.62 (Enz, Krummenacher and Vittoz 1995): the stated specific
    current is met within a factor of 1.2.
    """
    kind = GENERIC.transistor(polarity)
    sign = 1 if polarity == "nmos" else -1
    size = 10e-6
    resistance = 1e3
    transistor = Mosfet(
        name="m", drain="d", gate="g", source="0", bulk="0", model=kind.model, width=size, length=size
    )
    devices = [
        transistor,
        source("v_gate", "g", 0.0),
        source("v_drain", "s", sign * 0.9),
        Resistor(name="r", positive="s", negative="d", resistance=resistance),
    ]
    gate, drain = sweep(
        devices,
        "v_gate",
        0.0,
        sign * 0.7,
        sign * 0.01,
        ("d",),
        models=(kind.model_card(polarity, GENERIC.corner),),
    )
    current = np.abs(sign * 0.9 - drain) / resistance
    slope = np.gradient(np.log(np.maximum(current, 1e-18)), np.abs(gate))
    weak = (current > 1e-10) & (current < 0.005 * kind.specific_current)
    factor = 1 / (slope[weak] * GENERIC.thermal_voltage)
    assert weak.sum() > 7
    assert factor == pytest.approx(kind.slope_factor, rel=0.05)
    assert 0.65 < 1 / factor.mean() < 0.75
    efficiency = slope * GENERIC.thermal_voltage * kind.slope_factor
    moderate = np.interp(-0.62, -efficiency[current > 1e-10], current[current > 1e-10])
    assert 1 / 1.2 < moderate / kind.specific_current < 1.2


@pytest.mark.parametrize("bias", [0.5e-9, 1e-9, 2e-9])
def test_amplifiers_follow_tanh(bias):
    """Five and ten transistors: gain 1 to 1.1, V0 that of the technology within 3 %, offset below 1 mV, imbalance of
    the mirrors below 2 %, residual below 0.4 %, and a positive current for plus above minus (the fit refuses the
    other sign).
    """
    cells = kit("transistor", GENERIC, bias=2e-9)
    for cell in (cells.element, cells.follower):
        found = calibrate(cell, GENERIC, bias)
        assert 1.0 < found.gain < 1.1
        assert found.voltage_unit == pytest.approx(UNIT, rel=0.03)
        assert abs(found.offset) < 1e-3
        assert abs(found.imbalance) < 0.02
        assert found.residual < 0.004


def test_macromodel_is_that_of_the_transistors():
    """The technology's amplifier numbers are what a sweep of its own transistors gives at 1.5 nA."""
    cells = kit("transistor", GENERIC, bias=2e-9)
    for cell, stated in ((cells.element, GENERIC.amplifier), (cells.follower, GENERIC.follower)):
        found = calibrate(cell, GENERIC, 1.5e-9)
        assert found.gain == pytest.approx(stated.gain, rel=0.005)
        assert found.offset == pytest.approx(stated.offset, abs=1e-4)
        assert found.imbalance == pytest.approx(stated.imbalance, abs=5e-4)
        assert found.voltage_unit == pytest.approx(stated.voltage_unit, rel=0.005)


def part(level, kind):
    """A leak or filter as a subcircuit with one moving node `um`, follower of `x`; and the cards."""
    cells = kit(level, GENERIC, bias=2e-9)
    x, um = sympy.symbols("x um", real=True)
    law = -um if kind == "leak" else sympy.tanh(x - um)
    moving = State(name="um", symbol=um, meaning="moves", currents={kind: law})
    held = State(name="x", symbol=x, meaning="held", currents={"none": -x})
    neuron = Neuron(name="part", meaning="a part", parameters=(), states=(moving, held), output=um)
    site = Site(
        kit=cells, nodes={um: "um", x: "x"}, numbers={}, capacitances={"um": sympy.S.One, "x": sympy.S.One}
    )
    found = recognised(neuron).parts[0]
    pins = tuple(Pin(name=name) for name in ("x", "um", VDD, VSS))
    units = (Param(name="v0", value=UNIT), Param(name="i0", value=BIAS))
    devices = list(found.devices(site))
    subcircuit = Subcircuit(
        name="part", pins=pins, parameters=units, devices=(*devices, *site.references.devices)
    )
    instance = Instance(name="xp", subcircuit="part", connections={pin.name: pin.name for pin in pins})
    return instance, (cells.follower.subcircuit, subcircuit), cells.follower.models


@pytest.mark.parametrize("level", LEVELS)
def test_leak_is_linear_and_then_saturates(level):
    """The current out of the membrane is its voltage within 6 % of 4.5 units up to there, and stays below 6 units."""
    instance, subcircuits, models = part(level, "leak")
    devices = [
        instance, *supplies(), source("v_x", "x", 0.0), source("v_drive", "drive", 0.0),
        Resistor(name="r", positive="drive", negative="um", resistance=1e3),
    ]  # fmt: skip
    drive, node = sweep(devices, "v_drive", -8 * UNIT, 8 * UNIT, UNIT / 10, ("um",), subcircuits, models)
    current = (drive - node) / 1e3 / BIAS
    inner = np.abs(drive) < 4.5 * UNIT
    assert np.abs(current[inner] - drive[inner] / UNIT).max() < 0.06 * 4.5
    assert 5 < current[-1] < 6
    assert -6 < current[0] < -5


@pytest.mark.parametrize("level", LEVELS)
def test_follower_integrator_slews(level):
    """After a step of 4 units, the node moves at I_b/C (within 5 %) until it is near, then settles on its input."""
    instance, subcircuits, models = part(level, "filter")
    load = 20e-12
    slew = BIAS / load
    step = HeldWaveform(times=(0.0, 1e-4), values=(0.0, 4 * UNIT), edge=1e-6)
    circuit = Circuit(
        name="bench", subcircuits=subcircuits, models=models, probes=("um",), initial={"um": 0.0},
        devices=(
            instance, *supplies(), VoltageSource(name="v_x", positive="x", negative="0", waveform=step),
            Capacitor(name="c_u", positive="um", negative="0", capacitance=load),
        ),
    )  # fmt: skip
    tolerances = Tolerances.scaled(voltage_unit=UNIT, current_unit=BIAS, capacitance=load, relative=1e-5)
    waveforms = simulate(write_netlist(circuit, Transient(stop=2e-2, max_step=5e-5), tolerances)).require()
    time, node = waveforms["time"].to_numpy(), waveforms["voltage"].sel(node="um").to_numpy()
    half = np.interp([0.5 * UNIT, 1.5 * UNIT], node, time)
    assert UNIT / (half[1] - half[0]) == pytest.approx(slew, rel=0.05)
    assert node[-1] == pytest.approx(4 * UNIT, abs=0.03 * UNIT)


@pytest.mark.parametrize(("level", "tolerance"), [("macromodel", 0.05), ("transistor", 0.1)])
def test_output_is_the_clipped_line(level, tolerance):
    """At rest, the output is clip(U, 0, 1) V0 within the tolerance, offsets of 2 mV among it; three mirrors add 4 %."""
    neuron = mtc(filter_limit=1.0)
    scaling = GENERIC.scaling()
    fits = trims(calibrate_level(level, GENERIC, [BIAS]))
    built = realise(neuron, level, technology=GENERIC, scaling=scaling, trims=fits)
    devices = [
        Instance(name="xn", subcircuit="mtc", connections={p.name: p.name for p in built.subcircuit.pins}),
        *supplies(),
        source("v_um", "um", 0.0),
    ]
    swept, out = sweep(
        devices,
        "v_um",
        -4 * UNIT,
        4 * UNIT,
        UNIT / 10,
        ("out",),
        (*built.cells, built.subcircuit),
        built.models,
    )
    assert np.abs(out / UNIT - np.clip(swept / UNIT, 0, 1)).max() < tolerance


@pytest.mark.parametrize("level", LEVELS)
def test_input_current_charges_the_membrane(level):
    """Sign: a positive input current lifts the membrane of a neuron that only leaks, to R I."""
    neuron = mtc([])
    scaling = GENERIC.scaling()
    built = realise(neuron, level, technology=GENERIC, scaling=scaling)
    devices = [
        Instance(name="xn", subcircuit="mtc", connections={p.name: p.name for p in built.subcircuit.pins}),
        *supplies(),
        CurrentSource(name="i_in", source="0", sink="um", waveform=0.0),
    ]
    swept, node = sweep(
        devices, "i_in", -3e-9, 3e-9, 1e-9, ("um",), (*built.cells, built.subcircuit), built.models
    )
    assert node / UNIT == pytest.approx(swept / scaling.current_unit, abs=0.15)
