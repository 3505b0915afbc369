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
    schema: Annotated[
        bool, typer.Option("--schema", help="Print the JSON schema of configuration files.")
    ] = False,
) -> None:
    """Check a configuration file, or print an example or the schema."""
    import json

    from excitable.cli.console import results
    from excitable.config import example as example_text
    from excitable.config import read_configuration, shipped_configurations, shipped_text
    from excitable.config import schema as schema_data

    if example:
        typer.echo(example_text() if file is None else shipped_text(file), nl=False)
    if schema:
        typer.echo(json.dumps(schema_data(), indent=2))
    if file is not None and not example:
        checked = read_configuration(file)
        results().print(f"{file}: no faults; a run named {checked.name}")
    if not (example or schema or file):
        results().print(f"configurations that come with excitable: {', '.join(shipped_configurations())}")
