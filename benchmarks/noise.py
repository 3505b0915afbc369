"""What noise costs in the kernel of the MTC neuron, against the same neuron without, in turns in one process.

    python -m benchmarks.noise --json benchmarks/results/noise.json

White noise of a held amplitude, that of the circuit (whose amplitude follows the states), and flicker noise over one to
four decades beside the white one. Ratios are of medians; the input's gradient and two parameters' are wanted backwards.
"""

import json
import statistics
import sys
import time
from collections.abc import Mapping

import torch

from benchmarks.command import arguments
from circuits.noise import circuit_noise
from conductance import NeuronLayer, mtc
from conductance.files import write_whole
from conductance.neurons.base import Neuron
from conductance.neurons.flicker import flickering
from conductance.neurons.noisy import noisy

SHAPE = (500, 128, 64)
"""Steps, batch, neurons."""
REPEATS = 9
LIMIT = (2.5, 1.6)
"""Largest ratios of white noise forwards, and forwards and backwards, that are asked for."""


def forms() -> Mapping[str, Neuron]:
    """What is measured, the silent neuron first."""
    white = noisy(mtc(), {"leak": 0.1})
    decades = {
        f"white and flicker, {count} decade{'s' * (count > 1)}": flickering(
            white, {"um": 0.02}, band=(10.0**-count, 1.0)
        )
        for count in (1, 2, 3, 4)
    }
    return {"none": mtc(), "white": white, "of the circuit": circuit_noise(mtc()), **decades}


def measured(repeats: int) -> dict[str, tuple[float, float]]:
    """Median seconds of a run forwards, and forwards and backwards, by form."""
    inputs = 0.1 * torch.randn(SHAPE, generator=torch.Generator().manual_seed(0))
    layers = {
        name: NeuronLayer(neuron, SHAPE[2], dt=0.1, trainable=("alpha_f_minus", "tau_s"), backend="c")
        for name, neuron in forms().items()
    }
    found: dict[str, tuple[list[float], list[float]]] = {name: ([], []) for name in layers}
    for repeat in range(repeats + 1):
        for name, layer in layers.items():
            for backwards, kept in enumerate(found[name]):
                taken = _taken(layer, inputs, backwards=bool(backwards))
                if repeat:  # the first builds the kernel
                    kept.append(taken)
    return {name: (statistics.median(both[0]), statistics.median(both[1])) for name, both in found.items()}


def _taken(layer: NeuronLayer, inputs: torch.Tensor, *, backwards: bool) -> float:
    begin = time.process_time()
    with torch.set_grad_enabled(backwards):
        given = inputs.clone().requires_grad_(backwards)
        outputs, _ = layer(given)
        if backwards:
            outputs.sum().backward()
    return time.process_time() - begin


def page(found: Mapping[str, tuple[float, float]]) -> str:
    """The table, and whether white noise costs what it may."""
    plain = found["none"]
    lines = [
        "# What noise costs",
        "",
        f"MTC in C, one thread, {SHAPE[0]} steps, batch {SHAPE[1]}, {SHAPE[2]} neurons, float32; medians of {REPEATS} "
        f"in turns, over the neuron without noise. White noise may cost {LIMIT[0]:g} and {LIMIT[1]:g} times as much.",
        "",
        "| noise | forward | forward and backward |",
        "|---|---:|---:|",
    ]
    for name, both in found.items():
        forward, training = (taken / own for taken, own in zip(both, plain, strict=True))
        lines.append(f"| {name} | {forward:.2f} | {training:.2f} |")
    return "\n".join(lines) + "\n"


def main() -> int:
    """Measure, print, and write the numbers and the page."""
    given = arguments(__doc__).parse_args()
    torch.set_num_threads(1)
    found = measured(REPEATS)
    write_whole(given.json, json.dumps(found, indent=1) + "\n")
    write_whole(given.json.with_suffix(".md"), page(found))
    print(page(found))
    return 0


if __name__ == "__main__":
    sys.exit(main())
