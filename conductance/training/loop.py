"""Training from beginning to end, or from the last checkpoint to the end: the result is the same, bit by bit."""

import json
import logging
import math
import signal
import threading
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import torch

from conductance.errors import extra, refuse_truth_values
from conductance.kernels import KernelWarning
from conductance.networks.chain import Network
from conductance.storage.checkpoints import CHECKPOINT, CheckpointError, put, threads_of
from conductance.storage.networks import network_document
from conductance.tasks.base import Task, TaskData
from conductance.training.board import TENSORBOARD, EventFile
from conductance.training.checkpoints import Checkpoint, check_step, read_checkpoint, write_checkpoint
from conductance.training.losses import Loss
from conductance.training.metrics import METRICS, MetricsFile, Record, write_table
from conductance.training.module import SeriesModule
from conductance.training.options import TrainingError, TrainingOptions
from conductance.training.readout import check_grid

with extra("training"):
    import lightning.pytorch as pl
    from lightning.pytorch.loggers import Logger


@dataclass(frozen=True, kw_only=True)
class TrainingResult:
    """What training ended with; the network holds the weights of step `step`.

    Attributes:
        step: the update after which the kept weights were measured.
        validation: the kept weights on the validation split.
        test: the kept weights on the test split.
        resumed_at: the step from which this call went on; None if it began anew.
    """

    step: int
    validation: Record
    test: Record
    resumed_at: int | None


def train(
    network: Network,
    task: Task,
    data: TaskData,
    options: TrainingOptions,
    *,
    seed: int = 0,
    folder: Path | None = None,
    report: Callable[[Record], None] | None = None,
    loss: Loss | None = None,
    callbacks: Sequence[pl.Callback] = (),
    loggers: Sequence[Logger] = (),
) -> TrainingResult:
    """Train a network in place by back-propagation through time.

    Args:
        network: from (time, batch, input feature) to (time, batch, target feature).
        task: what `data` was generated from; gives the error.
        data: the series.
        options: how to train.
        seed: decides which series each step sees.
        folder: an existing folder for `metrics.jsonl`, `checkpoints/` and TensorBoard's files; None writes nothing.
            If it holds a checkpoint of the same training, that is where training goes on.
        report: called with every record, for a progress bar.
        loss: of your own, from (prediction, split) to a number, see `conductance.training.losses`; that of the options
            where none is given.
        callbacks: of Lightning, called in its loop, an epoch of which is the steps between two evaluations; they may
            watch `error/validation` and `loss/validation`. What they remember is not in our checkpoints.
        loggers: of Lightning, each told every record's numbers as `name/split`.

    With more `steps` than a finished training in the folder had, training goes on: the learning rate is from there on
    that of the longer annealing.

    Raises:
        TrainingError: options that do not fit the data, a checkpoint of another training, a damaged checkpoint,
            or a loss or gradient that is not finite (the message names step, layer and fix).
        StorageError: a file cannot be written.
    """
    _check_types(network, data, options)
    refuse_truth_values("train", seed=seed)
    _check(network, data, options)
    # what cannot be saved is refused now, not after the last step
    network_document(network)
    with threads_of(None if folder is None else folder / CHECKPOINT):
        return _train(network, task, data, options, seed, folder, report, loss, callbacks, loggers)


def _train(
    network: Network, task: Task, data: TaskData, options: TrainingOptions, seed: int, folder: Path | None,
    report: Callable[[Record], None] | None, loss: Loss | None, callbacks: Sequence[pl.Callback],
    loggers: Sequence[Logger],
) -> TrainingResult:  # fmt: skip
    begin = None if folder is None else _begin(network, options, seed, folder / CHECKPOINT)
    with ExitStack() as stack:
        sinks = [report] if report is not None else []
        sinks += [partial(_log, logger) for logger in loggers]
        metrics = None
        if folder is not None:
            metrics, board = _outputs(folder, begin, stack)
            sinks += [metrics.append, board.append]
        module = SeriesModule(
            network, task, data, options=options, seed=seed, begin=begin,
            report=lambda record: _tell(sinks, record),
            evaluated=lambda now: _keep(now, folder, metrics), loss=loss,
        )  # fmt: skip
        if not options.stepwise:
            module.done = 0
        elif module.done < options.steps and not module.exhausted:
            _fit(module, callbacks, loggers)
        result = _finished(module)
        _tell(sinks, result.test)
        for logger in loggers:
            logger.save()
        if folder is not None:
            write_table(folder)
        return result


def _check_types(network: object, data: object, options: object) -> None:
    for what, given, wanted, fix in (
        (
            "network",
            network,
            Network,
            'Network({"input": Projection(1, 8), "hidden": NeuronLayer(...), ...})',
        ),
        ("data", data, TaskData, "task.generate(seed)"),
        ("options", options, TrainingOptions, "TrainingOptions(steps=300)"),
    ):
        if not isinstance(given, wanted):
            raise TrainingError(
                f"train: the {what} is a {type(given).__name__}; give a {wanted.__name__}, as {fix}. A torch module of "
                f"your own is trained by a loop of your own: layers are ordinary torch modules"
            )


def _check(network: Network, data: TaskData, options: TrainingOptions) -> None:
    check_grid(network)
    if options.stepwise and options.batch > data.train.series:
        raise TrainingError(
            f"batch = {options.batch} series are drawn for a step, but the train split has {data.train.series}; "
            f"lower batch or draw more series"
        )
    if options.device == "cuda" and not torch.cuda.is_available():
        raise TrainingError("device = 'cuda': torch finds no CUDA device here; use device = 'cpu'")


