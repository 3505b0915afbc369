"""What decides the waveforms of a run: the held-out samples, and a digest of network, input and options."""

import hashlib
from dataclasses import replace

import numpy as np

from conductance.tasks import Split
from excitable.ladder.options import CircuitOptions
from excitable.ladder.series import held_out
from excitable.runs.environment import VERSION
from excitable.runs.folder import MODEL, WEIGHTS
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
