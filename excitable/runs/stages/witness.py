"""The same circuits in a second simulator: what differs between the two is their own error, and a rung of its own."""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import partial

from conductance.files import whole_file
from conductance.storage import StorageError
from excitable.ladder.options import CircuitOptions
from excitable.ladder.rungs import CIRCUIT_RUNGS, Waveforms, load_waveforms, save_waveforms, witness_rung
from excitable.ladder.series import simulate
from excitable.runs.folder import RunError
from excitable.runs.series import SeriesRun
from excitable.runs.stages.basis import basis_of, compared_split
from netlists.simulation import SIMULATORS, available_cores

WITNESS = "witness.nc"
"""Waveforms of the second simulator in a run folder."""


def with_witness(
    run: SeriesRun, found: Sequence[Waveforms], witness: str,
    options_of: Callable[[SeriesRun, str], CircuitOptions],
    progress: Callable[[str, int, int], None] | None = None,
) -> list[Waveforms]:  # fmt: skip
    """The rungs, each circuit followed by the same in another simulator.

    Waveforms of the witness that the run has already are taken where network, input and options are the same.

    Args:
        run: a simulated run.
        found: its rungs.
        witness: name of the second simulator.
        options_of: how a rung of the run is built and simulated.
        progress: called with the name of a rung, how much of it is done, and all of it.

    Raises:
        RunError: there is no such simulator, or the run itself was simulated in it.
        SimulatorMissing, SimulationFailed: the second simulator.
    """
    if witness not in SIMULATORS:
        raise RunError(f"witness {witness!r} is unknown; allowed are {', '.join(SIMULATORS)}")
    inputs = compared_split(run).inputs[:, 0].numpy()
    kept = {rung.rung: rung for rung in _kept(run, witness)}
    joined: list[Waveforms] = []
    for rung in found:
        joined.append(rung)
        if rung.rung not in CIRCUIT_RUNGS:
            continue
        options = options_of(run, rung.rung)
        if options.simulator == witness:
            raise RunError(
                f"{run.path}: level {rung.rung} was itself simulated in {witness}; a witness is another simulator: "
                f"{', '.join(name for name in SIMULATORS if name != witness)}"
            )
        options, name = replace(options, simulator=witness), witness_rung(rung.rung, witness)
        basis = basis_of(run, inputs, options)
        if name not in kept or kept[name].basis != basis:
            with ThreadPoolExecutor(run.configuration.simulation.workers or available_cores()) as executor:
                fresh = simulate(
                    run.network(), inputs, dt=run.configuration.network.dt, options=options, executor=executor,
                    progress=None if progress is None else partial(progress, f"{rung.rung} netlists in {witness}"),
                )  # fmt: skip
            kept[name] = replace(fresh, rung=name, basis=basis)
            with whole_file(run.file(WITNESS)) as part:
                save_waveforms(list(kept.values()), part)
        joined.append(kept[name])
    return joined


def _kept(run: SeriesRun, witness: str) -> list[Waveforms]:
    path = run.path / WITNESS
    if not path.is_file():
        return []
    try:
        return load_waveforms(path, tuple(witness_rung(rung, witness) for rung in CIRCUIT_RUNGS))
    except StorageError:
        return []  # of no use: they are made anew
