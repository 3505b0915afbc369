"""Noise in ngspice: densities against formulas, shares of devices, and noise that is drawn over time."""

import dataclasses
import math

import numpy as np
import pytest
from scipy.signal import welch

from circuits import neuron_circuit
from circuits.data.circuit import (
    GROUND,
    Capacitor,
    Circuit,
    CurrentSource,
    NoiseSource,
    Resistor,
)
from circuits.networks.noise import CircuitDraws
from circuits.noise import circuit_noise, part_noises, with_device_noise
from circuits.realisations import realise
from circuits.technologies import technology
from conductance import mtc
from conductance.shaping.noise import membrane_density, stationary_covariance
from netlists import Noise, SmallSignal, Tolerances, Transient, simulate, write_netlist
from netlists.errors import NetlistError, WaveformError
from netlists.waveforms.noise import densities
from netlists.waveforms.raw import Plot
from tests.circuits.part_density import at_state

GENERIC = technology("generic_180nm")
UNITS = GENERIC.scaling()
LEAKY = mtc((), leak_limit=1.0)
REST = {"um": 0.0}
R, C = 1e9, 1e-12
KT = 1.380649e-23 * 300.15
TOLERANCES = Tolerances.scaled(
    voltage_unit=UNITS.voltage_unit,
    current_unit=UNITS.current_unit,
    capacitance=UNITS.capacitance,
    relative=1e-4,
)


def low_pass(amplitude: float = 1.0) -> Circuit:
    """A resistor and a capacitor."""
    return Circuit(
        name="rc", title="low-pass",
        devices=(
            CurrentSource(name="i_in", source=GROUND, sink="out", waveform=0.0, small_signal=amplitude),
            Resistor(name="r", positive="out", negative=GROUND, resistance=R),
            Capacitor(name="c", positive="out", negative=GROUND, capacitance=C),
        ),
        initial={"out": 0.0}, probes=("out",),
    )  # fmt: skip


def analysed(circuit: Circuit, *, node: str = "out", start: float = 1.0, stop: float = 1e5):
    """The densities in ngspice, ten frequencies a decade."""
    analysis = Noise(node=node, source="i_in", start=start, stop=stop, points=10)
    return simulate(write_netlist(circuit, analysis, TOLERANCES)).require()


@pytest.mark.simulator
def test_a_resistor_has_its_thermal_noise():
    """4 k T R/(1 + (w R C)^2) over five decades, all of it the resistor's; the transfer is the impedance."""
    found = analysed(low_pass(2.0))
    w = 2 * np.pi * found["frequency"].to_numpy()
    expected = 4 * KT * R / (1 + (w * R * C) ** 2)
    assert found["density"].to_numpy() == pytest.approx(expected, rel=1e-3)
    assert found["share"].sel(device="r", cause="thermal").to_numpy() == pytest.approx(expected, rel=1e-3)
    assert found["transfer"].to_numpy() == pytest.approx(R / np.sqrt(1 + (w * R * C) ** 2), rel=1e-3)


@pytest.mark.simulator
def test_a_leaky_membrane_of_transistors_has_the_noise_of_the_formula():
    """Shot and flicker noise of six transistors over four decades, 1 Hz to 10 kHz, within 5 %; both are there."""
    built = realise(LEAKY, "transistor", technology=GENERIC, scaling=UNITS)
    circuit = neuron_circuit(LEAKY, 0.0, scaling=UNITS, realisation=built, small_signal=1.0)
    found = analysed(circuit, node="um", stop=1e4)
    frequency = found["frequency"].to_numpy()
    (part,) = part_noises(LEAKY, GENERIC)
    white, slow = at_state(part, LEAKY, REST, UNITS)
    volts = UNITS.voltage_unit**2 * UNITS.time_unit
    formula = membrane_density(
        circuit_noise(LEAKY, GENERIC), REST, 0.0, 2 * np.pi * frequency * UNITS.time_unit
    )
    expected = formula * volts * (1 + slow / (white * frequency))
    assert found["density"].to_numpy() == pytest.approx(expected, rel=0.05)
    channel = found["share"].sel(cause="channel").sum("device").to_numpy()
    assert channel == pytest.approx(formula * volts, rel=0.05)
    assert slow / white > 5, "flicker noise rules below its corner of about 10 Hz"
    leak = [name for name in found["device"].to_numpy() if "leak" in name]
    assert float(found["share"].sel(device=leak).sum()) > 0.999 * float(found["share"].sum())


