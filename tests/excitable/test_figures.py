"""Figures of a run: what they draw is in the waveforms, no peak is lost, and everyone can see them."""

import io
import re
import warnings
from dataclasses import replace
from itertools import combinations, pairwise

import matplotlib as mpl
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from matplotlib.figure import Figure
from matplotlib.image import imread
from report_examples import CONFIGURATION, whole_run

from conductance.shaping.figures.palette import PALETTE, colour
from excitable.ladder.steps import whole_way
from excitable.report import write_report
from excitable.report.adaptive import adaptive_svg
from excitable.report.evidence import read_run
from excitable.report.figures import (
    chosen_neurons,
    curve_figure,
    ladder_figure,
    neuron_curves,
    overview_figure,
    prediction_figure,
    training_figure,
    waveform_figure,
)
from excitable.report.figures.base import envelope
from excitable.report.figures.prediction import alone, shown_part, zoom
from excitable.report.figures.waveforms import AFTER, BEFORE, spike_window
from excitable.report.style import inline_svg, literal, new_figure, png_of, styled, svg_of
from netlists.comparison import upward_crossings


@pytest.fixture(scope="module")
def evidence(tmp_path_factory):
    folder = tmp_path_factory.mktemp("runs") / "small"
    whole_run(folder)
    return read_run(folder)


@given(samples=st.integers(2, 4000), columns=st.integers(1, 60), seed=st.integers(0, 99))
def test_a_thinned_trace_loses_no_peak(samples, columns, seed):
    """Lowest and highest sample of every stretch stay, in order, and no more than two for each stretch."""
    values = np.random.default_rng(seed).normal(size=samples).cumsum()
    time, kept = envelope(np.arange(samples), values, columns)
    assert len(kept) <= 2 * columns + 2 or samples <= 2 * columns
    assert (np.diff(time) > 0).all() and (kept == values[time]).all()
    assert kept.min() == values.min() and kept.max() == values.max()
    edges = np.linspace(0, samples, columns + 1).astype(int)
    if samples > 2 * columns:
        for first, last in pairwise(edges):
            inside = kept[(time >= first) & (time < last)]
            assert inside.max() == values[first:last].max() and inside.min() == values[first:last].min()


def test_the_chosen_neurons_are_the_extremes(evidence):
    """The first has the most spikes, one has the largest rms, and none is shown twice."""
    chosen = chosen_neurons(evidence)
    circuit = evidence.rungs[-1]
    spikes = [len(train) for train in upward_crossings(circuit.time, circuit.membrane)]
    assert spikes[chosen[0].column] == max(spikes) > 0
    rms = [neuron.rms_v0 for neuron in whole_way(evidence.ladder).neurons]
    (worst,) = [neuron for neuron in chosen if "largest difference" in neuron.why]
    assert rms[worst.column] == max(rms)
    assert len({neuron.column for neuron in chosen}) == len(chosen)
    assert [circuit.neurons[neuron.column] for neuron in chosen] == [neuron.name for neuron in chosen]


def test_an_enlargement_shows_a_spike(evidence):
    """The enlarged stretch of a neuron that spikes lies inside the run and holds one of its spikes."""
    stop = evidence.rungs[0].time[-1]
    for neuron in chosen_neurons(evidence):
        low, high = spike_window(evidence, neuron.column)
        assert 0 <= low < high <= stop and high - low == pytest.approx(BEFORE + AFTER)
        trains = [
            upward_crossings(r.time, r.membrane[:, neuron.column])[0]
            for r in (evidence.rungs[0], evidence.rungs[-1])
        ]
        spikes = np.concatenate(trains)
        assert not spikes.size or ((spikes >= low) & (spikes <= high)).any()


def test_the_enlarged_prediction_holds_the_largest_difference(evidence):
    """No stretch of the same length differs more between model and circuit."""
    task, rungs = evidence.task, [evidence.rungs[0], evidence.rungs[-1]]
    low, high = zoom(task, rungs)
    squares = (task.prediction(rungs[0]) - task.prediction(rungs[1]))[:, 0] ** 2 * task.mask
    shown = squares[(task.time > low + 1e-9) & (task.time <= high + 1e-9)]
    length = len(shown)
    assert shown.sum() == pytest.approx(
        max(squares[k : k + length].sum() for k in range(len(squares) - length + 1))
    )


def test_the_lines_are_the_waveforms(evidence):
    """Truth, model and circuit are drawn as stored; so is each chosen neuron."""
    with styled():
        prediction, waves = prediction_figure(evidence), waveform_figure(evidence)
    lines = {
        line.get_label().split(",")[0]: line.get_xydata() for line in prediction.figure.axes[0].get_lines()
    }
    task = evidence.task
    np.testing.assert_allclose(lines["truth"][task.mask, 1], task.targets[task.mask, 0])
    assert not task.mask.all() and np.isnan(lines["truth"][~task.mask, 1]).all()  # no truth where none counts
    np.testing.assert_allclose(lines["circuit"][:, 1], evidence.task.prediction(evidence.rungs[-1])[:, 0])
    first = chosen_neurons(evidence)[0]
    drawn = {line.get_label(): line.get_xydata() for line in waves.figure.axes[0].get_lines()}
    np.testing.assert_allclose(drawn["model"][:, 1], evidence.rungs[0].membrane[:, first.column])


