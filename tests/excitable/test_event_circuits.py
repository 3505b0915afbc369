"""Event-based networks in ngspice: every spike of the declared equation, and the known shift against the ideal one."""

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import torch

from circuits.data.circuit import CircuitError
from circuits.data.scaling import Scaling
from circuits.networks.events import event_network_circuit
from conductance.errors import ExcitableError
from conductance.events import EventLayer, EventNetwork, Spikes, synaptic_lif, theta
from conductance.neurons import qif
from conductance.shaping.integrate import integrate
from conductance.stimulus import Arrivals, Stimulus
from excitable.ladder.events import (
    UNDECIDED,
    EventCircuitOptions,
    compare_events,
    declared_events,
    exact_events,
    export_events,
    first_to_spike,
    simulate_events,
    trains_of,
)

DTYPE = torch.float64


def network(neuron, *, mean, spread, seed=0, voltage=0.0):
    """3 inputs, 4 hidden and 2 output neurons."""
    random = torch.Generator().manual_seed(seed)
    shape = {"mean": torch.tensor(mean, dtype=DTYPE), "spread": spread, "generator": random}
    layers = {
        "hidden": EventLayer(neuron, 3, 4, **shape, initial_voltage=torch.full((4,), voltage, dtype=DTYPE)),
        "output": EventLayer(neuron, 4, 2, **shape),
    }
    return EventNetwork(layers).to(DTYPE)


def latencies(*trials, end=4.0):
    return Spikes.of_latencies(torch.tensor(trials, dtype=DTYPE), end=end)


TRIALS = latencies((0.3, 1.0, 1.6), (1.2, 0.4, torch.inf), (0.8, 0.82, 0.2))


def in_ngspice(net, spikes):
    with ThreadPoolExecutor(1) as one:
        return simulate_events(net, spikes, executor=one)


@pytest.mark.simulator
@pytest.mark.parametrize(
    ("neuron", "weights"),
    [
        (qif(V_peak=10.0), {"mean": 9.0, "spread": 10.0}),
        (qif(tau=1.5, V_peak=10.0, name="slower"), {"mean": 9.0, "spread": 10.0}),
        (theta(V_peak=10.0), {"mean": 0.3, "spread": 0.6, "voltage": -0.5}),
        (synaptic_lif(), {"mean": 10.0, "spread": 12.0}),
    ],
    ids=["qif", "slower qif", "theta", "lif"],
)
def test_the_circuit_spikes_as_declared(neuron, weights):
    """Weights of both signs, three trials: no spike missing or extra, a median error below 0.01 tau."""
    net = network(neuron, **weights)
    declared = declared_events(net, TRIALS)
    result = compare_events(declared, in_ngspice(net, TRIALS), name="declared")
    assert result.spikes > 15
    assert min(float(layer.weight.detach().min()) for layer in net.layers.values()) < 0
    assert (result.missing, result.extra) == (0, 0)
    assert result.median_error < 0.01
    assert result.same_class == 1.0


def test_the_declared_equation_becomes_the_exact_one():
    """At a peak of 2000 the integrator has the exact layers' spikes up to the time 1/2000 from there to infinity."""
    net = network(qif(V_peak=2000.0), mean=9.0, spread=4.0)
    exact, declared = exact_events(net, TRIALS), declared_events(net, TRIALS)
    trains = [(trains_of(exact[label]), trains_of(declared[label])) for label in exact]
    for ours, theirs in (pair for layers in trains for pair in zip(*layers, strict=True)):
        assert len(ours) == len(theirs)
        assert theirs == pytest.approx(ours, abs=2e-3)


@pytest.mark.simulator
def test_a_finite_peak_comes_earlier_as_derived():
    """From peak to infinity a small current takes tau ln(V_p/(V_p - 1)); the ideal model is later by it."""
    weight = torch.tensor([[4.0], [8.0], [16.0]], dtype=DTYPE)
    net = EventNetwork({"one": EventLayer(qif(V_peak=10.0), 1, 3, weight=weight).to(DTYPE)})
    spikes = latencies((0.5,))
    ideal, circuit = exact_events(net, spikes)["one"], in_ngspice(net, spikes)["one"]
    earlier = np.array([a[0] - b[0] for a, b in zip(trains_of(ideal), trains_of(circuit), strict=True)])
    assert earlier == pytest.approx(np.log(10 / 9), abs=0.004)


