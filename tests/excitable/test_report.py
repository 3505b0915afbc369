"""The page: its numbers are the comparison's, its sentences follow from them, and it needs and trusts nothing else."""

import base64
import doctest
import json
import re
import shutil
from dataclasses import replace
from html.parser import HTMLParser
from types import SimpleNamespace

import pytest
from report_examples import (
    CONFIGURATION,
    TASK,
    network_of,
    rungs_of,
    save_run_waveforms,
    trained_run,
    whole_run,
)

from conductance.errors import ExcitableError
from conductance.storage import save_network
from excitable.ladder.series import ladder
from excitable.ladder.steps import steps, total_rms, whole_way
from excitable.report import ReportError, read_run, verdict, write_report
from excitable.report.circuits import changes
from excitable.report.verdict import number, percent
from netlists.comparison import Ladder

VOID = {"meta", "br", "hr", "img", "input", "link"}


class Page(HTMLParser):
    """A page taken apart: tags, all text, text by section, and faults of its nesting."""

    def __init__(self, text):
        super().__init__()
        self.tags, self.open, self.faults, self.words, self.sections = [], [], [], [], {}
        self.feed(text)
        self.close()

    def handle_starttag(self, tag, attributes):
        self.tags.append((tag, dict(attributes)))
        if tag not in VOID:
            self.open.append((tag, dict(attributes)))

    def handle_startendtag(self, tag, attributes):
        self.tags.append((tag, dict(attributes)))

    def handle_endtag(self, tag):
        if not self.open or self.open[-1][0] != tag:
            self.faults.append(f"</{tag}> at {self.getpos()}")
        else:
            self.open.pop()

    def handle_data(self, data):
        if self.open and self.open[-1][0] != "style":
            self.words.append(data)
            section = next((a["id"] for t, a in self.open if t == "section"), "")
            self.sections[section] = self.sections.get(section, "") + data

    @property
    def text(self):
        return re.sub(r"\s+", " ", "".join(self.words))


@pytest.mark.parametrize(
    ("distances", "wanted"),
    [([1.0] * 10, 9), ([3, 1, 1], 2), ([10, 1, 1], 1), ([1, 0, 0], 1), ([1, 1, 1, 1], 4)],
)
def test_nine_tenths_of_the_difference_lie_in_the_fewest_neurons(distances, wanted):
    """The squares of the largest ones, added up until nine tenths of all are reached."""
    neurons = [SimpleNamespace(rms_v0=float(distance)) for distance in distances]
    squares = sorted((neuron.rms_v0**2 for neuron in neurons), reverse=True)
    found = verdict._carriers(SimpleNamespace(neurons=neurons))
    assert found == wanted
    assert sum(squares[:found]) >= 0.9 * sum(squares) * (1 - 1e-12) > sum(squares[: found - 1])


def test_each_error_is_over_that_of_its_own_model():
    """Before retraining over the model before, after it over the model after; none where either is missing."""
    before, after = (
        SimpleNamespace(
            rungs=[SimpleNamespace(name=name, task_error=error) for name, error in errors.items()]
        )
        for errors in (
            {"discrete": 0.2, "continuous": 0.3, "behavioural": 0.5},
            {"discrete": 0.1, "continuous": 0.4, "transistor": 0.6},
        )
    )
    found = {each.rung: each for each in changes(SimpleNamespace(before=before, ladder=after))}
    assert {name: (each.ratio_before, each.ratio_after) for name, each in found.items()} == {
        "discrete": (1.0, 1.0),
        "continuous": (pytest.approx(1.5), pytest.approx(4.0)),
        "behavioural": (pytest.approx(2.5), None),
        "transistor": (None, pytest.approx(6.0)),
    }
    assert changes(SimpleNamespace(before=None, ladder=after)) == ()


def rows_of(text, section):
    """First cell of each table row in a section -> its (exact, shown) numbers."""
    part = re.search(rf'<section id="{section}">(.*?)</section>', text, re.DOTALL)[1]
    found = {}
    for row in re.findall(r"<tr.*?</tr>", part, re.DOTALL):
        head = re.sub(r"<[^>]*>", "", re.search(r"<th[^>]*>(.*?)</th>", row, re.DOTALL)[1])
        cells = re.findall(r'<data value="([^"]*)">(.*?)</data>|<span class="none">(none)</span>', row)
        found[head] = [(None, none) if none else (float(exact), shown) for exact, shown, none in cells]
    return found


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    folder = tmp_path_factory.mktemp("runs") / "small"
    found = whole_run(folder)
    return folder, found, write_report(folder).read_text(encoding="utf-8")


