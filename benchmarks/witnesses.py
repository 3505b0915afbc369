"""Two simulators, the same circuits: how far ngspice and VACASK differ, for every neuron at every level.

    python -m benchmarks.witnesses --json FILE

Presets run for 400 tau_m after their input's last step, or twice their longest time constant where that is longer, so
that each fires as it is named for, neurons whose spike is an event 8 tau, sampled maps 50 clock periods. Each is
simulated in both at the level's own settings and one step tighter. Rows that FILE has already are not repeated. A table
goes beside it.
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import torch

from benchmarks.command import arguments
from circuits.data.circuit import CircuitError
from circuits.networks.single import neuron_circuit
from circuits.realisations import Level, realise
from circuits.realisations.interface import OUTPUT
from circuits.technologies import technology
from conductance.layers import NeuronLayer, Projection
from conductance.networks import Network
from conductance.neurons import accumulator, dlif, dqif, lif, qif
from conductance.neurons.base import Neuron
from conductance.neurons.presets import PRESETS
from conductance.stimulus import Arrivals, Stimulus
from excitable.ladder.accuracy import accuracy
from excitable.ladder.maps import SampledOptions, simulate_sampled
from netlists.analyses import Tolerances, Transient
from netlists.comparison.crossings import upward_crossings
from netlists.comparison.spikes import match_spikes
from netlists.simulation import SIMULATORS, find_simulator, solve

LEVELS: Mapping[Level, str] = {
    "behavioural": "ideal", "macromodel": "generic_180nm", "transistor": "generic_180nm",
}  # fmt: skip
"""Every level, and the technology that it is shown in."""
SHORTEST = 400.0
"""Of a preset's run in tau_m after its input's last step; of longer time constants it has `SLOWEST`."""
SLOWEST = 2.0
GRID = 0.05
"""Of the comparison, in tau_m."""
EVENT_NEURONS: Mapping[str, Neuron] = {"qif": qif(V_peak=10.0), "lif": lif()}
IDEAL: Mapping[str, tuple[str, ...]] = {"qif": ("f_minus",)}
"""Currents that stay ideal: real pairs cannot make the parabola, and without it nothing would be reset."""
EVENT_STOP = 8.0
EVENT_RELATIVE = 1e-6
"""Tolerance where a switch resets: ngspice finds no step that is short enough for a smaller one."""
EVENT_STEPS = {False: 0.01, True: 0.002}
"""Largest step in tau_m, at the default and tighter."""
BESIDE, NEAR = 0.1, 0.02
"""In tau_m: a reset is a jump, so that membranes are compared where neither simulator has one so near; with `NEAR` an
error of the spike's time shows, 100 V0/tau_m at a peak of 10."""
PERIODS = 50
"""Of a map's clock."""
MAP_RELATIVE = {False: 1e-5, True: 1e-6}
MAPS: Mapping[str, Neuron] = {"dqif": dqif(), "dlif": dlif(), "accumulator": accumulator(keep=0.9)}
WINDOW = 2.0
"""Largest difference of two spikes that count as the same, in tau_m."""


@dataclass(frozen=True, kw_only=True)
class Trace:
    """A membrane in V0 on a grid of time in tau_m, and its spike times."""

    time: np.ndarray
    membrane: np.ndarray
    spikes: np.ndarray

    def rms(self, other: "Trace", *, beside: float = 0.0) -> float:
        """Of the difference of two membranes in V0, away from the spikes of both by more than `beside` tau_m."""
        kept = np.ones(self.time.size, bool)
        if beside:
            for spike in (*self.spikes, *other.spikes):
                kept &= np.abs(self.time - spike) > beside
        return float(np.sqrt(np.mean((self.membrane - other.membrane)[kept] ** 2)))


@dataclass(frozen=True, kw_only=True)
class Row:
    """How far two simulators differ in one circuit; `refusal` says why there is no such circuit.

    Attributes:
        neuron, level: what is simulated.
        spikes: in each of the two, at the default.
        rms, tight_rms: of the difference of the membranes in V0, at the default and one step tighter.
        spike, tight_spike: worst difference of two spikes in tau_m; likewise.
        own: by how much each changes in V0 rms from the default to one step tighter.
        near: where the membrane jumps, `rms` and `tight_rms` up to `NEAR` from the jumps.
    """

    neuron: str
    level: str
    spikes: tuple[int, int] = (0, 0)
    rms: float = 0.0
    tight_rms: float = 0.0
    spike: float = 0.0
    tight_spike: float = 0.0
    own: tuple[float, float] = (0.0, 0.0)
    near: tuple[float, float] | None = None
    refusal: str = ""


