"""The exported studio in Chromium: from disk, links restored exactly, hostile ones refused, by keyboard alone."""

import math
import re
from importlib.resources import files

import numpy as np
import pytest

from benchmarks.browser import CUT_OFF, chromium, opened
from conductance import PRESETS, integrate
from conductance.shaping.episodes import Watch, bursts
from excitable.studio import export
from excitable.studio.catalogue import signature

pytestmark = pytest.mark.browser
SETTLED = 400
"""Milliseconds after which texts and the address have followed a change."""


@pytest.fixture(scope="module")
def browser():
    with chromium() as running:
        yield running


@pytest.fixture(scope="module")
def address(tmp_path_factory):
    return export(tmp_path_factory.mktemp("studio") / "studio.html").as_uri()


@pytest.fixture
def studio(browser, address):
    """The page as it opens; it must end without an error and without a request to anything but itself."""
    with opened(browser, address) as found:
        found.page.wait_for_selector(".verdict strong:not(:empty)")
        yield found.page
        assert found.faults == []
        assert [url for url in found.requests if not url.startswith(("file:", "blob:", "data:"))] == []


def choose(page, name):
    page.select_option("header select", label=name)
    page.wait_for_timeout(SETTLED)


@pytest.mark.parametrize(("name", "seen"), [
    ("bursting", "bursts of 3 spikes"), ("slow bursting", "bursts of 7 spikes"),
    ("phasic burst", "6 spikes, then silence"), ("phasic spike", "one spike, then silence"),
    ("excitable", "one spike, then silence"),
    ("slow bursting, filters saturate at 1", "bursts of 13 spikes"), ("tonic", "one every 32.6"),
])  # fmt: skip
def test_presets_do_what_is_known_of_them(studio, name, seen):
    """The browser's own step gives the known spike counts of docs/models.md."""
    choose(studio, name)
    assert seen in studio.inner_text(".verdict")


def test_every_neuron_is_shown(studio):
    """Each example opens, says what it does, and has a Python text; none needs code of its own."""
    names = [
        option.inner_text() for option in studio.query_selector_all("header select option:not([hidden])")
    ]
    assert set(PRESETS) < set(names) and {"mtc", "qif", "dqif", "lif", "adlif", "dlif"} < set(names)
    for place, name in enumerate(names):
        studio.select_option("header select", value=str(place))
        studio.wait_for_timeout(60)
        assert studio.inner_text(".verdict strong"), name


def test_the_page_and_the_package_tell_bursts_by_the_same_intervals(studio):
    """Spikes at two distances are bursts to both or to neither, on either side of the package's ratio."""
    generator = np.random.default_rng(5)
    ratio = Watch().ratio
    source = (files("excitable.studio") / "assets" / "numerics.js").read_text(encoding="utf-8")
    told = []
    for factor in (0.8 * ratio, 0.99 * ratio, 1.01 * ratio, 1.3 * ratio, 4 * ratio):
        spikes = np.cumsum(generator.permutation([1.0] * 40 + [factor] * 12))
        duration = spikes[-1] + 0.5
        found = studio.evaluate(
            f"([spikes, duration]) => {{ {source}\n return observed(spikes, duration, 0, 'tau_m'); }}",
            [spikes.tolist(), duration],
        )
        wanted = max(bursts(spikes[spikes >= duration / 5], ratio), default=0) > 1
        assert ("burst" in found["name"]) == wanted, factor
        told.append(wanted)
    assert told == [False, False, True, True, True]


def test_a_link_restores_the_exact_state(browser, studio, address):
    """A page opened with the address of another has its parameters to the last bit, and its picture."""
    choose(studio, "bursting")
    field = studio.get_by_label("δ s−, value")
    field.fill("-0.8765432")
    field.press("Enter")
    studio.wait_for_timeout(SETTLED)
    assert studio.locator("header select").evaluate("(e) => e.selectedOptions[0].label") == "own values"
    with opened(browser, address + "#" + studio.url.split("#")[1]) as other:
        other.page.wait_for_timeout(SETTLED)
        assert other.page.url.split("#")[1] == studio.url.split("#")[1]
        assert "delta_s_minus=-0.876543" in other.page.url
        assert other.page.inner_text(".verdict") == studio.inner_text(".verdict")


@pytest.mark.parametrize("link", [
    "neuron=__proto__", "neuron=constructor&tau_m=1", "neuron=mtc&tau_s=NaN", "neuron=mtc&tau_s=1e999", "%%%&&==",
    "neuron=<script>alert(1)</script>", "neuron=lif&tau_m=1&R=1&U_rest=0&theta=1&stimulus=evil", "a=" + "9" * 9000,
])  # fmt: skip
def test_a_hostile_link_is_ignored_with_a_message(browser, address, link):
    """Nothing of a broken state is used, nothing runs, and the page says so."""
    with opened(browser, address + "#" + link) as found:
        found.page.wait_for_selector(".verdict strong:not(:empty)")
        assert "ignored" in found.page.inner_text(".message")
        assert found.page.inner_text(".verdict strong") == "tonic spiking"
        assert found.faults == []