def settled_variance(circuit: Circuit, node: str, *, stop: float) -> float:
    """Of a node's voltage in V0^2, after 20 tau_m of a transient of `stop` tau_m."""
    unit = UNITS.time_unit
    analysis = Transient(stop=stop * unit, max_step=0.2 * unit)
    found = simulate(write_netlist(circuit, analysis, TOLERANCES)).require()
    grid = np.arange(20, stop, 0.1)
    time = found["time"].to_numpy() / unit
    values = np.interp(grid, time, found["voltage"].sel(node=node).to_numpy()) / UNITS.voltage_unit
    return float(values.var())


def within(variance: float, expected: float, stop: float) -> bool:
    """Four deviations sqrt(2 tau/T) of a variance over T = `stop` tau_m."""
    return abs(variance / expected - 1) < 4 * math.sqrt(2 / stop)


@pytest.mark.simulator
def test_the_models_draws_give_the_circuit_its_noise():
    """A behavioural leaky membrane under the declaration's own noise: its variance, and the model's path."""
    noisy = circuit_noise(LEAKY, GENERIC)
    draws = CircuitDraws(seed=3, dt=0.1, steps=5000)
    circuit = neuron_circuit(noisy, 0.0, scaling=UNITS, noise=draws)
    expected = stationary_covariance(noisy, REST, 0.0)[0, 0]
    assert within(settled_variance(circuit, "um", stop=500), expected, 500)


@pytest.mark.simulator
@pytest.mark.slow
def test_a_leaky_membrane_of_transistors_fluctuates_by_its_formula():
    """Devices' noise as sources in a transient of 1000 tau_m, steps of tau/20: the variance of the formula."""
    built = realise(LEAKY, "transistor", technology=GENERIC, scaling=UNITS)
    circuit = neuron_circuit(LEAKY, 0.0, scaling=UNITS, realisation=built)
    noisy = with_device_noise(circuit, GENERIC, step=0.05 * UNITS.time_unit)
    expected = stationary_covariance(circuit_noise(LEAKY, GENERIC), REST, 0.0)[0, 0]
    assert within(settled_variance(noisy, "um", stop=1000), expected, 1000)


@pytest.mark.simulator
def test_numbers_that_ngspice_draws_are_white():
    """Lines between numbers of deviation A every NT: the variance is 2/3 A^2."""
    source = NoiseSource(name="v_n", positive="n", negative=GROUND, amplitude=0.3, step=1e-6)
    load = Resistor(name="r", positive="n", negative=GROUND, resistance=1e3)
    circuit = Circuit(name="white", devices=(source, load), probes=("n",))
    run = simulate(write_netlist(circuit, Transient(stop=4e-3, max_step=2.5e-7), TOLERANCES)).require()
    time, value = run["time"].to_numpy(), run["voltage"].sel(node="n").to_numpy()
    square = (value[1:] ** 2 + value[1:] * value[:-1] + value[:-1] ** 2) / 3  # of a line, exactly
    variance = float((square * np.diff(time)).sum() / time[-1])
    assert variance == pytest.approx(0.09 * 2 / 3, rel=4 * math.sqrt(2.5 / 4000))


@pytest.mark.simulator
def test_numbers_that_ngspice_draws_flicker():
    """A^2/f over a decade and a half, within the scatter of a periodogram's mean."""
    source = NoiseSource(name="v_n", positive="n", negative=GROUND, amplitude=0.3, step=1e-6, flicker=True)
    load = Resistor(name="r", positive="n", negative=GROUND, resistance=1e3)
    circuit = Circuit(name="flicker", devices=(source, load), probes=("n",))
    run = simulate(write_netlist(circuit, Transient(stop=20e-3, max_step=1e-6), TOLERANCES)).require()
    grid = np.arange(0.0, 20e-3, 1e-6)
    value = np.interp(grid, run["time"].to_numpy(), run["voltage"].sel(node="n").to_numpy())
    frequency, density = welch(value, fs=1e6, nperseg=2000)
    inside = (frequency > 2e3) & (frequency < 1e5)
    assert (density * frequency)[inside].mean() == pytest.approx(0.09, rel=0.15)


