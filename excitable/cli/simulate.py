"""`excitable simulate`: model, equation and circuits on held-out data."""

from excitable.cli.export import LEVEL, RUN, TRUST


def simulate(run: RUN, level: LEVEL = None, trust: TRUST = False) -> None:
    """Run the model, its continuous equation and its circuits in ngspice on data that training did not see."""
    from excitable.runs.kinds import opened

    found = opened(run, trust=trust)  # before what takes seconds to import

    from excitable.cli.console import messages, results
    from excitable.cli.progress import WorkProgress
    from excitable.runs.kinds import simulate_run

    with found.locked(), WorkProgress(messages()) as progress:
        left = simulate_run(found, level or (), progress.report)
    results().print(str(left))
