"""The report of an event-based classifier: accuracy over training and the spikes of one trial, as one page."""

from html import escape
from pathlib import Path

import torch
from matplotlib.figure import Figure

from conductance.events import Spikes, predicted_class
from conductance.storage import write_whole
from excitable.report.style import grid, inline_svg, new_figure, styled, svg_of, variables
from excitable.runs.events import EventRun
from excitable.runs.folder import REPORT

STYLE = "body{font-family:sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem}svg{max-width:100%;height:auto}"


def write_event_report(run: EventRun, trial: int = 0) -> Path:
    """Write `report.html`, self-contained, into the folder of a trained event-based classifier.

    Args:
        run: trained to its end.
        trial: of the test split, whose spikes are shown.
    """
    record: dict[str, Spikes] = {}
    part = run.data.test.select([trial])
    with torch.no_grad():
        first = run.network()(part.spikes, record=record).first()
    said, true = (run.data.classes[int(index)] for index in (predicted_class(first)[0], part.labels[0]))
    with styled():
        curves = _inline(
            training_figure(run), "training", "accuracy, silent neurons and gradient over training"
        )
        raster = _inline(raster_figure(part.spikes, record), "raster", f"spikes of test trial {trial}")
    test, configuration = run.test, run.configuration
    silent = ", ".join(f"{name} {share:.1%}" for name, share in test.silent.items())
    spikes = ", ".join(f"{name} {count:.2f}" for name, count in test.spikes.items())
    title = escape(f"{configuration.name}: {configuration.network.neuron} on {configuration.task.name}")
    page = f"""<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>{title}</title>
<style>:root{{{variables("light")}}}{STYLE}</style></head><body>
<h1>{title}</h1>
<p>Test accuracy {test.accuracy:.1%} after {len(run.records)} epochs; an output spike inside the trial decides
{test.decided:.1%} of the trials. Silent neurons: {escape(silent)}. Spikes per neuron and trial: {escape(spikes)}.</p>
<h2>Training</h2>{curves}
<h2>Spikes of test trial {trial}</h2><p>Class {escape(true)}, answer {escape(said)}: the output neuron that spikes
first. Hollow marks behind the end are pseudospikes.</p>{raster}
</body></html>
"""
    path = run.path / REPORT
    write_whole(path, page)
    return path


def _inline(figure: Figure, prefix: str, description: str) -> str:
    return inline_svg(svg_of(figure), prefix=prefix, title=description, description=description)


def training_figure(run: EventRun) -> Figure:
    """Validation accuracy, silent share of each hidden layer, and the gradient's norm with its deviation, by epoch."""
    figure = new_figure(2.4)
    accuracy, silent, norms = figure.subplots(1, 3)
    epochs = [record.epoch + 1 for record in run.records]
    accuracy.plot(epochs, [record.validation.accuracy for record in run.records])
    accuracy.set_title("validation accuracy")
    for name in run.records[0].validation.silent:
        silent.plot(epochs, [record.validation.silent[name] for record in run.records], label=name)
    silent.set_title("share of silent neurons")
    silent.legend()
    middle = torch.tensor([record.gradient_norm for record in run.records])
    spread = torch.tensor([record.gradient_variance for record in run.records]).sqrt()
    norms.plot(epochs, middle)
    norms.fill_between(epochs, middle - spread, middle + spread, alpha=0.25)
    norms.set_title("norm of the gradient, ± deviation")
    for axis in (accuracy, silent, norms):
        axis.set_xlabel("epoch")
        grid(axis)
    return figure


def raster_figure(inputs: Spikes, record: dict[str, Spikes]) -> Figure:
    """The spikes of inputs and layers in one trial, one row per neuron; pseudospikes of the last layer are hollow."""
    figure = new_figure(3.6)
    axis = figure.subplots()
    first, middles = 0, {}
    for name, spikes in {"inputs": inputs, **record}.items():
        there = spikes.mask[:, 0]
        axis.plot(spikes.times[there, 0], spikes.neurons[there, 0] + first, "|", markersize=6)
        middles[name] = first + (spikes.size - 1) / 2
        first += spikes.size
        axis.axhline(first - 0.5, color="0.8", linewidth=0.6)
    last = spikes
    if last.later is not None:
        silent = (last.counts()[0] == 0).nonzero()[:, 0]
        axis.plot(last.later[0, 0, silent], silent + first - last.size, "o", fillstyle="none", markersize=4)
    axis.axvline(inputs.end, color="0.5", linewidth=0.8)
    axis.set_yticks(list(middles.values()), list(middles))
    axis.invert_yaxis()
    axis.set_xlabel("time [tau]")
    return figure
