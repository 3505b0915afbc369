"""What the circuit's noise does to each neuron: jitter, lost and false spikes, signal to noise."""

import numpy as np
from matplotlib.axes import Axes

from conductance.shaping.figures.palette import colour
from excitable.report.evidence import Evidence
from excitable.report.figures.base import Drawing
from excitable.report.style import grid, log_axis, new_figure
from excitable.report.verdict import number
from netlists.comparison import NoiseLine, NoisyNeuron


def noise_figure(evidence: Evidence) -> Drawing | None:
    """Each neuron of the model under noise, sorted by its jitter; nothing where the ladder has no such neurons."""
    line = None if evidence.ladder is None else evidence.ladder.noise
    if line is None or not line.neurons:
        return None
    order = sorted(line.neurons, key=lambda each: (each.jitter_tau_m is None, each.jitter_tau_m or 0.0))
    figure = new_figure(2.7)
    jitter, spikes, ratio = figure.subplots(1, 3)
    _jitter(jitter, order)
    _spikes(spikes, order, line)
    _ratio(ratio, order)
    known = [each.jitter_tau_m for each in order if each.jitter_tau_m is not None]
    words = (
        f"jitter of at most {number(float(np.median(known)))} tau_m in half of the {len(known)} neurons that fire"
        if known
        else "no neuron fires"
    )
    lost, false = (sum(getattr(each, kind) for each in order) for kind in ("lost", "false"))
    return Drawing(
        name="noise",
        title="The circuit's noise, neuron by neuron",
        description=f"The model in {line.realisations} realisations of its circuit's white noise: {words}; {lost} "
        f"spikes lost and {false} false.",
        figure=figure,
    )


def _jitter(axes: Axes, order: list[NoisyNeuron]) -> None:
    found = [(place, each.jitter_tau_m) for place, each in enumerate(order) if each.jitter_tau_m is not None]
    axes.set(title="Jitter", xlabel="neuron, by its jitter", ylabel=r"rms / $\tau_\mathrm{m}$")
    if not found:
        axes.annotate("no spikes", (0.5, 0.5), xycoords="axes fraction", ha="center", color=colour("muted"))
        return
    places, sizes = zip(*found, strict=True)
    axes.plot(places, sizes, "o", color=colour("ultraslow"), markersize=3.6, markeredgewidth=0)
    log_axis(axes, "y")
    grid(axes)


def _spikes(axes: Axes, order: list[NoisyNeuron], line: NoiseLine) -> None:
    """Lost and false spikes in one realisation, on average."""
    places = np.arange(len(order))
    lost, false = (
        np.array([getattr(each, kind) for each in order]) / line.realisations for kind in ("lost", "false")
    )
    axes.bar(places, lost, color=colour("fault"), width=0.9, label="lost")
    axes.bar(places, -false, color=colour("fast"), width=0.9, label="false")
    axes.axhline(0, color=colour("muted"), linewidth=0.8)
    largest = max(1.0, float(lost.max()), float(false.max()))
    axes.set_ylim(-1.15 * largest, 1.35 * largest)
    axes.set(
        title="Lost and false spikes", xlabel="neuron, by its jitter", ylabel="in a realisation, on average"
    )
    axes.yaxis.set_major_formatter(lambda value, _: f"{abs(value):g}")
    axes.legend(ncols=2, loc="upper left")


def _ratio(axes: Axes, order: list[NoisyNeuron]) -> None:
    found = [
        (place, each.signal_to_noise_db)
        for place, each in enumerate(order)
        if each.signal_to_noise_db is not None
    ]
    axes.set(title="Signal to noise", xlabel="neuron, by its jitter", ylabel="membrane voltage / dB")
    if found:
        places, sizes = zip(*found, strict=True)
        axes.plot(places, sizes, "o", color=colour("model"), markersize=3.6, markeredgewidth=0)
        grid(axes)
