"""`excitable compare`: how far the circuit is from the model, and which step causes it."""

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

import typer

from excitable.cli.export import LEVEL, RUN, TRUST

if TYPE_CHECKING:
    from excitable.ladder.decisions import DecisionLadder
    from netlists.comparison import Ladder, RungComparison


def compare(
    run: RUN,
    level: LEVEL = None,
    witness: Annotated[
        str | None,
        typer.Option(help="A second simulator, as vacask: the same circuits in it, as rungs of their own."),
    ] = None,
    max_nrmse: Annotated[
        float | None,
        typer.Option(
            "--max-nrmse",
            min=0.0,
            help="Hold every netlist to the continuous equation: end with status 1 if the normalised rms error of any "
            "neuron is larger, or if a neuron has none because it rests in the equation.",
        ),
    ] = None,
    trust: TRUST = False,
) -> None:
    """Climb the error ladder and write comparison.json."""
    from excitable.cli.console import messages, warn
    from excitable.cli.progress import WorkProgress
    from excitable.ladder.rungs import CIRCUIT_RUNGS, MEASURED
    from excitable.runs.kinds import compare_run, opened
    from excitable.runs.series import SeriesRun
    from excitable.runs.stages.series import membrane_warning
    from netlists.comparison import Ladder

    if max_nrmse is not None and math.isnan(max_nrmse):
        raise typer.BadParameter("nan is no limit; give a number, as 0.02", param_hint="--max-nrmse")
    found = opened(run, trust=trust)
    if max_nrmse is not None and not isinstance(found, SeriesRun):
        raise typer.BadParameter(
            f"{found.path} is a run on {found.configuration.kind}, whose rungs are compared by spikes and classes, not "
            f"by waveforms; leave it out",
            param_hint="--max-nrmse",
        )
    with found.locked():
        with WorkProgress(messages()) as progress:
            ladder = compare_run(found, level or (), witness, progress.report)
        circuits = [rung.name for rung in ladder.rungs if rung.name in CIRCUIT_RUNGS]
        compared = [rung.name for rung in ladder.rungs if rung.name in (*CIRCUIT_RUNGS, MEASURED)]
        warning = membrane_warning(found, circuits) if circuits and isinstance(found, SeriesRun) else ""
    show(ladder)
    warn(warning)
    if max_nrmse is not None and isinstance(ladder, Ladder):
        if not compared:
            raise typer.BadParameter(
                "no rung of a circuit is compared, so there is nothing to hold it to",
                param_hint="--max-nrmse",
            )
        gates = [gate(ladder.between("continuous", rung), max_nrmse) for rung in compared]
        for gated in gates:
            messages().print(gated.words)
        if not all(gated.holds for gated in gates):
            raise typer.Exit(1)


@dataclass(frozen=True, kw_only=True)
class Gate:
    """Whether one netlist keeps the limit, and the number that decides it in words."""

    holds: bool
    words: str


def gate(step: "RungComparison", limit: float) -> Gate:
    """Hold the worst neuron of a step to a limit of its normalised rms error; a neuron without one does not pass."""
    name = f"{step.reference} -> {step.candidate}"
    resting = [neuron.neuron for neuron in step.neurons if neuron.nrmse is None]
    if resting:
        return Gate(
            holds=False,
            words=f"{name}: no nrmse of {', '.join(resting[:3])}{' and others' if len(resting) > 3 else ''} can keep "
            f"--max-nrmse {limit:g}: at rest in the {step.reference} rung",
        )
    worst, neuron = max((neuron.nrmse or 0.0, neuron.neuron) for neuron in step.neurons)
    holds = worst <= limit
    return Gate(
        holds=holds,
        words=f"{name}: largest nrmse {worst:.4g}, of {neuron}, is {'within' if holds else 'above'} "
        f"--max-nrmse {limit:g}",
    )


def show(ladder: "Ladder | DecisionLadder") -> None:
    """Print the ladder as two tables: the rungs, and what each step between them costs.

    A time step that dominates is said before them, and what model and circuit decide behind them.
    """
    from rich.table import Column, Table

    from excitable.cli.console import results
    from excitable.ladder.decisions import DecisionLadder
    from excitable.ladder.lines.grouping import grouping_text
    from excitable.ladder.steps import dominance, task_line, whole_way

    if isinstance(ladder, DecisionLadder):
        for header, *rows in ladder.tables:
            table = Table(*(Column(name, no_wrap=True) for name in header), box=None)
            for row in rows:
                table.add_row(*row)
            results().print(table)
        results().print(ladder.decision)
        return
    if first := dominance(ladder):
        results().print(first)
    rungs = Table(
        "rung",
        f"task error ({ladder.task_error_name})",
        "spikes",
        "spikes per neuron and step",
        "time active",
        box=None,
    )
    for rung in ladder.rungs:
        error = "-" if rung.task_error is None else f"{rung.task_error:.4f}"
        rungs.add_row(
            rung.name, error, str(rung.spikes), f"{rung.communication:.5f}", f"{rung.computation:.1%}"
        )
    steps = Table(
        "step", "worst rms / V0", "matched", "missing", "extra", "worst median time error / tau_m", box=None
    )
    for step in (*ladder.adjacent, *([whole_way(ladder)] if len(ladder.rungs) > 2 else [])):
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
    if ladder.noise is not None:
        noise = ladder.noise
        results().print(
            f"noise of the circuit, {noise.realisations} realisations in the model: {ladder.task_error_name} "
            f"{noise.mean:.4f} ({noise.lower:.4f} to {noise.upper:.4f}), without it {noise.silent:.4f}"
        )
    if ladder.grouping is not None:
        results().print(grouping_text(ladder.grouping, ladder.task_error_name))
    if last := task_line(ladder):
        results().print(last)
