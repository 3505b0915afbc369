"""What tolerance, largest step and input edge cost and are worth, at each level and in each simulator.

    python -m benchmarks.settings --json FILE [--simulators ngspice vacask] [--levels behavioural macromodel transistor]

Two cases: `alone`, a bursting neuron under a constant current over 1000 tau_m, whose errors add up from burst to burst;
and `driven`, the same neuron under an input that is held for 0.2 tau_m, as a trained network's is, over 60 tau_m. Each
setting is compared with the tightest run of the same level; core time is what the operating system counts for the
simulator's processes, the least of two runs. Rows that FILE has already are not repeated. A table goes beside it.
"""

import json
import os
import platform
import resource
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from itertools import product
from pathlib import Path

import numpy as np
import torch
import xarray as xr

from benchmarks.command import arguments
from circuits.data.circuit import Circuit
from circuits.data.scaling import Scaling
from circuits.networks.single import neuron_circuit
from circuits.realisations import realise
from circuits.technologies import technology
from conductance.layers import NeuronLayer, Projection
from conductance.networks import Network
from conductance.neurons.presets import PRESETS
from conductance.stimulus import Stimulus
from excitable.ladder.accuracy import DEFAULT
from excitable.ladder.options import CircuitOptions
from excitable.ladder.series import written
from netlists.analyses import Tolerances, Transient
from netlists.comparison.crossings import upward_crossings
from netlists.comparison.spikes import match_spikes
from netlists.simulation import find_simulator, known_simulator, simulate
from netlists.writing import write_netlist

LEVELS = {"behavioural": "ideal", "macromodel": "generic_180nm", "transistor": "generic_180nm"}
SECONDS = {"alone": 1000.0, "driven": 60.0}
HOLD = 0.2
GRID = {
    "ngspice": {
        "behavioural": tuple(product((1e-9, 1e-8, 1e-7, 1e-6, 1e-5), (0.2, 0.5, 1.0))),
        "macromodel": tuple(product((1e-8, 1e-7, 1e-6, 1e-5), (0.2, 0.5))),
        "transistor": tuple(product((1e-6, 1e-5, 1e-4), (0.2, 0.5))),
    },
    "vacask": {
        "behavioural": tuple(product((1e-9, 1e-8, 1e-7, 1e-6), (0.5, 2.0))),
        "macromodel": tuple(product((1e-8, 1e-7, 1e-6, 1e-5), (0.5, 2.0))),
        "transistor": tuple(product((1e-6, 1e-5, 1e-4), (0.5, 2.0))),
    },
}
"""Tolerances and largest steps in tau_m."""
REFERENCE = {"behavioural": (1e-10, 0.05), "macromodel": (1e-9, 0.05), "transistor": (1e-7, 0.1)}
EDGES = (1e-3, 0.1, 1.0)
"""Durations of an input's step, as shares of the hold; 1 is linear between the middles."""
SIZES = (1, 2, 4, 8)
"""Neurons of a part."""
WINDOW = 5.0


@dataclass(frozen=True, kw_only=True)
class Row:
    """One setting: core time in ms, points, and errors against the reference in tau_m and V0."""

    case: str
    level: str
    simulator: str
    relative: float
    max_step: float
    edge: float
    milliseconds: float
    points: int
    spikes: int
    reference_spikes: int
    worst: float
    rms: float


@dataclass(frozen=True, kw_only=True)
class Trace:
    """A run: time in tau_m, membrane in V0, its spikes, and the core time in s."""

    time: np.ndarray
    voltage: np.ndarray
    spikes: np.ndarray
    seconds: float


def built(case: str, level: str, edge: float) -> tuple[Circuit, Scaling]:
    """The circuit of a case at a level."""
    preset, process = PRESETS["bursting"], technology(LEVELS[level])
    scaling = process.scaling(current_unit=1e-9, capacitance=1e-12)
    stimulus = preset.stimulus
    if case == "driven":
        count = round(SECONDS[case] / HOLD)
        noise = np.random.default_rng(1).normal(0.0, 1.0, count)
        smooth = np.convolve(noise, np.ones(25) / 5, mode="same")
        held = Stimulus(tuple(HOLD * np.arange(count)), tuple(-0.9 + 0.3 * smooth))
        stimulus = held
    made = realise(preset.neuron, level, technology=process, scaling=scaling)
    circuit = neuron_circuit(
        preset.neuron, stimulus, scaling=scaling, start=preset.start, realisation=made, edge=edge * HOLD
    )
    return circuit, scaling


