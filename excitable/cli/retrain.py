"""`excitable retrain`: what the circuit does goes back into the model."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from excitable.cli.export import RUN, TRUST

if TYPE_CHECKING:
    from excitable.runs.origin import Update


def retrain(
    run: RUN,
    from_circuit: Annotated[
        str, typer.Option("--from-circuit", help="The level whose laws are learnt: macromodel or transistor.")
    ] = "transistor",
    on: Annotated[
        str,
        typer.Option(
            "--on",
            help="What steps the network: model, its equation with fitted laws, or measured, the law of swept cells.",
        ),
    ] = "model",
    into: Annotated[
        Path | None,
        typer.Option(
            "--run",
            help="The new run folder; that of the run with -LEVEL, or -measured, behind where not given.",
        ),
    ] = None,
    steps: Annotated[
        int | None,
        typer.Option(
            min=1,
            help="Updates of the model on the circuit's laws; twice those of training by default.",
        ),
    ] = None,
    learning_rate: Annotated[
        float | None, typer.Option(help="Of these updates; that of its training where not given.")
    ] = None,
    updates: Annotated[
        int,
        typer.Option(
            min=0,
            help="Then, simulations with the circuit in the loop: it forward, the model's gradient backward.",
        ),
    ] = 0,
    series: Annotated[int, typer.Option(min=1, help="Training series in each of these simulations.")] = 1,
    samples: Annotated[int, typer.Option(min=2, help="Samples of each series, from its start.")] = 2000,
    trust: TRUST = False,
) -> None:
    """Train a run's network on the laws of its circuit, in a new run folder that says where it comes from."""
    from conductance.errors import ExcitableError
    from conductance.files import typed
    from excitable.cli.console import messages, results
    from excitable.cli.progress import TrainingProgress, WorkProgress
    from excitable.runs.in_the_loop import LoopOptions, train_in_the_loop
    from excitable.runs.kinds import on_series
    from excitable.runs.retrain import MODEL_LAWS, RetrainOptions, begun_retraining, retrain_run

    if from_circuit not in ("macromodel", "transistor"):
        raise ExcitableError(f"--from-circuit {from_circuit!r}: allowed are macromodel and transistor")
    parent = on_series("retrain", run, trust=trust)
    options = RetrainOptions(level=from_circuit, steps=steps, learning_rate=learning_rate, on=on)
    path = into or parent.path.with_name(f"{parent.path.name}-{from_circuit if on == MODEL_LAWS else on}")
    with begun_retraining(parent, path, options) as folder:
        layers = parent.configuration.network
        wanted = folder.configuration.training.build().steps
        with TrainingProgress(messages(), steps=wanted, neurons=layers.neurons) as progress:
            result = retrain_run(folder, report=progress.report)
        laws = "the circuit's laws" if on == MODEL_LAWS else "the measured law of the circuit"
        results().print(f"test {folder.task.error_name} on {laws} {result.test.error:.3f}")
        if updates:
            loop = LoopOptions(updates=updates, series=series, samples=samples)
            with WorkProgress(messages()) as work:
                train_in_the_loop(folder, from_circuit, loop, progress=work.report, report=_show)
    results().print(f"network: {path / 'model.safetensors'}\nnext: excitable simulate {typed(path)}")


def _show(update: "Update") -> None:
    from excitable.cli.console import results

    results().print(
        f"update {update.update}: error of the circuit {update.circuit_error:.4f}, of the model "
        f"{update.model_error:.4f}; expected after it {update.expected_error:.4f}"
    )
