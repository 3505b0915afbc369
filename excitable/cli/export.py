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
    """Write the network's netlists, test benches and bias tables into the run's netlists/."""
    from excitable.cli.console import results, warn
    from excitable.runs.kinds import on_series
    from excitable.runs.stages.series import export_run, membrane_warning

    folder = on_series("export", run)
    with folder.locked():
        benches = export_run(folder, level or (), dialect)
        warn(membrane_warning(folder, level or ()))
    for bench in benches:
        by_hand = f"\nrun it by hand: cd {bench.parent}; ngspice {bench.name}" if dialect == "ngspice" else ""
        results().print(f"netlist: {bench}{by_hand}")
