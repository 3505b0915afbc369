"""The parabola of integrate-and-fire neurons: I = alpha (V - root_low) (V - root_high)."""

from conductance.elements.base import Element, Law, Timescale, V, signed
from conductance.elements.linear import CONDUCTANCE
from conductance.parameter import Parameter

LOW = Parameter(
    name="root_low", default=0.0, unit="V0", meaning="lower zero of the parabola, the resting voltage"
)
HIGH = Parameter(
    name="root_high", default=1.0, unit="V0", meaning="upper zero of the parabola, the threshold"
)

QUADRATIC = Law(
    name="quadratic",
    parameters=(CONDUCTANCE, LOW, HIGH),
    current=CONDUCTANCE.symbol * (V - LOW.symbol) * (V - HIGH.symbol),
    meaning="parabolic conductance",
    source="arXiv 2606.03935",
)


def quadratic(
    timescale: Timescale, gain: float, root_low: float = 0.0, root_high: float = 1.0, *, name: str = ""
) -> Element:
    """A parabola with zeros at `root_low` and `root_high`; gain -1 on the fast timescale is the QIF neuron's."""
    return signed(QUADRATIC, timescale, gain, {"root_low": root_low, "root_high": root_high}, name)