def run(case: str, level: str, simulator: str, relative: float, step: float, edge: float) -> Trace | None:
    """One run, the faster of two; None where it failed."""
    circuit, scaling = built(case, level, edge)
    unit = scaling.time_unit
    tolerances = Tolerances.scaled(
        voltage_unit=scaling.voltage_unit, current_unit=scaling.current_unit, capacitance=scaling.capacitance,
        relative=relative,
    )  # fmt: skip
    analysis = Transient(stop=SECONDS[case] * unit, max_step=step * unit)
    netlist = write_netlist(circuit, analysis, tolerances, dialect=known_simulator(simulator).dialect)
    found: list[tuple[float, xr.Dataset]] = []
    for _ in range(2):
        before = core_seconds()
        done = simulate(netlist, simulator=simulator, time_limit=600)
        if not done.ok:
            print(f"{case} {level} {simulator} {relative:g} {step:g}: {done.reason[:200]}", flush=True)
            return None
        found.append((core_seconds() - before, done.require()))
    seconds, waveforms = min(found, key=lambda pair: pair[0])
    time = waveforms["time"].to_numpy() / unit
    voltage = waveforms["voltage"].sel(node=circuit.probes[0]).to_numpy() / scaling.voltage_unit
    spikes = upward_crossings(time, voltage, threshold=0.0)[0]
    return Trace(time=time, voltage=voltage, spikes=spikes, seconds=seconds)


