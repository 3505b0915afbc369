"""The figures of a run, each a function of what the run folder holds."""

from excitable.report.figures.base import Drawing, chosen_neurons
from excitable.report.figures.chips import chips_figure
from excitable.report.figures.curves import NeuronCurves, curve_figure, neuron_curves
from excitable.report.figures.ladder import ladder_figure
from excitable.report.figures.landscape import landscape_figure
from excitable.report.figures.noise import noise_figure
from excitable.report.figures.overview import overview_figure
from excitable.report.figures.prediction import prediction_figure
from excitable.report.figures.training import training_figure
from excitable.report.figures.waveforms import waveform_figure

__all__ = [
    "Drawing",
    "NeuronCurves",
    "chips_figure",
    "chosen_neurons",
    "curve_figure",
    "ladder_figure",
    "landscape_figure",
    "neuron_curves",
    "noise_figure",
    "overview_figure",
    "prediction_figure",
    "training_figure",
    "waveform_figure",
]
