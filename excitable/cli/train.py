"""`excitable train`: train a network and keep it in a run folder."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from excitable.runs.folder import RunFolder
    from excitable.runs.train import TrainedRun


def train(
    configuration: Annotated[
        str,
        typer.Argument(help="A configuration file, or the name of one that comes with excitable, e.g. demo."),
    ],
    run: Annotated[
        Path | None,
        typer.Option("--run", help="The run folder; runs/NAME of the configuration where not given."),
    ] = None,
) -> None:
    """Train a network; a run that was broken off goes on from its last checkpoint."""
    from excitable.cli.console import messages
    from excitable.cli.progress import TrainingProgress
    from excitable.config import parse_configuration, read_configuration_text
    from excitable.runs.events import is_event_configuration

    text, source = read_configuration_text(configuration)
    if is_event_configuration(text):
        _train_events(text, source, run)
        return
    wanted = parse_configuration(text, source=source)
    # after the check, because these take seconds to import
    from excitable.runs.folder import begun, located
    from excitable.runs.train import train_run

    path = run or located(wanted.name)
    try:
        with begun(path, text, source=source) as folder:
            layers, training = wanted.network, wanted.training.build()
            messages().print(
                f"{path}: {layers.hidden} {layers.neuron} neurons on {wanted.task.name}, {training.steps} steps"
            )
            with TrainingProgress(messages(), steps=training.steps, neurons=layers.hidden) as progress:
                trained = train_run(folder, report=progress.report)
            _summarise(folder, trained)
    except KeyboardInterrupt:
        messages().print("stopped; the same command goes on from the last checkpoint")
        raise typer.Exit(130) from None


def _train_events(text: str, source: str, run: Path | None) -> None:
    from excitable.cli.console import messages, results
    from excitable.cli.progress import WorkProgress
    from excitable.runs.events import parse_event_configuration, train_event_run
    from excitable.runs.folder import located

    wanted = parse_event_configuration(text, source=source)
    path, epochs = run or located(wanted.name), wanted.training.epochs
    messages().print(f"{path}: {wanted.network.neuron} neurons on {wanted.task.name}, {epochs} epochs")
    try:
        with WorkProgress(messages()) as progress:
            trained = train_event_run(
                text, path, source=source,
                report=lambda record: progress.report("training", record.epoch + 1, epochs),
            )  # fmt: skip
    except KeyboardInterrupt:
        messages().print("stopped; the same command goes on from the last checkpoint")
        raise typer.Exit(130) from None
    results().print(f"test accuracy {trained.test.accuracy:.4f} after {len(trained.records)} epochs")
    results().print(f"network: {path / 'model.safetensors'}")


def _summarise(folder: "RunFolder", trained: "TrainedRun") -> None:
    from excitable.cli.console import messages, results

    result, name = trained.result, folder.task.error_name
    console = results()
    others = ", ".join(f"{label} {error:.3f}" for label, error in trained.baselines.items())
    if result.resumed_at == folder.configuration.training.build().steps:
        messages().print("the run was trained to its end before")
    console.print(f"test {name} {result.test.error:.3f} ({others}), weights of step {result.step}")
    console.print(f"network: {folder.path / 'model.safetensors'}")
