"""The page of the QIF and LIF study: tables, figures and verdicts, all computed from its results."""

from collections.abc import Sequence
from itertools import product

import numpy as np
from matplotlib.figure import Figure

from conductance.landscapes import MEASURES, Estimate, estimates
from excitable.trials import Result
from studies.event_training.page import softplus_note
from studies.pages import CONFIDENCE, difference, listed, spread
from studies.qif_lif.landscape import LANDSCAPE_LENGTH, LANDSCAPE_TRIALS
from studies.qif_lif.run import StudyResult
from studies.qif_lif.trainings import (
    MODELS,
    NEURONS,
    OSCILLATING,
    PENALTY,
    PULLED,
    REGULARISER,
    SHARPNESS,
    SILENT_SHARE,
    STARTS,
    TARGETS,
)

COLOURS = {"qif": "#0072b2", "lif": "#e69f00", OSCILLATING: "#cc79a7", PULLED: "#009e73"}
NAMES = {"qif": "QIF", "lif": "LIF", OSCILLATING: "QIF, oscillating", PULLED: "QIF, silence penalty"}
CURVES = {
    "accuracy": "validation accuracy",
    "silent": "share of silent hidden neurons",
    "spikes": "spikes per hidden neuron and trial",
    "gradient_norm": "norm of the gradient",
}


def figures(study: StudyResult) -> dict[str, Figure]:
    """The trainings, and the paths through the landscapes."""
    return {"qif-lif": training_figure(study), "qif-lif-landscape": path_figure(study)}


def page(study: StudyResult) -> str:
    """The page below its title."""
    budget = study.budget
    lines = [
        f"Budget, equal for both: {budget.epochs} epochs in batches of {budget.batch}, Adam with cosine annealing, "
        f"loss on first spike times with the published regulariser at weight {REGULARISER:g}, weights trained and "
        f"nothing else. {len(budget.learning_rates) * len(budget.drives)} settings are searched with seed 0 on the "
        f"validation split (learning rates {listed(budget.learning_rates)}; first weights {listed(budget.drives)} "
        f"times the least weight that makes a neuron at rest spike, pi^2/4 for QIF and 4 for LIF), then "
        f"{budget.seeds} other seeds run at the best. Yin-Yang: {budget.train_samples} train, 1000 validation and 1000 "
        "test samples of the published splits. Trials last 5 tau. Numbers are means ± standard "
        "deviation over seeds, on the test split; spikes, silent neurons and gradients are those of the last epoch.",
        "",
        f"{softplus_note(SHARPNESS)} So do all numbers of QIF on this page; LIF has no pseudospikes.",
        "",
        "SHD, on which the paper compares the two neurons, is not in this study, and its numbers are not available "
        "to us. The search, the starts and the budget are our choice.",
        "",
        "![Training](qif-lif.png)",
        "",
    ]
    for task in budget.tasks:
        for start in STARTS:
            lines += [f"## {task}, {start} start", ""]
            if start == "silent":
                lines += [
                    f"The hidden weights are scaled down until {SILENT_SHARE:.0%} of the hidden neurons spike in no "
                    f"validation trial. The oscillating neuron, with delta coupling and I_0 = "
                    f"{NEURONS[OSCILLATING].defaults['I_0']:g}, is the one of the paper's claim. The last row adds "
                    f"{PENALTY:g} times a penalty on the pseudospikes of silent neurons, which is ours. Only the "
                    f"learning rate is searched here.",
                    "",
                ]
            lines += [*_table(study, task, start), ""]
        lines += [*_verdicts(study, task), ""]
    lines += [*_landscape(study), "## Settings that the search chose", "", *_settings(study), ""]
    return "\n".join(lines)


def _table(study: StudyResult, task: str, start: str) -> list[str]:
    target = TARGETS[task]
    lines = [
        f"| neuron | accuracy | best epoch's, on validation | silent hidden neurons | spikes per hidden neuron "
        f"| gradient norm | its variance "
        f"| steps left out | epochs to {target:.0%} | changed nothing |",
        "|---|---|---|---|---|---|---|---|---|---|",
    ]
    for model in NAMES:
        rows = _rows(study.comparison, task, model, start)
        if not rows:
            continue
        done = [row for row in rows if row["curves"]["gradient_norm"]]
        reached = [row["epochs_to_target"] for row in rows if row["epochs_to_target"] is not None]
        epochs = f"{spread(reached, 1)} ({len(reached)} of {len(rows)})" if reached else f"0 of {len(rows)}"
        lines.append(
            f"| {NAMES[model]} | {spread([row['accuracy'] for row in rows], 3)} "
            f"| {spread([max(row['curves']['accuracy'], default=row['validation']) for row in rows], 3)} "
            f"| {spread([row['silent'] for row in rows], 2)} "
            f"| {spread([row['hidden_spikes'] for row in rows], 2)} "
            f"| {spread([row['curves']['gradient_norm'][-1] for row in done], 3)} "
            f"| {spread([row['curves']['gradient_variance'][-1] for row in done], 3)} "
            f"| {sum(sum(row['curves']['skipped']) for row in rows)} | {epochs} "
            f"| {sum(bool(row['stopped']) for row in rows)} of {len(rows)} |"
        )
    return [
        *lines,
        "",
        "Changed nothing: trainings that ended because in a whole epoch no spike had a gradient.",
    ]


