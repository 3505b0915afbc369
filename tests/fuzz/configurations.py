"""Configuration files: a right one with something in it changed, and what a run makes of it."""

import json
from contextlib import suppress
from copy import deepcopy
from typing import Any

from hypothesis import strategies as st
from outcomes import Outcomes

from conductance.errors import ExcitableError
from excitable.config import parse_configuration
from excitable.config.base import Configuration
from excitable.config.kinds import model_of

BASES: dict[str, dict[str, Any]] = {
    "series": {
        "name": "small", "seed": 3,
        "task": {"name": "mackey_glass", "sample_step": 1.0, "horizon": 20.0, "series_samples": 60, "warm_up": 20,
                 "train_series": 4, "validation_series": 2, "test_series": 2, "held_out_samples": 60,
                 "transient": 10.0, "tau": 17.0, "max_step": 0.25},
        "network": {"neuron": "mtc", "hidden": 5, "dt": 1.0, "low_pass_tau": 2.0, "values": {"tau_s": [10, 40]}},
        "training": {"steps": 2, "batch": 2, "evaluate_every": 1, "learning_rate": 0.01, "gradient_clip": 1.0},
        "circuit": {"voltage_unit": "72 mV", "current_unit": "1 nA", "capacitance": "1 pF", "level": ["behavioural"],
                    "temperature": 27.0, "corner": "tt"},
        "simulation": {"samples": 50, "workers": 2, "time_limit": "60 s", "max_step": 0.2, "relative": 1e-6},
    },
    "events": {
        "name": "small", "seed": 1,
        "task": {"name": "yin_yang", "train_samples": 20, "validation_samples": 5, "test_samples": 5, "end": 4.0},
        "network": {"neuron": "qif", "hidden": [5], "mean": 4.0, "spread": 4.0},
        "training": {"epochs": 1, "batch": 5, "learning_rate": 0.01},
    },
    "images": {
        "name": "small", "seed": 1, "data": {"name": "digits"},
        "network": {"name": "digits", "steps": 2, "neuron": "dqif", "threshold": 0.5},
        "training": {"epochs": 1, "batch": 8, "learning_rate": 0.1, "workers": 0},
    },
}  # fmt: skip
"""A right configuration of each kind."""

EXTREMES = st.sampled_from(
    [0, -1, 1, 2**31, 2**32, 2**63, 2**64, 10**20, 10**400, -(10**400), 10**4999, 1e308, -1e308, 1e300, 5e-324, 1e-300,
     0.0, -0.0, float("inf"), float("-inf"), float("nan"), 0.1, 1e9, 1e12, 10**9, 10**15, True, False]
)  # fmt: skip
WORDS = st.sampled_from(
    ["", "a", "1,5 nA", "1.5,0 nA", "1 PF", "1e400", "nan", "inf", "0x10", "../..", "/dev/zero", "\x00", "\u202e",
     "é", "mtc", "lif", "qif", "dqif", "yin_yang", "mackey_glass", "transistor", "c", "triton", "'; rm -rf /", "$(x)",
     "self", "1" * 5000, "x" * 100_000]
)  # fmt: skip
PLAIN = st.one_of(
    st.integers(1, 100), st.floats(0.01, 100), st.sampled_from(["mtc", "lif", "adlif", "heun", "eager", "72 mV", "ss"]),
    st.lists(st.integers(1, 50), min_size=1, max_size=3), st.sampled_from([1e-6, 1e-3, 1e3, 1e5, 10**6, 10**8, 2**31]),
)  # fmt: skip
VALUES = st.one_of(
    PLAIN, PLAIN, PLAIN, EXTREMES, WORDS, st.text(max_size=20), st.integers(), st.floats(), st.booleans(),
    st.lists(st.one_of(EXTREMES, WORDS), max_size=4),
    st.dictionaries(st.text(min_size=1, max_size=8), st.one_of(EXTREMES, WORDS), max_size=3),
    st.sampled_from([[["yin_yang"]], ["yin_yang"], {"name": {"name": {}}}, [], {}]),
)  # fmt: skip


def _keys(kind: str) -> list[tuple[str, ...]]:
    """Every key that a kind's configuration knows."""
    found: list[tuple[str, ...]] = []
    for name, own in model_of(kind).model_fields.items():
        found.append((name,))
        inner = getattr(own.annotation, "model_fields", {})
        found += [(name, key) for key in inner]
    return found


