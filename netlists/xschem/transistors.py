"""Transistors on a sheet: columns of a p-channel above an n-channel one that share a drain, between two rails.

The n-channel transistors whose source is no rail, as a pair's over its tail, stand higher; their sources are joined by
a line on which the tail's drain ends.
"""

from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass
from itertools import zip_longest

from circuits.data.circuit import Mosfet
from netlists.writing.names import card_name
from netlists.xschem.sheet import Sheet, number

COLUMN, STOREY = 240, 180
"""Between columns and between storeys."""
HALF = 30
"""From a transistor's middle to its drain and to its source."""
BESIDE = 20
"""From its middle to gate and bulk."""
GAP = 80
"""From the last storey of a polarity to the next, and to its rail."""


@dataclass(frozen=True, kw_only=True)
class Column:
    """Transistors above each other; `upper` and `lower` share the net of their drains where both are there."""

    upper: Mosfet | None
    lower: Mosfet | None

    @property
    def net(self) -> str:
        """Of the drains."""
        return next(each.drain for each in (self.upper, self.lower) if each is not None)


def columns_of(transistors: Sequence[Mosfet], polarity: Mapping[str, str]) -> list[Column]:
    """The columns, by the order in which their drains are met."""
    found: list[Column] = []
    for net in dict.fromkeys(each.drain for each in transistors):
        here = [each for each in transistors if each.drain == net]
        upper = [each for each in here if polarity.get(each.model) == "pmos"]
        lower = [each for each in here if each not in upper]
        found += [Column(upper=p, lower=n) for p, n in zip_longest(upper, lower)]
    return found


def place_transistors(
    sheet: Sheet, transistors: Sequence[Mosfet], polarity: Mapping[str, str], left: int
) -> int:
    """Put transistors on a sheet from `left` on, below y = 0; the lower end of what they need, 0 without any."""
    columns = columns_of(transistors, polarity)
    if not columns:
        return 0
    storeys = {kind: _storeys([device for _, device in _row(columns, kind)]) for kind in ("upper", "lower")}
    tall = sum(max(found.values(), default=0) for found in storeys.values())
    bottom = GAP * 3 + STOREY * (tall + 1) + HALF * 2
    heights = {name: GAP + STOREY * storey for name, storey in storeys["upper"].items()}
    heights |= {name: bottom - GAP - STOREY * storey for name, storey in storeys["lower"].items()}
    tails = _tails(sheet, columns, heights, left)
    for place, column in enumerate(columns):
        x = left + COLUMN * place
        for kind, rail in (("upper", 0), ("lower", bottom)):
            device = getattr(column, kind)
            if device is not None:
                _transistor(sheet, device, x, heights[device.name], rail, up=kind == "upper", tails=tails)
        _drains(sheet, column, x + BESIDE, heights, tails)
    for kind, y in (("upper", 0), ("lower", bottom)):
        _rails(sheet, _row(columns, kind), left, y)
    return bottom


def _rails(sheet: Sheet, row: Sequence[tuple[int, Mosfet]], left: int, y: int) -> None:
    """The lines that sources of one polarity end on, with their names."""
    places = [
        (device.source, left + COLUMN * place + BESIDE)
        for place, device in row
        if device.source == device.bulk
    ]
    for net in dict.fromkeys(net for net, _ in places):
        ends = [x for each, x in places if each == net]
        sheet.label(net, min(ends), y, "left")
        if len(ends) > 1:
            sheet.wire(net, min(ends), y, max(ends), y)


def _tails(sheet: Sheet, columns: Sequence[Column], heights: Mapping[str, int], left: int) -> set[str]:
    """Draw the lines that sources of pairs share with the drain of their tail; the nets of these."""
    lower = _row(columns, "lower")
    drains = {device.drain: (place, device) for place, device in lower if columns[place].upper is None}
    found: set[str] = set()
    for net in dict.fromkeys(device.source for _, device in lower if device.source != device.bulk):
        above = [(place, device) for place, device in lower if device.source == net != device.bulk]
        level = {heights[device.name] for _, device in above}
        if net not in drains or len(level) > 1:
            continue
        ends = [(place, heights[device.name] + HALF) for place, device in above]
        ends.append((drains[net][0], heights[drains[net][1].name] - HALF))
        y = level.pop() + HALF + 40 + 10 * len(found)
        across = [left + COLUMN * place + BESIDE for place, _ in ends]
        sheet.wire(net, min(across), y, max(across), y)
        sheet.label(net, min(across), y, "left")
        for x, (_, end) in zip(across, ends, strict=True):
            sheet.wire(net, x, y, x, end)
        found.add(net)
    return found


def _row(columns: Sequence[Column], kind: str) -> list[tuple[int, Mosfet]]:
    """The transistors of one polarity, each with the number of its column."""
    found = [(place, getattr(column, kind)) for place, column in enumerate(columns)]
    return [(place, device) for place, device in found if device is not None]


def _storeys(transistors: Sequence[Mosfet]) -> dict[str, int]:
    return {each.name: _storey(each, transistors) for each in transistors}


def _storey(device: Mosfet, others: Sequence[Mosfet], depth: int = 0) -> int:
    """How many transistors stand between this one and its rail."""
    if device.source == device.bulk or depth > len(others):
        return 0
    below = [each for each in others if each.drain == device.source]
    return 1 + max((_storey(each, others, depth + 1) for each in below), default=0)


def _transistor(
    sheet: Sheet, device: Mosfet, x: int, y: int, rail: int, *, up: bool, tails: Set[str]
) -> None:
    """One transistor, its source drawn to the rail or named, its gate and its bulk named."""
    values = {
        "name": card_name(device), "model": device.model, "w": number(device.width), "l": number(device.length),
        "m": str(device.multiplicity),
    }  # fmt: skip
    sheet.place(f"devices/{'p' if up else 'n'}mos4.sym", x, y, values)
    sheet.label(device.gate, x - BESIDE, y, "left")
    sheet.label(device.bulk, x + BESIDE, y, "right")
    source = y - HALF if up else y + HALF
    if device.source == device.bulk:
        sheet.wire(device.source, x + BESIDE, source, x + BESIDE, rail)
    elif up or device.source not in tails:
        sheet.label(device.source, x + BESIDE, source, "right")


def _drains(sheet: Sheet, column: Column, x: int, heights: Mapping[str, int], tails: Set[str]) -> None:
    """The drains of a column, joined, with the name of their net."""
    ends = [] if column.upper is None else [heights[column.upper.name] + HALF]
    ends += [] if column.lower is None else [heights[column.lower.name] - HALF]
    if len(ends) == 2:
        sheet.wire(column.net, x, ends[0], x, ends[1])
        sheet.label(column.net, x, sum(ends) // 20 * 10, "right")
    elif column.net not in tails:
        sheet.label(column.net, x, ends[0], "right")
