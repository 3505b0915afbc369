"""`python -m studies NAME`: run a study, or what is missing of it, and write its page."""

import sys
from pathlib import Path
from typing import Annotated

import typer

from conductance.errors import ExcitableError
from excitable.cli.console import fail, messages, results
from excitable.cli.progress import WorkProgress
from excitable.runs.folder import RUNS, locked
from studies import STUDIES, study

SMOKE = "smoke"


def main(
    name: Annotated[
        str, typer.Argument(help=f"Which study: {', '.join(STUDIES)}; without one they are listed.")
    ] = "",
    budget: Annotated[
        str, typer.Option(help="How much it may spend: reduced, smoke, or another that the study has.")
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
    if not name:
        results().print("\n".join(STUDIES))
        return
    try:
        chosen = study(name)
        if budget not in chosen.budgets:
            raise ExcitableError(f"budget {budget!r} is unknown; {name} has {', '.join(chosen.budgets)}")
        folder = results_folder or RUNS / f"study-{name}-{budget}"
        folder.mkdir(parents=True, exist_ok=True)
        with locked(folder), WorkProgress(messages()) as progress:
            found = chosen.run(
                chosen.budgets[budget],
                folder,
                progress=lambda stage: lambda done, total, _: progress.report(stage, done, total),
            )
        # a smoke run proves that a study runs and must not replace what the page says
        place = docs or (folder if budget == SMOKE else Path("docs"))
        results().print(f"page: {chosen.write(found, place)}")
    except ExcitableError as error:
        fail(str(error))
        sys.exit(2)


if __name__ == "__main__":
    typer.run(main)