@pytest.mark.parametrize("typed", ["NaN", "", "1e99", "-3", "0", "two", "Infinity"])
def test_an_absurd_value_is_refused_in_words(studio, typed):
    """The field says what is allowed and keeps the value that was."""
    field = studio.get_by_label("τ s, value")
    before = field.input_value()
    field.fill(typed)
    field.press("Enter")
    problem = studio.locator(".slider", has=field).locator(".problem")
    assert (
        "must lie in (0, inf)" in problem.inner_text() or "is not a number that fits" in problem.inner_text()
    )
    assert field.input_value() == before


def test_a_broken_link_is_told_what_is_wrong(studio):
    """While the studio is open, too; the state stays, the address is its own again, a change ends the message."""
    studio.wait_for_timeout(SETTLED)
    own = studio.url.split("#")[1]
    for link, says in (
        ("neuron=nobody", "neuron “nobody” is not here"),
        (f"{own}&version=2", "“version” is not known here"),
        (f"{own}&start=1", "start stands in it twice"),
        ("[]", "it names no neuron"),
        (re.sub(r"duration=\d+", "duration=1e6", own), "duration must lie between 4 and 12000"),
    ):
        studio.evaluate("(link) => { location.hash = link; }", link)
        studio.wait_for_timeout(100)
        assert says in studio.inner_text(".message") and studio.url.split("#")[1] == own
    studio.get_by_label("τ s", exact=True).press("ArrowRight")
    studio.wait_for_timeout(100)
    assert not studio.locator(".message").is_visible()


def test_what_the_steps_cannot_resolve_gets_no_regime(studio):
    """The trace of steps that are too long is no regime of the neuron, and the studio says what helps."""
    for name, label, value in (("tonic", "τ s", "1e-300"), ("bursting", "α s+", "1e5"), ("qif", "I", "1e6")):
        studio.select_option("header select", label=name)
        field = studio.get_by_label(f"{label}, value")
        field.fill(value)
        field.press("Enter")
        studio.wait_for_timeout(100)
        assert studio.inner_text(".verdict strong") == "not resolved"
        assert "A shorter window takes shorter steps" in studio.inner_text(".verdict")


def test_escape_takes_typing_back_and_a_refused_slider_returns(studio):
    """Typed text that was not entered is dropped; tau_s cannot pass tau_us, and its slider stays with it."""
    choose(studio, "bursting")
    field, slider = studio.get_by_label("τ s, value"), studio.get_by_label("τ s", exact=True)
    before = field.input_value(), slider.input_value()
    field.fill("77")
    field.press("Escape")
    field.press("Tab")
    assert field.input_value() == before[0]
    studio.get_by_label("τ us, value").fill("21")
    studio.get_by_label("τ us, value").press("Enter")
    slider.press("End")
    studio.wait_for_timeout(100)
    assert (field.input_value(), slider.input_value()) == before
    assert "tau_s < tau_us" in studio.locator(".slider", has=field).locator(".problem").inner_text()


PICTURE = "[...document.querySelectorAll('canvas')].slice(0, -1).map((each) => each.toDataURL()).join()"
"""All plots but the bifurcation diagram, whose worker takes its time."""


@pytest.mark.slow
def test_twenty_changes_are_undone_and_their_link_draws_the_same_picture(browser, studio, address):
    """Undo gives the first state and picture exactly; another profile draws every pixel of the linked one."""
    choose(studio, "bursting")
    studio.reload()
    studio.wait_for_timeout(SETTLED)
    first, drawn = studio.url, studio.evaluate(PICTURE)
    draw = np.random.default_rng(3)
    for _ in range(20):
        fields = studio.locator(".slider input[type=text]:visible")
        field = fields.nth(int(draw.integers(fields.count())))
        field.fill(str(float(field.input_value()) * 1.03 + 0.01))
        field.press("Enter")
    studio.wait_for_timeout(SETTLED)
    with opened(browser, studio.url) as other:
        other.page.wait_for_timeout(SETTLED)
        assert other.page.evaluate(PICTURE) == studio.evaluate(PICTURE)
    for _ in range(20):
        studio.get_by_role("button", name="Undo").click()
    studio.wait_for_timeout(SETTLED)
    assert (studio.url, studio.evaluate(PICTURE)) == (first, drawn)


def test_tabs_are_reached_by_arrow_keys(studio):
    """Right, left, home and end move in the list of tabs, and the panel follows."""
    studio.get_by_role("tab", name="Python").focus()
    for key, name in (
        ("ArrowRight", "TOML"),
        ("End", "Network"),
        ("Home", "Python"),
        ("ArrowLeft", "Network"),
    ):
        studio.keyboard.press(key)
        assert studio.evaluate("document.activeElement.textContent") == name
        assert studio.get_by_role("tabpanel", name=name).is_visible()


