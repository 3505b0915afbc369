"""The ohmic element: I = alpha (V - delta)."""

from conductance.elements.base import Element, Law, Timescale, V, signed
from conductance.elements.tanh import DELTA
from conductance.parameter import Parameter

CONDUCTANCE = Parameter(
    name="alpha", default=1.0, lower=0.0, lower_open=True, transform="softplus", unit="1/R",
    meaning="conductance of the element over the leak's",
)  # fmt: skip

LINEAR = Law(
    name="linear",
    parameters=(CONDUCTANCE, DELTA),
    current=CONDUCTANCE.symbol * (V - DELTA.symbol),
    meaning="ohmic conductance with a reversal voltage",
)


def linear(timescale: Timescale, gain: float, offset: float = 0.0, *, name: str = "") -> Element:
    """A conductance `gain` with reversal voltage `offset`; a negative gain is a negative conductance."""
    return signed(LINEAR, timescale, gain, {"delta": offset}, name)
