"""Surrogate derivatives of the spike: the step is exact forwards and has this slope backwards.

A surrogate travels inside the expressions that use it, so one of your own needs no registry:

>>> mine = Surrogate(name="mine", slope=1 / (1 + 25 * MARGIN**2), source="ours")
>>> mine.step(sympy.Symbol("u")).diff(sympy.Symbol("u"))
1/(25*u**2 + 1)
"""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

import sympy

from conductance.errors import ExcitableError

MARGIN = sympy.Symbol("v", real=True)
"""Distance of the voltage above the threshold, v = u - theta, in V0."""
CENTRE = sympy.Symbol("v_centre", real=True)
"""Middle of a window of margins, in V0."""
HALF_WIDTH = sympy.Symbol("v_half_width", real=True)
"""Half the width of a window of margins, in V0."""


class SurrogateError(ExcitableError):
    """A surrogate contradicts itself."""


@dataclass(frozen=True, kw_only=True)
class Surrogate:
    """The slope that replaces the derivative of a step, in `MARGIN` and `symbols`, to which a neuron gives values.

    Raises:
        SurrogateError: the slope has a symbol that is neither `MARGIN` nor one of `symbols`.
    """

    name: str
    slope: sympy.Expr
    source: str
    symbols: tuple[sympy.Symbol, ...] = ()

    def __post_init__(self) -> None:
        object.__setattr__(self, "slope", sympy.sympify(self.slope))
        strange = sorted(map(str, self.slope.free_symbols - {MARGIN, *self.symbols}))
        if strange:
            raise SurrogateError(
                f"surrogate {self.name}: its slope has {', '.join(strange)}, neither the margin nor one of its "
                f"symbols; write it in conductance.surrogates.MARGIN, and give other symbols by symbols=(...)"
            )

    def step(self, margin: sympy.Expr, values: Mapping[sympy.Symbol, sympy.Expr] | None = None) -> sympy.Expr:
        """The spike as a sympy function of the margin, differentiable by this surrogate at the given values."""
        return SpikeStep(Shape(self), margin, *((values or {})[symbol] for symbol in self.symbols))


class Shape(sympy.Atom):
    """A surrogate as a part of an expression, equal to another where name, slope and symbols are."""

    __slots__ = ("surrogate",)

    def __new__(cls, surrogate: Surrogate) -> "Shape":  # noqa: D102
        made = super().__new__(cls)
        made.surrogate = surrogate
        return made

    def __getnewargs__(self) -> tuple[Surrogate]:
        return (self.surrogate,)

    def _hashable_content(self) -> tuple[object, ...]:
        return (self.surrogate.name, self.surrogate.slope, self.surrogate.symbols)

    def _sympystr(self, _: object) -> str:
        return self.surrogate.name

    def _sympyrepr(self, printer: object) -> str:
        return (
            f"Shape({self.surrogate.name!r}, {sympy.srepr(self.surrogate.slope)}, {self.surrogate.symbols!r})"
        )


class SpikeStep(sympy.Function):
    """1 where the margin is positive, else 0.

    Its first argument is the `Shape` of the surrogate that is its slope, its second is the margin, and the others are
    the values of the surrogate's symbols. A margin that is not a number makes it none.
    """

    @property
    def surrogate(self) -> Surrogate:
        """The surrogate whose slope it has."""
        return self.args[0].surrogate

    def fdiff(self, argindex: int = 2) -> sympy.Expr:
        """Derivative by the margin: the surrogate's slope."""
        if argindex != 2:
            return sympy.S.Zero
        _, margin, *values = self.args
        surrogate = self.surrogate
        return surrogate.slope.xreplace({MARGIN: margin, **dict(zip(surrogate.symbols, values, strict=True))})

    def _eval_derivative(self, symbol: sympy.Symbol) -> sympy.Expr:
        return self.fdiff() * self.args[1].diff(symbol)

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
SURROGATES = MappingProxyType({surrogate.name: surrogate for surrogate in (ARCTAN, SLAYER, DETACHED, WINDOW)})
"""Those of the package by name."""
