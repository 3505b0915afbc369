"""What the README shows is what happens."""

import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from excitable.cli import app
from excitable.config import parse_configuration

README = (Path(__file__).resolve().parent.parent / "README.md").read_text(encoding="utf-8")
NUMBER = re.compile(r"[-+]?\d+(?:\.\d+)?")


def blocks(language: str) -> list[str]:
    """The fenced code blocks of a language."""
    return re.findall(rf"```{language}\n(.*?)```", README, re.DOTALL)


def test_the_ten_lines_are_ten_and_can_be_read(tmp_path, monkeypatch):
    """Configuration and commands together; the file is written, and its keys are those of a table."""
    (configuration,), commands = blocks("toml"), blocks("sh")[0].strip().splitlines()
    assert len(configuration.strip().splitlines()) + len(commands) == 10
    monkeypatch.chdir(tmp_path)
    _, *words = shlex.split(commands[0], comments=True)
    assert CliRunner().invoke(app, words).exit_code == 0
    data = parse_configuration(configuration).task.build().generate(0)
    assert data.seconds == pytest.approx(1e-3) and data.input_names == ("x",)


@pytest.mark.slow
@pytest.mark.simulator
def test_a_csv_file_becomes_a_circuit_in_ten_lines(tmp_path, monkeypatch):
    """The configuration and the five commands print the two lines shown, numbers within 10 %."""
    (configuration,), commands = blocks("toml"), blocks("sh")[0].strip().splitlines()
    monkeypatch.chdir(tmp_path)
    (tmp_path / "sensor.toml").write_text(configuration)
    said = ""
    for command in commands:
        _, *words = shlex.split(command, comments=True)
        done = CliRunner().invoke(app, words)
        assert done.exit_code == 0, done.output
        said += done.output
    for line in blocks("text")[0].strip().splitlines():
        pattern = "".join(f"({NUMBER.pattern})" if k % 2 else re.escape(part)
                          for k, part in enumerate(re.split(f"({NUMBER.pattern})", line)))  # fmt: skip
        found = re.search(pattern, said)
        assert found, said
        assert [float(x) for x in found.groups()] == pytest.approx(
            [float(x) for x in NUMBER.findall(line)], rel=0.1
        )
    assert (tmp_path / "runs/sensor/netlists/network_bench.cir").exists()


@pytest.mark.simulator
def test_example_prints_what_the_readme_says(tmp_path):
    """Same words, numbers within 10 % (they are errors of a simulation), and both files are there."""
    (program,), (_, printed) = blocks("python"), blocks("text")
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert NUMBER.sub("#", done.stdout) == NUMBER.sub("#", printed)
    found = [float(number) for number in NUMBER.findall(done.stdout)]
    shown = [float(number) for number in NUMBER.findall(printed)]
    assert found == pytest.approx(shown, rel=0.1)
    assert (tmp_path / "bursting.svg").exists() and (tmp_path / "bursting" / "neuron_bench.cir").exists()


def test_example_is_as_short_as_it_says():
    """Ten lines of code and one that saves the picture."""
    (program,) = blocks("python")
    assert len([line for line in program.splitlines() if line.strip()]) <= 11


def test_commands_of_the_table_exist():
    """Every command of the table is one of the program's."""
    commands = set(re.findall(r"`excitable (\w+)", README))
    shown = subprocess.run(
        [sys.executable, "-m", "excitable", "--help"], capture_output=True, text=True, check=True
    ).stdout
    assert commands and all(re.search(rf"\b{command}\b", shown) for command in commands)
