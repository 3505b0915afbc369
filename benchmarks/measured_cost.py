"""What a step of the measured law costs beside the declared equation, forward and with its gradient.

    python -m benchmarks.measured_cost --json FILE [--technology generic_180nm]

64 bursting neurons of different gains, swept once, over one series of 2000 samples and over sixteen. Each form runs in
turn, one thread, least core time of five; so a loaded machine moves all of them alike.
"""

import json
import platform
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import sympy
import torch

from benchmarks.command import arguments
from circuits.technologies import technology
from conductance.layers import NeuronLayer, Projection
from conductance.layers.rebuilt import of_neuron
from conductance.networks import Network
from conductance.neurons.base import Neuron
from conductance.neurons.presets import PRESETS
from conductance.tables import Tabulated
from excitable.ladder.measured import measure_network, measured_network
from excitable.ladder.options import CircuitOptions

SIZE, SAMPLES, DT = 64, 2000, 0.2
BATCHES = (1, 16)
TURNS = 5
FORMS = ("declared, forward Euler", "declared, heun", "measured, tangents")
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


def forward(network: Network, inputs: torch.Tensor) -> None:
    """A pass without a gradient."""
    with torch.no_grad():
        network(inputs)


def training(network: Network, inputs: torch.Tensor) -> None:
    """A pass with the gradient of a mean square."""
    network(inputs)[0].square().mean().backward()


PASSES = {"forward": forward, "with gradient": training}


def measure(made: dict[str, Network]) -> dict[str, float]:
    """The least core time of each form, in ns per neuron and step, by batch and pass."""
    found: dict[str, float] = {}
    for batch in BATCHES:
        inputs = 0.3 * torch.randn(SAMPLES, batch, 1).cumsum(0) / SAMPLES**0.5
        for kind, work in PASSES.items():
            for network in made.values():
                work(network, inputs)  # compiles
            for _ in range(TURNS):
                for form, network in made.items():
                    key = f"{form} / {batch} / {kind}"
                    taken = core_seconds(partial(work, network, inputs))
                    found[key] = min(found.get(key, float("inf")), taken)
    return {key: 1e9 * value / (SAMPLES * SIZE * int(key.split(" / ")[1])) for key, value in found.items()}


def ratios(nanoseconds: dict[str, float], batch: int, kind: str) -> tuple[float, float]:
    """The measured law's step over the declared neuron's: by forward Euler, as networks are trained, and by heun."""
    euler, heun, law = (nanoseconds[f"{form} / {batch} / {kind}"] for form in FORMS)
    return law / euler, law / heun


def page(result: dict) -> str:
    """The table as Markdown."""
    found, lines = result["nanoseconds"], []
    for batch in BATCHES:
        for kind in PASSES:
            cells = [found[f"{form} / {batch} / {kind}"] for form in FORMS]
            euler, heun = ratios(found, batch, kind)
            whole = 1e-9 * cells[-1] * SAMPLES * SIZE * batch
            shown = " | ".join(f"{cell:.2g}" for cell in cells)
            lines.append(f"| {batch} | {kind} | {shown} | {euler:.1f} | {heun:.1f} | {whole:.3f} |")
    head = f"| series | pass | {' | '.join(FORMS)} | over Euler | over heun | s in all |"
    return "\n\n".join([
        "# What a step of the measured law costs",
        f"{SIZE} bursting neurons of {result['technology']}, {SAMPLES} samples, {platform.machine()}, one thread, core "
        f"time in ns per neuron and step, least of {TURNS} in turns; written by `python -m benchmarks.measured_cost`. "
        f"The goal is at most {GOAL:g} times the declared neuron's step. The law has {result['states']} states, "
        f"{result['tables']} tables and {result['tanh']} tanh; the declared neuron {result['declared']}.",
        "\n".join([head, "|---:|---|" + "---:|" * 6, *lines]),
    ]) + "\n"  # fmt: skip


def structure(law: Neuron, declared: Neuron) -> dict[str, int | str]:
    """How many states, tables and tanh a derivative of the law has, and the declared neuron's in words."""

    def counted(neuron: Neuron, kind: type) -> int:
        return len(set().union(*(state.derivative.atoms(kind) for state in neuron.states)))

    own = f"{len(declared.states)} states and {counted(declared, sympy.tanh)} tanh"
    return {
        "states": len(law.states), "tables": counted(law, Tabulated), "tanh": counted(law, sympy.tanh), "declared": own,
    }  # fmt: skip


def main() -> None:
    """Measure, and write the numbers and the page."""
    parser = arguments(__doc__)
    parser.add_argument("--technology", default="generic_180nm")
    options = parser.parse_args()
    torch.set_num_threads(1)
    file: Path = options.json
    file.parent.mkdir(parents=True, exist_ok=True)
    made = networks(options.technology)
    law, declared = made[FORMS[-1]].chain["hidden"], made[FORMS[0]].chain["hidden"]
    assert isinstance(law, NeuronLayer) and isinstance(declared, NeuronLayer)
    result = {
        "technology": options.technology,
        "nanoseconds": measure(made),
        **structure(law.law, declared.neuron),
    }
    file.write_text(json.dumps(result, indent=1) + "\n", "utf-8")
    file.with_suffix(".md").write_text(page(result), "utf-8")


if __name__ == "__main__":
    main()
