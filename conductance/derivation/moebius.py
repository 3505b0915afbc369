"""The exact step of a QIF neuron: V = p/q makes it a 2x2 matrix, and the reset from +inf to -inf the identity.

For tau dV/dt = V (V - 1) + I with I = I0 exp(-2 t/tau), e = exp(-dt/tau), s = 1 - e and z = I0 s^2:

    p' = e (C p + I0 S q),   q' = C q - S p,   C = cos(sqrt z),   S = s sin(sqrt z)/sqrt z   (cosh, sinh for z < 0)

Derived in models.md, section 2, and checked there against 100 random trains; the tests check it against scipy.
"""

import sympy

from conductance.derivation.program import Assignment
from conductance.neurons.base import DT, SPIKE, Neuron, after

ORDER = 99
"""The step is exact for the free neuron, so its order is only limited by rounding."""
SMALL = sympy.Float(1e-3)
"""Below this |z| the series is used: its first neglected terms are z^4/9! and z^4/8!."""


def cosine_like(z: sympy.Expr) -> sympy.Expr:
    """cos(sqrt z) for z > 0, cosh(sqrt -z) for z < 0: an entire function of z."""
    series = 1 - z / 2 + z**2 / 24 - z**3 / 720
    up, down = _roots(z)
    return sympy.Piecewise((sympy.cos(up), z > SMALL), (sympy.cosh(down), z < -SMALL), (series, True))


def sine_like(z: sympy.Expr) -> sympy.Expr:
    """sin(sqrt z)/sqrt z for z > 0, sinh(sqrt -z)/sqrt(-z) for z < 0."""
    series = 1 - z / 6 + z**2 / 120 - z**3 / 5040
    up, down = _roots(z)
    return sympy.Piecewise(
        (sympy.sin(up) / up, z > SMALL), (sympy.sinh(down) / down, z < -SMALL), (series, True)
    )


def _roots(z: sympy.Expr) -> tuple[sympy.Expr, sympy.Expr]:
    # Both branches are evaluated by torch.where: the bound keeps the unused root and its slope finite.
    return sympy.sqrt(sympy.Max(z, SMALL)), sympy.sqrt(sympy.Max(-z, SMALL))


def draft(neuron: Neuron) -> list[Assignment] | None:
    """The step's assignments, or None where the neuron is not the normal form above."""
    if len(neuron.states) != 2 or neuron.event is None:
        return None
    voltage, current = neuron.state_symbols
    tau = neuron.states[0].capacity
    quadratic = sympy.expand(neuron.states[0].total - voltage * (voltage - 1) - current) == 0
    if not quadratic or sympy.simplify(neuron.states[1].derivative + 2 * current / tau) != 0:
        return None
    drive, z, c, s, q = sympy.symbols("drive_step z_step c_step s_step q_step", real=True)
    decay = sympy.exp(-DT / tau)
    span = 1 - decay
    return [
        (drive, sympy.sympify(neuron.arrivals.get(current, current))),
        (z, drive * span**2),
        (c, cosine_like(z)),
        (s, span * sine_like(z)),
        (q, c - s * voltage),
        (SPIKE, neuron.event.surrogate.step(-q)),
        (after(voltage), decay * (c * voltage + drive * s) / q),
        (after(current), drive * decay**2),
    ]
