"""Leaky integrate-and-fire neurons of a time grid in the conventions of other libraries, each choice a declaration.

    u[t+1] = beta (u[t] without its spike) + gain drive[t] + bias

`u` is the voltage before its reset, from which the spike is read; what a spike takes away is taken in the next step, so
every one of them is a map with a clocked circuit.
"""

from typing import Literal, get_args

import sympy

from conductance.elements.base import DeclarationError
from conductance.errors import nearest
from conductance.neurons.base import INPUT, LAST_SPIKE, SPIKE, Constraint, Event, Neuron, State
from conductance.parameter import Parameter
from conductance.surrogates import ARCTAN, Surrogate

Reset = Literal["subtract", "value", "none"]
"""subtract: the threshold is taken off; value: the voltage becomes `u_reset`; none: nothing happens."""
When = Literal["at_once", "delayed"]
"""at_once: before the voltage decays (spikingjelly, Norse, NIR); delayed: after it, one step later (snntorch)."""
Current = Literal["none", "new", "old"]
"""none: the input drives the membrane; new: a synaptic current does, with the input of this step (snntorch, Norse);
old: with that of the step before."""

LONGEST = 100
"""Refractory steps, each a state."""

VOLTAGE = sympy.Symbol("u", real=True)
CURRENT = sympy.Symbol("i", real=True)
BETA = Parameter(name="beta", default=0.9, meaning="share of the voltage that is left one step later")
GAIN = Parameter(name="gain", default=1.0, meaning="voltage per step and unit of drive")
BIAS = Parameter(name="bias", default=0.0, unit="V0", meaning="voltage that every step adds")
ALPHA = Parameter(
    name="alpha", default=0.8, meaning="share of the synaptic current that is left one step later"
)
INLET = Parameter(name="inlet", default=1.0, meaning="synaptic current per unit of input")
THRESHOLD = Parameter(name="theta", default=1.0, unit="V0", meaning="spike threshold")
RESET = Parameter(name="u_reset", default=0.0, unit="V0", meaning="voltage after a spike")

BELOW = Constraint(
    relation=sympy.Lt(RESET.symbol, THRESHOLD.symbol),
    meaning="a spike in each refractory step: u_reset, at which they hold the voltage, must lie below theta",
)


def clocked_lif(
    *,
    beta: float = 0.9,
    gain: float = 1.0,
    bias: float = 0.0,
    theta: float = 1.0,
    reset: Reset = "subtract",
    when: When = "delayed",
    u_reset: float = 0.0,
    current: Current = "none",
    alpha: float = 0.8,
    inlet: float = 1.0,
    refractory: int = 0,
    inclusive: bool = False,
    reset_gradient: bool = False,
    surrogate: Surrogate = ARCTAN,
    name: str = "clocked_lif",
) -> Neuron:
    """The neuron with these conventions; the defaults are snntorch's Leaky, whose spike is taken off one step later.

    Args:
        beta: see `BETA`; 1 is an integrator without a leak.
        gain: see `GAIN`; 1 - beta where the drive is scaled by the leak.
        bias: see `BIAS`.
        theta: threshold.
        reset: see `Reset`.
        when: see `When`.
        u_reset: see `RESET`.
        current: see `Current`.
        alpha: see `ALPHA`.
        inlet: see `INLET`.
        refractory: steps for which a spike holds the voltage at `u_reset`, so that the intervals between spikes are as
            many steps longer; needs reset="value". The steps since the spike are states `waiting_1`, `waiting_2`, ...
        inclusive: whether it spikes at the threshold, too.
        reset_gradient: whether the reset has the spike's surrogate slope.
        surrogate: the spike's slope.
        name: of the neuron.

    Raises:
        DeclarationError: an unknown convention, or refractory steps that are no whole number of 0 to 100, that come
            with another reset, or whose `u_reset` is not below `theta`.
    """
    _check_conventions(name, reset=reset, when=when, current=current)
    _check_refractory(name, refractory, reset)
    flowing = ALPHA.symbol * CURRENT + INLET.symbol * INPUT
    drive = {"none": INPUT, "new": flowing, "old": CURRENT}[current]
    step = BETA.symbol * VOLTAGE + GAIN.symbol * drive + BIAS.symbol
    waiting = _waiting(refractory if when == "delayed" else refractory - 1)
    following = _following(step, waiting, reset=reset, when=when, refractory=bool(refractory))
    states = [
        State(name="u", symbol=VOLTAGE, following=following, meaning="membrane voltage before its reset")
    ]
    given = {BETA: beta, GAIN: gain, BIAS: bias, THRESHOLD: theta}
    given |= {RESET: u_reset} if reset == "value" else {}
    if current != "none":
        states.append(State(name="i", symbol=CURRENT, following=flowing, meaning="synaptic current"))
        given |= {ALPHA: alpha, INLET: inlet}
    states += waiting
    return Neuron(
        name=name,
        meaning="leaky integrate-and-fire neuron of a time grid",
        parameters=tuple(given),
        states=tuple(states),
        output=SPIKE,
        event=Event(
            margin=VOLTAGE - THRESHOLD.symbol, reset={}, surrogate=surrogate, inclusive=inclusive,
            reset_gradient=reset_gradient,
        ),
        constraints=(BELOW,) if refractory else (),
        source="the conventions of snntorch, Norse, spikingjelly and NIR",
    ).with_values(**{parameter.name: value for parameter, value in given.items()})  # fmt: skip


