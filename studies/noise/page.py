"""The page of noise: how far model, formula and circuits agree, and what noise costs."""

from collections.abc import Callable, Iterator

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from circuits.technologies import technology
from conductance.shaping.figures.palette import colour
from excitable.trials import Result
from studies.noise.run import BINS, CONDUCTANCE, RATE, StudyResult
from studies.pages import holds, spread, table

WITHIN = 0.10
"""How far noise of two forms may differ, of a bin of a spectrum, a preset's membrane, and the scatter of intervals."""
VARIANCE, DENSITY = 0.03, 0.05
"""The same of a leaky membrane's variance, and of ngspice's density over four decades."""
WORDS = {"model": "model", "behavioural": "behavioural netlist", "transistor": "transistors"}


def decided(ratio: float, half: float, limit: float) -> str:
    """Whether a ratio is within a limit of one: with its whole interval, not at all, or the record is too short."""
    away = abs(ratio - 1)
    return holds(away <= limit) if half == 0 or abs(away - limit) > half else "open"


def page(study: StudyResult) -> str:
    """The page below its title."""
    sections = [
        "Shot noise of every transistor, from its bias, in the declaration ([theory](theory/noise.md)), and "
        "the same noise "
        "in ngspice: behavioural netlists see draws like the model's, transistors have a source each. "
        "A limit holds or fails where the whole 95 % interval lies on one side of it, and is open where the record is "
        "too short to tell. "
        f"Technology: {technology('generic_180nm').title}, I0 = 1 nA, C = 1 pF.",
        "![Spectrum, rest, networks, sizes](noise.png)",
        "## A leaky membrane alone",
        _leaky(study),
    ]
    for title, told in (
        ("Orders of the rules", _orders(study)), ("Every preset at rest", _rest(study)),
        ("Intervals of the tonic set", _intervals(study)),
        ("Spikes by noise", _spikes(study)), ("The demo's network", _networks(study)),
        ("The smallest neuron", _sizes(study)),
    ):  # fmt: skip
        sections += [f"## {title}", told] if told else []
    return "\n\n".join(sections)


def _leaky(study: StudyResult) -> str:
    noise, rows = study.leaky["noise"], []
    for form, words in WORDS.items():
        if form not in study.leaky:
            continue
        found = study.leaky[form]
        bins = [
            (value, error) for value, error in zip(found["bins"], errors_of_bins(found), strict=True) if value
        ]
        worst, error = max(bins, key=lambda one: abs(one[0] - 1))
        fits = decided(worst, error, WITHIN)
        near = decided(found["ratio"], 1.96 * found["error"], VARIANCE)
        rows.append(
            (
                words, f"{found['length']:.0f}", f"{found['ratio']:.3f} ± {1.96 * found['error']:.3f}", near,
                f"{worst:.2f} ± {error:.2f}", fits,
            )
        )  # fmt: skip
    head = ("form", "tau_m", "variance / formula", "3 %", "worst bin / formula", "10 %")
    return "\n".join(
        [
            f"One pair of five transistors: the formula's rms is {1e3 * noise['rms']:.3f} thousandths of V0. "
            "ngspice's "
            f"`.noise` of the transistors differs from the formula by at most {noise['worst']:.1%} over "
            f"{np.log10(noise['to'] / noise['from']):.1f} decades up to {noise['to']:.1f}/tau_m "
            f"(5 %: {holds(noise['worst'] <= DENSITY)}), its variance is {noise['variance']:.3f} of the "
            "formula's, and "
            f"flicker noise adds {noise['flicker']:.1%}. Over time, with bins from "
            f"{BINS[0]:g} to {BINS[-1]:g}/tau_m; the worst bin of eight:",
            "",
            *table(head, rows, numbers=True),
        ]
    )


def _orders(study: StudyResult) -> str:
    asked = {"additive": (1.0, 1.0), "state-dependent": (0.5, 1.0)}
    rows = [
        (
            name,
            f"{found['orders'][0]:.2f}",
            f"{asked[name][0]:g}",
            f"{found['orders'][1]:.2f}",
            f"{asked[name][1]:g}",
        )
        for name, found in study.orders.items()
    ]
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


def errors_of_bins(found: Result) -> list[float]:
    """Half the 95 % interval of each bin of a spectrum: a record of T has T dw/(2 pi) independent values in a bin."""
    widths = np.diff(BINS)
    return [float(1.96 / np.sqrt(found["length"] * width / (2 * np.pi))) for width in widths]


