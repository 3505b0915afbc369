"""`excitable conditions`: a network's circuit at corners, temperatures and supplies, and its datasheet."""

from typing import TYPE_CHECKING, Annotated

import typer

from excitable.cli.export import RUN, TRUST

if TYPE_CHECKING:
    from excitable.conditions.table import Line, Table


def conditions(
    run: RUN,
    level: Annotated[
        str, typer.Option(help="macromodel, swept from transistors in each place, or transistor.")
    ] = "macromodel",
    corner: Annotated[str | None, typer.Option(help="Corners, as tt,ss; all where not given.")] = None,
    temperature: Annotated[
        str | None, typer.Option(help="Degrees Celsius; -20,27,85 where not given.")
    ] = None,
    supply: Annotated[
        str | None,
        typer.Option(help="Supplies in V; the technology's own and 10 % around it where not given."),
    ] = None,
    worst: Annotated[
        int, typer.Option(min=0, help="Simulate so many of the worst conditions in transistors, too.")
    ] = 0,
    export: Annotated[
        str | None,
        typer.Option(help="Write the netlists of one row alone: corner, degrees, volts, as ss,85,1.62."),
    ] = None,
    samples: Annotated[
        int | None,
        typer.Option(min=2, help="Samples of the held-out series; the configuration's where not given."),
    ] = None,
    workers: Annotated[int | None, typer.Option(min=1, help="Rows at a time on this machine.")] = None,
    trust: TRUST = False,
) -> None:
    """Judge the circuit at corners, temperatures and supplies, calibrated there; an interrupted one goes on."""
    from dataclasses import replace

    from excitable.chips.sweep import corner_names, executor_of, listed
    from excitable.cli.console import messages, results, warn
    from excitable.cli.progress import WorkProgress
    from excitable.conditions.run import (
        ConditionsOptions,
        conditions_run,
        design_of,
        export_place,
        place_named,
        worst_conditions,
    )
    from excitable.report.datasheet import write_datasheet
    from excitable.runs.kinds import on_series

    names = () if corner == "all" else corner_names(corner)
    options = ConditionsOptions(
        level=level, corners=names, temperatures=listed(temperature, "--temperature"),
        supplies=listed(supply, "--supply"), samples=samples,
    )  # fmt: skip
    folder = on_series("conditions", run, trust=trust)
    with folder.locked(), WorkProgress(messages()) as progress, executor_of(None, workers) as executor:
        if export is not None:
            for bench in export_place(folder, place_named(design_of(folder, options), export)):
                results().print(f"netlist: {bench}", markup=False, soft_wrap=True)
            return

        def judged(asked: ConditionsOptions) -> "Table":
            return conditions_run(
                folder, asked, executor=executor,
                progress=lambda done, total, _: progress.report(f"{asked.level} conditions", done, total),
            )  # fmt: skip

        found = [judged(options)]
        if chosen := worst_conditions(found[0].rows, worst):
            found.append(judged(replace(options, level="transistor", places=chosen)))
        elif worst:
            warn("no condition could be simulated, so there is no worst one to simulate in transistors")
        limits = folder.configuration.datasheet
        page = write_datasheet(folder, found, limits)
    for table in found:
        show(table, table.datasheet(limits.least, limits.most))
    results().print(f"datasheet: {page}", markup=False, soft_wrap=True)


def show(found: "Table", lines: "tuple[Line, ...]") -> None:
    """Print all rows, the worst first, and the datasheet."""
    from rich.table import Column, Table

    from excitable.cli.console import results
    from excitable.report.datasheet import shown

    typical = found.typical.task_error
    results().print(
        f"{found.technology}, {found.level}, {found.samples} samples: {found.error_name} of the model "
        f"{found.model_error:.4f}, of the design's circuit {'-' if typical is None else f'{typical:.4f}'}; the worst "
        "conditions first"
    )
    rows = Table(
        Column("conditions", no_wrap=True), found.error_name, "rms / V0", "spikes", "V0", "gain", "tau_m", "reason",
        box=None,
    )  # fmt: skip
    for row in found.worst:
        rows.add_row(
            f"{row.corner}, {row.temperature:g} C, {row.supply:g} V", shown(row.task_error, ""), shown(row.rms, ""),
            shown(row.spikes, ""), shown(row.voltage_unit, "V"), shown(row.gain, ""), shown(row.tau_m, "s"),
            row.reason[:80],
        )  # fmt: skip
    results().print(rows)
    sheet = Table("quantity", "min", "typical", "max", "limits", "", box=None)
    for line in lines:
        bounds = (
            "" if line.passes is None else f"{shown(line.lower, line.unit)} to {shown(line.upper, line.unit)}"
        )
        verdict = {None: "", True: "pass", False: "fail"}[line.passes]
        numbers = [shown(value, line.unit) for value in (line.least, line.typical, line.most)]
        sheet.add_row(line.name, *numbers, bounds, verdict)
    results().print(sheet)