def test_every_number_of_the_ladder_stands_in_the_page(run):
    """Steps, rungs and neurons: the exact values are the comparison's, and what is shown is that value rounded."""
    _, found, text = run
    rows = rows_of(text, "ladder")
    late = lambda c: c.worst_median_time_error_tau_m  # noqa: E731
    expected = {
        f"{' → '.join(step.names)}": [step.rms, step.comparison.worst_rms_v0, step.comparison.matched,
                                      step.comparison.missing, step.comparison.extra, late(step.comparison)]
        for step in steps(found)
    }  # fmt: skip
    way = whole_way(found)
    expected["model → circuit"] = [
        total_rms(way),
        way.worst_rms_v0,
        way.matched,
        way.missing,
        way.extra,
        late(way),
    ]
    for name, rung in zip(("model", "equation", "circuit"), found.rungs, strict=True):
        expected[name] = [rung.task_error, rung.spikes, rung.communication, rung.computation]
    for n in way.neurons:
        expected[n.neuron] = [n.rms_v0, n.nrmse, n.reference_spikes, n.candidate_spikes, n.missing, n.extra,
                              n.median_time_error_tau_m, n.max_time_error_tau_m]  # fmt: skip
    for head, values in expected.items():
        assert [exact for exact, _ in rows[head]] == values, head
        for exact, shown in rows[head]:
            assert shown == number(exact)


def test_the_four_numbers_are_the_rungs_and_the_baselines(run):
    """Model and circuit have the ladder's errors; persistence is measured on the same series; the mean has 1."""
    _, found, text = run
    values = [float(v) for v in re.findall(r'class="value"><data value="([^"]*)">', text)]
    split = TASK.generate(0).held_out
    persistence = TASK.error(split.inputs, split)
    assert values == pytest.approx(
        [found.rungs[0].task_error, found.rungs[-1].task_error, persistence, 1.0], rel=1e-6
    )


def test_a_share_is_a_part_of_what_the_way_can_be(run):
    """Shares add up to 1, and the whole way is no longer than the sum of the steps (triangle inequality)."""
    _, found, _ = run
    costs = steps(found)
    assert sum(step.share for step in costs) == pytest.approx(1)
    assert total_rms(whole_way(found)) <= sum(step.rms for step in costs) * (1 + 1e-6)


@pytest.mark.parametrize(("delay", "cause"), [(0.002, "discretisation"), (3.0, "simulation of the netlist")])
def test_the_verdict_names_the_step_that_causes_most(delay, cause):
    """A circuit that follows the equation leaves discretisation; one that is late by 3 tau_m is the cause itself."""
    network, data = network_of("mtc"), TASK.generate(0)
    found = ladder(network, rungs_of(network, data, delay=delay), data.held_out, TASK, dt=0.2)
    sentences = verdict.verdict(found, persistence=0.5)
    (blame,) = [sentence for sentence in sentences if "causes most of it" in sentence]
    assert f": {cause}" in blame
    worst = max(steps(found), key=lambda step: step.share)
    assert percent(worst.share) in blame
    assert any(worst.cause.remedy in sentence for sentence in sentences)


def test_the_verdict_says_better_worse_or_the_same(run):
    """An error 1 % off is as good, 20 % above worse, 20 % below better; so it is against the baselines."""
    _, found, _ = run
    model = found.rungs[0].model_copy(update={"task_error": 0.5})
    for factor, words in ((1.01, "as well as"), (1.2, "worse than"), (0.8, "better than")):
        circuit = found.rungs[-1].model_copy(update={"task_error": 0.5 * factor})
        changed = found.model_copy(update={"rungs": (model, *found.rungs[1:-1], circuit)})
        sentences = verdict.verdict(changed, persistence=0.55)
        assert words in sentences[-1]
        assert ("is better than the two" in sentences[-2]) == (0.5 * factor < 0.55)
        assert sentences[0].startswith("The time step dominates")


