"""Noise of a network's synapses in its circuit: the model's draws, in a current that follows the outputs."""

import math
from collections.abc import Iterator, Mapping

import numpy as np
import sympy

from circuits.data.circuit import GROUND, BehaviouralCurrent, HeldWaveform, VoltageSource, voltage
from circuits.data.scaling import Scaling
from circuits.networks.noise import CircuitDraws
from conductance.networks.synapses import FULL, SynapseNoise

LINE, OWN = "line", "own"
LEAST = 1e-9
"""Of an output, below which a synapse's own noise does not fall any more: a square root has no slope at zero."""


def draw_node(label: str, source: int, kind: str) -> str:
    """The node whose voltage is the draw of a source's line, or of its synapses' own noise, in 1/sqrt(tau_m)."""
    return f"{label}_{source}_{kind}_noise"


def synapse_draws(
    draws: CircuitDraws, scaling: Scaling, label: str, sources: Mapping[int, str], size: int
) -> Iterator[VoltageSource]:
    """The draws of `conductance.networks.synapses.numbers` in a first series, as sources of voltage.

    Args:
        draws: of the projection.
        scaling: the SI units.
        label: name of the projection.
        sources: nodes of the outputs that this circuit has, by their place.
        size: of all sources.
    """
    hold = draws.dt * scaling.time_unit
    times = tuple((hold * np.arange(draws.steps)).tolist())
    for place in sources:
        for lane, kind in ((place, LINE), (size + place, OWN)):
            node = draw_node(label, place, kind)
            values = draws.numbers(lane, 0) / math.sqrt(draws.dt)
            yield VoltageSource(
                name=f"v_{node}", positive=node, negative=GROUND, note="draws of noise",
                waveform=HeldWaveform(times=times, values=tuple(values.tolist()), edge=draws.edge * hold),
            )  # fmt: skip


def synapse_current(
    noise: SynapseNoise, weights: np.ndarray, label: str, sources: Mapping[int, str], scaling: Scaling
) -> sympy.Expr:
    """The noise of the currents into one target in A, of the sources that this circuit has.

    Args:
        noise: of the projection.
        weights: (source,) of the target.
        label: name of the projection.
        sources: nodes of the outputs, by their place.
        scaling: the SI units.
    """
    terms = []
    for place, node in sources.items():
        weight = float(weights[place])
        if not weight:
            continue
        output = voltage(node) / scaling.voltage_unit
        inside = sympy.Min(1.0, sympy.Max(LEAST, output))
        a, b, c, full = noise.line[place]
        silent = output <= 0
        between = sympy.sqrt(a + b * inside + c * inside**2)
        line = sympy.Piecewise((0.0, silent), (between, output < FULL), (math.sqrt(full), True))
        own = noise.inhibitory if weight < 0 else noise.excitatory
        copies = sympy.Piecewise((0.0, silent), (sympy.sqrt(inside), True))
        terms += [
            weight * line * voltage(draw_node(label, place, LINE)),
            math.sqrt(abs(weight) * own) * copies * voltage(draw_node(label, place, OWN)),
        ]
    return scaling.current_unit * math.sqrt(noise.power) * sympy.Add(*terms)


def noise_source(node: str, current: sympy.Expr) -> BehaviouralCurrent:
    """The source of that current into a target's node."""
    return BehaviouralCurrent(
        name=f"b_{node}_noise", source=GROUND, sink=node, current=current, note="noise of synapses"
    )
