"""The page of noise: how far model, formula and circuits agree, and what noise costs."""

from collections.abc import Sequence

import numpy as np

from circuits.technologies import technology
from conductance.neurons.presets import PRESETS
from excitable.runs.environment import environment
from excitable.trials import Result
from studies.noise.bench import SAMPLE
from studies.noise.costs import design, networks
from studies.noise.firing import rate, scatter
from studies.noise.leaky import BINS, pooled
from studies.noise.lines import left_by_lines
from studies.noise.orders import KINDS
from studies.noise.rest import CONDUCTANCE, ratios
from studies.noise.run import StudyResult
from studies.pages import holds, table

WITHIN = 0.10
"""How far noise of two forms may differ, of a bin of a spectrum, a preset's membrane, and the scatter of intervals."""
VARIANCE, DENSITY = 0.03, 0.05
"""The same of a leaky membrane's variance, and of ngspice's density over four decades."""
WORDS = {
    "model": "model", "behavioural": "behavioural netlist", "macromodel": "macromodel",
    "transistor": "transistors",
}  # fmt: skip
PAIRED = 2
"""Bins that one verdict takes together: half a decade."""


def decided(ratio: float, half: float, limit: float) -> str:
    """Whether a ratio is within a limit of one: with its whole interval, not at all, or the record is too short."""
    away = abs(ratio - 1)
    return holds(away <= limit) if half == 0 or abs(away - limit) > half else "open"


def page(study: StudyResult) -> str:
    """The page below its title."""
    sections = [
        "Shot noise of every transistor, from its bias, in the declaration ([theory](theory/noise.md)), and the same "
        "noise in ngspice: behavioural netlists and macromodels see draws like the model's, transistors have a source "
        "each. A limit holds or fails where the whole 95 % interval lies on one side of it, and is open where the "
        f"record is too short to tell. Technology: {technology('generic_180nm').title}, I0 = 1 nA, C = 1 pF.",
        "![Spectrum, rest, orders, networks, the smallest neuron](noise.png)",
    ]
    for title, told in (
        ("A leaky membrane alone", leaky(study)), ("Orders of the rules", orders(study)),
        ("Every preset at rest", rest(study)), ("Intervals of the tonic set", intervals(study)),
        ("Spikes by noise", spikes(study)),
        ("A network", networks(study.networks, study.netlists, study.budget.networks)),
        ("The smallest neuron", design(study.design, study.networks)),
    ):  # fmt: skip
        sections += [f"## {title}", told] if told else []
    return "\n\n".join([*sections, "## Budget", spent(study)])


def spent(study: StudyResult) -> str:
    """What the numbers come from."""
    budget, machine = study.budget, environment(seed=0)["machine"]
    pieces = ", ".join(f"{number} of {WORDS[form]}" for form, number in budget.leaky.items())
    return (
        f"Pieces of {budget.piece:g} tau_m of the leaky membrane: {pieces}; presets in records of "
        f"{listed_lengths({stop for _, stop in budget.resting.values()})} tau_m; networks of "
        f"{budget.networks.seeds} seeds. ngspice and the C kernels, one thread each, on {machine['processor']}, "
        f"{machine['cores']} cores, which other work shared. Resumable: what is there is not run again; "
        f"`BUDGET=full` has transistors everywhere, and records four times as long."
    )


def gave_up(number: int) -> str:
    """In words, what became of runs that ngspice did not end."""
    if not number:
        return ""
    return (
        f" ngspice gave up {number} time{'s' if number > 1 else ''} (its time step became too small); the piece was "
        f"then begun again with other numbers."
    )


def paired(found: Result) -> tuple[np.ndarray, np.ndarray]:
    """Density over the formula in half decades and half the 95 % intervals: a bin has as many independent values."""
    counts = np.reshape(found["counts"], (-1, PAIRED))
    values = (np.reshape(found["bins"], (-1, PAIRED)) * counts).sum(1) / np.maximum(counts.sum(1), 1)
    return values, 1.96 * values / np.sqrt(np.maximum(counts.sum(1), 1))


def leaky_row(
    words: str, found: Result, whole: float, inside: Sequence[float] | np.ndarray
) -> tuple[str, ...]:
    """A form's variance and worst half decade over the formula times `whole`, and times `inside` in each bin."""
    bins, halves = paired(found | {"bins": np.divide(found["bins"], inside)})
    worst = int(np.argmax(np.abs(bins - 1)))
    ratio = found["ratio"] / whole
    half = 1.96 * found["error"] * ratio
    return (
        words, f"{found['pieces']}, {found['length']:.0f}", f"{found['raw'] / whole:.3f}",
        f"{ratio:.3f} ± {half:.3f}", decided(ratio, half, VARIANCE),
        f"{bins[worst]:.3f} ± {halves[worst]:.3f}", decided(bins[worst], halves[worst], WITHIN),
    )  # fmt: skip


