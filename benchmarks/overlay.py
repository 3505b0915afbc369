"""What the studio's overlay costs with ngspice and with VACASK: from a question to the answer, for every preset.

    python -m benchmarks.overlay --json FILE

Each preset is asked over the studio's usual window, of both simulators in turn, at other values each time, as a slider
that is dragged asks: core time of this process and of its simulators, medians, and by the clock. The first question
compiles, as that of a studio that is opened. What an answer costs whose window is almost nothing is measured in the
same way: Python, and the start of the simulator. A table goes beside the file.
"""

import json
import resource
import time
from dataclasses import replace
from statistics import median

from benchmarks.command import arguments
from circuits.data.scaling import Scaling
from conductance.neurons.presets import PRESETS
from excitable.studio.answers import overlay
from excitable.studio.catalogue import usual
from excitable.studio.questions import Question
from netlists.simulation import SIMULATORS, find_simulator

REPEATS = 15
NOTHING = 1.0
"""Window in tau_m over which there is hardly anything to simulate."""
STEP = 1e-4
"""Of the slider, as a share of its value: so small that every answer costs alike."""


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


def cost(name: str, window: float | None = None) -> dict[str, dict[str, float]]:
    """Core ms and ms by the clock of the whole answer, by simulator."""
    found: dict[str, list[tuple[float, ...]]] = {simulator: [] for simulator in SIMULATORS}
    for repeat in range(REPEATS + 1):
        asked = question(name, dragged=repeat)
        asked = asked if window is None else replace(asked, duration=window)
        for simulator, times in found.items():
            before = core_seconds(), children(), time.perf_counter()
            overlay(asked, simulator)
            after = core_seconds(), children(), time.perf_counter()
            if repeat:  # the first compiles
                times.append(tuple(1e3 * (b - a) for a, b in zip(before, after, strict=True)))
    names = ("core", "simulator", "clock")
    return {
        simulator: dict(zip(names, map(median, zip(*times, strict=True)), strict=True))
        for simulator, times in found.items()
    }


def page(result: dict) -> str:
    """The table as Markdown, and what it says."""
    versions = " and ".join(f"{name} {version}" for name, version in result["simulators"].items())
    rows, least = result["presets"], result["nothing"]
    ratios = {name: row["ngspice"]["core"] / row["vacask"]["core"] for name, row in rows.items()}
    lines = [
        f"| {name} | {row['window']:g} | {row['ngspice']['core']:.0f} | {row['vacask']['core']:.0f} "
        f"| {ratios[name]:.1f} | {row['ngspice']['clock']:.0f} | {row['vacask']['clock']:.0f} |"
        for name, row in rows.items()
    ]
    head = "| preset | tau_m | ngspice, core ms | vacask | ratio | ngspice, by the clock | vacask |"
    floor = ", ".join(
        f"{used['core']:.0f} with {name}, of which {used['simulator']:.0f} are the simulator's start"
        for name, used in least.items()
    )
    return "\n\n".join(
        [
            "# The studio's overlay",
            f"Core ms from a question to its answer, and ms by the clock, with {versions}: median of {REPEATS} in "
            "turn, at other values each time, as a slider asks that is dragged; written by `python -m "
            "benchmarks.overlay`.",
            "\n".join([head, "|---|---:|---:|---:|---:|---:|---:|", *lines]),
            f"The median ratio is {median(ratios.values()):.1f}; VACASK takes at most half of ngspice's core time in "
            f"{sum(ratio >= 2 for ratio in ratios.values())} of {len(ratios)} presets. Over {NOTHING:g} tau_m, where "
            f"there is nothing to simulate, an answer costs {floor}.",
        ]
    ) + "\n"  # fmt: skip


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
