"""What recurrent weights cost in one netlist of many neurons, and whether its spikes are those of the integrator.

    python -m benchmarks.coupled --json FILE [--sizes 100 1000] [--longest 800]

Bursting neurons over 1000 tau_m at the behavioural level, each with a bias of its own, in one netlist: uncoupled, on a
ring whose neurons are joined to four neighbours, on the same ring through low-passes of 5 tau_m, and joined to four
others at random. Weights read the neurons' outputs. Core time is what the operating system counts for the simulator's
process. Runs that FILE has already are not repeated, and what would take longer than `--longest` seconds of a core, by
what fewer neurons took, is left out. A table goes beside it.
"""

import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from itertools import product
from pathlib import Path

import numpy as np
import torch

from benchmarks.command import arguments
from benchmarks.scale import Spikes, agreement, core_seconds
from circuits.data.scaling import Scaling
from conductance.layers import NeuronLayer, Projection, Recurrence
from conductance.networks import Network
from conductance.networks.continuous import integrate_network
from conductance.neurons.presets import PRESETS
from excitable.ladder.accuracy import TIGHT
from excitable.ladder.options import CircuitOptions
from netlists.comparison.crossings import upward_crossings
from netlists.simulation import SIMULATORS, find_simulator, simulate
from netlists.writing import write_netlist

DURATION, HOLD, SAMPLES = 1000.0, 1.0, 20
BIASES = (-1.1, -0.9)
WEIGHT, NEIGHBOURS, SYNAPSE = 0.05, (-2, -1, 1, 2), 5.0
"""Standard deviation of a weight, the neighbours on the ring, time constant of a synapse in tau_m."""
FORMS = ("uncoupled", "ring", "ring, low-pass", "random")
OBSERVED = 200
"""Neurons whose spikes are compared: membranes that are not observed are not kept, and need no disk."""


@dataclass(frozen=True, kw_only=True)
class Cost:
    """One netlist: core time in s, time points, synapses, and its spikes against the integrator's.

    `missing` counts spikes without a partner, `worst` is the largest difference of the others in tau_m; both are None
    where nothing was compared.
    """

    simulator: str
    form: str
    neurons: int
    synapses: int
    core_seconds: float
    points: int
    spikes: int
    missing: int | None = None
    worst: float | None = None


def network(neurons: int, form: str) -> Network:
    """The neurons, with biases in random order, and their weights."""
    draw = np.random.default_rng(0)
    projection, readout = Projection(1, neurons), Projection(neurons, 1)
    biases = np.linspace(*BIASES, neurons)[draw.permutation(neurons)]
    with torch.no_grad():
        projection.weight.zero_()
        projection.bias.copy_(torch.as_tensor(biases))
        readout.weight.fill_(1 / neurons)
        readout.bias.zero_()
    recurrent = None
    if form != "uncoupled":
        tau = SYNAPSE if form.endswith("low-pass") else None
        recurrent = Recurrence(weights(neurons, form, draw), tau=tau, trainable=False)
    layer = NeuronLayer(PRESETS["bursting"].neuron, neurons, dt=HOLD, recurrent=recurrent)
    return Network({"input": projection, "hidden": layer, "readout": readout})


def weights(neurons: int, form: str, draw: np.random.Generator) -> torch.Tensor:
    """(neuron, neuron), four weights in each row."""
    found = np.zeros((neurons, neurons))
    for target in range(neurons):
        sources = [(target + step) % neurons for step in NEIGHBOURS]
        if form == "random":
            sources = draw.choice(
                np.delete(np.arange(neurons), target), len(NEIGHBOURS), replace=False
            ).tolist()
        found[target, sources] = draw.normal(0.0, WEIGHT, len(NEIGHBOURS))
    return torch.as_tensor(found, dtype=torch.float32)


def observed(neurons: int) -> list[int]:
    """Numbers of the neurons whose spikes are compared, spread over the layer."""
    return np.unique(np.linspace(0, neurons - 1, min(neurons, OBSERVED)).astype(int)).tolist()


