"""Every command against every kind of run, and against broken runs of each kind: the right result or one sentence."""

import re
import shutil
import sys
from dataclasses import dataclass

import pytest
from test_config import SMALL
from test_event_runs import SMALL as EVENTS
from test_images import SMALL as IMAGES

from excitable import cli
from excitable.config import KINDS
from excitable.ladder.decisions import DecisionLadder
from excitable.runs.kinds import REFUSED, opened
from excitable.studio.server import StudioServer
from netlists.comparison import Ladder

TEXTS = {
    "series": SMALL.replace("warm_up = 20", "warm_up = 2")
    .replace("samples = 50", "samples = 12")
    .replace("hidden = 5", "hidden = 2")
    .replace("dt = 1.0", "dt = 0.4"),
    "events": EVENTS + "[simulation]\nsamples = 2\n",
    "images": IMAGES.replace('[network]\nname = "digits"', '[network]\nname = "dense"')
    + "[simulation]\nsamples = 1\n",
}
TEXTS = {kind: text.replace('name = "small"', f'name = "{kind}"', 1) for kind, text in TEXTS.items()}
"""A configuration of each kind, named after it."""
COMMANDS = {
    "export": (),
    "simulate": (),
    "compare": (),
    "report": (),
    "landscape": ("--directions", "2", "--points", "3", "--plane", "2", "--samples", "2", "--length", "0.01"),
    "plan": {"series": ()},
    "rank": {"series": ("--chips", "2", "--samples", "4")},
    "check": {"series": ("--samples", "4")},
    "conditions": {
        "series": (
            "--corner",
            "tt",
            "--temperature",
            "27",
            "--supply",
            "1.8",
            "--samples",
            "4",
            "--workers",
            "1",
        )
    },
    "energy": {"series": ("--level", "macromodel", "--samples", "4"), "images": ()},
    "sweep": {"series": ("--chips", "1", "--level", "behavioural", "--samples", "4")},
    "retrain": {"series": ("--from-circuit", "macromodel", "--steps", "1", "--run", "retrained")},
    "decide": (),
    "shape": {"series": ("--no-browser",)},
}
"""The options of every command that takes a run, by kind where they differ."""
OTHERS = {"train", "demo", "config", "search", "dataset", "characterise"}
"""Commands that take a configuration, or the name of a data set."""
CLASSES_ONLY = "decide"
"""Takes series that are classified; those of the table are predicted."""
pytestmark = pytest.mark.simulator


@dataclass(frozen=True)
class Done:
    """What a command wrote, and its status."""

    code: int
    out: str
    err: str


def call(capsys, *arguments: str) -> Done:
    """The command line in this process: an exception that is no user's error fails the test with its trace."""
    capsys.readouterr()
    with pytest.MonkeyPatch.context() as patch, pytest.raises(SystemExit) as ended:
        patch.setattr(sys, "argv", ["excitable", *arguments])
        patch.setattr(StudioServer, "serve_forever", _end)
        cli.main()
    return Done(int(ended.value.code or 0), *capsys.readouterr())


def _end(_: StudioServer) -> None:
    raise KeyboardInterrupt


def arguments(command: str, kind: str, run: str) -> tuple[str, ...]:
    options = COMMANDS[command]
    chosen = options.get(kind, ()) if isinstance(options, dict) else options
    return (command, *(("--run", run) if command == "shape" else (run,)), *chosen)


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    """A folder with a run of each kind, trained, simulated and compared by the command line."""
    folder = tmp_path_factory.mktemp("front")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        for kind, text in TEXTS.items():
            (folder / f"{kind}.toml").write_text(text)
            patch.setattr(sys, "argv", ["excitable", "demo", f"{kind}.toml"])
            with pytest.raises(SystemExit) as ended:
                cli.main()
            assert not ended.value.code
    return folder


@pytest.fixture
def here(runs, monkeypatch):
    """The same as the current folder."""
    monkeypatch.chdir(runs)
    return runs


