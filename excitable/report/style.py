"""How the figures of excitable look: colours that the colour-blind can tell apart, fonts, sizes, and their files.

Figures are matplotlib `Figure` objects; there is no global state. Every colour has a role and two values, one for
light and one for dark surroundings. Files get the light one. In a page the colours become CSS variables, so that
the same drawing follows the reader's setting, and its text stays text.
"""

import io
import math
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from html import escape
from types import MappingProxyType

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.layout_engine import ConstrainedLayoutEngine
from matplotlib.ticker import FuncFormatter, NullFormatter

from conductance.shaping.figures.palette import PALETTE, colour

RAISED = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")
"""Digits as exponents."""
WIDTH = 9.0
"""Width of a figure in inches: a page shows it 1.3 times larger, so that 9 points read like 12 pixels."""
PNG_DPI = 160

RUNG_COLOURS = ("model", "equation", "circuit")
STYLE: Mapping[str, object] = MappingProxyType(
    {
        "font.family": "sans-serif",
        "font.sans-serif": ["DejaVu Sans", "Verdana", "Helvetica", "Arial", "sans-serif"],
        "mathtext.fontset": "dejavusans",
        "font.size": 9.0,
        "axes.titlesize": 9.5,
        "axes.titleweight": "bold",
        "axes.titlelocation": "left",
        "axes.titlepad": 7.0,
        "axes.labelsize": 9.0,
        "axes.linewidth": 0.8,
        "axes.spines.top": False,
        "axes.spines.right": False,
        "axes.axisbelow": True,
        "xtick.labelsize": 8.5,
        "ytick.labelsize": 8.5,
        "legend.frameon": False,
        "legend.fontsize": 8.5,
        "legend.handlelength": 1.8,
        "legend.borderaxespad": 0.2,
        "lines.linewidth": 1.4,
        "path.simplify": True,
        "path.simplify_threshold": 0.2,
        "svg.fonttype": "none",
        "svg.hashsalt": "excitable",
    }
)


def rung_role(index: int, rungs: int) -> str:
    """The colour role of a rung: the model's at the bottom of the ladder, the circuit's at the top."""
    return RUNG_COLOURS[0] if index == 0 else RUNG_COLOURS[2] if index == rungs - 1 else RUNG_COLOURS[1]


@contextmanager
def styled() -> Iterator[None]:
    """Everything drawn or saved inside has excitable's style; nothing outside has."""
    ink, muted = colour("ink"), colour("muted")
    colours = {
        "text.color": ink, "axes.labelcolor": ink, "axes.titlecolor": ink, "axes.edgecolor": muted,
        "xtick.color": muted, "ytick.color": muted, "xtick.labelcolor": ink, "ytick.labelcolor": ink,
        "grid.color": colour("grid"), "figure.facecolor": colour("paper"), "axes.facecolor": colour("paper"),
        "savefig.facecolor": colour("paper"),
    }  # fmt: skip
    with mpl.rc_context({**STYLE, **colours}):  # type: ignore[dict-item]
        yield


def new_figure(height: float, *, width: float = WIDTH, pad: float = 0.04) -> Figure:
    """An empty figure of a size in inches, with a margin; to be used inside `styled`."""
    return Figure(figsize=(width, height), layout=ConstrainedLayoutEngine(w_pad=pad, h_pad=pad))


def literal(text: str) -> str:
    """Text as it is: no formula starts at a dollar sign, and what no reader can see is left out."""
    return "".join(c for c in text if c.isprintable()).replace("$", r"\$")


def grid(axes: Axes, axis: str = "y") -> None:
    """Faint lines behind the data."""
    axes.grid(axis=axis, linewidth=0.7)  # type: ignore[arg-type]


def log_axis(axes: Axes, which: str) -> None:
    """A logarithmic axis with one tick a decade or two, written 10⁻³."""
    (axes.set_xscale if which == "x" else axes.set_yscale)("log")
    axis = axes.xaxis if which == "x" else axes.yaxis
    axis.set_major_formatter(FuncFormatter(lambda value, _: power_of_ten(value)))
    axis.set_minor_formatter(NullFormatter())


