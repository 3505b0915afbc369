"""What the studio's overlay costs with ngspice and with VACASK: from a question to the answer, for every preset.

    python -m benchmarks.overlay --json FILE

Each preset is asked over the studio's usual window, of both simulators in turn, at other values each time, as a slider
that is dragged asks: core time of this process and of its simulators, medians, and by the clock. VACASK answers in a
process of its own, and as the studio has it, in one that was started ahead: then what the waiting process had used
before the question is told apart. The first question compiles, as that of a studio that is opened. What an answer costs
whose window is almost nothing is measured in the same way: Python, and the start of the simulator. A table goes beside
the file.
"""

import json
import resource
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from statistics import median

from benchmarks.command import arguments
from circuits.data.scaling import Scaling
from conductance.neurons.presets import PRESETS
from excitable.studio.answers import overlay
from excitable.studio.catalogue import usual
from excitable.studio.questions import Question
from netlists.simulation import SIMULATORS, find_simulator
from netlists.vacask.ahead import Ahead

REPEATS = 15
NOTHING = 1.0
"""Window in tau_m over which there is hardly anything to simulate."""
STEP = 1e-4
"""Of the slider, as a share of its value: so small that every answer costs alike."""
AHEAD = "ahead"
"""VACASK in a process that was started ahead of its question."""
PAUSE = 0.15
"""Seconds before a question, in which what is started ahead comes to wait."""


def question(name: str, dragged: int = 0) -> Question:
    """The page's question for a preset, whose first slope has been dragged by so many steps."""
    preset = PRESETS[name]
    slope = next(key for key in preset.neuron.defaults if key.startswith("alpha"))
    values = {slope: preset.neuron.defaults[slope] * (1 + STEP * dragged)}
    return Question(
        neuron=preset.neuron.with_values(**values), declared=preset.neuron, stimulus=preset.stimulus,
        start=preset.start, duration=usual(preset.neuron)[1], scaling=Scaling(),
    )  # fmt: skip


def core_seconds() -> float:
    """Seconds of all cores that this process and its children have used."""
    own = resource.getrusage(resource.RUSAGE_SELF)
    return own.ru_utime + own.ru_stime + children()