def test_the_table_has_every_command():
    """A new command is in the table, or says that it takes no run; every refusal is of a command in it."""
    assert set(COMMANDS) | OTHERS == {command.__name__ for command in cli.COMMANDS}
    assert {command for command, _ in REFUSED} <= set(COMMANDS) and {kind for _, kind in REFUSED} <= set(
        KINDS
    )


@pytest.mark.parametrize("kind", KINDS)
def test_the_demo_of_each_kind_leaves_a_checked_circuit(here, kind):
    """Train, export, simulate, compare and report of any kind: model and circuit on the same samples."""
    run = opened(kind)
    assert run.configuration.kind == kind
    assert list((run.path / "netlists").glob("*_bench.cir"))
    assert "</html>" in (run.path / "report.html").read_text()
    text = (run.path / "comparison.json").read_text()
    if kind == "series":
        assert [rung.name for rung in Ladder.from_json(text).rungs] == [
            "discrete",
            "continuous",
            "behavioural",
        ]
        return
    ladder = DecisionLadder.from_json(text, source=kind)
    assert ladder.kind == kind and ladder.rungs[-1].name == "behavioural"
    assert ladder.rungs[0].numbers["spikes"] > 0
    whole = ladder.steps[-1]
    assert (whole.reference, whole.candidate) == ("model", "behavioural")
    assert whole.same_class == 1
    if kind == "events":
        assert whole.numbers["matched"] == ladder.rungs[0].numbers["spikes"] and whole.numbers["extra"] == 0
    else:
        assert whole.numbers["differing spikes"] == 0 and whole.numbers["largest / V0"] < 1e-3


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("command", COMMANDS)
def test_each_command_takes_each_kind_or_says_what_does(here, capsys, command, kind):
    """Status 0 and a result, or status 2 and one sentence with the run, its kind and another command."""
    done = call(capsys, *arguments(command, kind, kind))
    if (command, kind) in REFUSED:
        assert done.code == 2 and done.out == ""
        assert re.fullmatch(
            rf"error: runs/{kind}: `excitable {command}` does not take a run on {kind}: .*\n", done.err
        )
        assert re.search(r"`excitable (?!" + command + r")\w+`", done.err)
    elif command == CLASSES_ONLY:
        assert done.code == 2 and re.fullmatch(
            r"error: .*has no classes.*`excitable compare`.*\n", done.err
        ), done.err
    else:
        assert done.code == 0, done.err
        assert done.out


@pytest.mark.parametrize("kind", KINDS)
def test_configurations_of_each_kind_are_checked_and_trained(here, capsys, tmp_path, kind):
    """`config` accepts what `train` accepts, `train` goes on with it; `train-images` is the same under its old name."""
    file = f"{kind}.toml"
    assert f"a run on {kind} named {kind}" in call(capsys, "config", file).out
    shown = call(capsys, "config", "--example", "--kind", kind)
    (tmp_path / "example.toml").write_text(shown.out)
    assert call(capsys, "config", str(tmp_path / "example.toml")).code == 0
    for command in ("train", "train-images"):
        done = call(capsys, command, file)
        assert done.code == 0 and f"network: runs/{kind}/model.safetensors" in done.out
    other = next(each for each in KINDS if each != kind)
    refused = call(capsys, "train", f"{other}.toml", "--run", f"runs/{kind}")
    assert refused.code == 2 and f"a run on {kind} -> a run on {other}" in refused.err


