"""Recurrent LIF layers, forwards and backwards, in one process: `python -m benchmarks.recurrence --json FILE`.

The kernel beside our eager step, beside the recurrent layers of snntorch and Norse under a loop over unbound steps
(Norse's own loop indexes the input, whose backward run is quadratic in time), beside a hand-written step of torch's
operators, and beside the matrix products alone: per step one (batch, n) by (n, n) forwards, one backwards, one for the
weights. Norse's cell has the input's weights inside, so it is held against the kernel behind a torch Linear. Run it in
an environment with the peers (benchmarks/peer_requirements.txt); one that is not there is left out, and said.
"""

import json
import time
from collections.abc import Callable
from importlib.metadata import version
from importlib.util import find_spec
from statistics import median

import torch

from benchmarks.command import arguments
from conductance.layers import NeuronLayer, Recurrence
from conductance.neurons import lif
from excitable.runs.environment import environment

STEPS, BATCH, WIDTHS, ROUNDS = 500, 128, (64, 256, 512), 5
"""Of one run, and how many runs; all forms take turns, so that a slower minute meets each of them."""
KERNEL, BEHIND, EAGER = "kernel", "Linear and kernel", "eager layer"
LOOP, PRODUCTS = "loop by hand", "matrix products alone"
SNNTORCH, NORSE = "snntorch RLeaky", "Norse LIFRecurrentCell"


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

    made |= peers(inputs, weight)
    linear = torch.nn.Linear(width, width)
    layer = NeuronLayer(lif(), width, dt=0.1, backend="c", recurrent=Recurrence(weight))
    leaves = [*linear.parameters(), *layer.parameters()]
    made[BEHIND] = _forward_and_training(lambda: layer(linear(inputs))[0], leaves)
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


def peers(inputs: torch.Tensor, weight: torch.Tensor) -> dict[str, dict[str, Run]]:
    """The recurrent layers of the libraries that are installed here, with these weights."""
    made = {}
    if find_spec("snntorch"):
        from snntorch import RLeaky

        leaky = RLeaky(beta=0.9, linear_features=len(weight))
        with torch.no_grad():
            leaky.recurrent.weight.copy_(weight)

        def snntorch() -> torch.Tensor:
            spikes, voltage = leaky.init_rleaky()
            seen = []
            for current in inputs.unbind(0):
                spikes, voltage = leaky(0.1 * current, spikes, voltage)
                seen.append(spikes)
            return torch.stack(seen)

        made[SNNTORCH] = _forward_and_training(snntorch, list(leaky.parameters()))
    if find_spec("norse"):
        from norse.torch import LIFRecurrentCell

        cell = LIFRecurrentCell(len(weight), len(weight), recurrent_weights=weight.clone())

        def norse() -> torch.Tensor:
            state, seen = None, []
            for current in inputs.unbind(0):
                spikes, state = cell(current, state)
                seen.append(spikes)
            return torch.stack(seen)

        made[NORSE] = _forward_and_training(norse, list(cell.parameters()))
    return made


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
    others = [name for name in (SNNTORCH, NORSE, LOOP, EAGER) if name in found[0]["ms"]]
    titles = ["neurons", "spikes per neuron-step", "run", f"{KERNEL}, ms", *others]
    titles += [f"{KERNEL} over the {PRODUCTS}"]
    lines = ["| " + " | ".join(titles) + " |", "|" + "---|" * len(titles)]
    for row in found:
        for kind in ("forward", "training"):
            ms = {name: kinds[kind] for name, kinds in row["ms"].items()}
            cells = [str(row["width"]), f"{row['rate']:.3f}", kind, f"{ms[KERNEL]:.1f}"]
            cells += [f"{ms[name] / ms[BEHIND if name == NORSE else KERNEL]:.1f} times" for name in others]
            cells.append(f"{ms[KERNEL] / ms[PRODUCTS]:.2f} times")
            lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines)


def written(result: dict) -> str:
    """The whole page."""
    missing = [name for name in (SNNTORCH, NORSE) if name not in result["rows"][0]["ms"]]
    return "\n".join(
        [
            "# What a recurrent layer costs",
            "",
            "Written by `python -m benchmarks.recurrence --json FILE`.",
            "",
            f"{STEPS} steps, batch {BATCH}, float32, {result['threads']} threads, medians of {result['rounds']} in "
            f"turns; the others as multiples of the kernel, Norse's cell, which has the input's weights inside, of the "
            f"kernel behind a torch Linear. torch {torch.__version__}"
            + "".join(f", {name} {number}" for name, number in result["peers"].items())
            + ".",
            *([f"Not installed where this ran: {', '.join(missing)}."] if missing else []),
            "",
            page(result["rows"]),
            "",
        ]
    )


def main() -> None:
    """Measure, print the table, keep the numbers and write the page beside them."""
    parser = arguments(__doc__)
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    given = parser.parse_args()
    found = [measured(width, given.rounds) for width in WIDTHS]
    known = {name: version(name) for name in ("snntorch", "norse") if find_spec(name)}
    result = {
        "environment": environment(seed=0), "threads": torch.get_num_threads(), "rounds": given.rounds, "peers": known,
        "rows": found,
    }  # fmt: skip
    given.json.write_text(json.dumps(result, indent=1) + "\n", "utf-8")
    given.json.with_suffix(".md").write_text(written(result), "utf-8")
    print(written(result))


if __name__ == "__main__":
    main()