def test_equal_rungs_have_no_step_to_blame(run):
    """Where nothing differs, no share is divided by zero and no remedy is offered."""
    folder, _, _ = run
    rungs = read_run(folder).rungs
    same = [replace(rungs[1], rung=rung.rung) for rung in rungs]
    network, data = network_of("mtc"), TASK.generate(0)
    found = ladder(network, same, data.held_out, TASK, dt=0.2)
    sentences = " ".join(verdict.verdict(found, 0.5))
    assert "are the same" in sentences and "causes" not in sentences and "nearer" not in sentences


def test_the_page_is_well_formed(run):
    """Tags nest, ids are unique, links inside lead somewhere, and every picture says what it shows."""
    page = Page(run[2])
    assert not page.faults and not page.open
    ids = [a["id"] for _, a in page.tags if "id" in a]
    assert len(ids) == len(set(ids))
    inner = [a["href"][1:] for _, a in page.tags if a.get("href", "").startswith("#")]
    inner += re.findall(r"url\(#([^)]*)\)", run[2])
    assert inner and set(inner) <= set(ids)
    pictures = [a for tag, a in page.tags if tag == "svg"]
    assert len(pictures) == 5
    assert all(a["role"] == "img" and len(a["aria-label"]) > 40 for a in pictures)


def test_no_request_leaves_the_machine(run):
    """No script, no address, no file that a browser would load; only links that a reader may follow to own files."""
    folder, _, text = run
    page = Page(text)
    assert not {"script", "link", "iframe", "object", "embed", "img", "base", "form"} & {
        tag for tag, _ in page.tags
    }
    assert "://" not in text and "@import" not in text and "javascript:" not in text
    assert not [a for _, a in page.tags if any(name.startswith("on") for name in a)]
    assert not re.findall(r"url\((?!#)", text)
    targets = [a["href"] for _, a in page.tags if "href" in a]
    files = [t for t in targets if not t.startswith(("#", "data:text/plain;"))]
    assert files and all((folder / name).is_file() for name in files)
    policy = next(
        a["content"] for tag, a in page.tags if tag == "meta" and "content" in a and "default" in a["content"]
    )
    assert policy.startswith("default-src 'none'")


def test_the_files_to_download_are_the_run_s(run):
    """Every link carries the bytes of its file."""
    folder, _, text = run
    links = {a["download"]: a["href"] for _, a in Page(text).tags if "download" in a}
    assert {"network.lib", "network.cir", "network_bench.cir", "comparison.json", "config.toml"} == set(links)
    for name, link in links.items():
        (path,) = [p for p in (folder / name, folder / "netlists" / name) if p.is_file()]
        assert base64.b64decode(link.split("base64,")[1]) == path.read_bytes()


@pytest.mark.slow
def test_the_page_is_small_and_always_the_same(run):
    """The same folder gives the same page, byte for byte, far below 5 MB; nothing half-written is left."""
    folder, _, text = run
    assert write_report(folder).read_text(encoding="utf-8") == text
    assert len(text) < 1_500_000
    assert not list(folder.rglob(".*.part*"))


def test_what_users_write_is_shown_and_never_obeyed(tmp_path, run):
    """Markup, quotes, backslashes and dollars in names, texts and errors stay text."""
    hostile = '<script>alert("1")<b>\\ $a_b$ &amp; {{ 7 * 7 }}'
    folder = tmp_path / hostile
    shutil.copytree(run[0], folder)
    names = dict(zip(("hidden_0", "hidden_1"), ("<script>$", 'a"b\\c'), strict=True))
    evidence, data = read_run(folder), TASK.generate(0)
    renamed = [
        replace(rung, neurons=tuple(names.get(name, name) for name in rung.neurons))
        for rung in evidence.rungs
    ]
    save_run_waveforms(folder, renamed, data, {"input": "x", "target": "<img src=x onerror=alert(1)>"})
    stored = json.loads((folder / "comparison.json").read_text())
    for comparison in stored["comparisons"]:
        for neuron in comparison["neurons"]:
            neuron["neuron"] = names.get(neuron["neuron"], neuron["neuron"])
    stored["task_error_name"] = stored["rungs"][0]["meaning"] = "</td><script>z</script> $\\frac$"
    (folder / "comparison.json").write_text(json.dumps(stored))
    (folder / "environment.json").write_text(json.dumps({hostile: {"<i>": "</section><script>x</script>"}}))
    (folder / "config.toml").write_text(CONFIGURATION.replace("small", "</code><script>y</script>"))
    text = write_report(folder).read_text(encoding="utf-8")
    page = Page(text)
    assert not page.faults and not page.open
    assert not {"script", "img"} & {tag for tag, _ in page.tags}
    assert "<script" not in text and "<img" not in text
    for shown in (hostile, "<i>", "</section><script>x</script>", "</td><script>z</script> $\\frac$", "<script>$",
                  "<img src=x onerror=alert(1)>", "</code><script>y</script>", 'a"b\\c'):  # fmt: skip
        assert shown in page.text


