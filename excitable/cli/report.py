"""`excitable report`: a run as one page."""

from pathlib import Path

from excitable.cli.export import LEVEL, RUN


def report(run: RUN, level: LEVEL = None) -> None:
    """Write report.html, which needs no other file and no network."""
    from excitable.cli.console import results
    from excitable.report import write_report
    from excitable.report.event_page import write_event_report
    from excitable.runs.events import is_event_run, load_event_run
    from excitable.runs.folder import RunFolder, located, locked

    path = Path(run) if Path(run).is_dir() else located(run)
    if is_event_run(path):
        with locked(path):
            page = write_event_report(load_event_run(path))
        results().print(f"report: {page}")
        return
    folder = RunFolder.find(run)
    with folder.locked():
        page = write_report(folder.path, level or ())
    results().print(f"report: {page}")