def children() -> float:
    """Those of the children alone: the simulators, each behind its guard."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def group_seconds(group: int) -> float:
    """Those that the living processes of a group have used."""
    total = 0.0
    for place in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            if int((place / "stat").read_text().rpartition(")")[2].split()[2]) == group:
                total += time.clock_gettime(~int(place.name) << 3 | 2)  # Linux: the clock of another process
    return total


def cost(name: str, window: float | None = None) -> dict[str, dict[str, float]]:
    """Core ms and ms by the clock of the whole answer, by simulator."""
    with Ahead() as ahead:
        ways: dict[str, Callable[[Question], object]] = {
            **{simulator: lambda asked, simulator=simulator: overlay(asked, simulator) for simulator in SIMULATORS},
            AHEAD: lambda asked: overlay(asked, "vacask", ahead),
        }  # fmt: skip
        found: dict[str, list[dict[str, float]]] = {way: [] for way in ways}
        for repeat in range(REPEATS + 1):
            asked = question(name, dragged=repeat)
            asked = asked if window is None else replace(asked, duration=window)
            for way, answer in ways.items():
                times = measured(
                    lambda answer=answer, asked=asked: answer(asked), ahead if way == AHEAD else None
                )
                if repeat:  # the first compiles
                    found[way].append(times)
    return {
        way: {key: median(each[key] for each in times) for key in times[0]} for way, times in found.items()
    }


def measured(answer: Callable[[], object], ahead: Ahead | None) -> dict[str, float]:
    """Core ms of an answer and of its simulator in it, ms by the clock, and core ms that were spent ahead."""
    before = core_seconds()
    if ahead is not None:
        ahead.start()
        time.sleep(PAUSE)
    own = core_seconds() - before
    waited = group_seconds(ahead.guard) if ahead is not None and ahead.guard is not None else 0.0
    start = core_seconds(), children(), time.perf_counter()
    answer()
    core, simulator, clock = (
        b - a for a, b in zip(start, (core_seconds(), children(), time.perf_counter()), strict=True)
    )
    spent = {"core": core - waited, "simulator": simulator - waited, "clock": clock, "before": own + waited}
    return {key: 1e3 * value for key, value in spent.items()}


def page(result: dict) -> str:
    """The table as Markdown, and what it says."""
    versions = " and ".join(f"{name} {version}" for name, version in result["simulators"].items())
    rows, least = result["presets"], result["nothing"]
    lines = [
        f"| {name} | {row['window']:g} | {row['ngspice']['core']:.0f} | {row['vacask']['core']:.0f} "
        f"| {row[AHEAD]['core']:.0f} + {row[AHEAD]['before']:.0f} | {ratio(row, 'core'):.1f} "
        f"| {row['ngspice']['clock']:.0f} | {row['vacask']['clock']:.0f} | {row[AHEAD]['clock']:.0f} "
        f"| {ratio(row, 'clock'):.1f} |"
        for name, row in rows.items()
    ]
    head = (
        "| preset | tau_m | ngspice, core ms | vacask | started ahead: answer + before | ngspice / answer "
        "| ngspice, by the clock | vacask | started ahead | ngspice / answer |"
    )
    floor = ", ".join(
        f"{used['core']:.0f} {words}, of which {used['simulator']:.0f} are the simulator's"
        for words, used in (
            ("with ngspice", least["ngspice"]), ("with vacask", least["vacask"]), ("started ahead", least[AHEAD])
        )
    )  # fmt: skip
    return "\n\n".join(
        [
            "# The studio's overlay",
            f"Core ms from a question to its answer, and ms by the clock, with {versions}: median of {REPEATS} in "
            "turn, at other values each time, as a slider asks that is dragged; written by `python -m "
            "benchmarks.overlay`. The studio starts the next VACASK while the user looks at the picture: what that "
            "costs before the question stands after the plus; only a question that comes within that time waits for "
            "the rest of it.",
            "\n".join([head, "|---|" + "---:|" * 9, *lines]),
            " ".join(summary(rows, way, key) for way in ("vacask", AHEAD) for key in ("core", "clock")),
            f"With what is spent before it, {half(rows, AHEAD, 'core', 'before')} of {len(rows)} presets take "
            f"at most half of ngspice's core time. Over {NOTHING:g} tau_m, where there is nothing to simulate, an "
            f"answer costs {floor}.",
        ]
    ) + "\n"  # fmt: skip


def ratio(row: dict, *keys: str, way: str = AHEAD) -> float:
    """ngspice's time over another's, which is the sum of these."""
    return row["ngspice"][keys[0]] / sum(row[way][key] for key in keys)


def half(rows: dict, way: str, *keys: str) -> int:
    """Presets that take at most half of ngspice's time."""
    return sum(ratio(row, *keys, way=way) >= 2 for row in rows.values())


def summary(rows: dict, way: str, key: str) -> str:
    """In a sentence, how a way compares with ngspice."""
    name = {"vacask": "VACASK in a process of its own", AHEAD: "VACASK started ahead"}[way]
    times = {"core": "core time", "clock": "time by the clock"}[key]
    middle = median(ratio(row, key, way=way) for row in rows.values())
    least = min(ratio(row, key, way=way) for row in rows.values())
    return (
        f"{name} answers in at most half of ngspice's {times} in {half(rows, way, key)} of {len(rows)} presets "
        f"(median ratio {middle:.1f}, least {least:.1f})."
    )


def main() -> None:
    """Measure, and write the numbers and the page."""
    parser = arguments(__doc__)
    options = parser.parse_args()
    options.json.parent.mkdir(parents=True, exist_ok=True)
    result = {
        "presets": {name: {"window": question(name).duration, **cost(name)} for name in PRESETS},
        "nothing": cost(next(iter(PRESETS)), NOTHING),
        "simulators": {name: find_simulator(name).version for name in SIMULATORS},
    }
    options.json.write_text(json.dumps(result, indent=1) + "\n", "utf-8")
    text = page(result)
    options.json.with_suffix(".md").write_text(text, "utf-8")
    print(text)


if __name__ == "__main__":
    main()
