"""A quadratic neuron between two input spikes: with V = p/q a 2x2 matrix, and spikes are the zeros of q.

For tau dV/dt = V^2 + b V + c + I every case becomes dy/dx = y^2 + g with a constant g, in another time x:

    I constant:                              y = V + b/2,          x = t/tau,                        g = c + I - b^2/4
    tau dI/dt = 2 b I, b < 0 and c = 0:      y = V exp(-b t/tau),  x = (1 - exp(b t/tau))/(-b),      g = I(0)

With z = g x^2, C = cos(sqrt z) and S = x sin(sqrt z)/sqrt z the map is (y, 1) -> (C y + g S, C - S y); a spike is where
C - S y = 0, and the reset from +inf to -inf is the identity. Gradients follow from the implicit function theorem.
Derived in docs/models.md, section 2, and checked there against 100 random trains; the tests check it against scipy.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import sympy

from conductance.derivation.program import Program, flattened, names, used_only
from conductance.neurons.base import INPUT, Neuron

SMALL = sympy.Float(1e-3)
"""Below this |z| a series is used: the first neglected terms are z^4/9! and z^4/8!."""
DURATION = sympy.Symbol("duration", nonnegative=True)
"""Time since the start of the interval."""
TINY = sympy.Float(1e-30)
P, Q = sympy.symbols("p q", real=True)
TURNS = sympy.Symbol("turns", nonnegative=True)
"""How many spikes of the same interval came before."""


class CosineLike(sympy.Function):
    """cos(sqrt z), an entire function of z."""

    def fdiff(self, argindex: int = 1) -> sympy.Expr:
        """d/dz."""
        return -SineLike(self.args[0]) / 2


class SineLike(sympy.Function):
    """sin(sqrt z)/sqrt z, an entire function of z."""

    def fdiff(self, argindex: int = 1) -> sympy.Expr:
        """d/dz."""
        return SineSlope(self.args[0])


class SineSlope(sympy.Function):
    """The derivative of SineLike, (CosineLike - SineLike)/(2 z)."""


def cosine_like(z: sympy.Expr, largest: float | None = None) -> sympy.Expr:
    """cos(sqrt z) for z > 0, cosh(sqrt -z) for z < 0: an entire function of z.

    `largest` bounds the hyperbolic functions' argument: beyond 20, cosh and sinh differ by less than rounding, so a map
    that a common factor does not change stays as it is, and neither overflows.
    """
    series = 1 - z / 2 + z**2 / 24 - z**3 / 720
    up, down = _roots(z)
    return sympy.Piecewise(
        (sympy.cos(up), z > SMALL), (sympy.cosh(_at_most(down, largest)), z < -SMALL), (series, True)
    )


def sine_like(z: sympy.Expr, largest: float | None = None) -> sympy.Expr:
    """sin(sqrt z)/sqrt z for z > 0, sinh(sqrt -z)/sqrt(-z) for z < 0; `largest` as in `cosine_like`."""
    series = 1 - z / 6 + z**2 / 120 - z**3 / 5040
    up, down = _roots(z)
    return sympy.Piecewise(
        (sympy.sin(up) / up, z > SMALL),
        (sympy.sinh(_at_most(down, largest)) / down, z < -SMALL),
        (series, True),
    )


def sine_slope(z: sympy.Expr) -> sympy.Expr:
    """d/dz of `sine_like`."""
    series = -sympy.Rational(1, 6) + z / 60 - z**2 / 1680 + z**3 / 90720
    away = sympy.Piecewise((z, sympy.Abs(z) > SMALL), (1, True))
    return sympy.Piecewise(
        ((cosine_like(z) - sine_like(z)) / (2 * away), sympy.Abs(z) > SMALL), (series, True)
    )


def _roots(z: sympy.Expr) -> tuple[sympy.Expr, sympy.Expr]:
    # Both branches are evaluated by torch.where: the bound keeps the unused root and its slope finite.
    return sympy.sqrt(sympy.Max(z, SMALL)), sympy.sqrt(sympy.Max(-z, SMALL))


def _at_most(root: sympy.Expr, largest: float | None) -> sympy.Expr:
    return root if largest is None else sympy.Min(root, sympy.Float(largest))


def printable(expression: sympy.Expr) -> sympy.Expr:
    """The entire functions written out, so that every printer knows them."""
    for function, form in ((SineSlope, sine_slope), (CosineLike, cosine_like), (SineLike, sine_like)):
        expression = expression.replace(function, form)
    # a printer may only know roots of tensors
    return expression.replace(lambda part: part.is_Pow and part.is_number, lambda part: part.evalf(17))


def program(inputs: Sequence[sympy.Symbol], **outputs: sympy.Expr) -> Program:
    """Named outputs as a straight-line program with shared subexpressions."""
    ends = tuple(sympy.Symbol(f"out_{name}", real=True) for name in outputs)
    assignments = flattened(
        [(end, printable(value)) for end, value in zip(ends, outputs.values(), strict=True)], names("temp_")
    )
    return Program(inputs=tuple(inputs), assignments=used_only(assignments, ends), outputs=ends)


@dataclass(frozen=True)
class ProjectiveFlow:
    """The response of a quadratic neuron between two input spikes, in its parameters' numbers.

    Attributes:
        current: the symbol of the synaptic current at the start; a current that the neuron lacks is never used.
        clock: x as a function of DURATION.
        duration: DURATION as a function of x, written in `position`.
        horizon: x after an infinite time.
        curvature: g, a function of `current`.
        lift: (p, q) at the start -> (y, 1) up to a factor.
        matrix: (p, q) at the start -> (p, q) at DURATION, up to a positive factor.
        determinant: of the matrix, positive.
        decay: I(DURATION)/I(0).
        decay_rate: of its logarithm.
        on_voltage: whether a weight moves V (delta coupling) and not I.
    """

    current: sympy.Symbol
    position: sympy.Symbol
    clock: sympy.Expr
    duration: sympy.Expr
    horizon: sympy.Expr
    curvature: sympy.Expr
    lift: sympy.ImmutableMatrix
    matrix: sympy.ImmutableMatrix
    determinant: sympy.Expr
    decay: sympy.Expr
    decay_rate: sympy.Expr
    on_voltage: bool

    @property
    def end(self) -> sympy.Matrix:
        """(p, q) at DURATION."""
        return self.matrix * sympy.Matrix([P, Q])

    @cached_property
    def interval(self) -> Program:
        """(current, duration) to the four entries of the matrix, row by row."""
        m = self.matrix
        return program(
            (self.current, DURATION), top_left=m[0, 0], top_right=m[0, 1], low_left=m[1, 0], low_right=m[1, 1]
        )

    @cached_property
    def decayed(self) -> Program:
        """Duration to the current's decay."""
        return program((DURATION,), decay=self.decay)

    @cached_property
    def sweep(self) -> Program:
        """(current, duration) to the square of the phase that passes; below pi^2 there is at most one spike."""
        return program((self.current, DURATION), squared=self.curvature * self.clock**2)

    @cached_property
    def phase(self) -> Program:
        """(p, q, current, duration), g > 0 and q >= 0, to the phases at start and end in half turns.

        A spike lies at every whole number; the phase of V = -inf is 0.
        """
        y, one = self.lift * sympy.Matrix([P, Q])
        root = sympy.sqrt(sympy.Max(self.curvature, SMALL**4))
        start = 1 - positive_angle(root * one, y) / sympy.pi
        return program((P, Q, self.current, DURATION), start=start, end=start + root * self.clock / sympy.pi)

    @cached_property
    def crossing(self) -> Program:
        """(p, q, current, turns), q >= 0, to the duration until spike number `turns`, counted from 0.

        Where there is no such spike the value means nothing: the caller knows from the sign of q.
        """
        duration = self.duration.subs(self.position, self._crossing_position)
        return program((P, Q, self.current, TURNS), duration=duration)

    @cached_property
    def reach(self) -> Program:
        """(p, q, current), q >= 0, to a number that is positive where a spike comes without further input."""
        y, one = self.lift * sympy.Matrix([P, Q])
        bound = sympy.sqrt(sympy.Max(-self.curvature, SMALL**4)) * one
        rises = sympy.Or(self.curvature > 0, y > bound)
        there = sympy.And(rises, self._crossing_position.subs(TURNS, 0) < self.horizon)
        return program((P, Q, self.current), exists=sympy.Piecewise((1, there), (-1, True)))

    @property
    def _crossing_position(self) -> sympy.Expr:
        y, one = self.lift * sympy.Matrix([P, Q])
        root = sympy.sqrt(sympy.Max(self.curvature, SMALL**4))
        back = sympy.sqrt(sympy.Max(-self.curvature, SMALL**4))
        turning = (positive_angle(root * one, y) + TURNS * sympy.pi) / root
        inverse = one / sympy.Max(y, SMALL**2)
        ratio = sympy.Min(back * inverse, 1 - sympy.Float(1e-16))
        falling = sympy.log((1 + ratio) / (1 - ratio)) / (2 * back)
        w = self.curvature * inverse**2
        series = inverse * (1 - w / 3 + w**2 / 5 - w**3 / 7 + w**4 / 9)
        flat = sympy.And(sympy.Abs(w) < SMALL, y > 0, sympy.Rational(1, 2) > TURNS)
        return sympy.Piecewise((series, flat), (turning, self.curvature > 0), (falling, True))

    @cached_property
    def crossing_gradient(self) -> Program:
        """(p, q, current, duration of a spike) to that duration's slopes over the angle atan(p/q) and the current."""
        _, below = self.end
        slope = sympy.diff(below, DURATION)
        return program(
            (P, Q, self.current, DURATION),
            angle=-over_angle(below) / slope,
            current=-sympy.diff(below, self.current) / slope,
        )

    @cached_property
    def interval_gradient(self) -> Program:
        """(p, q, current, duration), p^2 + q^2 = 1, to the slopes of the last angle over angle, current, duration."""
        angle, current, duration = self._interval_slopes
        return program((P, Q, self.current, DURATION), angle=angle, current=current, duration=duration)

    @cached_property
    def step(self) -> Program:
        """All of an interval at once, for kernels: (p, q, current, duration), p^2 + q^2 = 1, to the last (p, q) up to
        a factor, the last current, `sweep`, the slopes of `interval_gradient`, and the last current's slopes over
        current and duration.
        """
        above, below = self.end
        angle, current, duration = self._interval_slopes
        last = self.current * self.decay
        return program(
            (P, Q, self.current, DURATION),
            p=above, q=below, last_current=last, squared=self.curvature * self.clock**2, angle=angle,
            current=current, fade=sympy.diff(last, self.current), duration=duration,
            fall=sympy.diff(last, DURATION),
        )  # fmt: skip

    @cached_property
    def arrival(self) -> Program:
        """(p, q, weight), p^2 + q^2 = 1, to (p, q) after an input spike that moves V by its weight, up to a factor,
        and the slopes of its angle over the angle before and the weight.
        """
        above, length = P + INPUT * Q, (P + INPUT * Q) ** 2 + Q**2
        angle = (Q * over_angle(above) - above * over_angle(Q)) / length
        return program(
            (P, Q, INPUT),
            p=above,
            q=Q,
            angle=sympy.factor(angle),
            weight=Q * sympy.diff(above, INPUT) / length,
        )

    @property
    def _interval_slopes(self) -> tuple[sympy.Expr, sympy.Expr, sympy.Expr]:
        above, below = self.end
        length = above**2 + below**2

        def turn(symbol: sympy.Symbol) -> sympy.Expr:
            return (below * sympy.diff(above, symbol) - above * sympy.diff(below, symbol)) / length

        return self.determinant / length, turn(self.current), turn(DURATION)


