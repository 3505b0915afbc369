"""From the rows of a schematic to its SVG: each node a wire, each part in a column of its own, so nothing overlaps."""

import html
import textwrap
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate, pairwise
from typing import Literal

from circuits.data.circuit import GROUND
from circuits.schematic.plan import Part, Row, quantity
from conductance.errors import extra

with extra("report"):
    import schemdraw
    import schemdraw.elements as elm

Align = Literal["left", "center", "right"]
LETTER, LINE = 0.165, 0.4
"""Width of a letter and height of a line, in schemdraw's units (36 points)."""
FONT = 10
MARGIN = 4.2
"""Left of each wire, for the node's name and meaning."""
WIDEST = 27.0
"""A wire that would be longer goes on in another line."""
SYMBOL = 2.2
"""Length of a part, from its wire to its other end."""
END = 0.8
"""Below it, for a ground or the name of another node."""
GAP = 0.5
NARROWEST = {"amplifier": 5.2, "nmos": 3.6, "pmos": 3.6}


@dataclass(frozen=True, kw_only=True)
class _Line:
    """A row, or as much of it as fits, and the columns of its parts."""

    row: Row
    parts: tuple[Part, ...]
    first: bool

    @property
    def columns(self) -> tuple[float, ...]:
        """Left end of each part's column, and the right end of the last."""
        return tuple(accumulate(map(_width, self.parts), initial=MARGIN))

    def height(self, *, above: bool) -> float:
        """Room that the parts on one side of the wire need."""
        heights = [SYMBOL + END + LINE * len(p.caption) for p in self.parts if p.above == above]
        name = 0.0 if above else LINE * (1 + len(_meaning(self.row)))
        return max([0.5, name, *heights])


def draw(rows: Sequence[Row], *, title: str, units: Mapping[str, float]) -> str:
    """The SVG of a schematic.

    Args:
        rows: of `plan`.
        title: first line of the drawing.
        units: v0 in V and i0 in A, where laws name them.
    """
    drawing = schemdraw.Drawing(canvas="svg", show=False, fontsize=FONT)
    shown = {"v0": "V", "i0": "A"}
    words = [f"{name} = {quantity(value, shown[name])}" for name, value in units.items()]
    _text(drawing, 0, 0, title, size=FONT + 3)
    _text(drawing, 0, -0.6, ", ".join(words))
    y = -1.0
    for shelf in _shelves(_broken(rows)):
        y -= max(line.height(above=True) for line in shelf)
        x = 0.0
        for line in shelf:
            _draw_line(drawing, line, x, y)
            x += line.columns[-1] + GAP
        y -= max(line.height(above=False) for line in shelf) + GAP
    return drawing.get_imagedata("svg").decode()


def _width(part: Part) -> float:
    text = LETTER * max((len(line) for line in part.caption), default=0)
    inputs = LETTER * max((len(name) for name in part.reads), default=0)
    room = inputs + (2.9 if part.symbol == "amplifier" else 2.4)
    return max(text + GAP, NARROWEST.get(part.symbol, 2.0), room if part.reads else 0.0)


def _meaning(row: Row) -> list[str]:
    return textwrap.wrap(row.meaning, 20)


def _broken(rows: Sequence[Row]) -> Iterator[_Line]:
    """Rows as lines that are not too long."""
    for row in rows:
        taken: list[Part] = []
        first = True
        for part in row.parts:
            if taken and MARGIN + sum(map(_width, taken)) + _width(part) > WIDEST:
                yield _Line(row=row, parts=tuple(taken), first=first)
                taken, first = [], False
            taken.append(part)
        yield _Line(row=row, parts=tuple(taken), first=first)


def _shelves(lines: Iterable[_Line]) -> Iterator[list[_Line]]:
    """Lines side by side as long as they fit."""
    shelf: list[_Line] = []
    for line in lines:
        if shelf and sum(each.columns[-1] + GAP for each in (*shelf, line)) > WIDEST:
            yield shelf
            shelf = []
        shelf.append(line)
    if shelf:
        yield shelf


