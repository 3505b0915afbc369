"""The continuous equation of a network against scipy and against the discrete network as dt shrinks."""

import numpy as np
import pytest
import torch
from scipy.integrate import solve_ivp

from conductance.layers import NeuronLayer, Projection
from conductance.networks import Network
from conductance.networks.continuous import ContinuousError, integrate_network
from conductance.neurons import lif, low_pass, mtc

HELD = np.array([[-0.7], [0.4], [-1.5], [0.9]]).repeat(20, axis=0)


def series(dt: float, method: str = "forward_euler", size: int = 5) -> Network:
    """The same small network at any dt."""
    torch.manual_seed(0)
    chain = Network(
        {
            "encoder": Projection(1, size),
            "hidden": NeuronLayer(mtc(), size, dt=dt, method=method),
            "readout": Projection(size, 1),
            "filter": NeuronLayer(low_pass(), 1, dt=dt, method="exponential_euler"),
        }
    )
    chain.layers["encoder"].bias.data = -torch.linspace(0, 2, size)
    return chain.double()


def test_one_neuron_is_the_published_equation():
    """A single MTC neuron, its equation typed here once more as an independent check, agrees to 1e-6 V0."""
    network = Network({"only": NeuronLayer(mtc(), 1, dt=0.2)}).double()
    found = integrate_network(network, HELD, dt=0.2)

    def slope(_, y, current):
        u, s, us = y
        drive = (
            current - u + 2 * np.tanh(u) - 2 * np.tanh(s) + 1.5 * np.tanh(s + 0.9) - 1.5 * np.tanh(us + 0.9)
        )
        return [drive, (u - s) / 20, (u - us) / 400]

    state, expected = np.zeros(3), []
    for (value,) in HELD:
        state = solve_ivp(slope, (0, 0.2), state, args=(value,), rtol=1e-10, atol=1e-12).y[:, -1]
        expected.append(state[0])
    # parameters pass through float32 (softplus), hence 1e-6 and not the solver's tolerance
    assert np.abs(found.states["only"][4::4, 0, 0] - expected).max() < 1e-6


@pytest.mark.parametrize(("method", "order"), [("forward_euler", 1), ("exponential_euler", 1), ("heun", 2)])
def test_discretisation_error_shrinks_at_the_rule_s_order(method, order):
    """Halving dt divides the membrane's rms distance from the continuous equation by 2^order."""
    exact = integrate_network(series(0.2), HELD, dt=0.2).states["hidden"][4::4, 0]
    errors = []
    for divisor in (4, 8):
        record: dict = {}
        inputs = torch.tensor(HELD.repeat(divisor, axis=0))[:, None]
        with torch.no_grad():
            series(0.2 / divisor, method)(inputs, record=record)
        membrane = np.stack([states[0][0].numpy() for states in record["hidden.states"]])[
            divisor - 1 :: divisor
        ]
        errors.append(np.sqrt(((membrane - exact) ** 2).mean()))
    assert np.log2(errors[0] / errors[1]) == pytest.approx(order, abs=0.15)


def test_events_have_no_continuous_network():
    """A network of LIF neurons stops at the discrete rung, and the error says which layer."""
    with pytest.raises(ContinuousError, match="layer spiking"):
        integrate_network(Network({"spiking": NeuronLayer(lif(), 2, dt=0.2)}), np.zeros((3, 2)), dt=0.2)


def test_filtered_output_comes_without_a_delay():
    """With Heun and the alternating filter the network's own output is of order 2: halving dt quarters its error."""
    exact = integrate_network(series(0.2), HELD, dt=0.2).outputs["filter"][4::4, 0]
    errors = []
    for divisor in (2, 4, 8):
        chain = series(0.2 / divisor, "heun")
        steady = NeuronLayer(low_pass(), 1, dt=0.2 / divisor, method="alternating_euler").double()
        chain.layers["filter"] = steady
        with torch.no_grad():
            output, _ = chain(torch.tensor(HELD.repeat(divisor, axis=0))[:, None])
        errors.append(np.abs(output[divisor - 1 :: divisor, 0, 0].numpy() - exact).max())
    orders = np.log2(np.array(errors[:-1]) / errors[1:])
    assert orders.min() > 1.7
