"""Many virtual chips of one trained network: resumable by sample, over any executor, with the yield."""

import hashlib
import json
from collections.abc import Iterator
from concurrent.futures import Executor, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from typing import Any

from pydantic import TypeAdapter

from circuits.measures.chips import ChipError, Conditions, mismatch_of
from circuits.mismatch.chips import DEVICES, DeviceMismatch
from conductance.errors import ExcitableError, extra
from conductance.networks import Network
from conductance.networks.coding import coded_layers
from conductance.variation import Mismatch
from excitable.chips.judge import Bench, PackedNetwork, Sample, judge_chip
from excitable.chips.yields import Judged, Sweep
from excitable.documents import read_document
from excitable.ladder.options import CircuitOptions
from excitable.ladder.series import held_out
from excitable.mismatch.network import device_mismatch
from excitable.runs.series import SeriesRun
from excitable.runs.stages.belonging import note_weights
from excitable.runs.stages.series import circuit_options
from excitable.trials import Progress, run_trials
from netlists.simulation import available_cores

SWEEP = "sweep.json"
SAMPLES = "sweep"
"""Below the run: a folder for each sweep, with a file for each sample."""
ALL = "all"


class SweepError(ExcitableError):
    """A sweep that cannot be."""


@dataclass(frozen=True, kw_only=True)
class SweepOptions:
    """Which chips are made, and where they are put.

    Args:
        chips: how many; their seeds are 1, 2, ...
        mismatch: sigma of currents / sigma of offsets, as `2 % / 1 mV`; `pelgrom`: from the technology's coefficients
            and the sizes of its transistors; `devices`: each transistor by its own draw, in netlist and model.
        level: behavioural, mixed, macromodel or transistor.
        corners, temperatures (degrees Celsius), supplies (V): each chip is put into every combination; none is the
            design's own.
        samples: of the held-out series, from its start; those of the configuration where not given.
        time_limit: of one simulation, in s of wall-clock time; that of the configuration where not given.
        noise: every chip has the white noise of its transistors, too, drawn from its seed; with `0 % / 0 mV` they
            differ by noise alone.
    """

    chips: int = 100
    mismatch: str = "2 % / 1 mV"
    level: str = "macromodel"
    corners: tuple[str, ...] = ()
    temperatures: tuple[float, ...] = ()
    supplies: tuple[float, ...] = ()
    samples: int | None = None
    time_limit: float | None = None
    noise: bool = False

    def __post_init__(self) -> None:
        if self.chips < 1:
            raise SweepError(f"chips = {self.chips}: make at least one")
        if self.samples is not None and self.samples < 2:
            raise SweepError(f"samples = {self.samples}: give at least 2")


def sweep_run(
    run: SeriesRun,
    options: SweepOptions,
    *,
    executor: Executor | None = None,
    progress: Progress | None = None,
) -> Sweep:
    """Judge every chip of a sweep, and write `sweep.json`.

    Samples whose results lie in the run folder already are not made again, failed ones included; what makes a result
    another one (network, input, options) makes another folder.

    Args:
        run: a trained run.
        options: which chips.
        executor: threads that wait for ngspice, one per core, where none is given.
        progress: called with (done, all, name).

    Raises:
        SimulatorMissing, SimulationFailed: ngspice is missing, or the design itself cannot be simulated.
        CircuitError, TechnologyError: the network has no circuit, or the technology no such corner.
        TrialError: some samples were not made: a worker has no ngspice, or was lost for good.
    """
    bench = bench_of(run, options)
    samples = {sample.name: sample for sample in chosen_samples(bench, options)}
    folder = run.path / SAMPLES / digest_of(bench)
    with ThreadPoolExecutor(available_cores()) as threads:
        found = run_trials(
            samples,
            judge_chip,
            folder=folder,
            executor=threads if executor is None else executor,
            progress=progress,
        )
    judged = {name: Judged(**result) for name, result in found.items()}
    nominal = judged.pop(Sample(bench=bench).name)
    if nominal.circuit_error is None:
        raise SweepError(
            f"the design itself cannot be simulated, so there is nothing to compare chips with: {nominal.reason}; "
            f"delete {folder} to try again"
        )
    sweep = Sweep(
        level=options.level,
        mismatch=options.mismatch + (" and noise" if options.noise else ""),
        samples=bench.split.samples,
        error_name=bench.task.error_name,
        nominal=nominal,
        chips=tuple(judged.values()),
    )
    note_weights(run, f"sweep --level {options.level}", run.write(SWEEP, sweep_json(sweep)))
    return sweep


