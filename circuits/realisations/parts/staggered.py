"""Any smooth law of one voltage from differential pairs with staggered references, after the multi-tanh principle.

factor (constant + sum of weights[k] tanh(v - references[k])) follows the law inside a span of voltages and is flat
beyond. A weight's sign is a matter of which input reads the voltage. Laws that bend within less than a pair's own width
have no such form. Weights of both signs cancel, and the errors of the pairs do not: `cancellation` says how far they
are magnified, and the fit prefers small weights.
"""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import sympy

from circuits.realisations.forms import event_form
from circuits.realisations.parts.base import Pair
from circuits.realisations.parts.multi_tanh import LINEAR
from conductance.neurons.base import Neuron, State

SPACING = 1.0
"""Largest distance of two references in voltage units."""
TOLERANCE = 0.02
"""Largest residual that is built."""
LEAST = 1e-4
"""Pairs of a weight below this share of the largest are left out."""
PENALTY = 2e-3
"""Relative gain error for which the weights are chosen: the square of each, times this one's, is added to the square
of the deviation. Cubics get a fifth less weight for a deviation of 0.9 %; without it, weights grow at will."""
CALIBRATED_ERROR = 0.03
"""What a pair of a calibrated circuit adds to the law's error, over its own weight. Measured by DC sweeps of parabolas
and cubics in the generic 180 nm technology: 0.9 to 2.7 %."""
UNTRIMMED_ERROR = 0.07
"""The same without calibration: gain, offset and imbalance of all pairs add up. Measured: 3 to 6.6 %."""
WARNED = 0.1
"""Estimated error, over the law's largest current, from which on it is reported."""
SAMPLES = 801


@dataclass(frozen=True, kw_only=True)
class Staggered:
    """The pairs of a law, as currents into a state's node.

    Attributes:
        state: the symbol that is read.
        factor: what multiplies the law, an expression of parameters, positive at their defaults, in I0.
        constant: of the law, over `factor`.
        references: (pair,), in V0.
        weights: (pair,), over `factor`, of either sign.
        residual: largest deviation inside the span, over the law's largest current there.
        cancellation: sum of the weights' sizes over the law's largest current: an error of all pairs, over their bias
            currents, is magnified by it.
        width_parameters: parameters that shape the law; they cannot differ between instances of one subcircuit.
    """

    state: sympy.Symbol
    factor: sympy.Expr
    constant: float
    references: tuple[float, ...]
    weights: tuple[float, ...]
    residual: float
    cancellation: float
    width_parameters: frozenset[str]

    @property
    def slope(self) -> sympy.Expr:
        """The largest bias current in I0."""
        return self.factor * max(abs(weight) for weight in self.weights)

    @property
    def pairs(self) -> tuple[Pair, ...]:
        """The pairs, their weights over the slope's own."""
        largest = max(abs(weight) for weight in self.weights)
        return tuple(
            Pair(reference=reference, weight=weight / largest)
            for reference, weight in zip(self.references, self.weights, strict=True)
        )

    def expected_error(self, *, calibrated: bool) -> float:
        """Estimate of the law's largest error in a circuit of real pairs, over its largest current."""
        return self.residual + self.cancellation * (CALIBRATED_ERROR if calibrated else UNTRIMMED_ERROR)


def span(neuron: Neuron, state: State) -> tuple[float, float]:
    """The voltages in V0 that a state's elements are followed over: from reset to threshold where there are such."""
    form = event_form(neuron)
    if form is None or state is not neuron.membrane:
        return -LINEAR, LINEAR
    numbers = neuron.substitutions()
    return float(form.reset.subs(numbers)), float(form.threshold.subs(numbers))


def staggered(
    current: sympy.Expr, neuron: Neuron, voltages: tuple[float, float] = (-LINEAR, LINEAR)
) -> Staggered | None:
    """The pairs that come nearest to a current from one of the `voltages` in V0 to the other.

    None where it does not read just one state. How near they come is their `residual`.
    """
    read = [symbol for symbol in neuron.state_symbols if current.has(symbol)]
    if len(read) != 1:
        return None
    return _staggered(current, read[0], tuple(neuron.substitutions().items()), voltages)


# a network asks for the same law again for every layer and level
@lru_cache(maxsize=128)
def _staggered(
    current: sympy.Expr,
    state: sympy.Symbol,
    numbers: tuple[tuple[sympy.Symbol, float], ...],
    voltages: tuple[float, float],
) -> Staggered:
    factor, law = current.as_independent(state, as_Add=False)
    if float(factor.subs(dict(numbers))) < 0:
        factor, law = -factor, -law
    shape = law.xreplace({symbol: sympy.Float(value) for symbol, value in numbers})
    samples = np.linspace(*voltages, SAMPLES)
    wanted = np.broadcast_to(np.asarray(sympy.lambdify(state, shape, "numpy")(samples), float), samples.shape)
    steps = int(np.ceil((voltages[1] - voltages[0]) / SPACING))
    spacing = (voltages[1] - voltages[0]) / steps
    # one pair beyond each end lets the slope go on to it
    references = voltages[0] + spacing * np.arange(-1, steps + 2)
    basis = np.column_stack([np.tanh(samples[:, None] - references), np.ones(SAMPLES)])
    pairs = len(references)
    penalty = np.eye(pairs, pairs + 1) * PENALTY * np.sqrt(SAMPLES)
    solution = np.linalg.lstsq(np.vstack([basis, penalty]), np.append(wanted, np.zeros(pairs)), rcond=1e-10)[
        0
    ]
    solution[:-1][np.abs(solution[:-1]) < LEAST * np.abs(solution[:-1]).max()] = 0.0
    kept = np.flatnonzero(solution[:-1])
    return Staggered(
        state=state,
        factor=factor,
        constant=float(solution[-1]),
        references=tuple(references[kept].tolist()),
        weights=tuple(solution[kept].tolist()),
        residual=float(np.abs(basis @ solution - wanted).max() / np.abs(wanted).max()),
        cancellation=float(np.abs(solution[:-1]).sum() / np.abs(wanted).max()),
        width_parameters=frozenset(
            str(symbol) for symbol in law.free_symbols - {state} if symbol in dict(numbers)
        ),
    )
