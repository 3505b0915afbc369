"""Translinear circuits of transistors in ngspice: the squarer's law, the log-domain neuron's rate law, their biases."""

import numpy as np
import pytest
from scipy.integrate import quad
from scipy.optimize import least_squares

from circuits.data.circuit import Circuit, CircuitError, CurrentSource, Mosfet, Resistor, VoltageSource
from circuits.measures.bias import bias_table
from circuits.networks.single import neuron_circuit
from circuits.realisations import realise
from circuits.realisations.cells.squarer import REACH, translinear_squarer
from circuits.realisations.parts.log_domain import log_domain_neuron, log_domain_qif, time_constant_of
from circuits.technologies import TechnologyError, technology
from conductance.neurons import qif
from conductance.shaping.integrate import integrate
from conductance.stimulus import Stimulus
from netlists.analyses import DCSweep, Tolerances, Transient
from netlists.simulation import simulate
from netlists.writing import write_netlist

GENERIC = technology("generic_180nm")
UNIT = 1e-9
SENSE = 1e5
"""Ohm, across which an output current is read: at most 10 mV."""


def bench(block, current, *, out=0.0, probes=("out",), initial=None):
    """The block between its rails, an input current drawn out of `in`, its output read at the voltage `out`."""
    low, high = GENERIC.rails
    devices = [
        VoltageSource(name="v_vdd", positive="vdd", negative="0", waveform=high),
        VoltageSource(name="v_vss", positive="vss", negative="0", waveform=low),
        VoltageSource(name="v_out", positive="sink", negative="0", waveform=out),
        Resistor(name="r_sense", positive="sink", negative="out", resistance=SENSE),
        CurrentSource(name="i_in", source="in", sink="0", waveform=current),
        block.place("xb", {pin.name: pin.name for pin in block.subcircuit.pins}),
    ]
    return Circuit(
        name="bench", subcircuits=(block.subcircuit,), models=block.models, temperature=GENERIC.temperature,
        devices=tuple(devices), probes=probes, initial=initial or {},
    )  # fmt: skip


def squared(unit, out=0.0, points=19):
    """Input and output currents of the squarer over its decade, in A."""
    circuit = bench(translinear_squarer(GENERIC, unit), unit, out=out)
    start, stop = unit / REACH, unit * REACH
    sweep = DCSweep(source="i_in", start=start, stop=stop, step=(stop - start) / (points - 1) * (1 - 1e-9))
    tolerances = Tolerances(relative=1e-6, current=1e-16, voltage=1e-9, charge=1e-19, conductance=1e-16)
    waveforms = simulate(write_netlist(circuit, sweep, tolerances)).require()
    return waveforms["sweep"].to_numpy(), (out - waveforms["voltage"].sel(node="out").to_numpy()) / SENSE


@pytest.mark.simulator
@pytest.mark.parametrize(("unit", "out"), [(0.3e-9, 0.0), (UNIT, 0.0), (UNIT, 0.3), (3e-9, 0.0)])
def test_the_squarer_squares_over_a_decade(unit, out):
    """in^2/iu within 3 % for inputs from iu/3 to 3 iu; the exponent is 2 within 0.03, where a stacked loop has 1.7."""
    current, square = squared(unit, out)
    assert current[-1] / current[0] == pytest.approx(9.0, rel=1e-3)
    assert np.abs(square / (current**2 / unit) - 1).max() < 0.03
    exponent, _ = np.polyfit(np.log(current), np.log(square), 1)
    assert exponent == pytest.approx(2.0, abs=0.03)


def interval(current):
    """The log-domain neuron's interval in s at an input current in A, the mean of those after the first."""
    block = log_domain_qif(GENERIC, UNIT)
    tau = time_constant_of(GENERIC, UNIT, 20e-12)
    circuit = bench(block, current, probes=("v",))
    tolerances = Tolerances(relative=1e-5, current=1e-15, voltage=1e-8, charge=1e-15, conductance=1e-16)
    run = simulate(write_netlist(circuit, Transient(stop=30 * tau, max_step=tau / 200), tolerances))
    waveforms = run.require()
    time, state = waveforms["time"].to_numpy(), waveforms["voltage"].sel(node="v").to_numpy()
    above = state > (state.min() + state.max()) / 2
    resets = time[np.flatnonzero(above[:-1] & ~above[1:])]
    assert len(resets) > 2
    return np.diff(resets).mean()


