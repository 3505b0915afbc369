"""By which rules transistors get their sizes, and what a designer fixes of them by their role."""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal, get_args

from pydantic import Field, model_validator

from circuits.data.models import Polarity
from circuits.technologies.tables import Positive, Table

Role = Literal["tail", "pair", "upper_mirror", "lower_mirror", "output", "limit", "unit"]
"""What transistors do that must be alike: a mirror copies by equal sizes, a pair is symmetric."""
ROLES: tuple[Role, ...] = get_args(Role)
_NAMES: Mapping[Polarity, Mapping[Role, tuple[str, ...]]] = MappingProxyType(
    {
        "nmos": {
            "tail": ("m_bias", "m_tail"),
            "pair": ("m_plus", "m_minus"),
            "lower_mirror": ("m_diode", "m_sink", "m_fold", "m_turned", "m_down"),
            "output": ("m_line", "m_copy", "m_take"),
        },
        "pmos": {
            "upper_mirror": ("m_left", "m_right", "m_source", "m_fold", "m_out"),
            "limit": ("m_limit", "m_allow", "m_excess", "m_give"),
        },
    }
)


def role_of(polarity: Polarity, name: str) -> Role | None:
    """The role of a transistor by its name in its cell; None of one that has none, as an inverter's.

    >>> role_of("nmos", "m_tail"), role_of("pmos", "m_fold"), role_of("nmos", "m_fold")
    ('tail', 'upper_mirror', 'lower_mirror')
    """
    return next((role for role, names in _NAMES[polarity].items() if name in names), None)


@dataclass(frozen=True, kw_only=True)
class Size:
    """Of a transistor, in m."""

    width: float
    length: float


class RoleSize(Table):
    """What is fixed of the transistors of a role; what is not follows from the rules."""

    width: Positive | None = Field(default=None, description="m")
    length: Positive | None = Field(default=None, description="m; the transistor's own where not given")
    efficiency: Positive | None = Field(default=None, description="gm/Id at the bias current, 1/V")
    area: Positive = Field(default=1.0, description="factor of W L, by which both grow alike")

    @model_validator(mode="after")
    def _one_width(self) -> "RoleSize":
        if self.width is not None and self.efficiency is not None:
            raise ValueError("give width or efficiency, not both: gm/Id decides the width")
        return self


class Sizing(Table):
    """By which rules transistors get their widths."""

    inversion: Positive = Field(default=0.1, description="largest inversion coefficient at the bias current")
    offset_sigma: Positive = Field(default=2e-3, description="largest sigma of one transistor's threshold, V")
    grid: Positive = Field(default=5e-9, description="widths and lengths are multiples of it, m")
    roles: dict[Role, RoleSize] = Field(
        default_factory=dict, description="what is fixed of the transistors of a role"
    )

    def of(self, role: Role | None) -> RoleSize:
        """What is fixed of a role; nothing where nothing is said."""
        return RoleSize() if role is None else self.roles.get(role, RoleSize())
