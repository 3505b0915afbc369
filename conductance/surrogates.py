"""Named surrogate derivatives of the spike: the step is exact forwards and has this slope backwards."""

from dataclasses import dataclass

import sympy

MARGIN = sympy.Symbol("v", real=True)
"""Distance of the voltage above the threshold, v = u - theta, in V0."""


@dataclass(frozen=True, kw_only=True)
class Surrogate:
    """The slope that replaces the derivative of a step, in `MARGIN`."""

    name: str
    slope: sympy.Expr
    source: str

    def step(self, margin: sympy.Expr) -> sympy.Expr:
        """The spike as a sympy function of the margin, differentiable by this surrogate."""
        return SpikeStep(sympy.Symbol(self.name), margin)


class SpikeStep(sympy.Function):
    """1 where the margin is positive, else 0; its first argument names the surrogate that is its slope."""

    nargs = 2

    def fdiff(self, argindex: int = 2) -> sympy.Expr:
        """Derivative by the margin: the named surrogate's slope."""
        if argindex != 2:
            return sympy.S.Zero
        name, margin = self.args
        return SURROGATES[str(name)].slope.subs(MARGIN, margin)

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
SURROGATES = {surrogate.name: surrogate for surrogate in (ARCTAN, SLAYER, DETACHED)}
