"""The page of single factors: a table for each twin, and a verdict."""

import numpy as np
from matplotlib.figure import Figure

from studies.dqif.run import LEARNING_RATE, TARGET
from studies.dqif_factors.run import StudyResult
from studies.dqif_factors.variants import VARIANTS
from studies.pages import CONFIDENCE, difference, spread, table

TEST_IMAGES = 449
TWINS = {"dqif": "DQIF", "dlif": "Leaky twin"}


def page(study: StudyResult) -> str:
    """The page below its title."""
    budget = study.budget
    lines = [
        "The study [dqif](dqif.md) finds DQIF below its leaky twin on scikit-learn's digits, against "
        "arXiv 2510.05168. Here one thing is changed at a time: threshold, tdBN's alpha, the window, the twin's decay, "
        "and whether the reset has a gradient. Network, split, augmentation and training are those of that study "
        f"({budget.epochs} epochs of 1168 images, Adam at {LEARNING_RATE:g}, {TEST_IMAGES} test images); seeds decide "
        f"weights, order and augmentation. Differences are to the twin's usual form, with {CONFIDENCE:.0%} intervals "
        "by Welch's test where there are two seeds of both.",
        "",
    ]
    for twin, title in TWINS.items():
        lines += [f"## {title}", "", *_table(study, twin), ""]
    lines += [
        "## What to make of it",
        "",
        verdict(study),
        "",
        "![Factors](dqif-factors.png)",
        "",
        "One thread of a core of a shared machine; seconds are processor time of one training.",
    ]
    return "\n".join(lines)


def _table(study: StudyResult, twin: str) -> list[str]:
    usual, rows = study.accuracies(twin), []
    for name, variant in VARIANTS.items():
        own = study.accuracies(name)
        if variant.twin != twin or not own:
            continue
        reached = [row["epochs_to_target"] for row in study.trainings if row["variant"] == name]
        epochs = f"{np.mean(reached):.1f}" if None not in reached else "not by all"
        seconds = np.mean([row["seconds"] for row in study.trainings if row["variant"] == name])
        gap = "-" if name == twin else _gap(own, usual)
        rows.append((variant.words, len(own), spread(own, 4), gap, epochs, f"{seconds:.0f}"))
    head = (
        "changed",
        "seeds",
        "test accuracy",
        "difference",
        f"epochs to {TARGET:g} on validation",
        "seconds",
    )
    return table(head, rows, numbers=True)


def _gap(mine: list[float], others: list[float]) -> str:
    gap = f"{np.mean(mine) - np.mean(others):+.4f}"
    if min(len(mine), len(others)) < 2:
        return gap
    low, high = difference(mine, others)
    return f"{gap} ({low:+.4f} to {high:+.4f})"


def verdict(study: StudyResult) -> str:
    """How the twins stand in their usual forms, and which changes can be told from none."""
    pair = [study.accuracies(twin) for twin in TWINS]
    fewest = min(map(len, pair))
    seeds = f"{fewest} {'seed' if fewest == 1 else 'seeds'} each"
    known = [f"DQIF against its twin, both as usual: {_gap(*pair)}, {seeds}."]
    told = []
    for name, variant in VARIANTS.items():
        own, usual = study.accuracies(name), study.accuracies(variant.twin)
        if name != variant.twin and min(len(own), len(usual)) > 1:
            low, high = difference(own, usual)
            if low > 0 or high < 0:
                told.append(f"{TWINS[variant.twin]}, {variant.words}: {_gap(own, usual)}")
    known.append(f"Changes that can be told from none: {'; '.join(told) or 'none'}.")
    single = [variant.words for name, variant in VARIANTS.items() if len(study.accuracies(name)) == 1]
    if single:
        who = "every variant" if len(single) == len(study.budget.variants) else f"each of {'; '.join(single)}"
        known.append(
            f"**Not settled**: {who} has one seed, which tells nothing of differences this small (one test image is "
            f"{1 / TEST_IMAGES:.4f}); `--budget full` has ten seeds of each, and more variants."
        )
    return " ".join(known)


def figures(study: StudyResult) -> dict[str, Figure]:
    """Every training's accuracy by what was changed."""
    names = [name for name in VARIANTS if study.accuracies(name)]
    figure = Figure(figsize=(7.0, 0.28 * len(names) + 0.8), layout="constrained")
    axes = figure.subplots()
    for place, name in enumerate(names):
        values = study.accuracies(name)
        colour = "#0072b2" if VARIANTS[name].twin == "dqif" else "#e69f00"
        axes.plot(values, [place] * len(values), "o", color=colour, markersize=4)
    axes.set_yticks(range(len(names)), names, fontsize=8)
    axes.invert_yaxis()
    axes.set_xlabel("test accuracy on digits", fontsize=9)
    axes.spines[["top", "right"]].set_visible(False)
    axes.tick_params(labelsize=8)
    return {"dqif-factors": figure}
