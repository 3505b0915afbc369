"""Neurons with few different values: as many as are asked for, each the nearest that there is."""

import numpy as np
import pytest
import torch

from conductance.layers import NeuronLayer
from conductance.layers.transforms import unconstrained
from conductance.networks import RECIPES, Network, grouped, series_network
from conductance.networks.grouping import differing, values_of
from conductance.neurons import clocked_lif
from conductance.parameter import ParameterError


def network(hidden=40):
    return series_network(
        RECIPES["mtc"], inputs=1, hidden=hidden, outputs=1, dt=0.2, low_pass_tau=2.0,
        generator=torch.Generator().manual_seed(0),
    )  # fmt: skip


def test_no_more_values_than_asked_for_and_each_the_nearest():
    """Gains on a grid of equal ratios, offsets on one of equal steps: none is farther than half a step."""
    drawn = network()
    made, before = grouped(drawn, currents=12, references=9), values_of(drawn)
    after = values_of(made)
    assert len(before.currents) == len(before.references) == 160
    assert len(after.currents) <= 12 and len(after.references) <= 9 and len(after) > 12
    ratio = (before.currents[-1] / before.currents[0]) ** (1 / 11)
    step = (before.references[-1] - before.references[0]) / 8
    old, new = drawn.chain["hidden"].values(), made.chain["hidden"].values()
    for name, unit in differing(drawn.chain["hidden"]).items():
        if unit == "V0":
            assert ((new[name] - old[name]).abs() <= step / 2 * 1.0001).all()
        else:
            assert (torch.log(new[name] / old[name]).abs() <= np.log(ratio) / 2 * 1.0001).all()
    points = np.log(np.array(after.currents)) / np.log(ratio)
    assert np.allclose(np.diff(points), np.round(np.diff(points)), atol=1e-3)


def test_capacitors_weights_and_the_network_itself_stay():
    """Time constants and weights are those of before; a second grouping into the same grid changes nothing."""
    drawn = network()
    made = grouped(drawn, currents=8, references=8)
    for name in ("tau_s", "tau_us"):
        assert torch.equal(made.chain["hidden"].values()[name], drawn.chain["hidden"].values()[name])
    assert torch.equal(made.chain["encoder"].weight, drawn.chain["encoder"].weight)
    assert len(values_of(drawn)) == 320
    again = grouped(made, currents=8, references=8)
    for name, value in made.chain["hidden"].values().items():
        assert torch.allclose(again.chain["hidden"].values()[name], value, atol=1e-5)


def test_many_values_are_the_network_itself():
    """With 4000 values of each the neurons are within the grid's step of what they were."""
    drawn = network(4)
    made = grouped(drawn, currents=4000, references=4000)
    for name, value in drawn.chain["hidden"].values().items():
        assert torch.allclose(made.chain["hidden"].values()[name], value, rtol=1e-3, atol=1e-3)


def test_negative_currents_keep_their_sign():
    """A map's gains and decays may be negative: each has the nearest size there is, and the sign that it had."""
    drawn = [-4.0, -0.9, 0.0, 1.0, 2.1]
    layer = NeuronLayer(
        clocked_lif(), 5, dt=1.0, values={"gain": torch.tensor(drawn), "beta": torch.tensor([0.9] * 5)}
    )
    made = grouped(Network({"only": layer}), currents=3, references=2).chain["only"].values()["gain"].tolist()
    ratio = (4.0 / 0.9) ** 0.5
    assert made == pytest.approx([-4.0, -0.9, 0.0, 0.9, 0.9 * ratio], rel=1e-5)


def test_zeros_stay_and_no_value_is_invented():
    """A reference of zero is ground, which takes no generator; the grid ends at the least and the largest value."""
    drawn = network(4)
    layer = drawn.chain["hidden"]
    with torch.no_grad():
        for name, unit in differing(layer).items():
            if unit == "V0":
                raw = getattr(layer, f"raw_{name}")
                raw.copy_(unconstrained(torch.tensor([0.7, 0.0, 1.0, 0.9]), layer.neuron.parameter(name)))
    made = grouped(drawn, currents=8, references=2).chain["hidden"].values()
    for name, unit in differing(layer).items():
        if unit == "V0":
            assert made[name].tolist() == pytest.approx([0.7, 0.0, 1.0, 1.0], abs=1e-5)


@pytest.mark.parametrize("count", [1, 0, 2.5, True, 5000])
def test_numbers_of_values_out_of_range_are_refused(count):
    """In words that say which are allowed."""
    with pytest.raises(ParameterError, match=r"references = .* must be a whole number from 2 to 4096"):
        grouped(network(2), currents=4, references=count)
