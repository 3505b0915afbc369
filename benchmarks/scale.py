"""What many uncoupled neurons cost in ngspice and VACASK: one netlist against small parts, and how it grows.

    python -m benchmarks.scale --json FILE [--neurons 1000] [--largest 10000]

Each run is 1000 tau_m of bursting neurons (four elements, two filters, sources that state the equation), every one with
a bias of its own, so that they do not fire together. Core time is what the operating system counts for the simulators'
processes. Runs that FILE has already are not repeated; delete it to measure anew. A table goes beside it.
"""

import json
import os
import platform
import resource
import time
from collections.abc import Collection, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, replace
from itertools import product
from pathlib import Path
from statistics import median

import numpy as np
import torch

from benchmarks.command import arguments
from circuits.data.scaling import Scaling
from circuits.networks.continuous import NetworkCircuit
from conductance.layers import NeuronLayer, Projection
from conductance.networks import Network
from conductance.networks.continuous import integrate_network
from conductance.neurons.presets import PRESETS
from excitable.ladder.options import CircuitOptions
from netlists.comparison.crossings import upward_crossings
from netlists.comparison.spikes import match_spikes
from netlists.netlist import Netlist
from netlists.partition import partition
from netlists.simulation import SIMULATORS, find_simulator, simulate_all
from netlists.writing import write_netlist

DURATION = 1000.0
BIASES = (-1.1, -0.9)
LIMIT = 4 * 3600.0
OPTIONS = {
    "ngspice": CircuitOptions(scaling=Scaling(), max_step=0.5, relative=1e-6, time_limit=LIMIT),
    "ngspice, its default now": CircuitOptions(scaling=Scaling(), time_limit=LIMIT),
    "vacask": CircuitOptions(scaling=Scaling(), simulator="vacask", time_limit=LIMIT),
    "vacask, 5e-7": CircuitOptions(scaling=Scaling(), simulator="vacask", relative=5e-7, time_limit=LIMIT),
    "vacask, 1e-7": CircuitOptions(scaling=Scaling(), simulator="vacask", relative=1e-7, time_limit=LIMIT),
    "vacask, tight": CircuitOptions(
        scaling=Scaling(), simulator="vacask", relative=1e-10, max_step=0.5, time_limit=LIMIT
    ),
}
"""The first is what ngspice was given before each level had its own tolerance; the last is the reference of errors."""
REFERENCE = "vacask, tight"
FEW, REPEATS = 100, 3
"""Up to so many neurons the median of so many runs is taken."""
WINDOW = 2.0
"""Largest difference of two spikes that count as the same, in tau_m."""
Spikes = dict[str, np.ndarray]


@dataclass(frozen=True, kw_only=True)
class Cost:
    """What one run took; `load` is how many processes wanted a core at its beginning.

    `missing` counts spikes without a partner in the tight run of the same neurons, `worst` is the largest difference of
    the others in tau_m; both are None where there is no such run.
    """

    simulator: str
    neurons: int
    form: str
    netlists: int
    workers: int
    core_seconds: float
    wall_seconds: float
    spikes: int
    load: float
    missing: int | None = None
    worst: float | None = None

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


def dealt(neurons: int, workers: int, options: CircuitOptions) -> list[list[int]]:
    """Parts, as large as the package cuts them, of neurons that are no neighbours: those of nearly one bias fire
    together and share their small steps, which made parts of many neurons three times cheaper than a trained network's
    would be.
    """
    order, exact = np.random.default_rng(0).permutation(neurons), options.accuracy
    groups = partition(neurons, workers=workers, smallest=exact.smallest, largest=exact.largest)
    return [order[group.start : group.stop].tolist() for group in groups]


def circuits(
    network: Network, inputs: np.ndarray, groups: Sequence[Sequence[int]], options: CircuitOptions
) -> list[NetworkCircuit]:
    """One circuit for each group of neurons."""
    return [
        options.build(network, inputs, dt=DURATION, name=f"part_{index}", neurons=list(group))
        for index, group in enumerate(groups)
    ]


def netlist(part: NetworkCircuit, options: CircuitOptions) -> Netlist:
    """The part's netlist, simulated over its duration."""
    return write_netlist(
        part.circuit, options.analysis(part.duration), options.tolerances(), dialect=options.dialect
    )


