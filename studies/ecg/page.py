"""The page of the ECG study: labels, networks, the circuit in the recording's time, its energy; a picture."""

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from excitable.report.costs import engineering
from studies.ecg.peaks import BAND, HALF, WINDOW
from studies.ecg.run import DELAY, NEURONS, SOURCE, STEP, Found, Training
from studies.pages import spread, table

WORDS = {
    "discrete": "model", "continuous": "equation (scipy)", "behavioural": "netlist, sources",
    "transistor": "netlist, transistors",
}  # fmt: skip
SECONDS = 6.0
"""Of the picture's enlarged part."""


def page(found: Found) -> str:
    """The page below its title."""
    labels, budget = found.labels, found.budget
    least, mean, most = labels["intervals"]
    other = labels["other"]
    example = Training(budget=budget, neuron="mtc", seed=0, path="marked.csv").text.strip()
    return "\n".join(
        [
            f"A recording of {labels['duration']:g} s at {labels['rate']:g} Hz, one channel, at rest (PLUX, in the "
            f"wheel of biosignalsnotebooks; `excitable dataset ecg` takes it out as {SOURCE}). It has "
            f"{labels['peaks']} beats, {least:.2f} to {most:.2f} s apart ({mean:.2f} on average). A network sees "
            f"the raw signal, averaged over {STEP * 1e3:g} ms, and is to answer with a bump {DELAY * 1e3:g} ms "
            "after each R peak.",
            "",
            "**Labels.** The peaks are those that the recording's own program has marked, no cardiologist's. An "
            f"independent way, local maxima of the signal between {BAND[0]:g} and {BAND[1]:g} Hz (scipy, filtered "
            f"forwards and backwards, which no real-time detector can do), finds {other['found']} of them, misses "
            f"{other['missed']} and has {other['extra']} more, {other['late'] * 1e3:.1f} ± "
            f"{other['scatter'] * 1e3:.1f} ms apart. The recording is clean and regular, so counting its peaks is "
            "easy: it shows the way from a file to a circuit in real time, not what hard recordings ask for. "
            "There are no anomalies in it, and none were injected.",
            "",
            "![The held-out part: ECG, wanted bumps, model and circuit](ecg.png)",
            "",
            "## The file",
            "",
            "```toml",
            example,
            "```",
            "",
            "## Networks",
            "",
            *_networks(found),
            "",
            "## The circuit, in the time of the recording",
            "",
            *_circuit(found),
            "",
            "## Energy",
            "",
            *_energy(found),
            "",
        ]
    )  # fmt: skip


def _networks(found: Found) -> Iterator[str]:
    budget = found.budget
    rows = []
    for neuron in NEURONS:
        own = [result for result in found.trained.values() if result["neuron"] == neuron]
        scores = [result["score"] for result in own]
        rows.append(
            (
                f"{budget.hidden} {neuron}", own[0]["trained"], spread([r["error"] for r in own], 3),
                _counts(scores), _offsets(scores), f"{np.mean([r['spikes'] for r in own]) / STEP:.2f}",
            )
        )  # fmt: skip
    first = next(iter(found.trained.values()))
    linear = first["linear"]
    rows.append(
        ("linear map of the last 24 samples", "25", f"{first['baselines']['linear, 24 samples']:.3f}",
         _counts([linear]), _offsets([linear]), "none")
    )  # fmt: skip
    yield from table(
        ("network", "trained numbers", "nrmse on the test split", "peaks found, missed, extra",
         "from the wanted time / ms", "spikes per neuron and s"), rows, numbers=True,
    )  # fmt: skip
    yield ""
    yield (
        f"Means and standard deviations of {budget.seeds} seeds, peaks summed over them; {budget.steps} updates, "
        f"the test split is 45 s that no training has seen. A peak is a bump that reaches {HALF:g}, and it is "
        f"found within {WINDOW * 1e3:g} ms of a true one."
    )


def _counts(scores: list[Mapping[str, Any]]) -> str:
    return ", ".join(str(sum(score[name] for score in scores)) for name in ("found", "missed", "extra"))


