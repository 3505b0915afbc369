"""Networks of maps in ngspice, against the model step by step."""

import numpy as np
import pytest
import torch

from circuits.data.circuit import CircuitError
from circuits.data.clock import Clock
from circuits.technologies import technology
from conductance.layers import NeuronLayer, Projection
from conductance.networks import Network
from conductance.neurons import accumulator, dlif, dqif
from excitable.ladder.maps import (
    SCALING,
    SampledOptions,
    SampledRun,
    compare_sampled,
    export_sampled,
    model_steps,
    sampled_energy,
    simulate_sampled,
)

MAPS = {
    "dqif": dqif(),
    "other dqif": dqif(a=0.4, u1=-0.3, u2=0.6, u_th=0.7),
    "dlif": dlif(),
    "accumulator": accumulator(keep=0.9),
}


def single(neuron, size=3):
    """A layer whose neurons receive the inputs themselves."""
    chain = Network({"input": Projection(size, size), "layer": NeuronLayer(neuron, size, dt=1.0)})
    with torch.no_grad():
        chain.chain["input"].weight.copy_(torch.eye(size))
    return chain


@pytest.mark.simulator
@pytest.mark.parametrize("neuron", MAPS.values(), ids=MAPS)
def test_the_circuit_follows_the_recurrence(neuron):
    """100 steps of random inputs: within 1e-3 V0 at every step, the same spikes. Every declared map has a circuit."""
    inputs = np.random.default_rng(1).normal(0.1, 0.5, (100, 1, 3))
    chain = single(neuron)
    found = compare_sampled(chain, model_steps(chain, inputs), simulate_sampled(chain, inputs))
    assert found.worst < 1e-3
    assert found.differing == 0
    assert found.spikes > 10 or neuron.event is None


@pytest.mark.simulator
def test_layers_form_a_pipeline(tmp_path):
    """Two layers of other maps with biases and an accumulator, two samples, kept and not simulated twice."""
    torch.manual_seed(3)
    chain = Network({
        "input": Projection(4, 5), "first": NeuronLayer(dqif(), 5, dt=1.0),
        "between": Projection(5, 4), "second": NeuronLayer(dlif(), 4, dt=1.0),
        "readout": Projection(4, 2), "answer": NeuronLayer(accumulator(), 2, dt=1.0),
    })  # fmt: skip
    with torch.no_grad():
        for name in ("input", "between", "readout"):
            chain.chain[name].weight.mul_(2.5)
            chain.chain[name].bias.copy_(torch.linspace(-0.2, 0.3, chain.chain[name].outputs))
    inputs = np.random.default_rng(2).normal(0, 1, (8, 2, 4))
    done = []
    circuit = simulate_sampled(
        chain, inputs, keep=tmp_path, progress=lambda count, total: done.append((count, total))
    )
    model = model_steps(chain, inputs)
    found = compare_sampled(chain, model, circuit)
    assert found.worst < 1e-3
    assert found.differing == 0
    assert found.spikes > 5
    assert found.same_class == 1
    assert done == [(1, 2), (2, 2)]
    stamps = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*.raw")}
    simulate_sampled(chain, inputs, keep=tmp_path, resume=True)
    assert stamps == {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*.raw")}


@pytest.mark.simulator
def test_a_faster_clock_errs_by_what_is_left_of_a_phase():
    """The leaky map has one pole: what a phase leaves of a step falls by exp(2) for two more time constants."""
    inputs = np.random.default_rng(4).normal(0, 0.1, (12, 1, 2))  # too small to spike
    chain = single(dlif(), 2)
    errors = []
    for settling in (4.0, 6.0):
        options = SampledOptions(clock=Clock(scaling=SCALING, settling=settling), relative=1e-6)
        circuit = simulate_sampled(chain, inputs, options)
        errors.append(compare_sampled(chain, model_steps(chain, inputs), circuit).worst)
    assert np.log(errors[0] / errors[1]) == pytest.approx(2.0, rel=0.1)


def test_energy_of_known_steps():
    """One neuron that goes from 0 to 1 V0 and stays: both capacitors once, and what its input draws in two periods."""
    chain = single(dlif(), 1)
    clock = Clock(scaling=SCALING, settling=10.0)
    run = SampledRun(states={"layer": np.array([[[1.0]], [[1.0]]])}, outputs={"layer": np.zeros((2, 1, 1))})
    inputs = np.full((2, 1, 1), 0.5)
    card = technology("generic_180nm")
    energy = sampled_energy(chain, inputs, run, clock, card)
    assert energy.charging == pytest.approx(2 * card.supply * SCALING.capacitance * SCALING.voltage_unit)
    assert energy.synapses == pytest.approx(card.supply * SCALING.current_unit * clock.period * 2 * 0.5)
    with torch.no_grad():
        chain.chain["input"].weight.neg_()
    assert sampled_energy(chain, inputs, run, clock, card).synapses == pytest.approx(energy.synapses)
    quadratic = sampled_energy(single(dqif(), 1), inputs, run, clock, card)
    assert quadratic.amplifiers / energy.amplifiers == pytest.approx(4 / 3)  # with the multiplier
    half = sampled_energy(chain, inputs, run, Clock(scaling=SCALING, settling=5.0), card)
    assert half.amplifiers == pytest.approx(energy.amplifiers / 2)


def test_inputs_need_three_axes():
    """The error names the axes."""
    with pytest.raises(CircuitError, match=r"\(time, batch, feature\)"):
        export_sampled(single(dqif()), np.ones((3, 3)))