def run(simulator: str, neurons: int, *, monolithic: bool, workers: int) -> tuple[Cost, Spikes]:
    """Simulate so many neurons; the cost, and the spike times in tau_m of each by its node."""
    network, inputs = uncoupled(neurons)
    options = OPTIONS[simulator]
    groups = [range(neurons)] if monolithic else dealt(neurons, workers, options)
    parts = circuits(network, inputs, groups, options)
    netlists = [netlist(part, options) for part in parts]
    load, walls, cores = os.getloadavg()[0], [], []
    for _ in range(REPEATS if neurons <= FEW else 1):
        before, begin = core_seconds(), time.perf_counter()
        with ThreadPoolExecutor(workers) as pool:
            runs = simulate_all(netlists, executor=pool, time_limit=options.time_limit)
        walls.append(time.perf_counter() - begin)
        cores.append(core_seconds() - before)
    found: Spikes = {}
    for part, done in zip(parts, runs, strict=True):
        waveforms = done.require()
        seconds = waveforms["time"].to_numpy() / options.scaling.time_unit
        for node in part.membranes["hidden"]:
            found[node] = upward_crossings(
                seconds,
                waveforms["voltage"].sel(node=node).to_numpy() / options.scaling.voltage_unit,
                threshold=0.0,
            )[0]
    cost = Cost(
        simulator=simulator, neurons=neurons, form="one netlist" if monolithic else "parts",
        netlists=len(netlists), workers=workers,
        core_seconds=median(cores), wall_seconds=median(walls),
        spikes=sum(len(times) for times in found.values()), load=load,
    )  # fmt: skip
    return cost, found


def integrated(neurons: int) -> Spikes:
    """Spike times of the same neurons by the package's integrator, in tau_m, by their nodes."""
    network, _ = uncoupled(neurons)
    found = integrate_network(network, np.zeros((5000, 1)), samples_per_step=4, rtol=1e-9)
    membrane = found.states["hidden"][:, 0]
    return {
        f"hidden_{k}_um": upward_crossings(found.time, membrane[:, k], threshold=0.0)[0]
        for k in range(neurons)
    }


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


def plan(neurons: int, largest: int, forms: Collection[str]) -> list[tuple[str, int, bool, int]]:
    """Simulator, neurons, whether in one netlist, workers; references first."""
    found = [(REFERENCE, size, False, 1) for size in (100, neurons)]
    for simulator in (name for name in OPTIONS if name != REFERENCE):
        found += [(simulator, size, False, 1) for size in (8, 100, neurons, largest)]
        found += [(simulator, size, True, 1) for size in (100, neurons)]
    return [each for each in dict.fromkeys(found) if each[0] in (*forms, REFERENCE)]


def measure(neurons: int, largest: int, file: Path, forms: Collection[str], longest: float) -> dict:
    """All runs, each kept in the file as soon as it is done, and its spikes beside it.

    Runs that would take more than `longest` seconds of a core, by what smaller ones of their kind took, are left out.
    """
    kept = json.loads(file.read_text("utf-8")) if file.exists() else {"runs": {}}
    for simulator, size, monolithic, workers in plan(neurons, largest, forms):
        name = f"{simulator}: {'one' if monolithic else 'parts'} {size} {workers}"
        expected = max(
            (c["core_seconds"] / c["neurons"] * size for c in kept["runs"].values() if c["simulator"] == simulator
             and c["form"].startswith("one") == monolithic), default=0.0,
        )  # fmt: skip
        if name in kept["runs"] or expected > longest:
            continue
        cost, spikes = run(simulator, size, monolithic=monolithic, workers=workers)
        if (simulator, size) == (REFERENCE, 100):
            kept["reference"] = asdict(agreement(integrated(size), spikes))
        np.savez_compressed(_beside(file, name), **spikes)
        exact = _beside(file, f"{REFERENCE}: parts {size} 1")
        if exact.exists() and simulator != REFERENCE:
            same = agreement(dict(np.load(exact)), spikes)
            cost = replace(cost, missing=same.missing + same.extra, worst=same.worst)
        kept["runs"][name] = asdict(cost)
        kept["machine"] = {
            "simulators": {each: find_simulator(each).version for each in SIMULATORS},
            "processor": platform.machine(), "cores": os.cpu_count(),
        }  # fmt: skip
        file.write_text(json.dumps(kept, indent=1) + "\n", "utf-8")
        print(f"{name}: {cost.core_seconds:.1f} s of cores, {cost.wall_seconds:.1f} s", flush=True)
    return kept


def _beside(file: Path, name: str) -> Path:
    return file.with_name(f".{file.stem}_{name}.npz")


