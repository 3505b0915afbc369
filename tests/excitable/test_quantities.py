"""Numbers in text: what is written is what is meant, or it is refused with a question."""

import pytest
from test_config import SMALL, faults

from circuits.technologies import technology
from excitable.config import parse_configuration, read_configuration
from excitable.config.quantities import si_number
from excitable.runs.folder import RunFolder


@pytest.mark.parametrize(
    "given", ["1,5 nA", "0,072 V", "1.5,0 nA", "1 , 5", "1,000,000 pA", "1.5 nA, 2"],
)  # fmt: skip
def test_a_comma_is_never_left_out(given):
    """quantiphy drops it: 1,5 nA was read as 15 nA."""
    with pytest.raises(ValueError, match=r"comma|no number"):
        si_number(given, unit="A")


@pytest.mark.parametrize(
    ("given", "amperes"),
    [("1.5 nA", 1.5e-9), ("1.5n", 1.5e-9), ("1e3 pA", 1e-9), ("2 meg", 2e6), ("2 M", 2e6),
     ("3 µA", 3e-6), (".5u", 5e-7)],
)  # fmt: skip
def test_numbers_are_the_nearest_doubles(given, amperes):
    """A prefix is a power of ten of the text, not a product that rounds."""
    assert si_number(given, unit="A") == amperes


@pytest.mark.parametrize(
    "given",
    ["", "x", "1_000 nA", "1 n A", "٣ nA", "1 e-9", "--1", "1n2", "nA", "1 x", "0x10", "1 nan", "inf"],
)
def test_what_is_no_number_is_refused(given):
    """Underscores, other scripts' digits and split words included."""
    with pytest.raises(ValueError, match=r"no number|has the unit"):
        si_number(given, unit="A")


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ('capacitance = "1 PF"', ["1e15 F", "from 1 aF to 1 mF", "p (P is 1e15) meant?"]),
        ('current_unit = "1 MA"', ["1 MA", "from 1 fA to 10 mA", "m (M is 1e6) meant?"]),
        ('voltage_unit = "72 M"', ["72 MV", "from 1 mV to 10 V", "m (M is 1e6) meant?"]),
        ("voltage_unit = 72", ["72 V", "did you forget a prefix, as in 1 mV?"]),
        ("current_unit = 1", ["1 A", "m (M is 1e6)"]),
        ("capacitance = 1e-30", ["from 1 aF to 1 mF"]),
        ('voltage_unit = "0 V"', ["from 1 mV to 10 V"]),
        ('current_unit = "-1 nA"', ["from 1 fA to 10 mA"]),
        ('capacitance = "1e400 F"', ["finite"]),
    ],
)
def test_an_implausible_quantity_is_a_question(line, words):
    """The range and what may have been meant; capital and small letters are three orders and more apart."""
    found = faults(SMALL + f"[circuit]\n{line}\n")
    (message,) = found.values()
    for word in words:
        assert word in message


def test_a_byte_order_mark_is_read(tmp_path):
    """As some editors write it: a configuration, that of a run, and a technology."""
    path = tmp_path / "small.toml"
    path.write_text(SMALL, encoding="utf-8-sig")
    assert read_configuration(path) == parse_configuration(SMALL)
    assert parse_configuration("\ufeff" + SMALL) == parse_configuration(SMALL)
    (tmp_path / "config.toml").write_text(SMALL, encoding="utf-8-sig")
    assert RunFolder(tmp_path).configuration == parse_configuration(SMALL)
    own = tmp_path / "marked.toml"
    own.write_text('voltage_unit = 0.05\ntitle = "mine"\n', encoding="utf-8-sig")
    plain = tmp_path / "plain.toml"
    plain.write_text('voltage_unit = 0.05\ntitle = "mine"\n')
    found = [_technology_or_words(file) for file in (own, plain)]
    assert found[0].replace("marked", "plain") == found[1]


def _technology_or_words(path) -> str:
    try:
        return repr(technology(str(path)))
    except ValueError as error:
        return str(error)
