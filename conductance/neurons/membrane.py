"""Parts that neurons share: the leaky membrane, the filters that read it slowly, the clipped output."""

from collections.abc import Sequence
from itertools import pairwise

import sympy

from conductance.elements.base import TIMESCALES, DeclarationError, Element, Timescale
from conductance.neurons.base import INPUT, Constraint, State
from conductance.parameter import Parameter

U = sympy.Symbol("U_m", real=True)


def time_constant(name: str, default: float, meaning: str) -> Parameter:
    """A positive time constant, trained by its logarithm."""
    return Parameter(
        name=name, default=default, unit="tau_m", lower=0.0, lower_open=True, transform="log", meaning=meaning
    )


TAU_M = time_constant("tau_m", 1.0, "membrane time constant")
RESISTANCE = Parameter(
    name="R", default=1.0, lower=0.0, lower_open=True, transform="log", meaning="membrane resistance"
)
REST = Parameter(name="U_rest", default=0.0, unit="V0", meaning="voltage at which the leak current is zero")


def limit(name: str, value: float, meaning: str) -> Parameter:
    """The saturation current of a slewing circuit part."""
    return Parameter(name=name, default=value, lower=0.0, lower_open=True, transform="log", meaning=meaning)


def saturated(current: sympy.Expr, bound: Parameter | None) -> sympy.Expr:
    """The current itself, or L tanh(current / L) where the circuit that makes it saturates at L."""
    return current if bound is None else bound.symbol * sympy.tanh(current / bound.symbol)


def filtered_voltage(timescale: Timescale, tau: Parameter, bound: Parameter | None) -> State:
    """A first-order low-pass of the membrane voltage, started at rest: tau dU_x/dt = U_m - U_x."""
    symbol = sympy.Symbol(f"U_{TIMESCALES[timescale]}", real=True)
    return State(
        name=f"u{TIMESCALES[timescale]}",
        symbol=symbol,
        capacity=tau.symbol,
        currents={"filter": saturated(U - symbol, bound)},
        initial=REST.symbol,
        timescale=timescale,
        meaning=f"membrane voltage as the {timescale} elements read it",
    )


def membrane(
    elements: Sequence[Element], reads: dict[Timescale, sympy.Symbol], bound: Parameter | None
) -> State:
    """The membrane: (tau_m/R) dU_m/dt = -(U_m - U_rest)/R + I_in - sum of the elements' currents."""
    currents = {"leak": -saturated(U - REST.symbol, bound) / RESISTANCE.symbol, "input": INPUT}
    for element in elements:
        if element.name in currents:
            raise DeclarationError(
                f"two elements are named {element.name}; give one of them another name: tanh(..., name='...')"
            )
        currents[element.name] = -element.current(reads[element.timescale])
    return State(
        name="um",
        symbol=U,
        capacity=TAU_M.symbol / RESISTANCE.symbol,
        currents=currents,
        initial=REST.symbol,
        meaning="membrane voltage",
    )


def ordered(parameters: Sequence[Parameter]) -> tuple[Constraint, ...]:
    """Each time constant must be longer than the one before it."""
    return tuple(
        Constraint(
            relation=sympy.Lt(faster.symbol, slower.symbol),
            meaning=f"timescales must be ordered, {faster.name} < {slower.name}",
        )
        for faster, slower in pairwise(parameters)
    )
