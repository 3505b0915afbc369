"""`excitable export`: a trained network as a SPICE netlist."""

from typing import Annotated

import typer

RUN = Annotated[str, typer.Argument(help="A run: its name below runs/, or its folder.")]


def export(run: RUN) -> None:
    """Write the network's netlist and test bench into the run's netlists/."""
    from excitable.cli.console import results
    from excitable.runs import RunFolder
    from excitable.stages import export_run

    folder = RunFolder.find(run)
    with folder.locked():
        bench = export_run(folder)
    results().print(f"netlist: {bench}\nrun it by hand: cd {bench.parent}; ngspice {bench.name}")
