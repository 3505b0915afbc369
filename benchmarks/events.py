"""Training event-based networks against public exact-gradient codes: `python -m benchmarks.events --json FILE`.

One epoch of Yin-Yang, a 5-30-3 network of QIF neurons, 100 trials per step: forward, loss, backward and Adam. All codes
get the same trials in the same order, and those of QIF neurons the same initial weights. Ours is measured in this
process, every other in one of its own. Beside it: what an input spike costs as trials grow, and the memory it takes.
"""

import argparse
import json
import statistics
import tempfile
import time
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import torch

from benchmarks.event_peers import PYTHON, Epoch, measure_peers
from benchmarks.measurement import hold_threads
from conductance.events import EventLayer, EventNetwork, Spikes, synaptic_lif
from conductance.neurons import qif
from conductance.tasks import YinYang
from conductance.tasks.events import EventSplit
from conductance.training.events import EventTraining
from conductance.training.events.loss import classifier_loss
from excitable.runs.environment import environment

GOAL = 10.0
"""Times that an epoch of ours is to be shorter than the fastest of the others."""
LENGTHS = (10, 100, 1000, 10_000)
"""Input spikes per trial at which their cost is measured."""
QIF, LIF, ONCE = "QIF", "LIF", "LIF, one spike"
ONCE_RESET = -1000.0
LEAKY_WEIGHTS = ((3.0 * 5**0.5, 1.6 * 5**0.5), (0.5 * 30**0.5, 0.8 * 30**0.5))
"""Those of the LIF peer's own example, which are not divided by the root of the inputs."""
NETWORKS = {
    QIF: (qif(), (4.0, 4.0), (5.0, 5.0)),
    LIF: (synaptic_lif(), *LEAKY_WEIGHTS),
    # the peer's neuron: it returns to a voltage from which no trial brings it back
    ONCE: (synaptic_lif(U_reset=ONCE_RESET), *LEAKY_WEIGHTS),
}
"""Our networks: the neuron, and mean and spread of the weights of both layers."""
OPTIONS = EventTraining(regulariser=0.03)
END = 5.0


@dataclass(frozen=True, kw_only=True)
class Growth:
    """What an input spike costs a neuron.

    Attributes:
        events: input spikes per trial.
        forward: ns per input spike and neuron, median.
        training: the same for forward and backward.
        memory: bytes per input spike and neuron that the backward pass keeps.
    """

    events: int
    forward: float
    training: float
    memory: float


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--json", type=Path, required=True, help="file for the numbers; the page goes beside it"
    )
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--repeats", type=int, default=5, help="epochs that a median is of")
    parser.add_argument("--samples", type=int, default=5000, help="trials of an epoch")
    parser.add_argument("--longest", type=int, default=LENGTHS[-1], help="input spikes per trial at most")
    parser.add_argument("--python", type=Path, default=PYTHON, help="interpreter of the peers' environment")
    options = parser.parse_args()
    hold_threads(options.threads)
    torch.set_num_threads(options.threads)
    split = (
        YinYang(end=END, train_samples=options.samples, validation_samples=1, test_samples=1).generate().train
    )
    # steps this small may gain nothing from a second thread, and lose on a busy machine: both are shown
    forms = (("c", torch.float64), ("c", torch.float32), ("torch", torch.float64))
    rows = [
        _ours(split, neuron, backend, dtype, options.repeats, threads)
        for neuron in NETWORKS
        for backend, dtype in forms
        for threads in sorted({1, options.threads})
    ]
    torch.set_num_threads(options.threads)
    with tempfile.TemporaryDirectory() as folder:
        data = Path(folder) / "data.npz"
        np.savez(data, **_shared(split))
        rows += measure_peers(data, threads=options.threads, repeats=options.repeats, python=options.python)
    growth = [_growth(events, options.repeats) for events in LENGTHS if events <= options.longest]
    result = {
        "environment": environment(seed=0), "threads": options.threads, "samples": options.samples,
        "batch": OPTIONS.batch, "goal": GOAL, "ratios": _ratios(rows), "epochs": [asdict(row) for row in rows],
        "growth": [asdict(row) for row in growth],
    }  # fmt: skip
    options.json.parent.mkdir(parents=True, exist_ok=True)
    options.json.write_text(json.dumps(result, indent=1) + "\n", "utf-8")
    options.json.with_suffix(".md").write_text(_page(result, rows, growth), "utf-8")
    print(options.json.with_suffix(".md").read_text("utf-8"))


