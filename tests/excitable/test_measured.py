"""The measured law: sweeps of a neuron's parts, composed, do what the whole circuit does."""

from dataclasses import replace

import numpy as np
import pytest

from circuits.measured import MeasureError, measured_neuron
from circuits.measured.relaxation import TIMES, fit_relaxation
from circuits.measured.sweeps import RADIAN
from circuits.networks.single import neuron_circuit
from circuits.realisations import realise
from circuits.technologies import technology
from conductance.elements import tanh
from conductance.layers import NeuronLayer
from conductance.neurons import lif, mtc
from conductance.shaping.integrate import integrate
from conductance.stimulus import Stimulus
from excitable.ladder.measured import measure, sweep_parts
from netlists.analyses import Tolerances, Transient
from netlists.comparison.crossings import upward_crossings
from netlists.simulation import simulate
from netlists.writing import write_netlist

TONIC = mtc((tanh("fast", -2.0), tanh("slow", 2.0)))
START = (-1.0, -1.0)
STOP = 160.0


def circuit_spikes(neuron, built, scaling, current, *, relative=1e-6, step=0.1):
    """Upward crossings of 0 (tau_m) and the voltage over time of the whole circuit."""
    circuit = neuron_circuit(
        neuron, Stimulus.constant(current), scaling=scaling, start=START, realisation=built
    )
    tolerances = Tolerances(relative=relative, current=1e-16, voltage=1e-10, charge=1e-19, conductance=1e-16)
    unit = scaling.time_unit
    found = simulate(
        write_netlist(circuit, Transient(stop=STOP * unit, max_step=step * unit), tolerances)
    ).require()
    voltage = found["voltage"].sel(node=circuit.probes[0]).to_numpy() / scaling.voltage_unit
    time = found["time"].to_numpy() / unit
    return upward_crossings(time, voltage, threshold=0.0)[0], time, voltage


def law_spikes(made, current):
    """The same of the measured law."""
    trace = integrate(made.neuron, Stimulus.constant(current), STOP, start=made.start(START))
    time = np.linspace(0, STOP, 3201)
    return upward_crossings(time, trace.at(time)[:, 0], threshold=0.0)[0], time, trace.at(time)[:, 0]


@pytest.fixture(scope="module")
def transistors():
    """A tonic neuron of generic transistors: its circuit, its sweeps, its law."""
    chosen = technology("generic_180nm")
    scaling = chosen.scaling()
    built = realise(TONIC, "transistor", technology=chosen, scaling=scaling)
    swept = sweep_parts(TONIC, built, scaling)
    return built, scaling, swept, measured_neuron(TONIC, swept)


@pytest.mark.simulator
@pytest.mark.parametrize("current", [-0.7, -0.4])
def test_the_law_fires_when_the_transistors_do(transistors, current):
    """Every spike, within 0.15 tau_m in the median, at inputs that no sweep knew; the declared equation misses more."""
    built, scaling, _, made = transistors
    spikes, time, voltage = circuit_spikes(TONIC, built, scaling, current)
    found, at, law = law_spikes(made, current)
    assert found.size == spikes.size >= 3
    late = np.abs(found - spikes)
    assert np.median(late) < 0.15
    declared = integrate(TONIC, Stimulus.constant(current), STOP, start=START)
    own = upward_crossings(at, declared.at(at)[:, 0], threshold=0.0)[0]
    count = min(own.size, spikes.size)
    assert late.max() < 0.1 * np.abs(own[:count] - spikes[:count]).max()
    assert np.sqrt(np.mean((law - np.interp(at, time, voltage)) ** 2)) < 0.1


@pytest.mark.simulator
@pytest.mark.vacask
def test_both_simulators_measure_the_same_law():
    """Currents, output and admittance of amplifiers, swept in ngspice and in VACASK, to 1e-6 of their units."""
    chosen = technology("generic_180nm")
    scaling = chosen.scaling()
    built = realise(TONIC, "macromodel", technology=chosen, scaling=scaling)
    first, second = (sweep_parts(TONIC, built, scaling, simulator) for simulator in ("ngspice", "vacask"))
    for name, element in first.elements.items():
        np.testing.assert_allclose(second.elements[name].base, element.base, rtol=0, atol=1e-6)
    np.testing.assert_allclose(second.fixed.current, first.fixed.current, rtol=0, atol=1e-6)
    np.testing.assert_allclose(second.fixed.output, first.fixed.output, rtol=0, atol=1e-6)
    np.testing.assert_allclose(second.admittance, first.admittance, rtol=0, atol=1e-6)


