"""Coded weights: whole numbers of a unit, rounded in every form of the network, and learnt through."""

import copy

import numpy as np
import pytest
import torch

from conductance.layers import Code, NeuronLayer, Projection, Recurrence
from conductance.networks import RECIPES, Network, coded, series_network
from conductance.networks.continuous import integrate_network
from conductance.neurons import lif
from conductance.parameter import ParameterError
from conductance.storage import load_network, save_network
from conductance.variation import CodeSpread, Mismatch, draw_deviations, varied_network, varied_state


def network(bits, hidden=6, seed=0):
    drawn = series_network(
        RECIPES["mtc"], inputs=2, hidden=hidden, outputs=1, dt=0.2, low_pass_tau=2.0,
        generator=torch.Generator().manual_seed(seed),
    )  # fmt: skip
    return coded(drawn, bits)


@pytest.mark.parametrize("bits", [2, 3, 4, 6, 8, 12])
def test_a_weight_is_the_nearest_whole_number_of_units(bits):
    """Codes of either sign up to 2^(bits - 1) - 1; inside the full scale no weight is farther than half a unit."""
    weights = torch.randn(7, 5, generator=torch.Generator().manual_seed(bits))
    code = Code(bits=bits)
    unit, codes, made = code.unit(weights), code.codes(weights), code.coded(weights)
    assert torch.equal(made, codes * unit)
    assert codes.abs().max() == code.levels == 2 ** (bits - 1) - 1
    inside = weights.abs() <= unit * (code.levels + 0.5)
    assert ((made - weights).abs()[inside] <= unit / 2 * (1 + 1e-5)).all()
    assert torch.equal(code.codes(-weights), -codes)


def test_the_full_scale_has_the_least_squared_error():
    """One outlier of 4 among weights of 1 does not take the steps of the others: it saturates; alone it is exact."""
    code = Code(bits=3)
    weights = torch.cat([torch.linspace(-1, 1, 200), torch.tensor([1.5])])
    errors = {scale: float((scale / 3 * (weights / (scale / 3)).round().clamp(-3, 3) - weights).square().sum())
              for scale in np.linspace(0.2, 1.5, 400)}  # fmt: skip
    made = float((code.coded(weights) - weights).square().sum())
    assert made <= 1.05 * min(errors.values())
    assert made < 0.8 * errors[1.5]
    assert float(code.unit(torch.tensor([0.0, -2.0]))) == pytest.approx(2 / 3)


def test_zeros_have_a_unit_and_stay_zero():
    """A layer that is switched off altogether is no division by zero; NaN stays to be found by others."""
    code = Code(bits=4)
    assert torch.equal(code.coded(torch.zeros(3)), torch.zeros(3)) and float(code.unit(torch.zeros(3))) > 0
    assert torch.isnan(code.coded(torch.tensor([float("nan"), 1.0])))[0]


def test_gradients_pass_straight_through():
    """The gradient at the weights is that at the codes times unit, whatever the rounding did."""
    layer = Projection(3, 2, generator=torch.Generator().manual_seed(0), code=Code(bits=3))
    plain = Projection(3, 2, generator=torch.Generator())
    with torch.no_grad():
        plain.weight.copy_(layer.weights())
        plain.bias.copy_(layer.biases())
    for one in (layer, plain):
        output, _ = one(torch.randn(4, 1, 3, generator=torch.Generator().manual_seed(1)))
        output.square().sum().backward()
    assert torch.allclose(layer.weight.grad, plain.weight.grad) and torch.allclose(
        layer.bias.grad, plain.bias.grad
    )
    assert not torch.equal(layer.weight, plain.weight)


def test_every_form_of_the_network_has_the_same_codes():
    """Torch, the continuous equation and a recurrent layer's loop see codes times unit, as a plain copy has them."""
    loop = Recurrence(0.3 * torch.randn(6, 6, generator=torch.Generator().manual_seed(2)))
    made = Network({**dict(network(None).chain.items()), "extra": Projection(1, 1)})
    made.chain["hidden"].recurrent = loop
    made = coded(made, 3)
    plain = varied_network(made, draw_deviations(made, Mismatch(), seed=0))
    assert all(layer.code is None for layer in (plain.chain["encoder"], plain.chain["hidden"].recurrent))
    assert len(torch.unique(plain.chain["hidden"].recurrent.weight)) <= 7
    inputs = torch.randn(40, 1, 2, generator=torch.Generator().manual_seed(1))
    assert torch.equal(made(inputs)[0], plain(inputs)[0])
    solved = [integrate_network(one, inputs[:, 0].numpy(), dt=0.2, rtol=1e-5) for one in (made, plain)]
    for name in solved[0].outputs:
        assert np.array_equal(solved[0].outputs[name], solved[1].outputs[name])


