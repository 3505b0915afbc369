"""What noise does to a neuron at rest, to first order: the covariance of its states and the spectrum of its membrane.

Around an equilibrium dx = J x dt + B dW has the stationary covariance P of J P + P J^T + B B^T = 0, and the membrane
the one-sided density 2 sum_k |(j w - J)^-1 B|_k^2.
C. W. Gardiner, Handbook of Stochastic Methods, 3rd ed., section 4.4.6.
"""

from collections.abc import Mapping

import numpy as np
import sympy
from scipy.linalg import solve_continuous_lyapunov

from conductance.errors import ExcitableError
from conductance.neurons.base import INPUT, Neuron

RESTS = 1e-3
"""Largest current in I0 that flows into a state's node where the point counts as an equilibrium."""


class NoiseError(ExcitableError):
    """Noise is asked of something that has none, or where it has no stationary law."""


def stationary_covariance(
    neuron: Neuron, at: Mapping[str, float], current: float, values: Mapping[str, float] | None = None
) -> np.ndarray:
    """The covariance (state, state) of a noisy neuron's states in V0^2 around an equilibrium.

    Args:
        neuron: with noise, and without an event.
        at: the equilibrium, states in V0 by name, as from `conductance.equilibria`.
        current: the input there.
        values: of parameters, other than the declared ones.

    Raises:
        NoiseError: a neuron without noise, a state that is missing or unknown, a point that is no equilibrium or one
            that is not stable.
    """
    jacobian, spread = _stable(neuron, at, current, values)
    return np.asarray(solve_continuous_lyapunov(jacobian, -np.diag(spread**2)))


def membrane_density(
    neuron: Neuron,
    at: Mapping[str, float],
    current: float,
    radian: np.ndarray,
    values: Mapping[str, float] | None = None,
) -> np.ndarray:
    """The one-sided density (frequency,) of the membrane in V0^2 tau_m, at frequencies w = 2 pi f tau_m.

    Arguments and errors as `stationary_covariance`.
    """
    jacobian, spread = _stable(neuron, at, current, values)
    identity = np.eye(len(jacobian))
    rows = [np.linalg.solve((1j * w * identity - jacobian).T, identity[0]) for w in np.asarray(radian, float)]
    return 2 * (np.abs(np.array(rows)) ** 2) @ spread**2


def linearised(
    neuron: Neuron, at: Mapping[str, float], current: float, values: Mapping[str, float] | None = None
) -> tuple[np.ndarray, np.ndarray]:
    """The Jacobian (state, state) in 1/tau_m and the noise (state,) in V0/sqrt(tau_m) of a neuron at an equilibrium."""
    if not neuron.noisy:
        raise NoiseError(f"neuron {neuron.name}: it has no noise; see conductance.neurons.noisy")
    if neuron.event is not None or neuron.is_map:
        raise NoiseError(f"neuron {neuron.name}: its noise at rest is linear only without events and maps")
    names = [state.name for state in neuron.states]
    if set(at) != set(names):
        raise NoiseError(
            f"neuron {neuron.name}: the equilibrium is given by {', '.join(at) or 'nothing'}; give each state once: "
            f"{', '.join(names)}"
        )
    full = neuron.check_values(values or {}, owner=f"neuron {neuron.name}")
    numbers = {p.symbol: full[p.name] for p in neuron.parameters}
    numbers |= {state.symbol: float(at[state.name]) for state in neuron.states} | {INPUT: float(current)}
    for state in neuron.states:
        flows = float(state.total.subs(numbers))
        if not abs(flows) <= RESTS:
            raise NoiseError(
                f"neuron {neuron.name}: the given point is no equilibrium at I = {current:g}: {flows:.3g} I0 flow into "
                f"{state.name} there; take one of conductance.equilibria(neuron, {current:g})"
            )
    right = sympy.Matrix([state.derivative for state in neuron.states])
    jacobian = right.jacobian(list(neuron.state_symbols)).subs(numbers)
    spread = [sympy.sympify(state.diffusion).subs(numbers) for state in neuron.states]
    found = np.array(jacobian.tolist(), float)
    return found, np.array([float(value) for value in spread])


def _stable(
    neuron: Neuron, at: Mapping[str, float], current: float, values: Mapping[str, float] | None
) -> tuple[np.ndarray, np.ndarray]:
    """The same at an equilibrium that is stable, or `NoiseError`."""
    jacobian, spread = linearised(neuron, at, current, values)
    fastest = float(np.linalg.eigvals(jacobian).real.max())
    if fastest >= 0:
        raise NoiseError(
            f"neuron {neuron.name}: the state {dict(at)} is not stable at an input of {current:g} (it grows at "
            f"{fastest:g} per tau_m), so its noise has no stationary law"
        )
    return jacobian, spread
