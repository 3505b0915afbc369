"""`python -m studies NAME`: many runs that answer one question."""

from pathlib import Path
from typing import Annotated

import typer

STUDIES = {
    "mackey-glass": "studies.mackey_glass",
    "event-circuit": "studies.event_circuit",
    "event-training": "studies.event_training",
    "dqif": "studies.dqif",
    "dqif-circuit": "studies.dqif_circuit",
    "qif-lif": "studies.qif_lif",
    "mismatch": "studies.mismatch",
}
"""Each module has `BUDGETS` and `run_study`, and a module beside it, its name ending in `_page`, has `write_page`."""


def study(
    name: Annotated[str, typer.Argument(help=f"Which study: {', '.join(STUDIES)}.")],
    budget: Annotated[
        str, typer.Option(help="How much it may spend: reduced, paper (where the study has it) or smoke.")
    ] = "reduced",
    results_folder: Annotated[
        Path | None,
        typer.Option("--results", help="Where results are kept; runs/study-NAME-BUDGET otherwise."),
    ] = None,
    docs: Annotated[
        Path | None,
        typer.Option(help="The folder of the page and its figures: docs, or that of the results for smoke."),
    ] = None,
) -> None:
    """Run a study, or what is missing of it, and write its page."""
    from importlib import import_module

    from conductance.errors import ExcitableError, nearest
    from excitable.cli.console import messages, results
    from excitable.cli.progress import WorkProgress
    from excitable.runs.folder import RUNS, locked
    from excitable.trials import hold_budget

    if name not in STUDIES:
        raise ExcitableError(
            f"study {name!r} is unknown; {nearest(name, STUDIES)}allowed are {', '.join(STUDIES)}"
        )
    work, pages = import_module(STUDIES[name]), import_module(f"{STUDIES[name]}_page")
    if budget not in work.BUDGETS:
        raise ExcitableError(f"budget {budget!r} is unknown; allowed are {', '.join(work.BUDGETS)}")
    folder = results_folder or RUNS / f"study-{name}-{budget}"
    folder.mkdir(parents=True, exist_ok=True)
    with locked(folder), WorkProgress(messages()) as progress:
        hold_budget(folder, work.BUDGETS[budget])
        found = work.run_study(
            work.BUDGETS[budget],
            folder,
            progress=lambda stage: lambda done, total, _: progress.report(stage, done, total),
        )
    # a smoke run proves that a study runs and must not replace what the page says
    place = docs or (folder if budget == "smoke" else Path("docs"))
    results().print(f"page: {pages.write_page(found, place)}")


if __name__ == "__main__":
    typer.run(study)
