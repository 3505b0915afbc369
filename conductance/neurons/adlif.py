"""AdLIF, the adaptive leaky integrate-and-fire neuron of Baronig et al., arXiv 2408.07517.

With symplectic Euler it is theirs: u_hat = alpha u + (1 - alpha)(I - w), s = step(u_hat - theta),
u = u_hat (1 - s) + u_rest s, w = beta w + (1 - beta)(a u + b s), where u and s are already the new ones.
"""

import sympy

from conductance.neurons.base import SPIKE, Event, Neuron, State
from conductance.neurons.lif import RESETS_BELOW, THETA
from conductance.neurons.membrane import RESISTANCE, REST, TAU_M, U, membrane, ordered, time_constant
from conductance.parameter import Parameter
from conductance.surrogates import SLAYER, Surrogate

W = sympy.Symbol("w", real=True)
TAU_W = time_constant("tau_w", 20.0, "time constant of the adaptation")
COUPLING = Parameter(
    name="a", default=1.0, lower=0.0, meaning="adaptation current per voltage", source="arXiv 2408.07517"
)
JUMP = Parameter(
    name="b",
    default=1.0,
    lower=0.0,
    meaning="adaptation drive in the step of a spike",
    source="arXiv 2408.07517",
)


def adlif(
    *, tau_m: float = 1.0, tau_w: float = 20.0, a: float = 1.0, b: float = 1.0, surrogate: Surrogate = SLAYER,
    name: str = "adlif",
) -> Neuron:  # fmt: skip
    """A LIF neuron whose adaptation current w follows voltage (a) and spikes (b); a spike lasts one step."""
    leaky = membrane((), {}, None)
    adapting = State(
        name=leaky.name, symbol=U, capacity=leaky.capacity, currents={**leaky.currents, "adaptation": -W},
        initial=leaky.initial, meaning=leaky.meaning,
    )  # fmt: skip
    adaptation = State(
        name="w", symbol=W, capacity=TAU_W.symbol, timescale="slow", meaning="adaptation current",
        currents={"decay": -W, "voltage": COUPLING.symbol * U, "spikes": JUMP.symbol * SPIKE},
    )  # fmt: skip
    return Neuron(
        name=name,
        meaning="adaptive leaky integrate-and-fire neuron",
        parameters=(TAU_M, RESISTANCE, REST, THETA, TAU_W, COUPLING, JUMP),
        states=(adapting, adaptation),
        output=SPIKE,
        event=Event(margin=U - THETA.symbol, reset={U: REST.symbol}, surrogate=surrogate),
        constraints=(*ordered((TAU_M, TAU_W)), RESETS_BELOW),
        source="arXiv 2408.07517; surrogate " + surrogate.source,
    ).with_values(tau_m=tau_m, tau_w=tau_w, a=a, b=b)
