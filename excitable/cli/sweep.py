"""`excitable sweep`: many virtual chips of a trained network."""

from typing import TYPE_CHECKING, Annotated

import typer

from excitable.cli.export import RUN, TRUST

if TYPE_CHECKING:
    from excitable.chips.yields import Sweep

WORST = 5


def sweep(
    run: RUN,
    chips: Annotated[
        int, typer.Option(min=1, help="How many chips are drawn; their seeds are 1, 2, ...")
    ] = 100,
    mismatch: Annotated[
        str,
        typer.Option(
            help="Sigma of currents / of offsets, as '2 % / 1 mV'; pelgrom: from the technology; devices: each "
            "transistor by its own draw."
        ),
    ] = "2 % / 1 mV",
    level: Annotated[
        str, typer.Option(help="What chips are made of: behavioural, mixed, macromodel or transistor.")
    ] = "macromodel",
    noise: Annotated[
        bool,
        typer.Option("--noise", help="Every chip has the white noise of its transistors, from its seed."),
    ] = False,
    corner: Annotated[
        str | None, typer.Option(help="Corners, as tt,ss, or all. The design's where not given.")
    ] = None,
    temperature: Annotated[str | None, typer.Option(help="Degrees Celsius, as -20,27,85.")] = None,
    supply: Annotated[str | None, typer.Option(help="Supply voltages in V, as 1.6,1.8.")] = None,
    samples: Annotated[
        int | None,
        typer.Option(min=2, help="Samples of the held-out series; the configuration's where not given."),
    ] = None,
    time_limit: Annotated[float | None, typer.Option(help="Of one simulation, in s.")] = None,
    workers: Annotated[int | None, typer.Option(min=1, help="Chips at a time on this machine.")] = None,
    scheduler: Annotated[
        str | None,
        typer.Option(help="Address of a dask scheduler, as tcp://host:8786, whose workers do the work."),
    ] = None,
    trust: TRUST = False,
) -> None:
    """Judge many virtual chips by their netlists; an interrupted sweep goes on with the samples that are missing."""
    from excitable.chips.sweep import SweepOptions, corner_names, executor_of, listed, sweep_run
    from excitable.cli.console import messages
    from excitable.cli.progress import WorkProgress
    from excitable.runs.kinds import on_series

    options = SweepOptions(
        chips=chips,
        mismatch=mismatch,
        level=level,
        corners=corner_names(corner),
        temperatures=listed(temperature, "--temperature"),
        supplies=listed(supply, "--supply"),
        samples=samples,
        time_limit=time_limit,
        noise=noise,
    )
    folder = on_series("sweep", run, trust=trust)
    with folder.locked(), WorkProgress(messages()) as progress, executor_of(scheduler, workers) as executor:
        found = sweep_run(
            folder,
            options,
            executor=executor,
            progress=lambda done, total, _: progress.report("chips in ngspice", done, total),
        )
    show(found)


def show(found: "Sweep") -> None:
    """Print the yields and the worst chips."""
    from rich.table import Column, Table

    from excitable.chips.yields import RATIO
    from excitable.cli.console import results

    nominal = found.nominal
    results().print(
        f"{found.level}, mismatch {found.mismatch}, {found.samples} samples: {found.error_name} of the design "
        f"{nominal.model_error:.4f} (model), {nominal.circuit_error:.4f} (circuit)"
    )
    results().print(
        f"yield: share of chips whose circuit's {found.error_name} stays within {RATIO:g} times that of the "
        f"design's circuit; a chip that fails in ngspice is not good; over all conditions, a good chip is good in each"
    )
    table = Table(
        Column("conditions", no_wrap=True),
        "chips",
        "good",
        "failed",
        "yield",
        "95 % bounds",
        "median error / nominal",
        box=None,
    )
    for row in found.yields:
        place = f"{row.corner}, {row.temperature:g} C, {row.supply:g} V" if row.corner else "all conditions"
        ratio = "-" if row.median_ratio is None else f"{row.median_ratio:.3f}"
        bounds = f"{row.lower:.1%} to {row.upper:.1%}"
        table.add_row(
            place, str(row.chips), str(row.good), str(row.failed), f"{row.share:.1%}", bounds, ratio
        )
    results().print(table)
    if found.correlation is not None:
        results().print(f"model and circuit of the same chip: errors correlate with {found.correlation:.3f}")
    for chip in found.worst[:WORST]:
        error = f"{chip.circuit_error:.4f}" if chip.circuit_error is not None else chip.reason
        place = f"{chip.corner}, {chip.temperature:g} C, {chip.supply:g} V"
        results().print(f"worst: chip {chip.chip} ({place}): {error}", soft_wrap=True)