def test_the_title_says_how_much_of_the_series_is_shown(evidence):
    """All 700 samples that the configuration draws, or the first of them where fewer are simulated."""
    assert shown_part(evidence) == "The whole held-out series"
    longer = replace(
        evidence, config_text=CONFIGURATION.replace("held_out_samples = 700", "held_out_samples = 900")
    )
    assert shown_part(longer) == "The first 700 samples of the held-out series"


def test_a_gap_of_the_truth_stays_a_gap():
    """In a thinned trace, too: its peaks and its gap are kept; a number alone between gaps is found."""
    values = np.sin(np.arange(5000.0))
    values[1000:2000] = np.nan
    values[1500] = 7.0
    time, thinned = envelope(np.arange(5000.0), values, columns=100)
    assert np.nanmax(thinned) == 7.0 and len(thinned) < 400
    inside = thinned[(time >= 1000) & (time < 2000)]
    assert set(inside[np.isfinite(inside)]) == {7.0} and np.isnan(inside).sum() >= 10
    assert alone(np.array([1.0, np.nan, 2.0, 3.0, np.nan, 4.0])) == [0, 5]


def test_titles_of_waveforms_stay_apart(evidence, monkeypatch):
    """Also where one neuron was chosen for two reasons and its row says both."""
    first, *others = chosen_neurons(evidence)
    reasons = "most active, 18 spikes; largest difference, 0.287 V0 rms from model to circuit"
    chosen = (replace(first, name="hidden_17", why=reasons), *others)
    monkeypatch.setattr("excitable.report.figures.waveforms.chosen_neurons", lambda _: chosen)
    with styled():
        figure = waveform_figure(evidence).figure
        figure.draw_without_rendering()
    for left, right in zip(figure.axes[::2], figure.axes[1::2], strict=True):
        assert left._left_title.get_window_extent().x1 < right._left_title.get_window_extent().x0


def test_the_ladder_draws_every_neuron(evidence):
    """The dots of each step are the neurons' rms differences of that step."""
    with styled():
        axes = ladder_figure(evidence).figure.axes[1]
    dots = [line.get_xdata() for line in axes.get_lines() if line.get_marker() == "o"]
    for drawn, comparison in zip(dots, evidence.ladder.adjacent, strict=True):
        np.testing.assert_allclose(sorted(drawn), sorted(neuron.rms_v0 for neuron in comparison.neurons))


def test_curves_meet_where_the_slow_parts_are_frozen_and_bands_fall(evidence):
    """All curves of a neuron have one current at the frozen voltage; a broad band lies only where a curve falls."""
    found = neuron_curves(evidence)
    with styled():
        panels = curve_figure(found).figure.axes
    for axes, neuron in zip(panels, found, strict=True):
        currents = [
            float(c.function(neuron.values, rest=neuron.rest)(np.array([neuron.rest]))[0])
            for c in neuron.curves.values()
        ]
        assert currents == pytest.approx([currents[0]] * 3)
        bands = [line.get_ydata() for line in axes.get_lines() if line.get_linewidth() > 5]
        assert len(bands) == sum(len(regions) for regions in neuron.regions.values())
        assert all((np.diff(band) < 1e-9).all() for band in bands)


def test_the_picture_of_the_readme_has_its_size(evidence):
    """1600 by 500 pixels."""
    with styled():
        drawing = overview_figure(evidence, neuron_curves(evidence))
    assert imread(io.BytesIO(png_of(drawing.figure, dpi=100))).shape[:2] == (500, 1600)


@pytest.mark.slow
def test_drawing_changes_no_global_setting(evidence):
    """A report leaves matplotlib as it found it."""
    before = dict(mpl.rcParams)
    write_report(evidence.folder)
    assert dict(mpl.rcParams) == before


def test_an_svg_in_a_page_keeps_its_text_and_takes_the_page_s_colours():
    """Text stays text, colours become variables, ids get their prefix, and nothing names an address."""
    with styled():
        figure = new_figure(2.0)
        axes = figure.subplots()
        axes.plot([0, 1], [0, 1], color=colour("model"), label=literal("a $b < #0072b2 & c"))
        axes.set_xlim(0.2, 0.8)
        axes.legend()
        svg = svg_of(figure)
    assert 'style="' in svg and "#0072b2" in svg.replace("&lt; #0072b2", "")
    page = inline_svg(svg, prefix="one", title="A <title>", description='"quoted"')
    assert "a $b &lt; #0072b2 &amp; c" in page
    assert "var(--model)" in page and "://" not in page and "xmlns" not in page
    ids = re.findall(r'\bid="([^"]*)"', page)
    assert ids and all(name.startswith("one-") for name in ids)
    assert set(re.findall(r"url\(#([^)]*)\)", page)) <= set(ids)
    assert 'aria-label="A &lt;title&gt;. &quot;quoted&quot;"' in page
    with pytest.raises(ValueError, match="prefix"):
        inline_svg(svg, prefix='x" onload="', title="", description="")


