"""`excitable report`: a run as one page."""

from excitable.cli.export import LEVEL, RUN


def report(run: RUN, level: LEVEL = None) -> None:
    """Write report.html, which needs no other file and no network."""
    from excitable.cli.console import results
    from excitable.report import write_report
    from excitable.report.event_page import write_event_report
    from excitable.runs.events import EventRun
    from excitable.runs.kinds import opened

    found = opened(run)
    with found.locked():
        page = (
            write_event_report(found)
            if isinstance(found, EventRun)
            else write_report(found.path, level or ())
        )
    results().print(f"report: {page}")
