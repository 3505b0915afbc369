"""A short run of `make fuzz`: no traceback, no hang, no wrong waveform accepted; and what such a run once found."""

import configurations
import places  # noqa: F401  # before what imports the tests' examples
import pytest
from fuzz import drawn, fuzz, table
from hypothesis import strategies as st
from outcomes import ACCEPTED, HANG, REFUSED, TRACEBACK, WRONG, Outcomes

from conductance.errors import ExcitableError
from excitable.config import ConfigurationError, parse_configuration
from excitable.config.declared import Section
from excitable.config.kinds import models


@pytest.mark.simulator
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize(
    ("target", "cases"),
    [("configurations", 30), ("run files", 12), ("raw files", 40), ("studio questions", 12)],
)
def test_every_case_is_refused_in_words_or_right(tmp_path, target, cases):
    """Each target with a few cases of a fixed seed; the table counts them all."""
    (found,) = fuzz({target: cases}, 7, tmp_path)
    assert found.faults == []
    assert found.cases == cases
    assert f"| **{target}** | {cases} cases |" in table([found], 7)


def test_the_program_sees_each_kind_of_fault(monkeypatch):
    """An error that is not ours, a wrong case that passes, and one that never ends are told apart and reported."""
    monkeypatch.setattr("outcomes.SECONDS", 0.2)
    outcomes = Outcomes("target")

    def refused() -> None:
        raise ExcitableError("no")

    def hang() -> None:
        while True:
            pass

    outcomes.judge("a", "", lambda: None)
    outcomes.judge("a", "", refused, wrong=True)
    outcomes.judge("a", "", lambda: None, wrong=True)
    outcomes.judge("a", "", lambda: 1 / 0)
    outcomes.judge("a", "", hang)
    assert outcomes.counts["a"] == {ACCEPTED: 1, REFUSED: 1, WRONG: 1, TRACEBACK: 1, HANG: 1}
    assert len(outcomes.faults) == 3
    seen: list[int] = []
    drawn(st.integers(), seen.append, 30, 3)
    again: list[int] = []
    drawn(st.integers(), again.append, 30, 3)
    assert seen == again


SMALL = configurations.toml(configurations.BASES["series"])


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ('"mackey_glass"', '["yin_yang"]', "should be a valid string"),
        ('"horizon" = 20.0', '"horizon" = 1e308', "less than or equal to 1000000000|samples of horizon"),
        ('"transient" = 10.0', '"transient" = 1e300', "less than or equal to 1000000"),
        ('"batch" = 2', f'"batch" = {10**20}', "more than 15 digits"),
        ('"seed" = 3', '"seed" = 1' + "0" * 4999, "cannot be read|digits"),
        ('"steps" = 2', '"steps" = 1' + "0" * 400, "more than 15 digits"),
        ('"seed" = 3', '"seed" = ' + "[" * 500 + "]" * 500, "500 deep|brackets"),
        ('"seed" = 3', ".".join(["a"] * 10_000) + " = 1", "parts"),
        ('"train_series" = 4', '"train_series" = 900000000', "numbers in all series"),
        ('"tau" = 17.0', '"tau" = 1e9', "less than or equal to 10000"),
        ('"hidden" = 5', '"hidden" = 1000000000', "less than or equal to 100000"),
    ],
)
def test_what_was_a_traceback_or_a_hang_is_one_sentence(old, new, words):
    """Every number has a bound that its memory and time allow, and the sentence says it."""
    assert old in SMALL
    with pytest.raises(ConfigurationError, match=words):
        parse_configuration(SMALL.replace(old, new))


def test_every_number_of_every_configuration_has_an_upper_bound():
    """Also those that come from the options of tasks and of training."""
    missing = []
    for model in models():
        for section, field in model.model_fields.items():
            inner = field.annotation
            if not (isinstance(inner, type) and issubclass(inner, Section)):
                continue
            for key, own in inner.model_fields.items():
                numeric = own.annotation in (int, float, int | None, float | None)
                # quantities are held to a range by their own check
                checked = any(type(entry).__name__ == "AfterValidator" for entry in own.metadata)
                bounded = any(
                    getattr(entry, "le", None) or getattr(entry, "lt", None) for entry in own.metadata
                )
                missing += (
                    [f"{model.__name__}.{section}.{key}"] if numeric and not (bounded or checked) else []
                )
    assert missing == []