def bench_of(run: SeriesRun, options: SweepOptions) -> Bench:
    """What all chips of a sweep share; amplifiers are calibrated."""
    configuration, network = run.configuration, run.network()
    by_device = options.mismatch.strip().lower() == DEVICES
    if by_device and options.level == "behavioural":
        raise SweepError(
            f"mismatch {DEVICES}: level behavioural has no devices; take level macromodel or "
            "transistor, or other sigmas"
        )
    if options.level == "transistor" and coded_layers(network) and not by_device:
        raise SweepError(
            f"network.bits: with mismatch {options.mismatch} a chip's weights are no codes any more, so its netlist of "
            f"transistors would have other synapses than the design's; take --mismatch {DEVICES}, or level macromodel"
        )
    built = circuit_options(run, options.level)
    if built.biases != "constant" and options.temperatures:
        raise SweepError(
            f"temperatures of a sweep are of constant biases, and the circuit's are {built.biases}; `excitable "
            "conditions` moves them, or take circuit.biases = 'constant'"
        )
    if options.time_limit is not None:
        built = replace(built, time_limit=options.time_limit)
    return Bench(
        network=PackedNetwork.of(network),
        task=run.task,
        split=held_out(run.data.held_out, options.samples or configuration.simulation.samples),
        dt=configuration.network.dt,
        options=built,
        mismatch=_mismatch(options.mismatch, network, built),
        noise=options.noise,
    )


def _mismatch(text: str, network: Network, built: CircuitOptions) -> Mismatch | DeviceMismatch:
    """What a text names, of this network in this technology."""
    if text.strip().lower() == DEVICES:
        return device_mismatch(network, built)
    try:
        return mismatch_of(text, built.made_of, built.scaling)
    except ChipError as error:
        raise SweepError(f"{error}; {DEVICES} draws each transistor by itself") from None


def chosen_samples(bench: Bench, options: SweepOptions) -> Iterator[Sample]:
    """The design itself, then every chip under every set of conditions.

    Raises:
        TechnologyError: a corner that the technology does not have.
    """
    nominal = bench.options.made_of
    corners = nominal.corners if options.corners == (ALL,) else options.corners
    conditions = [
        Conditions(corner=corner, temperature=temperature, supply=supply)
        for corner in corners or (None,)
        for temperature in options.temperatures or (None,)
        for supply in options.supplies or (None,)
    ]
    for place in conditions:
        place.technology(nominal)
    yield Sample(bench=bench)
    for seed in range(1, options.chips + 1):
        for place in conditions:
            yield Sample(bench=bench, seed=seed, conditions=place)


def digest_of(bench: Bench) -> str:
    """A name for all that decides a sample's result, but for the chip and its conditions."""
    digest = hashlib.sha256(bench.network.structure + bench.network.weights)
    digest.update(bench.split.inputs.numpy().tobytes() + bench.split.targets.numpy().tobytes())
    digest.update(bench.split.mask.numpy().tobytes())
    digest.update(
        repr(
            (bench.task, bench.dt, bench.options, bench.mismatch, *(("noise",) if bench.noise else ()))
        ).encode()
    )
    return digest.hexdigest()[:16]


_SWEEP: TypeAdapter[Sweep] = TypeAdapter(Sweep)


def sweep_json(sweep: Sweep) -> str:
    """The text of `sweep.json`."""
    data: dict[str, Any] = {**asdict(sweep), "yields": [asdict(row) for row in sweep.yields]}
    return json.dumps(data, indent=1, allow_nan=False) + "\n"


def read_sweep(text: bytes | str, *, source: str = SWEEP) -> Sweep:
    """The inverse of `sweep_json`; `StorageError` for a damaged file."""
    return read_document(_SWEEP, text, source=source, command="sweep")


@contextmanager
def executor_of(scheduler: str | None, workers: int | None) -> Iterator[Executor]:
    """Threads of this machine, or the workers of a dask scheduler; what has not begun is dropped at an interrupt.

    Raises:
        MissingExtra: dask is not installed.
        SweepError: nobody answers at the address.
    """
    if scheduler is None:
        pool = ThreadPoolExecutor(workers or available_cores())
        try:
            yield pool
        finally:
            pool.shutdown(cancel_futures=True)
        return
    with extra("distributed"):
        from distributed import Client
    try:
        client = Client(scheduler, timeout="10s")
    except (OSError, ValueError) as error:
        raise SweepError(
            f"no dask scheduler answers at {scheduler} ({error}); start one with `dask scheduler`, and workers with "
            f"`dask worker {scheduler}`"
        ) from None
    with client, client.get_executor(retries=3) as pool:
        yield pool


def listed(text: str | None, what: str) -> tuple[float, ...]:
    """The numbers of a list such as `-20,27,85`.

    Raises:
        SweepError: something in it is no number.
    """
    try:
        return tuple(float(part) for part in (text or "").split(",") if part.strip())
    except ValueError:
        raise SweepError(f"{what} {text!r}: give numbers with commas between them, as -20,27,85") from None


def corner_names(text: str | None) -> tuple[str, ...]:
    """The corners of a list such as `tt,ss`, or all of the technology."""
    return tuple(part.strip() for part in (text or "").split(",") if part.strip())