def _offsets(scores: list[Mapping[str, Any]]) -> str:
    known = [score for score in scores if score["late"] is not None]
    if not known:
        return "none"
    late, scatter = (1e3 * float(np.mean([score[name] for score in known])) for name in ("late", "scatter"))
    return f"{late:+.1f} ± {scatter:.1f}"


def _circuit(found: Found) -> Iterator[str]:
    circuit, budget = found.circuit, found.budget
    units = circuit["units"]
    yield (
        f"The first MTC network on {budget.samples * STEP:.3g} s that are held out. One step of {STEP * 1e3:g} ms "
        f"is half a tau_m, so tau_m = {engineering(units['tau_m'], 's')}; at I0 = {engineering(units['I0'], 'A')} "
        f"the membrane's capacitor is {engineering(units['C'], 'F')}."
    )
    remarks = [remark for remark in circuit["remarks"] if "capacitor" in remark]
    if remarks:
        yield ""
        yield f"Training says: *{'; '.join(remarks)}*."
    yield ""
    rows = [
        (words, f"{circuit['rungs'][name]['error']:.3f}", circuit["rungs"][name]["spikes"],
         _counts([circuit["scores"][name]]), _offsets([circuit["scores"][name]]))
        for name, words in WORDS.items()
        if name in circuit["rungs"]
    ]  # fmt: skip
    yield from table(
        ("form", "nrmse", "spikes", "peaks found, missed, extra", "from the wanted time / ms"),
        rows,
        numbers=True,
    )


def _energy(found: Found) -> Iterator[str]:
    spent = found.circuit["energy"]
    if spent is None:
        yield "Not measured with this budget."
        return
    rate = found.labels["peaks"] / found.labels["duration"]
    per_beat = spent["power"] / rate
    yield (
        f"Transistors of {spent['technology']} at {spent['supply']:g} V, {spent['neurons']} neurons and their "
        f"readout, over {engineering(spent['duration'], 's')} of the held-out part: "
        f"**{engineering(spent['power'], 'J')} per second** ({engineering(spent['power'], 'W')}). A decision is "
        f"made at the end of every step, {1 / STEP:g} times a second: **{engineering(spent['per_inference'], 'J')} "
        f"per decision**; per beat of the recording {engineering(per_beat, 'J')}. Inputs, the encoder's biases and "
        "the output's filter are ideal sources, and are not counted."
    )


def study_figure(found: Found) -> Figure:
    """ECG, wanted bumps, model and circuit over the held-out part, and a stretch of it."""
    trace = found.circuit["trace"]
    circuit = next((name for name in ("transistor", "behavioural") if name in trace), "discrete")
    time = STEP * np.arange(len(trace["ecg"]))
    figure = Figure(figsize=(9, 5.4), layout="constrained")
    whole, signal, bumps = figure.subplots(3, 1, height_ratios=[1, 1, 1.3])
    middle = time[-1] / 2
    for axes in (whole, bumps):
        axes.plot(
            time, trace["target"], color="0.6", lw=3, alpha=0.6, label=f"wanted, {DELAY * 1e3:g} ms after R"
        )
        axes.plot(time, trace["discrete"], color="#0072b2", lw=1.6, alpha=0.8, label="model")
        axes.plot(time, trace[circuit], color="#d55e00", lw=0.9, label=WORDS[circuit])
        axes.axhline(HALF, color="black", lw=0.5, ls=":")
        axes.set_ylabel("output")
    signal.plot(time, trace["ecg"], color="black", lw=0.8)
    signal.set_ylabel("ECG, standardised")
    whole.set(xlim=(0, time[-1]), title="The held-out part, in seconds of the recording and of the circuit")
    for axes in (signal, bumps):
        axes.set_xlim(max(0.0, middle - SECONDS / 2), middle + SECONDS / 2)
    bumps.set_xlabel("time / s")
    whole.legend(loc="upper right", ncols=3, fontsize=8)
    return figure
