"""`excitable report`: a run as one page."""

from excitable.cli.export import LEVEL, RUN


def report(run: RUN, level: LEVEL = None) -> None:
    """Write report.html, which needs no other file and no network."""
    from excitable.cli.console import results
    from excitable.report import write_report
    from excitable.runs import RunFolder

    folder = RunFolder.find(run)
    with folder.locked():
        page = write_report(folder.path, level or ())
    results().print(f"report: {page}")