@pytest.mark.simulator
def test_spikes_come_back_in_a_recurrent_layer():
    """Neuron 0 excites neuron 1, whose spikes stop it: both spike as the integrator says under each other's spikes."""
    layer = EventLayer(
        qif(V_peak=10.0), 1, 2, weight=torch.tensor([[40.0], [0.0]], dtype=DTYPE),
        recurrent_weight=torch.tensor([[0.0, -200.0], [100.0, 0.0]], dtype=DTYPE),
    ).to(DTYPE)  # fmt: skip

    def alone(*arrivals):
        times, weights = zip(*arrivals, strict=True)
        return integrate(
            layer.neuron, Stimulus.constant(0.0), 4.0, arrivals=Arrivals(times, weights)
        ).spikes.tolist()

    free = alone((0.5, 40.0))
    second = alone((free[0], 100.0))
    assert free[0] < second[0] < free[1]
    net = EventNetwork({"both": layer})
    circuit = trains_of(in_ngspice(net, latencies((0.5,)))["both"])
    assert circuit[0] == pytest.approx(free[:1], abs=0.005)
    assert circuit[1] == pytest.approx(second, abs=0.005)


def test_comparison_counts_what_it_says():
    """One spike late by 0.1, one missing, one extra, another class in one of two trials, and none in neither."""
    ours = Spikes.of_trains([[(1.0, 0), (2.0, 1)], [(1.0, 1)], []], size=2, end=4.0, dtype=DTYPE)
    theirs = Spikes.of_trains([[(1.1, 0)], [(0.5, 0), (1.0, 1)], []], size=2, end=4.0, dtype=DTYPE)
    result = compare_events({"out": ours}, {"out": theirs}, name="ours")
    assert (result.spikes, result.missing, result.extra, result.trials) == (3, 1, 1, 3)
    assert sorted(result.errors) == pytest.approx([0.0, 0.1])
    assert result.matched == pytest.approx(2 / 4)
    assert result.same_class == pytest.approx(2 / 3)
    assert result.decided == pytest.approx(2 / 3)
    assert first_to_spike(theirs).tolist() == [0, 0, UNDECIDED]


def test_the_last_layer_decides():
    """Where the first layers differ and the last ones agree, the class is the same."""
    one, other = (Spikes.of_trains([[(1.0, k)]], size=2, end=4.0, dtype=DTYPE) for k in (0, 1))
    assert compare_events({"a": one, "b": one}, {"a": other, "b": one}, name="ours").same_class == 1.0
    assert compare_events({"a": one, "b": one}, {"a": one, "b": other}, name="ours").same_class == 0.0


def test_an_exported_trial_is_a_whole_bench():
    """One netlist for each trial, each with its own name and all synapses; a silent input has no source."""
    net = network(qif(V_peak=10.0), mean=9.0, spread=4.0)
    netlists = export_events(net, TRIALS, EventCircuitOptions(), name="yin_yang")
    assert [netlist.name for netlist in netlists] == ["yin_yang_0", "yin_yang_1", "yin_yang_2"]
    circuits = [event_network_circuit(net, TRIALS.select([k]), scaling=Scaling()).circuit for k in range(2)]
    synapses = [sum(device.name.startswith("g_") for device in circuit.devices) for circuit in circuits]
    assert synapses == [3 * 4 + 4 * 2, 2 * 4 + 4 * 2]


def test_what_has_no_circuit_is_refused():
    """Several trials, delays, and a second neuron of the same name are named with what to do."""
    net = network(qif(V_peak=10.0), mean=9.0, spread=4.0)
    with pytest.raises(CircuitError, match=r"received 3 trials of 3 inputs; give one trial"):
        event_network_circuit(net, TRIALS, scaling=Scaling())
    late = EventNetwork({"late": EventLayer(qif(), 3, 2, delay=0.1)})
    with pytest.raises(CircuitError, match="layer late: there is no circuit of a delayed synapse"):
        event_network_circuit(late, TRIALS.select([0]), scaling=Scaling())
    mixed = EventNetwork({"a": EventLayer(qif(), 3, 2), "b": EventLayer(qif(V_peak=10.0), 2, 2)})
    with pytest.raises(CircuitError, match="layer b: another layer has a different neuron named qif"):
        event_network_circuit(mixed, TRIALS.select([0]), scaling=Scaling())
    with pytest.raises(ExcitableError, match=r"layer late: .* without recurrence and delays"):
        declared_events(late, TRIALS)
