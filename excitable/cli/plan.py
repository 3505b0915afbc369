"""`excitable plan`: what the bias current of the slow filters costs and brings."""

from typing import TYPE_CHECKING, Annotated

import typer

from excitable.cli.export import RUN, TRUST

if TYPE_CHECKING:
    from excitable.runs.planning import Plan


def plan(
    run: RUN,
    temperature: Annotated[
        list[float] | None,
        typer.Option(help="In degrees Celsius; may be given again. 27 and 85 where not given."),
    ] = None,
    current: Annotated[
        list[float] | None, typer.Option(help="Bias current of the filters in A; may be given again.")
    ] = None,
    level: Annotated[
        str | None, typer.Option(help="macromodel or transistor: simulate each choice there, for its error.")
    ] = None,
    samples: Annotated[
        int | None,
        typer.Option(min=2, help="Held-out samples to simulate; the configuration's where not given."),
    ] = None,
    trust: TRUST = False,
) -> None:
    """Choose the bias current of the slow filters: area against leakage, noise and error."""
    from excitable.cli.console import messages
    from excitable.cli.progress import WorkProgress
    from excitable.runs.kinds import on_series
    from excitable.runs.planning import plans

    folder = on_series("plan", run, trust=trust)
    with folder.locked(), WorkProgress(messages()) as progress:
        found = plans(
            folder, temperature or (27.0, 85.0), current or (), level=level, samples=samples,
            progress=lambda done, total: progress.report("choices", done, total),
        )  # fmt: skip
    show(found)


def show(found: "list[Plan]") -> None:
    """Print the choices, and the smallest that each temperature allows."""
    from rich.table import Table

    from circuits.realisations.filters import LEAKAGES
    from excitable.cli.console import results
    from excitable.report.costs import engineering

    temperatures = list(found[0].leakages)
    columns = {
        "filters": [engineering(each.current, "A") for each in found],
        "capacitors": [engineering(each.capacitance, "F") for each in found],
        "mm2": [f"{1e6 * each.area:.3g}" for each in found],
        "noise, V0": ["" if each.noise is None else f"{each.noise:.2g}" for each in found],
        **{
            f"leaks, {t:g} C": [f"{each.leakages[t]:.2%}{'' if each.allowed(t) else ' !'}" for each in found]
            for t in temperatures
        },
        "task error": ["" if each.error is None else f"{each.error:.4g}" for each in found],
        "rms, V0": ["" if each.difference is None else f"{each.difference:.2g}" for each in found],
    }
    shown = {name: column for name, column in columns.items() if any(column)}
    table = Table(*shown, box=None)
    for row in zip(*shown.values(), strict=True):
        table.add_row(*row)
    results().print(table)
    results().print(f"! leaks more than 1/{LEAKAGES} of the bias current: too much")
    for temperature in temperatures:
        least = next((each for each in found if each.allowed(temperature)), None)
        results().print(
            f"up to {temperature:g} C: "
            + (
                "none of these; give a larger --current"
                if least is None
                else f"filter_current = {least.current:.3g} in [circuit], {1e6 * least.area:.3g} mm2"
            )
        )
