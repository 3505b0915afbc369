"""`excitable simulate`: model, equation and netlist on held-out data."""

from excitable.cli.export import RUN


def simulate(run: RUN) -> None:
    """Run the model, its continuous equation and its netlist in ngspice on the held-out series."""
    from excitable.cli.console import messages, results
    from excitable.cli.progress import WorkProgress
    from excitable.runs import WAVEFORMS, RunFolder
    from excitable.stages import simulate_run

    folder = RunFolder.find(run)
    with folder.locked(), WorkProgress(messages()) as progress:
        rungs = simulate_run(folder, progress.report)
    names = ", ".join(rung.rung for rung in rungs)
    results().print(f"waveforms of {len(rungs[0].neurons)} neurons ({names}): {folder.path / WAVEFORMS}")
