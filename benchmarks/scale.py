"""What many uncoupled neurons cost in ngspice: one netlist against parts of 8 to 16, and how the cost grows.

    python -m benchmarks.scale --json FILE [--neurons 1000] [--largest 10000]

Each run is 1000 tau_m of bursting neurons (four elements, two filters, sources that state the equation), every one with
a bias of its own, so that they do not fire together. Core time is what the operating system counts for the ngspice
processes. Runs that FILE has already are not repeated; delete it to measure anew. A table goes beside it.
"""

import argparse
import json
import os
import platform
import resource
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import torch

from circuits.data.scaling import Scaling
from circuits.networks.continuous import NetworkCircuit
from conductance.layers import NeuronLayer, Projection
from conductance.networks import Network
from conductance.neurons.presets import PRESETS
from excitable.ladder.options import CircuitOptions
from netlists.comparison.crossings import upward_crossings
from netlists.comparison.spikes import match_spikes
from netlists.netlist import Netlist
from netlists.partition import partition
from netlists.simulation import find_simulator, simulate_all
from netlists.writing import write_netlist

DURATION = 1000.0
BIASES = (-1.1, -0.9)
OPTIONS = CircuitOptions(scaling=Scaling(), max_step=0.5, relative=1e-6, time_limit=4 * 3600.0)
WINDOW = 2.0
"""Largest difference of two spikes that count as the same, in tau_m."""
Spikes = dict[str, np.ndarray]


@dataclass(frozen=True, kw_only=True)
class Cost:
    """What one run took; `load` is how many processes wanted a core at its beginning."""

    neurons: int
    form: str
    netlists: int
    workers: int
    core_seconds: float
    wall_seconds: float
    spikes: int
    load: float

    @property
    def per_neuron(self) -> float:
        """Core milliseconds per neuron."""
        return 1e3 * self.core_seconds / self.neurons


@dataclass(frozen=True, kw_only=True)
class Agreement:
    """Spikes of the parts against those of the one netlist; times in tau_m."""

    matched: int
    missing: int
    extra: int
    worst: float


def uncoupled(neurons: int) -> tuple[Network, np.ndarray]:
    """Bursting neurons, each with a bias of its own, an input of one held zero, and the mean of all as readout."""
    projection, readout = Projection(1, neurons), Projection(neurons, 1)
    with torch.no_grad():
        projection.weight.zero_()
        projection.bias.copy_(torch.linspace(*BIASES, neurons))
        readout.weight.fill_(1 / neurons)
        readout.bias.zero_()
    layer = NeuronLayer(PRESETS["bursting"].neuron, neurons, dt=0.2)
    return Network({"input": projection, "hidden": layer, "readout": readout}), np.zeros((1, 1))


def dealt(neurons: int, workers: int) -> list[list[int]]:
    """Parts of neurons that are no neighbours: those of nearly one bias fire together and share their small steps,
    which made parts of many neurons three times cheaper than a trained network's would be.
    """
    order = np.random.default_rng(0).permutation(neurons)
    return [order[group.start : group.stop].tolist() for group in partition(neurons, workers=workers)]


def circuits(network: Network, inputs: np.ndarray, groups: Sequence[Sequence[int]]) -> list[NetworkCircuit]:
    """One circuit for each group of neurons."""
    return [
        OPTIONS.build(network, inputs, dt=DURATION, name=f"part_{index}", neurons=list(group))
        for index, group in enumerate(groups)
    ]


def netlist(part: NetworkCircuit) -> Netlist:
    """The part's netlist, simulated over its duration."""
    return write_netlist(part.circuit, OPTIONS.analysis(part.duration), OPTIONS.tolerances())


def run(neurons: int, *, monolithic: bool, workers: int) -> tuple[Cost, Spikes]:
    """Simulate so many neurons; the cost, and the spike times in tau_m of each by its node."""
    network, inputs = uncoupled(neurons)
    groups = [range(neurons)] if monolithic else dealt(neurons, workers)
    parts = circuits(network, inputs, groups)
    netlists = [netlist(part) for part in parts]
    load, before, begin = os.getloadavg()[0], core_seconds(), time.perf_counter()
    with ThreadPoolExecutor(workers) as pool:
        runs = simulate_all(netlists, executor=pool, time_limit=OPTIONS.time_limit)
    wall, core = time.perf_counter() - begin, core_seconds() - before
    found: Spikes = {}
    for part, done in zip(parts, runs, strict=True):
        waveforms = done.require()
        seconds = waveforms["time"].to_numpy() / OPTIONS.scaling.time_unit
        for node in part.membranes["hidden"]:
            found[node] = upward_crossings(
                seconds, waveforms["voltage"].sel(node=node).to_numpy(), threshold=0.0
            )[0]
    cost = Cost(
        neurons=neurons, form="one netlist" if monolithic else "parts", netlists=len(netlists), workers=workers,
        core_seconds=core, wall_seconds=wall, spikes=sum(len(times) for times in found.values()), load=load,
    )  # fmt: skip
    return cost, found


