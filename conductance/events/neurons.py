"""Neurons for event-based layers beside `conductance.neurons.qif`: the oscillating QIF and the LIF control."""

from conductance.neurons.base import INPUT, SPIKE, Constraint, Event, Neuron, State
from conductance.neurons.lif import THETA
from conductance.neurons.membrane import U, time_constant
from conductance.neurons.qif import CURRENT, PARABOLA, PARABOLIC_CURRENT, PEAK, TAU
from conductance.parameter import Parameter
from conductance.surrogates import ARCTAN, Surrogate

DRIVE = Parameter(
    name="I_0", default=1.0, unit="I_b", meaning="constant current; above 1/4 the neuron oscillates",
    source="arXiv 2309.14523",
)  # fmt: skip
RESET = Parameter(
    name="U_reset", default=0.0, unit="V0", meaning="voltage after a spike; far below zero each neuron spikes once",
    source="ours; arXiv 2606.03935 has zero",
)  # fmt: skip
TAU_M = time_constant("tau_m", 1.0, "membrane time constant; the synaptic one is half of it")


def theta(
    *,
    tau: float = 1.0,
    I_0: float = 1.0,
    V_peak: float = 200.0,
    surrogate: Surrogate = ARCTAN,
    name: str = "theta",
) -> Neuron:
    """The oscillating QIF neuron, tau dV/dt = V (V - 1) + I_0, whose voltage an input spike moves by its weight.

    With g = I_0 - 1/4 > 0 and V = 1/2 - sqrt(g) cot(sqrt(g) phi/tau) the phase phi advances at rate 1, and the
    neuron spikes with the period pi tau/sqrt(g) where nothing comes in.
    """
    return Neuron(
        name=name,
        meaning="oscillating quadratic integrate-and-fire neuron with delta coupling",
        parameters=(TAU, DRIVE, PEAK),
        states=(
            State(
                name="um", symbol=U, capacity=TAU.symbol, meaning="membrane voltage",
                currents={PARABOLA.name: PARABOLIC_CURRENT, "drive": DRIVE.symbol},
            ),
        ),
        output=SPIKE,
        event=Event(margin=U - PEAK.symbol, reset={U: -PEAK.symbol}, surrogate=surrogate),
        arrivals={U: U + INPUT},
        elements=(PARABOLA,),
        source="arXiv 2309.14523",
    ).with_values(tau=tau, I_0=I_0, V_peak=V_peak)  # fmt: skip


def synaptic_lif(
    *,
    tau_m: float = 1.0,
    theta: float = 1.0,
    U_reset: float = 0.0,
    surrogate: Surrogate = ARCTAN,
    name: str = "synaptic_lif",
) -> Neuron:
    """LIF with an exponential current, tau_m dV/dt = -V + I and (tau_m/2) dI/dt = -I; at V = theta a spike.

    Then V = U_reset, while I is not reset. An input spike of weight w moves I to I + w. From rest a spike needs
    w > 4 theta.
    """
    return Neuron(
        name=name,
        meaning="leaky integrate-and-fire neuron with exponential current",
        parameters=(TAU_M, THETA, RESET),
        constraints=(
            Constraint(relation=RESET.symbol < THETA.symbol, meaning="the reset lies below the threshold"),
        ),
        states=(
            State(
                name="um", symbol=U, capacity=TAU_M.symbol, meaning="membrane voltage",
                currents={"leak": -U, "synapse": CURRENT},
            ),
            State(
                name="is", symbol=CURRENT, capacity=TAU_M.symbol / 2, meaning="synaptic current",
                currents={"decay": -CURRENT},
            ),
        ),
        output=SPIKE,
        event=Event(margin=U - THETA.symbol, reset={U: RESET.symbol}, surrogate=surrogate),
        arrivals={CURRENT: CURRENT + INPUT},
        source="arXiv 2606.03935",
    ).with_values(tau_m=tau_m, theta=theta, U_reset=U_reset)  # fmt: skip
