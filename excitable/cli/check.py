"""`excitable check`: headroom, region and stability of a run's transistors."""

from typing import TYPE_CHECKING, Annotated

import typer

from excitable.cli.export import RUN, TRUST

if TYPE_CHECKING:
    from excitable.headroom.neuron import Headroom


def check(
    run: RUN,
    corner: Annotated[str | None, typer.Option(help="Process corner; the design's where not given.")] = None,
    temperature: Annotated[float | None, typer.Option(help="In degrees Celsius; likewise.")] = None,
    supply: Annotated[float | None, typer.Option(help="Total supply in V; likewise.")] = None,
    top: Annotated[
        int, typer.Option(min=1, help="How many transistors are shown; headroom.csv has all.")
    ] = 20,
    samples: Annotated[
        int | None,
        typer.Option(
            min=2, help="Samples that give each neuron's swing; the configuration's where not given."
        ),
    ] = None,
    trust: TRUST = False,
) -> None:
    """Check saturation, inversion and phase margins of a network's transistors, and write headroom.csv."""
    from circuits.measures.chips import Conditions
    from excitable.cli.console import messages, warn
    from excitable.cli.progress import WorkProgress
    from excitable.headroom.run import check_run
    from excitable.runs.kinds import on_series

    folder = on_series("check", run, trust=trust)
    conditions = Conditions(corner=corner, temperature=temperature, supply=supply)
    with folder.locked(), WorkProgress(messages()) as progress:
        found = check_run(
            folder, conditions, samples=samples,
            progress=lambda done, total: progress.report("neurons in ngspice", done, total),
        )  # fmt: skip
    show(found, top)
    for said in found.warnings():
        warn(said)


def show(found: "Headroom", top: int) -> None:
    """Print the transistors with the least headroom, and the amplifiers' phase margins."""
    from rich.table import Column, Table

    from circuits.headroom.points import on
    from excitable.cli.console import results
    from excitable.report.costs import engineering

    made_of = found.technology
    conducting = [point for point in on(found.points) if point.of.source]
    results().print(
        f"{made_of.name} at {made_of.corner}, {made_of.temperature:g} C, {made_of.supply:g} V: {len(found.points)} "
        f"devices, {len(conducting)} of them current sources; the least margins beyond saturation, in U_T:"
    )
    table = Table(
        Column("device", no_wrap=True), "role", "Vds", "margin", "at rest", "inversion", "|Vgs|", box=None
    )
    for point in conducting[:top]:
        resting = "off" if point.resting is None else f"{point.resting:.1f}"
        table.add_row(
            point.of.path, point.of.role, f"{point.drain:.3f}", f"{point.margin:.1f}", resting,
            f"{point.inversion:.1g}", f"{point.gate:.2f}",
        )  # fmt: skip
    results().print(table)
    stability = Table("part", "amplifier", "bias", "load", "gain of one at", "phase margin", box=None)
    for one in found.margins:
        stability.add_row(
            one.part, one.cell, engineering(one.bias, "A"), engineering(one.load, "F"),
            engineering(one.crossing, "Hz"), f"{one.margin:.1f} degrees",
        )  # fmt: skip
    results().print(stability)
