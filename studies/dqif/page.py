"""The page of the DQIF study: map, window, tables, figures and verdicts, all computed."""

from collections.abc import Sequence

import numpy as np
import torch
from matplotlib.figure import Figure

from conductance.deep.energy import count_energy
from conductance.deep.networks import resnet19
from conductance.derivation.maps import bifurcations, fixed_points
from conductance.derivation.window import Window
from conductance.neurons import dqif
from conductance.shaping.figures.maps import cobweb_figure, regions_figure
from conductance.shaping.maps import sampled_moments
from excitable.trials import Result
from studies.dqif.run import LEARNING_RATE, TARGET, StudyResult
from studies.dqif.variants import VARIANTS, WIDTHS
from studies.pages import CONFIDENCE, difference, spread, table

SPREADS = (0.25, 0.5, 1.0)
SAMPLED = 1_000_000
RATES = (0.10, 0.20, 0.35)
GOAL = 0.97
WORDS = {
    "dqif": "DQIF, analytic window (stationary)",
    "dlif": "leaky twin, fixed window 0.5",
    "after_reset": "DQIF, analytic window (after_reset)",
    "measured": "DQIF, measured window",
    **{f"fixed_{width:g}": f"DQIF, fixed window {width:g}" for width in WIDTHS},
    "trained_channel": "DQIF, analytic window, a, u1, u2 trained per channel",
    "no_tdbn_measured": "DQIF without tdBN, measured window",
    "no_tdbn_fixed_0.5": "DQIF without tdBN, fixed window 0.5",
}
"""The variants in words."""
BLUE, ORANGE, GREY = "#0072b2", "#e69f00", "#5c6977"


def figures(study: StudyResult) -> dict[str, Figure]:
    """Windows, cobwebs with the analytic window, and the map's regions."""
    middle, half_width = Window(dqif())(dqif().defaults["u_th"])
    cobwebs = cobweb_figure(dqif(mu_u=middle, sigma_u=half_width), (-0.5, 0.0, 1.4), (-3.0, 0.3, -1.0))
    return {"dqif": windows_figure(study), "dqif-cobweb": cobwebs, "dqif-regions": regions_figure(dqif())}


def page(study: StudyResult) -> str:
    """The page below its title."""
    budget = study.budget
    return "\n".join(
        [
            "The neuron is that of arXiv 2510.05168. Its theorem on the window is not available to us: both closures "
            "are our derivations, and u_th = 0.5 and tdBN's alpha = 1 are our choice. None of its data sets is at "
            "hand, so this page says nothing about its accuracies; a configuration for each of them is shipped "
            "(`excitable train`).",
            "",
            *_map(),
            *_windows(),
            f"## Accuracy on digits ({budget.epochs} epochs of 1168 images, 449 test images)",
            "",
            f"One small convolutional network for all, T = 4, tdBN, TET loss, Adam at {LEARNING_RATE:g}; the split is "
            "fixed, seeds decide "
            f"weights, order and augmentation. Epochs to target: first epoch with {TARGET:g} on the "
            "validation split.",
            "",
            *_table(study, "digits", list(VARIANTS)),
            "",
            goal_verdict(study),
            "",
            "![Windows](dqif.png)",
            "",
            "## Do windows point the right way?",
            "",
            f"Slopes of the expected loss of {budget.samples} inputs along {budget.directions} random "
            "directions of the weights, "
            "by central differences and by backpropagation through each window, in two hidden layers of 32 "
            "neurons whose "
            "currents have tdBN's spread. Mismatch is the norm of the difference over the norm of the "
            "measured slopes; the "
            "error of the measurement itself is beside it.",
            "",
            *_gradients(study),
            "",
            window_verdict(study),
            "",
            f"## Generated images in CIFAR's format ({budget.generated_images} images, "
            f"{budget.generated_epochs} epochs)",
            "",
            *_table(study, "generated", ["dqif", "dlif"]),
            "",
            *_energy(),
        ]
    )


