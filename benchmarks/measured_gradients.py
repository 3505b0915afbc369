"""Gradients of spike times on the measured law against finite differences of the transistor circuit.

    python -m benchmarks.measured_gradients --json FILE [--presets NAME ...]

By the input, every gain and every offset of a preset's neuron, generic 180 nm, ideal filters. The circuit is simulated
at a tight tolerance with each of them a step up and down and half of that, its transistors as they are; a spike counts
where both differences agree within 1 %. The law is swept once at the ends of its gains, and differentiated by its
kernel's adjoint. What FILE has is not repeated, so a broken-off run goes on where it stopped; `--anew` differentiates
the law again beside the differences that are kept.
"""

import json
import platform
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from benchmarks.command import arguments
from benchmarks.measured import LEVEL, RUNS, STEP, spikes_of_circuit
from circuits.measured.composition import MeasuredNeuron, measured_neuron
from circuits.realisations import Realisation, realise
from circuits.technologies import technology
from conductance.layers import NeuronLayer
from conductance.neurons.base import Neuron
from conductance.neurons.presets import PRESETS, Preset
from conductance.stimulus import Stimulus
from excitable.ladder.measured import sweep_parts

TECHNOLOGY = "generic_180nm"
CHOSEN = {"tonic": 320.0, "bursting": 700.0}
"""Presets and where their runs end, in tau_m."""
INPUT = "input"
STEPS = {INPUT: 0.01, "alpha": 0.02, "delta": 0.01}
"""Of a difference: in I0, in I0, in V0."""
AGREE = 0.01
"""Largest relative difference of the differences with a step and with half of it."""
WIDTH = 1.25
"""Gains are swept at the preset's over and times this."""
GOALS = (0.02, 0.05)
"""Largest median and worst relative error."""
SMALL = 0.05
"""Spikes that move by less than this share of the most moved one are left out: their relative error is noise."""


@dataclass(frozen=True, kw_only=True)
class Subject:
    """A preset, and its circuit's devices.

    Attributes:
        preset: the parameter set.
        bias: for which all transistors are sized, in A.
    """

    preset: Preset
    bias: float

    @property
    def stop(self) -> float:
        """End of the runs in tau_m."""
        return CHOSEN[self.preset.name]

    def neuron(self, **values: float) -> Neuron:
        """The preset's neuron with other values."""
        return self.preset.neuron.with_values(**values)

    def built(self, neuron: Neuron) -> Realisation:
        """The transistors of a neuron of this kind: sizes are those of the largest bias, whatever its values."""
        process = technology(TECHNOLOGY)
        return realise(neuron, "transistor", technology=process, scaling=process.scaling(), bias=self.bias)

    def stimulus(self, shift: float) -> Stimulus:
        """The preset's, so much higher."""
        own = self.preset.stimulus
        return Stimulus(own.times, tuple(value + shift for value in own.values))

    @property
    def names(self) -> list[str]:
        """What spike times are differentiated by."""
        return [INPUT, *(name for name in self.preset.neuron.defaults if name.partition("_")[0] in STEPS)]


def subject(name: str) -> Subject:
    """The preset of that name."""
    preset = PRESETS[name]
    largest = max(v for key, v in preset.neuron.defaults.items() if key.startswith("alpha"))
    unit = technology(TECHNOLOGY).scaling().current_unit
    return Subject(preset=preset, bias=WIDTH * largest * unit)


def circuit_spikes(one: Subject, name: str, change: float) -> np.ndarray:
    """Spike times (tau_m) of the circuit with one value moved."""
    values = {} if name == INPUT else {name: one.preset.neuron.defaults[name] + change}
    neuron = one.neuron(**values)
    stimulus = one.stimulus(change if name == INPUT else 0.0)
    scaling = technology(TECHNOLOGY).scaling()
    return spikes_of_circuit(
        neuron, one.built(neuron), stimulus, scaling, one.stop, RUNS["tight"], one.preset.start
    )


def differences(one: Subject, name: str) -> list[list[float]]:
    """Central differences of the circuit's spike times, (step, spike): with the whole step and half of it."""
    step = STEPS[name.partition("_")[0]]
    found = []
    for h in (step, step / 2):
        up, down = (circuit_spikes(one, name, sign * h) for sign in (1, -1))
        count = min(up.size, down.size)
        found.append(((up[:count] - down[:count]) / (2 * h)).tolist())
    return found


def law_of(one: Subject) -> MeasuredNeuron:
    """The measured law, its elements swept at both ends of their gains."""
    neuron, scaling = one.preset.neuron, technology(TECHNOLOGY).scaling()
    gains = {name: value for name, value in neuron.defaults.items() if name.startswith("alpha")}
    ends = [one.neuron(**{n: v * f for n, v in gains.items()}) for f in (1 / WIDTH, WIDTH)]
    others = [(end, one.built(end)) for end in ends]
    return measured_neuron(neuron, sweep_parts(neuron, one.built(neuron), scaling, others=others))


