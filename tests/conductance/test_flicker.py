"""Flicker noise: processes that add up to 1/f, start in their stationary law, and step alike on every back end."""

import dataclasses
import math

import numpy as np
import pytest
import sympy
import torch

from conductance import NeuronLayer, dqif, lif, mtc
from conductance.elements import DeclarationError
from conductance.layers.neurons import StepError
from conductance.neurons.flicker import flickering
from conductance.neurons.noisy import noisy, silent
from conductance.parameter import ParameterError
from conductance.shaping.noise import membrane_density, stationary_covariance
from conductance.storage import decode_neuron, encode_neuron

BAND = (1e-4, 1.0)
LEAKY = flickering(mtc(()), {"um": 0.05}, band=BAND)


def membrane(neuron):
    """The same neuron, whose output is its membrane."""
    return dataclasses.replace(neuron, output=neuron.membrane.symbol)


def test_processes_add_up_to_one_over_f():
    """From the declared capacities, amplitudes and the closed form of a process: within 12 %, 6 % inside."""
    numbers = LEAKY.substitutions()
    processes = [
        [float(sympy.sympify(each).subs(numbers)) for each in (p.capacity, p.noise["leak"], p.spread)]
        for p in LEAKY.processes
    ]
    assert len(processes) == 5
    f = np.geomspace(*BAND, 200)
    density = sum(2 * s**2 / (1 + (2 * math.pi * f * tau) ** 2) for tau, s, _ in processes)
    assert np.abs(density * f - 1).max() < 0.12
    inner = (f > 1e-3) & (f < 1e-1)
    assert np.abs(density * f - 1)[inner].max() < 0.06
    for tau, s, spread in processes:  # the start is the stationary law of a process
        assert spread**2 == pytest.approx(s**2 / (2 * tau), rel=1e-12)


def test_a_run_has_the_variance_of_linear_theory():
    """2000 membranes: the variance of a run's end over that of Lyapunov's equation, within four deviations."""
    layer = NeuronLayer(membrane(LEAKY), 2000, dt=0.1, method="exponential_euler")
    outputs, _ = layer(torch.zeros(150, 1, 2000), seed=4)
    at = {state.name: 0.0 for state in LEAKY.states}
    expected = stationary_covariance(LEAKY, at, 0.0)[0, 0]
    assert float(outputs[-1].var()) == pytest.approx(expected, rel=4 * math.sqrt(2 / 2000) + 0.02)
    density = membrane_density(LEAKY, at, 0.0, np.array([2 * math.pi * 1e-2]))
    assert density[0] * 1e-2 == pytest.approx(0.05**2 / (1 + (2 * math.pi * 1e-2) ** 2), rel=0.06)


def test_what_is_slower_than_a_run_is_an_offset_in_it():
    """Another one for each neuron, the same again with the same seed, of the deviation of the stationary law."""
    slow = flickering(mtc(()), {"um": 0.05}, band=(1e-8, 1e-7))
    layer = NeuronLayer(membrane(slow), 3000, dt=0.5, method="exponential_euler")
    outputs, _ = layer(torch.zeros(40, 1, 3000), seed=8)
    assert torch.equal(outputs, layer(torch.zeros(40, 1, 3000), seed=8)[0])
    settled = outputs[20:, 0]
    assert float((settled[-1] - settled[0]).abs().max()) < 0.01 * float(settled[-1].std())
    expected = 0.05 * math.sqrt(2 * math.log(10))  # of both ends' processes
    assert float(settled[-1].std()) == pytest.approx(expected, rel=4 / math.sqrt(2 * 3000))
    assert float((settled[-1] / expected).pow(4).mean()) == pytest.approx(
        3, abs=0.6
    )  # as normal numbers have


