"""Loss landscapes: jumps are found where they are known to be, and the measures are those of known functions."""

import math

import pytest
import torch

from conductance.events import EventLayer, EventNetwork, Spikes, synaptic_lif
from conductance.landscapes import (
    LandscapeError,
    PathResult,
    Reading,
    classifier_surface,
    estimates,
    find_jumps,
    measure_path,
    measure_plane,
    random_directions,
    series_surface,
)
from conductance.networks import RECIPES, series_network
from conductance.neurons import qif
from conductance.tasks import EventSplit, MackeyGlass

NONE = torch.zeros(0)
END = 4.0


def plain(function):
    """Readings of a function without spikes."""
    return lambda place: Reading(value=function(place), counts=NONE, order=NONE)


class Quadratic:
    """|x - 1|^2/2 with a step of height 0.5 where the first parameter passes 0.3."""

    def start(self):
        return torch.zeros(3, dtype=torch.float64)

    def read(self, parameters):
        value = float(((parameters - 1) ** 2).sum() / 2) + 0.5 * (float(parameters[0]) > 0.3)
        return Reading(value=value, counts=NONE, order=NONE)

    def gradient(self, parameters):
        return parameters - 1


def one_neuron(neuron, weight, *, time=0.0):
    """One neuron that gets one spike, as a classifier of one class, and its trial."""
    layer = EventLayer(neuron, 1, 1, weight=torch.tensor([[weight]], dtype=torch.float64))
    network = EventNetwork({"output": layer}).double()
    spikes = Spikes.of_trains([[(time, 0)]], size=1, end=END, dtype=torch.float64)
    return network, EventSplit(spikes=spikes, labels=torch.tensor([0]))


def along_weight(neuron, low, high, *, points=10):
    """Jumps of the output's spike time along its weight: one class has the cross-entropy 0, so only the regulariser
    exp(t/end) - 1 is left.
    """
    network, split = one_neuron(neuron, low)
    surface = classifier_surface(network, split, tau=1.0, regulariser=1.0)
    start, direction = surface.start(), torch.ones(1, dtype=torch.float64)
    return measure_path(surface, start, direction, length=high - low, points=points)


def test_jumps_are_found_to_the_last_bit():
    """Of a smooth function with three steps, one of them down and one a hundredth of the others, no step is missed,
    each place is the first number behind the step, and nothing else is taken for a jump.
    """
    steps = {0.1: 1.0, math.pi / 7: -0.7, 0.913: 0.01}

    def function(x):
        return math.sin(9 * x) + x * x + sum(h * (x >= place) for place, h in steps.items())

    jumps, variation = find_jumps(plain(function), [k / 200 for k in range(201)])
    assert [jump.place for jump in jumps] == list(steps)
    assert [jump.height for jump in jumps] == pytest.approx(list(steps.values()), abs=1e-12)
    assert {jump.cause for jump in jumps} == {"other"}
    smooth, none = find_jumps(plain(lambda x: math.sin(9 * x) + x * x), [k / 200 for k in range(201)])
    assert smooth == ()
    assert variation == pytest.approx(none + 1.71, rel=1e-3)


def test_a_steep_but_continuous_function_has_no_jump():
    """A ramp over a billionth of the path and a square root's vertical tangent change little between neighbours,
    and so does a peak, for its height.
    """
    ramp = plain(lambda x: min(1.0, max(0.0, (x - 0.4) * 1e9)))
    root = plain(lambda x: math.copysign(math.sqrt(abs(x - 0.4)), x - 0.4))
    # a peak between the places, so high that neighbouring numbers differ by far more than the values at the places
    peak = plain(lambda x: 1.0 + 1e20 * math.exp(-(((x - 0.45) / 0.005) ** 2)))
    for function in (ramp, root, peak):
        assert find_jumps(function, [k / 10 for k in range(11)])[0] == ()


def test_causes_are_those_of_the_spikes_beside_a_jump():
    """A jump with other counts is an appearance, one with another order only is one of order; a change of counts
    without jump is none.
    """

    def read(x):
        counts = torch.tensor([x > 0.25, x > 0.75])
        order = torch.tensor([0, 1] if x < 0.5 else [1, 0])
        return Reading(value=1.0 + (x > 0.25) + (x >= 0.5), counts=counts, order=order)

    jumps, variation = find_jumps(read, [0.0, 0.4, 0.6, 1.0])
    assert [jump.cause for jump in jumps] == ["appearance", "order"]
    assert variation == 2.0


def test_a_qif_spike_leaves_at_the_end_without_a_jump():
    """Along a weight from where the neuron spikes to where it does not, the loss is continuous: no jump at all."""
    path = along_weight(qif(), 2.0, 6.0)
    assert path.jumps == ()
    network, split = one_neuron(qif(), 2.0)
    silent = classifier_surface(network, split, tau=1.0).read(torch.tensor([2.0], dtype=torch.float64))
    spiking = classifier_surface(network, split, tau=1.0).read(torch.tensor([6.0], dtype=torch.float64))
    assert silent.counts.tolist() == [[0]]
    assert spiking.counts.tolist()[0][0] >= 1


def test_a_lif_spike_vanishes_at_weight_four_at_the_time_tau_ln_2():
    """The documented failure: one jump, at weight 4, between the spike at ln 2 and silence, a spike's appearance."""
    path = along_weight(synaptic_lif(), 3.0, 6.0)
    (jump,) = path.jumps
    assert 3.0 + jump.place == pytest.approx(4.0, abs=1e-12)
    assert jump.cause == "appearance"
    # of e^(t/end) - 1, between the end of the trial and tau ln 2; the spike time has a vertical tangent there
    assert jump.height == pytest.approx(math.exp(math.log(2) / END) - math.e, abs=1e-6)