def _verdicts(study: StudyResult, task: str) -> list[str]:
    """What of the papers is confirmed, by Welch's test on the seeds."""
    lines = ["What this says of the papers:", ""]
    for start in STARTS:
        ours, theirs = (
            [row["accuracy"] for row in _rows(study.comparison, task, model, start)] for model in MODELS
        )
        low, high = difference(ours, theirs)
        word = (
            "confirmed" if low > 0 else "contradicted" if high < 0 else "not decided by this number of seeds"
        )
        lines.append(
            f"- QIF learns better than LIF, {start} start: **{word}** (accuracy "
            f"{np.mean(ours) - np.mean(theirs):+.3f}, {CONFIDENCE:.0%} interval {low:+.3f} to {high:+.3f})."
        )
    silent = {model: _rows(study.comparison, task, model, "silent") for model in NAMES}
    for model, rows in silent.items():
        before, after = (np.mean([row[key] for row in rows]) for key in ("silent_before", "silent"))
        word = "confirmed" if after < 0.01 else "partly confirmed" if after < before / 2 else "not confirmed"
        lines.append(
            f"- Silent neurons go to zero, {NAMES[model]}: **{word}** (share {before:.2f} to {after:.2f})."
        )
    lines += [
        "",
        "The papers' number for silent neurons is of the oscillating neuron on MNIST, with 784 inputs and two hidden "
        "layers. A silent neuron still speaks to the next layer by its pseudospikes, so a network can learn and leave "
        "it silent. Other exact-gradient codes reach 0.967 to 0.989 on Yin-Yang with networks of this size "
        "and settings of their own, so an accuracy below that is one of this budget, search and loss, not a limit of "
        "the neuron. A LIF neuron has no pseudospikes: the loss takes the end of the trial for a silent output neuron.",
    ]
    return lines


def _landscape(study: StudyResult) -> list[str]:
    lines = [
        "## Loss landscapes",
        "",
        f"The measures are ours. Straight paths, {study.budget.directions} in random directions from "
        f"the initial and trained weights of each of the first {study.budget.landscapes} seeds "
        f"and one against the gradient, each as long as {LANDSCAPE_LENGTH:g} of the "
        f"weights' norm; where the gradient is 0 there is no such path. Lengths count in "
        f"that norm, so that the two neurons' different weights do not matter. Jumps are found by bisection until two "
        f"neighbouring floating-point numbers hold them; one must be at least a millionth of the largest loss of its "
        f"path. A change of the spike counts is always found, of other jumps the largest in each twelfth of the path. "
        f"In brackets: {CONFIDENCE:.0%} bootstrap intervals over the paths.",
        "",
        "![Loss along random paths](qif-lif-landscape.png)",
        "",
        "| weights | samples | direction | neuron | paths | " + " | ".join(MEASURES) + " |",
        "|---|---|---|---|---|" + "---|" * len(MEASURES),
    ]
    for state, samples, descent, model in product(
        ("initial", "trained"), (1, LANDSCAPE_TRIALS), (False, True), MODELS
    ):
        paths = study.paths(model, state, samples, descent=descent)
        if paths:
            cells = " | ".join(_cell(found) for found in estimates(paths).values())
            direction = "against the gradient" if descent else "random"
            lines.append(f"| {state} | {samples} | {direction} | {NAMES[model]} | {len(paths)} | {cells} |")
    return [*lines, "", *_left_out(study), _landscape_verdict(study), ""]


def _left_out(study: StudyResult) -> list[str]:
    """The paths that could not be measured, and why."""
    missing = [result for result in study.landscapes if not result["paths"]]
    if not missing:
        return []
    reasons = [
        f"{NAMES[result['model']]}, {result['state']}, {result['samples']} sample(s), seed {result['seed']}, direction "
        f"{result['direction']} ({result['problem']})"
        for result in missing
    ]
    return [f"Left out, {len(missing)} of {len(study.landscapes)} paths: {'; '.join(reasons)}.", ""]


