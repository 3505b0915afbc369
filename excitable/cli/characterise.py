"""`excitable characterise`: a technology's numbers, measured from its cards."""

from pathlib import Path
from typing import Annotated

import typer


def characterise(
    technology: Annotated[
        str, typer.Argument(help="A technology of the package, or the path of a .toml file.")
    ],
    current: Annotated[
        str, typer.Option(help="Bias current that transistors are drawn for, as in '1.5 nA'.")
    ] = "1.5 nA",
    simulator: Annotated[
        str, typer.Option(help="ngspice, or vacask for models that are compiled modules, as PSP103.")
    ] = "ngspice",
    out: Annotated[
        Path | None,
        typer.Option(
            help="File that gets the technology with the measured numbers; without it they are shown only."
        ),
    ] = None,
) -> None:
    """Measure a technology's transistors and amplifiers, and write its file with the numbers."""
    from excitable.cli.console import results
    from excitable.config.quantities import si_number
    from excitable.ladder.characterisation import characterised, file_of

    try:
        bias = float(si_number(current, unit="A"))
    except ValueError as error:
        raise typer.BadParameter(f"{current!r} {error}", param_hint="--current") from None
    found = characterised(technology, bias, simulator)
    for name, numbers in found.tables.items():
        results().print(f"[{name}]", markup=False)
        for key, value in numbers.items():
            results().print(f"{key} = {value:.5g}", markup=False)
    for note in found.notes:
        results().print(f"# {note}", markup=False)
    if out is not None:
        from conductance.files import write_whole

        write_whole(out, file_of(technology, found))
        results().print(f"wrote {out}", markup=False)
