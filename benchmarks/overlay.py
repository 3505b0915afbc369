"""What the studio's overlay costs with ngspice and with VACASK: from a question to the answer, for every preset.

    python -m benchmarks.overlay --json FILE

Each preset is asked over the studio's usual window, of both simulators in turn: core time of this process and of its
simulators, medians. Modules are compiled before, as in a studio that has been used once. A table goes beside the file.
"""

import json
import resource
from statistics import median

from benchmarks.command import arguments
from circuits.data.scaling import Scaling
from conductance.neurons.presets import PRESETS
from excitable.studio.answers import overlay
from excitable.studio.catalogue import usual
from excitable.studio.questions import Question
from netlists.simulation import SIMULATORS, find_simulator

REPEATS = 7


def question(name: str) -> Question:
    """The page's question for a preset."""
    preset = PRESETS[name]
    return Question(
        neuron=preset.neuron, stimulus=preset.stimulus, start=preset.start, duration=usual(preset.neuron)[1],
        scaling=Scaling(),
    )  # fmt: skip


def core_seconds() -> float:
    """Seconds of all cores that this process and its children have used."""
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(one.ru_utime + one.ru_stime for one in used)


def cost(name: str) -> dict[str, float]:
    """Core ms of the whole answer, by simulator."""
    asked, found = question(name), {simulator: [] for simulator in SIMULATORS}
    for repeat in range(REPEATS + 1):
        for simulator, times in found.items():
            before = core_seconds()
            overlay(asked, simulator)
            if repeat:  # the first compiles
                times.append(1e3 * (core_seconds() - before))
    return {simulator: median(times) for simulator, times in found.items()}


def page(result: dict) -> str:
    """The table as Markdown, and what it says."""
    versions = " and ".join(f"{name} {version}" for name, version in result["simulators"].items())
    rows = result["presets"]
    ratios = {name: row["ngspice"] / row["vacask"] for name, row in rows.items()}
    lines = [
        f"| {name} | {row['window']:g} | {row['ngspice']:.0f} | {row['vacask']:.0f} | {ratios[name]:.1f} |"
        for name, row in rows.items()
    ]
    return "\n\n".join(
        [
            "# The studio's overlay",
            f"Core ms from a question to its answer, with {versions}: median of {REPEATS} in turn; written by "
            "`python -m benchmarks.overlay`.",
            "\n".join(["| preset | tau_m | ngspice | vacask | ratio |", "|---|---:|---:|---:|---:|", *lines]),
            f"The median ratio is {median(ratios.values()):.1f}; VACASK takes at most half of ngspice's time in "
            f"{sum(ratio >= 2 for ratio in ratios.values())} of {len(ratios)} presets.",
        ]
    ) + "\n"  # fmt: skip


def main() -> None:
    """Measure, and write the numbers and the page."""
    parser = arguments(__doc__)
    options = parser.parse_args()
    options.json.parent.mkdir(parents=True, exist_ok=True)
    result = {
        "presets": {name: {"window": question(name).duration, **cost(name)} for name in PRESETS},
        "simulators": {name: find_simulator(name).version for name in SIMULATORS},
    }
    options.json.write_text(json.dumps(result, indent=1) + "\n", "utf-8")
    text = page(result)
    options.json.with_suffix(".md").write_text(text, "utf-8")
    print(text)


if __name__ == "__main__":
    main()
