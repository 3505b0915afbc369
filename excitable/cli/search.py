"""`excitable search`: try keys of a configuration, and keep the best."""

from pathlib import Path
from typing import Annotated

import typer

from excitable.cli.train import CONFIGURATION, SET


def search(
    configuration: CONFIGURATION,
    over: Annotated[
        list[str],
        typer.Option(
            "--over",
            help="KEY=A,B,C or KEY=LOW..HIGH (1..4: whole numbers, 1.0..4: all) or KEY=LOW..HIGH:log, repeatedly.",
        ),
    ],
    set_: SET = None,
    trials: Annotated[int, typer.Option(min=1, help="How many networks are trained.")] = 24,
    into: Annotated[
        Path | None, typer.Option("--into", help="The search's folder; runs/NAME-search where not given.")
    ] = None,
    width: Annotated[
        int, typer.Option(min=1, help="Trials of a round, which do not know of each other.")
    ] = 4,
    seed: Annotated[int, typer.Option(min=0, help="Of the sampler.")] = 0,
    workers: Annotated[
        int | None, typer.Option(min=1, help="Trials at a time on this machine, each a process.")
    ] = None,
    scheduler: Annotated[
        str | None,
        typer.Option(help="Address of a dask scheduler, as tcp://host:8786, whose workers do the work."),
    ] = None,
) -> None:
    """Train a configuration with many values of its keys; a search that was broken off goes on."""
    from conductance.errors import ExcitableError
    from conductance.files import write_whole
    from excitable.chips.sweep import executor_of
    from excitable.cli.console import messages, results
    from excitable.cli.progress import WorkProgress
    from excitable.config import parse_configuration, read_configuration_text
    from excitable.config.overrides import checked_values
    from excitable.runs.folder import located, locked
    from excitable.search.page import search_page
    from excitable.search.space import dimension
    from excitable.search.trials import SearchPlan, best_of, configured
    from excitable.search.trials import search as run_search
    from excitable.trials import processes

    text, source = read_configuration_text(configuration)
    text = checked_values(text, set_, source=source) if set_ else text
    wanted = parse_configuration(text, source=source)
    if wanted.kind != "series":
        raise ExcitableError(
            f"{source}: a search trains networks for series, and this is a run on {wanted.kind}"
        )
    plan = SearchPlan(
        text=text, dimensions=tuple(map(dimension, over)), trials=trials, width=width, seed=seed
    )
    folder = _folder(into or located(f"{wanted.name}-search"))
    # a thread would share torch's number of threads and its warnings with all others
    pool = processes(workers) if scheduler is None else executor_of(scheduler, workers)
    with locked(folder), WorkProgress(messages()) as progress, pool as executor:
        found = run_search(
            plan,
            folder,
            executor=executor,
            progress=lambda done, total: progress.report("trials", done, total),
        )
        best = best_of(found)
        write_whole(folder / "best.toml", configured(plan, best.parameters, f"{wanted.name}-best"))
        write_whole(folder / "search.html", search_page(plan, found, wanted.name))
    shown = ", ".join(f"{key} = {value}" for key, value in best.parameters.items())
    results().print(
        f"best of {len(found)} trials: {shown}; validation error {best.validation:.4g}, test {best.test:.4g}"
    )
    results().print(f"page: {folder / 'search.html'}\nnext: excitable train {folder / 'best.toml'}")


def _folder(folder: Path) -> Path:
    """The folder, made where it is missing."""
    from conductance.errors import ExcitableError

    if folder.exists() and not folder.is_dir():
        raise ExcitableError(f"--into {folder}: this is a file; give a folder")
    folder.mkdir(parents=True, exist_ok=True)
    return folder
