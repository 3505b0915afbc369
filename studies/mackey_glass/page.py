"""The page of the Mackey-Glass study: table, figures and verdict, all computed from its results."""

from collections.abc import Sequence

import numpy as np
from matplotlib.figure import Figure

from conductance.tasks import READINGS
from excitable.trials import Result
from studies.mackey_glass.run import MODELS, StudyResult, variants
from studies.pages import CONFIDENCE, difference, listed, spread, table

COLOURS = {"mtc": "#0072b2", "lif": "#e69f00", "adlif": "#cc79a7"}
MEASURES = {
    "error": "error (NRMSE)",
    "spikes": "communication (spikes per neuron and step)",
    "duty_cycle": "computation (share of time active)",
}


def page(study: StudyResult) -> str:
    """The page below its title."""
    budget = study.budget
    readings = list(dict.fromkeys(result["reading"] for result in study.comparison))
    lines = [
        f"Budget, equal for all: {budget.steps} updates of {budget.batch} series of {budget.series_samples} samples "
        f"(the first {budget.warm_up} do not count), Adam with cosine annealing. For each model, width and horizon: "
        f"{len(budget.learning_rates) * len(budget.input_gains)} settings searched on the validation split "
        f"(learning rates {listed(budget.learning_rates)}; input gains {listed(budget.input_gains)}), then "
        f"{budget.seeds} other seeds at the best. Numbers are means ± standard deviation over seeds, on test.",
        "",
        "Spikes of MTC are upward crossings of U_th; activity is the share of time with an output above zero. "
        "The paper's numbers are not available to us, and its step, widths, learning rates and trained parameters are "
        "open: those here are our choice.",
        "",
        "![Comparison](mackey-glass.png)",
        "",
    ]
    for reading in readings:
        lines += [f"## Horizon: {reading}", "", READINGS[reading].meaning, ""]
        lines += [*_table(study.comparison, reading, MODELS), "", verdict(study, reading), ""]
    lines += [
        "## One thing changed in MTC",
        "",
        f"Horizon `{readings[0]}`, width {budget.width}, the setting that MTC's own search chose (not searched again).",
        "",
        *_table(study.ablation, readings[0], [name for name in variants() if name.startswith("mtc")]),
        "",
        "## Settings that the search chose",
        "",
        *_settings(study),
        "",
    ]
    return "\n".join(lines)


def verdict(study: StudyResult, reading: str) -> str:
    """Whether the claim of lower error and higher sparsity holds at equal width, by Welch's test on the seeds."""
    width = study.budget.width
    sentences, holds = [], []
    for other in MODELS[1:]:
        for measure, name in MEASURES.items():
            mine = _values(study.comparison, reading, "mtc", width, measure)
            theirs = _values(study.comparison, reading, other, width, measure)
            low, high = difference(mine, theirs)
            word = "lower" if high < 0 else "higher" if low > 0 else "not distinguishable"
            holds.append(high < 0)
            sentences.append(
                f"against {other}, {name} is {word} (difference {np.mean(mine) - np.mean(theirs):+.3g}, "
                f"{CONFIDENCE:.0%} interval {low:+.3g} to {high:+.3g})"
            )
    claim = "holds" if all(holds) else "fails" if not any(holds) else "partly holds"
    return f"At equal width the claim (lower error and sparser in both measures) **{claim}**: {'; '.join(sentences)}."


def comparison_figure(study: StudyResult) -> Figure:
    """Every seed as a point: error, communication and computation, by model and width, for each horizon."""
    readings = list(dict.fromkeys(result["reading"] for result in study.comparison))
    figure = Figure(figsize=(11, 3.2 * len(readings)), layout="constrained")
    axes = figure.subplots(len(readings), len(MEASURES), squeeze=False)
    groups = list(dict.fromkeys((result["model"], result["width"]) for result in study.comparison))
    groups.sort(key=lambda group: (MODELS.index(group[0]), group[1]))
    for row, reading in zip(axes, readings, strict=True):
        for axis, (measure, name) in zip(row, MEASURES.items(), strict=True):
            for place, (model, width) in enumerate(groups):
                values = _values(study.comparison, reading, model, width, measure)
                places = place + np.linspace(-0.12, 0.12, len(values))
                axis.plot(places, values, "o", color=COLOURS[model], markersize=5, alpha=0.7)
                axis.hlines(np.mean(values), place - 0.25, place + 0.25, color=COLOURS[model], linewidth=2)
            axis.set_xticks(range(len(groups)), [f"{model}\n{width}" for model, width in groups])
            axis.set_ylim(bottom=0)
            axis.set_title(f"{reading}: {name}", fontsize=9)
            axis.spines[["top", "right"]].set_visible(False)
    figure.supxlabel("model and hidden neurons (a point is a seed, a bar their mean)", fontsize=9)
    return figure


def _values(results: Sequence[Result], reading: str, model: str, width: int, measure: str) -> list[float]:
    return [
        result[measure]
        for result in results
        if (result["reading"], result["model"], result["width"]) == (reading, model, width)
    ]


def _table(results: Sequence[Result], reading: str, models: Sequence[str]) -> list[str]:
    found = []
    for model in models:
        widths = sorted({r["width"] for r in results if r["model"] == model and r["reading"] == reading})
        for width in widths:
            rows = [r for r in results if (r["reading"], r["model"], r["width"]) == (reading, model, width)]
            cells = [
                spread([row[measure] for row in rows], digits)
                for measure, digits in (
                    ("error", 3), ("mse", 3), ("spikes", 4), ("duty_cycle", 3), ("silent_neurons", 1), ("seconds", 0)
                )
            ]  # fmt: skip
            found.append((model, width, rows[0]["parameters"], *cells))
    head = (
        "model", "hidden", "trained parameters", "NRMSE", "MSE", "spikes per neuron and step",
        "share of time active", "silent neurons", "seconds of one core",
    )  # fmt: skip
    return table(head, found)


def _settings(study: StudyResult) -> list[str]:
    budget = study.budget
    found = []
    keys = ("reading", "model", "width", "learning_rate", "input_gain")
    rows = dict.fromkeys(tuple(result[key] for key in keys) for result in study.comparison)
    for reading, model, width, rate, gain in rows:
        at = {"learning rate": (rate, budget.learning_rates), "input gain": (gain, budget.input_gains)}
        words = ", ".join(name for name, (value, grid) in at.items() if value in (grid[0], grid[-1])) or "no"
        found.append((reading, model, width, f"{rate:g}", f"{gain:g}", words))
    head = ("horizon", "model", "hidden", "learning rate", "input gain", "on the edge of the grid")
    return ["A setting on the edge of the grid may not be the best there is.", "", *table(head, found)]