READ = {
    "config.toml": (*COMMANDS, "train"),
    "model.safetensors": ("export", "simulate", "compare", "landscape", "energy", "sweep", "retrain"),
    "model.json": ("export", "simulate", "compare", "landscape", "energy", "sweep", "retrain"),
    "result.json": ("report",),
    "metrics.jsonl": ("report",),
    "comparison.json": ("report",),
    "waveforms.nc": ("compare", "report"),
    "spikes.json": ("simulate", "compare"),
    "steps.safetensors": ("simulate", "compare", "energy"),
    "calibration.json": ("report",),
    "checkpoints/last.safetensors": ("train",),
    "last.safetensors": ("train",),
}
"""The files of a run that commands read, where a kind has them: each is damaged once."""
DAMAGE = {
    "garbage": lambda _: b"\xff\x00 no such thing\n",
    "cut off": lambda content: content[: len(content) // 2],
}
WHOLE_WITHOUT_ITS_END = ("config.toml", "metrics.jsonl")
"""Files whose first half may be a file of its own, as a training leaves it that was killed."""


@pytest.mark.parametrize("damage", DAMAGE)
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", READ)
def test_a_damaged_file_is_one_sentence(here, capsys, tmp_path, monkeypatch, name, kind, damage):
    """Each command that reads the file names it and says what to do; none ends in a trace."""
    if not (here / "runs" / kind / name).is_file():
        assert name not in ("config.toml", "model.safetensors", "comparison.json")
        return
    if damage == "cut off" and name in WHOLE_WITHOUT_ITS_END:
        return
    monkeypatch.chdir(tmp_path)
    shutil.copytree(here / "runs" / kind, tmp_path / "runs" / kind)
    file = tmp_path / "runs" / kind / name
    file.write_bytes(DAMAGE[damage](file.read_bytes()))
    (tmp_path / "again.toml").write_text(TEXTS[kind])
    for command in READ[name]:
        if (command, kind) in REFUSED and name != "config.toml":
            continue
        if command == "train":
            done = call(capsys, "train", "again.toml", "--run", f"runs/{kind}")
        else:
            done = call(capsys, *arguments(command, kind, kind))
        assert done.code == 2, (command, done.out)
        assert done.err.count("error: ") == 1 and file.name in done.err, (command, done.err)


@pytest.mark.parametrize("kind", KINDS)
def test_a_run_that_is_not_trained_says_so(capsys, tmp_path, monkeypatch, kind):
    """A folder with a configuration alone: each command names the one that is missing."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "runs" / kind).mkdir(parents=True)
    (tmp_path / "runs" / kind / "config.toml").write_text(TEXTS[kind])
    for command in COMMANDS:
        if (command, kind) in REFUSED or command == CLASSES_ONLY:
            continue
        done = call(capsys, *arguments(command, kind, kind))
        if command == "shape":  # the studio opens, and its page says what is missing
            assert done.code == 0
            continue
        assert done.code == 2, command
        assert re.fullmatch(r"error: .*`?excitable train.*\n", done.err), (command, done.err)
    shutil.rmtree(tmp_path / "runs")
    for command in COMMANDS:
        done = call(capsys, *arguments(command, kind, "nowhere"))
        assert done.code == 2 and re.fullmatch(r"error: .*nowhere.*there is no run here.*\n", done.err), (
            command
        )
    page = tmp_path / "page.html"
    assert call(capsys, "shape", "--run", "nowhere", "--export", str(page)).code == 2
    assert not page.exists()


def test_a_training_that_finds_no_data_blocks_no_name(capsys, tmp_path, monkeypatch):
    """A folder that is missing leaves no run behind, so that the next training may have the name."""
    monkeypatch.chdir(tmp_path)
    text = TEXTS["images"].replace('name = "digits"', 'name = "mnist"')
    (tmp_path / "mnist.toml").write_text(text)
    for arguments in (("--data", "nowhere"), ()):
        done = call(capsys, "train", "mnist.toml", *arguments)
        assert done.code == 2 and ("--data FOLDER" in done.err or "nowhere" in done.err)
    assert not (tmp_path / "runs").exists()
    done = call(capsys, "train", "demo", "--data", "nowhere")
    assert done.code == 2 and "--data nowhere: a run on series has its data from its task" in done.err
