"""`excitable train`: train a network and keep it in a run folder."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from collections.abc import Sequence

    from conductance.tasks.metrics import ClassificationScore
    from excitable.config import Configuration

CONFIGURATION = Annotated[
    str,
    typer.Argument(help="A configuration file, or the name of one that comes with excitable, e.g. demo."),
]
INTO = Annotated[
    Path | None,
    typer.Option("--run", help="The run folder; runs/NAME of the configuration where not given."),
]
DATA = Annotated[
    Path | None,
    typer.Option("--data", help="Folder of a data set's published files, for networks on images."),
]

SET = Annotated[
    list[str] | None,
    typer.Option(
        "--set", help="KEY=VALUE: replaces a key of the file, as in training.steps=500; any number of times."
    ),
]


FROM = Annotated[
    Path | None,
    typer.Option("--from", help="A trained run of the same network, whose weights this one begins with."),
]


def train(
    configuration: CONFIGURATION, run: INTO = None, data: DATA = None, set_: SET = None, begin: FROM = None
) -> None:
    """Train a network; a run that was broken off goes on from its last checkpoint, a finished one with more steps."""
    from excitable.config import parse_configuration, read_configuration_text
    from excitable.config.overrides import checked_values

    text, source = read_configuration_text(configuration)
    text = checked_values(text, set_, source=source) if set_ else text
    wanted = parse_configuration(text, source=source)
    # after the check, because these take seconds to import
    from conductance.errors import ExcitableError
    from excitable.runs.folder import located

    path = run or located(wanted.name)
    if data is not None and wanted.kind != "images":
        raise ExcitableError(
            f"--data {data}: a run on {wanted.kind} has its data from its task; a task that reads files names them in "
            f"[task]"
        )
    if begin is not None and wanted.kind != "series":
        raise ExcitableError(f"--from {begin}: only networks for series begin with another run's weights")
    if wanted.kind == "images":
        _train_on_images(path, text, source, wanted, data)
    elif wanted.kind == "events":
        _train_on_events(path, text, source)
    else:
        _train_on_series(path, text, source, begin)


def train_images(configuration: CONFIGURATION, data: DATA = None, run: INTO = None) -> None:
    """The same as `train`, under its old name."""
    train(configuration, run, data)


def _train_on_series(path: Path, text: str, source: str, begin: Path | None) -> None:
    from conductance.loading.collection import uncollected

    with uncollected():
        from excitable.cli.console import messages, results
        from excitable.cli.progress import TrainingProgress
        from excitable.runs.series import SeriesRun, train_run

    with SeriesRun.begun(path, text, source=source) as run:
        wanted = run.configuration
        layers, options = wanted.network, wanted.training.build()
        steps = options.steps if options.stepwise else 0
        done = f"{steps} steps" if options.trained != "none" else "as drawn, nothing is trained"
        messages().print(f"{path}: {layers.words()} neurons on {wanted.task.name}, {done}")
        with TrainingProgress(messages(), steps=steps, neurons=layers.neurons) as progress:
            trained = train_run(run, report=progress.report, begin=begin)
        others = ", ".join(f"{label} {error:.3f}" for label, error in trained.baselines.items())
        result, name = trained.result, run.task.error_name
        if options.stepwise and result.resumed_at == steps:
            messages().print("the run was trained to its end before")
        elif result.resumed_at is not None:
            messages().print(f"the run went on from step {result.resumed_at}")
        for remark in trained.remarks:
            messages().print(remark)
    beside = f" ({others})" if others else ""
    results().print(f"test {name} {result.test.error:.3f}{beside}, weights of step {result.step}")
    if trained.score is not None:
        _show_score(run.data.classes, trained.score)
    results().print(f"network: {path / 'model.safetensors'}")


def _show_score(classes: "Sequence[str]", score: "ClassificationScore") -> None:
    """Accuracy, F1 by class and calibration, and which classes are taken for which."""
    from excitable.cli.console import results

    f1 = ", ".join(f"{name} {value:.2f}" for name, value in zip(classes, score.f1, strict=True))
    results().print(f"test accuracy {score.accuracy:.4f}; F1 {f1}; calibration error {score.calibration:.3f}")
    wrong = [
        f"{classes[row]} for {classes[column]} {count}"
        for row, counts in enumerate(score.confusion)
        for column, count in enumerate(counts)
        if row != column and count
    ]
    if wrong:
        results().print(f"taken wrongly: {', '.join(wrong)}")


def _train_on_events(path: Path, text: str, source: str) -> None:
    from conductance.loading.collection import uncollected

    with uncollected():
        from excitable.cli.console import messages
        from excitable.cli.progress import WorkProgress
        from excitable.runs.events import EventRun, train_events

    with EventRun.begun(path, text, source=source) as run:
        wanted, epochs = run.configuration, run.configuration.training.epochs
        messages().print(f"{path}: {wanted.network.neuron} neurons on {wanted.task.name}, {epochs} epochs")
        with WorkProgress(messages()) as progress:
            train_events(run, report=lambda record: progress.report("training", record.epoch + 1, epochs))
    _show_accuracy(path, run.test.accuracy, len(run.records))


def _train_on_images(path: Path, text: str, source: str, wanted: "Configuration", data: Path | None) -> None:
    from conductance.loading.collection import uncollected

    with uncollected():
        from excitable.cli.console import messages
        from excitable.config.images import ImageConfiguration
        from excitable.runs.images import DATA, ImageRun, data_folder, image_data, train_on_images

    folder = data or data_folder(path)
    images = image_data(ImageConfiguration.model_validate(dict(wanted)), folder)
    with ImageRun.begun(path, text, source=source) as run:
        if folder is not None:
            run.write_json(DATA, {"folder": str(folder.resolve())})
        layers, epochs = run.configuration.network, run.configuration.training.build().epochs
        messages().print(
            f"{path}: {layers.name} of {layers.neuron} neurons on {images.name}, {epochs} epochs"
        )
        result = train_on_images(run, images, progress=messages().is_terminal)
    _show_accuracy(path, result.test, len(result.history))


def _show_accuracy(path: Path, accuracy: float, epochs: int) -> None:
    from excitable.cli.console import results

    results().print(f"test accuracy {accuracy:.4f} after {epochs} epochs")
    results().print(f"network: {path / 'model.safetensors'}")
