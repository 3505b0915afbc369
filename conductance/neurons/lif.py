"""LIF, the leaky integrate-and-fire neuron: the control of every comparison."""

import sympy

from conductance.neurons.base import SPIKE, Constraint, Event, Neuron
from conductance.neurons.membrane import RESISTANCE, REST, TAU_M, U, membrane
from conductance.parameter import Parameter
from conductance.surrogates import ARCTAN, Surrogate

THETA = Parameter(name="theta", default=1.0, unit="V0", meaning="spike threshold")
RESETS_BELOW = Constraint(
    relation=sympy.Lt(REST.symbol, THETA.symbol),
    meaning="the reset, U_rest, must lie below the threshold theta: above it the neuron would spike in every step",
)


def lif(*, tau_m: float = 1.0, surrogate: Surrogate = ARCTAN, name: str = "lif") -> Neuron:
    """Leak and threshold: tau_m dU/dt = -(U - U_rest) + R I_in; at U > theta a spike, and U returns to U_rest."""
    return Neuron(
        name=name,
        meaning="leaky integrate-and-fire neuron",
        parameters=(TAU_M, RESISTANCE, REST, THETA),
        states=(membrane((), {}, None),),
        output=SPIKE,
        event=Event(margin=U - THETA.symbol, reset={U: REST.symbol}, surrogate=surrogate),
        constraints=(RESETS_BELOW,),
        source="textbook; surrogate " + surrogate.source,
    ).with_values(tau_m=tau_m)
