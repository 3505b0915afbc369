"""What noise costs: the demo's network over its power, and the smallest neuron that a task allows."""

from collections.abc import Mapping

import numpy as np

from circuits.technologies import technology
from excitable.trials import Result
from studies.noise.design import MORE, UNIT, allowed_power, error_at, sized
from studies.noise.network import TRAINED_AT, NetworkBudget
from studies.pages import mean_interval, spread, table

DEMO = 64
"""Neurons of `excitable demo`."""
KINDS = {"plain": "trained plain", "noisy": "trained under noise"}


def curve(networks: Mapping[str, Result], kind: str) -> dict[float, float]:
    """Mean test error over seeds and realisations by power of noise."""
    found = [one["test"] for name, one in networks.items() if kind in name]
    return {float(power): float(np.mean([np.mean(one[power]) for one in found])) for power in found[0]}


def networks(trained: Mapping[str, Result], netlists: Mapping[str, Result], budget: NetworkBudget) -> str:
    """Errors over the power of noise, of models and of netlists."""
    if not trained:
        return ""
    groups = {kind: [one["test"] for name, one in trained.items() if kind in name] for kind in KINDS}
    rows, sure = [], []
    for power in groups["plain"][0]:
        means = {kind: [float(np.mean(one[power])) for one in group] for kind, group in groups.items()}
        low, high = mean_interval(
            [a - b for a, b in zip(means["plain"], means["noisy"], strict=True)]
        )  # the same seeds: pairs
        sure += [f"{power} x"] if low > 0 else []
        rows.append(
            (f"{power} x", spread(means["plain"], 4), spread(means["noisy"], 4), f"{low:.4f} to {high:.4f}")
        )
    seeds = len(groups["plain"])
    network = (
        f"The network of `excitable demo` ({budget.hidden} neurons)"
        if budget.hidden == DEMO
        else f"A small sibling of `excitable demo`'s network ({budget.hidden} neurons for {DEMO}, series of "
        f"{budget.samples} samples, {budget.steps} steps of training)"
    )
    lines = [
        f"{network} on Mackey-Glass, 50 time units ahead, {seeds} seeds, trained without noise "
        f"and with {TRAINED_AT:g} times the power that a membrane of 1 pF has (one of {1e3 / TRAINED_AT:.3g} fF in "
        "all has it). Error on the test series, mean ± standard deviation over seeds, over the power of noise, and the "
        "95 % interval of what training under noise gains, seed by seed:",
        "",
        *table(("power", *KINDS.values(), "gain"), rows, numbers=True),
        "",
        f"The gain is beyond its interval at {', '.join(sure)}."
        if sure
        else "No gain is beyond its interval: seeds differ by more than the trainings do.",
        "",
        by_synapses(trained),
    ]
    if netlists:
        rows = [
            (
                name.replace("network-", "").replace("-", ", ").replace(", at, ", ", "),
                f"{one['model']:.4f}", f"{one['netlist']:.4f}", f"{one['distance']:.4f}",
            )
            for name, one in netlists.items()
        ]  # fmt: skip
        lines += [
            "",
            "The held-out series in the model's own steps and in the behavioural netlist, which see the same "
            "realisation of the noise; their predictions differ by the last column, rms over the targets' deviation:",
            "",
            *table(("training, seed, power", "model", "netlist", "distance"), rows, numbers=True),
        ]
    return "\n".join(lines)


def by_synapses(trained: Mapping[str, Result]) -> str:
    """What outputs and synapses add to the noise of the neurons, in words."""
    least, *_, most = (power for power in next(iter(trained.values()))["test"] if float(power))
    changes = []
    for power in (least, most):
        pairs = [
            (float(np.mean(one["test"][power])), float(np.mean(one["neurons"][power])))
            for one in trained.values()
        ]
        changes.append(f"{max(abs(whole / alone - 1) for whole, alone in pairs):.1%} at {power} x")
    return (
        "The noise of output stages and of the readout's synapses is in these numbers; without it, the neurons' alone "
        f"on the same draws, no training's error differs by more than {' and '.join(changes)}."
    )


