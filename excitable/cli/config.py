"""`excitable config`: what a configuration file may say."""

from typing import Annotated

import typer


def config(
    file: Annotated[
        str | None, typer.Argument(help="A configuration file, or the name of one that comes with excitable.")
    ] = None,
    example: Annotated[
        bool,
        typer.Option(
            "--example", help="Print a file with every key at its default; with a name, the shipped file."
        ),
    ] = False,
    kind: Annotated[
        str, typer.Option("--kind", help="Of the example: a run on series, events or images.")
    ] = "series",
    schema: Annotated[
        bool, typer.Option("--schema", help="Print the JSON schema of configuration files.")
    ] = False,
    trust: Annotated[
        bool,
        typer.Option(
            "--trust", help="Run the code that the file names as FILE.py:NAME, too; read it before."
        ),
    ] = False,
) -> None:
    """Check a configuration file, or print an example or the schema."""
    import json

    from excitable.cli.console import results
    from excitable.config import KINDS, read_configuration, shipped_configurations, shipped_text
    from excitable.config import example as example_text
    from excitable.config import schema as schema_data
    from excitable.config.own import Code, own_files
    from excitable.config.series import SeriesConfiguration

    if example:
        if kind not in KINDS:
            raise typer.BadParameter(f"{kind!r}: allowed are {', '.join(KINDS)}", param_hint="--kind")
        typer.echo(example_text(kind) if file is None else shipped_text(file), nl=False)
    if schema:
        typer.echo(json.dumps(schema_data(), indent=2))
    if file is not None and not example:
        checked = read_configuration(file, code=Code(trusted=trust))
        results().print(f"{file}: no faults; a run on {checked.kind} named {checked.name}")
        if isinstance(checked, SeriesConfiguration):
            results().print(f"without the data's seconds: {checked.circuit.time_text(checked.network.dt)}")
        unread = [] if trust else list(dict.fromkeys(own_files(checked)))
        if unread:
            results().print(f"not run, so not checked: {', '.join(unread)}; --trust runs it")
    if not (example or schema or file):
        for each, meaning in KINDS.items():
            results().print(f"{each}, {meaning}: {', '.join(shipped_configurations(each))}")
