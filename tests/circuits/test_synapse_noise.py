"""Noise of outputs and synapses inside a network: the model's draws, its circuit's, and what is refused."""

import dataclasses
import math
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import sympy
import torch

from circuits import CircuitError
from circuits.data.circuit import voltage
from circuits.data.scaling import Scaling
from circuits.networks.continuous import network_circuit
from circuits.networks.noise import CircuitDraws
from circuits.networks.synapses import synapse_current
from circuits.noise import noisy_network, output_noise, silent_network, synapse_noise
from circuits.technologies import technology
from conductance import Network, NeuronLayer, Projection, mtc
from conductance.networks.chain import NetworkError
from conductance.networks.synapses import FULL, SynapseNoise, SynapseNoiseError, numbers
from conductance.neurons import dqif, low_pass
from conductance.storage import load_network, save_network
from excitable.ladder.options import CircuitOptions
from excitable.ladder.rungs import discrete_rung
from excitable.ladder.series import simulate

GENERIC = technology("generic_180nm")
FLAT = SynapseNoise(line=((2.0, 1.0, 0.5, 6.0),) * 2, excitatory=1.5, inhibitory=4.0, power=1e-3)
HALF = 0.5
"""Half the distance of an MTC neuron's thresholds, in V0."""


def network_of(synapses=None):
    """Three neurons, their readout and its filter; weights of both signs and one of zero."""
    torch.manual_seed(2)
    made = Network(
        {
            "input": Projection(1, 3),
            "hidden": NeuronLayer(mtc(), 3, dt=0.2),
            "readout": Projection(3, 2),
            "filter": NeuronLayer(low_pass(), 2, dt=0.2),
        },
        synapse_noise=synapses,
    )
    with torch.no_grad():
        made.chain["readout"].weight.copy_(torch.tensor([[0.5, -1.0, 0.0], [2.0, 0.3, -0.2]]))
    return made


def test_over_the_output_the_law_is_that_over_the_membrane():
    """The density of a weight's current: from the output stage's membrane and from its output, at every height."""
    found = synapse_noise(NeuronLayer(mtc(), 2, dt=0.2), GENERIC)
    law, own = output_noise(mtc(), GENERIC), mtc()
    assert found.sources == 2 and found.line[0] == found.line[1]
    a, b, c, full = found.line[0]
    for weight, factor in ((0.7, found.excitatory), (-0.7, found.inhibitory)):
        for u in (0.1, 0.5, 0.9):
            at = own.substitutions() | {own.membrane.symbol: u}
            s = float(law.output.subs(at))
            expected = float(law.copied(weight).subs(at))
            assert weight**2 * (a + b * s + c * s**2) + abs(weight) * factor * s == pytest.approx(expected)
        far = own.substitutions() | {own.membrane.symbol: 20.0}
        assert weight**2 * full + abs(weight) * factor == pytest.approx(float(law.copied(weight).subs(far)))


def test_thresholds_of_a_layer_decide():
    """A wider output stage passes less of its pair's noise: slope 1/(2 tanh(half)), neuron by neuron."""
    layer = NeuronLayer(mtc(), 2, dt=0.2, values={"U_sat": torch.tensor([1.0, 2.0])})
    narrow, wide = synapse_noise(layer, GENERIC).line
    sums = 2 * GENERIC.nmos.shot_factor + 2 * GENERIC.pmos.shot_factor
    middle = [row[0] + row[1] / 2 + row[2] / 4 for row in (narrow, wide)]
    rest = GENERIC.nmos.shot_factor + GENERIC.pmos.shot_factor / 2
    for found, half in zip(middle, (0.5, 1.0), strict=True):
        assert found == pytest.approx(sums / (2 * math.tanh(half)) + rest)


def test_currents_have_the_variance_of_their_density():
    """Held outputs: half, full and silent; densities over the step's length, and their sum over two sources."""
    steps, dt = 4000, 0.25
    outputs = torch.tensor([[0.5, 1.0], [0.5, 0.0], [0.0, 0.0]]).repeat(steps, 1, 1).double()
    weights = torch.tensor([[0.8, -0.5]]).double()
    found = FLAT.drawn(outputs, weights, dt=dt, seed=3)
    assert found.shape == (steps, 3, 1)
    half = 0.64 * (2 + 0.5 + 0.125) + 0.8 * 1.5 * 0.5
    full = 0.25 * 6.0 + 0.5 * 4.0
    expected = [1e-3 / dt * value for value in (half + full, half, 0.0)]
    assert found.var(0)[:, 0].tolist() == pytest.approx(expected, rel=4 * math.sqrt(2 / steps))
    assert found[:, 2].abs().max() == 0