@pytest.mark.simulator
def test_log_domain_neuron_has_the_rate_law():
    """Over 2 to 5 nA the intervals are those of tau dI/dt = -I + I^2/(2 I_s) + I_in within 1 %.

    tau and I_s are calibrated, as any amplifier's gain: they come out within 5 % of C U_T/(kappa iu) and m iu/2.
    """
    currents = np.array([2e-9, 2.5e-9, 3.5e-9, 5e-9])
    measured = np.array([interval(current) for current in currents])
    nominal = np.array([time_constant_of(GENERIC, UNIT, 20e-12), 3 * UNIT])

    def law(factors):
        tau, saddle = factors * nominal
        slope = lambda log, current: np.exp(log) / (np.exp(2 * log) / (2 * saddle) - np.exp(log) + current)  # noqa: E731
        ends = np.log(0.1 * UNIT), np.log(80 * UNIT)
        return tau * np.array([quad(slope, *ends, args=(current,), limit=200)[0] for current in currents])

    fit = least_squares(lambda factors: law(factors) / measured - 1, [1.0, 1.0], x_scale=[0.1, 0.1])
    assert np.abs(fit.fun).max() < 0.01
    assert fit.x == pytest.approx(1.0, abs=0.05)


def test_the_declaration_is_the_circuits_equation():
    """The declared neuron, in units of iu, has the interval of the integral: model and circuit share peak and reset."""
    neuron = log_domain_neuron(saddle=3.0, peak=80.0, reset=0.1)
    spikes = integrate(neuron, Stimulus.constant(3.0), 12.0).spikes
    expected, _ = quad(lambda x: 1 / (x * x / 6 - x + 3), 0.1, 80.0, epsabs=1e-12, limit=200)
    assert np.diff(spikes) == pytest.approx(expected, rel=1e-6)


def test_the_bias_table_has_every_transistor_and_the_unit_current():
    """Sizes of all transistors, one reference current, and the state's capacitor."""
    for block in (translinear_squarer(GENERIC, UNIT), log_domain_qif(GENERIC, UNIT)):
        rows = {row.path: row for row in bias_table(bench(block, UNIT))}
        assert rows["xb.b_unit"].current == pytest.approx(UNIT)
        transistors = [device for device in block.subcircuit.devices if isinstance(device, Mosfet)]
        assert len(transistors) > 10
        assert all(rows[f"xb.{device.name}"].width > 0 for device in transistors)
    assert rows["xb.c_state"].capacitance == pytest.approx(20e-12)


def test_what_cannot_be_built_is_refused():
    """A technology without transistors, a mirror that amplifies, a reset above the peak."""
    with pytest.raises(TechnologyError, match="technology ideal has no"):
        translinear_squarer(technology("ideal"))
    for wrong in ({"mirror": 0.5}, {"reset": 90.0}):
        with pytest.raises(CircuitError, match="mirror >= 1 and 0 < reset < peak"):
            log_domain_qif(GENERIC, **wrong)
    with pytest.raises(CircuitError, match="must be positive"):
        time_constant_of(GENERIC, -1.0, 1e-12)


def test_a_declared_log_domain_neuron_is_realised_of_transistors():
    """`realise` builds what the block's own function does, its capacitor from tau; another parabola is not taken."""
    neuron = log_domain_neuron(saddle=3.0, peak=80.0, reset=0.1)
    units = GENERIC.scaling(current_unit=UNIT, capacitance=10e-12)
    built = realise(neuron, "transistor", technology=GENERIC, scaling=units)
    block = log_domain_qif(GENERIC, UNIT, mirror=6.0, capacitance=20e-12, name=neuron.name)
    assert built.subcircuit.devices == block.subcircuit.devices
    assert (built.supplies["vss"], built.supplies["vdd"]) == GENERIC.rails
    for tau in (1.0, 2.0):
        made = realise(neuron.with_values(tau=tau), "transistor", technology=GENERIC, scaling=units)
        values = {p.name: p.value for p in made.subcircuit.parameters}
        seconds = time_constant_of(GENERIC, UNIT, values.pop("c"))
        assert seconds == pytest.approx(tau * units.time_unit, rel=1e-9, abs=0)
        assert values == {"iu": UNIT, "peak": 80.0, "reset": 0.1}
    with pytest.raises(CircuitError, match=r"carry currents.*in, out, v.*Circuit of your own"):
        neuron_circuit(neuron, 3.0, scaling=units, realisation=built)
    for other in (qif(), neuron.with_values(root_low_f_minus=0.5)):
        with pytest.raises(CircuitError, match=r"no circuit of transistors.*log_domain_neuron"):
            realise(other, "transistor", technology=GENERIC, scaling=units)
