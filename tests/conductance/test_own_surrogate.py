"""A surrogate of one's own is a part of the expressions that use it: it needs no registry, no kernel mistakes it."""

import copy
import math
import pickle

import pytest
import sympy
import torch

from conductance.derivation import derive
from conductance.kernels.library import register
from conductance.layers import NeuronLayer
from conductance.neurons import adlif, lif
from conductance.storage import decode_neuron, encode_neuron
from conductance.surrogates import MARGIN, Surrogate, SurrogateError

DT, CURRENT = 0.25, 3.0


def of_slope(steepness: float, name: str = "mine") -> Surrogate:
    """A fast sigmoid's slope."""
    return Surrogate(name=name, slope=1 / (1 + steepness * sympy.Abs(MARGIN)) ** 2, source="ours")


def gradient(layer: NeuronLayer) -> float:
    """Of the first step's output over its input."""
    inputs = torch.full((1, 1, 1), CURRENT, requires_grad=True)
    layer(inputs)[0].sum().backward()
    return float(inputs.grad)


@pytest.mark.parametrize("backend", ["eager", "c"])
@pytest.mark.parametrize("steepness", [0.5, 7.0])
def test_its_slope_is_the_gradient(steepness, backend):
    """One step of LIF from rest: U = (1 - e)I, so ds/dI = (1 - e)/(1 + k|U - theta|)^2; both have one name."""
    layer = NeuronLayer(
        lif(surrogate=of_slope(steepness)), 1, dt=DT, method="exponential_euler", backend=backend
    )
    gain = 1 - math.exp(-DT)
    assert gradient(layer) == pytest.approx(gain / (1 + steepness * abs(gain * CURRENT - 1)) ** 2, rel=1e-5)


def test_kernels_of_one_name_and_two_slopes_are_two():
    """The name of a kernel holds the slope, so a cache on disk cannot give one neuron the other's gradient."""
    first, second, same = (register(derive(lif(surrogate=of_slope(k)))) for k in (0.5, 7.0, 0.5))
    assert first != second
    assert first == same
    values = Surrogate(name="mine", slope=MARGIN * sympy.Symbol("k", real=True), source="",
                       symbols=(sympy.Symbol("k", real=True),))  # fmt: skip
    x = sympy.Symbol("x", real=True)
    steps = [values.step(x, {values.symbols[0]: number}) for number in (2, 3)]
    assert [step.diff(x) for step in steps] == [2 * x, 3 * x]


def test_it_is_copied_pickled_and_saved():
    """Copies, pickles and files carry the slope itself."""
    layer = NeuronLayer(adlif(surrogate=of_slope(3.0)), 1, dt=DT)
    wanted = gradient(layer)
    kept = decode_neuron(encode_neuron(layer.neuron))
    assert kept.event.surrogate.slope == layer.neuron.event.surrogate.slope
    for other in (copy.deepcopy(layer), pickle.loads(pickle.dumps(layer)), NeuronLayer(kept, 1, dt=DT)):
        assert gradient(other) == wanted


def test_an_unknown_symbol_in_the_slope_is_refused():
    """A slope in another variable than the margin is named where it is written."""
    with pytest.raises(SurrogateError, match=r"surrogate mine: its slope has x, .*MARGIN"):
        Surrogate(name="mine", slope=1 / (1 + sympy.Symbol("x") ** 2), source="ours")