def test_targets_of_one_source_share_its_line():
    """Large weights copy the line alone: two targets fluctuate together, by their weights; small ones do not add up."""
    quiet = dataclasses.replace(FLAT, excitatory=0.0, inhibitory=0.0)
    outputs = torch.full((200, 1, 2), 0.5).double()
    found = quiet.drawn(outputs, torch.tensor([[1.0, 0.0], [-3.0, 0.0]]).double(), dt=0.2, seed=1)[:, 0]
    assert torch.allclose(found[:, 1], -3 * found[:, 0])
    apart = quiet.drawn(outputs, torch.tensor([[1.0, 0.0], [0.0, 1.0]]).double(), dt=0.2, seed=1)[:, 0]
    assert abs(float(torch.corrcoef(apart.T)[0, 1])) < 0.25


def test_draws_are_those_of_a_layer_that_wide():
    """A counter's, not a stream's: the same in a longer run, in a larger batch, and as the circuit draws them."""
    outputs = torch.zeros(6, 2, 3)
    found = numbers(outputs, 5)
    assert torch.equal(found[:4], numbers(outputs[:4], 5))
    draws = CircuitDraws(seed=5, dt=0.2, steps=6)
    for lane in range(6):
        assert found[:, 0, lane].tolist() == pytest.approx(draws.numbers(lane, 0).tolist(), rel=1e-6)
    assert torch.equal(numbers(outputs[:, :1], 5)[:, 0], found[:, 0])


def test_gradients_are_those_of_the_same_draws():
    """By outputs and weights, against finite differences; none, and no nan, where nothing flows."""
    outputs = torch.tensor([[[0.3, 0.7], [0.0, 1.0]]]).double().requires_grad_()
    weights = torch.tensor([[0.8, -0.5], [0.0, 0.4]]).double().requires_grad_()

    def total(s, w):
        return (FLAT.drawn(s, w, dt=0.2, seed=9) * torch.tensor([1.0, -2.0])).sum()

    total(outputs, weights).backward()
    step = 1e-6
    moved = outputs.detach().clone()
    moved[0, 0, 0] += step
    slope = (total(moved, weights) - total(outputs, weights)) / step
    assert float(outputs.grad[0, 0, 0]) == pytest.approx(float(slope.detach()), rel=1e-4)
    heavier = weights.detach().clone()
    heavier[0, 1] += step
    slope = (total(outputs, heavier) - total(outputs, weights)) / step
    assert float(weights.grad[0, 1]) == pytest.approx(float(slope.detach()), rel=1e-4)
    assert bool(torch.isfinite(outputs.grad).all() and torch.isfinite(weights.grad).all())


def test_a_network_has_the_noise_of_its_synapses_and_loses_it():
    """The readout behind amplifiers, not the inputs'; a seed of its own; power scales it; silence takes it out."""
    plain = network_of()
    noisy = noisy_network(plain, GENERIC, power=9.0)
    assert noisy.noisy == ("hidden", "readout") and set(noisy.synapse_noise) == {"readout"}
    assert noisy.synapse_noise["readout"].power == pytest.approx(9 * GENERIC.scaling().shot_power)
    inputs = torch.full((300, 2, 1), 1.5)
    seeds, record = noisy.noise_seeds(4), {}
    with torch.no_grad():
        found = noisy(inputs, seed=4)[0]
        noisy(inputs, seed=4, record=record)
        sums = plain.chain["readout"](record["hidden"])[0]
        added = noisy.synapse_noise["readout"].drawn(
            record["hidden"], plain.chain["readout"].weights(), dt=0.2, seed=seeds["readout"]
        )
    assert torch.equal(found, noisy(inputs, seed=4)[0])
    assert not torch.equal(found, noisy(inputs, seed=5)[0])
    assert torch.allclose(record["readout"], sums + added) and float(added.abs().max()) > 0
    assert seeds["hidden"] == 4 != seeds["readout"]
    again = silent_network(noisy)
    assert not again.synapse_noise and torch.equal(again(inputs)[0], plain(inputs)[0])


def test_a_file_keeps_it(tmp_path):
    """Saved and loaded, a noisy network draws the same; as a part of another network, too."""
    noisy = noisy_network(network_of(), GENERIC, power=50.0)
    save_network(noisy, tmp_path)
    inputs = torch.full((30, 1, 1), 1.5)
    assert torch.equal(load_network(tmp_path)(inputs, seed=1)[0], noisy(inputs, seed=1)[0])
    assert set(Network({"whole": noisy}).synapse_noise) == {"whole_readout"}


def test_maps_have_none():
    """A sampled neuron's output is a comparator's; its kT/C is that of its states."""
    made = Network({"in": Projection(1, 2), "cells": NeuronLayer(dqif(), 2, dt=1.0), "out": Projection(2, 1)})
    noisy = noisy_network(made, GENERIC)
    assert noisy.noisy == ("cells",)


