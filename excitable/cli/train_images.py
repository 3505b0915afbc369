"""`excitable train-images`: train a deep network of DQIF or leaky neurons on images or events."""

from pathlib import Path
from typing import Annotated

import typer


def train_images(
    configuration: Annotated[
        str,
        typer.Argument(
            help="A configuration file, or the name of one that comes with excitable, e.g. digits-dqif."
        ),
    ],
    data: Annotated[
        Path | None, typer.Option("--data", help="Folder of the data set's published files.")
    ] = None,
    run: Annotated[
        Path | None,
        typer.Option("--run", help="The run folder; runs/NAME of the configuration where not given."),
    ] = None,
) -> None:
    """Train a deep network; a run that was broken off goes on from its last epoch."""
    from excitable.cli.console import messages, results
    from excitable.runs.folder import RUNS
    from excitable.runs.images import read_image_configuration, train_configured

    wanted, text = read_image_configuration(configuration)
    path = run or RUNS / wanted.name
    layers, training = wanted.network, wanted.training.build()
    messages().print(
        f"{path}: {layers.name} of {layers.neuron} neurons on {wanted.data.name}, {training.epochs} epochs"
    )
    trained = train_configured(wanted, text, path, data=data, progress=messages().is_terminal)
    results().print(f"test accuracy {trained.result.test:.4f} after {len(trained.result.history)} epochs")
    results().print(f"network: {path / 'model.safetensors'}")
