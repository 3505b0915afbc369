"""The window of a map neuron's spike, from the distribution of its voltage: mu_u and sigma_u.

arXiv 2510.05168 derives the window from the map's parameters and the inputs that tdBN makes, I ~ N(0, s^2) with
s = alpha V_th. The text of its theorem is not available. These two closures are our own; both take the voltage as
normal, u ~ N(mu, sigma^2), and push its moments through the map, exactly where the map is a polynomial:

    stationary    mu and sigma are those that the free map keeps: no resets
    after_reset   the second step after a reset; the first leaves u = I, so this one is exact

Measured against a Monte Carlo run with resets in `conductance.shaping.maps.sampled_moments`.
"""

from collections.abc import Mapping
from typing import Any, Literal

import sympy

from conductance.derivation.maps import free_map
from conductance.errors import ExcitableError
from conductance.neurons.base import INPUT, Neuron

Closure = Literal["stationary", "after_reset"]
MEAN = sympy.Symbol("mu", real=True)
VARIANCE = sympy.Symbol("sigma_squared", positive=True)
INPUT_SPREAD = sympy.Symbol("s", positive=True)
"""Standard deviation of the input."""
ITERATIONS = 60
"""Steps after which the stationary closure has converged; each shrinks the error by the map's mean slope or more."""
CONVERGED = 1e-6
LOST = 1e6
"""A variance beyond this grows without bound, in V0^2."""


class WindowError(ExcitableError):
    """A neuron has no window of this kind."""


def next_moments(neuron: Neuron) -> tuple[sympy.Expr, sympy.Expr]:
    """Mean and variance one step later of a normal voltage, in `MEAN`, `VARIANCE`, `INPUT_SPREAD` and parameters.

    Raises:
        WindowError: the map is no polynomial of the voltage plus the input.
    """
    u = neuron.membrane.symbol
    step = sympy.expand(free_map(neuron) - INPUT)
    if INPUT in step.free_symbols or not step.is_polynomial(u):
        raise WindowError(
            f"neuron {neuron.name}: its moments have a closed form only for a polynomial of the voltage plus the input"
        )
    mean = _expected(step, u)
    variance = _expected(sympy.expand(step**2), u) - mean**2
    return sympy.expand(mean), sympy.expand(variance + INPUT_SPREAD**2)


def _expected(expression: sympy.Expr, u: sympy.Symbol) -> sympy.Expr:
    """The mean of a polynomial in a normal variable."""
    z = sympy.Dummy("z", real=True)
    shifted = sympy.Poly(expression.subs(u, MEAN + z), z)
    total = sympy.S.Zero
    for (power,), coefficient in shifted.terms():
        if power % 2 == 0:
            total += coefficient * sympy.factorial2(power - 1) * VARIANCE ** (power // 2)
    return total


def window_moments(neuron: Neuron, closure: Closure) -> tuple[sympy.Expr, sympy.Expr]:
    """What the closure states: mean and variance of the voltage.

    Those of `after_reset` are explicit; those of `stationary` are the right-hand sides of mu = ..., sigma^2 = ...

    >>> from conductance.neurons import dqif
    >>> window_moments(dqif(), "after_reset")[0]
    a*s**2 + a*u1*u2
    """
    mean, variance = next_moments(neuron)
    if closure == "stationary":
        return mean, variance
    if closure == "after_reset":
        first = {MEAN: sympy.S.Zero, VARIANCE: INPUT_SPREAD**2}
        return sympy.expand(mean.subs(first)), sympy.expand(variance.subs(first))
    raise WindowError(f"closure {closure!r} is unknown; allowed are stationary, after_reset")


class Window:
    """mu_u and sigma_u of a polynomial map under one closure, derived once and evaluated for any values.

    Raises:
        WindowError: an unknown closure, or a map without closed moments.
    """

    def __init__(self, neuron: Neuron, closure: Closure = "stationary") -> None:
        self.neuron, self.closure = neuron, closure
        moments = window_moments(neuron, closure)
        symbols = [parameter.symbol for parameter in neuron.parameters]
        self._start = sympy.lambdify([INPUT_SPREAD, *symbols], window_moments(neuron, "after_reset"), "math")
        self._step = sympy.lambdify([MEAN, VARIANCE, INPUT_SPREAD, *symbols], moments, "math")

    def __call__(self, spread: Any, values: Mapping[str, Any] | None = None) -> tuple[Any, Any]:
        """Middle and half width in V0, as numbers, arrays or tensors like what is given.

        Args:
            spread: standard deviation of the input; under tdBN at its start s = alpha V_th.
            values: parameter values other than the declaration's.

        Raises:
            WindowError: the voltage has no stationary distribution at this spread.
        """
        middle, half_width, found = self.where_found(spread, values)
        if not bool(found.all() if hasattr(found, "all") else found):
            raise WindowError(
                f"neuron {self.neuron.name}: under inputs of spread {spread} the free map's voltage has no "
                f"stationary distribution; use the closure after_reset, a measured window, or a smaller spread"
            )
        return middle, half_width

    def __reduce__(self) -> tuple[type["Window"], tuple[Neuron, Closure]]:
        # what it is made of: generated functions cannot be pickled
        return Window, (self.neuron, self.closure)

    def where_found(self, spread: Any, values: Mapping[str, Any] | None = None) -> tuple[Any, Any, Any]:
        """Middle, half width, and whether there is such a distribution; where not, the first two mean nothing."""
        full = {**self.neuron.defaults, **(values or {})}
        parameters = [full[parameter.name] for parameter in self.neuron.parameters]
        mean, variance = self._start(spread, *parameters)
        found = variance > 0
        if self.closure == "stationary":
            mean, variance, found = self._settled(mean, variance, spread, parameters)
        return mean, variance**0.5, found

    def _settled(self, mean: Any, variance: Any, spread: Any, parameters: list) -> tuple[Any, Any, Any]:
        """The moments that the map keeps, by repeated steps from those after a reset."""
        before = variance
        for _ in range(ITERATIONS):
            before = variance
            mean, variance = self._step(mean, variance, spread, *parameters)
            if isinstance(variance, float) and variance > LOST:
                break  # a plain number would overflow
        return mean, variance, abs(variance - before) <= CONVERGED * abs(variance)
