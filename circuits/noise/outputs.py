"""White noise of an output stage and of the synapses that copy its current.

The current of the stage's pair passes two mirror transistors where it is positive, and a limiter takes away what is
beyond I0. Silent outputs have no noise: nothing flows. All synapses of a neuron copy the noise of its line and of the
output mirror's input, and each adds that of its own transistors; an inhibitory one turns its current round once more.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from numbers import Real

import numpy as np
import sympy

from circuits.data.scaling import Scaling
from circuits.data.values import CircuitError
from circuits.realisations.cells.noise import LIMITER, OUTPUT_MIRRORS, TEN_TRANSISTORS, Generator, shot
from circuits.realisations.forms import clipped_form
from circuits.technologies import Technology, chosen_technology
from conductance.layers import NeuronLayer
from conductance.networks.synapses import SynapseNoise
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
        common = self.line + _copies(self.made_of) * self.output
        own = _copies(self.made_of) + (2 * _turned(self.made_of) if weight < 0 else 0.0)
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
        raise CircuitError(_no_stage(neuron))
    half = (form.upper - form.lower) / 2
    t = sympy.tanh(form.state - form.lower - half)
    passed, below, beyond = _stage(made_of, t, half)
    return OutputNoise(
        output=sympy.Min(1, sympy.Max(0, passed)),
        line=sympy.Piecewise((0, passed <= 0), (below, passed < 1), (beyond, True)),
        made_of=made_of,
    )


def _stage(made_of: Technology, t: sympy.Expr, half: sympy.Expr) -> tuple[sympy.Expr, sympy.Expr, sympy.Expr]:
    """The current of the stage's pair over I0, and the density of its line below the limit and beyond it."""
    slope = 1 / (2 * sympy.tanh(half))
    passed = sympy.Rational(1, 2) + slope * t

    def of(generators: Mapping[str, Generator]) -> sympy.Expr:
        return shot(generators, made_of, t)

    below = slope * of(TEN_TRANSISTORS) + passed * of(OUTPUT_MIRRORS)
    return passed, below, passed * of(OUTPUT_MIRRORS) + passed * of(LIMITER)


def synapse_noise(
    layer: NeuronLayer,
    technology: Technology | None = None,
    *,
    scaling: Scaling | None = None,
    power: float = 1.0,
) -> SynapseNoise:
    """The white noise of the synapses behind a layer, over its outputs, as the model and its netlists draw it.

    Between the thresholds it is `output_noise`'s, whose membrane the output tells. At the upper limit the output does
    not: there it is that of a membrane far above, as in a spike, the largest that there is.

    Args:
        layer: of neurons with an output stage, with the thresholds that it has now.
        technology: of the transistors; the default of the transistor level where none is given.
        scaling: the SI units; the technology's own where none is given.
        power: times that of the circuit.

    Raises:
        TechnologyError: a technology without transistors.
        CircuitError: an output that is no clipped line.
    """
    made_of = chosen_technology(technology, "transistor")
    units = made_of.scaling() if scaling is None else scaling
    form = clipped_form(silent(layer.neuron))
    if form is None:
        raise CircuitError(_no_stage(layer.neuron))
    names = [parameter.name for parameter in layer.neuron.parameters]
    symbols = [parameter.symbol for parameter in layer.neuron.parameters]
    halves = sympy.lambdify(symbols, (form.upper - form.lower) / 2, "numpy")
    values = layer.values()
    columns = [values[name].detach().double().cpu().numpy() for name in names]
    found = np.broadcast_to(halves(*columns), (layer.size,))
    rows = {half: _over_output(made_of, half) for half in dict.fromkeys(found.tolist())}
    one = _copies(made_of)
    return SynapseNoise(
        line=tuple(rows[half] for half in found.tolist()), excitatory=one, inhibitory=one + 2 * _turned(made_of),
        power=power * units.shot_power,
    )  # fmt: skip


def _over_output(made_of: Technology, half: float) -> tuple[float, float, float, float]:
    """a, b, c of the common density a + b s + c s^2 over the output s, and that of a membrane far above."""
    s = sympy.Symbol("s", real=True)
    _, below, _ = _stage(made_of, (2 * s - 1) * sympy.tanh(half), sympy.Float(half))
    common = sympy.Poly(sympy.expand(below + _copies(made_of) * s), s)
    c, b, a = (float(common.coeff_monomial(s**power)) for power in (2, 1, 0))
    _, _, beyond = _stage(made_of, sympy.S.One, sympy.Float(half))
    return a, b, c, float(beyond) + _copies(made_of)


def _copies(made_of: Technology) -> float:
    """The shot factor of the transistors that copy an output."""
    return float(made_of.transistor("pmos").shot_factor)


def _turned(made_of: Technology) -> float:
    """The shot factor of each of the two that turn a copy round."""
    return float(made_of.transistor("nmos").shot_factor)


def _no_stage(neuron: Neuron) -> str:
    return f"neuron {neuron.name}: its output {neuron.output} is no clipped line, so it has no stage of transistors"