def _following(
    step: sympy.Expr, waiting: list[State], *, reset: Reset, when: When, refractory: bool
) -> sympy.Expr:
    """The voltage one step later: `step` with the reset, held where a refractory time has it."""
    kept = _without_spike(VOLTAGE, reset)
    following = _without_spike(step, reset) if when == "delayed" else step.subs(VOLTAGE, kept)
    if not refractory:
        return following
    # no spike falls into the refractory time, so that at most one of these is 1
    held = sympy.Add(*(each.symbol for each in waiting), LAST_SPIKE if when == "at_once" else 0)
    return following * (1 - held) + (kept if when == "at_once" else VOLTAGE) * held


def _waiting(steps: int) -> list[State]:
    """States that hand a spike on from step to step: 1 in the one that says how long ago it was."""
    found: list[State] = []
    for place in range(1, steps + 1):
        before = found[-1].symbol if found else LAST_SPIKE
        symbol = sympy.Symbol(f"waiting_{place}", real=True)
        meaning = f"1 where the last spike was {place} steps before the last one"
        found.append(State(name=symbol.name, symbol=symbol, following=before, meaning=meaning))
    return found


def _check_refractory(name: str, refractory: object, reset: Reset) -> None:
    whole = isinstance(refractory, int) and not isinstance(refractory, bool)
    if not whole or not 0 <= refractory <= LONGEST:  # type: ignore[operator]
        raise DeclarationError(
            f"neuron {name}: refractory = {refractory!r} must be a whole number of 0 to {LONGEST} steps"
        )
    if refractory and reset != "value":
        raise DeclarationError(
            f"neuron {name}: refractory = {refractory} steps hold the voltage at u_reset, and "
            f'reset = {reset!r} has none; set reset="value"'
        )


def _check_conventions(name: str, **given: str) -> None:
    allowed = {"reset": get_args(Reset), "when": get_args(When), "current": get_args(Current)}
    for key, value in given.items():
        if value not in allowed[key]:
            raise DeclarationError(
                f"neuron {name}: {key} = {value!r} is unknown; {nearest(value, allowed[key])}allowed are "
                f"{', '.join(allowed[key])}"
            )


def _without_spike(voltage: sympy.Expr, reset: Reset) -> sympy.Expr:
    """A voltage after what the spike of the step before takes away."""
    if reset == "subtract":
        return voltage - THRESHOLD.symbol * LAST_SPIKE
    if reset == "value":
        return voltage * (1 - LAST_SPIKE) + RESET.symbol * LAST_SPIKE
    return voltage
