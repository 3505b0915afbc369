"""DQIF, the discretised QIF neuron of deep networks, and the leaky map that is its control.

    u[t+1] = a (u[t] - u1)(u[t] - u2)(1 - o[t]) + I[t],   o[t+1] = step(u[t+1] - u_th)

(Jahns, Moreno, Stojkov, Kinsy, arXiv 2510.05168.) The spike resets on the next step, when the input alone makes the
voltage. The spike's slope is 1 on a window of voltages, mu_u - sigma_u to mu_u + sigma_u, else 0. The window follows
from the distribution of the inputs, which a neuron does not know: `conductance.derivation.window` derives it.
"""

import sympy

from conductance.neurons.base import INPUT, LAST_SPIKE, SPIKE, Constraint, Event, Neuron, State
from conductance.parameter import Parameter
from conductance.surrogates import CENTRE, HALF_WIDTH, WINDOW

SOURCE = "arXiv 2510.05168"
VOLTAGE = sympy.Symbol("u", real=True)
CURVATURE = Parameter(
    name="a", default=0.25, lower=0.0, lower_open=True, transform="log", source=SOURCE,
    meaning="curvature of the map",
)  # fmt: skip
LOW = Parameter(name="u1", default=0.0, unit="V0", meaning="first zero of the map", source=SOURCE)
HIGH = Parameter(name="u2", default=0.5, unit="V0", meaning="second zero of the map", source=SOURCE)
THRESHOLD = Parameter(
    name="u_th", default=0.5, unit="V0", lower=0.0, lower_open=True, transform="log",
    meaning="spike threshold", source="open in arXiv 2510.05168; the value is our choice",
)  # fmt: skip
MIDDLE = Parameter(
    name="mu_u", default=0.5, unit="V0", meaning="middle of the window in which a spike has a slope"
)
HALF = Parameter(
    name="sigma_u", default=0.5, unit="V0", lower=0.0, lower_open=True, transform="log",
    meaning="half the width of that window",
)  # fmt: skip
DECAY = Parameter(
    name="decay", default=0.5, lower=0.0, upper=1.0, upper_open=True,
    meaning="share of the voltage that is left one step later",
)  # fmt: skip

PARABOLA = CURVATURE.symbol * (VOLTAGE - LOW.symbol) * (VOLTAGE - HIGH.symbol)
_NET = sympy.expand(PARABOLA - VOLTAGE)
_LINEAR = _NET.coeff(VOLTAGE, 1)
_DISCRIMINANT = sympy.expand(_LINEAR**2 - 4 * _NET.coeff(VOLTAGE, 2) * _NET.coeff(VOLTAGE, 0))
_ROOT = sympy.sqrt(_DISCRIMINANT)
_UNSTABLE = (_ROOT - _LINEAR) / (2 * CURVATURE.symbol)
_SLOPE_AT_REST = 1 - _ROOT  # the slope of a parabola at its lower root is minus the root of its discriminant

STABLE = (
    Constraint(
        relation=sympy.Gt(_DISCRIMINANT, 0),
        meaning="outside the stable region: without input the map has no fixed point to rest at; lower a, or move "
        "u1 and u2 apart or up",
    ),
    Constraint(
        relation=sympy.Gt(_SLOPE_AT_REST, -1),
        meaning="outside the stable region: without input the resting point is unstable and the voltage alternates; "
        "lower a, u1 or u2",
    ),
    Constraint(
        relation=sympy.Lt(THRESHOLD.symbol, _UNSTABLE),
        meaning="voltage explosion: the threshold must lie below the map's unstable fixed point, above which the "
        "voltage grows without bound before it spikes; lower u_th or a",
    ),
)  # fmt: skip
"""Where a DQIF neuron rests without input and spikes before its voltage runs away."""


def _discrete(
    name: str, meaning: str, following: sympy.Expr, parameters: tuple[Parameter, ...],
    constraints: tuple[Constraint, ...], source: str,
) -> Neuron:  # fmt: skip
    """A spiking map of one voltage that resets on the next step and has the window as its spike's slope."""
    return Neuron(
        name=name,
        meaning=meaning,
        parameters=(*parameters, THRESHOLD, MIDDLE, HALF),
        states=(
            State(
                name="u",
                symbol=VOLTAGE,
                following=following * (1 - LAST_SPIKE) + INPUT,
                meaning="membrane voltage",
            ),
        ),
        output=SPIKE,
        event=Event(
            margin=VOLTAGE - THRESHOLD.symbol,
            reset={},
            surrogate=WINDOW,
            surrogate_values={CENTRE: MIDDLE.symbol - THRESHOLD.symbol, HALF_WIDTH: HALF.symbol},
        ),
        constraints=constraints,
        source=source,
    )


def dqif(
    *, a: float = 0.25, u1: float = 0.0, u2: float = 0.5, u_th: float = 0.5, mu_u: float | None = None,
    sigma_u: float = 0.5, name: str = "dqif",
) -> Neuron:  # fmt: skip
    """The DQIF neuron; its window is centred on the threshold, with half width 0.5, where none is given.

    Raises:
        ExcitableError: parameters outside the stable region, or a threshold above the unstable fixed point.
    """
    neuron = _discrete(
        name, "discretised quadratic integrate-and-fire neuron", PARABOLA, (CURVATURE, LOW, HIGH), STABLE, SOURCE
    )  # fmt: skip
    middle = u_th if mu_u is None else mu_u
    return neuron.with_values(a=a, u1=u1, u2=u2, u_th=u_th, mu_u=middle, sigma_u=sigma_u)


def dlif(
    *, decay: float = 0.5, u_th: float = 0.5, mu_u: float | None = None, sigma_u: float = 0.5, name: str = "dlif"
) -> Neuron:  # fmt: skip
    """The leaky map u[t+1] = decay u[t] (1 - o[t]) + I[t], LIF as deep networks use it: the twin of DQIF."""
    neuron = _discrete(
        name, "discretised leaky integrate-and-fire neuron", DECAY.symbol * VOLTAGE, (DECAY,), (),
        "LIF of Zheng et al. 2021; decay 0.5 is our choice",
    )  # fmt: skip
    middle = u_th if mu_u is None else mu_u
    return neuron.with_values(decay=decay, u_th=u_th, mu_u=middle, sigma_u=sigma_u)
