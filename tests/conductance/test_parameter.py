"""Parameters: bounds, symbols, and the errors that name them."""

import math

import pytest

from conductance.errors import ExcitableError
from conductance.parameter import Parameter, ParameterError


def gain(**changes) -> Parameter:
    given = {"name": "alpha", "default": 2.0, "meaning": "gain", "lower": 0.0, "lower_open": True}
    return Parameter(**{**given, **changes})


@pytest.mark.parametrize("value", [0.0, -1.0, math.nan, math.inf, -math.inf])
def test_an_open_bound_excludes_its_end_and_nothing_infinite_is_a_value(value):
    """alpha in (0, inf) allows neither 0, nor NaN, nor an infinity."""
    with pytest.raises(ParameterError, match="alpha"):
        gain().check(value, owner="neuron x")


def test_a_closed_bound_includes_its_end():
    """b in [0, 1) allows 0 and not 1."""
    jump = gain(name="b", default=0.0, lower_open=False, upper=1.0, upper_open=True)
    assert jump.check(0, owner="x") == 0.0
    assert not jump.allows(1.0)
    assert jump.bounds == "[0, 1)"


def test_an_error_says_who_what_and_what_is_allowed():
    """The message names the owner, the parameter, the value, its meaning and the interval."""
    with pytest.raises(ParameterError) as caught:
        gain().check(-3, owner="layer hidden, neuron 7")
    for part in ("layer hidden, neuron 7", "alpha", "-3", "gain", "(0, inf)"):
        assert part in str(caught.value)
    assert isinstance(caught.value, ExcitableError)


@pytest.mark.parametrize("value", ["fast", None, [1.0], {}])
def test_what_is_not_a_number_is_refused(value):
    """Text, nothing and lists are not parameter values."""
    with pytest.raises(ParameterError, match="not a number"):
        gain().check(value, owner="x")


@pytest.mark.parametrize(
    "changes",
    [
        {"default": 0.0},
        {"default": math.nan},
        {"name": "two words"},
        {"name": ""},
        {"meaning": ""},
        {"lower": -1.0, "transform": "softplus"},
        {"upper": 5.0, "transform": "log"},
    ],
)
def test_a_declaration_that_contradicts_itself_is_refused_when_it_is_built(changes):
    """Defaults outside bounds, names that are no identifiers, and transforms that leave the bounds."""
    with pytest.raises(ParameterError):
        gain(**changes)


def test_the_symbol_knows_that_it_is_positive():
    """Bounds above zero make a positive sympy symbol, others a real one."""
    assert gain().symbol.is_positive
    assert gain(lower=-1.0, lower_open=False).symbol.is_real
    assert not gain(lower=-1.0, lower_open=False).symbol.is_positive