def _rest(study: StudyResult) -> str:
    rows = []
    for name, found in study.rest.items():
        over = study.transient.get(name)
        noise = found["noise"] / found["linear"]
        row = [
            name, f"{found['current']:g}", f"{1e3 * np.sqrt(found['linear']):.2f}",
            f"{found['model'] / found['linear']:.3f}", f"{noise:.3f}",
            f"{found['flicker'] / found['noise']:.1%}",
        ]  # fmt: skip
        good = decided(noise, 0.0, WITHIN)
        if over is not None:
            ratio, error = over["variance"] / found["linear"], 1.96 * over["error"] / found["linear"]
            row.append(f"{ratio:.3f} ± {error:.3f}")
            row.append(decided(ratio, error, WITHIN))
        rows.append((*row[:6], good, *row[6:]))
    head = ["preset", "input", "rms / (V0/1000)", "model", "`.noise`", "flicker", "10 %"]
    head += ["over time", "10 %"] if study.transient else []
    return "\n".join(
        [
            "The highest input on a grid of 0.25 at which rest is stable and the conductance is at least "
            f"{CONDUCTANCE:g}/R on every timescale: nearer to a fold any small difference is magnified. The rms "
            "is that of "
            "linear theory; variances of the model's run, of `.noise` of calibrated transistors"
            + (" and of transistors over time" if study.transient else "")
            + " are over its square, flicker noise over `.noise`:",
            "",
            *table(head, [row if len(row) == len(head) else (*row, "", "") for row in rows], numbers=True),
        ]
    )


def scatter(values: list[float]) -> tuple[float, float]:
    """Standard deviation over mean, and half of its 95 % interval, which normal intervals would have."""
    ratio = float(np.std(values, ddof=1) / np.mean(values))
    return ratio, 1.96 * ratio / np.sqrt(2 * (len(values) - 1))


def _intervals(study: StudyResult) -> str:
    rows, own = [], None
    for form, words in WORDS.items():
        if form not in study.intervals:
            continue
        values = study.intervals[form]["intervals"]
        ratio, half = scatter(values)
        own = ratio if own is None else own
        rows.append(
            (
                words, str(len(values)), f"{np.mean(values):.2f}", f"{ratio:.2%} ± {half:.2%}", f"{ratio / own:.3f}",
                decided(ratio / own, half / own, WITHIN),
            )
        )  # fmt: skip
    head = ("form", "intervals", "mean / tau_m", "deviation / mean", "over the model's", "10 %")
    return "\n".join(table(head, rows, numbers=True)) if rows else ""


def _spikes(study: StudyResult) -> str:
    if "model" not in study.spikes:
        return ""
    rows, scattered = [], np.std(study.spikes["model"]["spikes"], ddof=1)
    for form, words in WORDS.items():
        if form in study.spikes:
            found = study.spikes[form]
            runs, time = len(found["spikes"]), found["time"]
            rate, half = np.mean(found["spikes"]) / time, 1.96 * scattered / np.sqrt(runs) / time
            rows.append(
                (
                    words, f"{found['input']:.4f}", f"{found['damping']:.4f}", f"{runs} x {time:.0f}",
                    str(sum(found["spikes"])), f"{1e3 * rate:.2f} ± {1e3 * half:.2f}",
                )
            )  # fmt: skip
    head = ("form", "input", "damping x tau_m", "runs x tau_m", "spikes", "rate in 1000 tau_m")
    matched = (
        " Transistors have their fold at another input: they get the one at which their resonance dies out as fast "
        "as the model's, read off ngspice's `.noise`."
    )
    return "\n".join(
        [
            "The excitable set just below its fold, where the model fires about "
            f"{1e3 * RATE:g} times in 1000 tau_m by noise alone. Rest and firing exist side by side there: noise "
            "carries the neuron from one to the other and, more rarely, back, so spikes come in trains, and the rate "
            "grows over thousands of tau_m. All forms run equally long from rest; half an interval is 1.96 times the "
            "scatter of the model's runs over the root of their number."
            + (matched if "transistor" in study.spikes else ""),
            "",
            *table(head, rows, numbers=True),
        ]
    )


def _networks(study: StudyResult) -> str:
    if not study.networks:
        return ""
    groups = [
        ("plain", [found for name, found in study.networks.items() if "plain" in name]),
        ("under noise", [found for name, found in study.networks.items() if "noisy" in name]),
    ]
    powers = list(groups[0][1][0]["test"])
    rows = [
        (
            f"{power} x",
            *(spread([float(np.mean(one["test"][power])) for one in found], 4) for _, found in groups),
        )
        for power in powers
    ]
    pairs = [
        (name, power, model, circuit)
        for name, found in groups
        for one in found
        for power, (model, circuit) in one["held_out"].items()
    ]
    circuits = [
        (
            f"{name}, {power} x",
            spread([m for n, p, m, _ in pairs if (n, p) == (name, power)], 4),
            spread([c for n, p, _, c in pairs if (n, p) == (name, power)], 4),
        )
        for name, _ in groups
        for power in dict.fromkeys(p for _, p, _, _ in pairs)
    ]
    trained_at = groups[1][1][0]["trained_at"]
    return "\n".join(
        [
            f"64 neurons on Mackey-Glass, {len(groups[0][1])} seeds, as in `excitable demo`; trained without "
            "noise and with "
            f"{trained_at:g} times the power that the circuit has at 1 pF (a membrane of {1e3 / trained_at:.3g} "
            "fF has it). "
            "Error on the test series (mean ± standard deviation over seeds) over the power of noise:",
            "",
            *table(("power", "trained plain", "trained under noise"), rows, numbers=True),
            "",
            "The held-out series in the model and in the behavioural netlist, which see the same "
            "realisation:",
            "",
            *table(("trained, power", "model", "netlist"), circuits, numbers=True),
        ]
    )


