"""Elements against closed forms: laws, signs, and the table that stands in for a law."""

import numpy as np
import pytest
import sympy
from hypothesis import given
from hypothesis import strategies as st

from conductance.elements import DeclarationError, Element, Law, V, linear, quadratic, tabulated, tanh
from conductance.elements.tabulated import table_expression
from conductance.elements.tanh import TANH
from conductance.neurons import mtc
from conductance.parameter import Parameter, ParameterError

GAIN = Parameter(name="alpha", default=1.0, meaning="gain")


def current(element: Element, voltages: np.ndarray) -> np.ndarray:
    numbers = {parameter.symbol: parameter.default for parameter in element.parameters}
    function = sympy.lambdify(V, element.current(V).subs(numbers), "numpy")
    return np.asarray(function(np.asarray(voltages, float)), float)


VOLTAGES = np.linspace(-6, 6, 241)


def test_a_tanh_element_is_a_scaled_and_shifted_tanh():
    """I = sign alpha tanh(V - delta): a negative gain turns the current round."""
    assert current(tanh("slow", 1.5, -0.9), VOLTAGES) == pytest.approx(1.5 * np.tanh(VOLTAGES + 0.9))
    assert current(tanh("fast", -2.0), VOLTAGES) == pytest.approx(-2 * np.tanh(VOLTAGES))


def test_a_linear_element_is_ohms_law():
    """I = g (V - E)."""
    assert current(linear("slow", 0.5, -1.0), VOLTAGES) == pytest.approx(0.5 * (VOLTAGES + 1))
    assert current(linear("slow", -0.5), VOLTAGES) == pytest.approx(-0.5 * VOLTAGES)


def test_a_quadratic_element_has_its_two_roots():
    """I = alpha (V - low)(V - high) vanishes at both roots and has its extremum between."""
    element = quadratic("fast", 2.0, -0.5, 1.5)
    assert current(element, np.array([-0.5, 0.5, 1.5])) == pytest.approx([0.0, -2.0, 0.0])


def test_names_come_from_timescale_and_sign():
    """Fast negative is f_minus, slow positive s_plus, ultra-slow positive us_plus."""
    names = [element.name for element in (tanh("fast", -1), tanh("slow", 1), tanh("ultraslow", 1))]
    assert names == ["f_minus", "s_plus", "us_plus"]
    assert tanh("fast", -1, name="upstroke").name == "upstroke"
    assert {p.name for p in tanh("fast", -1).parameters} == {"alpha_f_minus", "delta_f_minus"}


@pytest.mark.parametrize(
    "build",
    [
        lambda: Law(name="x", parameters=(GAIN,), current=sympy.Symbol("beta") * V, meaning="m"),
        lambda: Law(name="x", parameters=(GAIN,), current=GAIN.symbol, meaning="m"),
        lambda: tanh("glacial", 1.0),
        lambda: tanh("fast", 1.0, name="two words"),
        lambda: tanh("fast", 1.0, name="x\n.end"),
        lambda: Element(law=TANH, timescale="fast", sign=0, values={}),
        lambda: Element(law=TANH, timescale="fast", sign=1, values={"beta": 1.0}),
    ],
)
def test_a_wrong_declaration_is_refused(build):
    """Undeclared symbols, laws without V, unknown timescales, signs, values, names that are no names."""
    with pytest.raises(DeclarationError):
        build()


@pytest.mark.parametrize("gain", [0.0, float("nan"), float("inf")])
def test_a_gain_of_zero_or_not_finite_is_refused(gain):
    """An element has a positive, finite alpha."""
    with pytest.raises(ParameterError):
        tanh("fast", gain)


POINTS = st.lists(st.integers(-30, 30).map(lambda tenth: tenth / 10), min_size=2, max_size=9)


@given(steps=st.lists(st.floats(0.05, 2), min_size=2, max_size=9), currents=POINTS)
def test_a_table_passes_through_its_points_and_never_overshoots(steps, currents):
    """The curve meets every point and stays between neighbouring points: monotone where they are."""
    size = min(len(steps), len(currents))
    voltages, currents = np.cumsum(steps[:size]), np.array(currents[:size])
    bare = sympy.lambdify(V, table_expression(list(voltages), list(currents), V), "numpy")

    def law(points: np.ndarray) -> np.ndarray:
        return np.broadcast_to(bare(points), points.shape)

    assert law(voltages) == pytest.approx(currents, abs=1e-9)
    for left, right, low, high in zip(voltages[:-1], voltages[1:], currents[:-1], currents[1:], strict=True):
        inside = law(np.linspace(left, right, 23))
        assert (np.diff(inside) * np.sign(high - low) >= -1e-9).all()


def test_a_table_goes_on_as_straight_lines_and_has_a_continuous_slope():
    """Outside the points the second difference is zero; at every knot the slope from both sides is one."""
    voltages, currents = np.array([-2.0, -0.5, 0.3, 1.0, 2.5]), np.array([-1.0, 0.4, 0.4, -0.2, 1.0])
    law = sympy.lambdify(V, table_expression(list(voltages), list(currents), V), "numpy")
    for outside in (np.linspace(-9, -2, 15), np.linspace(2.5, 9, 15)):
        assert np.abs(np.diff(law(outside), 2)).max() < 1e-12
    step = 1e-6
    below, above = (
        (law(voltages) - law(voltages - step)) / step,
        (law(voltages + step) - law(voltages)) / step,
    )
    # the cubic's second derivative, at most about 40 here, times the step bounds the difference
    assert np.abs(above - below).max() < 1e-4


def test_a_table_of_a_tanh_approaches_the_tanh():
    """The largest error falls at least as the square of the spacing: measured 3.4e-3 at 0.5, 2.1e-4 at 0.125."""
    errors = []
    for spacing in (0.5, 0.25, 0.125):
        points = np.arange(-4, 4 + spacing / 2, spacing)
        element = tabulated("fast", list(points), list(np.tanh(points)), gain=-2.0)
        inside = np.linspace(-4, 4, 4001)
        errors.append(float(np.abs(current(element, inside) + 2 * np.tanh(inside)).max()))
    assert errors[0] < 0.02
    assert errors[0] / errors[1] > 3.5
    assert errors[1] / errors[2] > 3.5


def test_a_table_can_be_scaled_and_moved_and_used_in_a_neuron():
    """gain scales, offset moves; the neuron's current is the table's at its own reading."""
    element = tabulated("slow", [-1.0, 0.0, 2.0], [-1.0, 0.5, 1.0], gain=3.0, offset=0.5)
    assert current(element, np.array([-0.5, 0.5, 2.5])) == pytest.approx([-3.0, 1.5, 3.0])
    neuron = mtc((tanh("fast", -2.0), element))
    assert "alpha_s_plus" in neuron.defaults


@pytest.mark.parametrize(
    ("voltages", "currents", "says"),
    [
        ([0.0], [1.0], "at least two"),
        ([0.0, 1.0], [1.0], "equally long"),
        ([0.0, 0.0], [1.0, 2.0], "increasing"),
        ([1.0, 0.0], [1.0, 2.0], "increasing"),
        ([0.0, float("nan")], [1.0, 2.0], "finite"),
        ([0.0, 1.0], [1.0, float("inf")], "finite"),
    ],
)
def test_a_bad_table_is_refused(voltages, currents, says):
    """Too few, unequal, unordered, repeated or infinite points."""
    with pytest.raises(DeclarationError, match=says):
        tabulated("fast", voltages, currents)
