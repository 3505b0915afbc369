"""White noise of an output stage and of the synapses that copy its current.

The current of the stage's pair passes two mirror transistors where it is positive, and a limiter takes away what is
beyond I0. Silent outputs have no noise: nothing flows. All synapses of a neuron copy the noise of its line and of the
output mirror's input, and each adds that of its own transistors; an inhibitory one turns its current round once more.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from numbers import Real

import sympy

from circuits.data.values import CircuitError
from circuits.realisations.cells.noise import LIMITER, OUTPUT_MIRRORS, TEN_TRANSISTORS, Generator, shot
from circuits.realisations.forms import clipped_form
from circuits.technologies import Technology, chosen_technology
from conductance.neurons.base import Neuron
from conductance.neurons.noisy import silent


@dataclass(frozen=True, kw_only=True)
class OutputNoise:
    """Of a neuron's output, as expressions of its parameters and states.

    Attributes:
        output: the current in I0, 0 to 1, as the transistors make it.
        line: one-sided density of that current before it is copied, over 2 q I0.
        made_of: the technology.
    """

    output: sympy.Expr
    line: sympy.Expr
    made_of: Technology

    def copied(self, weight: float) -> sympy.Expr:
        """The density over 2 q I0 of the current of a synapse of that weight, its sign included.

        Raises:
            CircuitError: a weight that is no finite number.
        """
        given: object = weight
        if isinstance(given, bool) or not isinstance(given, Real) or not abs(float(given)) < float("inf"):
            raise CircuitError(f"noise of a synapse: weight = {weight!r}; give a finite number")
        one = {kind: float(self.made_of.transistor(kind).shot_factor) for kind in ("nmos", "pmos")}
        common = self.line + one["pmos"] * self.output
        own = one["pmos"] + (2 * one["nmos"] if weight < 0 else 0.0)
        return weight**2 * common + abs(weight) * own * self.output


def output_noise(neuron: Neuron, technology: Technology | None = None) -> OutputNoise:
    """The noise of the output stage of a neuron, whose output is a line between two thresholds.

    Raises:
        TechnologyError: a technology without transistors.
        CircuitError: an output that is no such line.
    """
    made_of = chosen_technology(technology, "transistor")
    quiet = silent(neuron)
    form = clipped_form(quiet)
    if form is None:
        raise CircuitError(
            f"neuron {neuron.name}: its output {neuron.output} is no clipped line, so it has no stage of transistors"
        )
    half = (form.upper - form.lower) / 2
    t = sympy.tanh(form.state - form.lower - half)
    slope = 1 / (2 * sympy.tanh(half))
    passed = sympy.Rational(1, 2) + slope * t

    def of(generators: Mapping[str, Generator]) -> sympy.Expr:
        return shot(generators, made_of, t)

    below = slope * of(TEN_TRANSISTORS) + passed * of(OUTPUT_MIRRORS)
    beyond = passed * of(OUTPUT_MIRRORS) + passed * of(LIMITER)
    return OutputNoise(
        output=sympy.Min(1, sympy.Max(0, passed)),
        line=sympy.Piecewise((0, passed <= 0), (below, passed < 1), (beyond, True)),
        made_of=made_of,
    )
