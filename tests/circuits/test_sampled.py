"""The clocked circuit of maps: its parts, its clock, and what it refuses. ngspice runs in tests/excitable."""

import numpy as np
import pytest
import torch

from circuits.data.circuit import BehaviouralVoltage, CircuitError
from circuits.data.clock import EDGE, SHARE, Clock
from circuits.data.scaling import Scaling
from circuits.networks.continuous import network_circuit
from circuits.networks.sampled import sampled_network_circuit
from circuits.networks.single import neuron_circuit
from circuits.realisations.sampled import arithmetic, held_node, sampled
from conductance.layers import NeuronLayer, Projection
from conductance.networks import Network
from conductance.neurons import accumulator, dlif, dqif, mtc, qif
from conductance.stimulus import Stimulus

CLOCK = Clock(scaling=Scaling(), settling=5.0)


def network(neuron, *, inputs=2, size=3):
    return Network({"input": Projection(inputs, size), "layer": NeuronLayer(neuron, size, dt=1.0)})


def test_phases_do_not_overlap():
    """Over ten periods, edges included, never are both clocks above zero; each is high for its share of a period."""
    waves = [CLOCK.waveform(phase, first=2, periods=10) for phase in ("sample", "hold")]
    times = np.linspace(0, 12 * CLOCK.period, 120_001)
    sample, hold = (np.interp(times, *wave.corners()) for wave in waves)
    assert not ((sample > 0) & (hold > 0)).any()
    for wave in (sample, hold):
        assert wave[times < 2 * CLOCK.period].max() == 0
        assert wave.mean() * 12 == pytest.approx(10 * SHARE, rel=EDGE)


def test_only_the_quadratic_map_has_a_multiplier():
    """The leaky map and the accumulator are weighted sums of their state; DQIF's parabola is a source of its own."""
    assert [arithmetic(neuron, neuron.membrane)[1] for neuron in (dqif(), dlif(), accumulator())] == [
        True,
        False,
        False,
    ]
    names = {device.name for device in sampled(dqif(), Scaling()).devices}
    assert "b_u_map" in names
    assert "b_u_map" not in {device.name for device in sampled(dlif(), Scaling()).devices}


def test_the_window_of_training_is_not_in_the_circuit():
    """Only parameters that the circuit reads are declared."""
    assert {p.name for p in sampled(dqif(), Scaling()).parameters} == {
        "v0", "i0", "c0", "map_a", "map_u1", "map_u2", "map_u_th",
    }  # fmt: skip
    assert any(isinstance(device, BehaviouralVoltage) for device in sampled(accumulator(), Scaling()).devices)


def test_each_layer_starts_and_is_read_one_period_later():
    """Step t of layer l is held at the end of period t + l; the clocks of a layer begin with its first step."""
    torch.manual_seed(0)
    chain = Network({
        "input": Projection(2, 3), "first": NeuronLayer(dqif(), 3, dt=1.0),
        "between": Projection(3, 1), "second": NeuronLayer(accumulator(), 1, dt=1.0),
    })  # fmt: skip
    made = sampled_network_circuit(chain, np.ones((4, 2)), clock=CLOCK)
    assert made.reads["first"] / CLOCK.period == pytest.approx([1, 2, 3, 4])
    assert made.reads["second"] / CLOCK.period == pytest.approx([2, 3, 4, 5])
    assert made.duration == pytest.approx(5 * CLOCK.period)
    assert made.states["second"] == (f"second_0_{held_node(accumulator().membrane)}",)


@pytest.mark.parametrize(
    ("chain", "inputs", "message"),
    [
        (network(mtc()), np.ones((3, 2)), r"neuron mtc: it has a differential equation.*dqif"),
        (network(qif()), np.ones((3, 2)), r"neuron qif: it has a differential equation"),
        (network(dqif()), np.ones((3, 4)), r"shape \(3, 4\).*\(time, 2\)"),
        (network(dqif()), np.full((3, 2), np.nan), "finite"),
        (network(dqif()), np.ones((0, 2)), "at least one step"),
        (Network({"input": Projection(2, 3)}), np.ones((3, 2)), r"its layers are Projection; .*accumulator"),
    ],
)
def test_what_has_no_sampled_circuit_is_refused(chain, inputs, message):
    """The error names the neuron or the shape, and what to do."""
    with pytest.raises(CircuitError, match=message):
        sampled_network_circuit(chain, inputs, clock=CLOCK)


def test_the_continuous_path_names_the_sampled_one():
    """A map that is exported as a neuron of capacitors that integrate, or in a network, is told of the other way."""
    with pytest.raises(CircuitError, match=r"neuron dqif: it steps by a map.*circuits.networks.sampled"):
        neuron_circuit(dqif(), Stimulus(times=(0.0,), values=(0.1,)), scaling=Scaling())
    with pytest.raises(CircuitError, match=r"neuron dlif: it steps by a map.*excitable.ladder.maps"):
        network_circuit(network(dlif()), np.ones((3, 2)), dt=1.0, scaling=Scaling())


def test_a_clock_needs_time_to_settle():
    """Zero and infinite settling are refused by name."""
    for settling in (0.0, -1.0, float("inf"), float("nan")):
        with pytest.raises(CircuitError, match="settling"):
            Clock(scaling=Scaling(), settling=settling)