NOISE = {"node": "out", "source": "i_in", "start": 1.0, "stop": 1e3, "points": 5}


@pytest.mark.parametrize(
    ("given", "match"),
    [
        ({"start": 1e3, "stop": 1.0}, "stop must be larger than start"),
        ({"start": -1.0}, "start"),
        ({"points": 0}, "1 or more"),
        ({"source": "i_out"}, "names source i_out; known are i_in"),
        ({"node": "inn"}, "which is no node of the circuit"),
    ],
)
def test_an_analysis_that_cannot_be_is_refused(given, match):
    """A band with its ends exchanged, a negative frequency, sources and nodes that do not exist."""
    with pytest.raises(NetlistError, match=match):
        write_netlist(low_pass(), Noise(**{**NOISE, **given}), TOLERANCES)


def test_noise_needs_a_source_with_an_amplitude():
    """ngspice aborts without one; it is said before."""
    with pytest.raises(NetlistError, match="has no small_signal amplitude"):
        write_netlist(low_pass(0.0), Noise(**NOISE), TOLERANCES)


@pytest.mark.parametrize("dialect", ["xyce", "ltspice", "vacask", "verilog-a"])
def test_dialects_without_noise_say_so(dialect):
    """The analysis and sources over time, each in one sentence with what can do it."""
    with pytest.raises(NetlistError, match="ngspice only"):
        write_netlist(low_pass(), Noise(**NOISE), TOLERANCES, dialect=dialect)
    source = NoiseSource(name="v_n", positive="out", negative=GROUND, amplitude=0.3, step=1e-6)
    noisy = dataclasses.replace(low_pass(), devices=(*low_pass().devices, source))
    with pytest.raises(NetlistError, match="v_n: noise in time is drawn by ngspice only"):
        write_netlist(noisy, SmallSignal(start=1.0, stop=10.0, points=1), TOLERANCES, dialect=dialect)


@pytest.mark.parametrize(
    ("variables", "match"),
    [
        (("frequency", "onoise_spectrum"), "did not keep inoise_spectrum"),
        (("frequency", "onoise_spectrum", "inoise_spectrum"), "the frequencies go from"),
    ],
)
def test_a_plot_that_is_no_noise_is_refused(variables, match):
    """Columns that are missing, frequencies that were not asked for."""
    plot = Plot(
        name="Noise Spectral Density Curves", title="", variables=variables, kinds=("x",) * len(variables),
        values=np.ones((3, len(variables))),
    )  # fmt: skip
    with pytest.raises(WaveformError, match=match):
        densities(plot, Noise(**NOISE))


def test_what_a_device_adds_is_summed_in_powers():
    """Amplitudes of 3 and 4 from two terminals are a power of 25, of the channel 4, of one cause each."""
    names = ("frequency", "onoise_spectrum", "inoise_spectrum", "onoise.m.x.m1.rd", "onoise.m.x.m1.rs",
             "onoise.m.x.m1.id", "onoise_r.x.r1_thermal")  # fmt: skip
    asked = Noise(**NOISE)
    count = round(asked.points * np.log10(asked.stop / asked.start)) + 1
    frequency = np.geomspace(asked.start, asked.stop, count)
    values = np.column_stack([frequency, *(np.full(count, x) for x in (6.0, 3.0, 3.0, 4.0, 2.0, 1.5))])
    found = densities(
        Plot(name="", title="", variables=names, kinds=("x",) * len(names), values=values), asked
    )
    assert found["share"].sel(device="x.m1", cause="terminals").values == pytest.approx(25.0)
    assert found["share"].sel(device="x.m1", cause="channel").values == pytest.approx(4.0)
    assert found["share"].sel(device="x.r1", cause="thermal").values == pytest.approx(2.25)
    assert found["density"].values == pytest.approx(36.0) and found["transfer"].values == pytest.approx(2.0)
