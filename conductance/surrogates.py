"""Named surrogate derivatives of the spike: the step is exact forwards and has this slope backwards."""

from collections.abc import Mapping
from dataclasses import dataclass

import sympy

MARGIN = sympy.Symbol("v", real=True)
"""Distance of the voltage above the threshold, v = u - theta, in V0."""
CENTRE = sympy.Symbol("v_centre", real=True)
"""Middle of a window of margins, in V0."""
HALF_WIDTH = sympy.Symbol("v_half_width", real=True)
"""Half the width of a window of margins, in V0."""


@dataclass(frozen=True, kw_only=True)
class Surrogate:
    """The slope that replaces the derivative of a step, in `MARGIN` and `symbols`, to which a neuron gives values."""

    name: str
    slope: sympy.Expr
    source: str
    symbols: tuple[sympy.Symbol, ...] = ()

    def step(self, margin: sympy.Expr, values: Mapping[sympy.Symbol, sympy.Expr] | None = None) -> sympy.Expr:
        """The spike as a sympy function of the margin, differentiable by this surrogate at the given values."""
        return SpikeStep(
            sympy.Symbol(self.name), margin, *((values or {})[symbol] for symbol in self.symbols)
        )


class SpikeStep(sympy.Function):
    """1 where the margin is positive, else 0.

    Its first argument names the surrogate that is its slope, its second is the margin, and the others are the values
    of the surrogate's symbols.
    """

    def fdiff(self, argindex: int = 2) -> sympy.Expr:
        """Derivative by the margin: the named surrogate's slope."""
        if argindex != 2:
            return sympy.S.Zero
        name, margin, *values = self.args
        surrogate = SURROGATES[str(name)]
        return surrogate.slope.xreplace({MARGIN: margin, **dict(zip(surrogate.symbols, values, strict=True))})

    def _eval_is_real(self) -> bool:
        return True


ARCTAN = Surrogate(
    name="arctan",
    slope=1 / (1 + (sympy.pi * MARGIN) ** 2),
    source="snntorch's default, alpha = 2",
)
SLAYER = Surrogate(
    name="slayer",
    slope=sympy.exp(-5 * sympy.Abs(MARGIN)),
    source="c alpha exp(-alpha |v|) with alpha = 5 (arXiv 2605.11835); c = 1/alpha is our choice: no source states it",
)
DETACHED = Surrogate(
    name="detached",
    slope=sympy.S.Zero,
    source="the spike as a reset sees it: with a slope there gradients die within a few steps; snntorch detaches it",
)
WINDOW = Surrogate(
    name="window",
    slope=sympy.Piecewise((1, sympy.Abs(MARGIN - CENTRE) <= HALF_WIDTH), (0, True)),
    symbols=(CENTRE, HALF_WIDTH),
    source="arXiv 2510.05168: 1 inside a window of the voltage, else 0",
)
SURROGATES = {surrogate.name: surrogate for surrogate in (ARCTAN, SLAYER, DETACHED, WINDOW)}