KEYS = {kind: _keys(kind) for kind in BASES}


@st.composite
def changed(draw: st.DrawFn) -> tuple[str, str]:
    """The kind of change, and the text of the file."""
    kind = draw(st.sampled_from(sorted(BASES)))
    data = deepcopy(BASES[kind])
    what = draw(st.sampled_from(["value", "values", "unknown key", "text", "nesting"]))
    for _ in range(3 if what == "values" else 1 if what in ("value", "unknown key") else 0):
        *section, key = draw(st.sampled_from(KEYS[kind]))
        place = data
        for name in section:
            place = place.setdefault(name, {}) if isinstance(place.get(name, {}), dict) else {}
        place[key if what != "unknown key" else draw(st.text(min_size=1, max_size=12))] = deepcopy(
            draw(VALUES)
        )
    text = toml(data)
    if what == "nesting":
        depth = draw(st.sampled_from([3, 50, 500, 5000, 100_000]))
        text += draw(st.sampled_from([f"x = {'[' * depth}{']' * depth}\n", f"x = {'{a = ' * depth}1{'}' * depth}\n",
                                      f"[{'.'.join(['a'] * depth)}]\n", "[" * depth]))  # fmt: skip
    if what == "text":
        cut = draw(st.integers(0, len(text)))
        text = text[:cut] + draw(st.text(max_size=30)) + text[draw(st.integers(cut, len(text))) :]
    return f"{kind}: {what}", text


def toml(data: dict[str, Any], path: tuple[str, ...] = ()) -> str:
    """A table as TOML text; also what JSON cannot say."""
    plain = {key: value for key, value in data.items() if not (isinstance(value, dict) and not path)}
    lines = [f"{json.dumps(key)} = {_value(value)}" for key, value in plain.items()]
    for key, value in data.items():
        if key not in plain:
            lines += [f"\n[{json.dumps(key)}]", toml(value, (*path, key))]
    return "\n".join(lines) + "\n"


def _value(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int) and abs(value) > 10**4000:
        return "1" + "0" * 4999
    if isinstance(value, int | float):
        return repr(value)
    if isinstance(value, dict):
        return "{" + ", ".join(f"{json.dumps(key)} = {_value(part)}" for key, part in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(_value, value)) + "]"
    return json.dumps(value)


SMALL = 200_000
"""Numbers in a task that a case draws; what is larger is only read."""


def use(text: str) -> Configuration:
    """What a command does first: read the file, and where it is small, draw the data and build the network."""
    configuration = parse_configuration(text)
    if configuration.kind == "series":
        _series(configuration)
    elif configuration.kind == "events":
        _events(configuration)
    return configuration


def _series(configuration: Any) -> None:
    from excitable.runs.series import untrained_network

    task = configuration.task.build()
    size = (task.train_series + task.validation_series + task.test_series) * task.series_samples
    steps = (
        task.transient + task.sample_step * (task.series_samples + task.held_out_samples)
    ) / task.max_step
    if (
        size + task.held_out_samples > SMALL
        or steps > 20_000
        or task.tau > 1000
        or configuration.network.hidden > 1000
    ):
        return
    untrained_network(configuration, task.generate(configuration.seed))
    configuration.training.build()


def _events(configuration: Any) -> None:
    task = configuration.task.build()
    if (
        getattr(task, "train_samples", SMALL) > 100
        or task.validation_samples > 100
        or task.test_samples > 100
    ):
        return
    task.generate(configuration.seed)


def warm() -> None:
    """Derive each neuron once, so that no case waits for it."""
    for neuron in ("mtc", "lif", "adlif"):
        for method in (None, "heun", "exponential_euler", "forward_euler", "symplectic_euler"):
            data = deepcopy(BASES["series"])
            data["network"] = {"neuron": neuron, "hidden": 2} | ({} if method is None else {"method": method})
            with suppress(ExcitableError):
                use(toml(data))
    for kind in ("events", "images"):
        use(toml(BASES[kind]))


def judge(outcomes: Outcomes, case: tuple[str, str]) -> None:
    """One case."""
    kind, text = case
    outcomes.judge(kind, text, lambda: use(text))