def leaky(study: StudyResult) -> str:
    """Density, variance and spectrum of one pair."""
    (noise,) = study.leaky["noise"]
    rows, failed = [], 0
    for form in ("model", "behavioural", "transistor"):
        if form not in study.leaky:
            continue
        found = pooled(study.leaky[form], noise["expected"])
        failed += found["failed"]
        rows.append(leaky_row(WORDS[form], found, 1.0, np.ones(len(BINS) - 1)))
        if form == "transistor":
            words = f"{WORDS[form]}, over their own `.noise`"
            rows.append(leaky_row(words, found, noise["variance"], noise["bins"]))
    head = ("form", "pieces, tau_m", "variance / formula", "lines given back", "3 %", "worst bin", "10 %")
    fine = study.budget.fine
    return "\n".join(
        [
            f"One pair of five transistors: the formula's rms is {1e3 * noise['rms']:.3f} thousandths of V0. ngspice's "
            f"`.noise` of the transistors differs from the formula by at most {noise['worst']:.1%} over "
            f"{np.log10(noise['to'] / noise['from']):.1f} decades up to {noise['to']:.1f}/tau_m "
            f"(5 %: {holds(noise['worst'] <= DENSITY)}), its variance is {noise['variance']:.3f} of the formula's, and "
            f"flicker noise adds {noise['flicker']:.1%}.",
            "",
            f"Over time, in independent pieces. Numbers every {fine:g} tau_m that straight lines join leave "
            f"{left_by_lines(fine):.4f} of the variance (the autocorrelation of the lines is the cubic B-spline; for a "
            "step of h time constants 1 - 7 h/15 + h^2/6 - ...): the next column gives that back. Half an interval is "
            "1.96 sqrt(2 tau_m/T). Spectra are those of the same records over the formula times sinc^4 of the lines, "
            f"in half decades from {BINS[0]:g} to {BINS[-1]:g}/tau_m; the worst of four. The limits ask for kT/C with "
            "the circuit's factor: the formula's, in the last row that of the transistors' own `.noise` in its place. "
            "A leak that a pair limits has no linear part, so that the model's step of "
            f"{SAMPLE:g} tau_m is Euler's, whose "
            f"variance is 1/(1 - h/2) = {1 / (1 - SAMPLE / 2):.3f} of the equation's." + gave_up(failed),
            "",
            *table(head, rows, numbers=True),
        ]
    )


def orders(study: StudyResult) -> str:
    """Slopes of errors over the step."""
    asked = dict(zip(KINDS, ((1.0, 1.0), (0.5, 1.0)), strict=True))
    rows = [
        (
            name, f"{found['orders'][0]:.2f}", f"{asked[name][0]:g}", f"{found['orders'][1]:.2f}",
            f"{asked[name][1]:g}",
        )
        for name, (found,) in study.orders.items()
    ]  # fmt: skip
    head = ("noise", "strong order", "asked", "weak order", "asked")
    return "\n".join(
        [
            "Euler-Maruyama over one tau_m on the same Wiener paths, additive noise in a membrane with a tanh element, "
            "state-dependent noise in dv = -v dt + v dW against its solution; slopes of the finest steps along paths, "
            "of the coarsest on average, where paths suffice:",
            "",
            *table(head, rows, numbers=True),
        ]
    )