def test_a_state_that_is_given_is_not_drawn_again():
    """The end of one run is the beginning of the next."""
    layer = NeuronLayer(LEAKY, 5, dt=0.1)
    _, state = layer(torch.zeros(3, 2, 5), seed=1)
    _, after = layer(torch.zeros(1, 2, 5), state, seed=2)
    slowest = LEAKY.states.index(LEAKY.processes[0])
    assert torch.allclose(after[slowest], state[slowest], atol=0.2)
    assert not torch.allclose(state[slowest], torch.zeros(2, 5), atol=0.5)
    assert len(layer.initial_state(2)) == len(LEAKY.states)


def test_back_ends_agree():
    """The C kernel and the eager step, values and gradients, in double precision."""
    found = []
    for backend in ("eager", "auto"):
        layer = NeuronLayer(LEAKY, 7, dt=0.1, backend=backend, trainable=("flicker_um", "U_rest")).double()
        inputs = torch.randn(20, 3, 7, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
        outputs, state = layer(inputs.requires_grad_(), seed=6)
        (outputs.sum() + state[0].square().sum()).backward()
        found.append([outputs, *state, inputs.grad, *(p.grad for p in layer.parameters())])
    for eager, kernel in zip(*found, strict=True):
        assert torch.allclose(eager, kernel, rtol=1e-9, atol=1e-12)


def test_it_is_kept_in_files_and_taken_out_again():
    """The declaration reads back equal; silent gives the neuron without its processes, band and constraint."""
    both = flickering(noisy(mtc(), {"leak": 0.1}), {"um": 0.02, "us": 0.01}, band=BAND)
    assert decode_neuron(encode_neuron(both)) == both
    assert silent(both) == mtc()
    assert len(both.processes) == 10


@pytest.mark.parametrize(
    ("error", "match", "make"),
    [
        (DeclarationError, "both ends must be positive, the lower one first",
         lambda: flickering(mtc(), {"um": 0.1}, band=(1.0, 1e-3))),
        (DeclarationError, "both ends must be positive", lambda: flickering(mtc(), {"um": 0.1}, band=(0.0, 1.0))),
        (DeclarationError, "give two numbers", lambda: flickering(mtc(), {"um": 0.1}, band=("low", 1.0))),
        (DeclarationError, "band", lambda: flickering(mtc(), {"um": 0.1}, band=(math.nan, 1.0))),
        (DeclarationError, "its states are um$", lambda: flickering(lif(), {"v": 0.1}, band=BAND)),
        (DeclarationError, "neuron is 'lif'; give", lambda: flickering("lif", {"um": 0.1}, band=BAND)),
        (DeclarationError, "by the name of a state, as {'um'", lambda: flickering(lif(), 0.1, band=BAND)),
        (DeclarationError, "into um is 'a'; give a number", lambda: flickering(lif(), {"um": "a"}, band=BAND)),
        (DeclarationError, "into um is True; give", lambda: flickering(lif(), {"um": True}, band=BAND)),
        (DeclarationError, "give two numbers", lambda: flickering(lif(), {"um": 0.1}, band="12")),
        (DeclarationError, "longer than 20 decades", lambda: flickering(lif(), {"um": 0.1}, band=(1e-300, 1e300))),
        (DeclarationError, "declared in discrete time", lambda: flickering(dqif(), {"u": 0.1}, band=BAND)),
        (ParameterError, "flicker_um", lambda: flickering(mtc(), {"um": -0.1}, band=BAND)),
        (ParameterError, "flicker_um", lambda: flickering(mtc(), {"um": math.nan}, band=BAND)),
        (DeclarationError, "goes from flicker_low up to flicker_high", lambda: LEAKY.with_values(flicker_low=2.0)),
        (StepError, "hold none above 1/\\(2 dt\\) = 0.5/tau_m", lambda: NeuronLayer(LEAKY, 2, dt=1.0)),
    ],
)  # fmt: skip
def test_what_cannot_be_is_refused(error, match, make):
    """Ends of a band exchanged, unknown states, negative amplitudes, a band that steps cannot hold."""
    with pytest.raises(error, match=match):
        make()