def test_names_are_drawn_as_they_are():
    """Dollars make no formula, also unbalanced ones, and what cannot be printed is left out."""
    with styled():
        figure = Figure()
        figure.subplots().set_title(literal("$\\frac{ $ \x00\n cost$"))
        assert "$\\frac{ $  cost$" in svg_of(figure)


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_text_and_lines_stand_out_from_their_ground(theme):
    """Contrast by WCAG 2.2: text at least 4.5 to 1 on the page and on boxes, lines at least 3 to 1 (1.4.3, 1.4.11)."""
    grounds = [luminance(getattr(PALETTE[name], theme)) for name in ("paper", "shade")]
    for role, value in PALETTE.items():
        if role in ("paper", "shade", "grid"):
            continue
        least = 4.5 if role in ("ink", "muted", "model", "fault") else 3.0
        for ground in grounds[: 2 if least > 4 else 1]:
            assert contrast(luminance(getattr(value, theme)), ground) >= least, (role, theme)


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_the_colour_blind_tell_lines_of_one_figure_apart(theme):
    """Seen with all cones, without red or without green ones (Vienot, Brettel & Mollon, Color Res. Appl. 24, 1999),
    lines that share axes differ by at least 0.1 in Oklab, five times what is just seen (Ottosson 2020).
    """
    groups = (("model", "circuit", "truth"), ("model", "equation", "circuit"), ("fast", "slow", "ultraslow"))
    for group in groups:
        for one, other in combinations(group, 2):
            for cones in (np.eye(3), NO_RED, NO_GREEN):
                pair = [oklab(cones @ linear(getattr(PALETTE[name], theme))) for name in (one, other)]
                assert np.linalg.norm(pair[0] - pair[1]) >= 0.1, (one, other)


NO_RED = np.array([[0.11238, 0.88762, 0], [0.11238, 0.88762, 0], [0.00401, -0.00401, 1]])
NO_GREEN = np.array([[0.29275, 0.70725, 0], [0.29275, 0.70725, 0], [-0.02234, 0.02234, 1]])
TO_CONES = np.array(
    [
        [0.4122214708, 0.5363325363, 0.0514459929],
        [0.2119034982, 0.6806995451, 0.1073969566],
        [0.0883024619, 0.2817188376, 0.6299787005],
    ]
)
TO_OKLAB = np.array(
    [
        [0.2104542553, 0.7936177850, -0.0040720468],
        [1.9779984951, -2.4285922050, 0.4505937099],
        [0.0259040371, 0.7827717662, -0.8086757660],
    ]
)


def oklab(light):
    """Oklab of linear sRGB, (3,)."""
    return TO_OKLAB @ np.cbrt(TO_CONES @ np.clip(light, 0, 1))


def linear(text):
    """Linear light of an sRGB colour, (3,)."""
    s = np.array([int(text[k : k + 2], 16) for k in (1, 3, 5)]) / 255
    return np.where(s <= 0.04045, s / 12.92, ((s + 0.055) / 1.055) ** 2.4)


def luminance(text):
    return float(linear(text) @ [0.2126, 0.7152, 0.0722])


def contrast(one, other):
    return (max(one, other) + 0.05) / (min(one, other) + 0.05)


def test_a_silent_run_says_so_instead_of_warning(evidence):
    """Without a spike, activity and gradient have no logarithm; a baseline far above the axis takes no room."""
    silent = [
        {"step": step, "split": "train", "error": 1.0, "duty_cycle": 0.0, "spikes": 0.0, "gradient_norm": 0.0}
        for step in (1, 2)
    ]
    task = replace(evidence.task, inputs=100 * evidence.task.inputs)  # persistence errs by about 100
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        svg = svg_of(training_figure(replace(evidence, metrics=silent, task=task)).figure)
    assert "no activity" in svg and "no gradient" in svg and "persistence" not in svg


def test_a_figure_of_a_notebook_follows_light_and_dark(evidence):
    """Each colour is the palette's pair for both grounds, the ground is the page's; no black or white is left."""
    svg = adaptive_svg(ladder_figure(evidence).figure, title="a ladder <of rungs>")
    for role in ("ink", "muted", "model", "circuit"):
        assert f"light-dark({PALETTE[role].light}, {PALETTE[role].dark})" in svg, role
    assert not re.search(r"#0{6}|(?<!light-dark\()#f{6}|var\(--", svg) and "<of" not in svg