def design(found: Mapping[str, list[Result]], trained: Mapping[str, Result]) -> str:
    """From an error that a task allows to the capacitor, the energy and the area of a neuron."""
    if not found or not trained:
        return ""
    results = [one for (one,) in found.values()]
    middle = results[len(results) // 2]
    made_of = technology("generic_180nm")
    errors, rows = {kind: curve(trained, kind) for kind in KINDS}, []
    for more in MORE:
        cells = []
        for kind in KINDS:
            power = allowed_power(errors[kind], more)
            if power is None:
                cells += [f"over {max(errors[kind]):g}", "", ""]
                continue
            neuron = sized(UNIT / power, middle)
            cells += [
                f"{1e15 * UNIT / power:.3g}",
                f"{1e12 * neuron.energy:.3g}",
                f"{1e12 * neuron.area:.3g}",
            ]
        rows.append((f"{more:.0%}", *cells))
    head = ["error grows by"]
    for words in KINDS.values():
        head += [f"C / fF, {words}", "energy / pJ", "area / um^2"]
    load = middle["load"]
    bare = sized(load, middle)
    grown = {kind: error_at(errors[kind], bare.power) / errors[kind][0.0] - 1 for kind in KINDS}
    paces = [
        (
            f"{1e9 * one['current']:g}", f"{1e6 * one['power']:.3g}", f"{1e6 * one['time']:.3g}",
            f"{1e12 * one['power'] * one['time']:.3g}", f"{1e12 * one['gates']:.4g}", f"{1e15 * one['load']:.3g}",
        )
        for one in results
    ]  # fmt: skip
    drawn = middle["power"] / middle["current"] / made_of.supply
    return "\n".join(
        [
            "White noise grows with q/(C V0) alone, and a neuron's energy in one tau_m = C V0/I0 is k Vdd C V0, with "
            f"k = {drawn:.0f} bias currents I0 between supplies of {made_of.supply:g} V: a power of noise fixes it. I0 "
            f"sets the pace, and V0 is that of the pairs, {1e3 * middle['unit']:.0f} mV. One neuron of the demo, "
            f"{middle['transistors']} transistors and capacitors for its three time constants, at C = 1 pF:",
            "",
            *table(
                (
                    "I0 / nA",
                    "power / uW",
                    "tau_m / us",
                    "energy / (pJ per tau_m)",
                    "gates / um^2",
                    "load / fF",
                ),
                paces,
                numbers=True,
            ),
            "",
            "From the errors above, between the powers that were measured: the least capacitance of the membrane in "
            "all, gates included, that keeps the error, and what the neuron then takes in one tau_m and covers:",
            "",
            *table(head, rows, numbers=True),
            "",
            f"**The smallest neuron is bounded by its gates, not by noise**: gates and drains drawn for matching load "
            f"the membrane with {1e15 * load:.0f} fF, and that alone has {bare.power:.1f} times the noise of 1 pF, at "
            f"which the error grows by {grown['plain']:.1%} where it was trained plain and {grown['noisy']:.1%} under "
            f"noise. Without another capacitor a neuron takes {1e12 * bare.energy:.2g} pJ in a tau_m of "
            f"{1e6 * bare.tau_m:.2g} us at {1e9 * middle['current']:g} nA and covers {1e12 * bare.area:.3g} um^2, most "
            "of it the capacitors of its slow filters. Smaller rows of the table ask for smaller gates, which cost "
            "mismatch and flicker noise."
            if min(
                (UNIT / p for k in KINDS for m in MORE if (p := allowed_power(errors[k], m))), default=UNIT
            )
            < load
            else f"Gates and drains load the membrane with {1e15 * load:.0f} fF, which every row leaves room for.",
        ]
    )
