"""The saturating element of a subthreshold differential pair: I = alpha tanh(V - delta)."""

import sympy

from conductance.elements.base import Element, Law, Timescale, V, signed
from conductance.parameter import Parameter

ALPHA = Parameter(
    name="alpha", default=1.0, lower=0.0, lower_open=True, transform="softplus",
    meaning="largest current of the element over the bias current", source="arXiv 2605.11835",
)  # fmt: skip
DELTA = Parameter(
    name="delta",
    default=0.0,
    unit="V0",
    meaning="voltage at the centre of the element",
    source="arXiv 2605.11835",
)

TANH = Law(
    name="tanh",
    parameters=(ALPHA, DELTA),
    current=ALPHA.symbol * sympy.tanh(V - DELTA.symbol),
    meaning="differential pair",
    source="Ribar & Sepulchre, IEEE TCAS-I 66(8), 2019",
)


def tanh(timescale: Timescale, gain: float, offset: float = 0.0, *, name: str = "") -> Element:
    """A differential-pair element; a negative `gain` is a negative conductance around `offset`.

    >>> tanh("fast", -2.0).name
    'f_minus'
    """
    return signed(TANH, timescale, gain, {"delta": offset}, name)
