"""`excitable energy`: what the circuit costs."""

from typing import TYPE_CHECKING, Annotated

import typer

from excitable.cli.export import RUN

if TYPE_CHECKING:
    from excitable.runs.energy import EnergyReport


def energy(
    run: RUN,
    level: Annotated[
        str, typer.Option(help="transistor, or macromodel for a first estimate.")
    ] = "transistor",
    samples: Annotated[
        int | None,
        typer.Option(min=2, help="Samples of the held-out series; the configuration's where not given."),
    ] = None,
    workers: Annotated[int | None, typer.Option(min=1, help="Simulations at a time.")] = None,
) -> None:
    """Integrate the supply current over a simulation: energy per spike and per inference, static power, area."""
    from excitable.chips.sweep import executor_of
    from excitable.cli.console import messages
    from excitable.cli.progress import WorkProgress
    from excitable.runs.energy import energy_run
    from excitable.runs.kinds import on_series

    folder = on_series("energy", run)
    with folder.locked(), WorkProgress(messages()) as progress, executor_of(None, workers) as executor:
        found = energy_run(
            folder,
            level=level,
            samples=samples,
            executor=executor,
            progress=lambda done, total: progress.report(f"{level} netlists in ngspice", done, total),
        )
    show(found)


def show(found: "EnergyReport") -> None:
    """Print the numbers, and the published ones beside them."""
    from rich.table import Table

    from excitable.cli.console import results
    from excitable.report.costs import cost_rows, silicon_rows

    own = Table("circuit", "", "", box=None)
    for row in cost_rows(found):
        own.add_row(row.name, row.value, row.meaning)
    results().print(own)
    published = Table("published silicon", "process", "energy per spike", "source", box=None)
    for entry in silicon_rows():
        published.add_row(*entry)
    results().print(published)
