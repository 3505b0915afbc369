"""Declarations of neurons: what is built from them, and what is refused."""

import math

import pytest
import sympy

from conductance.elements import DeclarationError, tanh
from conductance.neurons import Event, Neuron, State, adlif, lif, low_pass, mtc, qif
from conductance.neurons.base import INPUT, SPIKE, Constraint
from conductance.parameter import Parameter, ParameterError
from conductance.surrogates import ARCTAN

X, Y = sympy.symbols("x y", real=True)
TAU = Parameter(name="tau", default=1.0, lower=0.0, lower_open=True, meaning="time constant", unit="tau_m")


def state(name="x", symbol=X, **changes) -> State:
    given = {"capacity": TAU.symbol, "currents": {"leak": -symbol, "input": INPUT}, "meaning": "a state"}
    return State(name=name, symbol=symbol, **{**given, **changes})


def neuron(**changes) -> Neuron:
    given = {"name": "n", "meaning": "a neuron", "parameters": (TAU,), "states": (state(),), "output": X}
    return Neuron(**{**given, **changes})


def test_the_equations_of_mtc_are_the_published_ones():
    """tau_m dU/dt = -(U - U_rest) + R I - R sum I_x and tau_x dU_x/dt = U - U_x."""
    made = mtc()
    u, s, us = made.state_symbols
    symbol = {p.name: p.symbol for p in made.parameters}
    elements = (
        -symbol["alpha_f_minus"] * sympy.tanh(u - symbol["delta_f_minus"])
        + symbol["alpha_s_plus"] * sympy.tanh(s - symbol["delta_s_plus"])
        - symbol["alpha_s_minus"] * sympy.tanh(s - symbol["delta_s_minus"])
        + symbol["alpha_us_plus"] * sympy.tanh(us - symbol["delta_us_plus"])
    )
    published = -(u - symbol["U_rest"]) + symbol["R"] * INPUT - symbol["R"] * elements
    assert sympy.simplify(made.states[0].derivative * symbol["tau_m"] - published) == 0
    assert sympy.simplify(made.states[1].derivative * symbol["tau_s"] - (u - s)) == 0
    assert sympy.simplify(made.states[2].derivative * symbol["tau_us"] - (u - us)) == 0


def test_limits_saturate_filters_and_leak():
    """tau_x dU_x/dt = L tanh((U - U_x)/L); for L to infinity it is the linear filter."""
    made = mtc(filter_limit=1.0, leak_limit=5.0)
    u, s, _ = made.state_symbols
    numbers = {**made.substitutions(), u: 3.0, s: 0.4}
    assert float(made.states[1].total.subs(numbers)) == pytest.approx(math.tanh(2.6))
    assert float(made.states[0].currents["leak"].subs(numbers)) == pytest.approx(-5 * math.tanh(0.6))
    bound = next(p.symbol for p in made.parameters if p.name == "filter_limit")
    assert sympy.simplify(sympy.limit(made.states[1].total, bound, sympy.oo) - (u - s)) == 0


def test_a_fast_time_constant_of_zero_reads_the_membrane_itself():
    """tau_f = 0 is legal and makes no state; tau_f > 0 makes one; for the others zero is refused with the reason."""
    assert [s.name for s in mtc().states] == ["um", "us", "uus"]
    assert [s.name for s in mtc(tau_f=0.5).states] == ["um", "uf", "us", "uus"]
    with pytest.raises(ParameterError, match="only the fast reading may have 0"):
        mtc(tau_s=0.0)
    with pytest.raises(ParameterError, match="only the fast reading may have 0"):
        mtc(tau_us=0.0)


@pytest.mark.parametrize("bad", [-1.0, math.nan, math.inf])
@pytest.mark.parametrize("name", ["tau_f", "tau_s", "tau_us", "filter_limit", "leak_limit"])
def test_negative_and_infinite_numbers_are_refused(name, bad):
    """The error names the neuron or the number."""
    with pytest.raises(ParameterError):
        mtc(**{name: bad})


