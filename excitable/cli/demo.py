"""`excitable demo`: the whole loop, from a configuration to the report."""

from pathlib import Path
from typing import Annotated

import typer


def demo(
    configuration: Annotated[
        str, typer.Argument(help="A configuration file, or the name of one that comes with excitable.")
    ] = "demo",
    run: Annotated[
        Path | None,
        typer.Option("--run", help="The run folder; runs/NAME of the configuration where not given."),
    ] = None,
) -> None:
    """Train, export, simulate, compare and report; goes on where it was broken off."""
    from excitable.cli.compare import show
    from excitable.cli.console import messages, results
    from excitable.cli.progress import WorkProgress
    from excitable.cli.train import train
    from excitable.report import write_report
    from netlists.simulation import find_simulator

    find_simulator("ngspice")  # a missing simulator or extra is said before minutes of training, not after
    train(configuration, run)

    from excitable.config import read_configuration
    from excitable.runs.folder import located
    from excitable.runs.kinds import on_series
    from excitable.runs.stages.series import compare_run, export_run, simulate_run

    folder = on_series("demo", run or located(read_configuration(configuration).name))
    with folder.locked():
        messages().print(f"{folder.path}: exporting the netlist")
        benches = export_run(folder)
        messages().print(
            f"{folder.path}: simulating {folder.configuration.simulation.samples} held-out samples"
        )
        with WorkProgress(messages()) as progress:
            simulate_run(folder, progress=progress.report)
        ladder = compare_run(folder)
        page = write_report(folder.path)
    show(ladder)
    results().print("".join(f"netlist: {bench}\n" for bench in benches) + f"report:  {page.resolve()}")