def _begin(network: Network, options: TrainingOptions, seed: int, path: Path) -> Checkpoint | None:
    """The checkpoint of the same training, put into the network; None if there is none."""
    if not path.exists():
        return None
    checkpoint = read_checkpoint(path)
    others = checkpoint.options.differences(options)
    if checkpoint.seed != seed:
        others.append(f"seed: {checkpoint.seed} -> {seed}")
    if checkpoint.structure != json.loads(json.dumps(network_document(network))):
        others.append("the network's layers")
    longer = options.steps > checkpoint.options.steps and len(others) == 1
    if others and not longer:
        raise TrainingError(
            f"{path}: the checkpoint belongs to another training ({'; '.join(others)}); "
            f"train in another folder, or delete the checkpoint to train from the beginning"
        )
    check_step(path, checkpoint)
    try:
        if checkpoint.best is not None:
            put(path, network, checkpoint.best.weights)
        put(path, network, checkpoint.weights)
    except CheckpointError as error:
        raise TrainingError(str(error)) from None
    return checkpoint


def _outputs(folder: Path, begin: Checkpoint | None, stack: ExitStack) -> tuple[MetricsFile, EventFile]:
    """The files that records go to, without what was measured after the checkpoint."""
    metrics = MetricsFile(folder / METRICS, step=None if begin is None else begin.step)
    stack.callback(metrics.close)
    board = EventFile(folder / TENSORBOARD, begin=0 if begin is None else begin.step + 1)
    stack.callback(board.close)
    return metrics, board


def _tell(sinks: list[Callable[[Record], None]], record: Record) -> None:
    for sink in sinks:
        sink(record)


def _keep(module: SeriesModule, folder: Path | None, metrics: MetricsFile | None) -> None:
    """Write the checkpoint of an evaluation."""
    if folder is None or metrics is None:
        return
    metrics.settle()
    checkpoint = Checkpoint(
        step=module.done,
        options=module.options,
        seed=module.seed,
        structure=network_document(module.network),
        weights=module.weights(),
        optimiser=module.adam.state_dict(),
        schedule=module.cosine.state_dict(),
        best=module.best,
    )
    write_checkpoint(folder / CHECKPOINT, checkpoint)


def _log(logger: Logger, record: Record) -> None:
    logger.log_metrics(
        {f"{name}/{record.split}": number for name, number in record.numbers().items()}, step=record.step
    )


def _fit(module: SeriesModule, callbacks: Sequence[pl.Callback], loggers: Sequence[Logger]) -> None:
    """Run the remaining steps in Lightning's loop."""
    options = module.options
    with _quiet(), _interruptible():
        trainer = pl.Trainer(
            accelerator={"cpu": "cpu", "cuda": "gpu"}[options.device],
            devices=1,
            max_epochs=math.ceil((options.steps - module.done) / options.evaluate_every),
            reload_dataloaders_every_n_epochs=1,
            gradient_clip_val=options.gradient_clip,
            num_sanity_val_steps=0,
            # the weights kept by an evaluation are loaded into a network that is trained
            inference_mode=False,
            callbacks=list(callbacks),
            logger=list(loggers) or False,
            enable_checkpointing=any(isinstance(each, pl.callbacks.Checkpoint) for each in callbacks),
            enable_progress_bar=False,
            enable_model_summary=False,
        )
        trainer.fit(module)


def _finished(module: SeriesModule) -> TrainingResult:
    """Put the kept weights into the network and measure them."""
    module.network.cpu()
    step = module.done
    if module.options.keep == "best" and module.best is not None:
        module.network.load_state_dict(module.best.weights)
        step = module.best.step
    if module.options.readout in ("end", "both", "alternating") or module.options.nothing_to_train:
        _solve_last(module)
    return TrainingResult(
        step=step,
        validation=replace(module.measure("validation"), step=step),
        test=replace(module.measure("test"), step=step),
        resumed_at=None if module.begin is None else module.begin.step,
    )


def _solve_last(module: SeriesModule) -> None:
    """Solve the readout of the kept weights, and keep what it was before where the validation split says so."""
    before, error = module.weights(), module.measure("validation").error
    module.solve()
    if module.measure("validation").error > error and not module.options.nothing_to_train:
        module.network.load_state_dict(before)


@contextmanager
def _quiet() -> Iterator[None]:
    """Without Lightning's remarks on hardware, loggers and data loaders, none of which a user can act on.

    That the eager step runs for want of a compiler is said: it is 20 times slower and rounds differently.
    """
    log = logging.getLogger("lightning.pytorch")
    level = log.level
    log.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            warnings.simplefilter("always", KernelWarning)
            yield
    finally:
        log.setLevel(level)


@contextmanager
def _interruptible() -> Iterator[None]:
    """An interrupt stays an interrupt: Lightning would end the program and leave its signals without effect."""
    in_main_thread = threading.current_thread() is threading.main_thread()
    handlers = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    except SystemExit as exit_:
        if isinstance(exit_.__context__, KeyboardInterrupt):
            raise KeyboardInterrupt from None
        raise
    finally:
        if in_main_thread:
            for number, handler in handlers.items():
                signal.signal(number, handler)
