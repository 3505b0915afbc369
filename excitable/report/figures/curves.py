"""I-V curves of trained neurons, with the voltages at which they fall."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from matplotlib.axes import Axes

from conductance.elements.base import Timescale
from conductance.neurons.base import Neuron
from conductance.shaping.curves import MARGIN, Curve, Region, curves, negative_slope_regions, voltage_range
from conductance.shaping.figures.palette import DASHES, colour
from conductance.shaping.rules import explanation
from excitable.report.evidence import Evidence
from excitable.report.figures.base import ChosenNeuron, Drawing, chosen_neurons
from excitable.report.style import grid, literal, new_figure

POINTS = 400
SEEN = 1.9
"""How far beyond the outermost offset a curve is drawn, in V0; further out it is a straight line."""
LABELS = {"fast": "fast", "slow": "slow", "ultraslow": "ultra-slow"}


@dataclass(frozen=True, kw_only=True)
class NeuronCurves:
    """The curves of one trained neuron.

    Attributes:
        neuron: which, and why it is shown.
        declaration: what it is an instance of.
        values: its trained parameters.
        rest: the voltage at which slower parts are frozen, in V0: the median of the membrane on the held-out series.
        curves: by timescale.
        regions: where each falls.
        explanation: which published rule the curves meet, in sentences.
    """

    neuron: ChosenNeuron
    declaration: Neuron
    values: Mapping[str, float]
    rest: float
    curves: Mapping[Timescale, Curve]
    regions: Mapping[Timescale, tuple[Region, ...]]
    explanation: str


def neuron_curves(evidence: Evidence) -> tuple[NeuronCurves, ...]:
    """The curves of the neurons that the report looks at; those of the first neurons where nothing has run yet."""
    chosen = chosen_neurons(evidence)
    if not chosen:
        names = [f"{label}_{k}" for label, layer in evidence.hidden.items() for k in range(layer.size)]
        why = "as drawn" if evidence.as_drawn else "as trained"
        chosen = tuple(ChosenNeuron(column=k, name=n, why=why) for k, n in enumerate(names[:3]))
    derived: dict[int, dict[Timescale, Curve]] = {}
    found = []
    for neuron in chosen:
        place = evidence.locate(neuron.name)
        if place is None:
            continue
        layer, index = place
        values = {name: float(column[index].detach()) for name, column in layer.values().items()}
        drawn = derived.setdefault(id(layer), curves(layer.neuron))
        membrane = evidence.rungs[0].membrane[:, neuron.column] if evidence.rungs else np.zeros(1)
        found.append(
            NeuronCurves(
                neuron=neuron,
                declaration=layer.neuron,
                values=values,
                rest=float(np.median(membrane)),
                curves=drawn,
                regions={name: negative_slope_regions(curve, values) for name, curve in drawn.items()},
                explanation=explanation(layer.neuron, values),
            )
        )
    return tuple(found)


def curve_figure(found: tuple[NeuronCurves, ...]) -> Drawing | None:
    """The curves of each neuron side by side."""
    if not found:
        return None
    figure = new_figure(3.3)
    panels = figure.subplots(1, len(found), squeeze=False)[0]
    for axes, neuron in zip(panels, found, strict=True):
        draw_curves(axes, neuron)
        axes.set_title(literal(neuron.neuron.name))
        axes.set_xlabel(r"voltage / $V_0$")
    panels[0].set_ylabel(r"current / $I_0$")
    handles, labels = panels[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside upper right", ncols=len(labels))
    return Drawing(
        name="curves",
        title="I-V curves of neurons",
        description="Membrane current over voltage. "
        + " ".join(f"{neuron.neuron.name}: {neuron.explanation}" for neuron in found),
        figure=figure,
    )


def draw_curves(axes: Axes, neuron: NeuronCurves, *, thick: float = 1.0) -> None:
    """The curves of one neuron into axes; a broad band lies where a curve falls."""
    low, high = voltage_range(neuron.declaration, neuron.values)
    low, high = low + MARGIN - SEEN, high - MARGIN + SEEN
    voltage = np.linspace(low, high, POINTS)
    for name, curve in neuron.curves.items():
        current = curve.function(neuron.values, rest=neuron.rest)
        axes.plot(voltage, current(voltage), color=colour(name), linestyle=DASHES[name], linewidth=1.5 * thick,
                  label=LABELS[name])  # fmt: skip
        for region in neuron.regions[name]:
            inside = np.linspace(max(region.lower, low), min(region.upper, high), 100)
            axes.plot(inside, current(inside), color=colour(name), linewidth=5.5 * thick, alpha=0.3,
                      solid_capstyle="butt")  # fmt: skip
    if len(neuron.curves) > 1:
        (meeting,) = next(iter(neuron.curves.values())).function(neuron.values, rest=neuron.rest)(
            np.array([neuron.rest])
        )
        axes.plot(neuron.rest, meeting, "o", color=colour("ink"), markersize=4 * thick)
    axes.axhline(0, color=colour("muted"), linewidth=0.7)
    axes.set_xlim(low, high)
    grid(axes, "both")
