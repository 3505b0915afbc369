"""The sum of what arrives, step by step: the readout of a network of maps, declared like a neuron."""

import sympy

from conductance.neurons.base import INPUT, Neuron, State
from conductance.parameter import Parameter

_SUM = sympy.Symbol("y", real=True)
KEEP = Parameter(
    name="keep", default=1.0, lower=0.0, upper=1.0, meaning="share of the sum that is left one step later"
)


def accumulator(*, keep: float = 1.0, name: str = "accumulator") -> Neuron:
    """y[t+1] = keep y[t] + I[t]; with keep = 1 the sum, and with weights over the number of steps the mean."""
    state = State(name="y", symbol=_SUM, following=KEEP.symbol * _SUM + INPUT, meaning="sum so far")
    neuron = Neuron(
        name=name, meaning="accumulator of its inputs", parameters=(KEEP,), states=(state,), output=_SUM
    )
    return neuron.with_values(keep=keep)
