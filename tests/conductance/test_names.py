"""What is declared must run: a name is refused where it is written, or carried through every form and back."""

import pytest
import sympy
import torch

from conductance.derivation import derive
from conductance.elements import Element, Law, V, tanh
from conductance.elements.base import DeclarationError
from conductance.errors import ExcitableError
from conductance.layers import NeuronLayer
from conductance.neurons import Neuron, mtc
from conductance.neurons.base import INPUT, State
from conductance.parameter import Parameter
from conductance.shaping.convergence import stepped
from conductance.shaping.integrate import integrate
from conductance.storage import decode_neuron, encode_neuron


def leaky(name: str, *, state: str = "um", symbol: str = "U", initial: object = 0) -> Neuron:
    """tau dU/dt = -name tanh(U) + I, with a parameter of that name."""
    gain, tau = (
        Parameter(name=each, default=number, lower=0.0, lower_open=True, transform="softplus", meaning="m")
        for each, number in ((name, 0.7), ("tau", 2.0))
    )
    u = sympy.Symbol(symbol, real=True)
    currents = {"leak": -gain.symbol * sympy.tanh(u), "input": INPUT}
    states = (
        State(name=state, symbol=u, capacity=tau.symbol, currents=currents, meaning="m", initial=initial),
    )
    return Neuron(name="named", meaning="m", parameters=(gain, tau), states=states, output=u)


CARRIED = [
    "torch", "self", "math", "np", "E", "I", "S", "N", "Q", "e", "time", "minus", "atlas", "temper", "print", "input",
    "spike_0", "table", "above_zero", "state", "constant", "step", "x", "lambda_", "e1", "a" * 64,
]  # fmt: skip
REFUSED = [
    "lambda", "for", "None", "True", "dt", "I_in", "spike", "last_spike", "fired", "output", "const_0", "temp_12",
    "tanh", "exp", "pi", "max", "U_next", "U_before", "V_rest", "U m", "V'", "τ", "1st", "", "a-b", "a" * 65,
]  # fmt: skip


@pytest.mark.parametrize("name", CARRIED)
def test_a_name_is_carried_through_every_form(name):
    """Eager step, kernel, derivation, integration and file give the numbers of the same neuron under a plain name."""
    made, plain = leaky(name), leaky("alpha")
    inputs = torch.linspace(-1, 2, 12)[:, None, None]
    found = {}
    for neuron in (made, plain, decode_neuron(encode_neuron(made))):
        for backend in ("eager", "c"):
            layer = NeuronLayer(neuron, 1, dt=0.1, backend=backend, trainable=[neuron.parameters[0].name])
            outputs, _ = layer(inputs)
            (slope,) = torch.autograd.grad(outputs.sum(), list(layer.parameters()))
            found.setdefault(backend, []).append((outputs.detach(), slope))
    for outputs, slope in (pair for pairs in found.values() for pair in pairs):
        assert torch.equal(outputs, found["eager"][0][0]) or torch.allclose(
            outputs, found["eager"][0][0], atol=1e-6
        )
        assert torch.allclose(slope, found["eager"][0][1], rtol=1e-4)
    states, _ = stepped(derive(made), [1.0] * 5, 0.1)
    assert states.tolist() == stepped(derive(plain), [1.0] * 5, 0.1)[0].tolist()
    assert integrate(made, 1.0, 3.0).voltage[-1] == integrate(plain, 1.0, 3.0).voltage[-1]


@pytest.mark.parametrize("name", REFUSED)
def test_a_name_that_means_something_else_is_refused(name):
    """Words of Python, symbols of the equations, and what files and circuits cannot carry, with what to do."""
    words = "rename it|cannot be carried"
    with pytest.raises(ExcitableError, match=words):
        leaky(name)
    if name not in ("lambda", "for", "None", "True"):
        with pytest.raises(ExcitableError, match=words):
            leaky("alpha", symbol=name)
    with pytest.raises(DeclarationError, match=words):
        tanh("fast", 1.0, name=name or " ")


@pytest.mark.parametrize("name", ["U m", "V'", "é", "a" * 65])
def test_a_state_that_no_netlist_can_carry_is_refused(name):
    """The name of a state becomes a node."""
    with pytest.raises(DeclarationError, match="cannot be carried"):
        leaky("alpha", state=name)


def test_a_law_cannot_call_a_parameter_like_its_voltage():
    """V is what the law reads."""
    with pytest.raises(DeclarationError, match="a parameter is named V"):
        Law(
            name="own", parameters=(Parameter(name="V", default=1.0, meaning="m"),), current=V**2, meaning="m"
        )


@pytest.mark.parametrize(
    ("initial", "wanted"),
    [
        (sympy.Rational(-1, 10), -0.1),
        (-0.25, -0.25),
        (sympy.Symbol("tau", positive=True) / 4 - 1, -0.5),
        (sympy.pi, 3.14159265),
    ],
)
def test_an_initial_state_is_any_expression_of_parameters(initial, wanted):
    """A fraction, a number, a function of parameters: the layer begins where the equation does."""
    neuron = leaky("alpha", initial=initial)
    layer = NeuronLayer(neuron, 2, dt=0.1)
    for made in (layer, NeuronLayer(decode_neuron(encode_neuron(neuron)), 2, dt=0.1)):
        assert made.initial_state(3)[0].tolist() == [[pytest.approx(wanted)] * 2] * 3
    assert integrate(neuron, 0.0, 1.0).voltage[0] == pytest.approx(wanted)


def test_an_element_of_ones_own_with_any_carried_name_runs():
    """In a declaration with tanh, `torch` was a SyntaxError."""
    law = Law(
        name="own", parameters=(Parameter(name="torch", default=0.5, meaning="m"),),
        current=sympy.Symbol("torch", real=True) * V**3, meaning="m",
    )  # fmt: skip
    neuron = mtc([tanh("fast", -2.0), Element(law=law, timescale="fast", sign=1, values={}, name="own")])
    outputs, _ = NeuronLayer(neuron, 1, dt=0.05, backend="eager")(torch.ones(20, 1, 1))
    assert torch.allclose(
        outputs, NeuronLayer(neuron, 1, dt=0.05, backend="c")(torch.ones(20, 1, 1))[0], atol=1e-6
    )
