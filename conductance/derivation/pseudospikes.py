"""Pseudospikes as programs for kernels: where a QIF neuron would go on to spike under a current held after the trial.

The equations are those of `conductance.events.exact.pseudospikes`, which has them for torch and is this form's oracle.
"""

from dataclasses import dataclass

import sympy

from conductance.derivation.program import Program, flattened, names
from conductance.derivation.projective import P, Q, over_angle, positive_angle, program

HELD = sympy.Symbol("held", real=True)
"""The current at the trial's end and the charge that is still to come."""
ROOT = sympy.Symbol("drive_root", positive=True)
SHORT = sympy.Float(1e-3)
"""Below this exponential its logarithm is a series: the first neglected term is its fourth power."""


@dataclass(frozen=True)
class Pseudospikes:
    """The first pseudospike of a QIF neuron, by its parameters' numbers.

    Attributes:
        tau: membrane time constant.
        sharpness: of the softplus that makes the drive positive.
        least: the least drive.
    """

    tau: float
    sharpness: float
    least: float

    @property
    def drive(self) -> Program:
        """(held current,) to the root of the drive, a softplus and at least `least`, and the root's slope."""
        sharpness = sympy.Float(self.sharpness)
        small, value, root, slope = sympy.symbols("small value root root_slope", real=True)
        # sympy would turn a power of an exponential into another exponential, so it has a name
        logarithm = sympy.Piecewise(
            (small * (1 - small / 2 + small**2 / 3), small < SHORT), (sympy.log(1 + small), True)
        )
        rise = sympy.Piecewise((1, HELD > 0), (small, True)) / (1 + small)
        assignments = flattened(
            [
                (small, sympy.exp(-sharpness * sympy.Abs(HELD))),
                (value, sympy.Max(HELD, 0) + logarithm / sharpness),
                (root, sympy.sqrt(sympy.Max(value, self.least))),
                (slope, sympy.Piecewise((rise / (2 * root), value > self.least), (0, True))),
            ],
            names("temp_"),
        )
        return Program(inputs=(HELD,), assignments=assignments, outputs=(root, slope))

    @property
    def rest(self) -> Program:
        """(p, q, root of the drive), p^2 + q^2 = 1, to phase and period, and the slopes of the phase over the angle
        atan(p/q) and the root, and of the period over the root.
        """
        tau = sympy.Float(self.tau)
        along, height = P - Q / 2, ROOT * Q
        length = along**2 + height**2
        angle = sympy.pi - positive_angle(height, along)
        period = sympy.pi * tau / ROOT
        return program(
            (P, Q, ROOT),
            phase=tau / ROOT * angle,
            period=period,
            by_angle=tau / ROOT * (height * over_angle(along) - along * over_angle(height)) / length,
            by_root=-tau / ROOT * (angle / ROOT + along * sympy.diff(height, ROOT) / length),
            period_slope=sympy.diff(period, ROOT),
        )