def positive_angle(height: sympy.Expr, along: sympy.Expr) -> sympy.Expr:
    """atan2(height, along) for height >= 0, in [0, pi]."""
    # bounds, not branches, keep the divisors that are not used away from 0
    return sympy.Piecewise(
        (sympy.atan(height / sympy.Max(along, TINY)), along > height),
        (sympy.pi - sympy.atan(height / sympy.Max(-along, TINY)), along < -height),
        (sympy.pi / 2 - sympy.atan(along / sympy.Max(height, TINY)), True),
    )


def over_angle(value: sympy.Expr) -> sympy.Expr:
    """The slope over the angle atan(p/q) at constant length."""
    return Q * sympy.diff(value, P) - P * sympy.diff(value, Q)


def escapes(neuron: Neuron) -> bool:
    """Whether the spike is the way of the voltage from +peak to -peak, the identity where the peak is infinite."""
    voltage = neuron.state_symbols[0]
    if neuron.event is None or set(neuron.event.reset) != {voltage}:
        return False
    peak = sympy.expand(voltage - neuron.event.margin)
    return not peak.has(*neuron.state_symbols) and sympy.expand(neuron.event.reset[voltage] + peak) == 0


def quadratic_flow(neuron: Neuron) -> ProjectiveFlow | None:
    """The flow of a quadratic neuron at its default parameters, or None where the neuron is not of the form above."""
    if not escapes(neuron) or len(neuron.states) > 2:
        return None
    voltage, *currents = neuron.state_symbols
    current = currents[0] if currents else sympy.Symbol("no_current", real=True)
    numbers = {symbol: sympy.nsimplify(value) for symbol, value in neuron.substitutions().items()}
    tau = neuron.states[0].capacity.subs(numbers)
    total = sympy.expand(neuron.states[0].total.subs(numbers))
    polynomial = sympy.Poly(total, voltage)
    if polynomial.degree() != 2 or polynomial.coeff_monomial(voltage**2) != 1:
        return None
    slope, rest = polynomial.coeff_monomial(voltage), polynomial.coeff_monomial(1)
    if INPUT in total.free_symbols or slope.free_symbols:
        return None
    if not currents:
        return _steady(neuron, tau, slope, rest, current)
    rate = sympy.expand(neuron.states[1].derivative.subs(numbers) * tau / current)
    fading = sympy.simplify(rate - 2 * slope) == 0 and slope < 0 and sympy.expand(rest - current) == 0
    return _fading(neuron, tau, slope, current) if fading else None


