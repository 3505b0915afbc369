"""The page of the event-circuit study: tables, rasters and verdict, all computed from its results."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from circuits.data.scaling import Scaling
from conductance.events import Spikes
from excitable.ladder.events import UNDECIDED, EventComparison, first_to_spike
from studies.event_circuit.run import CLASSES, END, HIDDEN, INPUTS, PeakResult, StudyResult, early_by
from studies.pages import holds

MATCHED, MEDIAN, SAME = 0.99, 0.01, 0.98
"""What the circuit must reach against the declared equation: share of matched spikes, median error in tau, share of
trials with the same class."""
COLOURS = {"circuit": "#d55e00", "declared": "#0072b2", "ideal": "#999999"}
DRAWN_TRIALS = 3


def page(study: StudyResult) -> str:
    """The page below its title."""
    lines = [
        f"An event-based QIF network ({INPUTS}-{HIDDEN}-{CLASSES}, Yin-Yang, {study.budget.train_samples} samples, "
        f"{study.budget.epochs} epochs, trials of {END:g} tau) is trained by exact gradients with the ideal neuron, "
        f"whose peak and reset lie at infinity. It classifies {study.accuracy:.1%} of the test split, and an output "
        f"spike inside the trial decides {study.decided:.1%} of it. The first {study.budget.samples} test samples are "
        "simulated in ngspice at the behavioural level: a membrane and a synapse capacitor per neuron, a comparator "
        "with a discharging switch, a transconductance per weight. A circuit has a finite peak and reset, ±V_p, and "
        f"the declaration carries them. The peak is the designer's choice; V_p = {study.peaks[0].peak:g} V0 is ours.",
        "",
        "![Rasters](event-circuit.png)",
        "",
        "## Against the equation with the same peak and reset",
        "",
        *_table(study, "declared"),
        "",
        verdict(study),
        "",
        "## Against the ideal model, and what a peak costs",
        "",
        *_table(study, "ideal"),
        "",
        ideal_verdict(study),
        "",
        *_costs(study),
        "",
        "![The choice of the peak](event-circuit-peaks.png)",
        "",
        "A finite peak and reset make spikes come early: the first from rest by tau ln(V_p/(V_p - 1)), each further "
        "one by tau ln((V_p + 1)/(V_p - 1)) more, where the current is small against V_p². The formula takes the "
        "current as held. Here it fades within tau/2: a spike that comes early meets a larger current, so that later "
        "spikes of the same neuron come earlier still. For layers behind the first no formula is given, since their "
        "input is early itself.",
        "",
        *_shifts(study),
        "",
    ]
    return "\n".join(lines)


def figures(study: StudyResult) -> dict[str, Figure]:
    """Spikes at the proposed peak, and what the choice of a peak costs."""
    return {"event-circuit": rasters(study, study.peaks[0]), "event-circuit-peaks": peak_figure(study)}


def verdict(study: StudyResult) -> str:
    """Whether every peak's circuit reaches what is asked of it against its declared equation."""
    sentences = []
    for result in _by_peak(study):
        found = result.declared
        good = found.matched >= MATCHED and found.median_error < MEDIAN and found.same_class >= SAME
        sentences.append(
            f"V_p = {result.peak:g}: the circuit {holds(good)} "
            f"({found.matched:.2%} matched, median error {found.median_error:.2g} tau, "
            f"same class in {found.same_class:.0%})"
        )
    return (
        f"Asked are {MATCHED:.0%} of the spikes matched, a median error below {MEDIAN:g} tau and the same class in "
        f"{SAME:.0%} of the trials. " + "; ".join(sentences) + "."
    )


def ideal_verdict(study: StudyResult) -> str:
    """In how many trials a circuit decides as the ideal model, for which it was trained, and who bears the rest."""
    chosen = study.peaks[0]
    sentences = []
    for result in _by_peak(study):
        good = result.ideal.same_class >= SAME
        sentences.append(f"V_p = {result.peak:g}: {result.ideal.same_class:.0%} ({holds(good)})")
    word = holds(chosen.ideal.same_class >= SAME)
    return (
        f"Asked is the same class as the ideal model in {SAME:.0%} of the trials; at our peak, V_p = {chosen.peak:g}, "
        f"it {word}. Over all peaks: {'; '.join(sentences)}. Where it fails the peak does it, not the circuit: the "
        "equation with that peak decides as the circuit does, as the first table says. Training itself has the peak at "
        "infinity; no training with a finite peak is made here."
    )


def _by_peak(study: StudyResult) -> list[PeakResult]:
    return sorted(study.peaks, key=lambda result: result.peak)


def _swing(result: PeakResult) -> float:
    """From reset to peak, in V."""
    return 2 * result.peak * Scaling().voltage_unit


def _costs(study: StudyResult) -> list[str]:
    """What a peak gives, and the swing that it takes."""
    unit = Scaling().voltage_unit
    lines = [
        f"A peak takes swing: 2 V_p V0 from reset to peak. With V0 = {unit * 1e3:g} mV, that of a subthreshold "
        "differential pair, a supply of 1.8 V holds V_p up to "
        f"{1.8 / (2 * unit):.3g}; a larger one needs a circuit with a smaller V0 or a larger supply. The behavioural "
        "level has no supply, so nothing here limits the peak.",
        "",
        "| V_p / V0 | swing / V | same class as the ideal model | median time error / tau "
        "| formula, first spike from rest / tau |",
        "|---|---|---|---|---|",
    ]
    for result in _by_peak(study):
        lines.append(
            f"| {result.peak:g} | {_swing(result):.3g} | {result.ideal.same_class:.0%} | "
            f"{result.ideal.median_error:.2g} | {early_by(result.peak, 1):.2g} |"
        )
    return lines