def _map() -> list[str]:
    low, high = fixed_points(dqif())
    places = ", ".join(f"{each.kind} at I = {each.current:.4g}" for each in bifurcations(dqif()))
    return [
        "## The map",
        "",
        f"Without input the fixed points are {low.voltage:g} (slope {low.slope:g}) and {high.voltage:g} (slope "
        f"{high.slope:g}); over a held input: {places}. With spikes and resets nothing escapes, as long as "
        "the threshold "
        "lies below the unstable fixed point; a declaration that breaks this is refused.",
        "",
        "![Cobwebs](dqif-cobweb.png)",
        "",
        "![Regions](dqif-regions.png)",
        "",
    ]


def _windows() -> list[str]:
    rows = []
    for threshold in SPREADS:
        neuron = dqif(u_th=threshold)
        found = sampled_moments(neuron, threshold, neurons=SAMPLED)
        cells = [found.mean, found.spread, found.rate]
        for closure in ("stationary", "after_reset"):
            cells += Window(neuron, closure)(threshold)
        rows.append(f"| {threshold:g} | " + " | ".join(f"{cell:.4f}" for cell in cells) + " |")
    return [
        "## The window",
        "",
        f"Monte Carlo with resets ({SAMPLED} neurons, step 30) beside both closures, for inputs N(0, s^2) "
        "with s = V_th.",
        "",
        "| V_th = s | mu measured | sigma measured | rate | mu stationary | sigma stationary | mu after_reset "
        "| sigma after_reset |",
        "|---:|---:|---:|---:|---:|---:|---:|---:|",
        *rows,
        "",
    ]


def _of(study: StudyResult, data: str, variant: str) -> list[Result]:
    return [row for row in study.trainings if (row["data"], row["variant"]) == (data, variant)]


def _table(study: StudyResult, data: str, variants: Sequence[str]) -> list[str]:
    lines = []
    for variant in variants:
        rows = _of(study, data, variant)
        values = [row["accuracy"] for row in rows]
        reached = [row["epochs_to_target"] for row in rows]
        epochs = f"{np.mean(reached):.1f}" if None not in reached else "not by all"
        lines.append((WORDS[variant], spread(values, 4), len(values), epochs))
    return table(("network", "test accuracy", "seeds", "epochs to target"), lines, numbers=True)


def goal_verdict(study: StudyResult) -> str:
    """Whether DQIF reaches the goal, and how it stands to its twin by Welch's test."""
    mine, twin = (study.accuracies("digits", variant) for variant in ("dqif", "dlif"))
    word = "reaches" if np.mean(mine) >= GOAL else "misses"
    return (
        f"DQIF **{word}** {GOAL:g} in the mean over {len(mine)} seeds. Against its leaky twin its accuracy is "
        f"{_compared(mine, twin)}."
    )


def _compared(mine: Sequence[float], others: Sequence[float]) -> str:
    if min(len(mine), len(others)) < 2:
        return f"{np.mean(mine) - np.mean(others):+.4f} above it, of one seed: too few to tell"
    low, high = difference(mine, others)
    word = "higher" if low > 0 else "lower" if high < 0 else "not distinguishable"
    bounds = f"{CONFIDENCE:.0%} interval {low:+.4f} to {high:+.4f}"
    return f"{word} (difference {np.mean(mine) - np.mean(others):+.4f}, {bounds})"


def _gradients(study: StudyResult) -> list[str]:
    head = ("window", "cosine", "length over measured", "mismatch", "error of the measurement")
    rows = (
        (WORDS[row["variant"]], *(f"{row[key]:.2f}" for key in ("cosine", "ratio", "mismatch", "noise")))
        for row in study.gradients
    )
    return table(head, rows, numbers=True)


