"""`excitable export`: a trained network as a SPICE netlist."""

from typing import Annotated

import typer

RUN = Annotated[str, typer.Argument(help="A run: its name below runs/, or its folder.")]


LEVEL = Annotated[
    list[str] | None,
    typer.Option(
        "--level",
        help="behavioural, mixed, macromodel or transistor; may be repeated. The configuration's where not given.",
    ),
]


DIALECT = Annotated[
    str,
    typer.Option(
        help="ngspice, vacask, verilog-a, xyce or ltspice; only the first two are run by the tests.",
    ),
]


def export(run: RUN, level: LEVEL = None, dialect: DIALECT = "ngspice") -> None:
    """Write the network's netlists and test benches, for series with bias tables, into the run's netlists/."""
    from excitable.runs.kinds import opened

    found = opened(run)  # before what takes seconds to import

    from excitable.cli.console import results, warn
    from excitable.runs.series import SeriesRun
    from excitable.runs.stages import export_run
    from excitable.runs.stages.series import membrane_warning

    with found.locked():
        benches = export_run(found, level or (), dialect)
        if isinstance(found, SeriesRun):
            warn(membrane_warning(found, level or ()))
    for bench in benches:
        by_hand = f"\nrun it by hand: cd {bench.parent}; ngspice {bench.name}" if dialect == "ngspice" else ""
        results().print(f"netlist: {bench}{by_hand}")
