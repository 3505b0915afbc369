"""`excitable simulate`: model, equation and circuits on held-out data."""

from excitable.cli.export import LEVEL, RUN


def simulate(run: RUN, level: LEVEL = None) -> None:
    """Run the model, its continuous equation and its circuits in ngspice on the held-out series."""
    from excitable.cli.console import messages, results
    from excitable.cli.progress import WorkProgress
    from excitable.runs.folder import WAVEFORMS
    from excitable.runs.kinds import on_series
    from excitable.runs.stages.series import simulate_run

    folder = on_series("simulate", run)
    with folder.locked(), WorkProgress(messages()) as progress:
        rungs = simulate_run(folder, level or (), progress.report)
    names = ", ".join(rung.rung for rung in rungs)
    results().print(f"waveforms of {len(rungs[0].neurons)} neurons ({names}): {folder.path / WAVEFORMS}")
