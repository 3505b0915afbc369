"""What the README shows is what happens."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

README = (Path(__file__).resolve().parent.parent / "README.md").read_text(encoding="utf-8")
NUMBER = re.compile(r"[-+]?\d+(?:\.\d+)?")


def blocks(language: str) -> list[str]:
    """The fenced code blocks of a language."""
    return re.findall(rf"```{language}\n(.*?)```", README, re.DOTALL)


@pytest.mark.simulator
def test_example_prints_what_the_readme_says(tmp_path):
    """Same words, numbers within 10 % (they are errors of a simulation), and both files are there."""
    (program,), (printed,) = blocks("python"), blocks("text")
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
