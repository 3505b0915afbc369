"""The command line. A command is a file of this folder and a line of `COMMANDS`.

Command files import only what is light: numbers, networks and simulators are imported inside the commands, so that
help and errors come at once.
"""

import sys
import warnings
from collections.abc import Callable
from importlib.metadata import version

import typer

from excitable.cli import (
    characterise,
    check,
    compare,
    conditions,
    config,
    dataset,
    decide,
    demo,
    energy,
    export,
    import_,
    landscape,
    plan,
    rank,
    report,
    retrain,
    search,
    shape,
    simulate,
    sweep,
    train,
)
from excitable.cli.console import fail, show_warning
from excitable.cli.interrupt import listen, status, stoppable

COMMANDS: tuple[Callable[..., None], ...] = (
    demo.demo,
    train.train,
    export.export,
    simulate.simulate,
    compare.compare,
    report.report,
    landscape.landscape,
    retrain.retrain,
    sweep.sweep,
    conditions.conditions,
    search.search,
    energy.energy,
    plan.plan,
    rank.rank,
    check.check,
    characterise.characterise,
    shape.shape,
    config.config,
    dataset.dataset,
    decide.decide,
)

app = typer.Typer(
    name="excitable",
    help="Shape a neuron's I-V curve, train networks of it, get the analog circuit, and know how far it is off.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
for command in COMMANDS:
    app.command()(stoppable(command))
app.command(name="import")(stoppable(import_.import_))
app.command(hidden=True)(stoppable(train.train_images))


def _show_version(wanted: bool) -> None:
    if wanted:
        typer.echo(version("excitable"))
        raise typer.Exit


@app.callback()
def _options(
    version: bool = typer.Option(
        False, "--version", callback=_show_version, is_eager=True, help="Show the version and end."
    ),
) -> None:
    """Options before the command."""


def main() -> None:
    """Run the command line: a user's error is one message and status 2, an error of the program keeps its trace."""
    listen()
    warnings.showwarning = show_warning
    try:
        app()
    except KeyboardInterrupt:  # before the command began
        sys.exit(status())
    except Exception as error:
        from conductance.errors import ExcitableError

        if not isinstance(error, ExcitableError):
            raise
        fail(str(error))
        sys.exit(2)