def window_verdict(study: StudyResult) -> str:
    """How the analytic window stands to the best fixed one, in accuracy and in its gradient."""
    fixed = [f"fixed_{width:g}" for width in WIDTHS]
    best = max(fixed, key=lambda variant: float(np.mean(study.accuracies("digits", variant))))
    compared = _compared(study.accuracies("digits", "dqif"), study.accuracies("digits", best))
    cosines = {row["variant"]: row["cosine"] for row in study.gradients}
    nearest = max(fixed, key=lambda variant: cosines[variant])
    near = cosines["dqif"] > cosines[nearest]
    reason = (
        ""
        if near
        else " It covers where voltages are, around mu_u; spikes change where voltages cross the threshold."
    )
    return (
        f"**Verdict.** Against the best fixed window ({best.replace('_', ' ')}, chosen on these very seeds) "
        f"the accuracy of the analytic one is {compared}. Its gradient points "
        f"{'nearer to' if near else 'further from'} the slope of the expected loss than that of "
        f"{nearest.replace('_', ' ')} (cosine {cosines['dqif']:.2f} against {cosines[nearest]:.2f}).{reason}"
    )


def _energy() -> list[str]:
    with torch.no_grad():
        energy = count_energy(resnet19(VARIANTS["dqif"], steps=1), torch.randn(1, 3, 32, 32))
    cells = [f"| {rate:.2f} | {100 * energy.overhead(rate=rate):.2f} % |" for rate in RATES]
    return [
        "## Energy",
        "",
        f"ResNet-19 on 32 x 32, counted as it runs: {energy.neurons} neurons and "
        f"{sum(layer.products for layer in energy.layers) / 1e9:.3f} G products per image and step; "
        "4.6 pJ per MAC and 0.9 pJ per AC. DQIF needs one multiply-accumulate more than its twin per neuron and step.",
        "",
        "| rate | overhead of DQIF |",
        "|---:|---:|",
        *cells,
        "",
        "The paper says 0.94 to 3.23 %.",
        "",
    ]


def windows_figure(study: StudyResult) -> Figure:
    """Accuracy over the width of fixed windows with the others as lines, and the cosine of their gradients."""
    figure = Figure(figsize=(9.0, 3.4), layout="constrained")
    left, right = figure.subplots(1, 2)
    for width in WIDTHS:
        values = study.accuracies("digits", f"fixed_{width:g}")
        left.plot([width] * len(values), values, "o", color=ORANGE, markersize=5)
    means = [np.mean(study.accuracies("digits", f"fixed_{width:g}")) for width in WIDTHS]
    left.plot(WIDTHS, means, color=ORANGE, linewidth=1.5, label="fixed, around the threshold")
    for variant, colour, dashes in (("dqif", BLUE, "-"), ("measured", GREY, "--")):
        mean = float(np.mean(study.accuracies("digits", variant)))
        left.axhline(mean, color=colour, linestyle=dashes, linewidth=1.5, label=WORDS[variant])
    left.set_ylabel("test accuracy on digits", fontsize=9)
    found = {row["variant"]: row for row in study.gradients}
    right.plot(
        WIDTHS, [found[f"fixed_{width:g}"]["cosine"] for width in WIDTHS], "o-", color=ORANGE, linewidth=1.5
    )
    for variant, colour, dashes in (("dqif", BLUE, "-"), ("measured", GREY, "--")):
        right.axhline(found[variant]["cosine"], color=colour, linestyle=dashes, linewidth=1.5)
    right.set_ylabel("cosine with the expected loss's slope", fontsize=9)
    for axes in (left, right):
        axes.set_xscale("log")
        axes.set_xlabel("half width of a fixed window / $V_0$", fontsize=9)
        axes.spines[["top", "right"]].set_visible(False)
        axes.tick_params(labelsize=8)
    figure.legend(
        *left.get_legend_handles_labels(), loc="outside upper center", ncols=3, frameon=False, fontsize=8
    )
    return figure
