"""Bounds and relations hold in every loop, for every neuron, and what is trained is saved."""

import declared
import pytest
import torch

from conductance.layers import NeuronLayer
from conductance.layers.feasible import make_feasible
from conductance.layers.transforms import constrained, unconstrained
from conductance.networks import Network
from conductance.neurons import adlif, dlif, dqif, lif, mtc
from conductance.neurons.base import DeclarationError
from conductance.parameter import Parameter, ParameterError
from conductance.storage import load_network, save_network

RELATED = {
    name: neuron
    for name, neuron in declared.NEURONS.items()
    if neuron.constraints and name in declared.PACKAGED
}


def driven(layer: NeuronLayer, direction: dict[str, float], steps: int = 60) -> NeuronLayer:
    """A user's own loop: plain Adam on a loss that pushes parameters in directions."""
    adam = torch.optim.Adam(layer.parameters(), lr=0.5)
    for _ in range(steps):
        adam.zero_grad()
        values = layer.values()
        (-sum(sign * values[name].sum() for name, sign in direction.items())).backward()
        adam.step()
    return layer


@pytest.mark.parametrize("name", RELATED)
@pytest.mark.parametrize("sign", [1.0, -1.0])
def test_no_push_breaks_a_relation(name, sign, tmp_path):
    """Whatever single parameter is pushed, and in either direction, relations and bounds hold and the file loads."""
    neuron = RELATED[name]
    related = {
        str(symbol) for constraint in neuron.constraints for symbol in constraint.relation.free_symbols
    }
    for pushed in sorted(related):
        layer = NeuronLayer(neuron, 2, dt=declared.dt_of(neuron, None, 1e-4), trainable=[pushed])
        driven(layer, {pushed: sign})
        layer.check_values()
        save_network(Network({"only": layer}), tmp_path)
        assert (
            load_network(tmp_path).layers["only"].values()[pushed].tolist() == layer.values()[pushed].tolist()
        )


def test_timescales_stay_ordered_and_thresholds_above_rest():
    """tau_s pushed up stops below tau_us; theta pushed down stops above U_rest; both at once stay apart."""
    slow = driven(NeuronLayer(mtc(), 2, dt=0.2, trainable=["tau_s"]), {"tau_s": 1.0}).values()
    assert bool((slow["tau_s"] < slow["tau_us"]).all())
    assert bool((slow["tau_s"] > 399).all())
    both = driven(
        NeuronLayer(mtc(), 2, dt=0.2, trainable=["tau_s", "tau_us"]), {"tau_s": 1.0, "tau_us": -1.0}
    ).values()
    assert bool((both["tau_s"] < both["tau_us"]).all())
    for make in (lif, adlif):
        low = driven(NeuronLayer(make(), 2, dt=0.2, trainable=["theta"]), {"theta": -1.0}).values()
        assert bool((low["theta"] > low["U_rest"]).all())
        assert bool((low["theta"] < 0.01).all())


def test_a_chain_of_relations_holds_below_one_that_is_fixed():
    """tau_f and tau_s trained, tau_us fixed: pushed up both, and tau_f farther, they stay in order below it."""
    layer = NeuronLayer(mtc(tau_f=0.5), 2, dt=0.2, trainable=["tau_f", "tau_s"])
    limit = float(layer.values()["tau_us"][0])
    for far in ((3.0, 0.5), (0.5, 3.0), (3.0, 3.0)):
        with torch.no_grad():
            for name, times in zip(("tau_f", "tau_s"), far, strict=True):
                value = torch.full((2,), times * limit)
                getattr(layer, f"raw_{name}").copy_(unconstrained(value, layer.neuron.parameter(name)))
        values = layer.values()
        assert bool((values["tau_f"] < values["tau_s"]).all())
        assert bool((values["tau_s"] < values["tau_us"]).all())
        layer.check_values()


@pytest.mark.parametrize("open_ends", [(True, True), (True, False), (False, True), (False, False)])
def test_a_bound_without_a_transform_is_met_only_where_it_belongs_to_the_values(open_ends):
    """Far outside, the value is the bound itself where that is allowed, and the next number inside where it is not."""
    lower_open, upper_open = open_ends
    ends = Parameter(
        name="share",
        default=0.5,
        meaning="of it",
        lower=0.25,
        upper=1.0,
        lower_open=lower_open,
        upper_open=upper_open,
    )
    raw = torch.tensor([-5.0, 0.25, 0.5, 1.0, 5.0], requires_grad=True)
    found = constrained(raw, ends)
    assert all(ends.allows(value) for value in found.tolist())
    assert found.tolist() == pytest.approx([0.25, 0.25, 0.5, 1.0, 1.0], rel=1e-6)
    assert [value == bound for value, bound in zip(found.tolist(), [0.25, 0.25, 0.5, 1.0, 1.0], strict=True)] == [
        not lower_open, not lower_open, True, not upper_open, not upper_open
    ]  # fmt: skip
    found.sum().backward()
    assert raw.grad.tolist() == [1.0] * 5


def test_what_is_bounded_without_a_transform_stays_in_its_bounds():
    """adlif's coupling is at least 0, a leaky map's decay below 1."""
    coupling = driven(NeuronLayer(adlif(), 2, dt=0.2, trainable=["a"]), {"a": -1.0}).values()["a"]
    assert coupling.tolist() == [0.0, 0.0]
    decay = driven(NeuronLayer(dlif(), 2, dt=1, trainable=["decay"]), {"decay": 1.0}).values()["decay"]
    assert bool((decay < 1).all())
    assert bool((decay > 0.99).all())


def test_a_parameter_comes_back_from_its_bound():
    """The gradient passes at the bound, and training writes it into the free number: one push is enough."""
    layer = driven(NeuronLayer(lif(), 1, dt=0.2, trainable=["theta"]), {"theta": -1.0})
    make_feasible(layer)
    assert float(layer.raw_theta.detach()) == pytest.approx(0.0, abs=1e-5)
    assert float(driven(layer, {"theta": 1.0}, steps=1).values()["theta"].detach()) == pytest.approx(
        0.5, rel=1e-3
    )


def test_inside_a_value_is_its_transforms_to_the_bit():
    """A relation that holds changes nothing, neither the value nor its gradient."""
    for neuron in (mtc(), dqif(), lif()):
        trained = [p.name for p in neuron.parameters]
        dt = declared.dt_of(neuron, None, 0.2)
        free, held = NeuronLayer(neuron, 3, dt=dt), NeuronLayer(neuron, 3, dt=dt, trainable=trained)
        for name, value in held.values().items():
            assert torch.equal(value.detach(), free.values()[name])
            (slope,) = torch.autograd.grad(value.sum(), getattr(held, f"raw_{name}"))
            assert bool((slope > 0).all())


def test_a_declaration_that_spikes_for_ever_is_refused():
    """A threshold at or below the reset, and a timescale out of order, are refused where they are written."""
    with pytest.raises(
        (DeclarationError, ParameterError), match="U_rest, must lie below the threshold theta"
    ):
        NeuronLayer(lif(), 1, dt=0.2, values={"theta": -0.5})
    with pytest.raises((DeclarationError, ParameterError), match="U_rest, must lie below"):
        adlif().with_values(theta=0.0)