def power_of_ten(value: float) -> str:
    """A tick's label: `1`, `10⁻³`; empty between powers of ten.

    >>> power_of_ten(1e-3), power_of_ten(1.0), power_of_ten(2.0)
    ('10⁻³', '1', '')
    """
    exponent = round(math.log10(value)) if value > 0 else 0
    if value <= 0 or not math.isclose(value, 10.0**exponent, rel_tol=1e-6):
        return ""
    return "1" if exponent == 0 else "10" if exponent == 1 else f"10{str(exponent).translate(RAISED)}"


def _settled(figure: Figure) -> Figure:
    """The figure with its layout computed once, for all files that are made of it."""
    if figure.get_layout_engine() is not None:
        figure.draw_without_rendering()
        figure.set_layout_engine(None)
    return figure


def svg_of(figure: Figure) -> str:
    """The figure as a whole SVG file, the same bytes for the same data."""
    buffer = io.StringIO()
    with styled():
        _settled(figure).savefig(buffer, format="svg", metadata={"Date": None, "Creator": None})
    return _numbered(_rounded(buffer.getvalue()))


def png_of(figure: Figure, *, dpi: float = PNG_DPI) -> bytes:
    """The figure as a PNG file."""
    buffer = io.BytesIO()
    with styled():
        _settled(figure).savefig(buffer, format="png", dpi=dpi, metadata={"Software": None})
    return buffer.getvalue()


def inline_svg(svg: str, *, prefix: str, title: str, description: str) -> str:
    """An SVG file as an element of a page: colours as CSS variables, unique ids, no reference to anything outside.

    Args:
        svg: as `svg_of` gives it.
        prefix: goes before every id; unique in the page, letters, digits and `-`.
        title: what is shown, for readers who cannot see it.
        description: what is to be seen in it.
    """
    if not re.fullmatch(r"[a-z][a-z0-9-]*", prefix):
        raise ValueError(f"prefix {prefix!r} must be lower-case letters, digits and -")
    head, body = svg[svg.index("<svg") :].split(">", 1)
    for pattern in (r"<metadata>.*?</metadata>", r"<!--.*?-->", r"<style[^>]*>.*?</style>"):
        body = re.sub(pattern, "", body, flags=re.DOTALL)
    body = re.sub(r'\bid="([^"]*)"', rf'id="{prefix}-\1"', body)
    body = re.sub(r"url\(#([^)]*)\)", rf"url(#{prefix}-\1)", body)
    body = re.sub(r'xlink:href="#([^"]*)"', rf'href="#{prefix}-\1"', body)
    body = _with_variables(re.sub(r">\s+<", "><", body))
    box = re.search(r'viewBox="([^"]*)"', head)
    if box is None:
        raise ValueError("the SVG has no viewBox")
    label = escape(f"{title}. {description}")
    return f'<svg class="plot" viewBox="{box[1]}" role="img" aria-label="{label}">' + body.strip()


def variables(theme: str) -> str:
    """The palette as CSS declarations for the theme `light` or `dark`."""
    return " ".join(f"--{role}: {getattr(value, theme)};" for role, value in PALETTE.items())


def _with_variables(svg: str) -> str:
    roles = {value.light: role for role, value in PALETTE.items()}

    def replaced(match: re.Match[str]) -> str:
        role = roles.get(match[0].lower())
        return match[0] if role is None else f"var(--{role})"

    # Only inside style attributes: a reader's own text may contain a colour's name.
    return re.sub(r'style="[^"]*"', lambda style: re.sub(r"#[0-9a-fA-F]{6}\b", replaced, style[0]), svg)


def _rounded(svg: str) -> str:
    """Coordinates of paths to a hundredth of a point: no one sees more, and files are half as large."""
    return re.sub(
        r'\bd="[^"]*"', lambda path: re.sub(r"-?\d+\.\d{3,}", lambda n: f"{float(n[0]):.2f}", path[0]), svg
    )


def _numbered(svg: str) -> str:
    """Ids by order of appearance: some of matplotlib's contain a memory address and differ from run to run."""
    order: dict[str, str] = {}

    def renamed(match: re.Match[str]) -> str:
        return match[1] + order.setdefault(match[2], f"part{len(order) + 1}") + match[3]

    return re.sub(r'(\bid="|href="#|url\(#)([a-zA-Z][0-9a-f]{10})("|\))', renamed, svg)