def test_a_trained_run_names_what_comes_next(tmp_path):
    """After training alone the page shows the training curve and the curves, and the commands that make the rest."""
    folder = tmp_path / "runs" / "trained"
    trained_run(folder)
    page = Page(write_report(folder).read_text(encoding="utf-8"))
    for command in ("excitable export trained", "excitable simulate trained", "excitable compare trained"):
        assert command in page.sections["result"]
    names = sorted(path.name for path in (folder / "figures").glob("*.svg"))
    assert names == ["curves.svg", "training.svg"]
    assert not page.faults


def test_a_neuron_with_a_reset_has_no_circuit_yet(tmp_path):
    """Its page says so, in place of commands that would fail."""
    folder = tmp_path / "adlif"
    trained_run(folder, "adlif")
    page = Page(write_report(folder).read_text(encoding="utf-8"))
    assert "no circuit exists yet for neurons with a reset (adlif)" in page.sections["result"]
    assert "excitable simulate" not in page.text and not page.faults


@pytest.mark.slow
def test_model_and_equation_without_a_circuit(tmp_path, run):
    """Waveforms without a circuit are shown; the circuit's number is left out, not filled in."""
    folder = tmp_path / "half"
    folder.mkdir()
    for name in ("model.json", "model.safetensors"):
        shutil.copy(run[0] / name, folder)
    save_run_waveforms(folder, list(read_run(run[0]).rungs[:2]), TASK.generate(0), {})
    text = write_report(folder).read_text(encoding="utf-8")
    values = re.findall(r'class="value">(.*?)</div>', text)
    assert float(re.search(r'value="([^"]*)"', values[0])[1]) == pytest.approx(run[1].rungs[0].task_error)
    assert 'class="none"' in values[1] and "not simulated yet" in text


def test_bad_folders_are_one_clear_error(tmp_path, run):
    """No folder, an empty one, damaged files: the message names the file and what to do; an old page stays."""
    with pytest.raises(ReportError, match="no such run folder"):
        write_report(tmp_path / "none")
    (tmp_path / "empty").mkdir()
    with pytest.raises(ReportError, match=r"nothing to report.*excitable train"):
        write_report(tmp_path / "empty")
    for name, content in (
        ("waveforms.nc", b"no such format"),
        ("comparison.json", b'{"schema_version": 1}'),
        ("environment.json", b"[1, 2"),
        ("model.json", b"{"),
    ):
        folder = tmp_path / name
        shutil.copytree(run[0], folder)
        (folder / name).write_bytes(content)
        with pytest.raises(ExcitableError, match=re.escape(name)):
            write_report(folder)
        assert (folder / "report.html").read_text(encoding="utf-8") == run[2]


@pytest.mark.slow
def test_a_network_alone_has_a_report_with_or_without_a_configuration(tmp_path):
    """A network that a program saved by itself gets a page; a configuration with faults is shown with them."""
    folder = tmp_path / "bare"
    folder.mkdir()
    save_network(network_of("mtc"), folder)
    page = Page(write_report(folder).read_text(encoding="utf-8"))
    assert "There is no config.toml" in page.text and not page.faults
    (folder / "config.toml").write_text(CONFIGURATION.replace("hidden = 5", "hidden = -5"))
    page = Page(write_report(folder).read_text(encoding="utf-8"))
    assert "network.hidden = -5" in page.sections["settings"] and not page.faults


def test_the_ladder_read_back_is_the_one_written(run):
    """What the report reads is what the comparison wrote."""
    folder, found, _ = run
    assert read_run(folder).ladder == found == Ladder.from_json((folder / "comparison.json").read_text())


def test_the_examples_in_docstrings_hold():
    """Numbers, shares and their short forms are written as documented."""
    from excitable.report import style

    for module in (verdict, style):
        results = doctest.testmod(module)
        assert results.attempted and not results.failed
