"""`excitable shape`: the studio."""

from pathlib import Path
from typing import Annotated

import typer

from excitable.cli.export import TRUST


def shape(
    neuron: Annotated[
        str | None,
        typer.Argument(help="Your own neuron, as FILE.py:NAME; the file is run as a Python program."),
    ] = None,
    export: Annotated[
        Path | None, typer.Option(help="Write one HTML page that works from disk, and end.")
    ] = None,
    run: Annotated[str | None, typer.Option(help="A run whose trained network is shown.")] = None,
    port: Annotated[
        int, typer.Option(help="Port of this machine; 0 takes a free one.", min=0, max=65535)
    ] = 0,
    simulator: Annotated[str, typer.Option(help="Of the circuit: ngspice, vacask, or auto.")] = "ngspice",
    browser: Annotated[bool, typer.Option(help="Open the browser.")] = True,
    trust: TRUST = False,
) -> None:
    """Shape a neuron by hand in the browser, see it fire, see its circuit; or write that as a page."""
    from excitable.cli.console import results
    from excitable.config.own import load_neuron
    from excitable.ladder.accuracy import CHOICES
    from excitable.runs.kinds import on_series
    from excitable.studio import export as write_page
    from excitable.studio import serve
    from excitable.studio.catalogue import catalogue

    if run is not None and export is not None:
        raise typer.BadParameter(
            "a written page has no run; leave one of --run and --export out, or write the run's own page with "
            "`excitable report`",
            param_hint="--run",
        )
    if simulator not in CHOICES:
        raise typer.BadParameter(
            f"{simulator!r} is unknown; allowed are {', '.join(CHOICES)}", param_hint="--simulator"
        )
    shown = None if run is None else on_series("shape", run, trust=trust)
    offered = catalogue(() if neuron is None else (load_neuron(neuron),))
    if export is not None:
        path = write_page(export, offered)
        results().print(f"page: {path} ({path.stat().st_size / 1000:.0f} kB)")
        return
    server = serve(offered, shown, port=port, simulator=simulator)
    results().print(f"studio: {server.address}\nCtrl+C ends it.")
    if browser:
        import webbrowser

        webbrowser.open(server.address)
    try:
        server.serve_forever()
    except KeyboardInterrupt:
        results().print("ended")
    finally:
        server.server_close()