def core_seconds() -> float:
    """Seconds of all cores that child processes have used."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def agreement(reference: Spikes, candidate: Spikes) -> Agreement:
    """All neurons' spikes, matched one to one."""
    matches = [match_spikes(reference[node], candidate[node], window=WINDOW) for node in reference]
    return Agreement(
        matched=sum(len(match.pairs) for match in matches),
        missing=sum(len(match.missing) for match in matches),
        extra=sum(len(match.extra) for match in matches),
        worst=max(
            (float(np.abs(match.time_errors).max()) for match in matches if len(match.pairs)), default=0.0
        ),
    )


def measure(neurons: int, largest: int, file: Path) -> dict:
    """All runs, each kept in the file as soon as it is done, and its spikes beside it."""
    plan = [(100, False, 2), (neurons, False, 2), (neurons, False, 1), (100, True, 1), (neurons, True, 1)]
    plan += [(largest, False, 2)]
    kept = json.loads(file.read_text("utf-8")) if file.exists() else {"runs": {}}
    for size, monolithic, workers in dict.fromkeys(plan):
        name = f"{'one' if monolithic else 'parts'}_{size}_{workers}"
        if name in kept["runs"]:
            continue
        cost, spikes = run(size, monolithic=monolithic, workers=workers)
        np.savez_compressed(_beside(file, name), **spikes)
        kept["runs"][name] = asdict(cost)
        kept["machine"] = {
            "ngspice": find_simulator("ngspice").version, "processor": platform.machine(), "cores": os.cpu_count()
        }  # fmt: skip
        file.write_text(json.dumps(kept, indent=1) + "\n", "utf-8")
        print(f"{name}: {cost.core_seconds:.1f} s of cores, {cost.wall_seconds:.1f} s", flush=True)
    one, parts = (dict(np.load(_beside(file, name))) for name in (f"one_{neurons}_1", f"parts_{neurons}_2"))
    kept["agreement"] = asdict(agreement(one, parts))
    file.write_text(json.dumps(kept, indent=1) + "\n", "utf-8")
    return kept


def _beside(file: Path, name: str) -> Path:
    return file.with_name(f".{file.stem}_{name}.npz")


def page(result: dict, neurons: int) -> str:
    """The table as Markdown, and what it says."""
    costs = {name: Cost(**values) for name, values in result["runs"].items()}
    one, two, single = (
        costs[f"{form}_{neurons}_{n}"] for form, n in (("one", 1), ("parts", 2), ("parts", 1))
    )
    small, large = min(costs.values(), key=lambda c: c.neurons), max(costs.values(), key=lambda c: c.neurons)
    growth = [cost for cost in costs.values() if cost.form == "parts" and cost.workers == 2]
    slope = np.polyfit(
        *(np.log([v(c) for c in growth]) for v in (lambda c: c.neurons, lambda c: c.core_seconds)), 1
    )
    same, machine = result["agreement"], result["machine"]
    rows = [
        f"| {c.neurons} | {c.form} | {c.netlists} | {c.workers} | {c.core_seconds:.1f} | {c.per_neuron:.0f} "
        f"| {c.wall_seconds:.1f} | {c.spikes} | {c.load:.1f} |"
        for c in sorted(costs.values(), key=lambda c: (c.neurons, c.form, c.workers))
    ]
    faster = single.wall_seconds / two.wall_seconds
    words = [
        f"1000 tau_m of bursting neurons at the behavioural level, ngspice {machine['ngspice']}, "
        f"{machine['processor']}, {machine['cores']} cores; written by `python -m benchmarks.scale`. `load` is how "
        f"many processes wanted a core when the run began: wall-clock times of a busy machine say little, and core "
        f"times grow where others fill the caches.",
        "\n".join([
            "| neurons | form | netlists | workers | core time, s | per neuron, ms | wall clock, s | spikes | load |",
            "|---:|---|---:|---:|---:|---:|---:|---:|---:|",
            *rows,
        ]),
        f"{neurons} neurons in parts take {one.core_seconds / single.core_seconds:.1f} times less core time than in "
        f"one netlist, and {faster:.2f} times less wall-clock time on two workers than on one.",
        f"Of the spikes, {same['matched']} are the same, {same['missing']} missing and {same['extra']} extra; the "
        f"largest difference of their times is {same['worst']:.3f} tau_m.",
        f"From {small.neurons} to {large.neurons} neurons, the core time of parts grows as the number of neurons to "
        f"the power {slope[0]:.2f}.",
    ]  # fmt: skip
    return "\n\n".join(["# Uncoupled neurons in ngspice", *words]) + "\n"


def main() -> None:
    """Measure, and write the numbers and the page."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument(
        "--json", type=Path, required=True, help="file for the numbers; the page goes beside it"
    )
    parser.add_argument("--neurons", type=int, default=1000, help="of the comparison with one netlist")
    parser.add_argument("--largest", type=int, default=10000, help="of the growth")
    options = parser.parse_args()
    options.json.parent.mkdir(parents=True, exist_ok=True)
    result = measure(options.neurons, options.largest, options.json)
    text = page(result, options.neurons)
    options.json.with_suffix(".md").write_text(text, "utf-8")
    print(text)


if __name__ == "__main__":
    main()