def law_gradients(one: Subject, law: MeasuredNeuron) -> dict[str, list[float]]:
    """Derivatives of the law's spike times by name, (spike,), by the adjoint of its kernel in double precision."""
    names = [name for name in one.names if name != INPUT]
    layer = NeuronLayer(
        one.preset.neuron, 1, dt=STEP, method="heun", trainable=names, law=law.neuron
    ).double()
    instants = STEP * np.arange(round(one.stop / STEP))
    held = torch.as_tensor(one.preset.stimulus.at(instants + STEP / 2))[:, None, None]
    shift = torch.zeros((), dtype=torch.float64, requires_grad=True)
    start = tuple(torch.full((1, 1), v, dtype=torch.float64) for v in law.start(one.preset.start))
    voltages: list[torch.Tensor] = []
    layer(held + shift, start, voltages=voltages)
    course = torch.cat([start[0].reshape(1), voltages[0].reshape(-1)])
    below, above = course[:-1], course[1:]
    values = layer.values()
    wanted = [shift, *(getattr(layer, f"raw_{name}") for name in names)]
    # a value by its raw number: the kernel's gradient is by the latter
    scale = [
        1.0,
        *(float(torch.autograd.grad(values[n].sum(), getattr(layer, f"raw_{n}"))[0]) for n in names),
    ]
    found: dict[str, list[float]] = {name: [] for name in one.names}
    for place in torch.nonzero((below < LEVEL) & (above >= LEVEL))[:, 0].tolist():
        time = STEP * (place + (LEVEL - below[place]) / (above[place] - below[place]))
        slopes = torch.autograd.grad(time, wanted, retain_graph=True)
        for name, slope, factor in zip(one.names, slopes, scale, strict=True):
            found[name].append(float(slope) / factor)
    return found


def judged(found: list[list[float]], law: list[float]) -> dict[str, float]:
    """Relative errors of the law's derivatives over the spikes whose differences agree with themselves."""
    count = min(len(found[0]), len(found[1]), len(law))
    whole, half, own = (np.array(each[:count]) for each in (*found, law))
    # the error of a central difference falls with the square of its step
    best = half + (half - whole) / 3
    kept = (np.abs(whole - half) <= AGREE * np.abs(half)) & (
        np.abs(half) > SMALL * np.abs(half).max(initial=0)
    )
    errors = np.abs(own[kept] / best[kept] - 1)
    none = float("nan")
    return {
        "spikes": len(found[1]),
        "law": len(law),
        "kept": int(kept.sum()),
        "median": float(np.median(errors)) if errors.size else none,
        "worst": float(errors.max()) if errors.size else none,
        "size": float(np.median(np.abs(best[kept]))) if errors.size else none,
    }


def rows(result: dict) -> Iterator[tuple[str, str, dict[str, float]]]:
    """Preset, what is differentiated by, and how the law does."""
    for preset, found in result["circuits"].items():
        for name, values in found.items():
            if name in result["laws"].get(preset, {}):
                yield preset, name, judged(values, result["laws"][preset][name])


def page(result: dict) -> str:
    """The table as Markdown."""
    lines, medians, good = [], [], 0
    for preset, name, found in rows(result):
        unit = "I0" if name.partition("_")[0] in (INPUT, "alpha") else "V0"
        lines.append(
            f"| {preset} | {name} | {found['spikes']} | {found['kept']} | {found['size']:.3g} tau_m/{unit} | "
            f"{100 * found['median']:.2f} % | {100 * found['worst']:.2f} % |"
        )
        medians.append(found["median"])
        good += found["median"] <= GOALS[0] and found["worst"] <= GOALS[1]
    median, worst = (f"{100 * goal:g} %" for goal in GOALS)
    return "\n\n".join([
        "# Gradients on the measured law against transistors",
        f"{TECHNOLOGY}, ideal filters, {platform.machine()}; written by `python -m benchmarks.measured_gradients`. "
        f"Derivatives of spike times by the adjoint of the law's kernel, against central differences of the circuit at "
        f"tolerance {RUNS['tight'][0]:g}. A spike counts where the differences of a step and of half of it agree "
        f"within {100 * AGREE:g} %, and where it moves by at least {100 * SMALL:g} % of what the most moved one does. "
        f"Goal: a median error within {median}, the worst within {worst}; reached in {good} of {len(lines)} rows.",
        "\n".join([
            "| preset | by | spikes | counted | median derivative | median error | worst |",
            "|---|---|---:|---:|---:|---:|---:|", *lines,
        ]),
    ]) + "\n"  # fmt: skip


def main() -> None:
    """Measure what is missing, and write the numbers after each row and the page at the end."""
    parser = arguments(__doc__)
    parser.add_argument("--presets", nargs="+", choices=list(CHOSEN), default=list(CHOSEN))
    parser.add_argument("--anew", action="store_true", help="differentiate the laws again")
    options = parser.parse_args()
    file: Path = options.json
    file.parent.mkdir(parents=True, exist_ok=True)
    result = json.loads(file.read_text("utf-8")) if file.exists() else {"circuits": {}, "laws": {}}
    for name in options.presets:
        one = subject(name)
        if options.anew or name not in result["laws"]:
            result["laws"][name] = law_gradients(one, law_of(one))
        known = result["circuits"].setdefault(name, {})
        for by in one.names:
            if by not in known:
                known[by] = differences(one, by)
            file.write_text(json.dumps(result, indent=1) + "\n", "utf-8")
            print(name, by, judged(known[by], result["laws"][name][by]), flush=True)
    file.with_suffix(".md").write_text(page(result), "utf-8")


if __name__ == "__main__":
    main()