def rows() -> Iterator[tuple[str, str]]:
    """Every neuron and level; sampled maps have one circuit, of switches and capacitors on a clock."""
    yield from ((name, level) for name in (*PRESETS, *EVENT_NEURONS) for level in LEVELS)
    yield from ((name, "clocked") for name in MAPS)


def compared(name: str, level: str) -> Row:
    """Simulate one neuron at one level in both simulators, twice each."""
    beside = BESIDE if name in EVENT_NEURONS else 0.0
    try:
        (a, b), (tight_a, tight_b) = (
            [trace(name, level, simulator, tight=tight) for simulator in SIMULATORS]
            for tight in (False, True)
        )
    except CircuitError as error:
        return Row(neuron=name, level=level, refusal=str(error))
    return Row(
        neuron=name, level=level, spikes=(a.spikes.size, b.spikes.size),
        rms=a.rms(b, beside=beside), tight_rms=tight_a.rms(tight_b, beside=beside),
        spike=_apart(a, b), tight_spike=_apart(tight_a, tight_b),
        own=(a.rms(tight_a, beside=beside), b.rms(tight_b, beside=beside)),
        near=(a.rms(b, beside=NEAR), tight_a.rms(tight_b, beside=NEAR)) if beside else None,
    )  # fmt: skip


def _apart(one: Trace, other: Trace) -> float:
    """The worst difference of two matched spikes; infinite where one has no partner."""
    match = match_spikes(one.spikes, other.spikes, window=WINDOW)
    if len(match.missing) or len(match.extra):
        return float("inf")
    return float(np.abs(match.time_errors).max()) if len(match.pairs) else 0.0


def window(name: str) -> float:
    """How long a preset is simulated, in tau_m."""
    preset = PRESETS[name]
    slowest = max(value for key, value in preset.neuron.defaults.items() if key.startswith("tau"))
    after = SHORTEST if slowest <= SHORTEST else SLOWEST * slowest
    return min(preset.stop, preset.stimulus.times[-1] + after)


def trace(name: str, level: str, simulator: str, *, tight: bool, longest: float = np.inf) -> Trace:
    """One neuron in one simulator, for `longest` tau_m at most.

    Raises:
        CircuitError: the neuron has no circuit at this level.
    """
    if name in MAPS:
        return _sampled(MAPS[name], simulator, tight=tight)
    process = technology(LEVELS[level])
    scaling = process.scaling(current_unit=1e-9, capacitance=1e-12)
    unit = scaling.time_unit
    event = name in EVENT_NEURONS
    neuron = EVENT_NEURONS[name] if event else PRESETS[name].neuron
    ideal = IDEAL.get(name, ()) if level == "macromodel" else ()
    built = realise(neuron, level, technology=process, scaling=scaling, ideal=ideal)
    exact = accuracy(simulator, level, tight=tight)
    if event:
        arrivals = Arrivals((1.0, 3.0, 5.0, 5.2), (4.0, 4.0, 6.0, -1.0)) if neuron.arrivals else None
        stimulus = Stimulus.constant(0.0 if neuron.arrivals else 1.5)
        circuit = neuron_circuit(neuron, stimulus, scaling=scaling, arrivals=arrivals, realisation=built)
        stop, step, relative, charge = EVENT_STOP, EVENT_STEPS[tight], EVENT_RELATIVE, 1e-2
    else:
        preset = PRESETS[name]
        circuit = neuron_circuit(
            neuron, preset.stimulus, scaling=scaling, start=preset.start, realisation=built
        )
        stop, step = min(window(name), longest), exact.max_step
        relative, charge = exact.relative, 1e-9
    tolerances = Tolerances.scaled(
        voltage_unit=scaling.voltage_unit, current_unit=scaling.current_unit, capacitance=scaling.capacitance,
        relative=relative, charge=charge,
    )  # fmt: skip
    analysis = Transient(stop=stop * unit, max_step=step * unit)
    found = solve(circuit, analysis, tolerances, simulator=simulator).require()
    time = found["time"].to_numpy() / unit
    membrane, output = (
        found["voltage"].sel(node=node).to_numpy() / scaling.voltage_unit
        for node in (circuit.probes[0], OUTPUT)
    )
    seen, level_of = (output, output.max() / 2) if event else (membrane, 0.0)
    grid = np.linspace(0.0, stop, round(stop / (GRID / 50 if event else GRID)) + 1)
    return Trace(
        time=grid, membrane=np.interp(grid, time, membrane),
        spikes=upward_crossings(time, seen, threshold=level_of, hysteresis=0.0)[0],
    )  # fmt: skip


