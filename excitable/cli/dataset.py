"""`excitable dataset`: a published data set as a table."""

from pathlib import Path
from typing import Annotated

import typer


def dataset(
    name: Annotated[str | None, typer.Argument(help="The data set; without one, those there are.")] = None,
    into: Annotated[
        Path, typer.Option("--into", help="The folder that the CSV file is written into.")
    ] = Path("."),
    wheel: Annotated[
        Path | None, typer.Option("--wheel", help="The package's wheel, where it need not be downloaded.")
    ] = None,
) -> None:
    """Write a published data set as a CSV file, taken out of a package by pip without its dependencies."""
    from conductance.tasks.published import DATASETS, write_dataset
    from excitable.cli.console import results

    console = results()
    if name is None:
        for each in DATASETS.values():
            console.print(f"{each.name}: {each.meaning}")
        return
    path = write_dataset(name, into, wheel=wheel)
    console.print(f"{DATASETS[name].meaning}: {path}")
    console.print(
        f'in a configuration file: [task] name = "table", path = "{path}", {DATASETS[name].keys}',
        markup=False,
    )
