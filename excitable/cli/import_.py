"""`excitable import`: a network of another library, from a NIR file."""

from pathlib import Path
from typing import Annotated

import typer


def import_(
    file: Annotated[Path, typer.Argument(help="A .nir file.")],
    into: Annotated[
        Path, typer.Option("--into", help="The folder that gets model.json and model.safetensors.")
    ],
    dt: Annotated[
        float | None, typer.Option(help="The step in s; not needed of a file that excitable wrote.")
    ] = None,
    convention: Annotated[
        str | None, typer.Option(help="Whose steps are meant: nir, snntorch, norse or spikingjelly.")
    ] = None,
) -> None:
    """Read a network from a NIR file, say how many of 1000 steps differ from snntorch where it is installed."""
    from conductance.exchange import read_nir
    from conductance.exchange.references import against_snntorch, not_run
    from conductance.storage import save_network
    from excitable.cli.console import results

    network = read_nir(file, dt=dt, convention=convention)
    into.mkdir(parents=True, exist_ok=True)
    save_network(network, into)
    layers = ", ".join(f"{name} {type(layer).__name__}" for name, layer in network.chain.items())
    results().print(f"{file}: {layers}")
    # snntorch reads NIR's resets as they are stated, at once to a value, and not as its own Leaky has them
    said = against_snntorch(network, file) if convention == "nir" else not_run(convention)
    results().print(said)
    results().print(f"network: {into / 'model.safetensors'}")
