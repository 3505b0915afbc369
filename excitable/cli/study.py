"""`excitable study`: many trainings that answer one question."""

from pathlib import Path
from typing import Annotated

import typer


def study(
    name: Annotated[str, typer.Argument(help="Which study: mackey-glass.")],
    budget: Annotated[
        str, typer.Option(help="How much each model gets: reduced, paper or smoke.")
    ] = "reduced",
    results_folder: Annotated[
        Path | None,
        typer.Option("--results", help="Where results are kept; runs/study-NAME-BUDGET otherwise."),
    ] = None,
    docs: Annotated[Path, typer.Option(help="The folder that receives the page and its figures.")] = Path(
        "docs"
    ),
) -> None:
    """Run a study, or what is missing of it, and write its page."""
    from conductance.errors import ExcitableError
    from excitable.cli.console import messages, results
    from excitable.cli.progress import WorkProgress
    from excitable.runs import RUNS, locked
    from excitable.studies.mackey_glass import BUDGETS, run_study
    from excitable.studies.mackey_glass_page import write_page

    if name != "mackey-glass":
        raise ExcitableError(f"study {name!r} is unknown; allowed is mackey-glass")
    if budget not in BUDGETS:
        raise ExcitableError(f"budget {budget!r} is unknown; allowed are {', '.join(BUDGETS)}")
    folder = results_folder or RUNS / f"study-{name}-{budget}"
    folder.mkdir(parents=True, exist_ok=True)
    with locked(folder), WorkProgress(messages()) as progress:
        found = run_study(
            BUDGETS[budget],
            folder,
            progress=lambda stage: lambda done, total, _: progress.report(f"{stage} trainings", done, total),
        )
    results().print(f"page: {write_page(found, docs)}")