def page(result: dict) -> str:
    """The table as Markdown, and what it says."""
    costs = [Cost(**values) for values in result["runs"].values()]
    machine = result["machine"]
    versions = ", ".join(f"{name} {version}" for name, version in machine["simulators"].items())
    rows = [
        f"| {c.simulator} | {c.neurons} | {c.form} | {c.netlists} | {c.workers} | {c.core_seconds:.1f} "
        f"| {c.per_neuron:.1f} | {c.wall_seconds:.1f} | {c.spikes} "
        f"| {'' if c.missing is None else c.missing} | {'' if c.worst is None else f'{c.worst:.3g}'} | {c.load:.1f} |"
        for c in sorted(costs, key=lambda c: (c.neurons, c.form, c.simulator, c.workers))
    ]
    words = [
        f"1000 tau_m of bursting neurons at the behavioural level, {versions}, {machine['processor']}, "
        f"{machine['cores']} cores; written by `python -m benchmarks.scale`. `load` is how many processes wanted a "
        "core when the run began: wall-clock times of a busy machine say little, and core times grow where others fill "
        f"the caches. Up to {FEW} neurons the times are medians of {REPEATS} runs. `ngspice` has the tolerance 1e-6 "
        "that it had before each level got its own; parts are as large as the package cuts them for each simulator. "
        f"Errors are those of spike times against `{REFERENCE}` (1e-10), with the number of spikes without a partner.",
        *_independent(result),
        "\n".join([
            "| simulator | neurons | form | netlists | workers | core, s | per neuron, ms | wall, s | spikes "
            "| unmatched | worst, tau_m | load |",
            "|---|---:|---|---:|---:|---:|---:|---:|---:|---:|---:|---:|",
            *rows,
        ]),
        *(f"{line}" for line in _ratios(costs)),
        *(f"{line}" for line in _equal_errors(costs)),
        *(f"{line}" for line in _growths(costs)),
    ]  # fmt: skip
    return "\n\n".join(["# Uncoupled neurons in ngspice and VACASK", *words]) + "\n"


def _independent(result: dict) -> Iterator[str]:
    """What the package's integrator says of the reference."""
    if "reference" in result:
        found = Agreement(**result["reference"])
        yield (
            f"Of that reference's spikes of 100 neurons, {found.matched} are those of the package's integrator within "
            f"{found.worst:.2g} tau_m; {found.missing + found.extra} have no partner."
        )


def _ratios(costs: Sequence[Cost]) -> Iterator[str]:
    """How many times less core time VACASK takes for the same neurons in the same form."""
    for cost, other in product(costs, costs):
        alike = (cost.neurons, cost.form, cost.workers) == (other.neurons, other.form, other.workers)
        if (
            alike
            and cost.simulator.startswith("ngspice")
            and other.simulator.startswith("vacask")
            and other.simulator != REFERENCE
        ):
            yield (
                f"{cost.neurons} neurons, {cost.form}, {cost.workers} workers: {other.simulator} takes "
                f"{cost.core_seconds / other.core_seconds:.1f} times less core time than {cost.simulator}."
            )


def _equal_errors(costs: Sequence[Cost]) -> Iterator[str]:
    """How many times less core time the cheapest VACASK takes whose spikes are no further off."""
    for cost in costs:
        if not cost.simulator.startswith("ngspice") or cost.worst is None:
            continue
        others = [
            other for other in costs
            if (other.neurons, other.form) == (cost.neurons, cost.form) and other.simulator.startswith("vacask")
            and other.worst is not None and other.worst <= cost.worst
        ]  # fmt: skip
        if others:
            best = min(others, key=lambda other: other.core_seconds)
            yield (
                f"At equal or smaller spike error, {cost.neurons} neurons, {cost.form}: {best.simulator} "
                f"({best.worst:.2g} tau_m) takes {cost.core_seconds / best.core_seconds:.1f} times less core time than "
                f"{cost.simulator} ({cost.worst:.2g} tau_m)."
            )


def _growths(costs: Sequence[Cost]) -> Iterator[str]:
    """How core time grows with the number of neurons in parts."""
    for simulator in OPTIONS:
        found = [c for c in costs if (c.simulator, c.form) == (simulator, "parts") and c.neurons >= 8]
        if len({c.neurons for c in found}) > 1:
            sizes, times = np.log([c.neurons for c in found]), np.log([c.core_seconds for c in found])
            yield (
                f"From {min(c.neurons for c in found)} to {max(c.neurons for c in found)} neurons, the core time of "
                f"parts in {simulator} grows as their number to the power {np.polyfit(sizes, times, 1)[0]:.2f}."
            )


def main() -> None:
    """Measure, and write the numbers and the page."""
    parser = arguments(__doc__)
    parser.add_argument("--neurons", type=int, default=1000, help="of the comparison with one netlist")
    parser.add_argument("--largest", type=int, default=10000, help="of the growth")
    parser.add_argument("--simulators", nargs="+", choices=list(OPTIONS), default=list(OPTIONS))
    parser.add_argument(
        "--longest", type=float, default=1e6, help="core time in s beyond which a run is left out"
    )
    options = parser.parse_args()
    options.json.parent.mkdir(parents=True, exist_ok=True)
    result = measure(options.neurons, options.largest, options.json, options.simulators, options.longest)
    text = page(result)
    options.json.with_suffix(".md").write_text(text, "utf-8")
    print(text)


if __name__ == "__main__":
    main()
