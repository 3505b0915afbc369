"""A figure as an element of a notebook or page whose colours follow the reader's light or dark."""

import re
import zlib

from matplotlib.figure import Figure

from conductance.shaping.figures.palette import PALETTE
from excitable.report.style import inline_svg, svg_of

ZOOM = 1.3
"""A page shows a figure this much larger than on paper, so that 9 points read like 12 pixels."""


def adaptive_svg(figure: Figure, *, title: str) -> str:
    """The figure as SVG: its ground is the page's, its colours are the palette's for the page's `color-scheme`.

    Black, matplotlib's own ink, becomes the palette's; colours that are not in the palette stay.

    Args:
        figure: drawn in the palette's light colours.
        title: what is shown, for readers who cannot see it.
    """
    svg = svg_of(figure)
    drawn = inline_svg(
        svg.replace("#000000", PALETTE["ink"].light),
        prefix=f"figure-{zlib.crc32(svg.encode()):08x}",
        title=title,
        description="",
    )
    drawn = drawn.replace("var(--paper)", "transparent")
    for role in PALETTE:
        drawn = drawn.replace(f"var(--{role})", _both(role))
    width = float(re.search(r'viewBox="\S+ \S+ (\S+)', drawn)[1])  # type: ignore[index]  # inline_svg gave it one
    # what matplotlib leaves out is black: the ink's place is the root
    look = f"width: min(100%, {ZOOM * width:.0f}pt); fill: {_both('ink')}; stroke-linejoin: round"
    return drawn.replace("<svg ", f'<svg style="{look}" ', 1)


def _both(role: str) -> str:
    return f"light-dark({PALETTE[role].light}, {PALETTE[role].dark})"
