"""Retraining: what the circuit really does goes back into the model, which is trained on, in a run folder of its own.

First the model gets the circuit's laws, and is trained like any other. Then, if wanted, the circuit itself is in the
loop: see `excitable.runs.in_the_loop`.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from circuits.calibration.amplifiers import CalibrationError
from circuits.calibration.laws import with_circuit_laws
from conductance.networks import Network
from conductance.storage import load_network, save_network
from conductance.storage.checkpoints import CHECKPOINT
from conductance.training import Record, TrainingResult, train
from excitable.config import configuration_text
from excitable.config.own import CODE, Code
from excitable.config.series import SeriesConfiguration
from excitable.ladder.calibration import calibrated, fits_json, read_fits
from excitable.ladder.measured.training import MARGIN, on_measured_law
from excitable.ladder.options import CircuitOptions
from excitable.ladder.rungs import MEASURED
from excitable.runs.folder import CALIBRATION, COMPARISON, CONFIGURATION, MODEL, START, SWEEPS, RunError
from excitable.runs.origin import BEFORE, ORIGIN, Origin, read_origin, read_updates
from excitable.runs.series import SeriesRun, share_values
from excitable.runs.stages.belonging import stale_results

MODEL_LAWS = "model"


@dataclass(frozen=True, kw_only=True)
class RetrainOptions:
    """How a run is retrained.

    Args:
        level: of the circuit whose laws are learnt: macromodel or transistor.
        steps: updates of the model on these laws; None is twice as many as in training, since a filter that slews is
            another law (the demo's error rose from 0.17 to 0.97 by it, and fell to 0.15 in 400 steps).
        learning_rate: at the start of the cosine annealing; None is that of training.
        on: `model`, the neuron's equation with the circuit's fitted laws, or `measured`, the law that its cells were
            swept for; the numbers that are trained are the same.
    """

    level: str
    steps: int | None = None
    learning_rate: float | None = None
    on: str = MODEL_LAWS

    def __post_init__(self) -> None:
        if self.on not in (MODEL_LAWS, MEASURED):
            raise RunError(f"on = {self.on!r}: a run is retrained on {MODEL_LAWS} or {MEASURED}")


@contextmanager
def begun_retraining(parent: SeriesRun, path: Path, options: RetrainOptions) -> Iterator[SeriesRun]:
    """The folder of a retrained run, made or opened again, locked until the end of the block.

    Raises:
        RunError: the folder holds another run, or is that of the parent.
        CircuitError: a network that has no circuit. SimulationFailed: ngspice, in calibration.
    """
    if path.resolve() == parent.path.resolve():
        raise RunError(f"{path}: a run is retrained into a folder of its own; give another --run")
    found = read_origin(path)
    asked = (parent.path.name, options.level, options.on)
    if found is not None and (found.parent, found.level, found.on) != asked:
        raise RunError(
            f"{path}: this run was retrained from {found.parent} at level {found.level} on {found.on}; give another "
            f"--run"
        )
    if found is None and ((path / MODEL).is_file() or (path / CHECKPOINT).exists()):
        raise RunError(f"{path}: this run was trained, not retrained; give another --run")
    text = configuration_text(_configuration(parent.configuration, path.name, options, parent.code))
    with SeriesRun.begun(path, text, source=str(path / CONFIGURATION), code=parent.code) as run:
        if found is None:
            _start(parent, run, options)
        yield run


def _configuration(
    parent: SeriesConfiguration, name: str, options: RetrainOptions, code: Code
) -> SeriesConfiguration:
    """The parent's, with another name, other steps, and the circuit's level among those that are compared."""
    known: list[str] = list(parent.circuit.level)
    circuit: dict[str, Any] = {"level": known if options.level in known else [*known, options.level]}
    given = {"steps": options.steps, "learning_rate": options.learning_rate}
    training = {"steps": 2 * parent.training.build().steps, "on": options.on} | {
        k: v for k, v in given.items() if v is not None
    }
    changed = {
        "name": name,
        "training": parent.training.model_copy(update=training).model_dump(),
        "circuit": parent.circuit.model_copy(update=circuit).model_dump(exclude_unset=True),
    }
    return type(parent).model_validate({**dict(parent), **changed}, context={CODE: code})


def _start(parent: SeriesRun, run: SeriesRun, options: RetrainOptions) -> None:
    """Write the network that retraining begins with, the calibration it rests on, and where it comes from."""
    network = parent.network()
    built, fits = calibrated(
        network,
        CircuitOptions.configured(parent.built, options.level),
        read_fits(parent.path / CALIBRATION),
    )
    if not fits:
        raise CalibrationError(
            f"level {options.level} has no amplifiers, so it has the model's own laws; "
            f"retrain from macromodel or transistor"
        )
    amplifiers = [amplifier for fit in fits for amplifier in fit.amplifiers]
    started, laws = with_circuit_laws(
        network, amplifiers, built.trims, built.scaling, technology=built.made_of
    )
    folder = run.path / START
    folder.mkdir(exist_ok=True)
    save_network(started, folder)
    run.write(CALIBRATION, fits_json(fits))
    before = parent.path / COMPARISON
    if before.is_file() and COMPARISON not in stale_results(parent.path).names:
        run.write(BEFORE, before.read_bytes())
    origin = Origin(
        parent=parent.path.name,
        level=options.level,
        technology=fits[0].technology,
        voltage_unit=built.scaling.voltage_unit,
        laws=laws,
        on=options.on,
    )
    run.write_json(ORIGIN, asdict(origin))


def start_network(run: SeriesRun) -> Network:
    """The network with which a retrained run began."""
    return load_network(run.path / START)


def retrain_run(run: SeriesRun, *, report: Callable[[Record], None] | None = None) -> TrainingResult:
    """Train the model on the circuit's laws, or go on from its checkpoint, and save it.

    A network that has been trained with its circuit in the loop since then stays as it is.

    Raises:
        TrainingError, StorageError: as in training.
    """
    configuration = run.configuration
    network = start_network(run)
    origin = read_origin(run.path)
    law = None
    if origin is not None and origin.on == MEASURED:
        law = on_measured_law(
            network, run.built, origin.level, calibration=run.path / CALIBRATION, sweeps=run.path / START / SWEEPS,
            margin=MARGIN,
        )  # fmt: skip
    result = train(
        network if law is None else law.network, run.task, run.data, configuration.training.build(),
        seed=configuration.seed, folder=run.path,
        report=report, loss=configuration.training.own_loss(),
    )  # fmt: skip
    if law is not None:
        network = law.declared()
    if configuration.network.bias_values is not None:
        network, _ = share_values(run, network, configuration.network.bias_values)
    if not read_updates(run.path):
        run.save_network(network)
    return result