def peak_figure(study: StudyResult) -> Figure:
    """Over the peak: share of trials with the ideal model's class, and the time error beside the formula."""
    figure = Figure(figsize=(8.4, 3.2), layout="constrained")
    left, right = figure.subplots(1, 2)
    results = _by_peak(study)
    peaks = [result.peak for result in results]
    left.plot(peaks, [result.ideal.same_class for result in results], "o-", color=COLOURS["circuit"])
    left.axhline(SAME, color="#999999", linewidth=0.8)
    left.set_ylabel("same class as the ideal model")
    errors = [result.ideal.median_error for result in results]
    right.plot(peaks, errors, "o", color=COLOURS["circuit"], label="circuit, median error")
    right.plot(
        peaks, [early_by(peak, 1) for peak in peaks], color=COLOURS["declared"], label="formula, first spike"
    )
    right.set_yscale("log")
    right.set_ylabel("time error / tau")
    right.legend(frameon=False, fontsize=8)
    for axes in (left, right):
        axes.set_xscale("log")
        axes.set_xticks(peaks, [f"{peak:g}" for peak in peaks])
        axes.minorticks_off()
        axes.set_xlabel("V_p / V0")
        axes.spines[["top", "right"]].set_visible(False)
    return figure


def _table(study: StudyResult, reference: str) -> list[str]:
    lines = [
        "| V_p / V0 | spikes of the reference | matched | missing | extra | median error / tau | 95 % below | largest "
        "| same class | decided inside the trial | accuracy of the circuit |",
        "|---|---|---|---|---|---|---|---|---|---|---|",
    ]
    for result in _by_peak(study):
        found: EventComparison = getattr(result, reference)
        late = np.abs(found.errors) if len(found.errors) else np.array([np.nan])
        right = (first_to_spike(list(result.circuit_spikes.values())[-1]) == study.labels).double().mean()
        lines.append(
            f"| {result.peak:g} | {found.spikes} | {found.matched:.2%} | {found.missing} | {found.extra} | "
            f"{np.median(late):.2g} | {np.quantile(late, 0.95):.2g} | {late.max():.2g} | {found.same_class:.0%} | "
            f"{found.decided:.0%} | {float(right):.0%} |"
        )
    return lines


def _shifts(study: StudyResult) -> list[str]:
    lines = [
        "| V_p / V0 | layer | spike | how many | earlier than ideal, median / tau | formula / tau |",
        "|---|---|---|---|---|---|",
    ]
    for result in _by_peak(study):
        for shift in result.shifts:
            formula = "" if shift.predicted is None else f"{shift.predicted:.4f}"
            cells = (
                f"{result.peak:g}",
                shift.layer,
                shift.number,
                shift.spikes,
                f"{shift.measured:.4f}",
                formula,
            )
            lines.append(f"| {' | '.join(map(str, cells))} |")
    return lines


def rasters(study: StudyResult, result: PeakResult) -> Figure:
    """The spikes of every neuron in the first trials: circuit, declared equation and ideal model over one another."""
    trials = min(DRAWN_TRIALS, study.budget.samples)
    figure = Figure(figsize=(4.2 * trials, 5.2), layout="constrained")
    panels = figure.subplots(1, trials, squeeze=False, sharey=True)[0]
    for trial, axes in enumerate(panels):
        _raster(axes, study, result, trial)
    panels[0].set_ylabel("neuron")
    handles, labels = panels[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=3, frameon=False)
    return figure


def _raster(axes: Axes, study: StudyResult, result: PeakResult, trial: int) -> None:
    forms: list[tuple[str, str, Mapping[str, Spikes], dict[str, Any]]] = [
        ("ideal", "ideal model", study.ideal_spikes, {"marker": "|", "s": 45, "linewidths": 1.2}),
        (
            "declared", f"equation, peak ±{result.peak:g} V0", result.declared_spikes,
            {"marker": "o", "s": 60, "alpha": 0.35, "linewidths": 0},
        ),
        ("circuit", "circuit (ngspice)", result.circuit_spikes, {"marker": ".", "s": 22}),
    ]  # fmt: skip
    for key, label, record, style in forms:
        first = 0
        times, rows = [], []
        for spikes in record.values():
            there = spikes.mask[:, trial]
            times += spikes.times[:, trial][there].tolist()
            rows += (spikes.neurons[:, trial][there] + first).tolist()
            first += spikes.size + 1
        axes.scatter(times, rows, label=label, **style, color=COLOURS[key])
    hidden = next(iter(study.ideal_spikes.values())).size
    axes.axhline(hidden, color="#dddddd", linewidth=0.8)
    axes.set_yticks(
        [0, hidden - 1, hidden + 1, hidden + CLASSES],
        ["hidden 0", f"{hidden - 1}", "output 0", f"{CLASSES - 1}"],
    )
    axes.set_xlim(0, END)
    axes.set_xlabel("time / tau")
    last = list(study.ideal_spikes)[-1]
    chosen = [int(first_to_spike(r[last])[trial]) for r in (study.ideal_spikes, result.circuit_spikes)]
    words = ["none" if found == UNDECIDED else str(found) for found in chosen]
    axes.set_title(f"sample {trial}: class of the model {words[0]}, of the circuit {words[1]}", fontsize=10)
    axes.spines[["top", "right"]].set_visible(False)
