"""`excitable compare`: how far the circuit is from the model, and which step causes it."""

from typing import TYPE_CHECKING, Annotated

import typer

from excitable.cli.export import LEVEL, RUN

if TYPE_CHECKING:
    from netlists.comparison import Ladder


def compare(
    run: RUN,
    level: LEVEL = None,
    max_nrmse: Annotated[
        float | None,
        typer.Option(
            "--max-nrmse",
            min=0.0,
            help="End with status 1 if the netlist's normalised rms error against the continuous equation is larger "
            "in any neuron.",
        ),
    ] = None,
) -> None:
    """Climb the error ladder and write comparison.json."""
    from excitable.cli.console import messages, warn
    from excitable.rungs import CIRCUIT_RUNGS
    from excitable.runs import RunFolder
    from excitable.stages import compare_run, membrane_warning

    folder = RunFolder.find(run)
    with folder.locked():
        ladder = compare_run(folder, level or ())
        compared = [rung.name for rung in ladder.rungs if rung.name in CIRCUIT_RUNGS]
        warning = membrane_warning(folder, compared)
    show(ladder)
    warn(warning)
    if max_nrmse is not None:
        last = ladder.adjacent[-1]
        worst = max(last.neurons, key=lambda neuron: neuron.nrmse or 0.0)
        if (worst.nrmse or 0.0) > max_nrmse:
            messages().print(f"{worst.neuron}: nrmse {worst.nrmse:.4g} is above --max-nrmse {max_nrmse:g}")
            raise typer.Exit(1)


def show(ladder: "Ladder") -> None:
    """Print the ladder as two tables: the rungs, and what each step between them costs."""
    from rich.table import Table

    from excitable.cli.console import results

    rungs = Table(
        "rung", ladder.task_error_name, "spikes", "spikes per neuron and step", "time active", box=None
    )
    for rung in ladder.rungs:
        error = "-" if rung.task_error is None else f"{rung.task_error:.4f}"
        rungs.add_row(
            rung.name, error, str(rung.spikes), f"{rung.communication:.5f}", f"{rung.computation:.1%}"
        )
    steps = Table(
        "step", "worst rms / V0", "matched", "missing", "extra", "worst median time error / tau_m", box=None
    )
    for step in ladder.adjacent:
        late = step.worst_median_time_error_tau_m
        steps.add_row(
            f"{step.reference} -> {step.candidate}",
            f"{step.worst_rms_v0:.4f}",
            str(step.matched),
            str(step.missing),
            str(step.extra),
            "-" if late is None else f"{late:.4f}",
        )
    results().print(rungs)
    results().print(steps)
