"""The page of the bits study: errors over the width of codes, and a figure, all computed from its results."""

from collections.abc import Iterator

import numpy as np
from matplotlib.figure import Figure

from studies.bits.run import BITS, HORIZON, PLAIN, ROUNDED, TRAINED, Found
from studies.pages import difference, holds, mean_interval, table

COLOURS = {ROUNDED: "#0072b2", TRAINED: "#009e73"}
WORDS = {ROUNDED: "rounded after training", TRAINED: "trained with codes"}
AGREES = 0.01
"""How far model and netlist may differ, over the model's error."""


def page(found: Found) -> str:
    """The page below its title."""
    budget = found.budget
    farthest, where = _farthest(found)
    lines = [
        f"A network of {budget.hidden} MTC neurons (a fast negative and a slow positive element, filter_limit 1) "
        f"predicts the Mackey-Glass series {HORIZON:g} time units ahead, dt = {budget.dt:g}. All its weights and "
        f"biases, of encoder and readout, become signed codes of a unit: one for each layer's weights and one for its "
        f"biases, the full scale that with the least squared error. Each of {budget.seeds} seeds trains one "
        f"network without codes ({budget.steps} steps), and goes on for {budget.further_steps} steps twice: without "
        f"codes, to be rounded then, and with the codes of each width, gradients straight through. Errors are the "
        f"task's nrmse; the test split has {budget.series_samples} samples a series, model and netlist (ngspice, "
        f"behavioural) see one "
        f"held-out stretch of {budget.samples} samples. In brackets: Student's 95 % interval over the seeds.",
        "",
        "![Task error over bits](bits.png)",
        "",
        "## Test error",
        "",
        f"Without codes {_shown(found.errors(PLAIN, 0, 'test'))}. *Off* is the share of weights and biases that are "
        f"zero.",
        "",
        *table(
            ("bits", WORDS[ROUNDED], "off", WORDS[TRAINED], "off", "difference (Welch, 95 %)"),
            _rows(found),
            numbers=True,
        ),
        "",
        *_verdict(found),
        "",
        "## Model and netlist",
        "",
        f"Both have the same codes. At every point, of all {len(found.results)} networks, their task errors are to be "
        f"within {AGREES:.0%} of each other: **{'holds' if farthest <= AGREES else 'fails'}**, the farthest are "
        f"{farthest:.2%} apart ({where}).",
        "",
        *table(
            ("bits", "way", "model", "netlist", "farthest pair"), _pairs(found), numbers=True
        ),
        "",
    ]  # fmt: skip
    return "\n".join(lines)


def _shown(values: list[float]) -> str:
    low, high = mean_interval(values)
    return f"{np.mean(values):.3f} [{low:.3f}, {high:.3f}]"


def _rows(found: Found) -> Iterator[tuple[object, ...]]:
    for bits in BITS:
        rounded, trained = (found.errors(way, bits, "test") for way in (ROUNDED, TRAINED))
        low, high = difference(trained, rounded)
        off = [f"{np.mean(found.errors(way, bits, 'off')):.0%}" for way in (ROUNDED, TRAINED)]
        yield bits, _shown(rounded), off[0], _shown(trained), off[1], f"{low:+.3f} to {high:+.3f}"


def _verdict(found: Found) -> Iterator[str]:
    """From which width on codes cost nothing that these seeds can tell."""
    plain = found.errors(PLAIN, 0, "test")
    for way, words in WORDS.items():
        equal = [bits for bits in BITS if difference(found.errors(way, bits, "test"), plain)[0] <= 0]
        shown = ", ".join(map(str, equal)) or "none"
        seeds = found.budget.seeds
        yield f"- {words}: not worse than without codes, as far as {seeds} seeds can tell, with {shown} bits."
    sixth = np.mean(found.errors(TRAINED, 6, "test")) / np.mean(plain)
    verdict = holds(bool(sixth <= 1.2))
    yield f"- trained with 6 bits: {sixth:.2f} times the error without codes (at most 1.2: {verdict})."


def _apart(found: Found, way: str, bits: int) -> float:
    model, netlist = (np.array(found.errors(way, bits, of)) for of in ("model", "netlist"))
    return float(np.max(np.abs(netlist / model - 1)))


def _points(found: Found) -> Iterator[tuple[str, int]]:
    yield PLAIN, 0
    for bits in BITS:
        yield ROUNDED, bits
        yield TRAINED, bits


def _pairs(found: Found) -> Iterator[tuple[object, ...]]:
    for way, bits in _points(found):
        errors = (f"{np.mean(found.errors(way, bits, of)):.4f}" for of in ("model", "netlist"))
        yield bits or "none", WORDS.get(way, "without codes"), *errors, f"{_apart(found, way, bits):.2%}"


def _farthest(found: Found) -> tuple[float, str]:
    apart = {(way, bits): _apart(found, way, bits) for way, bits in _points(found)}
    way, bits = max(apart, key=lambda point: apart[point])
    return apart[way, bits], f"{bits} bits, {WORDS[way]}" if bits else "without codes"


def study_figure(found: Found) -> Figure:
    """Test error over bits for both ways, every seed a dot, and without codes as a line."""
    figure = Figure(figsize=(7, 3.8), layout="constrained")
    axes = figure.subplots()
    for shift, (way, colour) in zip((-0.06, 0.06), COLOURS.items(), strict=True):
        errors = [found.errors(way, bits, "test") for bits in BITS]
        bounds = np.array([mean_interval(values) for values in errors])
        means = np.array([np.mean(values) for values in errors])
        places = np.array(BITS) + shift
        axes.errorbar(
            places, means, yerr=np.abs(bounds.T - means), color=colour, capsize=3, lw=1.4, label=WORDS[way]
        )
        for place, values in zip(places, errors, strict=True):
            axes.plot([place] * len(values), values, ".", color=colour, alpha=0.4, ms=5)
    axes.axhline(
        float(np.mean(found.errors(PLAIN, 0, "test"))),
        color="#5c6977",
        lw=0.9,
        ls="--",
        label="without codes",
    )
    axes.set(xlabel="bits of weights and biases, sign included", ylabel="task error (nrmse)", xticks=BITS)
    axes.set_yscale("log")
    axes.legend(frameon=False)
    axes.spines[["top", "right"]].set_visible(False)
    return figure
