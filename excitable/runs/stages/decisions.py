"""What the circuit of a classifier decides: the test split, sequence by sequence, against the model's decisions."""

import json
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import torch

from conductance.files import StorageError, write_whole
from conductance.networks import Network
from conductance.tasks import Split
from conductance.tasks.decisions import evidence, labels
from excitable.ladder.options import CircuitOptions
from excitable.ladder.series import prediction_of, simulate
from excitable.runs.folder import RunError
from excitable.runs.series import SeriesRun
from excitable.runs.stages.basis import basis_of
from excitable.runs.stages.series import circuit_options
from netlists.simulation import available_cores

DECISIONS = "decisions"
"""In the run folder: one file of decisions for each level."""


@dataclass(frozen=True, kw_only=True)
class Decision:
    """One sequence of the test split.

    Attributes:
        sequence: its place in the split.
        label: the class that it has.
        model: the class that the trained model decides for.
        circuit: the class that the circuit decides for.
        distance: largest difference of the evidence between model and circuit, over the model's spread of evidence.
    """

    sequence: int
    label: int
    model: int
    circuit: int
    distance: float


def decide_run(
    run: SeriesRun,
    level: str = "behavioural",
    *,
    sequences: int | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> list[Decision]:
    """Simulate the circuit on sequences of the test split, and compare its decisions with the model's.

    What was decided before by the same network and circuit is kept, so a call that was broken off goes on.

    Args:
        run: a trained classifier.
        level: behavioural, mixed, macromodel or transistor.
        sequences: how many of the test split, from its start; None is all.
        progress: called with (sequences done, all).

    Raises:
        RunError: the task has no classes. SimulationFailed: ngspice.
    """
    if not run.data.classes:
        raise RunError(
            f"{run.path}: task {run.configuration.task.name} has no classes, so its circuit decides nothing; "
            f"`excitable simulate` and `excitable compare` follow its output"
        )
    network, test = run.network(), run.data.test
    wanted = range(test.series if sequences is None else min(sequences, test.series))
    options = circuit_options(run, level)
    basis = basis_of(run, test.inputs.numpy(), options)
    path = run.file(f"{DECISIONS}/{level}.jsonl")
    known = {one.sequence: one for one in _read(path, basis)}
    missing = [place for place in wanted if place not in known]
    workers = run.configuration.simulation.workers or available_cores()
    with ThreadPoolExecutor(workers) as executor:
        futures = [
            executor.submit(decided, network, test, place, dt=run.configuration.network.dt, options=options,
                            decision=run.data.decision)
            for place in missing
        ]  # fmt: skip
        for done, future in enumerate(futures, len(wanted) - len(missing) + 1):
            one = future.result()
            known[one.sequence] = one
            _write(path, basis, known)
            if progress is not None:
                progress(done, len(wanted))
    return [known[place] for place in wanted]


def decided(
    network: Network, test: Split, place: int, *, dt: float, options: CircuitOptions, decision: str
) -> Decision:  # fmt: skip
    """One sequence, through the model and through the circuit."""
    length = int(test.mask[:, place].nonzero().max()) + 1
    one = Split(
        inputs=test.inputs[:length, [place]], targets=test.targets[:length, [place]], mask=test.mask[:length, [place]]
    )  # fmt: skip
    with torch.no_grad():
        model = evidence(network(one.inputs)[0], one.mask, decision)[0]  # type: ignore[arg-type]
    waveforms = simulate(network, one.inputs[:, 0].numpy(), dt=dt, options=options)
    circuit = evidence(prediction_of(waveforms, one, dt), one.mask, decision)[0]  # type: ignore[arg-type]
    return Decision(
        sequence=place,
        label=int(labels(one.targets, one.mask)[0]),
        model=int(model.argmax()),
        circuit=int(circuit.argmax()),
        distance=float((circuit - model).abs().max() / model.std()),
    )


def decisions_text(found: list[Decision]) -> str:
    """How many decisions of the circuit are right, and how many are other than the model's."""
    model = np.mean([one.model == one.label for one in found])
    circuit = np.mean([one.circuit == one.label for one in found])
    other = sum(one.model != one.circuit for one in found)
    return (
        f"{len(found)} sequences of the test split: the model decides {model:.1%} rightly, the circuit {circuit:.1%}; "
        f"{other} of the circuit's decisions are other than the model's"
    )


def _read(path: Path, basis: str) -> Iterator[Decision]:
    """The decisions of the same network and circuit."""
    if not path.is_file():
        return
    try:
        first, *rows = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
        if first == {"basis": basis}:
            yield from (Decision(**row) for row in rows)
    except (ValueError, TypeError) as error:
        raise StorageError(f"{path}: it cannot be read ({error}); delete it to decide anew") from None


def _write(path: Path, basis: str, known: dict[int, Decision]) -> None:
    rows = [{"basis": basis}, *(asdict(known[place]) for place in sorted(known))]
    write_whole(path, "".join(json.dumps(row) + "\n" for row in rows))
