"""`excitable report`: a run as one page."""

from excitable.cli.export import LEVEL, RUN


def report(run: RUN, level: LEVEL = None) -> None:
    """Write report.html, which needs no other file and no network."""
    from excitable.runs.kinds import opened

    found = opened(run)  # before what takes seconds to import

    from excitable.cli.console import results
    from excitable.report import report_run

    with found.locked():
        page = report_run(found, level or ())
    results().print(f"report: {page}")