def test_the_circuit_has_the_law_and_the_draws():
    """The current into a target at given outputs, and a source of voltage for each of its draws."""
    units, found = Scaling(), synapse_noise(NeuronLayer(mtc(), 2, dt=0.2), GENERIC)
    current = synapse_current(found, np.array([0.5, -2.0]), "readout", {0: "a_out", 1: "b_out"}, units)
    for s in (-0.2, 0.4, 1.0):
        at = {voltage("a_out"): s * units.voltage_unit, voltage("b_out"): 0.0}
        a, b, c, full = found.line[0]
        line = 0.0 if s < 0 else full if s >= FULL else a + b * s + c * s**2
        own = 0.5 * found.excitatory * max(s, 0.0)
        for kind, density in (("line", 0.25 * line), ("own", own)):
            draw = {symbol: float(f"0_{kind}" in symbol.name) for symbol in current.free_symbols - set(at)}
            value = float(sympy.sympify(current).subs(at | draw))
            expected = units.current_unit * math.sqrt(found.power * density)
            assert abs(value) == pytest.approx(expected, rel=1e-4, abs=1e-20)
    noisy = noisy_network(network_of(), GENERIC)
    draws = CircuitDraws(seed=5, dt=0.2, steps=4)
    part = network_circuit(noisy, np.ones((4, 1)), dt=0.2, scaling=units, noise=draws, neurons=[1]).circuit
    sources = {device.name: device for device in part.devices}
    assert {"v_readout_1_line_noise", "v_readout_1_own_noise"} <= set(sources)
    assert not any(name.startswith("v_readout_0") for name in sources)
    own = dataclasses.replace(draws, seed=noisy.noise_seeds(5)["readout"])
    values = np.array(sources["v_readout_1_own_noise"].waveform.values) * math.sqrt(0.2)
    assert values.tolist() == pytest.approx(own.numbers(3 + 1, 0).tolist())


@pytest.mark.parametrize(
    ("error", "match", "make"),
    [
        (SynapseNoiseError, "power = -1.0 is negative", lambda: dataclasses.replace(FLAT, power=-1.0)),
        (SynapseNoiseError, "excitatory = nan; give a finite", lambda: dataclasses.replace(FLAT, excitatory=math.nan)),
        (SynapseNoiseError, "line of source 1 = -.*is negative", lambda: dataclasses.replace(
            FLAT, line=((1.0, 0.0, 0.0, 1.0), (1.0, -3.0, 0.0, 1.0)))),
        (SynapseNoiseError, "line of source 0 at s = 1 = -2.0", lambda: dataclasses.replace(
            FLAT, line=((1.0, 0.0, 0.0, -2.0),))),
        (SynapseNoiseError, "rows of \\[3\\] numbers; give each source four", lambda: dataclasses.replace(
            FLAT, line=((1.0, 0.0, 0.0),))),
        (NetworkError, "synapses of 'hidden' is a SynapseNoise; .* one of its projections, input, readout",
         lambda: network_of({"hidden": FLAT})),
        (NetworkError, "synapses of readout is that of 2 sources, and 3 go in", lambda: network_of({"readout": FLAT})),
        (CircuitError, "synapses of readout are declared with noise; say which draws", lambda: network_circuit(
            network_of({"readout": dataclasses.replace(FLAT, line=FLAT.line[:1] * 3)}), np.ones((4, 1)), dt=0.2,
            scaling=Scaling())),
        (CircuitError, "is no clipped line", lambda: synapse_noise(NeuronLayer(low_pass(), 1, dt=0.2), GENERIC)),
    ],
)  # fmt: skip
def test_what_is_no_noise_of_synapses_is_refused(error, match, make):
    """One error names the density, the projection or the source, and what is allowed."""
    with pytest.raises(error, match=match):
        make()


@pytest.mark.simulator
def test_a_netlist_follows_the_model_through_the_noise_of_its_synapses():
    """A readout of loud synapses alone: without noise far off, with it as near as two silent ones are."""
    silent = network_of()
    with torch.no_grad():
        silent.chain["input"].weight.fill_(1.0)
        silent.chain["input"].bias.fill_(0.4)
    made = synapse_noise(silent.chain["hidden"], GENERIC, power=2000.0)
    loud = Network(dict(silent.chain), synapse_noise={"readout": made})
    inputs = np.full((150, 1), 0.6)
    options = CircuitOptions(scaling=Scaling(), relative=1e-5)
    away = {}
    with ThreadPoolExecutor(1) as executor:
        for name, network, seed in (("silent", silent, None), ("loud", loud, 3)):
            model = discrete_rung(network, inputs, dt=0.2, noise_seed=seed)
            chosen = dataclasses.replace(options, noise_seed=seed)
            circuit = simulate(network, inputs, dt=0.2, options=chosen, executor=executor)
            found = np.interp(model.time, circuit.time, circuit.output[:, 0])
            away[name] = model.output[:, 0], found
    noise = [loud - still for loud, still in zip(away["loud"], away["silent"], strict=True)]
    assert noise[0].std() > 0.01
    assert np.corrcoef(*noise)[0, 1] > 0.98
    assert noise[1].std() == pytest.approx(noise[0].std(), rel=0.1)