def _network(neuron: str, backend: str, dtype: torch.dtype) -> EventNetwork:
    random = torch.Generator().manual_seed(0)
    shared = {
        "generator": random,
        "sharpness": 1.0,
        "trainable": ("weight", "initial_voltage"),
        "backend": backend,
    }
    kept = torch.get_default_dtype()
    torch.set_default_dtype(torch.float64)
    try:
        declared, hidden, output = NETWORKS[neuron]
        network = EventNetwork(
            {
                "hidden": EventLayer(declared, 5, 30, mean=hidden[0], spread=hidden[1], **shared),
                "output": EventLayer(declared, 30, 3, mean=output[0], spread=output[1], **shared),
            }
        )
    finally:
        torch.set_default_dtype(kept)
    return network.to(dtype)


def _ours(
    split: EventSplit, neuron: str, backend: str, dtype: torch.dtype, repeats: int, threads: int
) -> Epoch:  # fmt: skip
    torch.set_num_threads(threads)
    begin = time.perf_counter()
    network = _network(neuron, backend, dtype)
    optimiser = torch.optim.Adam(network.parameters(), lr=OPTIONS.learning_rate, fused=True)
    spikes = split.spikes
    split = EventSplit(
        spikes=Spikes(
            times=spikes.times.to(dtype),
            neurons=spikes.neurons,
            mask=spikes.mask,
            size=spikes.size,
            end=spikes.end,
        ),
        labels=split.labels,
    )
    # cut into batches once, as for the others
    batches = [split.select(index) for index in torch.arange(split.trials).split(OPTIONS.batch)]
    durations, losses = [], []
    for _ in range(repeats + 1):
        losses.append(statistics.fmean(_step(network, batch, optimiser) for batch in batches))
        durations.append(time.perf_counter() - begin)
        begin = time.perf_counter()
    median = statistics.median(durations[1:])
    name = {"c": "excitable, compiled loop", "torch": "excitable, torch"}[backend]
    return Epoch(
        name=f"{name}, {str(dtype).removeprefix('torch.')}, {threads} thread{'s' * (threads > 1)}", neuron=neuron,
        seconds=median, compiling=max(0.0, durations[0] - median), loss=losses[0], repeats=repeats,
    )  # fmt: skip


def _step(network: EventNetwork, batch: EventSplit, optimiser: torch.optim.Optimizer) -> float:
    optimiser.zero_grad()
    loss = classifier_loss(
        network, batch.spikes, batch.labels, tau=OPTIONS.loss_tau, regulariser=OPTIONS.regulariser
    )
    loss.backward()
    torch.nn.utils.clip_grad_norm_(network.parameters(), OPTIONS.clip)
    optimiser.step()
    return float(loss.detach())


def _shared(split: EventSplit) -> dict[str, np.ndarray]:
    """What the others need to train the same network."""
    network = _network(QIF, "torch", torch.float64)
    record: dict[str, Spikes] = {}
    with torch.no_grad():
        network(split.spikes, record=record)
    events = sum(spikes.mask.sum(0) for spikes in record.values())
    times, _ = split.spikes.by_neuron()
    numbers = {
        "batch": OPTIONS.batch, "end": END, "learning_rate": OPTIONS.learning_rate, "clip": OPTIONS.clip,
        "loss_tau": OPTIONS.loss_tau, "regulariser": OPTIONS.regulariser,
        # room for every event of a trial, and for a few more as the weights move
        "events": int(torch.as_tensor(events).max()) + split.spikes.size + 8,
    }  # fmt: skip
    weights = {name: layer.weight.detach().numpy() for name, layer in network.layers.items()}
    return {
        "times": times[0].numpy(), "labels": split.labels.numpy(), **weights,
        **{name: np.array(value) for name, value in numbers.items()},
    }  # fmt: skip