def test_timescales_must_be_ordered():
    """tau_f < tau_s < tau_us, at declaration and for values given later."""
    with pytest.raises(DeclarationError, match="tau_s < tau_us"):
        mtc(tau_s=400.0, tau_us=20.0)
    with pytest.raises(DeclarationError, match="tau_s < tau_us"):
        mtc().check_values({"tau_s": 500.0}, owner="layer hidden, neuron 3")
    with pytest.raises(DeclarationError, match="U_th"):
        mtc().with_values(U_th=2.0)


def test_unused_timescales_make_no_state_and_no_parameter():
    """A neuron without slow elements has no slow reading, and its time constant is not asked for."""
    made = mtc((tanh("fast", -2.0),), tau_s=-7.0)
    assert [s.name for s in made.states] == ["um"]
    assert "tau_s" not in made.defaults


def test_two_elements_of_one_name_are_refused_and_other_names_help():
    """Two slow negative elements need names of their own."""
    pair = tanh("slow", -1.0), tanh("slow", -2.0, 1.0)
    with pytest.raises(DeclarationError, match="s_minus"):
        mtc(pair)
    renamed = mtc((pair[0], tanh("slow", -2.0, 1.0, name="second")))
    assert "alpha_second" in renamed.defaults


def test_element_values_become_the_neurons_defaults():
    """alpha outside its bounds is refused in the neuron too."""
    assert mtc((tanh("fast", -1.7, 0.3),)).defaults["alpha_f_minus"] == 1.7
    with pytest.raises(ParameterError, match="alpha_f_minus"):
        mtc().with_values(alpha_f_minus=0.0)
    with pytest.raises(DeclarationError, match="unknown parameter 'alpha'"):
        mtc().with_values(alpha=1.0)


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"output": Y}, "y"),
        ({"states": (state(currents={"leak": -X * sympy.Symbol("gamma")}),)}, "gamma"),
        ({"states": (state(capacity=sympy.Symbol("C")),)}, "C is not declared"),
        ({"states": (state(initial=Y),)}, "initial"),
        ({"output": SPIKE}, "spike"),
        ({"states": ()}, "no state"),
        ({"parameters": (TAU, TAU)}, "tau is declared twice"),
        ({"states": (state(), state(name="z"))}, "x is declared twice"),
        ({"states": (state(timescale="glacial"),)}, "glacial"),
        ({"arrivals": {X: X + Y}}, "arrivals"),
        ({"event": Event(margin=Y, reset={X: X}, surrogate=ARCTAN)}, "event"),
        ({"event": Event(margin=X, reset={X: Y}, surrogate=ARCTAN)}, "reset"),
        ({"constraints": (Constraint(relation=sympy.Lt(TAU.symbol, 0.5), meaning="tau is short"),)}, "tau is short"),
    ],
)  # fmt: skip
def test_a_declaration_that_contradicts_itself_is_refused(changes, says):
    """Undeclared symbols anywhere, repeated names, unknown timescales, broken constraints."""
    with pytest.raises(DeclarationError, match=says):
        neuron(**changes)


def test_other_neurons_check_their_values():
    """tau > 0, a peak above 1, an order of at least 1, adaptation slower than the membrane."""
    with pytest.raises(ParameterError):
        lif(tau_m=0.0)
    with pytest.raises(ParameterError):
        qif(tau=-1.0)
    with pytest.raises(ParameterError):
        qif(V_peak=1.0)
    with pytest.raises(DeclarationError, match="order"):
        low_pass(order=0)
    with pytest.raises(DeclarationError, match="tau_m < tau_w"):
        adlif(tau_m=5.0, tau_w=2.0)


def test_all_currents_have_the_declared_sign():
    """The input enters with coefficient 1, the leak pulls to rest, a positive element's current leaves."""
    made = mtc()
    currents = made.membrane.currents
    assert currents["input"] == INPUT
    numbers = {**made.substitutions(), **dict.fromkeys(made.state_symbols, 1.0)}
    assert float(currents["leak"].subs(numbers)) < 0
    assert float(currents["f_minus"].subs(numbers)) > 0
    assert float(currents["s_plus"].subs(numbers)) < 0


def test_initial_states_follow_the_rest():
    """States start at U_rest."""
    assert mtc().with_values(U_rest=-1.5).initial_state() == (-1.5, -1.5, -1.5)
