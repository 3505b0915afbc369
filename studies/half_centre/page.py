"""The page of the half-centre: how it is built, that all forms agree, and why it is in antiphase; and its picture."""

from collections.abc import Iterator

import numpy as np
from matplotlib.figure import Figure

from studies.half_centre.run import DT, INHIBITION, METHOD, SHOWN, Found, bursts, phases_of
from studies.pages import holds, table

COLOURS = ("#0072b2", "#d55e00")
NAMES = {
    "discrete": f"model ({METHOD}, dt = {DT:g})", "continuous": "equation (scipy)",
    "behavioural": "netlist, sources", "macromodel": "netlist, amplifiers", "transistor": "netlist, transistors",
}  # fmt: skip
EXACT = ("discrete", "continuous", "behavioural")
"""The rungs that must agree in every spike; amplifiers have laws of their own."""
PERIODS_SHOWN = 20
NEAR = 0.05
"""Phases this near to a half count as antiphase."""


def page(found: Found) -> str:
    """The page below its title."""
    return "\n".join(
        [
            "Two MTC neurons that burst by themselves inhibit each other through their slow voltages, "
            f"$I_1 = -1 - {INHIBITION:g}\\,U_{{s,2}}$ and the same with 1 and 2 exchanged. Brown's half-centre is the "
            "textbook's origin of rhythms that alternate, as those of legs (Brown, Proc. R. Soc. B 84:308, 1911). "
            "Nothing is trained. The run comes with excitable, and `excitable demo half-centre` makes it, its circuit "
            "and its report:",
            "",
            "{{ toml excitable/configs/series/half-centre.toml }}",
            "",
            "The same pair in Python, " + _python(found) + ":",
            "",
            "```python",
            "import torch",
            "",
            "from conductance.layers import NeuronLayer, Projection, Recurrence",
            "from conductance.networks import Network",
            "from conductance.neurons import mtc",
            "",
            "encoder = Projection(1, 2)",
            "torch.nn.init.zeros_(encoder.weight), torch.nn.init.constant_(encoder.bias, -1.0)",
            'loop = Recurrence(torch.tensor([[0.0, -0.1], [-0.1, 0.0]]), source="us", trainable=False)',
            'start = {"um": (-1.9, -1.0), "us": (-1.8, -1.2), "uus": (-1.8, -1.5)}',
            'pair = NeuronLayer(mtc(), 2, dt=0.1, method="heun", recurrent=loop, initial=start)',
            'network = Network({"encoder": encoder, "hidden": pair})',
            "```",
            "",
            "![Bursts in turns; phases from every start](half-centre.png)",
            "",
            "## Model, equation and netlist",
            "",
            *_rungs(found),
            "",
            "## Why in turns",
            "",
            *_phases(found),
            "",
        ]
    )


def _python(found: Found) -> str:
    worst = found.rungs["python"]
    same = (
        "bit by bit the same membranes" if worst == 0 else f"membranes that differ by at most {worst:.2g} V0"
    )
    return f"which gives {same}"


def _rungs(found: Found) -> Iterator[str]:
    spikes = found.rungs["spikes"]
    reference = spikes["continuous"]
    rows, agree = [], []
    for name, words in NAMES.items():
        if name not in spikes:
            continue
        times = [np.asarray(one) for one in spikes[name]]
        counts = [len(one) for one in times]
        same = counts == [len(one) for one in reference]
        off = max((float(np.abs(a - b).max()) for a, b in zip(times, reference, strict=True) if len(a)), default=0.0) \
            if same else float("nan")  # fmt: skip
        if name in EXACT:
            agree.append(same)
        period, phase, scatter = rhythm(times)
        rows.append(
            (words, " and ".join(map(str, counts)), f"{off:.3g}" if same else "another count", f"{period:.1f}",
             f"{phase:.4f} ± {scatter:.4f}")
        )  # fmt: skip
    yield from table(
        ("form", "spikes of each neuron", "worst spike against scipy / tau_m", "period / tau_m", "phase of neuron 2"),
        rows, numbers=True,
    )  # fmt: skip
    yield ""
    span = found.budget.samples * DT
    yield (
        f"Over {span:g} tau_m from the unequal start. Period and phase are those of the bursts' first spikes, from the "
        f"second burst of each neuron on; a phase of one half is antiphase. That model, equation and netlist have the "
        f"same spikes {holds(all(agree))}. What separates the model from its equation is its step; amplifiers and "
        f"transistors have laws of their own, to which the gains are calibrated, and a rhythm of their own by it."
    )


def rhythm(times: list[np.ndarray]) -> tuple[float, float, float]:
    """Period, mean phase of the second neuron and its scatter, of the bursts from the second one on."""
    first, second = (bursts(one)[1:] for one in times)
    phases = phases_of(first, second)
    if len(first) < 2 or not len(phases):
        return float("nan"), float("nan"), float("nan")
    return float(np.diff(first).mean()), float(phases.mean()), float(phases.std())