def _growth(events: int, repeats: int, *, batch: int = 16, inputs: int = 30, size: int = 64) -> Growth:
    """Input spikes at one rate, in a trial whose length is that of its events."""
    random = torch.Generator().manual_seed(0)
    end = events / 10.0
    times = (torch.rand(events, batch, generator=random, dtype=torch.float64) * end).sort(0).values
    neurons = torch.randint(inputs, (events, batch), generator=random)
    spikes = Spikes(
        times=times.requires_grad_(),
        neurons=neurons,
        mask=torch.ones_like(neurons).bool(),
        size=inputs,
        end=end,
    )
    layer = EventLayer(
        qif(), inputs, size, weight=torch.randn(size, inputs, generator=random, dtype=torch.float64),
        initial_voltage=torch.zeros(size, dtype=torch.float64), initial_current=torch.zeros(size, dtype=torch.float64),
        backend="c",
    )  # fmt: skip
    kept = 0

    def keep(tensor: torch.Tensor) -> torch.Tensor:
        nonlocal kept
        kept += tensor.numel() * tensor.element_size()
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
        layer(spikes)
    forward, both = [], []
    rounds = max(1, 1000 // events)
    for _ in range(repeats):
        begin = time.perf_counter()
        for _ in range(rounds):
            with torch.no_grad():
                layer(spikes)
        middle = time.perf_counter()
        for _ in range(rounds):
            layer(spikes).times.sum().backward()
        forward.append(middle - begin)
        both.append(time.perf_counter() - middle)
    scale = 1e9 / (rounds * events * batch * size)
    return Growth(
        events=events, forward=statistics.median(forward) * scale, training=statistics.median(both) * scale,
        memory=kept / (events * batch * size),
    )  # fmt: skip


def _fastest(rows: list[Epoch], *, neuron: str, ours: bool, dtype: str = "") -> Epoch | None:
    found = [
        row
        for row in rows
        if row.seconds is not None
        and row.neuron == neuron
        and row.name.startswith("excitable") == ours
        and dtype in row.name
    ]
    return min(found, key=lambda row: row.seconds or 0.0, default=None)


def _ratios(rows: list[Epoch]) -> dict[str, dict[str, float | str]]:
    """For each neuron and precision the fastest other code's epoch over our fastest in that precision."""
    found: dict[str, dict[str, float | str]] = {}
    for neuron, dtype in ((QIF, "float32"), (QIF, "float64"), (ONCE, "float32")):
        # only the QIF peer says its precision: every other code computes in float32
        other = _fastest(rows, neuron=neuron, ours=False, dtype=dtype if neuron == QIF else "")
        ours = _fastest(rows, neuron=neuron, ours=True, dtype=dtype)
        if other is not None and ours is not None and other.seconds and ours.seconds:
            found[f"{neuron}, {dtype}"] = {
                "ratio": other.seconds / ours.seconds, "other": other.name, "ours": ours.name,
            }  # fmt: skip
    return found


def _page(result: dict, rows: list[Epoch], growth: list[Growth]) -> str:
    lines = [
        "# Event-based networks: time per epoch",
        "",
        f"Yin-Yang, 5-30-3, {result['samples']} trials, {result['batch']} per step, {result['threads']} threads; "
        f"median of epochs after the first. QIF codes begin at the same weights; each code's loss is its own measure.",
        "",
        "| code | neuron | s per epoch | over ours | compiling, s | first epoch's loss |",
        "|---|---|---:|---:|---:|---:|",
    ]
    best = _fastest(rows, neuron=QIF, ours=True, dtype="float64")
    ours = None if best is None else best.seconds
    for row in sorted(rows, key=lambda row: (row.seconds is None, row.seconds or 0.0)):
        if row.seconds is None or row.compiling is None or row.loss is None or ours is None:
            lines.append(
                f"| {row.name} | {row.neuron} | not measured: {row.problem.replace('|', '/')} | | | |"
            )
        else:
            lines.append(
                f"| {row.name} | {row.neuron} | {row.seconds:.3f} | {row.seconds / ours:.1f} | {row.compiling:.1f} | "
                f"{row.loss:.3f} |"
            )
    lines += [
        "",
        f"Goal: at least {GOAL:g} times faster than the fastest other code.",
        "",
        *(
            f"- {name}: {found['other']} takes **{found['ratio']:.1f}** times as long as {found['ours']}: "
            f"**{'reached' if found['ratio'] >= GOAL else 'not reached'}**."
            for name, found in result["ratios"].items()
        ),
        "",
        "QIF is the same network with the same weights and the same loss. `LIF, one spike` is jaxsnn's network: after "
        f"a spike a neuron returns to U = {ONCE_RESET:g}. Its weights are drawn from the same distribution, but the "
        "loss is that of the QIF network, where jaxsnn's is a squared error of spike times. LIF returns to 0 and "
        "spikes any number of times, which no other code here does. `over ours` compares with our fastest QIF network "
        "in float64.",
        "",
        "## Cost of an input spike",
        "",
        "One layer of 64 QIF neurons, 16 trials, 30 inputs, 10 input spikes per tau, float64, with gradients to "
        "weights and input times.",
        "",
        "| input spikes per trial | forward, ns per spike and neuron | forward and backward | bytes kept |",
        "|---:|---:|---:|---:|",
        *(f"| {row.events} | {row.forward:.1f} | {row.training:.1f} | {row.memory:.1f} |" for row in growth),
        "",
    ]
    return "\n".join(lines)


if __name__ == "__main__":
    main()
