"""Figures of shaping hold what they claim to show, and can be saved."""

import io

import numpy as np
import pytest
from matplotlib.figure import Figure

from conductance.derivation.rules import MAP
from conductance.neurons import lif, qif
from conductance.neurons.presets import BISTABLE, EXCITABLE, TONIC
from conductance.shaping.convergence import convergence
from conductance.shaping.curves import curve, negative_slope_regions
from conductance.shaping.figures.curves import (
    COLOURS,
    RULES,
    convergence_figure,
    draw_curves,
    preset_figure,
    resting_voltage,
)


def test_drawn_curves_are_the_curves_and_bands_lie_where_they_fall():
    """The line of each timescale in its colour; the broad band spans the negative-slope region."""
    figure = Figure()
    axes = figure.subplots()
    draw_curves(axes, BISTABLE.neuron, rest=-2.0)
    for timescale, colour in list(COLOURS.items())[:2]:
        line, band = (each for each in axes.lines if each.get_color() == colour)
        voltages, currents = (np.asarray(data) for data in line.get_data())
        assert currents == pytest.approx(curve(BISTABLE.neuron, timescale).function(rest=-2.0)(voltages))
        (region,) = negative_slope_regions(curve(BISTABLE.neuron, timescale))
        assert np.asarray(band.get_xdata())[[0, -1]] == pytest.approx([region.lower, region.upper])


def test_a_row_for_each_preset_with_its_trace():
    """Curves, voltage and current of each; SVG and PNG can be written."""
    figure = preset_figure([TONIC, EXCITABLE], windows={"tonic": (0.0, 100.0)})
    assert len(figure.axes) == 6
    voltages = [axes for axes in figure.axes if axes.get_ylabel() == "voltage / $V_0$"]
    assert [len(axes.lines) for axes in voltages] == [2, 2]
    assert max(voltages[0].lines[-1].get_ydata()) == pytest.approx(2.28, rel=0.01)
    for form in ("svg", "png"):
        file = io.BytesIO()
        figure.savefig(file, format=form)
        assert file.tell() > 10_000


def test_the_resting_voltage_is_the_lowest_equilibrium():
    """The bistable set at -0.8 rests at -2.00; a neuron without equilibria is drawn at 0."""
    assert resting_voltage(BISTABLE.neuron, -0.8) == pytest.approx(-2.0, abs=0.01)
    assert resting_voltage(lif(), 2.0) == 0.0


def test_the_convergence_figure_states_the_measured_orders():
    """A panel for each group, a line for each rule with its slope, the exact rule called exact."""
    exact = convergence(qif(), "moebius", inputs=[0.1, 0.2], hold=0.25, halvings=3)
    rough = convergence(qif(), "forward_euler", inputs=[0.1, 0.2], hold=0.25, halvings=3)
    figure = convergence_figure({"QIF": [rough, exact]})
    texts = [text.get_text() for text in figure.axes[0].get_legend().get_texts()]
    assert texts == [f"forward Euler: slope {rough.slope:.2f}", "Moebius: exact"]
    figure.savefig(io.BytesIO(), format="svg")


def test_every_rule_has_a_colour():
    """No rule that converges with its step is missing from the table of colours, and no two look alike."""
    import declared

    assert set(RULES) == set(declared.METHOD_NAMES) - {MAP}
    assert len({look[1:] for look in RULES.values()}) == len(RULES)
