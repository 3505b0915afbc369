"""I-V curves, their falling parts, and the published rules of their shapes."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from conductance.elements import linear, tabulated, tanh
from conductance.neurons import adlif, lif, low_pass, mtc, qif
from conductance.neurons.presets import PRESETS
from conductance.shaping.curves import (
    CurveError,
    curve,
    curves,
    negative_slope_regions,
    steady_curve,
    voltage_range,
)
from conductance.shaping.rules import RULES, Shape, explanation, published_rule, shapes

VOLTAGES = np.linspace(-4, 4, 81)


def test_the_curve_of_a_timescale_sums_what_is_not_slower():
    """I_x(V) = leak + all elements up to x at V, the slower ones frozen at the resting voltage."""
    rest, made = -1.3, mtc()
    leak, fast = VOLTAGES, -2 * np.tanh(VOLTAGES)

    def slow(v):
        return 2 * np.tanh(v) - 1.5 * np.tanh(v + 0.9)

    def ultraslow(v):
        return 1.5 * np.tanh(v + 0.9)

    wanted = {
        "fast": leak + fast + slow(rest) + ultraslow(rest),
        "slow": leak + fast + slow(VOLTAGES) + ultraslow(rest),
        "ultraslow": leak + fast + slow(VOLTAGES) + ultraslow(VOLTAGES),
    }
    found = curves(made)
    assert list(found) == list(wanted)
    for timescale, current in wanted.items():
        assert found[timescale].function(rest=rest)(VOLTAGES) == pytest.approx(current)


def test_all_curves_meet_at_the_resting_voltage():
    """Where the slower parts are frozen, frozen and settled are the same."""
    found = [each.function(rest=-0.7)(-0.7) for each in curves(mtc(tau_f=0.5, filter_limit=1.0)).values()]
    assert np.ptp(found) < 1e-12


def test_a_slewing_filter_settles_where_a_linear_one_does():
    """Limits of the filters change how fast, not where: the curves are the same."""
    for timescale, plain in curves(mtc()).items():
        slewing = curve(mtc(filter_limit=1.0), timescale)
        assert slewing.function()(VOLTAGES) == pytest.approx(plain.function()(VOLTAGES))


def test_other_neurons_have_their_textbook_curves():
    """LIF (U - U_rest)/R; QIF V - V^2; AdLIF with adaptation settled U (1/R + a)."""
    assert curve(lif(), "fast").function()(VOLTAGES) == pytest.approx(VOLTAGES)
    assert curve(qif(), "fast").function()(VOLTAGES) == pytest.approx(VOLTAGES - VOLTAGES**2)
    assert curve(adlif(a=2.0), "slow").function()(VOLTAGES) == pytest.approx(3 * VOLTAGES)
    assert curve(adlif(a=2.0), "fast").function(rest=0.5)(VOLTAGES) == pytest.approx(VOLTAGES + 1.0)


@given(gain=st.floats(1.01, 6), offset=st.floats(-1.5, 1.5))
@settings(max_examples=40)
def test_the_fast_curve_falls_where_its_slope_is_negative(gain, offset):
    """1 - alpha/cosh^2(V - delta) < 0 for |V - delta| < arccosh(sqrt alpha)."""
    made = mtc((tanh("fast", -gain, offset),))
    (region,) = negative_slope_regions(curve(made, "fast"))
    half = math.acosh(math.sqrt(gain))
    assert (region.lower, region.upper) == pytest.approx((offset - half, offset + half), abs=1e-9)
    assert region.middle == pytest.approx(offset, abs=1e-9)


@pytest.mark.parametrize("offset", [0.0, 0.123, -0.777])
def test_a_slope_that_touches_zero_is_no_region(offset):
    """alpha_f = 1 is exactly flat at one point: monotone. A little more is a region, a little less is none."""
    for gain, count in ((0.999, 0), (1.0, 0), (1.0001, 1)):
        found = negative_slope_regions(curve(mtc((tanh("fast", -gain, offset),)), "fast"))
        assert len(found) == count


def test_a_fall_without_end_has_an_infinite_edge():
    """QIF falls from V = 1/2 on; a conductance of -2 against a leak of 1 falls everywhere."""
    (region,) = negative_slope_regions(curve(qif(), "fast"))
    assert (region.lower, region.upper) == (pytest.approx(0.5), math.inf)
    (all_over,) = negative_slope_regions(curve(mtc((linear("fast", -2.0),)), "fast"))
    assert (all_over.lower, all_over.upper) == (-math.inf, math.inf)
    assert not all_over.bounded


def test_two_falling_parts_are_two_regions():
    """Fast elements far apart make a curve with two N."""
    made = mtc((tanh("fast", -2.0, -3.0), tanh("fast", -2.0, 3.0, name="second")))
    found = negative_slope_regions(curve(made, "fast"))
    assert [region.middle for region in found] == pytest.approx([-3.0, 3.0], abs=0.01)


def test_the_range_holds_offsets_and_tables():
    """Every offset and table point lies at least 4 V0 inside."""
    assert voltage_range(mtc((tanh("fast", -2.0, 3.0),))) == (-4.0, 7.0)
    table = tabulated("fast", [-6.0, 0.0, 8.0], [2.0, 0.0, -2.0], offset=1.0)
    assert voltage_range(mtc((table,))) == pytest.approx((-9.0, 13.0))


def test_bad_questions_are_refused():
    """Unknown timescales and empty ranges."""
    with pytest.raises(CurveError, match="ultraslow"):
        curve(mtc(), "glacial")
    with pytest.raises(CurveError, match="empty"):
        negative_slope_regions(steady_curve(mtc()), low=1.0, high=-1.0)


RULE_OF = {
    "tonic": 2,
    "excitable": 2,
    "rest-spike bistable": 3,
    "bursting": 4,
    "slow bursting": 4,
    "phasic spike": 2,
    "phasic burst": 4,
}


@pytest.mark.parametrize("name", RULE_OF)
def test_each_published_set_meets_its_rule(name):
    """Fast N; slow N for bistable and bursting sets only; ultra-slow monotone."""
    found = shapes(PRESETS[name].neuron)
    rule = published_rule(found)
    assert rule is not None
    assert rule.number == RULE_OF[name]
    assert f"Rule {rule.number}" in explanation(PRESETS[name].neuron)


def test_rule_one_tells_filter_from_switch():
    """alpha_f <= 1/R filters; alpha_f > 1/R alone switches. R moves the border."""
    for gain, resistance, shape, behaviour in (
        (0.9, 1.0, Shape.MONOTONE, "filter"),
        (0.9, 2.0, Shape.N_SHAPED, "switch"),
        (1.5, 1.0, Shape.N_SHAPED, "switch"),
        (1.5, 0.5, Shape.MONOTONE, "filter"),
    ):
        made = mtc((tanh("fast", -gain),)).with_values(R=resistance)
        rule = published_rule(shapes(made))
        assert shapes(made)["fast"] == shape
        assert rule is not None
        assert rule.number == 1
        assert behaviour in rule.behaviour


def test_explanations_say_what_falls_where_and_what_is_against_the_rule_of_thumb():
    """Shapes, voltages, the rule, the ratio of time constants, the event; and that a rule is silent."""
    text = explanation(mtc((tanh("fast", -2.0), tanh("slow", 2.0)), tau_s=5.0))
    for part in ("fast curve is N-shaped, falling from -0.88 to 0.88", "Rule 2", "5 times slower", "below"):
        assert part in text
    assert "reset" in explanation(lif())
    assert "None of the published rules" in explanation(qif())
    assert "Rule 1" in explanation(low_pass())


def test_every_rule_can_be_met():
    """No rule of the table hides behind an earlier one."""
    for rule in RULES:
        assert published_rule(dict(rule.shapes)) is rule
