"""Sizes from the ranking: which areas of roles give the least error of the output under a budget of area.

By Pelgrom's rule the variance V that the devices of a role add falls with one over their area A. The sum of V_k/s_k
under the sum of A_k s_k = B is least where s_k goes as sqrt(V_k/A_k), by a Lagrange multiplier, and is then
(sum of sqrt(V_k A_k))^2/B. Factors stop at `LEAST` and `MOST`, and the rest shares what is left.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from circuits.data.circuit import CircuitError
from circuits.mismatch.ranking import Ranked

LEAST, MOST = 0.25, 16.0
"""Factors of an area: half as long, a card's channel is still a long one; four times as long, a mirror is slow."""


@dataclass(frozen=True, kw_only=True)
class RoleArea:
    """The transistors of a role.

    Attributes:
        role: its name in the technology's file.
        area: of their gates together, in m^2, as they are.
        error: standard deviation that they give to the network's output, as they are.
        factor: of their area, that is chosen.
        least: the smallest factor that is chosen.
    """

    role: str
    area: float
    error: float
    factor: float = 1.0
    least: float = LEAST

    @property
    def chosen_error(self) -> float:
        """The same with the chosen area."""
        return self.error / math.sqrt(self.factor)


def role_areas(table: Sequence[Ranked]) -> tuple[RoleArea, ...]:
    """The roles of a ranking, those that hurt most first; devices without a role are left as they are."""
    groups: dict[str, list[Ranked]] = {}
    for one in table:
        if one.role:
            groups.setdefault(one.role, []).append(one)
    made = (
        RoleArea(
            role=role, area=sum(one.area for one in group), error=math.hypot(*(one.error for one in group)),
            least=max(LEAST, *(one.least for one in group)),
        )
        for role, group in groups.items()
    )  # fmt: skip
    return tuple(sorted(made, key=lambda one: (-one.error, one.role)))


def check_budget(budget: float) -> None:
    """Refuse what no factors can keep, before anything is simulated.

    Raises:
        CircuitError: a budget that is not between `LEAST` and `MOST`.
    """
    if not LEAST <= budget <= MOST:
        raise CircuitError(
            f"area budget {budget:g}: give the area of all gates over what it is, from {LEAST:g} to {MOST:g}"
        )


def chosen_areas(roles: Sequence[RoleArea], budget: float, fixed: Sequence[str] = ()) -> tuple[RoleArea, ...]:
    """The roles with the areas that give the least error together.

    Args:
        roles: as they are.
        budget: area of their gates together over what it is, those of fixed roles included.
        fixed: roles whose sizes a designer has fixed.

    Raises:
        CircuitError: a budget that no factors between `LEAST` and `MOST` keep.
    """
    whole = sum(one.area for one in roles)
    kept = sum(one.area for one in roles if one.role in fixed)
    free = [one for one in roles if one.role not in fixed]
    left, own = budget * whole - kept, sum(one.area for one in free)
    least = sum(one.least * one.area for one in free)
    if not free or not least <= left <= MOST * own:
        low, high = ((kept + bound) / whole for bound in (least, MOST * own))
        raise CircuitError(
            f"area budget {budget:g}: with factors of the areas that are not fixed up to {MOST:g}, down to {LEAST:g} "
            f"or the smallest width, it may be {low:.3g} to {high:.3g}"
        )
    factors = _factors(free, left)
    return tuple(replace(one, factor=factors.get(one.role, 1.0)) for one in roles)


def _factors(free: Sequence[RoleArea], left: float) -> Mapping[str, float]:
    """Each role's factor, sqrt(V/A) times one number, by bisection: bounded ones leave the rest to the others."""
    weight = {one.role: one.error / math.sqrt(one.area) for one in free}

    def at(scale: float) -> dict[str, float]:
        return {one.role: min(MOST, max(one.least, scale * weight[one.role])) for one in free}

    positive = [value for value in weight.values() if value > 0]
    low, high = LEAST / max(positive) / 2, 2 * MOST / min(positive)
    for _ in range(200):
        middle = math.sqrt(low * high)
        taken = sum(one.area * at(middle)[one.role] for one in free)
        low, high = (middle, high) if taken < left else (low, middle)
    return at(math.sqrt(low * high))


def total(roles: Sequence[RoleArea], rest: float = 0.0) -> float:
    """Standard deviation of the output by the chosen areas, and by a `rest` that no role has."""
    return math.hypot(rest, *(one.chosen_error for one in roles))


def sizes_toml(roles: Sequence[RoleArea], known: Mapping[str, float]) -> str:
    """The chosen factors as tables of a technology's file, each times the factor that the role has there already."""
    lines = []
    for one in roles:
        if one.factor != 1:
            lines += [f"[sizing.roles.{one.role}]", f"area = {one.factor * known.get(one.role, 1.0):.4g}", ""]
    return "\n".join(lines)