def test_handles_and_sliders_obey_the_keyboard(studio):
    """Arrow keys on a handle move offset and gain, on a slider the value; Ctrl+Z takes it back."""
    handle, gain, offset = (
        studio.locator(".handle").first, studio.get_by_label("α f−, value"), studio.get_by_label("δ f−, value")
    )  # fmt: skip
    handle.focus()
    studio.keyboard.press("ArrowUp")
    studio.keyboard.press("ArrowLeft")
    studio.wait_for_timeout(100)
    assert (float(gain.input_value()), float(offset.input_value())) == (2.05, -0.05)
    studio.keyboard.press("Control+z")
    studio.wait_for_timeout(100)
    assert (float(gain.input_value()), float(offset.input_value())) == (2.05, 0.0)
    studio.get_by_label("δ f−", exact=True).focus()
    studio.keyboard.press("ArrowRight")
    studio.wait_for_timeout(100)
    assert float(offset.input_value()) > 0


def test_dragging_a_handle_moves_offset_and_gain(studio):
    """To the right is a larger offset; down, on a negative element, is a larger gain."""
    handle = studio.locator(".handle").first
    box = handle.bounding_box()
    studio.mouse.move(box["x"] + 11, box["y"] + 11)
    studio.mouse.down()
    studio.mouse.move(box["x"] + 41, box["y"] + 31)
    studio.mouse.up()
    studio.wait_for_timeout(100)
    assert float(studio.get_by_label("δ f−, value").input_value()) > 0.2
    assert float(studio.get_by_label("α f−, value").input_value()) > 2.2


@pytest.mark.parametrize("width", [390, 800, 1280])
def test_nothing_is_cut_off_and_nothing_overlaps(browser, address, width):
    """With the longest numbers, in every tab, all is within the page and nothing lies on another."""
    with opened(browser, address, width=width) as found:
        page = found.page
        page.wait_for_selector(".verdict strong:not(:empty)")
        choose(page, "bursting")
        for name in ("α f−", "δ s−"):
            field = page.get_by_label(f"{name}, value")
            field.fill("-0.0123456" if "δ" in name else "1.23456")
            field.press("Enter")
        for tab in ("Python", "TOML", "LaTeX", "SPICE", "Schematic", "Network"):
            page.get_by_role("tab", name=tab).click()
            page.wait_for_timeout(100)
            assert page.evaluate(CUT_OFF) == [], tab


def luminance(colour):
    parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in parts]
    return float(np.dot([0.2126, 0.7152, 0.0722], linear))


@pytest.mark.parametrize("dark", [False, True])
def test_text_has_a_contrast_of_at_least_4_5(browser, address, dark):
    """Ink, muted text and the message's colour on paper and shade (WCAG 2.1, 1.4.3)."""
    with opened(browser, address, dark=dark) as found:
        names = ["paper", "shade", "ink", "muted", "fault"]
        colours = found.page.evaluate(
            "(names) => names.map((n) => getComputedStyle(document.documentElement).getPropertyValue('--' + n).trim())",
            names,
        )
    values = dict(zip(names, map(luminance, colours), strict=True))
    for text in ("ink", "muted", "fault"):
        for ground in ("paper", "shade"):
            low, high = sorted((values[text], values[ground]))
            assert (high + 0.05) / (low + 0.05) >= 4.5, (text, ground)


def test_the_drawn_trace_is_the_continuous_equation(studio):
    """Heun's steps give the tonic interval of scipy's tight solution to 0.1 %."""
    preset = PRESETS["tonic"]
    spikes = integrate(preset.neuron, preset.stimulus, 600, start=preset.start).crossings(0.0)
    shown = float(re.search(r"one every ([\d.]+)", studio.inner_text(".verdict")).group(1))
    assert math.isclose(shown, float(np.median(np.diff(spikes[3:]))), rel_tol=1e-3)


def test_the_python_text_declares_the_shown_neuron(studio):
    """Executed, it gives the neuron with the values of the sliders."""
    choose(studio, "slow bursting")
    text = (
        studio.inner_text("[role=tabpanel]:not([hidden]) pre")
        .replace("print(check)", "")
        .split("check = ")[0]
    )
    scope = {}
    exec(text, scope)
    assert scope["neuron"].defaults == PRESETS["slow bursting"].neuron.defaults
    assert signature(scope["neuron"]) == signature(PRESETS["slow bursting"].neuron)


def test_the_schematic_stands_in_the_page(studio):
    """Drawn from disk; a gain of 1.5 at I0 = 2 nA is a bias of 3 nA; a neuron without a circuit says so."""
    choose(studio, "bursting")
    studio.get_by_role("tab", name="Schematic").click()
    studio.wait_for_selector(".schematic img")
    assert studio.evaluate("document.querySelector('.schematic img').naturalWidth") > 300
    studio.get_by_text("circuit units").click()
    field = studio.get_by_label("I0, value")
    field.fill("2e-9")
    field.press("Enter")
    studio.wait_for_timeout(SETTLED)
    rows = [row.inner_text().split("\t") for row in studio.query_selector_all(".schematic tbody tr")]
    assert ["α s−", "bias", "3 nA"] in [row[:3] for row in rows]
    choose(studio, "dqif")
    assert "has no circuit" in studio.inner_text(".schematic")


def test_the_page_is_small(address):
    """The whole page stays under 150 kB."""
    from pathlib import Path
    from urllib.parse import urlsplit

    assert Path(urlsplit(address).path).stat().st_size < 150_000
