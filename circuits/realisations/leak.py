"""The leak that does not run away: a follower of the resting voltage, wide enough to hold the membrane.

A pair with one diode of degeneration saturates at 2.43 units, and elements of 3.5 units then drive the membrane to
a rail; saturation at 5 units behaves (docs/models.md, section 4). It is built as a multi-tanh of staggered pairs: for a
declared `leak_limit` they follow its tanh, without one they are linear up to 4.5 units.
"""

from collections.abc import Iterator
from dataclasses import replace

import sympy

from circuits.data.circuit import Device
from circuits.realisations.cell import Cell
from circuits.realisations.transconductor import References, Trim, transconductor

LEAK = "leak"
"""Name of the leak's current, and of its own trim, which undoes what all amplifiers at a membrane add up to."""


def leak(
    name: str,
    cell: Cell,
    *,
    rest: sympy.Expr,
    node: str,
    slope: sympy.Expr,
    width: float,
    unit: sympy.Expr,
    references: References,
    trim: Trim,
    membrane: Trim,
) -> Iterator[Device]:
    """Pairs that pull `node` to the voltage `rest` (V); arguments as in `transconductor`.

    `trim` is that of the amplifier, `membrane` that of all amplifiers at the node together.
    """
    both = replace(trim, gain=trim.gain * membrane.gain, offset=trim.offset + membrane.offset)
    yield from transconductor(
        name, cell, plus=rest, minus=node, out=node, slope=slope, width=width, unit=unit,
        references=references, trim=both, note="leak",
    )  # fmt: skip
