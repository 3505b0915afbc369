"""The palette: what is drawn together is told apart by anyone, and text can be read on either ground.

Colour blindness by the matrices of Machado, Oliveira and Fernandes, IEEE TVCG 15(6), 2009, table 1, severity 1, on
linear sRGB; differences by CIE 1976 in CIELAB (D65), where 2.3 is just noticeable.
"""

from itertools import combinations

import numpy as np
import pytest

from conductance.elements import TIMESCALES
from conductance.shaping.figures.palette import DASHES, PALETTE

SIGHT = {
    "usual": np.eye(3),
    "protanopia": [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]],
    "deuteranopia": [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.01182, 0.04294, 0.968881]],
    "tritanopia": [[1.255528, -0.076749, -0.178779], [-0.078411, 0.930809, 0.147602], [0.004733, 0.691367, 0.3039]],
}  # fmt: skip
XYZ = np.array(
    [[0.4124564, 0.3575761, 0.1804375], [0.2126729, 0.7151522, 0.072175], [0.0193339, 0.119192, 0.9503041]]
)
WHITE = XYZ.sum(axis=1)
GROUNDS = ("light", "dark")
TOGETHER = {"elements": (TIMESCALES, 15), "traces": (("model", "equation", "circuit", "truth"), 12)}
"""Roles that one plot may show, and how far apart they are at least; elements and timescales differ in dashes too."""


def linear(colour):
    """Linear sRGB of a hexadecimal colour."""
    parts = np.array([int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)])
    return np.where(parts <= 0.04045, parts / 12.92, ((parts + 0.055) / 1.055) ** 2.4)


def lab(light):
    """CIELAB of linear sRGB."""
    share = XYZ @ np.clip(light, 0, 1) / WHITE
    f = np.where(share > 216 / 24389, np.cbrt(share), (24389 / 27 * share + 16) / 116)
    return np.array([116 * f[1] - 16, 500 * (f[0] - f[1]), 200 * (f[1] - f[2])])


def test_white_and_grey_have_no_hue():
    """The conversion itself: white is L = 100, and a grey stays grey for every kind of sight."""
    assert lab(np.ones(3)) == pytest.approx([100, 0, 0], abs=0.01)
    for matrix in SIGHT.values():
        assert np.asarray(matrix) @ np.ones(3) == pytest.approx(1, abs=1e-5)


@pytest.mark.parametrize("ground", GROUNDS)
@pytest.mark.parametrize("sight", SIGHT)
@pytest.mark.parametrize("group", TOGETHER)
def test_colours_of_one_plot_are_told_apart(ground, sight, group):
    """Each pair differs by 15 (elements) or 12 (traces) in CIELAB, for every kind of sight."""
    roles, apart = TOGETHER[group]
    seen = {role: lab(np.asarray(SIGHT[sight]) @ linear(getattr(PALETTE[role], ground))) for role in roles}
    for first, second in combinations(roles, 2):
        assert np.linalg.norm(seen[first] - seen[second]) >= apart, (first, second)


def test_timescales_differ_without_colour():
    """No two have the same dashes."""
    assert len({str(DASHES[name]) for name in TIMESCALES}) == len(TIMESCALES)


@pytest.mark.parametrize("ground", GROUNDS)
@pytest.mark.parametrize("text", ["ink", "muted", "fault", "model"])
def test_text_can_be_read(ground, text):
    """Contrast of at least 4.5 on paper and on shade (WCAG 2.1, 1.4.3)."""
    written = linear(getattr(PALETTE[text], ground)) @ XYZ[1]
    for behind in ("paper", "shade"):
        low, high = sorted((written, linear(getattr(PALETTE[behind], ground)) @ XYZ[1]))
        assert (high + 0.05) / (low + 0.05) >= 4.5, behind
