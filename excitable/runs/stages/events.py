"""Export, simulation and comparison of an event-based classifier, trial by trial of its test split."""

import json
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from itertools import pairwise
from pathlib import Path
from typing import Any

import torch

from conductance.events import Spikes
from conductance.tasks import EventSplit
from excitable.ladder.decisions import DecidingRung, DecidingStep, DecisionLadder
from excitable.ladder.events import (
    EventCircuitOptions,
    compare_events,
    declared_events,
    exact_events,
    export_events,
    first_to_spike,
    simulate_events,
)
from excitable.runs.events import EventRun
from excitable.runs.folder import COMPARISON, NETLISTS, RunError
from excitable.runs.stages.base import (
    BEHAVIOURAL,
    NGSPICE,
    PARTS,
    Progress,
    Simulated,
    basis_of,
    behavioural_only,
    ngspice_only,
    not_simulated,
)
from excitable.runs.stages.belonging import note_weights
from netlists.simulation import available_cores

SPIKES = "spikes.json"
MEANINGS: Mapping[str, str] = {
    "model": "the trained model: exact spike times, peak and reset at infinity",
    "equation": "the declared equation with its finite threshold and reset, solved at tight tolerance (scipy)",
    BEHAVIOURAL: "the netlist in ngspice: capacitors, and sources that state the equation",
}
Record = dict[str, Spikes]


def circuit_options(run: EventRun) -> EventCircuitOptions:
    """How the run's circuit is built and simulated."""
    simulation = run.configuration.simulation
    return EventCircuitOptions(
        scaling=run.configuration.circuit.units(), relative=simulation.relative, max_step=simulation.max_step,
        time_limit=simulation.time_limit,
    )  # fmt: skip


def export_run(run: EventRun, levels: Sequence[str] = (), dialect: str = NGSPICE) -> list[Path]:
    """Write a netlist and its test bench for each trial into the run's `netlists/`; the benches are returned.

    Raises:
        RunError: the run is not trained, or has no circuit at a level. CircuitError: a network that has no circuit.
    """
    ngspice_only(run, "--dialect", dialect)
    behavioural_only(run, levels)
    split, configuration = shown_trials(run), run.configuration
    provenance = {
        "run": configuration.name, "seed": str(configuration.seed),
        "input": f"{split.trials} trials of the test split of {configuration.task.name}", "level": BEHAVIOURAL,
    }  # fmt: skip
    netlists = export_events(run.network(), split.spikes, circuit_options(run), provenance=provenance)
    folder = run.file(f"{NETLISTS}/trial").parent
    benches = [netlist.write(folder) for netlist in netlists]
    note_weights(run, "export", *benches)
    return benches


def simulate_run(run: EventRun, levels: Sequence[str] = (), progress: Progress | None = None) -> Simulated:
    """Run the model, its declared equation and its circuit on trials of the test split, and keep all their spikes.

    Raises:
        SimulatorMissing, SimulationFailed: there is no ngspice, or it failed.
        CircuitError: a network that has no circuit.
    """
    behavioural_only(run, levels)
    network, options, spikes = run.network(), circuit_options(run), shown_trials(run).spikes
    tell = progress or (lambda *_: None)
    there = _read(run)
    parts = run.path / NETLISTS / PARTS / BEHAVIOURAL
    if there is None:
        with ThreadPoolExecutor(run.configuration.simulation.workers or available_cores()) as executor:
            circuit = simulate_events(
                network, spikes, options, executor=executor, keep=parts, resume=True,
                progress=partial(tell, "trials in ngspice"),
            )  # fmt: skip
        equation = declared_events(network, spikes, progress=partial(tell, "trials of the declared equation"))
        there = {"model": exact_events(network, spikes), "equation": equation, BEHAVIOURAL: circuit}
        document = {
            name: {label: _trains(layer) for label, layer in record.items()} for name, record in there.items()
        }
        run.write_json(SPIKES, {"basis": _basis(run), "end": spikes.end, "rungs": document})
    for raw in parts.glob("*/*.raw"):
        raw.unlink(missing_ok=True)
    return Simulated(path=run.path / SPIKES, what=f"spikes of {spikes.batch} trials", rungs=tuple(there))