@pytest.mark.simulator
@pytest.mark.slow
def test_followers_as_filters_are_measured_too():
    """With filters of amplifiers that slew the law still has every spike of the transistors."""
    chosen = technology("generic_180nm")
    scaling = chosen.scaling()
    neuron = mtc((tanh("fast", -2.0), tanh("slow", 2.0)), filter_limit=1.0)
    built = realise(neuron, "transistor", technology=chosen, scaling=scaling)
    made = measure(neuron, built, scaling)
    spikes, *_ = circuit_spikes(neuron, built, scaling, -0.7)
    found, *_ = law_spikes(made, -0.7)
    assert found.size == spikes.size >= 3
    assert np.median(np.abs(found - spikes)) < 0.15


@pytest.mark.simulator
def test_gain_and_offset_scale_and_move_an_element(transistors):
    """With another gain and offset of the fast element the law agrees with transistors that were built for them."""
    _, scaling, _, made = transistors
    values = {"alpha_f_minus": 2.2, "delta_f_minus": -0.05}
    other = TONIC.with_values(**values)
    # the same transistors: sizes are made for the largest bias current
    rebuilt = realise(other, "transistor", technology=technology("generic_180nm"), scaling=scaling, bias=2e-9)
    moved = replace(made, neuron=made.neuron.with_values(**values))
    spikes, *_ = circuit_spikes(other, rebuilt, scaling, -0.7)
    found, *_ = law_spikes(moved, -0.7)
    unmoved, *_ = law_spikes(made, -0.7)
    assert found.size == spikes.size >= 3
    late = np.abs(found - spikes).max()
    # scale and shift are first order: 0.7 tau_m was measured, where the unmoved law is off by several
    assert late < 1.0
    count = min(unmoved.size, spikes.size)
    assert late < 0.2 * np.abs(unmoved[:count] - spikes[:count]).max()


@pytest.mark.simulator
def test_the_law_is_a_neuron_like_any_other(transistors):
    """A layer steps it by the compiled kernel, as the eager step does, with gradients to gains."""
    *_, made = transistors
    found = []
    inputs = np.full((200, 2, 3), -0.6, np.float32)
    for backend in ("eager", "c"):
        layer = NeuronLayer(
            made.neuron, 3, dt=0.2, method="heun", trainable=("alpha_f_minus",), backend=backend
        )
        tensor = layer.raw_alpha_f_minus.new_tensor(inputs)
        output, _ = layer(tensor)
        output.square().sum().backward()
        found.append((output.detach(), layer.raw_alpha_f_minus.grad))
    (eager, slope), (fast, fast_slope) = found
    assert (eager - fast).abs().max() < 1e-3
    assert fast_slope.abs().min() > 0
    assert (slope - fast_slope).abs().max() < 1e-2 * slope.abs().max()


def test_relaxations_are_found_where_there_are_some():
    """The admittance of a capacitor and of three charges that follow it gives back their sizes."""
    rng = np.random.default_rng(3)
    sizes = rng.uniform(0.02, 0.3, (7, 1 + len(TIMES)))
    conductance = rng.uniform(-2, 2, (7, 1))
    follow = [np.ones_like(RADIAN), *(1 / (1 + 1j * RADIAN * time) for time in TIMES)]
    admittance = conductance + 1j * RADIAN * (sizes @ np.array(follow))
    # the static conductance is read at the lowest frequency, where charges still follow almost at once
    found, residual = fit_relaxation(admittance, RADIAN)
    assert found == pytest.approx(sizes, abs=0.02)
    assert residual < 0.02


def test_neurons_that_cannot_be_measured_are_refused():
    """A neuron with events names what is allowed."""
    chosen = technology("generic_180nm")
    built = realise(TONIC, "transistor", technology=chosen)
    with pytest.raises(MeasureError, match="events"):
        sweep_parts(lif(), built, chosen.scaling())


@pytest.mark.simulator
def test_sweeps_of_another_neuron_are_refused(transistors):
    """The elements are held against the neuron's, in a sentence that names both."""
    _, _, swept, _ = transistors
    with pytest.raises(MeasureError, match="f_minus, s_plus"):
        measured_neuron(mtc((tanh("fast", -2.0),)), swept)
