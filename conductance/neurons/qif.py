"""QIF, the quadratic integrate-and-fire neuron: tau dV/dt = V (V - 1) + I, tau_s dI/dt = -I, tau_s = tau/2.

An input spike of weight w moves I to I + w; V goes from +inf to -inf at a spike and I is not reset
(Wenig, Memmesheimer, Klos, arXiv 2606.03935). A circuit, and every rule but the exact one, has a finite peak
and reset, +-V_p: each interval is then shorter by tau ln((V_p + 1)/(V_p - 1)).
"""

import sympy

from conductance.elements import quadratic
from conductance.neurons.base import INPUT, SPIKE, Event, Neuron, State
from conductance.neurons.membrane import U, time_constant
from conductance.parameter import Parameter
from conductance.surrogates import ARCTAN, Surrogate

CURRENT = sympy.Symbol("I_s", real=True)
TAU = time_constant("tau", 1.0, "membrane time constant; the synaptic one is half of it")
PEAK = Parameter(
    name="V_peak", default=200.0, unit="V0", lower=1.0, lower_open=True, transform="identity",
    meaning="voltage of the spike's peak; the reset is at minus this (the exact step has it at infinity)",
)  # fmt: skip
PARABOLA = quadratic("fast", -1.0)
"""The neuron's normal form has no free parameter but tau: the parabola's gain and zeros are numbers."""
PARABOLIC_CURRENT = -PARABOLA.current(U).subs(
    {p.symbol: sympy.nsimplify(p.default) for p in PARABOLA.parameters}
)


def qif(
    *, tau: float = 1.0, V_peak: float = 200.0, surrogate: Surrogate = ARCTAN, name: str = "qif"
) -> Neuron:
    """The QIF neuron with exponential synaptic current; its parabola is its fast element."""
    return Neuron(
        name=name,
        meaning="quadratic integrate-and-fire neuron",
        parameters=(TAU, PEAK),
        states=(
            State(
                name="um", symbol=U, capacity=TAU.symbol, meaning="membrane voltage",
                currents={PARABOLA.name: PARABOLIC_CURRENT, "synapse": CURRENT},
            ),
            State(
                name="is", symbol=CURRENT, capacity=TAU.symbol / 2, meaning="synaptic current",
                currents={"decay": -CURRENT},
            ),
        ),
        output=SPIKE,
        event=Event(margin=U - PEAK.symbol, reset={U: -PEAK.symbol}, surrogate=surrogate),
        arrivals={CURRENT: CURRENT + INPUT},
        elements=(PARABOLA,),
        source="arXiv 2606.03935, arXiv 2309.14523",
    ).with_values(tau=tau, V_peak=V_peak)  # fmt: skip
