"""An event-based classifier over its training, and the spikes of one trial."""

import torch
from matplotlib.figure import Figure

from conductance.events import Spikes, predicted_class
from excitable.report.figures.base import Drawing
from excitable.report.style import grid, new_figure
from excitable.runs.events import EventRun


def event_figures(run: EventRun, trial: int = 0) -> tuple[Drawing, ...]:
    """Accuracy, silent neurons and gradient over training, and the spikes of one trial of the test split."""
    record: dict[str, Spikes] = {}
    part = run.data.test.select([trial])
    with torch.no_grad():
        first = run.network()(part.spikes, record=record).first()
    said, true = (run.data.classes[int(index)] for index in (predicted_class(first)[0], part.labels[0]))
    return (
        Drawing(
            name="training",
            title="Training",
            description="Validation accuracy, the silent share of each hidden layer, and the gradient's norm with its "
            "deviation, by epoch.",
            figure=_training(run),
        ),
        Drawing(
            name="raster",
            title=f"Spikes of test trial {trial}",
            description=f"Class {true}, answer {said}: the output neuron that spikes first. One row per neuron; hollow "
            "marks behind the end are pseudospikes.",
            figure=_raster(part.spikes, record),
        ),
    )


def _training(run: EventRun) -> Figure:
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


def _raster(inputs: Spikes, record: dict[str, Spikes]) -> Figure:
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