def _phases(found: Found) -> Iterator[str]:
    budget = found.budget
    yield (
        f"Both neurons are put on the single neuron's rhythm, the second one a share of the period late, and are then "
        f"coupled, for {budget.periods} periods and more (model, {METHOD}, dt = {DT:g}). In the weak limit the "
        f"difference of phases obeys an equation of its own, odd about 0 and about one half, so that both are fixed "
        f"points; which of them is stable, the slope says: by how much a small distance from it is multiplied in one "
        f"period."
    )
    yield ""
    rows = []
    for g, result in found.phases.items():
        ends = _ends(budget.phases, result["phases"])
        near = sum(abs(end - 0.5) < NEAR for end in ends)
        rows.append(
            (f"{g:g}", f"{result['period']:.1f}", f"{result['burst']:.1f}",
             _multiplier(budget.phases, result["phases"]), f"{near} of {len(ends)}")
        )  # fmt: skip
    head = (
        "inhibition", "period / tau_m", "spikes per burst", "a distance from one half, after one period",
        "starts that end in antiphase",
    )  # fmt: skip
    yield from table(head, rows, numbers=True)
    yield ""
    good = [g for g, r in found.phases.items()
            if all(abs(end - 0.5) < NEAR for end in _ends(budget.phases, r["phases"]))]  # fmt: skip
    if good:
        yield (
            f"At inhibitions of {', '.join(f'{g:g}' for g in good)} every start but that of exact synchrony ends in "
            f"antiphase: synchrony repels and one half attracts, the faster the stronger the inhibition. Two equal "
            f"neurons that start alike stay alike for ever, in the model and in an ideal circuit; so the starts are "
            f"unequal."
        )
    weak, strong = ([g for g in found.phases if good and beyond(g)] for beyond in
                    (lambda g: g < min(good), lambda g: g > max(good)))  # fmt: skip
    if weak:
        yield ""
        yield (
            f"At {', '.join(f'{g:g}' for g in weak)} not all starts near synchrony leave it in that time: where two "
            f"bursts overlap their spikes push the phase to and fro."
        )
    if strong:
        yield ""
        yield (
            f"At {', '.join(f'{g:g}' for g in strong)} one half repels: a distance from it changes sign and grows. "
            f"The inhibition ends the other neuron's bursts, and the rhythm is another one, of fewer spikes, whose "
            f"phase alternates."
        )


def _ends(starts: tuple[float, ...], phases: list[list[float]]) -> list[float]:
    """The last phase from every start that is not exact synchrony."""
    return [own[-1] if own else float("nan") for start, own in zip(starts, phases, strict=True) if start]


def _multiplier(starts: tuple[float, ...], phases: list[list[float]]) -> str:
    """How a distance from one half shrinks in a period, of the starts nearest to it."""
    shares = [
        (own[1] - 0.5) / (own[0] - 0.5)
        for start, own in zip(starts, phases, strict=True)
        if 0 < abs(start - 0.5) < 0.11 and len(own) > 1 and abs(own[0] - 0.5) > 1e-3
    ]
    return f"{np.median(shares):.2f} of it" if shares else "not measured"


def study_figure(found: Found) -> Figure:
    """Membranes of the two over the last bursts, model and netlist; and phases from every start."""
    figure = Figure(figsize=(9, 6.2), layout="constrained")
    upper, lower = figure.subplots(2, 1)
    traces = found.rungs["trace"]
    time = SHOWN * np.arange(len(traces["discrete"][0]))
    shown = time >= max(0.0, time[-1] - 1000.0)
    for k, colour in enumerate(COLOURS):
        shift = -8.0 * k
        upper.plot(time[shown], np.asarray(traces["discrete"][k])[shown] + shift, color=colour, lw=1.6, alpha=0.45,
                   label=f"neuron {k + 1}, model")  # fmt: skip
        upper.plot(time[shown], np.asarray(traces["behavioural"][k])[shown] + shift, color="black", lw=0.6, ls="--",
                   label="netlist in ngspice" if k else None)  # fmt: skip
    upper.set_yticks([0.0, -8.0], ["neuron 1", "neuron 2"])
    upper.set_xlabel("time / tau_m")
    upper.set_title(
        "Bursts in turns: membrane voltages, the lower one shifted by 8 V0", loc="left", fontsize=10
    )
    upper.legend(loc="upper right", fontsize=8, ncols=3)
    upper.set_ylim(-11.5, 6.5)
    for (g, result), colour in zip(found.phases.items(), ("#0072b2", "#009e73", "#d55e00"), strict=False):
        label: str | None = f"{g:g}"
        for own in result["phases"]:
            lower.plot(range(1, len(own) + 1), own, color=colour, lw=0.9, alpha=0.8, label=label)
            label = None
    lower.axhline(0.5, color="black", lw=0.6, ls=":")
    lower.set_xlabel("period")
    lower.set_ylabel("phase of neuron 2")
    lower.set_ylim(0, 1)
    lower.set_xlim(1, min(PERIODS_SHOWN, found.budget.periods))
    lower.set_title("Where the phase goes, from every start, by inhibition", loc="left", fontsize=10)
    lower.legend(title="inhibition", fontsize=8, ncols=3, loc="upper right")
    return figure
