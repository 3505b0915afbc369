"""The figure of noise: spectrum, orders, presets at rest, the network's error, and the smallest neuron."""

from collections.abc import Callable, Iterator

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import NullFormatter

from conductance.shaping.figures.palette import colour
from studies.noise.costs import KINDS, curve
from studies.noise.design import UNIT, error_at, sized
from studies.noise.leaky import BINS, pooled
from studies.noise.page import WITHIN, WORDS
from studies.noise.rest import ratios
from studies.noise.run import StudyResult

ROLES = {"model": "model", "behavioural": "muted", "macromodel": "equation", "transistor": "circuit"}
SHOWN = np.geomspace(3e-14, 3e-12, 41)
"""Capacitances of the design curve in F."""


def drawn(study: StudyResult) -> Figure:
    """All that the study has."""
    figure = Figure(figsize=(13, 7), layout="constrained")
    axes = iter(figure.subplots(2, 3).ravel())
    for draw in _drawings(study):
        draw(next(axes), study)
    for left in axes:
        left.set_axis_off()
    return figure


def _drawings(study: StudyResult) -> Iterator[Callable[[Axes, StudyResult], None]]:
    yield _bins
    yield _convergence
    yield from [_presets] if study.rest else []
    yield from [_errors] if study.networks else []
    yield from [_energy, _area] if study.networks and study.design else []


def _bins(axes: Axes, study: StudyResult) -> None:
    (noise,) = study.leaky["noise"]
    middle = np.sqrt(BINS[1:] * BINS[:-1])
    for form, role in ROLES.items():
        if form not in study.leaky:
            continue
        found = pooled(study.leaky[form], noise["expected"])
        values = np.array(found["bins"])
        halves = 1.96 * values / np.sqrt(np.maximum(found["counts"], 1))
        axes.errorbar(middle, values, halves, fmt="o-", color=colour(role), label=WORDS[form], capsize=2)
    axes.axhspan(1 - WITHIN, 1 + WITHIN, color=colour("muted"), alpha=0.2, linewidth=0)
    axes.set(title="leaky membrane, density / formula", xlabel="w tau_m", ylim=(0.7, 1.3), xscale="log")
    axes.xaxis.set_minor_formatter(NullFormatter())
    axes.legend(fontsize="x-small")


def _convergence(axes: Axes, study: StudyResult) -> None:
    for (name, (found,)), role in zip(study.orders.items(), ("model", "circuit"), strict=True):
        axes.loglog(found["steps"], found["strong"], "o-", color=colour(role), label=f"{name}, along paths")
        axes.loglog(found["steps"], found["weak"], "s--", color=colour(role), label=f"{name}, on average")
    axes.set(title="error over the step", xlabel="dt / tau_m", ylabel="error / V0")
    axes.legend(fontsize="x-small")


def _presets(axes: Axes, study: StudyResult) -> None:
    names = list(study.rest)
    for shift, (form, role) in enumerate(ROLES.items()):
        given = {
            place: ratios(study.rest[name])[form]
            for place, name in enumerate(names)
            if form in study.rest[name]
        }
        if not given:
            continue
        axes.errorbar(
            [place + 0.15 * (shift - 1.5) for place in given], [one[0] for one in given.values()],
            [one[1] for one in given.values()], fmt="o", color=colour(role), label=WORDS[form], capsize=2,
            markersize=4,
        )  # fmt: skip
    axes.axhspan(1 - WITHIN, 1 + WITHIN, color=colour("muted"), alpha=0.2, linewidth=0)
    axes.set_xticks(range(len(names)), names, rotation=30, ha="right", fontsize="x-small")
    axes.set(title="presets at rest, variance / linear theory", ylim=(0.6, 1.4))
    axes.legend(fontsize="x-small")


def _errors(axes: Axes, study: StudyResult) -> None:
    for kind, role in zip(KINDS, ("circuit", "model"), strict=True):
        found = [one["test"] for name, one in study.networks.items() if kind in name]
        powers = [float(power) for power in found[0] if float(power)]
        means = np.array([[np.mean(one[f"{power:g}"]) for power in powers] for one in found])
        spread = means.std(0, ddof=1) if len(means) > 1 else None
        axes.errorbar(
            powers, means.mean(0), spread, fmt="o-", color=colour(role), label=KINDS[kind], capsize=2
        )
    axes.set(
        title="network under noise", xlabel="noise power / that of 1 pF", ylabel="test error", xscale="log"
    )
    axes.legend(fontsize="small")


def _over_error(axes: Axes, study: StudyResult, value: Callable[[float], float], words: str) -> None:
    """A quantity of a neuron over the error that its noise makes, and where its gates are the whole membrane."""
    (middle,) = list(study.design.values())[len(study.design) // 2]
    for kind, role in zip(KINDS, ("circuit", "model"), strict=True):
        errors = curve(study.networks, kind)
        along = [error_at(errors, UNIT / one) / errors[0.0] - 1 for one in SHOWN]
        axes.plot(
            [100 * one for one in along], [value(one) for one in SHOWN], color=colour(role), label=KINDS[kind]
        )
    axes.axhline(
        value(middle["load"]), color=colour("muted"), linestyle=":", label="gates alone are the membrane"
    )
    axes.set(title="the smallest neuron", xlabel="error grows by / %", ylabel=words, yscale="log")
    axes.legend(fontsize="x-small")


def _energy(axes: Axes, study: StudyResult) -> None:
    (middle,) = list(study.design.values())[len(study.design) // 2]
    _over_error(axes, study, lambda one: 1e12 * sized(one, middle).energy, "energy in tau_m / pJ")


def _area(axes: Axes, study: StudyResult) -> None:
    (middle,) = list(study.design.values())[len(study.design) // 2]
    _over_error(axes, study, lambda one: 1e12 * sized(one, middle).area, "area / um^2")
