"""Which transistor hurts most: what each device of a network adds to the error of its output."""

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np

from circuits.mismatch.draws import Sized
from circuits.mismatch.rows import Number, Row


@dataclass(frozen=True, kw_only=True)
class Ranked:
    """The devices of one name in one part, over all neurons and instances.

    Attributes:
        part: the layer and the part, as `hidden.um.leak`.
        device: in its cell, as `m_tail`.
        count: how many there are.
        error: standard deviation that they give to the network's output, root mean square over time and outputs.
        share: of the variance that all devices give it.
        area: of the gates, or of a capacitor, in m^2, together.
        role: of transistors that are drawn alike; empty where there is none.
        least: the smallest factor of their areas that can be drawn.
    """

    part: str
    device: str
    count: int
    error: float
    share: float
    area: float
    role: str = ""
    least: float = 0.0


def spreads_of(known: Iterable[Row], sized: Mapping[str, Sized]) -> dict[Number, float]:
    """The standard deviation of every number of the model that a device moves."""
    found: dict[Number, float] = {}
    for row in known:
        spread = sized[row.path].spreads[row.kind]
        for number, factor in row.moves.items():
            found[number] = math.hypot(found.get(number, 0.0), factor * spread)
    return found


def ranked(
    known: tuple[Row, ...], sized: Mapping[str, Sized], slopes: Mapping[Number, np.ndarray]
) -> tuple[Ranked, ...]:
    """The devices by what they add to the output's error, the worst first.

    Devices are drawn independently, so that variances add; to first order in each.

    Args:
        known: the rows of the network's devices.
        sized: its devices by path.
        slopes: (time, output) of each number of the model: the output's change for one of it.
    """
    variances: dict[tuple[str, str], float] = {}
    paths: dict[tuple[str, str], set[str]] = {}
    for row in known:
        moved = [factor * slopes[number] for number, factor in row.moves.items() if number in slopes]
        change = sum(moved, start=np.zeros(1))
        key = (row.part, row.device)
        spread = sized[row.path].spreads[row.kind]
        variances[key] = variances.get(key, 0.0) + spread**2 * float(np.mean(change**2))
        paths.setdefault(key, set()).add(row.path)
    whole = sum(variances.values())
    found = (
        Ranked(
            part=part,
            device=device,
            count=len(paths[part, device]),
            error=math.sqrt(variance),
            share=variance / whole if whole else 0.0,
            area=sum(sized[path].area for path in paths[part, device]),
            role=next(iter({sized[path].role for path in paths[part, device]})),
            least=max(sized[path].least for path in paths[part, device]),
        )
        for (part, device), variance in variances.items()
    )
    return tuple(sorted(found, key=lambda one: (-one.error, one.part, one.device)))


def total_error(table: tuple[Ranked, ...]) -> float:
    """Standard deviation of the output by all devices together."""
    return math.hypot(*(one.error for one in table))