def run(simulator: str, form: str, neurons: int) -> tuple[Cost, Spikes]:
    """Simulate one netlist; its cost, and the spike times in tau_m of the observed neurons."""
    chain = network(neurons, form)
    exact = TIGHT[simulator, "behavioural"]
    options = CircuitOptions(
        scaling=Scaling(),
        simulator=simulator,
        relative=exact.relative,
        max_step=exact.max_step,
        time_limit=1e5,
    )
    built = options.build(chain, np.zeros((1, 1)), dt=DURATION, name="coupled")
    nodes = [built.membranes["hidden"][k] for k in observed(neurons)]
    circuit = replace(built.circuit, probes=tuple(nodes))
    netlist = write_netlist(
        circuit, options.analysis(built.duration), options.tolerances(), dialect=options.dialect
    )
    before = core_seconds()
    waveforms = simulate(netlist, simulator=simulator, time_limit=options.time_limit).require()
    core = core_seconds() - before
    time = waveforms["time"].to_numpy() / options.scaling.time_unit
    spikes = {
        node: upward_crossings(
            time, waveforms["voltage"].sel(node=node).to_numpy() / options.scaling.voltage_unit
        )[0]
        for node in nodes
    }
    synapses = 0 if form == "uncoupled" else neurons * len(NEIGHBOURS)
    cost = Cost(
        simulator=simulator, form=form, neurons=neurons, synapses=synapses, core_seconds=core, points=time.size,
        spikes=sum(len(times) for times in spikes.values()),
    )  # fmt: skip
    return cost, spikes


def integrated(form: str, neurons: int) -> Spikes:
    """The same neurons' spikes by the package's integrator."""
    inputs = np.zeros((round(DURATION / HOLD), 1))
    found = integrate_network(network(neurons, form), inputs, dt=HOLD, samples_per_step=SAMPLES, rtol=1e-9)
    membrane = found.states["hidden"][:, 0]
    return {f"hidden_{k}_um": upward_crossings(found.time, membrane[:, k])[0] for k in observed(neurons)}


def measure(file: Path, sizes: Sequence[int], longest: float, only: Sequence[str] = ()) -> dict:
    """All runs, each kept in the file as soon as it is done."""
    kept = json.loads(file.read_text("utf-8")) if file.exists() else {"runs": {}}
    for size, form, simulator in product(sizes, FORMS, reversed(list(SIMULATORS))):
        name = f"{simulator} {form} {size}"
        earlier = [
            c for c in kept["runs"].values()
            if (c["simulator"], c["form"]) == (simulator, form) and c["neurons"] < size
        ]  # fmt: skip
        if only and name not in only:
            continue
        # one netlist grows at least as the square of its neurons: all share one time step
        expected = max((c["core_seconds"] * (size / c["neurons"]) ** 2 for c in earlier), default=0.0)
        if name in kept["runs"] or expected > longest:
            continue
        cost, spikes = run(simulator, form, size)
        if form != "uncoupled":
            same = agreement(_reference(file, form, size), spikes)
            cost = replace(cost, missing=same.missing + same.extra, worst=same.worst)
        kept["runs"][name] = asdict(cost)
        kept["simulators"] = {each: find_simulator(each).version for each in SIMULATORS}
        file.write_text(json.dumps(kept, indent=1) + "\n", "utf-8")
        print(cost, flush=True)
    return kept


def _reference(file: Path, form: str, neurons: int) -> Spikes:
    """The integrator's spikes, kept beside the file."""
    place = file.with_name(f".{file.stem}_{form.replace(', ', '_')}_{neurons}.npz")
    if not place.exists():
        np.savez_compressed(place, **integrated(form, neurons))
    return dict(np.load(place))


