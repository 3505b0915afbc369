"""The colours of everything that this package draws: one per role, for light and dark ground, told apart by anyone."""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from conductance.elements.base import Timescale


@dataclass(frozen=True, kw_only=True)
class Colour:
    """A role's colour on light and on dark ground."""

    light: str
    dark: str


PALETTE: Mapping[str, Colour] = MappingProxyType(
    {
        "paper": Colour(light="#ffffff", dark="#151b23"),
        "ink": Colour(light="#1d2733", dark="#e6ebf0"),
        "muted": Colour(light="#5c6977", dark="#9aa8b6"),
        "grid": Colour(light="#dce2e8", dark="#2b3643"),
        "shade": Colour(light="#eef1f4", dark="#1e2731"),
        "truth": Colour(light="#8593a1", dark="#8795a4"),
        "model": Colour(light="#0072b2", dark="#56b4f0"),
        "equation": Colour(light="#009e73", dark="#3ccfa0"),
        "circuit": Colour(light="#d55e00", dark="#ff9149"),
        "fast": Colour(light="#c08000", dark="#f0a020"),
        "slow": Colour(light="#b3478f", dark="#d96bb4"),
        "ultraslow": Colour(light="#17364f", dark="#c4e4fa"),
        "fault": Colour(light="#b3261e", dark="#ff7b72"),
    }
)
"""Okabe & Ito's colours (jfly.uni-koeln.de/color), darkened or lightened where the ground asks for it."""
DASHES: Mapping[Timescale, str | tuple] = MappingProxyType(
    {"fast": "-", "slow": (0, (5, 1.6)), "ultraslow": (0, (5, 1.4, 1.2, 1.4))}
)
"""Lines of timescales differ in more than colour."""


def colour(role: str) -> str:
    """The light value of a role, as files are drawn with."""
    return PALETTE[role].light
