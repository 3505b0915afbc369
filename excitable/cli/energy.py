"""`excitable energy`: what the circuit costs."""

from typing import TYPE_CHECKING, Annotated

import typer

from excitable.cli.export import RUN, TRUST

if TYPE_CHECKING:
    from excitable.ladder.maps import SampledEnergy
    from excitable.runs.energy import EnergyReport


def energy(
    run: RUN,
    level: Annotated[
        str | None, typer.Option(help="transistor (the default), or macromodel for a first estimate.")
    ] = None,
    samples: Annotated[
        int | None,
        typer.Option(min=2, help="Samples of the held-out series; the configuration's where not given."),
    ] = None,
    workers: Annotated[int | None, typer.Option(min=1, help="Simulations at a time.")] = None,
    trust: TRUST = False,
) -> None:
    """Integrate the supply current over a simulation: energy per spike and per inference, static power, area."""
    from excitable.chips.sweep import executor_of
    from excitable.cli.console import messages
    from excitable.cli.progress import WorkProgress
    from excitable.runs.energy import energy_run, estimate_run
    from excitable.runs.folder import RunError
    from excitable.runs.images import ImageRun
    from excitable.runs.kinds import on_series, opened

    found = opened(run, trust=trust)
    if isinstance(found, ImageRun):
        given = {"--level": level, "--samples": samples, "--workers": workers}
        unused = [name for name, value in given.items() if value is not None]
        if unused:
            raise RunError(
                f"{found.path}: {unused[0]}: the energy of a run on images is estimated from what `excitable simulate` "
                f"found; leave it out"
            )
        with found.locked():
            show_estimate(estimate_run(found))
        return
    series, chosen = on_series("energy", run, trust=trust), level or "transistor"
    with series.locked(), WorkProgress(messages()) as progress, executor_of(None, workers) as executor:
        spent = energy_run(
            series,
            level=chosen,
            samples=samples,
            executor=executor,
            progress=lambda done, total: progress.report(f"{chosen} netlists in ngspice", done, total),
        )
    show(spent)


def show_estimate(found: "SampledEnergy") -> None:
    """Print what an image costs a clocked circuit, by what takes it."""
    from rich.table import Table

    from excitable.cli.console import results
    from excitable.report.costs import engineering

    own = Table("energy per image, estimated", "", box=None)
    for name in ("charging", "synapses", "amplifiers", "total"):
        own.add_row(name, engineering(getattr(found, name), "J"))
    results().print(own)


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
