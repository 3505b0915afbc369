"""`excitable landscape`: the loss around a trained network."""

from typing import Annotated

import typer

from excitable.cli.export import RUN, TRUST


def landscape(
    run: RUN,
    directions: Annotated[int, typer.Option(help="Random paths.")] = 4,
    length: Annotated[float, typer.Option(help="Length of a path over the norm of the parameters.")] = 0.3,
    points: Annotated[int, typer.Option(help="Places on a path that are read before jumps are sought.")] = 25,
    plane_points: Annotated[
        int, typer.Option("--plane", help="Places along each side of the plane; 0 for no plane.")
    ] = 21,
    samples: Annotated[int, typer.Option(help="Trials or series of the batch.")] = 10,
    seed: Annotated[int, typer.Option(help="Of the directions.")] = 0,
    trust: TRUST = False,
) -> None:
    """Measure loss and gradient along paths and in a plane, for one sample and for a batch, and draw them."""
    from excitable.runs.kinds import opened

    found = opened(run, trust=trust)  # before what takes seconds to import

    from excitable.cli.console import messages, results
    from excitable.cli.progress import WorkProgress
    from excitable.report import save_landscape
    from excitable.runs.landscape import LANDSCAPE, LandscapeOptions, landscape_run

    options = LandscapeOptions(
        directions=directions, length=length, points=points, plane_points=plane_points, samples=samples, seed=seed
    )  # fmt: skip
    with found.locked(), WorkProgress(messages()) as progress:
        views = landscape_run(found, options, progress=progress.report)
        save_landscape(found.path, views)
    console = results()
    for view in views:
        console.print(f"{view.name}, {directions} random paths:")
        for name, measured in view.measures.items():
            if measured.value is None:
                console.print(f"  {name}: none")
            else:
                console.print(
                    f"  {name}: {measured.value:.4g} (95 % interval {measured.low:.4g} to {measured.high:.4g})"
                )
    console.print(f"kept: {LANDSCAPE} and figures/landscape.svg, .png of {run}")
