"""The exact step of a QIF neuron: V = p/q makes it a 2x2 matrix, and the reset from +inf to -inf the identity.

For tau dV/dt = V (V - 1) + I with I = I0 exp(-2 t/tau), e = exp(-dt/tau), s = 1 - e and z = I0 s^2:

    p' = e (C p + I0 S q),   q' = C q - S p,   C = cos(sqrt z),   S = s sin(sqrt z)/sqrt z   (cosh, sinh for z < 0)

Derived in docs/models.md, section 2, and checked there against 100 random trains; the tests check it against scipy.
"""

import math
from collections.abc import Mapping

import sympy

from conductance.derivation.program import Assignment
from conductance.derivation.projective import cosine_like, escapes, rotation, sine_like
from conductance.neurons.base import DT, SPIKE, Neuron, after

LARGEST = 30.0
"""Of the argument of cosh and sinh: C and S have a common factor, and a strong inhibition would make it infinite."""
ORDER = 99
"""The step is exact for the free neuron, so its order is only limited by rounding."""
SHIFT = 0.0101
"""A finite peak that shortens each interval by less than this share of tau is not mentioned: 200 V0, the default."""


class PeakWarning(UserWarning):
    """The exact form has a spike's peak at infinity, where the neuron's declaration has it lower."""


def draft(neuron: Neuron) -> list[Assignment] | None:
    """The step's assignments, or None where the neuron is not the normal form above."""
    if len(neuron.states) != 2 or neuron.event is None or not escapes(neuron):
        return None
    voltage, current = neuron.state_symbols
    if not set(neuron.arrivals) <= {current}:
        return None
    tau = neuron.states[0].capacity
    quadratic = sympy.expand(neuron.states[0].total - voltage * (voltage - 1) - current) == 0
    if not quadratic or sympy.simplify(neuron.states[1].derivative + 2 * current / tau) != 0:
        return None
    drive, z, c, s, q = sympy.symbols("drive_step z_step c_step s_step q_step", real=True)
    decay = sympy.exp(-DT / tau)
    span = 1 - decay
    above, below = rotation(c, s, drive) * sympy.Matrix([voltage, 1])
    return [
        (drive, sympy.sympify(neuron.arrivals.get(current, current))),
        (z, drive * span**2),
        (c, cosine_like(z, LARGEST)),
        (s, span * sine_like(z, LARGEST)),
        (q, below),
        (SPIKE, neuron.event.spike(-q)),
        (after(voltage), decay * above / q),
        (after(current), drive * decay**2),
    ]


def missing_peak(neuron: Neuron, values: Mapping[str, float] | None = None) -> str:
    """What to say where the declared peak, which the exact form does not use, would move spikes; empty elsewhere.

    With peak and reset at +-V_p each interval is shorter by tau ln((V_p + 1)/(V_p - 1)).
    """
    voltage = neuron.membrane.symbol
    if neuron.event is None or not escapes(neuron):
        return ""
    peak = float((voltage - neuron.event.margin).subs(neuron.substitutions(values)))
    shift = math.log((peak + 1) / (peak - 1)) if peak > 1 else math.inf
    if shift < SHIFT:
        return ""
    names = ", ".join(sorted(map(str, neuron.event.margin.free_symbols - {voltage})))
    return (
        f"{names} = {peak:g} is not used by the exact form, whose spikes peak at infinity; with this peak, as a "
        f"circuit has it, every interval is shorter by {shift:.2g} tau. To step the neuron with its peak, give "
        f"method='heun' and a dt that resolves the reset"
    )
