"""Sizes by roles: what a designer fixes, and the areas that give the least error under a budget."""

import math

import numpy as np
import pytest

from circuits.data.circuit import CircuitError, Mosfet
from circuits.mismatch.draws import THRESHOLD, sized_transistor
from circuits.mismatch.ranking import Ranked
from circuits.mismatch.sizing import (
    LEAST,
    MOST,
    RoleArea,
    check_budget,
    chosen_areas,
    role_areas,
    sizes_toml,
    total,
)
from circuits.realisations.cells.ota import five_transistor_ota, ten_transistor_ota
from circuits.technologies import TechnologyError, technology
from circuits.technologies.sizing import RoleSize, Sizing, role_of

GENERIC = technology("generic_180nm")
BIAS = 1.5e-9


def sized(**roles):
    """The generic process with something fixed of some roles."""
    rules = GENERIC.sizing.model_copy(
        update={"roles": {name: RoleSize(**size) for name, size in roles.items()}}
    )
    return GENERIC.model_copy(update={"sizing": rules})


def transistors(made_of, bias=BIAS):
    """By name, those of the ten-transistor amplifier."""
    cell = ten_transistor_ota(made_of, bias).subcircuit
    return {device.name: device for device in cell.devices if isinstance(device, Mosfet)}


def test_what_must_be_alike_has_one_role():
    """Mirrors copy by equal sizes: both ends of each have the same role, in both amplifiers."""
    for ends in (("m_bias", "m_tail"), ("m_plus", "m_minus"), ("m_diode", "m_sink")):
        assert len({role_of("nmos", name) for name in ends}) == 1
    assert {role_of("pmos", name) for name in ("m_left", "m_source", "m_right", "m_fold", "m_out")} == {
        "upper_mirror"
    }
    five = five_transistor_ota(GENERIC, BIAS).subcircuit.devices
    assert all(device.role for device in five if isinstance(device, Mosfet))
    assert role_of("nmos", "m_down_0") is None


def test_nothing_fixed_leaves_every_size_as_it_was():
    """The rules alone: one width and length for each polarity."""
    found = transistors(GENERIC)
    for polarity, name in (("nmos", "m_tail"), ("pmos", "m_left")):
        assert found[name].width == GENERIC.width(polarity, BIAS)
        assert found[name].length == GENERIC.transistor(polarity).length


def test_a_designer_fixes_width_length_efficiency_or_area_of_a_role():
    """Of that role alone. gm/Id = 1/(n U_T (sqrt(IC + 1/4) + 1/2)) gives the inversion, and it the width."""
    plain = transistors(GENERIC)
    found = transistors(sized(tail={"width": 7e-6, "length": 4e-6}, upper_mirror={"area": 4.0}))
    pair = transistors(sized(pair={"efficiency": 25.0}), 200e-9)["m_plus"]
    assert (found["m_tail"].width, found["m_bias"].length) == (7e-6, 4e-6)
    kind = GENERIC.nmos
    inversion = 200e-9 * pair.length / pair.width / kind.specific_current
    efficiency = 1 / (kind.slope_factor * GENERIC.thermal_voltage * (math.sqrt(inversion + 0.25) + 0.5))
    assert efficiency == pytest.approx(25.0, rel=1e-3)
    assert found["m_left"].width == pytest.approx(2 * plain["m_left"].width, abs=GENERIC.sizing.grid)
    assert found["m_left"].length == pytest.approx(2 * plain["m_left"].length)
    assert found["m_sink"] == plain["m_sink"]
    with pytest.raises(TechnologyError, match=r"gm/Id = 40 1/V; weak inversion of \w+ has .* at most"):
        transistors(sized(pair={"efficiency": 40.0}))
    with pytest.raises(TechnologyError, match=r"a pair of 1\.5e-09 A would be .* um wide, and nch begins at"):
        transistors(sized(pair={"efficiency": 15.0}))
    with pytest.raises(ValueError, match="give width or efficiency, not both"):
        RoleSize(width=1e-6, efficiency=10.0)
    with pytest.raises(ValueError, match="roles"):
        Sizing(roles={"tails": {}})


def test_four_times_the_area_has_half_the_spread():
    """Pelgrom's rule on what is drawn."""
    plain, large = (transistors(each)["m_left"] for each in (GENERIC, sized(upper_mirror={"area": 4.0})))
    spreads = [sized_transistor(each, GENERIC).spreads[THRESHOLD] for each in (plain, large)]
    assert spreads[0] / spreads[1] == pytest.approx(2.0, rel=1e-3)
    assert sized_transistor(large, GENERIC).role == "upper_mirror"


def roles(*pairs):
    return [RoleArea(role=f"r{k}", area=area, error=error) for k, (area, error) in enumerate(pairs)]


def test_the_least_error_is_the_closed_form():
    """(sum of sqrt(V A))^2 over the budget; the factors go as sqrt(V/A), and no other split is better."""
    known = roles((4e-12, 0.3), (1e-12, 0.2), (2e-12, 0.1))
    whole = sum(one.area for one in known)
    chosen = chosen_areas(known, 1.5)
    assert sum(one.area * one.factor for one in chosen) == pytest.approx(1.5 * whole, rel=1e-9)
    exact = sum(one.error * math.sqrt(one.area) for one in known) ** 2 / (1.5 * whole)
    assert total(chosen) ** 2 == pytest.approx(exact, rel=1e-9)
    generator = np.random.default_rng(0)
    for _ in range(200):
        shares = generator.dirichlet(np.ones(3)) * 1.5 * whole
        other = sum(one.error**2 * one.area / share for one, share in zip(known, shares, strict=True))
        assert other >= exact * (1 - 1e-12)
    assert total(chosen_areas(known, 1.0)) < total(known)


def test_bounds_and_fixed_roles_leave_the_rest_to_the_others():
    """A role that hardly matters stops at the least factor, a fixed one stays, and the budget is kept."""
    known = roles((4e-12, 0.3), (1e-12, 1e-6), (2e-12, 0.1))
    chosen = {one.role: one.factor for one in chosen_areas(known, 1.0, fixed=("r2",))}
    assert (chosen["r1"], chosen["r2"]) == (LEAST, 1.0)
    assert chosen["r0"] == pytest.approx((4 + 1 - LEAST) / 4, rel=1e-9)
    with pytest.raises(CircuitError, match=r"area budget 20: .* it may be 0\.25 to 16"):
        chosen_areas(known, 20.0)
    assert max(one.factor for one in chosen_areas(known, 15.0)) <= MOST


def test_a_ranking_is_summed_by_roles():
    """Variances and areas add; capacitors and what has no role are left out."""
    table = [
        Ranked(part=part, device="m", count=1, error=error, share=0.1, area=area, role=role)
        for part, error, area, role in (("a", 3.0, 1.0, "tail"), ("b", 4.0, 2.0, "tail"), ("c", 9.0, 5.0, ""))
    ]
    (tail,) = role_areas(table)
    assert (tail.role, tail.error, tail.area) == ("tail", 5.0, 3.0)
    chosen = chosen_areas([tail], 2.0)
    assert sizes_toml(chosen, {"tail": 1.5}) == "[sizing.roles.tail]\narea = 3\n"


@pytest.mark.parametrize("budget", [0.0, -1.0, 0.2, 17.0, float("nan"), float("inf")])
def test_a_budget_that_no_sizes_keep_is_refused_before_the_ranking(budget):
    """A ranking takes minutes; zero, less, NaN and what is beyond every factor are told first."""
    with pytest.raises(CircuitError, match=r"area budget .*: give the area of all gates .* from 0\.25 to 16"):
        check_budget(budget)
