"""What a step of the measured law costs beside the declared equation, forward and with its gradient.

    python -m benchmarks.measured_cost --json FILE [--technology generic_180nm]

64 bursting neurons of different gains, swept once, over one series of 2000 samples and over sixteen. Each form runs in
turn, one thread, least core time of five; so a loaded machine moves all of them alike.
"""

import json
import platform
import time
from collections.abc import Callable
from pathlib import Path

import torch

from benchmarks.command import arguments
from circuits.technologies import technology
from conductance.layers import NeuronLayer, Projection
from conductance.layers.rebuilt import of_neuron
from conductance.networks import Network
from conductance.neurons.presets import PRESETS
from excitable.ladder.measured import measure_network, measured_network
from excitable.ladder.options import CircuitOptions

SIZE, SAMPLES, DT = 64, 2000, 0.2
BATCHES = (1, 16)
TURNS = 5
FORMS = ("declared, forward Euler", "declared, heun", "measured, heun")
GOAL = 3.0


def networks(process: str) -> dict[str, Network]:
    """The same 64 neurons in each form."""
    torch.manual_seed(0)
    encoder = Projection(1, SIZE)
    with torch.no_grad():
        encoder.bias.uniform_(-1.2, -0.6)
    values = {"alpha_f_minus": torch.linspace(1.8, 2.2, SIZE), "alpha_s_plus": torch.linspace(2.2, 1.8, SIZE)}
    layer = NeuronLayer(
        PRESETS["bursting"].neuron, SIZE, dt=DT, method="forward_euler", values=values, trainable=list(values)
    )
    network = Network({"encoder": encoder, "hidden": layer})
    heun = NeuronLayer(layer.neuron, SIZE, dt=DT, method="heun", values=values, trainable=list(values))
    chosen = technology(process)
    options = CircuitOptions(scaling=chosen.scaling(), levels="transistor", technology=chosen)
    law = measured_network(network, measure_network(network, options))
    second = Network({"encoder": encoder, "hidden": of_neuron(heun, heun.neuron)})
    return dict(zip(FORMS, (network, second, law), strict=True))


def core_seconds(work: Callable[[], object]) -> float:
    """Core time of a call."""
    began = time.process_time()
    work()
    return time.process_time() - began


def measure(process: str) -> dict:
    """The least core time of each form, in ns per neuron and step, by batch and pass."""
    found: dict[str, float] = {}
    made = networks(process)
    for batch in BATCHES:
        inputs = 0.3 * torch.randn(SAMPLES, batch, 1).cumsum(0) / SAMPLES**0.5

        def forward(network: Network, inputs: torch.Tensor = inputs) -> None:
            with torch.no_grad():
                network(inputs)

        def training(network: Network, inputs: torch.Tensor = inputs) -> None:
            network(inputs)[0].square().mean().backward()

        for name, work in (("forward", forward), ("with gradient", training)):
            for network in made.values():
                work(network)  # compiles
            for _ in range(TURNS):
                for form, network in made.items():
                    key = f"{form} / {batch} / {name}"
                    taken = core_seconds(lambda work=work, network=network: work(network))
                    found[key] = min(found.get(key, float("inf")), taken)
    return {key: 1e9 * value / (SAMPLES * SIZE * int(key.split(" / ")[1])) for key, value in found.items()}


def page(result: dict) -> str:
    """The table as Markdown."""
    rows = result["nanoseconds"]
    lines = []
    for batch in BATCHES:
        for name in ("forward", "with gradient"):
            cells = [rows[f"{form} / {batch} / {name}"] for form in FORMS]
            ratios = f"{cells[2] / cells[0]:.0f} | {cells[2] / cells[1]:.0f}"
            whole = 1e-9 * cells[2] * SAMPLES * SIZE * batch
            lines.append(
                f"| {batch} | {name} | {' | '.join(f'{cell:.2g}' for cell in cells)} | {ratios} | {whole:.3f} |"
            )
    head = f"| series | pass | {' | '.join(FORMS)} | over Euler | over heun | s in all |"
    return "\n\n".join([
        "# What a step of the measured law costs",
        f"{SIZE} bursting neurons, {SAMPLES} samples, {platform.machine()}, one thread, core time in ns per neuron and "
        f"step, least of {TURNS} in turns; written by `python -m benchmarks.measured_cost`. The goal is at most "
        f"{GOAL:g} times the declared neuron's.",
        "\n".join([head, "|---:|---|" + "---:|" * 6, *lines]),
    ]) + "\n"  # fmt: skip


def main() -> None:
    """Measure, and write the numbers and the page."""
    parser = arguments(__doc__)
    parser.add_argument("--technology", default="generic_180nm")
    options = parser.parse_args()
    torch.set_num_threads(1)
    file: Path = options.json
    file.parent.mkdir(parents=True, exist_ok=True)
    result = {"technology": options.technology, "nanoseconds": measure(options.technology)}
    file.write_text(json.dumps(result, indent=1) + "\n", "utf-8")
    file.with_suffix(".md").write_text(page(result), "utf-8")


if __name__ == "__main__":
    main()