def _draw_line(drawing: schemdraw.Drawing, line: _Line, left: float, y: float) -> None:
    """One wire with its name and its parts."""
    columns, start = [left + column for column in line.columns], left + MARGIN - 0.6
    drawing.add(elm.Line().at((start, y)).to((columns[-1] - GAP, y)))
    drawing.add(elm.Dot(open=line.row.is_pin).at((start, y)))
    _text(drawing, left, y, line.row.node, size=FONT + 2)
    for index, words in enumerate(_meaning(line.row) if line.first else ["continued"]):
        _text(drawing, left, y - LINE * (index + 1), words)
    for part, (begin, end) in zip(line.parts, pairwise(columns), strict=True):
        _draw_part(drawing, part, begin, end, y)


def _draw_part(drawing: schemdraw.Drawing, part: Part, left: float, right: float, y: float) -> None:
    """A symbol in its column, its other end, and its caption beyond."""
    x, way = (left + right) / 2, 1 if part.above else -1
    if part.symbol == "amplifier":
        _amplifier(drawing, part, right - 0.9, y)
    elif part.symbol in ("nmos", "pmos"):
        _transistor(drawing, part, x, y)
    else:
        _two_terminal(drawing, part, x, y)
    edge = y + way * (SYMBOL + END)
    height = LINE * len(part.caption)
    top = edge + height - LINE / 2 if part.above else edge - LINE / 2
    for index, words in enumerate(part.caption):
        _text(drawing, x, top - LINE * index, words, align="center")


def _two_terminal(drawing: schemdraw.Drawing, part: Part, x: float, y: float) -> None:
    end = y + SYMBOL if part.above else y - SYMBOL
    symbols = {
        "capacitor": elm.Capacitor, "resistor": elm.Resistor, "current": elm.SourceControlledI,
        "voltage": elm.SourceControlledV, "switch": elm.Switch, "subcircuit": elm.RBox,
    }  # fmt: skip
    # a source's arrow, or its plus sign, is where it ends
    inward = part.symbol == "voltage" or (part.symbol == "current" and part.inward)
    start, stop = ((x, end), (x, y)) if inward else ((x, y), (x, end))
    drawing.add(symbols[part.symbol]().endpoints(start, stop))
    drawing.add(elm.Dot().at((x, y)))
    _far_end(drawing, part.far, x, end, above=part.above)


def _far_end(drawing: schemdraw.Drawing, far: str, x: float, y: float, *, above: bool) -> None:
    if far == GROUND:
        drawing.add(elm.Ground().theta(0).at((x, y)))
    else:
        _text(drawing, x, y + (0.3 if above else -0.3), far, align="center")


def _transistor(drawing: schemdraw.Drawing, part: Part, x: float, y: float) -> None:
    symbol = elm.AnalogNFet() if part.symbol == "nmos" else elm.AnalogPFet()
    placed = drawing.add(symbol.theta(0).anchor("drain").at((x, y)))
    drawing.add(elm.Dot().at((x, y)))
    source, gate = placed.absanchors["source"], placed.absanchors["gate"]
    end = y + SYMBOL if part.above else y - SYMBOL
    drawing.add(elm.Line().at(source).to((x, end)))
    _far_end(drawing, part.far, x, end, above=part.above)
    _text(drawing, gate[0] + 0.1, gate[1], part.reads[0])


def _amplifier(drawing: schemdraw.Drawing, part: Part, x: float, y: float) -> None:
    """Triangle whose output goes up to the wire; what its inputs read is written beside them."""
    placed = drawing.add(elm.Opamp().theta(0).scale(0.6).anchor("out").at((x, y - 1.5)))
    drawing.add(elm.Line().at((x, y - 1.5)).to((x, y)))
    drawing.add(elm.Dot().at((x, y)))
    # schemdraw draws the minus input above
    for anchor, name in zip(("in2", "in1"), part.reads, strict=True):
        at = placed.absanchors[anchor]
        drawing.add(elm.Line().at(at).to((at[0] - 0.3, at[1])))
        _text(drawing, at[0] - 0.6, at[1], name, align="right")


def _text(
    drawing: schemdraw.Drawing, x: float, y: float, words: str, *, align: Align = "left", size: float = FONT
) -> None:
    """A line of text, escaped: schemdraw puts it into the SVG as it is."""
    if words:
        safe = html.escape(words.replace("$", ""), quote=False)
        label = elm.Label().theta(0).at((x, y))
        drawing.add(label.label(safe, loc="center", halign=align, valign="center", fontsize=size))
