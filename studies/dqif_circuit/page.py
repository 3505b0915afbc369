"""The page of the sampled circuit: exactness, clock, digits and energy, all computed from the study's results."""

from collections.abc import Mapping

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from circuits.data.clock import SHARE
from circuits.technologies import technology
from conductance.deep.energy import AC, MAC
from conductance.shaping.figures.palette import colour
from excitable.ladder.maps import SCALING
from excitable.trials import Result
from studies.dqif_circuit.run import NEURONS, SETTLING, SPREAD, TECHNOLOGY, StudyResult
from studies.pages import holds, table

WORST, SAME = 1e-3, 0.98
"""What the circuit must reach: largest difference from the recurrence in V0, share of samples with the same class."""
HIDDEN = 0.2
"""A longer period than this is not called hidden; a second equal pole by itself would cost about a third."""
DRAWN_STEPS = 40
MARKERS = {"dqif": "o", "dlif": "s"}
COLOURS = {"dqif": "model", "dlif": "muted"}
WORDS = {"dqif": "DQIF", "dlif": "leaky twin"}


def page(study: StudyResult) -> str:
    """The page below its title."""
    budget, scaling = study.budget, SCALING
    return "\n\n".join([
        "The map becomes a circuit of a multiplier, two switches with a capacitor each and a comparator, derived from "
        "the declaration like every other form. In the first phase of a clock a neuron samples its next value, in the "
        "second it holds it; the layer behind samples one period later, so layers form a pipeline. A closed switch has "
        f"{scaling.voltage_unit / scaling.current_unit:.3g} Ohm, a capacitor {scaling.capacitance * 1e15:.0f} fF "
        f"(time constant {scaling.time_unit * 1e9:.2g} ns), V0 is {scaling.voltage_unit * 1e3:.0f} mV; a phase lasts "
        f"{SHARE:.0%} of the period. These values are ours: the paper (arXiv 2510.05168) names no circuit.",
        "![Steps, clocks and spikes](dqif-circuit.png)",
        "## Does it follow the recurrence?",
        f"{budget.neurons} neurons, {budget.steps} steps, inputs N(0, {SPREAD:g}²) in V0, {SETTLING:g} time constants "
        "in a phase, against the model in double precision:",
        _recurrence(study),
        "## How fast may the clock be?",
        "The paper leaves open what the extra arithmetic costs in hardware. Here the multiplier is an amplifier with a "
        "pole of the same time constant as the switches. It begins as soon as a value is held, a phase before the next "
        "one is sampled.",
        _clocks(study),
        latencyholds(study),
        "## Digits",
        f"64-{budget.hidden}-10, {budget.epochs} epochs, {budget.shown} steps of direct encoding; tdBN is folded into "
        f"the weights, the mean over the steps is an accumulator, a map as well. The first {budget.samples} test "
        "images, one netlist each:",
        _digits(study),
        "## Energy",
        "The behavioural level has no supply. Counted are C |dV| of both capacitors from the supply of "
        f"{technology(TECHNOLOGY).supply:g} V, the weight currents of the whole period, and bias currents n U_T I0/V0 "
        "(weak inversion) of a summing amplifier and a buffer for each state, of the multiplier where there is one, "
        "and of a comparator for each spiking neuron. Switch drivers, the clock tree and bias generation are not "
        "counted. Bias currents grow as the clock does, so the energy of a step does not depend on its rate: it is "
        "proportional to C and to the time constants in a phase.",
        _energy(study),
        f"Beside it: a product of two numbers takes {MAC * 1e12:g} pJ and an addition "
        f"{AC * 1e12:g} pJ in the energy model of the literature (45 nm).",
    ])  # fmt: skip


def _recurrence(study: StudyResult) -> str:
    rows = []
    for name in NEURONS:
        found = study.random[name, SETTLING]
        rows.append(
            (
                WORDS[name], f"{found['worst']:.2g}", f"{found['median']:.2g}", str(found["spikes"]),
                str(found["differing"]), holds(found["worst"] <= WORST),
            )
        )  # fmt: skip
    head = (
        "neuron",
        "largest error / V0",
        "median error / V0",
        "spikes",
        "differing spikes",
        f"asked: {WORST:g}",
    )
    return "\n".join(table(head, rows))


def _clocks(study: StudyResult) -> str:
    rows = []
    for settling in study.budget.settlings:
        found = {name: study.random[name, settling] for name in NEURONS}
        cells = [
            cell
            for result in found.values()
            for cell in (f"{result['worst']:.2g}", f"{result['differing']} of {result['spikes']}")
        ]
        rows.append((f"{settling:g}", f"{found['dqif']['rate'] / 1e6:.1f}", *cells))
    head = ["time constants in a phase", "clock / MHz"]
    for name in NEURONS:
        head += [f"{WORDS[name]}, largest error / V0", "differing spikes"]
    return "\n".join(table(head, rows))


def needed(study: StudyResult, neuron: str) -> float | None:
    """The time constants in a phase at which the error falls below `WORST`, between the clocks that were tried."""
    clocks = sorted(study.budget.settlings)
    errors = [study.random[neuron, settling]["worst"] for settling in clocks]
    above = [place for place, error in enumerate(errors) if error > WORST]
    if not above:
        return clocks[0]
    place = above[-1]
    if place + 1 == len(clocks):
        return None
    span = np.log(errors[place] / errors[place + 1])
    share = float(np.log(errors[place] / WORST) / span)
    return clocks[place] + share * (clocks[place + 1] - clocks[place])


