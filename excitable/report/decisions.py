"""The page of a network that decides, by events or on images: what it learnt, and how far its circuit is from it."""

import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path

from conductance.errors import extra
from conductance.storage import write_whole
from excitable.ladder.decisions import DecisionLadder
from excitable.report.figures.base import Drawing
from excitable.report.figures.events import event_figures
from excitable.report.figures.images import image_figures
from excitable.report.page import templates
from excitable.report.style import inline_svg, styled, variables
from excitable.report.words import settings_of
from excitable.runs.environment import VERSION
from excitable.runs.events import RESULT, EventRun
from excitable.runs.folder import COMPARISON, NETLISTS, REPORT
from excitable.runs.images import ImageRun
from excitable.runs.kinds import Run
from excitable.runs.stages.belonging import StaleWarning, stale_results

with extra("report"):
    from markupsafe import Markup


def write_decision_report(run: EventRun | ImageRun) -> tuple[Path, Sequence[Drawing]]:
    """Write `report.html` of a trained run; the page and its figures are returned.

    Raises:
        RunError: the run is not trained. StorageError: a file of it is damaged, or cannot be written.
    """
    run.check_trained(RESULT)
    stale = stale_results(run.path)
    if stale.names:
        warnings.warn(f"{run.configuration.name}: {stale}", StaleWarning, stacklevel=2)
    ladder = None if COMPARISON in stale.names else _ladder(run)
    with styled():
        drawings = event_figures(run) if isinstance(run, EventRun) else image_figures(run)
        plots = {
            drawing.name: Markup(
                inline_svg(
                    drawing.svg, prefix=drawing.name, title=drawing.title, description=drawing.description
                )
            )
            for drawing in drawings
        }
    benches = sorted(
        name
        for path in (run.path / NETLISTS).glob("*_bench.cir")
        if (name := f"{NETLISTS}/{path.name}") not in stale.names
    )
    page = templates().get_template("decisions.html.j2").render(
        run=run,
        program=f"excitable {VERSION}",
        variables={theme: Markup(variables(theme)) for theme in ("light", "dark")},
        lead=_lead(run),
        numbers=_numbers(run),
        drawings=drawings,
        plots=plots,
        ladder=ladder,
        benches=benches,
        stale=str(stale_results(run.path, run.path.name)),
        settings=tuple(settings_of(run.configuration)),
    )  # fmt: skip
    write_whole(run.path / REPORT, page)
    return run.path / REPORT, drawings


def _ladder(run: Run) -> DecisionLadder | None:
    path = run.path / COMPARISON
    return DecisionLadder.from_json(path.read_bytes(), source=str(path)) if path.is_file() else None


def _lead(run: EventRun | ImageRun) -> str:
    if isinstance(run, EventRun):
        wanted, widths = (
            run.configuration,
            [run.data.inputs, *run.configuration.network.hidden, len(run.data.classes)],
        )
        layers = " to ".join(map(str, widths))
        return f"A classifier by events on {wanted.task.name}: {layers} {wanted.network.neuron} neurons."
    data, network = run.configuration.data, run.configuration.network
    return (
        f"A deep network on {data.name}: {network.name}, {network.steps} steps of {network.neuron} neurons."
    )


def _numbers(run: EventRun | ImageRun) -> Mapping[str, str]:
    """What training ended with, by name."""
    if isinstance(run, ImageRun):
        return {"test accuracy": f"{run.test:.1%}", "epochs": str(len(run.records))}
    silent = {f"silent neurons of {name}": f"{share:.1%}" for name, share in run.test.silent.items()}
    spikes = {
        f"spikes per neuron and trial of {name}": f"{count:.2f}" for name, count in run.test.spikes.items()
    }
    return {
        "test accuracy": f"{run.test.accuracy:.1%}",
        "trials that an output spike inside the trial decides": f"{run.test.decided:.1%}",
        "epochs": str(len(run.records)),
        **silent,
        **spikes,
    }