def _sampled(neuron: Neuron, simulator: str, *, tight: bool) -> Trace:
    """What three neurons of a map hold after each clock period, and in which of them they spike."""
    chain = Network({"input": Projection(3, 3), "layer": NeuronLayer(neuron, 3, dt=1.0)})
    with torch.no_grad():
        chain.chain["input"].weight.copy_(torch.eye(3))
        chain.chain["input"].bias.zero_()
    inputs = np.random.default_rng(1).normal(0.1, 0.5, (PERIODS, 1, 3))
    options = SampledOptions(simulator=simulator, relative=MAP_RELATIVE[tight])
    run = simulate_sampled(chain, inputs, options)
    states, fired = run.states["layer"].ravel(), run.outputs["layer"].ravel() > 0.5
    spikes = np.flatnonzero(fired if neuron.event is not None else np.zeros_like(fired))
    return Trace(time=np.arange(states.size, dtype=float), membrane=states, spikes=spikes.astype(float))


def measure(file: Path) -> dict:
    """All rows, each kept in the file as soon as it is done."""
    kept = json.loads(file.read_text("utf-8")) if file.exists() else {"rows": {}}
    for name, level in rows():
        if f"{name}, {level}" not in kept["rows"]:
            row = compared(name, level)
            kept["rows"][f"{name}, {level}"] = asdict(row)
            file.write_text(json.dumps(kept, indent=1) + "\n", "utf-8")
            print(row, flush=True)
    kept["simulators"] = {name: find_simulator(name).version for name in SIMULATORS}
    file.write_text(json.dumps(kept, indent=1) + "\n", "utf-8")
    return kept


def page(result: dict) -> str:
    """The table as Markdown, and what it says."""
    found = [Row(**values) for values in result["rows"].values()]
    versions = " and ".join(f"{name} {version}" for name, version in result["simulators"].items())
    head = (
        "| neuron | level | spikes | rms, V0 | tighter | own, ngspice | own, vacask | spike, tau_m | tighter |\n"
        "|---|---|---|---:|---:|---:|---:|---:|---:|"
    )
    lines = [
        f"| {r.neuron} | {r.level} | {r.spikes[0]} and {r.spikes[1]} | {r.rms:.2g} | {r.tight_rms:.2g} "
        f"| {r.own[0]:.2g} | {r.own[1]:.2g} | {r.spike:.2g} | {r.tight_spike:.2g} |"
        for r in found
        if not r.refusal
    ]
    words = [
        "# Two witnesses: every neuron at every level",
        f"The same circuits in {versions}; written by `python -m benchmarks.witnesses`. Presets run for {SHORTEST:g} "
        f"tau_m after their input's last step, or {SLOWEST:g} of their longest time constants where these are longer, "
        f"neurons whose spike is an event for {EVENT_STOP:g} tau, maps for {PERIODS} clock periods of three neurons "
        "(`spike` is in periods there). `rms` is of the difference of the two membranes, `spike` the worst difference "
        "of two spike times, each at the level's own settings and one step tighter; `own` is by how much one simulator "
        f"alone changes between those two settings. Membranes that jump are compared {BESIDE:g} tau and more away from "
        "the jumps; the QIF neuron's parabola stays ideal among its amplifiers, since real pairs cannot make it.",
        "\n".join([head, *lines]),
        *_worst(found),
        *_near(found),
        "There is no such circuit, and both say so:",
        "\n".join(f"- {r.neuron}, {r.level}: {r.refusal}" for r in found if r.refusal),
    ]
    return "\n\n".join(words) + "\n"


def _worst(found: list[Row]) -> Iterator[str]:
    """The largest differences of each level, and for amplifiers whether they are the simulators' own."""
    for level in dict.fromkeys(r.level for r in found):
        some = [r for r in found if r.level == level and not r.refusal]
        within = sum(r.rms <= sum(r.own) for r in some)
        yield (
            f"Of {len(some)} circuits, {level}, the two differ by at most {max(r.rms for r in some):.2g} V0 rms, one "
            f"step tighter by {max(r.tight_rms for r in some):.2g}; in {within} by no more than both change "
            "themselves at the tighter step."
        )


def _near(found: list[Row]) -> Iterator[str]:
    """What an error of a spike's time is worth beside the jump."""
    for row in found:
        if row.near is not None and not row.refusal:
            yield (
                f"{row.neuron}, {row.level}: up to {NEAR:g} tau from its jumps {row.near[0]:.2g} V0 rms, one step "
                f"tighter {row.near[1]:.2g}."
            )


def main() -> None:
    """Measure, and write the numbers and the page."""
    parser = arguments(__doc__)
    options = parser.parse_args()
    options.json.parent.mkdir(parents=True, exist_ok=True)
    result = measure(options.json)
    text = page(result)
    options.json.with_suffix(".md").write_text(text, "utf-8")
    print(text)


if __name__ == "__main__":
    main()