def test_training_with_codes_beats_rounding():
    """A regression on three inputs in 3 bits: training through the codes finds less error than rounding the best."""
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(200, 1, 3, generator=generator)
    mix = torch.tensor([[1.0, 0.9, 0.1], [0.9, 1.0, 0.15], [0.1, 0.15, 0.3]])
    x, wanted = x @ mix, (x @ mix) @ torch.tensor([[0.93], [-0.52], [0.31]])
    layer = Projection(3, 1, generator=generator, code=Code(bits=3))
    with torch.no_grad():
        layer.weight.copy_(torch.tensor([[0.93, -0.52, 0.31]]))
    error = lambda: (layer(x)[0] - wanted).square().mean()  # noqa: E731
    rounded = best = float(error().detach())
    optimiser = torch.optim.Adam(layer.parameters(), lr=0.02)
    for _ in range(200):
        optimiser.zero_grad()
        loss = error()
        loss.backward()
        best = min(best, float(loss.detach()))
        optimiser.step()
    assert best < 0.8 * rounded


def test_a_coded_network_is_saved_with_its_bits(tmp_path):
    """The bits come back with the same numbers; a network without codes has none in its file."""
    made = network(5)
    save_network(made, tmp_path)
    again = load_network(tmp_path)
    inputs = torch.randn(20, 2, 2)
    assert again.chain["readout"].code == Code(bits=5) and torch.equal(made(inputs)[0], again(inputs)[0])
    (tmp_path / "plain").mkdir()
    save_network(coded(made, None), tmp_path / "plain")
    assert "bits" not in (tmp_path / "plain" / "model.json").read_text()


def test_a_chip_is_off_by_the_units_that_are_on():
    """Code c is off by sigma/sqrt(c) in log, zero exact; training and the drawn chip see the same."""
    made = coded(Network({"in": Projection(400, 50), "n": NeuronLayer(lif(), 50, dt=1.0)}), 4)
    layer = made.chain["in"]
    drawn = draw_deviations(made, Mismatch(codes=CodeSpread(unit=0.1, inhibitory=0.2)), seed=3)
    codes, off = layer.code.codes(layer.weight).numpy(), drawn.layers["in"].weight.numpy()
    assert (off[codes == 0] == 0).all() and (codes == 0).any()
    for code, sigma in ((1, 0.1), (4, 0.05), (7, 0.1 / 7**0.5), (-4, np.hypot(0.05, 0.2))):
        own = off[codes == code]
        assert np.std(own) == pytest.approx(sigma, rel=5 / np.sqrt(2 * own.size))
    chip = varied_network(made, drawn)
    inputs = torch.randn(12, 3, 400)
    seen = torch.func.functional_call(made, varied_state(made, drawn), (inputs,))[0]
    assert torch.equal(seen, chip(inputs)[0])
    assert np.allclose(chip.chain["in"].weight.detach(), layer.weights().detach().numpy() * np.exp(off))
    assert chip.chain["in"].code is None and layer.code is not None


def test_the_step_at_half_scale_is_the_worst():
    """Units drawn one by one: the step from 15 to 16 exchanges 31 units, and is off by sqrt(31) of one's sigma."""
    spread = CodeSpread(unit=0.02)
    units = 1 + spread.unit * np.random.default_rng(0).standard_normal((4000, 31))
    bits = np.split(units, [1, 3, 7, 15], axis=1)  # 1, 2, 4, 8, 16 units
    weigh = lambda code: sum(group.sum(1) for k, group in enumerate(bits) if code >> k & 1)  # noqa: E731
    for code in (1, 2, 5, 8, 16):
        step = weigh(code) - (weigh(code - 1) if code > 1 else 0)
        assert np.std(step) == pytest.approx(spread.step(code), rel=0.06)


@pytest.mark.parametrize("bits", [1, 13, 4.5, "6", True, None])
def test_bits_that_no_code_has_are_refused(bits):
    """In words that say which are allowed."""
    with pytest.raises(ParameterError, match=r"bits = .* must be a whole number from 2 to 12"):
        Code(bits=bits)


def test_a_network_is_copied_not_changed():
    """`coded` leaves its argument, and copies keep codes."""
    drawn = network(None)
    assert coded(drawn, 4).chain["encoder"].code == copy.deepcopy(coded(drawn, 4)).chain["encoder"].code
    assert drawn.chain["encoder"].code is None