def core_seconds() -> float:
    """Seconds of all cores that child processes have used."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def compared(reference: Trace, trace: Trace, **setting: object) -> Row:
    """The row of a setting."""
    match = match_spikes(reference.spikes, trace.spikes, window=WINDOW)
    grid = np.linspace(0.0, reference.time[-1], 20 * round(reference.time[-1]) + 1)
    difference = np.interp(grid, trace.time, trace.voltage) - np.interp(
        grid, reference.time, reference.voltage
    )
    return Row(
        milliseconds=1e3 * trace.seconds, points=len(trace.time), spikes=len(trace.spikes),
        reference_spikes=len(reference.spikes),
        worst=float(np.abs(match.time_errors).max()) if len(match.pairs) else float("nan"),
        rms=float(np.sqrt(np.mean(difference**2))), **setting,
    )  # fmt: skip


def settings(simulator: str, level: str) -> Iterator[tuple[str, float, float, float]]:
    """Case, tolerance, largest step and edge of each row."""
    for relative, step in GRID[simulator][level]:
        yield "alone", relative, step, EDGES[0]
        for edge in EDGES:
            yield "driven", relative, step, edge


def measure(file: Path, simulators: list[str], levels: list[str]) -> dict:
    """All rows, each kept in the file as soon as it is done."""
    kept = json.loads(file.read_text("utf-8")) if file.exists() else {"rows": {}}
    for level, case in product(levels, SECONDS):
        reference = None
        for simulator in simulators:
            for case_of, relative, step, edge in settings(simulator, level):
                name = f"{case_of} {level} {simulator} {relative:g} {step:g} {edge:g}"
                if case_of != case or name in kept["rows"]:
                    continue
                if reference is None:
                    tight = REFERENCE[level]
                    reference = run(case, level, simulators[-1], *tight, EDGES[0])
                    if reference is None:
                        break
                trace = run(case, level, simulator, relative, step, edge)
                if trace is None:
                    continue
                row = compared(
                    reference, trace, case=case, level=level, simulator=simulator, relative=relative,
                    max_step=step, edge=edge,
                )  # fmt: skip
                kept["rows"][name] = asdict(row)
                file.write_text(json.dumps(kept, indent=1) + "\n", "utf-8")
                print(name, f"{row.milliseconds:.0f} ms {row.worst:.4f} tau_m {row.rms:.4f} V0", flush=True)
    kept["machine"] = {
        "simulators": {name: find_simulator(name).version for name in simulators},
        "processor": platform.machine(), "cores": os.cpu_count(),
    }  # fmt: skip
    file.write_text(json.dumps(kept, indent=1) + "\n", "utf-8")
    return kept


def page(result: dict) -> str:
    """The tables as Markdown."""
    rows = [Row(**values) for values in result["rows"].values()]
    machine = result["machine"]
    versions = ", ".join(f"{name} {version}" for name, version in machine["simulators"].items())
    words = [
        "# Tolerance, step and input edge by level",
        f"{versions}, {machine['processor']}, {machine['cores']} cores; written by `python -m benchmarks.settings`. "
        f"`alone`: a bursting neuron under a constant current over {SECONDS['alone']:g} tau_m, its errors add up from "
        f"burst to burst. `driven`: an input held for {HOLD:g} tau_m each over {SECONDS['driven']:g} tau_m. Errors are "
        "those of spike times (worst, tau_m) and of the membrane (rms, V0) against the tightest run of the level; "
        "where spikes are missing or added the two counts differ.",
    ]
    for case, level in product(SECONDS, LEVELS):
        chosen = [row for row in rows if (row.case, row.level) == (case, level)]
        if not chosen:
            continue
        lines = [
            f"| {r.simulator} | {r.relative:g} | {r.max_step:g} | {r.edge:g} | {r.milliseconds:.0f} | {r.points} "
            f"| {r.spikes} of {r.reference_spikes} | {r.worst:.2g} | {r.rms:.2g} |"
            for r in sorted(chosen, key=lambda r: (r.simulator, r.relative, r.max_step, r.edge))
        ]
        head = "| simulator | relative | step, tau_m | edge | core, ms | points | spikes | worst, tau_m | rms, V0 |"
        words += [
            f"## {case}, {level}",
            "\n".join([head, "|---|---:|---:|---:|---:|---:|---:|---:|---:|", *lines]),
        ]
    if "parts" in result:
        lines = [
            f"| {level} | {simulator} | "
            + " | ".join(f"{result['parts'][f'{level} {simulator} {size}']:.0f}" for size in SIZES) + " |"
            for level, simulator in product(LEVELS, GRID)
        ]  # fmt: skip
        head = "| level | simulator | " + " | ".join(map(str, SIZES)) + " |"
        words += [
            "## Neurons of a part",
            "Core ms per neuron over 30 tau_m of a held input, at the chosen settings, by the number of neurons that "
            "share a netlist.",
            "\n".join([head, "|---|---|" + "---:|" * len(SIZES), *lines]),
        ]
    words += [
        "## Chosen",
        "\n".join([
            "| simulator | level | relative | step, tau_m | edge | neurons of a part |",
            "|---|---|---:|---:|---:|---|",
            *(
                f"| {' | '.join(key)} | {e.relative:g} | {e.max_step:g} | {e.edge:g} | {e.smallest} to {e.largest} |"
                for key, e in DEFAULT.items()
            ),
        ]),
    ]  # fmt: skip
    return "\n\n".join(words) + "\n"


def part_costs(file: Path) -> dict:
    """Core ms per neuron of parts of several sizes under a held input, by level and simulator."""
    kept = json.loads(file.read_text("utf-8"))
    network = _driven()
    for level, simulator in product(LEVELS, GRID):
        for size in SIZES:
            name = f"{level} {simulator} {size}"
            if name in kept.setdefault("parts", {}):
                continue
            process = technology(LEVELS[level])
            options = CircuitOptions(
                scaling=process.scaling(), levels=level, technology=process, simulator=simulator
            )
            steps = np.random.default_rng(1).normal(0.0, 1.0, 150)
            inputs = np.convolve(steps, np.ones(25) / 5, mode="same")[:, None]
            built = options.build(network, inputs, dt=HOLD, name="part", neurons=list(range(size)))
            netlist, taken = written(network, built, options), []
            for _ in range(2):  # the first may compile
                before = core_seconds()
                simulate(netlist, simulator=simulator).require()
                taken.append(core_seconds() - before)
            kept["parts"][name] = 1e3 * min(taken) / size
            file.write_text(json.dumps(kept, indent=1) + "\n", "utf-8")
    return kept


def _driven() -> Network:
    """Bursting neurons with weights and biases of their own."""
    encoder, readout = Projection(1, max(SIZES)), Projection(max(SIZES), 1)
    with torch.no_grad():
        encoder.weight.copy_(torch.linspace(0.2, 0.5, max(SIZES))[:, None])
        encoder.bias.copy_(torch.linspace(-1.0, -0.8, max(SIZES)).flip(0))
        readout.weight.fill_(1 / max(SIZES))
    layer = NeuronLayer(PRESETS["bursting"].neuron, max(SIZES), dt=HOLD)
    return Network({"input": encoder, "hidden": layer, "readout": readout})


def main() -> None:
    """Measure, and write the numbers and the page."""
    parser = arguments(__doc__)
    parser.add_argument("--simulators", nargs="+", choices=list(GRID), default=list(GRID))
    parser.add_argument("--levels", nargs="+", choices=list(LEVELS), default=list(LEVELS))
    options = parser.parse_args()
    options.json.parent.mkdir(parents=True, exist_ok=True)
    measure(options.json, options.simulators, options.levels)
    result = part_costs(options.json)
    options.json.with_suffix(".md").write_text(page(result), "utf-8")


if __name__ == "__main__":
    main()