def latencyholds(study: StudyResult) -> str:
    """What the multiplier costs in clock rate."""
    quadratic, leaky = needed(study, "dqif"), needed(study, "dlif")
    if quadratic is None or leaky is None:
        return f"Not every neuron comes below {WORST:g} V0 with the clocks that were tried."
    change = quadratic / leaky - 1
    return (
        f"An error below {WORST:g} V0 takes {quadratic:.1f} time constants in a phase for DQIF and {leaky:.1f} for the "
        f"leaky twin (interpolated): a period that is {abs(change):.0%} {'longer' if change > 0 else 'shorter'}. The "
        f"multiplier settles while the value is passed on, so "
        f"{'most of its time is hidden' if change < HIDDEN else 'only a part of its time is hidden'}."
    )


def _digits(study: StudyResult) -> str:
    rows = [
        (
            WORDS[name], f"{found['test_accuracy']:.2%}", f"{found['same_class']:.0%}",
            f"{found['circuit_accuracy']:.0%}", f"{found['model_accuracy']:.0%}", f"{found['worst']:.2g}",
            f"{found['differing']} of {found['spikes']}", f"{found['seconds'] * 1e9:.0f}",
            holds(found["same_class"] >= SAME),
        )
        for name, found in study.digits.items()
    ]  # fmt: skip
    head = (
        "neuron", "test accuracy of the model", "same class", "accuracy of the circuit", "of the model, same images",
        "largest error / V0", "differing spikes", "latency / ns", f"asked: same class {SAME:.0%}",
    )  # fmt: skip
    return "\n".join(table(head, rows))


def _energy(study: StudyResult) -> str:
    rows = []
    for name, found in study.digits.items():
        energy: Mapping[str, float] = found["energy"]
        parts = [f"{energy[part] * 1e12:.3g}" for part in ("charging", "synapses", "amplifiers", "total")]
        own = (energy["charging"] + energy["amplifiers"]) / found["neuron_steps"]
        rows.append((WORDS[name], *parts, f"{own * 1e12:.2g}", f"{found['spike_rate']:.2f}"))
    head = (
        "neuron", "charging / pJ", "weight currents / pJ", "amplifiers / pJ", "an inference / pJ",
        "a neuron's step, without weights / pJ", "spikes per neuron and step",
    )  # fmt: skip
    return "\n".join(table(head, rows))


def drawn(study: StudyResult) -> Figure:
    """Steps of neurons over the model's, error over clock, and spikes of digits."""
    figure = Figure(figsize=(12.5, 7.0), layout="constrained")
    (steps, clocks), (raster, twin) = figure.subplots(2, 2, width_ratios=(1.6, 1))
    _steps(steps, study.random["dqif", SETTLING])
    _errors(clocks, study)
    for axes, (name, result) in zip((raster, twin), study.digits.items(), strict=False):
        _raster(axes, name, result)
    for axes in (steps, clocks, raster, twin):
        axes.spines[["top", "right"]].set_visible(False)
    return figure


def _steps(axes: Axes, result: Result) -> None:
    for number, (model, circuit) in enumerate(
        zip(result["model_steps"], result["circuit_steps"], strict=True)
    ):
        time, shift = np.arange(1, len(model) + 1)[:DRAWN_STEPS], 3.0 * number
        axes.axhline(shift, color=colour("grid"), linewidth=0.8)
        axes.step(
            time, np.array(circuit)[:DRAWN_STEPS] + shift, where="post", color=colour("circuit"), linewidth=1.3,
            label="circuit (ngspice), held" if number == 0 else None,
        )  # fmt: skip
        axes.plot(
            time, np.array(model)[:DRAWN_STEPS] + shift, "o", color=colour("model"), markersize=3.5,
            label="recurrence" if number == 0 else None,
        )  # fmt: skip
    axes.set(xlabel="step", ylabel="u / V0, neurons 3 V0 apart")
    axes.set_title("DQIF under random input", loc="left")
    axes.legend(frameon=False, loc="upper right", ncols=2, bbox_to_anchor=(1, 1.12))


def _errors(axes: Axes, study: StudyResult) -> None:
    for name in NEURONS:
        errors = [study.random[name, settling]["worst"] for settling in study.budget.settlings]
        axes.semilogy(
            study.budget.settlings,
            errors,
            marker=MARKERS[name],
            color=colour(COLOURS[name]),
            label=WORDS[name],
        )
    axes.axhline(WORST, color=colour("fault"), linewidth=1, linestyle="--", label=f"{WORST:g} V0")
    axes.set(xlabel="time constants in a phase", ylabel="largest error / V0")
    axes.set_title("A faster clock errs more", loc="left")
    axes.legend(frameon=False)


def _raster(axes: Axes, name: str, result: Result) -> None:
    """Spikes (step, sample, neuron) of a few samples, side by side."""
    model, circuit = (np.array(result[f"{form}_raster"]) for form in ("model", "circuit"))
    steps, samples, _ = model.shape
    for spikes, form, size, opacity in ((model, "model", 40, 0.35), (circuit, "circuit", 5, 1.0)):
        step, sample, neuron = np.nonzero(spikes)
        axes.scatter(
            step + sample * (steps + 1),
            neuron,
            s=size,
            alpha=opacity,
            color=colour(form),
            linewidths=0,
            label=form,
        )
    axes.set_xticks(
        [sample * (steps + 1) + (steps - 1) / 2 for sample in range(samples)],
        [f"sample {sample}\n{steps} steps" for sample in range(samples)],
    )
    axes.set(ylabel="hidden neuron")
    axes.set_title(f"Digits, {WORDS[name]}: spikes", loc="left")
    axes.legend(frameon=False, ncols=2, loc="upper right", bbox_to_anchor=(1, 1.12))
