"""One virtual chip, judged: the task error of its model, and that of its netlist in ngspice."""

import math
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from functools import lru_cache

import numpy as np

from circuits.measures.chips import Chip, Conditions, draw_chip
from circuits.mismatch.chips import DeviceMismatch
from circuits.noise import noisy_network
from circuits.technologies import default_technology
from conductance.networks import Network
from conductance.storage import load_network, save_network
from conductance.storage.networks import STRUCTURE, WEIGHTS
from conductance.system.scratch import scratch_folder
from conductance.tasks import Split, Task
from conductance.variation import Mismatch
from excitable.ladder.options import CircuitOptions
from excitable.ladder.rungs import discrete_rung
from excitable.ladder.series import prediction_of, simulate
from excitable.trials import Result
from netlists.errors import SimulationFailed


@dataclass(frozen=True, kw_only=True)
class PackedNetwork:
    """A network as the bytes of its two files: what can go to another process or machine."""

    structure: bytes
    weights: bytes

    @classmethod
    def of(cls, network: Network) -> "PackedNetwork":
        """Pack a network; `StorageError` for numbers that are not finite."""
        with scratch_folder() as folder:
            save_network(network, folder)
            return cls(
                structure=(folder / STRUCTURE).read_bytes(),
                weights=(folder / WEIGHTS).read_bytes(),
            )

    def unpacked(self) -> Network:
        """The network, which callers must not change: a process unpacks it once."""
        return _unpacked(self)


@lru_cache(maxsize=8)
def _unpacked(packed: PackedNetwork) -> Network:
    with scratch_folder() as folder:
        (folder / STRUCTURE).write_bytes(packed.structure)
        (folder / WEIGHTS).write_bytes(packed.weights)
        return load_network(folder)


@dataclass(frozen=True, kw_only=True)
class Bench:
    """What all chips of a sweep share.

    Attributes:
        network: the design.
        task: gives the error.
        split: the held-out stretch on which chips are judged, one series.
        dt: the model's step in tau_m.
        options: how the design is built and simulated, calibrated at its own conditions.
        mismatch: how much chips differ: parts by standard deviations, or every device by its own draw.
        noise: whether every chip has the white noise of its transistors, a realisation of its own; the design has none.
    """

    network: PackedNetwork
    task: Task
    split: Split
    dt: float
    options: CircuitOptions
    mismatch: Mismatch | DeviceMismatch
    noise: bool = False


@dataclass(frozen=True, kw_only=True)
class Sample:
    """One chip under one set of conditions; without a seed, the design itself."""

    bench: Bench
    seed: int | None = None
    conditions: Conditions = field(default_factory=Conditions)

    @property
    def name(self) -> str:
        """A file name that tells the samples of a bench apart."""
        parts = ["nominal" if self.seed is None else f"chip{self.seed:05d}"]
        conditions = self.conditions
        parts += [] if conditions.corner is None else [conditions.corner]
        parts += [] if conditions.temperature is None else [f"{conditions.temperature:g}C"]
        parts += [] if conditions.supply is None else [f"{conditions.supply:g}V"]
        return "-".join(parts)


def judge_chip(sample: Sample) -> Result:
    """Draw the chip, run its model, simulate its netlist.

    A simulation that fails, by an abort, for want of convergence or by its time limit, is a result: without an error of
    the circuit, with ngspice's reason.

    Returns:
        `chip`, `corner`, `temperature`, `supply`, `level`, `model_error`, `circuit_error` (None where it failed),
        `reason` (why it failed), `seconds` (of the simulation).

    Raises:
        SimulatorMissing: there is no ngspice where this runs.
    """
    bench = sample.bench
    network, split = bench.network.unpacked(), bench.split
    chip = _drawn(sample, network)
    inputs = split.inputs[:, 0].numpy()
    model, built = chip.model(network), chip.circuit(network)
    devices = None
    if isinstance(bench.mismatch, DeviceMismatch) and bench.options.levels == "transistor":
        built, devices = network, sample.seed
    noise_seed = sample.seed if bench.noise else None
    if noise_seed is not None:
        model, built = (_noisy(one, bench.options) for one in (model, built))
    found = discrete_rung(model, inputs, dt=bench.dt, noise_seed=noise_seed)
    error = bench.task.error(prediction_of(found, split, bench.dt), split)
    built = model if bench.options.levels == "behavioural" else built
    options = replace(bench.options, technology=chip.technology, noise_seed=noise_seed, chip=devices)
    began = time.monotonic()
    measured, reason = _circuit_error(bench, built, options, inputs)
    return {
        "chip": sample.seed,
        "corner": chip.technology.corner,
        "temperature": chip.technology.temperature,
        "supply": chip.technology.supply,
        "level": options.level,
        "model_error": error if math.isfinite(error) else None,
        "circuit_error": measured,
        "reason": reason,
        "seconds": round(time.monotonic() - began, 3),
    }


def _drawn(sample: Sample, network: Network) -> Chip:
    """The chip of a sample, the design under its conditions where it has no seed."""
    bench = sample.bench
    if isinstance(bench.mismatch, DeviceMismatch) and sample.seed is not None:
        return bench.mismatch.chip(network, seed=sample.seed, conditions=sample.conditions)
    mismatch = (
        bench.mismatch if isinstance(bench.mismatch, Mismatch) and sample.seed is not None else Mismatch()
    )
    return draw_chip(
        network,
        mismatch,
        seed=sample.seed or 0,
        technology=bench.options.made_of,
        conditions=sample.conditions,
    )


def _noisy(network: Network, options: CircuitOptions) -> Network:
    """The network under the noise of transistors: those of its technology, or the default's where it has none."""
    made_of = options.made_of if options.made_of.nmos is not None else default_technology("transistor")
    return noisy_network(
        options.placed(network), made_of, scaling=options.scaling, biases=options.ideal == "none"
    )


def _circuit_error(
    bench: Bench, network: Network, options: CircuitOptions, inputs: np.ndarray
) -> tuple[float | None, str]:
    """The task error of a chip's netlist, or why there is none."""
    with ThreadPoolExecutor(
        1
    ) as executor:  # chips are simulated side by side, their parts one after the other
        try:
            found = simulate(network, inputs, dt=bench.dt, options=options, executor=executor)
        except SimulationFailed as failure:
            return None, str(failure)
    error = bench.task.error(prediction_of(found, bench.split, bench.dt), bench.split)
    return (error, "") if math.isfinite(error) else (None, "the task error is not finite")
