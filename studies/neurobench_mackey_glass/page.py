"""The page of NeuroBench's Mackey-Glass task: what was found beside what is published."""

import numpy as np
from matplotlib.figure import Figure

from studies.neurobench_mackey_glass.models import BOUND, ESN, GRIDS, MTC
from studies.neurobench_mackey_glass.run import Found, means
from studies.neurobench_mackey_glass.series import (
    APART,
    LYAPUNOV,
    PAST,
    POINTS,
    SEARCH_FROM,
    TEST,
    TRAIN,
    WARM_UP,
)
from studies.pages import CONFIDENCE, difference, listed, mean_interval, search_section, table

PUBLISHED = {"LSTM": 13.37, "echo state network": 14.79}
"""sMAPE in the NeuroBench paper (Yik et al., Nature Communications 2025, arXiv 2304.04640), tau = 17."""
WORDS = {MTC: "MTC reservoir", ESN: "echo state network"}


def page(found: Found) -> str:
    """The page below its title."""
    budget = found.budget
    return "\n".join(
        [
            f"The task is NeuroBench's: the Mackey-Glass equation with tau = 17 from the constant history {PAST:g}, "
            f"{POINTS} points in a Lyapunov time of {LYAPUNOV:g} units, {TRAIN} points to train on (the first "
            f"{WARM_UP} do not count), then {TEST} points that the model predicts from its own predictions. The error "
            "is sMAPE, 200 mean(|p - y|/(|p| + |y|)), the mean over starts that lie "
            f"{APART:g} Lyapunov times apart. NeuroBench asks to download its series, since a chaotic one depends on "
            "the solver; these are computed here, so the numbers are of the same task on other points.",
            "",
            f"A reservoir has {budget.units} fixed random units. Its readout is the only thing that is trained, by "
            f"one ridge regression for each start, in double precision: {budget.units + 2} numbers (the states, the "
            "input, a constant); the settings that NeuroBench publishes for its echo state network have 966 units. MTC "
            "neurons are those of the study [mackey-glass-reservoir](mackey-glass-reservoir.md): graded, recurrent "
            "through their slow voltages, at which they are read; each point is held for some steps of the model. A "
            f"prediction that is fed back is bounded to {BOUND:g} standard deviations.",
            "",
            *_results(found),
            "",
            verdict(found),
            "",
            "![Errors by start](neurobench-mackey-glass.png)",
            "",
            *search_section(_settings(found)),
            f"For each kind {budget.settings} settings were drawn from the grid and measured with one seed on "
            f"{budget.search_starts} starts, the first {SEARCH_FROM:g} Lyapunov times behind the beginning, so behind "
            f"all that is measured; the best {budget.best} again with {budget.again} other seeds, and the best of "
            f"those by the mean over all its seeds was measured with {budget.seeds} new seeds on {budget.starts} "
            "starts. NeuroBench's own search is not reproduced: the published numbers are quoted.",
            "",
            "Starts overlap, so they are not independent; intervals are Student's over seeds. One thread of a core of "
            "a shared machine; seconds are processor time of a reservoir on all starts.",
        ]
    )


def _results(found: Found) -> list[str]:
    head = (
        "model", "sMAPE", f"{CONFIDENCE:.0%} interval", "best and worst start", "seeds", "starts",
        "error of one step where it trained", "seconds",
    )  # fmt: skip
    rows: list[tuple[object, ...]] = []
    for kind, words in WORDS.items():
        own = found.of(kind)
        errors = [row["error"] for row in own]
        low, high = mean_interval(errors)
        by_start = np.mean([row["errors"] for row in own], axis=0)
        rows.append(
            (
                words, f"{np.mean(errors):.2f}", f"{low:.2f} to {high:.2f}",
                f"{by_start.min():.1f} and {by_start.max():.1f}", len(own), len(by_start),
                f"{np.mean([row['fitted'] for row in own]):.1e}", f"{np.mean([row['seconds'] for row in own]):.0f}",
            )
        )  # fmt: skip
    rows += [
        (f"{name}, published", f"{error:.2f}", "-", "-", "-", "-", "-", "-")
        for name, error in PUBLISHED.items()
    ]
    return table(head, rows, numbers=True)


def verdict(found: Found) -> str:
    """How the MTC reservoir stands to what is published and to the echo state network of this study."""
    mine, others = ([row["error"] for row in found.of(kind)] for kind in (MTC, ESN))
    low, high = mean_interval(mine)
    known = []
    for name, error in PUBLISHED.items():
        word = "below" if high < error else "above" if low > error else "not distinguishable from"
        known.append(f"{word} the published {name} ({error:g})")
    gap = difference(mine, others)
    word = "lower than" if gap[1] < 0 else "higher than" if gap[0] > 0 else "not distinguishable from"
    return (
        f"**Verdict.** The MTC reservoir's {np.mean(mine):.2f} is {' and '.join(known)}, and {word} that of this "
        f"study's echo state network (difference {np.mean(mine) - np.mean(others):+.2f}, {CONFIDENCE:.0%} interval "
        f"{gap[0]:+.2f} to {gap[1]:+.2f})."
    )


def _settings(found: Found) -> list[str]:
    rows = []
    for kind, grid in GRIDS.items():
        order = means(found.search, kind)
        setting = next(iter(order))
        edges = [
            axis for (axis, values), value in zip(grid.items(), setting, strict=True)
            if value in (values[0], values[-1])
        ]  # fmt: skip
        rows.append(
            (
                WORDS[kind], ", ".join(f"{axis} {value:g}" for axis, value in zip(grid, setting, strict=True)),
                "; ".join(f"{axis} {listed(values)}" for axis, values in grid.items()), f"{order[setting]:.2f}",
                ", ".join(edges) or "no",
            )
        )  # fmt: skip
    return table(("model", "setting", "grid", "sMAPE in the search", "on the edge of the grid"), rows)


def figures(found: Found) -> dict[str, Figure]:
    """The error on every start, all seeds as points and their mean as a line."""
    figure = Figure(figsize=(8.0, 3.2), layout="constrained")
    axes = figure.subplots()
    for colour, (kind, words) in zip(("#0072b2", "#e69f00"), WORDS.items(), strict=True):
        errors = np.array([row["errors"] for row in found.of(kind)])
        starts = APART * np.arange(errors.shape[1])
        axes.plot(starts, errors.T, ".", color=colour, markersize=3, alpha=0.4)
        axes.plot(starts, errors.mean(0), color=colour, linewidth=1.5, label=words)
    for dashes, (name, error) in zip(("--", ":"), PUBLISHED.items(), strict=True):
        axes.axhline(error, color="#5c6977", linestyle=dashes, linewidth=1, label=f"{name}, published mean")
    axes.set_xlabel("start / Lyapunov times", fontsize=9)
    axes.set_ylabel("sMAPE", fontsize=9)
    axes.spines[["top", "right"]].set_visible(False)
    axes.tick_params(labelsize=8)
    axes.legend(frameon=False, fontsize=7)
    return {"neurobench-mackey-glass": figure}