def rest(study: StudyResult) -> str:
    """Presets by linear theory and in every form."""
    rows, failed = [], 0
    without: dict[str, list[str]] = {}
    shown = [form for form in study.budget.resting if any(form in found for found in study.rest.values())]
    for name, found in study.rest.items():
        (theory,) = found["noise"]
        cells = []
        given = ratios(found)
        for form in study.budget.resting:
            if form not in given:
                cells += ["", ""] if form in shown else []
                without.setdefault(form, []).append(name)
                continue
            ratio, half, lost = given[form]
            failed += lost
            cells += [f"{ratio:.3f} ± {half:.3f}", decided(ratio, half, WITHIN)]
        rows.append(
            (
                name, f"{theory['current']:g}", f"{1e3 * np.sqrt(theory['linear']):.2f}",
                f"{theory['noise'] / theory['linear']:.3f}", f"{theory['flicker'] / theory['noise']:.1%}", *cells,
            )
        )  # fmt: skip
    head = ["preset", "input", "rms / (V0/1000)", "`.noise`", "flicker"]
    for form in shown:
        head += [WORDS[form], "10 %"]
    lengths = {stop for _, stop in study.budget.resting.values()}
    left = [name for name in PRESETS if name not in study.rest]
    words = "".join(
        f" Not simulated in this budget, for its time: {WORDS[form]} of "
        f"{'all' if len(names) == len(study.rest) else '; '.join(names)}."
        for form, names in without.items()
    )
    words += " The excitable set is the tonic one with another input of its own, and rests here at the same."
    words += f" {', '.join(left)}: a filter wider than a pair has no circuit of transistors." if left else ""
    return "\n".join(
        [
            "The highest input on a grid of 0.25 at which rest is stable and the conductance is at least "
            f"{CONDUCTANCE:g}/R on every timescale: nearer to a fold any small difference is magnified. The rms is "
            "that of linear theory. Variances, all over linear theory's: of `.noise` of calibrated transistors "
            "(white), then of records over time about their own mean, where theory is that of such a record "
            f"({listed_lengths(lengths)} tau_m from rest; lines between numbers every {study.budget.step:g} tau_m "
            "taken into account). Intervals are those of normal noise with theory's covariance. Flicker is over "
            "`.noise`'s white part." + words + gave_up(failed),
            "",
            *table(head, rows, numbers=True),
        ]
    )


def listed_lengths(lengths: set[float]) -> str:
    """Lengths of records in words."""
    return " or ".join(f"{length:g}" for length in sorted(lengths))


def intervals(study: StudyResult) -> str:
    """Mean and scatter of the tonic set's intervals."""
    rows, own, failed = [], None, 0
    for form, pieces in study.intervals.items():
        values = [value for piece in pieces for value in piece["intervals"]]
        failed += sum(piece["failed"] for piece in pieces)
        ratio, half = scatter(values)
        own = ratio if own is None else own
        rows.append(
            (
                WORDS[form], str(len(values)), f"{np.mean(values):.2f}", f"{ratio:.3%} ± {half:.3%}",
                f"{ratio / own:.3f} ± {half / own:.3f}", decided(ratio / own, half / own, WITHIN),
            )
        )  # fmt: skip
    if not rows:
        return ""
    head = ("form", "intervals", "mean / tau_m", "deviation / mean", "over the model's", "10 %")
    missing = [WORDS[form] for form in ("behavioural", "transistor") if form not in study.intervals]
    left = f" Not simulated in this budget, for its time: {', '.join(missing)}." if missing else ""
    return "\n".join(
        [
            "At the preset's own input, the first two intervals of each run left out."
            + gave_up(failed)
            + left,
            "",
            *table(head, rows, numbers=True),
        ]
    )


def spikes(study: StudyResult) -> str:
    """Rates near the fold, in runs of equal length."""
    if "model" not in study.spikes:
        return ""
    counts = {form: [n for one in pieces for n in one["spikes"]] for form, pieces in study.spikes.items()}
    scattered = float(np.std(counts["model"], ddof=1))
    rows, rates = [], {}
    for form, pieces in study.spikes.items():
        first = pieces[0]
        rates[form] = rate(counts[form], first["time"], scattered)
        rows.append(
            (
                WORDS[form], f"{first['input']:.4f}", f"{first['damping']:.4f}",
                f"{len(counts[form])} x {first['time']:.0f}", str(sum(counts[form])),
                f"{rates[form][0]:.2f} ± {rates[form][1]:.2f}",
            )
        )  # fmt: skip
    own, half = rates["model"]
    agree = all(abs(value - own) <= np.hypot(half, width) for value, width in rates.values())
    verdict = f" The rates differ by less than the interval of their difference: {holds(agree)}."
    head = ("form", "input", "damping x tau_m", "runs x tau_m", "spikes", "rate in 1000 tau_m")
    missing = [WORDS[form] for form in ("behavioural", "transistor") if form not in study.spikes]
    left = f" Not simulated in this budget, for its time: {', '.join(missing)}." if missing else ""
    return "\n".join(
        [
            "The excitable set just below its fold, where noise alone makes it fire. Rest and firing exist side by "
            "side there: noise carries the neuron from one to the other and, more rarely, back, so spikes come in "
            "trains, and the rate grows over thousands of tau_m. All forms run equally long from rest; half an "
            "interval is 1.96 times the scatter of the model's runs over the root of their number."
            + (verdict if len(rates) > 1 else "")
            + left,
            "",
            *table(head, rows, numbers=True),
        ]
    )
