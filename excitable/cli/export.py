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
        help="ngspice, vacask, verilog-a, xyce or ltspice, and of transistors lvs or xschem; tests run what is read of "
        "ngspice, vacask and xschem.",
    ),
]


TRUST = Annotated[
    bool,
    typer.Option(
        "--trust", help="Run the code that the run's configuration names as FILE.py:NAME; read it before."
    ),
]


TO = Annotated[
    str,
    typer.Option(
        "--to", help="netlist, or nir: a file of the network for other libraries, without a circuit."
    ),
]


def export(
    run: RUN, level: LEVEL = None, dialect: DIALECT = "ngspice", to: TO = "netlist", trust: TRUST = False
) -> None:
    """Write the network's netlists and test benches, for series with bias tables, into the run's netlists/."""
    if to != "netlist":
        _to_nir(run, to, trust)
        return
    from excitable.runs.kinds import opened

    found = opened(run, trust=trust)  # before what takes seconds to import

    from conductance.files import typed
    from excitable.cli.console import results, warn
    from excitable.runs.kinds import export_run
    from excitable.runs.series import SeriesRun
    from excitable.runs.stages.series import membrane_warning

    with found.locked():
        benches = export_run(found, level or (), dialect)
        if isinstance(found, SeriesRun):
            warn(membrane_warning(found, level or ()))
    for bench in benches:
        results().print(f"netlist: {bench}{_next(dialect, typed(bench.parent), typed(bench.name))}")


def _next(dialect: str, folder: str, file: str) -> str:
    """What is done with a file, where one line can say it."""
    if dialect == "ngspice":
        return f"\nrun it by hand: cd {folder}; ngspice {file}"
    if dialect == "vacask":
        stem = file.removesuffix(".sim")
        return f"\nrun it by hand: cd {folder}; openvaf-r {stem}.va -o {stem}.osdi; vacask {file}"
    if dialect == "verilog-a":
        return f"\nhow ngspice, VACASK, Spectre and Xyce load it: the first lines of {file}"
    if dialect == "xschem":
        return f"\nopen it: cd {folder}; xschem {file}"
    return ""


def _to_nir(run: str, to: str, trust: bool) -> None:
    """Write the network of a run for other libraries."""
    from conductance.errors import ExcitableError
    from excitable.cli.console import results
    from excitable.runs.kinds import on_series

    if to != "nir":
        raise ExcitableError(f"--to {to!r} is unknown; allowed are netlist and nir")
    folder = on_series("export", run, trust=trust)
    from conductance.exchange import write_nir

    step = folder.data.seconds or folder.built.circuit.scaling().time_unit * folder.configuration.network.dt
    path = folder.file("network.nir")
    write_nir(folder.network(), path, dt=step)
    results().print(f"network: {path}, in steps of {step:.4g} s")
