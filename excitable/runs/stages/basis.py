"""What decides the waveforms of a run: the held-out samples, and a digest of network, input and options."""

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np

from conductance.files import typed
from conductance.tasks import Split
from excitable.ladder.options import CircuitOptions
from excitable.ladder.rungs import CIRCUIT_RUNGS, MEASURED, Waveforms
from excitable.ladder.series import held_out
from excitable.runs.environment import VERSION
from excitable.runs.folder import CONFIGURATION, MODEL, WAVEFORMS, WEIGHTS, RunError
from excitable.runs.series import SeriesRun


def compared_split(run: SeriesRun) -> Split:
    """The samples of the held-out series on which a run is compared."""
    return held_out(run.data.held_out, run.configuration.simulation.samples)


def basis_of(run: SeriesRun, inputs: np.ndarray, options: CircuitOptions | None = None) -> str:
    """A digest of all that decides a rung's waveforms: the network, its input, and how its circuit is built."""
    digest = hashlib.sha256(VERSION.encode())
    for name in (MODEL, WEIGHTS):
        digest.update((run.path / name).read_bytes())
    digest.update(inputs.tobytes())
    if options is not None:
        digest.update(repr(replace(options, time_limit=1.0)).encode())
    return digest.hexdigest()


def check_belonging(
    run: SeriesRun,
    rungs: Sequence[Waveforms],
    split: Split,
    options_of: Callable[[SeriesRun, str], CircuitOptions],
) -> None:
    """Refuse waveforms of another network, input or circuit than the run has now.

    Raises:
        RunError: naming the rung.
    """
    for rung in rungs:
        is_circuit = rung.rung in (*CIRCUIT_RUNGS, MEASURED)
        options = options_of(run, rung.rung) if is_circuit and rung.basis else None
        if rung.basis and rung.basis != basis_of(run, split.inputs[:, 0].numpy(), options):
            what = "network, input or circuit" if is_circuit else "network or input"
            level = f" --level {rung.rung}" if is_circuit else ""
            raise RunError(
                f"{run.path / WAVEFORMS}: the waveforms of rung {rung.rung} are of another {what} than {CONFIGURATION} "
                f"and {MODEL} say; `excitable simulate {typed(run.path)}{level}` makes them anew, or undo what was "
                f"changed"
            )
