"""A leaky neuron with threshold between two input spikes: a quadratic equation for its spike time.

For tau dV/dt = -V + I and (tau/2) dI/dt = -I, with e = exp(-t/tau):

    V(t) = V e + I (e - e^2),   I(t) = I e^2,   and V = V_th at the larger root of I e^2 - (V + I) e + V_th = 0

(docs/models.md, section 2). Only a rising current reaches the threshold: I > 0 and V + I > 0, so the root is
[(V + I) + sqrt((V + I)^2 - 4 I V_th)]/(2 I). The reset is hard, so there is no matrix of the whole response.
"""

from dataclasses import dataclass
from functools import cached_property

import sympy

from conductance.derivation.program import Program
from conductance.derivation.projective import DURATION, TINY, program
from conductance.neurons.base import INPUT, SPIKE, Neuron

DECAY = sympy.Symbol("decay", positive=True)


@dataclass(frozen=True)
class LeakyFlow:
    """The response of a leaky neuron between two input spikes, in its parameters' numbers."""

    voltage: sympy.Symbol
    current: sympy.Symbol
    tau: sympy.Expr
    threshold: sympy.Expr
    reset: sympy.Expr

    @property
    def end(self) -> tuple[sympy.Expr, sympy.Expr]:
        """Voltage and current when exp(-t/tau) has fallen to DECAY, without a spike before."""
        return (self.voltage + self.current * (1 - DECAY)) * DECAY, self.current * DECAY**2

    @cached_property
    def fading(self) -> Program:
        """A duration to the decay exp(-t/tau) over it."""
        return program((DURATION,), decay=sympy.exp(-DURATION / self.tau))

    @cached_property
    def waiting(self) -> Program:
        """A decay to the duration over which it happens."""
        return program((DECAY,), duration=-self.tau * sympy.log(DECAY))

    @cached_property
    def interval(self) -> Program:
        """(voltage, current, duration) to voltage and current after a duration without a spike."""
        voltage, current = (value.subs(DECAY, sympy.exp(-DURATION / self.tau)) for value in self.end)
        return program((self.voltage, self.current, DURATION), voltage=voltage, current=current)

    @cached_property
    def step(self) -> Program:
        """(voltage, current, decay) to voltage and current after it, with the slopes of the last voltage over voltage
        and current, of the last current over current, and of both over duration.
        """
        voltage, current = self.end
        return program(
            (self.voltage, self.current, DECAY),
            voltage=voltage, current=current, keep=sympy.diff(voltage, self.voltage),
            push=sympy.diff(voltage, self.current), fade=sympy.diff(current, self.current),
            drag=self._over_time(voltage), fall=self._over_time(current),
        )  # fmt: skip

    @cached_property
    def after(self) -> Program:
        """(voltage, current, decay) to voltage and current after it, without a spike before."""
        voltage, current = self.end
        return program((self.voltage, self.current, DECAY), voltage=voltage, current=current)

    @cached_property
    def peak(self) -> Program:
        """(voltage, current) to the decay until the voltage's extremum, a maximum where I > 0, and V there."""
        voltage, _ = self.end
        (decay,) = sympy.solve(sympy.diff(voltage, DECAY), DECAY)
        return program(
            (self.voltage, self.current), decay=decay, voltage=sympy.factor(voltage.subs(DECAY, decay))
        )

    @cached_property
    def crossing_gradient(self) -> Program:
        """(voltage, current, decay until a spike) to the slopes of the spike's time over voltage and current."""
        voltage, _ = self.end
        slope = self._over_time(voltage)
        return program(
            (self.voltage, self.current, DECAY),
            voltage=-sympy.diff(voltage, self.voltage) / slope,
            current=-sympy.diff(voltage, self.current) / slope,
        )

    @cached_property
    def crossing(self) -> Program:
        """(voltage, current) to the decay until V = V_th, and a number that is positive where that exists.

        It lies in the past where the decay is above 1.
        """
        total = self.voltage + self.current
        inside = total**2 - 4 * self.current * self.threshold
        there = sympy.And(inside > 0, self.current > 0, total > 0)
        # bounds, not branches: torch evaluates what it does not use, and its slope must be finite
        root = sympy.sqrt(sympy.Max(inside, TINY))
        decay = (sympy.Max(total, 0) + root) / (2 * sympy.Max(self.current, TINY))
        return program(
            (self.voltage, self.current), decay=decay, exists=sympy.Piecewise((1, there), (-1, True))
        )

    def _over_time(self, value: sympy.Expr) -> sympy.Expr:
        return -sympy.diff(value, DECAY) * DECAY / self.tau


def leaky_flow(neuron: Neuron) -> LeakyFlow | None:
    """The flow of a leaky neuron at its default parameters, or None where the neuron is not of the form above."""
    if neuron.event is None or len(neuron.states) != 2:
        return None
    voltage, current = neuron.state_symbols
    numbers = {symbol: sympy.nsimplify(value) for symbol, value in neuron.substitutions().items()}
    tau = neuron.states[0].capacity.subs(numbers)
    leak = sympy.expand(neuron.states[0].total.subs(numbers) + voltage - current)
    fading = sympy.expand(neuron.states[1].derivative.subs(numbers) * tau + 2 * current)
    threshold = sympy.expand(voltage - neuron.event.margin.subs(numbers))
    arriving = sympy.expand(neuron.arrivals.get(current, 0) - current - INPUT)
    fits = leak == 0 and fading == 0 and arriving == 0 and set(neuron.arrivals) == {current}
    if not (
        fits
        and threshold.is_positive
        and set(neuron.event.reset) == {voltage}
        and SPIKE not in leak.free_symbols
    ):
        return None
    reset = sympy.sympify(neuron.event.reset[voltage]).subs(numbers)
    if not (threshold - reset).is_positive:
        return None
    return LeakyFlow(voltage=voltage, current=current, tau=tau, threshold=threshold, reset=reset)
