"""What every figure of a run is, and which neurons are looked at."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise

import numpy as np
from matplotlib.figure import Figure

from excitable.ladder.rungs import Waveforms, layer_threshold
from excitable.ladder.steps import called, whole_way
from excitable.report.evidence import Evidence
from excitable.report.style import svg_of
from excitable.report.verdict import number, plural
from netlists.comparison import HYSTERESIS, upward_crossings

COLUMNS = 1200
"""Columns of a trace over the whole run; each shows the lowest and the highest sample in it."""


@dataclass(frozen=True, kw_only=True)
class Drawing:
    """A figure with its file name, its title and, for readers who cannot see it, what is to be seen in it."""

    name: str
    title: str
    description: str
    figure: Figure

    @cached_property
    def svg(self) -> str:
        """The figure as an SVG file."""
        return svg_of(self.figure)


@dataclass(frozen=True, kw_only=True)
class ChosenNeuron:
    """A neuron worth looking at: its column in the waveforms, its name, and why."""

    column: int
    name: str
    why: str


def spike_levels(evidence: Evidence) -> dict[str, float]:
    """Threshold and hysteresis by which spikes are counted, as the comparison used them."""
    if evidence.ladder is not None:
        return {"threshold": evidence.ladder.threshold_v0, "hysteresis": evidence.ladder.hysteresis_v0}
    layers = list(evidence.hidden.values())
    threshold = layer_threshold(layers[0]) if layers else 0.0
    return {"threshold": threshold, "hysteresis": HYSTERESIS}


def spike_times(rung: Waveforms, column: int, evidence: Evidence) -> np.ndarray:
    """Upward crossings of one neuron, in tau_m."""
    return upward_crossings(rung.time, rung.membrane[:, column], **spike_levels(evidence))[0]


def chosen_neurons(evidence: Evidence) -> tuple[ChosenNeuron, ...]:
    """Up to three different neurons: the most active, the one that differs most, and a median one."""
    if not evidence.rungs:
        return ()
    rung = evidence.rungs[-1]
    if any(layer.neuron.event is not None for layer in evidence.hidden.values()):
        # A reset hides the peak, so crossings of the membrane do not count its spikes.
        picks = _extremes(rung.membrane.std(axis=0))
        words = ("voltage moves most", "median movement of the voltage", "voltage moves least")
        return _distinct(rung, list(zip(picks, words, strict=True)))
    spikes = np.array([len(spike_times(rung, k, evidence)) for k in range(len(rung.neurons))])
    if evidence.ladder is None:
        ranks = zip(_extremes(spikes), ("most active", "median activity", "least active"), strict=True)
        return _distinct(rung, [(k, f"{rank}, {plural(int(spikes[k]), 'spike')}") for k, rank in ranks])
    way = whole_way(evidence.ladder)
    rms = np.array([neuron.rms_v0 for neuron in way.neurons])
    order = np.argsort(-rms, kind="stable")
    active = int(np.argmax(spikes))
    ends = f"{called(way.reference)} to {called(way.candidate)}"
    worst, half = int(order[0]), len(order) // 2
    median = next((int(k) for k in order[half:] if spikes[k] > 0), int(order[half]))
    found = [
        (active, f"most active, {plural(int(spikes[active]), 'spike')}"),
        (worst, f"largest difference, {number(rms[worst])} V0 rms from {ends}"),
        (median, f"median difference, {number(rms[median])} V0 rms from {ends}"),
    ]
    return _distinct(rung, found)


def _extremes(sizes: np.ndarray) -> list[int]:
    """Where the largest, the median and the smallest are."""
    order = np.argsort(-sizes, kind="stable")
    return [int(k) for k in order[[0, len(order) // 2, -1]]]


def _distinct(rung: Waveforms, picks: Sequence[tuple[int, str]]) -> tuple[ChosenNeuron, ...]:
    found: dict[int, str] = {}
    for column, why in picks:
        found[int(column)] = f"{found[int(column)]}; {why}" if int(column) in found else why
    return tuple(ChosenNeuron(column=k, name=rung.neurons[k], why=why) for k, why in found.items())


def envelope(time: np.ndarray, values: np.ndarray, columns: int = COLUMNS) -> tuple[np.ndarray, np.ndarray]:
    """A long trace as lowest and highest sample of each of many short stretches, in their order in time.

    On paper this looks like all samples: no peak is lost, a gap (NaN) stays one, and a file holds a few thousand points
    at most.
    """
    if len(time) <= 2 * columns:
        return time, values
    edges = np.linspace(0, len(time), columns + 1).astype(int)
    kept = {0, len(time) - 1}
    for first, last in pairwise(edges.tolist()):
        part = values[first:last]
        gap = np.isnan(part)
        kept |= {
            first + int(np.where(gap, np.inf, part).argmin()),
            first + int(np.where(gap, -np.inf, part).argmax()),
        }
        kept |= {first + int(gap.argmax())} if gap.any() else set()
    index = np.array(sorted(kept))
    return time[index], values[index]


def window(time: np.ndarray, low: float, high: float) -> np.ndarray:
    """Which samples lie inside a stretch of time."""
    return (time >= low) & (time <= high)