def test_measures_of_a_known_function():
    """Along the first axis over 0.6: one jump of 0.5, the rest of the variation 0.42, gradients nearly parallel."""
    direction = torch.tensor([2.0, 0.0, 0.0], dtype=torch.float64)
    surface = Quadratic()
    path = measure_path(surface, surface.start(), direction, length=0.6, points=30)
    assert [jump.place for jump in path.jumps] == pytest.approx([0.3], abs=1e-15)
    assert path.variation == pytest.approx(0.5 + 0.42, abs=1e-12)
    assert path.slopes[0] == pytest.approx(-1.0)
    found = estimates([path, path])
    values = [estimate.value for estimate in found.values()]
    assert values[:2] == pytest.approx([1 / 0.6, 0.5 / 0.92])
    assert 1 - 1e-6 < values[2] < 1
    assert values[3:] == [0.0, 0.0]
    assert PathResult.of_json(path.as_json()) == path


def test_the_interval_covers_the_paths_spread():
    """Two kinds of paths: the interval of the jumps lies between them, holds the mean; for one path it is a point."""
    surface = Quadratic()
    with_jump = measure_path(surface, surface.start(), torch.eye(3).double()[0], length=0.6, points=5)
    without = measure_path(surface, surface.start(), torch.eye(3).double()[1], length=0.6, points=5)
    mixed = estimates([with_jump, without] * 5)["jumps per unit length"]
    assert 0 <= mixed.low < mixed.value < mixed.high <= 1 / 0.6
    assert mixed.value == pytest.approx(0.5 / 0.6)
    none = estimates([without])
    assert none["share of jumps where a spike appears or disappears"].value is None
    same = none["share of the total variation in jumps"]
    assert same.low == same.value == same.high == 0.0


def test_planes_show_loss_and_gradient():
    """Values and the gradient's norm of a quadratic on a grid, first axis along the first direction."""
    surface = Quadratic()
    axes = torch.eye(3, dtype=torch.float64)
    plane = measure_plane(surface, surface.start(), axes[1], axes[1] + axes[2], reach=0.5, points=3)
    for row, y in enumerate((-0.5, 0.0, 0.5)):
        for column, z in enumerate((-0.5, 0.0, 0.5)):
            square = 1 + (y - 1) ** 2 + (z - 1) ** 2
            assert plane.values[row, column] == pytest.approx(square / 2)
            assert plane.norms[row, column] == pytest.approx(math.sqrt(square))


def test_every_network_of_the_package_has_a_surface():
    """MTC, LIF and AdLIF networks on a time grid: the loss is that of training, its spikes are counted, and MTC's
    gradient, which needs no surrogate, is that of finite differences.
    """
    task = MackeyGlass(series_samples=60, warm_up=10, held_out_samples=60, train_series=2)
    data = task.generate(seed=0)
    for name, recipe in RECIPES.items():
        network = series_network(
            recipe, inputs=1, hidden=3, outputs=1, dt=0.2, low_pass_tau=2.0,
            generator=torch.Generator().manual_seed(0),
        )  # fmt: skip
        surface = series_surface(network, data.train.select([0]))
        start = surface.start()
        reading, gradient = surface.read(start), surface.gradient(start)
        output = network.double()(data.train.inputs[:, :1].double())[0]
        error = (output - data.train.targets[:, :1]).detach()[data.train.mask[:, :1]].square().mean()
        assert reading.value == pytest.approx(float(error), rel=1e-12)
        assert reading.counts.shape[1] >= 3
        if name == "mtc":
            (direction,) = random_directions(len(start), 1, torch.Generator().manual_seed(1))
            above, below = (surface.read(start + sign * 1e-6 * direction).value for sign in (1, -1))
            assert (above - below) / 2e-6 == pytest.approx(float(gradient @ direction), rel=1e-5)


def test_surfaces_leave_the_network_as_it_is():
    """Readings elsewhere do not move the network's own weights."""
    network, split = one_neuron(qif(), 5.0)
    surface = classifier_surface(network, split, tau=1.0)
    surface.gradient(torch.tensor([7.0], dtype=torch.float64))
    assert network.layers["output"].weight.tolist() == [surface.start().tolist()] == [[5.0]]


def test_what_cannot_be_measured_is_refused():
    """Places that do not rise, values that are not finite, directions without length, no path, no parameter."""
    with pytest.raises(LandscapeError, match="places that rise"):
        find_jumps(plain(float), [0.0, 0.0])
    with pytest.raises(LandscapeError, match=r"value at 0\.5 is nan"):
        find_jumps(plain(lambda x: math.nan if x == 0.5 else x), [0.0, 0.5, 1.0])
    surface = Quadratic()
    with pytest.raises(LandscapeError, match="components that are not all 0"):
        measure_path(surface, surface.start(), torch.zeros(3).double(), length=1.0)
    with pytest.raises(LandscapeError, match="parallel"):
        measure_plane(surface, surface.start(), torch.ones(3).double(), -torch.ones(3).double(), reach=1.0)
    with pytest.raises(LandscapeError, match="there is no path"):
        estimates([])
    network, split = one_neuron(qif(), 5.0)
    for parameter in network.parameters():
        parameter.requires_grad_(False)
    with pytest.raises(LandscapeError, match="no trained parameter"):
        classifier_surface(network, split, tau=1.0)