def compare_run(
    run: EventRun, levels: Sequence[str] = (), witness: str | None = None, progress: Progress | None = None
) -> DecisionLadder:
    """Match the spikes of the rungs, and write `comparison.json`.

    Raises:
        RunError: nothing has been simulated, or not with this network and these options.
    """
    ngspice_only(run, "--witness", NGSPICE if witness is None else witness)
    behavioural_only(run, levels)
    run.network()  # an untrained run is told first
    split, found = shown_trials(run), _read(run)
    if found is None:
        raise not_simulated(run, SPIKES)
    names = list(found)
    pairs = [*pairwise(names), (names[0], names[-1])]
    climbed = DecisionLadder(
        kind="events",
        samples=split.trials,
        rungs=tuple(_rung(name, record, split) for name, record in found.items()),
        steps=tuple(_step(found, *pair) for pair in pairs),
    )
    note_weights(run, "compare", run.write(COMPARISON, climbed.to_json()))
    return climbed


def shown_trials(run: EventRun) -> EventSplit:
    """The first trials of the test split, as many as the configuration says.

    Raises:
        RunError: the split has fewer.
    """
    wanted, there = run.configuration.simulation.samples, run.data.test.trials
    if wanted > there:
        raise RunError(
            f"{run.path}: simulation.samples = {wanted} is more than the {there} trials of the test split; lower it"
        )
    return run.data.test.select(range(wanted))


def _rung(name: str, record: Record, split: EventSplit) -> DecidingRung:
    last = list(record.values())[-1]
    return DecidingRung(
        name=name,
        meaning=MEANINGS[name],
        accuracy=float((first_to_spike(last) == split.labels).double().mean()),
        numbers={
            "spikes": sum(int(layer.mask.sum()) for layer in record.values()),
            "decided": float((last.counts().sum(1) > 0).double().mean()),
        },
    )


def _step(found: Mapping[str, Record], reference: str, candidate: str) -> DecidingStep:
    match = compare_events(found[reference], found[candidate], name=reference)
    median = match.median_error if len(match.errors) else None
    return DecidingStep(
        reference=reference,
        candidate=candidate,
        same_class=match.same_class,
        numbers={
            "matched": len(match.errors), "missing": match.missing, "extra": match.extra,
            "time error / tau": median,
        },
    )  # fmt: skip


def _trains(spikes: Spikes) -> list[list[tuple[float, int]]]:
    """Per trial, time in tau and neuron of every spike."""
    return [
        list(zip(spikes.times[there, k].tolist(), spikes.neurons[there, k].tolist(), strict=True))
        for k, there in enumerate(spikes.mask.unbind(1))
    ]


def _basis(run: EventRun) -> str:
    """A digest of all that decides the spikes."""
    configuration, options = run.configuration, circuit_options(run)
    decisive = (
        configuration.seed,
        configuration.task,
        configuration.network.neuron,
        configuration.simulation.samples,
    )
    return basis_of(run, *decisive, options.scaling, options.relative, options.max_step)


def _read(run: EventRun) -> dict[str, Record] | None:
    """What was simulated; None where there is nothing, or what a new simulation would change."""
    try:
        data: dict[str, Any] = json.loads((run.path / SPIKES).read_bytes())
        if data["basis"] != _basis(run):
            return None
        return {name: dict(_layers(run, data["end"], layers)) for name, layers in data["rungs"].items()}
    except FileNotFoundError:
        return None
    except (OSError, KeyError, TypeError, ValueError, AttributeError) as error:
        raise RunError(
            f"{run.path / SPIKES}: the file is damaged ({error}); delete it, and `excitable simulate {run.path}` makes "
            f"it anew"
        ) from None


def _layers(run: EventRun, end: float, layers: Mapping[str, Any]) -> Iterator[tuple[str, Spikes]]:
    sizes = [*run.configuration.network.hidden, len(run.data.classes)]
    for (label, trains), size in zip(layers.items(), sizes, strict=True):
        pairs = [[(float(time), int(neuron)) for time, neuron in train] for train in trains]
        yield label, Spikes.of_trains(pairs, size=size, end=end, dtype=torch.float64)