def _arrival(neuron: Neuron, target: sympy.Symbol) -> bool:
    """Whether an input spike adds its weight to `target` and to nothing else."""
    return set(neuron.arrivals) == {target} and sympy.expand(neuron.arrivals[target] - target - INPUT) == 0


def _steady(
    neuron: Neuron, tau: sympy.Expr, slope: sympy.Expr, rest: sympy.Expr, current: sympy.Symbol
) -> ProjectiveFlow | None:
    if not _arrival(neuron, neuron.state_symbols[0]):
        return None
    position = sympy.Symbol("position", nonnegative=True)
    clock, curvature = DURATION / tau, rest - slope**2 / 4
    lift = sympy.Matrix([[1, slope / 2], [0, 1]])
    matrix = lift.inv() * _rotation(clock, curvature) * lift
    return ProjectiveFlow(
        current=current, position=position, clock=clock, duration=tau * position, horizon=sympy.Float(1e30),
        curvature=curvature,
        lift=lift.as_immutable(), matrix=matrix.as_immutable(), determinant=sympy.S.One, decay=sympy.S.One,
        decay_rate=sympy.S.Zero, on_voltage=True,
    )  # fmt: skip


def _fading(
    neuron: Neuron, tau: sympy.Expr, slope: sympy.Expr, current: sympy.Symbol
) -> ProjectiveFlow | None:
    if not _arrival(neuron, current):
        return None
    position = sympy.Symbol("position", nonnegative=True)
    shrink = sympy.exp(slope * DURATION / tau)
    clock = (1 - shrink) / -slope
    matrix = sympy.Matrix([[shrink, 0], [0, 1]]) * _rotation(clock, current)
    return ProjectiveFlow(
        current=current, position=position, clock=clock, horizon=-1 / slope, curvature=current,
        duration=tau / slope * sympy.log(1 + slope * position),
        lift=sympy.eye(2).as_immutable(), matrix=matrix.as_immutable(), determinant=shrink,
        decay=sympy.exp(2 * slope * DURATION / tau), decay_rate=2 * slope / tau, on_voltage=False,
    )  # fmt: skip


def _rotation(clock: sympy.Expr, curvature: sympy.Expr) -> sympy.Matrix:
    z = curvature * clock**2
    return rotation(CosineLike(z), clock * SineLike(z), curvature)


def rotation(cosine: sympy.Expr, sine: sympy.Expr, curvature: sympy.Expr) -> sympy.Matrix:
    """(y, 1) to (y, 1) later, up to a factor, where dy/dx = y^2 + curvature, from C and S of the module's text."""
    return sympy.Matrix([[cosine, curvature * sine], [-sine, cosine]])
