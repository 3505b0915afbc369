"""The ways of the architecture page stay short, and never climb."""

import pytest

from scripts.journeys import JOURNEYS, climbs, told


@pytest.mark.parametrize(("name", "most"), [("declaration", 16), ("key", 10), ("batch", 6)])
def test_a_way_stays_short(name: str, most: int) -> None:
    """As many files as when the page was written, at most, and no call from a lower package to a higher one."""
    way = JOURNEYS[name]()
    files = {place for places in way.values() for place in places}
    assert len(files) <= most, told(name)
    assert sum(climbs(places) for places in way.values()) == 0


def test_a_climb_is_counted() -> None:
    """From circuits up to netlists and excitable, and nothing on the way down."""
    assert climbs(["circuits/a.py", "netlists/b.py", "conductance/c.py", "excitable/d.py"]) == 2


def test_a_way_is_the_same_in_a_process_that_went_it_before() -> None:
    """What the process keeps, as a loaded kernel, hides no part of a way."""
    assert JOURNEYS["batch"]() == JOURNEYS["batch"]()