def page(result: dict) -> str:
    """The table as Markdown, and what it says."""
    costs = [Cost(**values) for values in result["runs"].values()]
    versions = " and ".join(f"{name} {version}" for name, version in result["simulators"].items())
    exact = ", ".join(
        f"{name} at {TIGHT[name, 'behavioural'].relative:g}"
        for name in dict.fromkeys(c.simulator for c in costs)
    )
    lines = [
        f"| {c.simulator} | {c.form} | {c.neurons} | {c.synapses} | {c.core_seconds:.1f} | {c.points} "
        f"| {c.spikes} | {'' if c.missing is None else c.missing} | {'' if c.worst is None else f'{c.worst:.2g}'} |"
        for c in sorted(costs, key=lambda c: (c.neurons, FORMS.index(c.form), c.simulator))
    ]
    head = (
        "| simulator | weights | neurons | synapses | core, s | points | spikes | unmatched | worst, tau_m |\n"
        "|---|---|---:|---:|---:|---:|---:|---:|---:|"
    )
    words = [
        "# Coupled neurons in one netlist",
        f"{DURATION:g} tau_m of bursting neurons at the behavioural level, {versions}; {exact}; written by `python -m "
        f"benchmarks.coupled`. On the `ring` each neuron has {len(NEIGHBOURS)} neighbours, in `random` as many others; "
        f"weights have a standard deviation of {WEIGHT:g}, low-passes a time constant of {SYNAPSE:g} tau_m. Spikes are "
        f"those of up to {OBSERVED} neurons, and errors those of their times against the package's integrator at "
        "1e-9. What took too long is left out.",
        "\n".join([head, *lines]),
        *_ratios(costs),
        " ".join(_growth(costs)),
    ]
    return "\n\n".join(words) + "\n"


def _ratios(costs: Sequence[Cost]) -> list[str]:
    """How much more a coupled netlist costs than the uncoupled one, and ngspice's more than VACASK's."""
    found = {(c.simulator, c.form, c.neurons): c.core_seconds for c in costs}
    said = [
        f"{c.neurons} neurons, {c.form}, {c.simulator}: "
        f"{c.core_seconds / found[c.simulator, 'uncoupled', c.neurons]:.2f} times the uncoupled netlist."
        for c in costs
        if c.form != "uncoupled" and (c.simulator, "uncoupled", c.neurons) in found
    ]
    return said + [
        f"{c.neurons} neurons, {c.form}: VACASK takes "
        f"{c.core_seconds / found['vacask', c.form, c.neurons]:.1f} times less core time than ngspice."
        for c in costs
        if c.simulator == "ngspice" and ("vacask", c.form, c.neurons) in found
    ]


def _growth(costs: Sequence[Cost]) -> Iterator[str]:
    """With which power of the neurons the cost of a time point grows in VACASK, and why."""
    for form in FORMS:
        sizes = sorted(
            (c for c in costs if (c.simulator, c.form) == ("vacask", form)), key=lambda c: c.neurons
        )
        if len(sizes) > 1:
            first, last = sizes[0], sizes[-1]
            each = [c.core_seconds / c.points for c in (first, last)]
            power = np.log(each[1] / each[0]) / np.log(last.neurons / first.neurons)
            yield (
                f"From {first.neurons} to {last.neurons} neurons, {form}, the cost of a time point grows with the "
                f"power {power:.1f} of their number."
            )
    yield (
        "A matrix of neurons on a ring stays sparse when it is factorised, one of neurons that are joined at random "
        "fills up."
    )


def main() -> None:
    """Measure, and write the numbers and the page."""
    parser = arguments(__doc__)
    parser.add_argument("--sizes", type=int, nargs="+", default=[100, 1000])
    parser.add_argument(
        "--longest", type=float, default=800.0, help="core time in s beyond which a run is left out"
    )
    parser.add_argument("--only", nargs="+", default=[], help="these runs, as `vacask ring 1000`")
    options = parser.parse_args()
    options.json.parent.mkdir(parents=True, exist_ok=True)
    text = page(measure(options.json, options.sizes, options.longest, options.only))
    options.json.with_suffix(".md").write_text(text, "utf-8")
    print(text)


if __name__ == "__main__":
    main()