def _landscape_verdict(study: StudyResult) -> str:
    """Whether QIF losses are continuous and LIF losses are not, on all measured paths."""
    words = []
    for model, holds, claim in (
        ("qif", lambda jumps: jumps == 0, "That QIF losses are continuous"),
        ("lif", lambda jumps: jumps > 0, "That LIF losses jump"),
    ):
        paths = [
            path
            for state in ("initial", "trained")
            for samples in (1, LANDSCAPE_TRIALS)
            for descent in (False, True)
            for path in study.paths(model, state, samples, descent=descent)
        ]
        jumps = sum(len(path.jumps) for path in paths)
        if not paths:
            words.append(f"{claim} is not measured yet.")
        else:
            word = "confirmed" if holds(jumps) else "not confirmed"
            words.append(f"{claim} is **{word}** ({jumps} jumps on {len(paths)} paths).")
    return " ".join(words)


def training_figure(study: StudyResult) -> Figure:
    """Every seed's course over the epochs, a row for each task and start."""
    rows = [(task, start) for task in study.budget.tasks for start in STARTS]
    figure = Figure(figsize=(12, 2.7 * len(rows)), layout="constrained")
    axes = figure.subplots(len(rows), len(CURVES), squeeze=False)
    for line, (task, start) in zip(axes, rows, strict=True):
        for axis, (key, title) in zip(line, CURVES.items(), strict=True):
            for model, colour in COLOURS.items():
                for number, row in enumerate(_rows(study.comparison, task, model, start)):
                    values = row["curves"][key]
                    label = NAMES[model] if number == 0 else None
                    axis.plot(
                        range(1, len(values) + 1), values, color=colour, linewidth=1, alpha=0.8, label=label
                    )
            axis.set_title(f"{task}, {start} start:\n{title}", fontsize=9)
            axis.set_xlabel("epoch", fontsize=8)
            axis.spines[["top", "right"]].set_visible(False)
        line[0].legend(fontsize=7, frameon=False)
    return figure


WIDE = 1e3
"""A range of losses that only a logarithmic axis shows: the regulariser is exponential in a late spike's time."""


def path_figure(study: StudyResult) -> Figure:
    """The loss along every random path, its jumps as dots, for one sample and for a batch."""
    figure = Figure(figsize=(11, 5.4), layout="constrained")
    axes = figure.subplots(2, 4, squeeze=False)
    for row, model in zip(axes, MODELS, strict=True):
        views = [(state, samples) for samples in (1, LANDSCAPE_TRIALS) for state in ("initial", "trained")]
        for axis, (state, samples) in zip(row, views, strict=True):
            for path in study.paths(model, state, samples):
                axis.plot(path.places, path.values, color=COLOURS[model], linewidth=0.8, alpha=0.7)
                places = [jump.place for jump in path.jumps]
                axis.plot(places, np.interp(places, path.places, path.values), "k.", markersize=3)
            values = np.concatenate([path.values for path in study.paths(model, state, samples)] or [(1.0,)])
            if values.min() > 0 and values.max() > WIDE * values.min():
                axis.set_yscale("log")
            axis.set_title(f"{NAMES[model]}, {state}, {samples} sample(s)", fontsize=9)
            axis.set_xlabel("path over the weights' norm", fontsize=8)
            axis.spines[["top", "right"]].set_visible(False)
        row[0].set_ylabel("loss (dots: jumps)", fontsize=8)
    return figure


def _settings(study: StudyResult) -> list[str]:
    budget = study.budget
    keys = ("task", "model", "start", "learning_rate", "drive")
    rows = dict.fromkeys(tuple(result[key] for key in keys) for result in study.comparison)
    edges = {"rate": (budget.learning_rates[0], budget.learning_rates[-1])}
    edges["drive"] = (budget.drives[0], budget.drives[-1])
    lines = [
        "| task | neuron | start | learning rate | weights | on the edge of the grid |",
        "|---|---|---|---|---|---|",
    ]
    for task, model, start, rate, drive in rows:
        on_edge = [name for name, value in (("rate", rate), ("drive", drive)) if value in edges[name]]
        words = ", ".join({"rate": "learning rate", "drive": "weights"}[name] for name in on_edge) or "no"
        lines.append(f"| {task} | {NAMES[model]} | {start} | {rate:g} | {drive:g} | {words} |")
    return lines


def _rows(results: Sequence[Result], task: str, model: str, start: str) -> list[Result]:
    return [r for r in results if (r["task"], r["model"], r["start"]) == (task, model, start)]


def _cell(found: Estimate) -> str:
    if found.value is None or found.low is None or found.high is None:
        return "no jump"
    return f"{_digits(found.value)} ({_digits(found.low)} to {_digits(found.high)})"


def _digits(value: float) -> str:
    # a cosine differs from 1 far behind the point
    return f"{value:.7f}" if 0.99 < value < 1 else f"{value:.4g}"
