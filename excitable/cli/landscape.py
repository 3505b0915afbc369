"""`excitable landscape`: the loss around a trained network."""

from typing import Annotated

import typer


def landscape(
    run: Annotated[str, typer.Argument(help="A trained run: its name in runs/, or its folder.")],
    directions: Annotated[int, typer.Option(help="Random paths.")] = 4,
    length: Annotated[float, typer.Option(help="Length of a path over the norm of the parameters.")] = 0.3,
    points: Annotated[int, typer.Option(help="Places on a path that are read before jumps are sought.")] = 25,
    plane_points: Annotated[
        int, typer.Option("--plane", help="Places along each side of the plane; 0 for no plane.")
    ] = 21,
    samples: Annotated[int, typer.Option(help="Trials or series of the batch.")] = 10,
    seed: Annotated[int, typer.Option(help="Of the directions.")] = 0,
) -> None:
    """Measure loss and gradient along paths and in a plane, for one sample and for a batch, and draw them."""
    from excitable.cli.console import messages, results
    from excitable.cli.progress import WorkProgress
    from excitable.runs.landscape import LANDSCAPE, LandscapeOptions, landscape_run

    options = LandscapeOptions(
        directions=directions, length=length, points=points, plane_points=plane_points, samples=samples, seed=seed
    )  # fmt: skip
    with WorkProgress(messages()) as progress:
        views = landscape_run(run, options, progress=progress.report)
    console = results()
    for view in views:
        console.print(f"{view.name}, {directions} random paths:")
        for name, found in view.measures.items():
            if found.value is None:
                console.print(f"  {name}: none")
            else:
                console.print(
                    f"  {name}: {found.value:.4g} (95 % interval {found.low:.4g} to {found.high:.4g})"
                )
    console.print(f"kept: {LANDSCAPE} and figures/landscape.svg, .png of {run}")