def _sizes(study: StudyResult) -> str:
    if not study.sizes:
        return ""
    rows = [
        (
            f"{1e15 * found['capacitance']:.0f}", f"{1e3 * found['rms']:.2f}", f"{found['jitter']:.2%}",
            f"{1e12 * found['energy']:.3g}", f"{1e12 * found['capacitor_area']:.3g}",
            f"{1e12 * found['transistors']:.3g}",
        )
        for found in study.sizes.values()
    ]  # fmt: skip
    head = (
        "C / fF", "rms at rest / (V0/1000)", "jitter of intervals", "energy / interval in pJ", "capacitors / "
        "um^2",
        "gates / um^2",
    )  # fmt: skip
    return "\n".join(
        [
            "All noise grows with q/(C V0) alone. The bias sets the pace, not the noise: at a tenth of I0 "
            "everything is ten "
            "times as slow and as noisy as before, for the same energy of an interval. So a task's error over "
            "the power of "
            "noise, above, says how small C may be, and energy and area fall with it. The tonic set, membrane "
            "and filter, "
            "gates drawn for 1 nA; below about 0.2 pF gates and drains load the membrane as much as its "
            "capacitor does, which "
            "this table leaves out:",
            "",
            *table(head, rows, numbers=True),
        ]
    )


def drawn(study: StudyResult) -> Figure:
    """Spectrum bins, presets at rest, errors over noise, jitter over size."""
    figure = Figure(figsize=(13, 7), layout="constrained")
    axes = iter(figure.subplots(2, 3).ravel())
    _bins(next(axes), study)
    for draw in _drawings(study):
        draw(next(axes), study)
    for left in axes:
        left.set_axis_off()
    return figure


def _convergence(axes: Axes, study: StudyResult) -> None:
    for name, role in (("additive", "model"), ("state-dependent", "circuit")):
        found = study.orders[name]
        axes.loglog(found["steps"], found["strong"], "o-", color=colour(role), label=f"{name}, along paths")
        axes.loglog(found["steps"], found["weak"], "s--", color=colour(role), label=f"{name}, on average")
    axes.set(title="error over the step", xlabel="dt / tau_m", ylabel="error / V0")
    axes.legend(fontsize="x-small")


def _drawings(study: StudyResult) -> Iterator[Callable[[Axes, StudyResult], None]]:
    yield _convergence
    yield from [_presets] if study.rest else []
    yield from [_errors] if study.networks else []
    yield from [_jitter] if study.sizes else []


def _bins(axes: Axes, study: StudyResult) -> None:
    middle = np.sqrt(BINS[1:] * BINS[:-1])
    for form, role in (("model", "model"), ("behavioural", "muted"), ("transistor", "circuit")):
        values = np.array([np.nan if v is None else v for v in study.leaky[form]["bins"]])
        axes.semilogx(middle, values, "o-", color=colour(role), label=WORDS[form])
    axes.axhspan(1 - WITHIN, 1 + WITHIN, color=colour("muted"), alpha=0.2, linewidth=0)
    axes.set(title="leaky membrane, density / formula", xlabel="w tau_m", ylim=(0.7, 1.3))
    axes.legend(fontsize="small")


def _presets(axes: Axes, study: StudyResult) -> None:
    names = list(study.rest)
    place = np.arange(len(names))
    axes.plot(
        place, [_ratio(study.rest[n], "model") for n in names], "o", color=colour("model"), label="model"
    )
    axes.plot(
        place, [_ratio(study.rest[n], "noise") for n in names], "s", color=colour("circuit"), label=".noise"
    )
    axes.axhspan(1 - WITHIN, 1 + WITHIN, color=colour("muted"), alpha=0.2, linewidth=0)
    axes.set_xticks(place, names, rotation=30, ha="right", fontsize="x-small")
    axes.set(title="presets at rest, variance / linear theory", ylim=(0.7, 1.3))
    axes.legend(fontsize="small")


def _ratio(found: Result, name: str) -> float:
    return float(found[name] / found["linear"])


def _errors(axes: Axes, study: StudyResult) -> None:
    for kind, role in (("plain", "circuit"), ("noisy", "model")):
        found = [one["test"] for name, one in study.networks.items() if kind in name]
        powers = [float(power) for power in found[0] if float(power)]
        means = np.array([[np.mean(one[f"{power:g}"]) for power in powers] for one in found])
        words = "trained plain" if kind == "plain" else "trained under noise"
        axes.errorbar(powers, means.mean(0), means.std(0), fmt="o-", color=colour(role), label=words)
    axes.set(title="demo's network", xlabel="noise power / that of 1 pF", ylabel="test error", xscale="log")
    axes.legend(fontsize="small")


def _jitter(axes: Axes, study: StudyResult) -> None:
    found = list(study.sizes.values())
    axes.loglog(
        [one["energy"] * 1e12 for one in found],
        [one["jitter"] for one in found],
        "o-",
        color=colour("circuit"),
    )
    axes.set(title="tonic set, C from 10 fF to 3 pF", xlabel="energy of an interval / pJ", ylabel="jitter")
