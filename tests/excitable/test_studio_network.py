"""The Network tab: one neuron of a trained layer perturbed, and what the network makes of it."""

import re
import shutil
import threading

import numpy as np
import pytest
import torch
from test_config import SMALL

from benchmarks.browser import chromium, opened
from conductance import PRESETS
from conductance.layers import NeuronLayer
from conductance.neurons import mtc
from conductance.parameter import ParameterError
from conductance.stimulus import Stimulus
from conductance.storage import StorageError
from excitable.runs.series import SeriesRun, untrained_network
from excitable.studio import serve
from excitable.studio.catalogue import catalogue, examples
from excitable.studio.perturbed import Perturbation
from excitable.studio.questions import QuestionError
from excitable.studio.run_view import _layer, network_view


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """A small network, saved as if it had been trained."""
    path = tmp_path_factory.mktemp("runs") / "small"
    with SeriesRun.begun(path, SMALL, source="small.toml") as made:
        made.save_network(untrained_network(made.configuration, made.data))
    return SeriesRun(path)


def test_every_neuron_has_its_own_values_and_bias():
    """In the page's numbers, in the order of the layer, and as the current that it begins with."""
    layer = NeuronLayer(mtc(), 3, dt=0.2, values={"tau_s": torch.tensor([20.0, 30.0, 40.0])})
    told = _layer("hidden", layer, "mtc", np.array([-0.5, 0.25, 1.5]))
    assert [neuron["bias"] for neuron in told["neurons"]] == [-0.5, 0.25, 1.5]
    assert [float(neuron["input"]) for neuron in told["neurons"]] == [-0.5, 0.25, 1.5]
    assert [neuron["values"]["tau_s"] for neuron in told["neurons"]] == pytest.approx([20.0, 30.0, 40.0])
    assert [neuron["bias"] for neuron in _layer("hidden", layer, "mtc", None)["neurons"]] == [0.0] * 3


def test_examples_hold_what_their_presets_hold():
    """A pulse begins, lasts and ends as the preset's stimulus, whose later pulses the page has no place for."""
    known = {example.name: example for example in examples()}
    pulsed = [
        preset for preset in PRESETS.values() if preset.before is None and len(preset.stimulus.times) > 1
    ]
    assert len(pulsed) > 1 and all(preset.stimulus.times[1] > 0 for preset in pulsed)
    for preset in pulsed:
        shown, held = known[preset.name], preset.stimulus
        assert shown.shape == "pulse"
        made = Stimulus.pulse(shown.amplitude, start=shown.onset, duration=shown.width, base=preset.current)
        assert made.times == pytest.approx(held.times[:3])
        assert made.values == pytest.approx(held.values[:3])


def asked(run, index=0, **changed):
    """What the page asks, at the trained values but for the changed ones."""
    layer = run.network().chain["hidden"]
    values = {name: float(column.detach()[index]) for name, column in layer.values().items()}
    return {
        "layer": "hidden", "index": index, "values": values | changed.pop("values", {}), "bias": 0.0,
        "trained_bias": 0.0, **changed,
    }  # fmt: skip


def test_an_unchanged_neuron_changes_nothing(run):
    """At its trained values the readout is the trained one, to the rounding of the parameters' transforms."""
    answer = Perturbation(run).answer(asked(run))
    assert np.allclose(*answer["readout"], atol=1e-4)


def test_a_perturbed_neuron_acts_as_in_a_network_of_those_values(run):
    """The readout is that of a network built with the changed value and bias, and the run's own stays."""
    perturbation = Perturbation(run)
    answer = perturbation.answer(asked(run, 1, values={"tau_s": 3.0}, bias=1.5, trained_bias=-0.5))
    network = run.network()
    with torch.no_grad():
        network.chain["encoder"].bias[1] += 2.0
        hidden = network.chain["hidden"]
        values = {name: column.clone() for name, column in hidden.values().items()}
        values["tau_s"][1] = 3.0
        other = type(hidden)(
            hidden.neuron, hidden.size, dt=hidden.dt, method=hidden.rule.method, values=values
        )
        network.layers["hidden"] = other
        expected, _ = network(run.data.held_out.inputs[:2000])
    each = max(1, len(expected) // 600)
    assert np.allclose(answer["readout"][1][0], expected[::each, 0, 0].numpy(), atol=2e-4)
    assert not np.allclose(*answer["readout"], atol=1e-3)
    # both neurons are as trained again, also the one that is not asked for
    for index in (0, 1):
        assert np.allclose(*perturbation.answer(asked(run, index))["readout"], atol=1e-4)


@pytest.mark.parametrize(("changed", "words"), [
    ({"layer": "encoder"}, "is no layer of neurons"), ({"layer": "__class__"}, "is no layer of neurons"),
    ({"index": 10_000}, "allowed are 0 to"), ({"index": True}, "is not in layer"),
    ({"bias": float("nan")}, "is not a finite number"), ({"values": {"tau_s": "x"}}, "is not a finite number"),
])  # fmt: skip
def test_a_bad_perturbation_is_refused_in_words(run, changed, words):
    """Layer, neuron and numbers are checked before anything is computed."""
    with pytest.raises(QuestionError, match=words):
        Perturbation(run).answer(
            {**asked(run), **changed, "values": asked(run, values=changed.get("values", {}))["values"]}
        )


def test_values_that_the_declaration_forbids_are_refused(run):
    """The error names layer and neuron."""
    with pytest.raises(ParameterError, match="layer hidden, neuron 0"):
        Perturbation(run).answer(asked(run, values={"tau_s": -1.0}))


@pytest.mark.parametrize(
    ("name", "words"), [("waveforms.nc", "cannot be read"), ("comparison.json", "cannot be read")]
)
def test_a_damaged_file_hides_no_other(run, tmp_path, name, words):
    """The trained layer is shown, and what is damaged is named with its fix."""
    shutil.copytree(run.path, tmp_path / "copy")
    (tmp_path / "copy" / name).write_text("no")
    found = network_view(SeriesRun(tmp_path / "copy"), catalogue())
    (problem,) = found["problems"]
    assert name in problem and words in problem and [layer["name"] for layer in found["layers"]] == ["hidden"]


def test_a_network_of_another_version_is_refused_in_words(run, tmp_path):
    """Which file, which version, and what helps."""
    shutil.copytree(run.path, tmp_path / "copy")
    file = tmp_path / "copy" / "model.json"
    file.write_text(file.read_text().replace('"version": 1', '"version": 9', 1))
    with pytest.raises(StorageError, match="version 9 and this program reads version 1"):
        network_view(SeriesRun(tmp_path / "copy"), catalogue())


@pytest.mark.browser
def test_dragging_a_handle_moves_the_readout(run):
    """From the Network tab: pick a neuron, drag, read the change, go back to the trained values, leave."""
    server = serve(catalogue(), run)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        with chromium() as browser, opened(browser, server.address) as found:
            page = found.page
            from playwright.sync_api import expect

            page.get_by_role("tab", name="Network").click()
            page.get_by_role("button", name="perturb 1", exact=True).click()
            note, still = expect(page.locator(".perturbed p")), re.compile(r"moves by (0|[\d.]+e-\d+) rms")
            note.to_have_text(still)
            field = page.get_by_label("I, value")
            field.fill("2")
            field.press("Enter")
            note.not_to_have_text(still)
            page.get_by_role("button", name="As trained").click()
            note.to_have_text(still)
            page.get_by_role("button", name="Leave the network").click()
            assert page.locator(".perturbed").count() == 0 and found.faults == []
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
