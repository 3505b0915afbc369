"""`excitable demo`: the whole loop, from a configuration to the report."""

from typing import Annotated

import typer

from excitable.cli.train import DATA, INTO


def demo(
    configuration: Annotated[
        str, typer.Argument(help="A configuration file, or the name of one that comes with excitable.")
    ] = "demo",
    run: INTO = None,
    data: DATA = None,
) -> None:
    """Train, export, simulate, compare and report; goes on where it was broken off."""
    from excitable.cli.compare import show
    from excitable.cli.console import messages, results
    from excitable.cli.progress import WorkProgress
    from excitable.cli.train import train
    from excitable.config import read_configuration
    from excitable.config.images import ImageConfiguration
    from excitable.report import report_run
    from excitable.runs.stages.images import check_circuit
    from netlists.simulation import find_simulator

    find_simulator("ngspice")  # a missing simulator or extra is said before minutes of training, not after
    wanted = read_configuration(configuration)
    if isinstance(wanted, ImageConfiguration):
        check_circuit(wanted, data)
    train(configuration, run, data)

    from excitable.runs.folder import located
    from excitable.runs.kinds import compare_run, export_run, opened, simulate_run

    found = opened(run or located(wanted.name), trust=True)  # it was trained with this code just now
    with found.locked():
        messages().print(f"{found.path}: exporting the netlist")
        benches = export_run(found)
        messages().print(
            f"{found.path}: simulating {found.configuration.simulation.samples} held-out samples"
        )
        with WorkProgress(messages()) as progress:
            simulate_run(found, progress=progress.report)
        ladder = compare_run(found)
        page = report_run(found)
    show(ladder)
    shown = benches if len(benches) <= 3 else benches[:1]
    results().print("".join(f"netlist: {bench}\n" for bench in shown) + f"report:  {page.resolve()}")
