"""Every parameter set of known behaviour as equation, sources, amplifiers and transistors: a table of what each does.

    python benchmarks/levels.py [--technology generic_180nm] [--only bursting] [--output benchmarks/levels.md]

Filters are linear (`RC`) or follower-integrators (`follower`, filter_limit = 1). `trimmed` circuits have their bias
currents, references and membrane capacitor corrected by the calibration that a run gets. Times are in tau_m.
"""

import argparse
import platform
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import numpy as np

from circuits.realisations import Level
from circuits.technologies import technology
from conductance.neurons.presets import PRESETS, Answer, Preset
from excitable.checks.levels import Measured, by_circuit, by_equation, with_limits
from excitable.ladder.calibration import calibrate_level, fit_level
from netlists.simulation import find_simulator

LEVELS: tuple[Level, ...] = ("macromodel", "transistor")
BIASES = (0.5e-9, 1e-9, 1.5e-9, 2e-9)
STOPS = {"slow bursting": 13000.0}
"""The follower-integrators' period is 3717: a run of three bursts takes longer than the preset's own."""
EXTRA = {"slow bursting": ("period",)}
SHOWN = ("burst_size", "spikes", "interval", "period", "gap", "first_spike", "latencies")


def presets() -> list[tuple[str, Preset]]:
    """The sets, each with both kinds of filter; those that are declared with a limit are not repeated."""
    found = []
    for preset in PRESETS.values():
        if "filter_limit" in preset.neuron.defaults:
            continue
        extra = dict.fromkeys(EXTRA.get(preset.name, ()), 0.0)
        preset = replace(preset, stop=STOPS.get(preset.name, preset.stop), known={**preset.known, **extra})
        found += [
            ("RC", with_limits(preset, filter_limit=None)),
            ("follower", with_limits(preset, filter_limit=1.0)),
        ]
    return found


def forms(preset: Preset, name: str) -> list[tuple[str, Measured]]:
    """The preset in all its forms."""
    chosen = technology(name)
    found = [("equation", by_equation(preset)), ("behavioural", by_circuit(preset, "behavioural", chosen))]
    for level in LEVELS:
        fit = fit_level(level, chosen, np.array(BIASES), preset.neuron, chosen.scaling())
        found.append((level, by_circuit(preset, level, chosen)))
        found.append((f"{level}, trimmed", by_circuit(preset, level, chosen, trims=fit.trims)))
    return found


def text(value: Answer) -> str:
    """One quantity as a table shows it."""
    if isinstance(value, tuple):
        return " ".join(f"{one:.1f}" for one in value[:2]) + (" ..." if len(value) > 2 else "")
    return f"{value:.0f}" if float(value).is_integer() else f"{value:.1f}"


def table(rows: list[tuple[str, str, list[tuple[str, Measured]]]]) -> list[str]:
    """Markdown: one row for each quantity."""
    heads = [name for name, _ in rows[0][2]]
    lines = [
        f"| set | filters | quantity | {' | '.join(heads)} |",
        f"|---|---|---|{'---|' * len(heads)}",
    ]
    for name, filters, found in rows:
        for quantity in SHOWN:
            if quantity in found[0][1].quantities:
                values = " | ".join(text(one.quantities[quantity]) for _, one in found)
                lines.append(f"| {name} | {filters} | {quantity.replace('_', ' ')} | {values} |")
        seconds = " | ".join(f"{one.seconds:.1f}" if one.seconds else "" for _, one in found)
        lines.append(f"| {name} | {filters} | seconds of work | {seconds} |")
    return lines


def main() -> None:
    """Run all sets and write the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--technology", default="generic_180nm")
    parser.add_argument("--only", help="name of one set")
    parser.add_argument("--output", type=Path, help="file to write the table to")
    parser.add_argument("--workers", type=int, default=2)
    options = parser.parse_args()
    chosen = technology(options.technology)
    wanted = [(f, p) for f, p in presets() if options.only in (None, p.name)]
    with ThreadPoolExecutor(options.workers) as pool:
        results = list(pool.map(lambda pair: forms(pair[1], options.technology), wanted))
    rows = [(preset.name, filters, found) for (filters, preset), found in zip(wanted, results, strict=True)]
    lines = [
        f"# Levels of the circuit, {chosen.title}",
        "",
        f"ngspice {find_simulator('ngspice').version}, {platform.machine()}, written by `python benchmarks/levels.py`."
        f" Times in tau_m; V0 = {1e3 * chosen.amplifier.voltage_unit:.4g} mV, I0 = 1 nA, C = 1 pF.",
        "",
        *table(rows),
        "",
        "| amplifier | bias / nA | gain | V0 / mV | offset / mV | imbalance / % of the bias | residual / % |",
        "|---|---|---|---|---|---|---|",
        *(
            f"| {fit.cell} | {1e9 * fit.bias:.3g} | {fit.gain:.3f} | {1e3 * fit.voltage_unit:.2f} "
            f"| {1e3 * fit.offset:.2f} | {100 * fit.imbalance:.2f} | {100 * fit.residual:.2f} |"
            for fit in calibrate_level("transistor", chosen, BIASES)
        ),
    ]
    print("\n".join(lines))
    if options.output:
        options.output.write_text("\n".join(lines) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
