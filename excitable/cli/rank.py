"""`excitable rank`: which transistors hurt most."""

from typing import TYPE_CHECKING, Annotated

import typer

from excitable.cli.export import RUN, TRUST

if TYPE_CHECKING:
    from excitable.mismatch.run import Ranking


def rank(
    run: RUN,
    top: Annotated[int, typer.Option(min=1, help="How many lines are shown; ranking.csv has all.")] = 20,
    chips: Annotated[
        int, typer.Option(min=0, help="Chips of the model that are drawn beside, as a check; 0 draws none.")
    ] = 100,
    samples: Annotated[
        int | None,
        typer.Option(min=2, help="Samples of the held-out series; the configuration's where not given."),
    ] = None,
    area: Annotated[
        float | None,
        typer.Option(
            help="Choose sizes: area of all gates over what it is, as 1 or 1.5; sizes.toml gets them."
        ),
    ] = None,
    trust: TRUST = False,
) -> None:
    """Rank a network's transistors by what their mismatch does to its output, and write ranking.csv."""
    from excitable.mismatch.run import rank_run
    from excitable.runs.kinds import on_series

    folder = on_series("rank", run, trust=trust)
    with folder.locked():
        found = rank_run(folder, chips=chips, samples=samples, area=area)
    show(found, top)
    if found.roles:
        show_sizes(found)


def show(found: "Ranking", top: int) -> None:
    """Print the worst devices, the sum of each part, and the check."""
    from rich.table import Table

    from excitable.cli.console import results

    results().print(
        f"{found.technology}: standard deviation of the output by mismatch, root mean square over {found.samples} "
        f"samples; the output itself has {found.signal:.4g}"
    )
    table = Table("part", "device", "number", "output error", "share", "gates", box=None)
    for one in found.table[:top]:
        area = f"{1e12 * one.area:.3g} um2"
        table.add_row(one.part, one.device, str(one.count), f"{one.error:.4g}", f"{one.share:.1%}", area)
    results().print(table)
    parts = Table("part", "share", "area", box=None)
    for name, (share, gates) in found.parts.items():
        parts.add_row(name, f"{share:.1%}", f"{1e12 * gates:.3g} um2")
    results().print(parts)
    line = f"all devices together: {found.total:.4g} by their sensitivities"
    if found.drawn is not None:
        line += (
            f", {found.drawn:.4g} of {found.chips} drawn chips of the model "
            f"(95 %: {found.low:.4g} to {found.high:.4g})"
        )
    results().print(line)
    if found.far:
        results().print(
            "drawn chips differ by another amount than sensitivities say: at this mismatch spikes come and go, and the "
            "order is rough; larger transistors or training on chips that differ come first"
        )


def show_sizes(found: "Ranking") -> None:
    """Print the areas that were chosen for each role, and what they are worth."""
    from rich.table import Table

    from excitable.cli.console import results

    table = Table("role", "output error", "gates", "area times", "output error then", box=None)
    for one in found.roles:
        table.add_row(
            one.role, f"{one.error:.4g}", f"{1e12 * one.area:.3g} um2", f"{one.factor:.3g}",
            f"{one.chosen_error:.4g}",
        )  # fmt: skip
    results().print(table)
    results().print(
        f"all devices together, with these areas: {found.chosen_total:.4g}, from {found.total:.4g}; sizes.toml has the "
        "tables for the technology's file"
    )
