"""Recurrent LIF layers, forwards and backwards, in one run: `python -m benchmarks.recurrence --json FILE`.

The kernel beside our eager step, beside a loop over a hand-written recurrent LIF step as snntorch's RLeaky takes it,
and beside the matrix products alone: per step one (batch, n) by (n, n) forwards, one backwards, one for the weights.
"""

import argparse
import json
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median

import torch

from conductance.layers import NeuronLayer, Recurrence
from conductance.neurons import lif
from excitable.runs.environment import environment

STEPS, BATCH, WIDTHS, ROUNDS = 500, 128, (64, 256, 512), 5
"""Of one run, and how many runs; all forms take turns, so that a slower minute meets each of them."""
KERNEL, EAGER, LOOP, PRODUCTS = "kernel", "eager layer", "snntorch-like loop", "matrix products alone"


class _Spike(torch.autograd.Function):
    """1 above the threshold, with the fast sigmoid's slope."""

    @staticmethod
    def forward(ctx, margin):  # type: ignore[no-untyped-def]
        ctx.save_for_backward(margin)
        return (margin > 0).to(margin.dtype)

    @staticmethod
    def backward(ctx, bar):  # type: ignore[no-untyped-def]
        (margin,) = ctx.saved_tensors
        return bar / (1 + 25 * margin.abs()).square()


Run = Callable[[], object]


def _forward_and_training(step: Callable[[], torch.Tensor], leaves: list[torch.Tensor]) -> dict[str, Run]:
    def forward() -> None:
        with torch.no_grad():
            step()

    def training() -> None:
        for leaf in leaves:
            leaf.grad = None
        step().sum().backward()

    return {"forward": forward, "training": training}


def forms(width: int) -> tuple[dict[str, dict[str, Run]], float]:
    """Each form's two runs, with the same weights and input, and the rate of the spikes."""
    generator = torch.Generator().manual_seed(0)
    weight = torch.randn(width, width, generator=generator) / width**0.5
    inputs = 3.0 * torch.rand(STEPS, BATCH, width, generator=generator)
    made: dict[str, dict[str, Run]] = {}
    rate = 0.0
    for name, backend in ((KERNEL, "c"), (EAGER, "eager")):
        layer = NeuronLayer(lif(), width, dt=0.1, backend=backend, recurrent=Recurrence(weight))
        rate = float(layer(inputs)[0].detach().mean())
        made[name] = _forward_and_training(lambda layer=layer: layer(inputs)[0], list(layer.parameters()))
    leaf, inert = weight.clone().requires_grad_(), inputs[0]

    def by_hand() -> torch.Tensor:
        voltage = spikes = torch.zeros_like(inert)
        seen = []
        for current in inputs.unbind(0):
            reset = spikes.detach()
            voltage = 0.9 * voltage + 0.1 * (current + torch.nn.functional.linear(spikes, leaf)) - reset
            spikes = _Spike.apply(voltage - 1)
            seen.append(spikes)
        return torch.stack(seen)

    made[LOOP] = _forward_and_training(by_hand, [leaf])
    values, other = torch.rand(BATCH, width, generator=generator), weight.T.contiguous()

    def products(times: int) -> Run:
        def run() -> None:
            for _ in range(STEPS * times):
                torch.mm(values, other)

        return run

    # two per step backwards, that of the weights with the batch inside, as many multiplications
    made[PRODUCTS] = {"forward": products(1), "training": products(3)}
    return made, rate


def measured(width: int, rounds: int = ROUNDS) -> dict:
    """Median ms of each form's two runs, in turns."""
    made, rate = forms(width)
    times: dict[str, dict[str, list[float]]] = {name: {"forward": [], "training": []} for name in made}
    for turn in range(rounds + 1):
        for name, runs in made.items():
            for kind, run in runs.items():
                begin = time.perf_counter()
                run()
                if turn:  # the first builds and warms
                    times[name][kind].append(1e3 * (time.perf_counter() - begin))
    shown = {name: {kind: median(each) for kind, each in kinds.items()} for name, kinds in times.items()}
    return {"width": width, "rate": rate, "ms": shown}


def page(found: list[dict]) -> str:
    """A row for each width and kind of run: the kernel's ms and how many times as long the others take."""
    lines = [
        f"| neurons | spikes per neuron-step | run | {KERNEL}, ms | {EAGER} | {LOOP} | kernel over the {PRODUCTS} |",
        "|---|---|---|---|---|---|---|",
    ]
    for row in found:
        for kind in ("forward", "training"):
            own, eager, loop, products = (row["ms"][name][kind] for name in (KERNEL, EAGER, LOOP, PRODUCTS))
            lines.append(
                f"| {row['width']} | {row['rate']:.3f} | {kind} | {own:.0f} | {eager / own:.1f} times | "
                f"{loop / own:.1f} times | {own / products:.2f} times |"
            )
    return "\n".join(lines)


def main() -> None:
    """Measure, print the table and keep the numbers."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--json", type=Path)
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    given = parser.parse_args()
    found = [measured(width, given.rounds) for width in WIDTHS]
    print(page(found))
    if given.json:
        given.json.write_text(json.dumps({"environment": environment(), "rows": found}, indent=1), "utf-8")


if __name__ == "__main__":
    main()
