"""Training with the circuit in the loop: ngspice's waveforms forward, the model's gradient backward.

The forward pass of a series is what the circuit did: the outputs of its neurons and of the network. The backward pass
is the model's, linearised where the circuit is (a straight-through estimator). With the circuit's output s of a layer
at the weights w0, the output at other weights is taken as

    s_circuit + s_model(w) - s_model(w0)

which is exact at w0 and right to first order nearby, so one simulation serves several steps.
"""

import json
import shutil
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Executor, ThreadPoolExecutor
from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path

import numpy as np
import torch
import xarray as xr
from torch import Tensor

from circuits.networks.builder import output_node
from circuits.networks.continuous import NetworkCircuit
from conductance.networks import Network
from conductance.tasks import Split, Task
from conductance.training.batches import draw_batch
from conductance.training.module import project
from excitable.ladder.options import CircuitOptions
from excitable.ladder.rungs import spiking_layers
from excitable.ladder.series import part_circuits, written
from excitable.runs.folder import NETLISTS
from excitable.runs.origin import UPDATES, Update, read_updates
from excitable.runs.series import SeriesRun
from excitable.runs.stages.base import PARTS
from excitable.runs.stages.series import circuit_options
from netlists.simulation import available_cores, simulate_all


@dataclass(frozen=True, kw_only=True)
class LoopOptions:
    """How a network is trained with its circuit in the loop.

    Args:
        updates: simulations, each followed by `steps` updates of the weights.
        series: training series that are simulated for one update.
        samples: of each series, from its start; those of the warm-up do not count.
        steps: updates of the weights on one simulation.
        learning_rate: step size of Adam, which begins anew with each simulation.
        companions: other training series that each of these updates sees through the model alone. Without them ten
            updates on one series took the demo's error on that series from 0.27 to 0.13, and on all others from 0.18
            to 0.38.
    """

    updates: int
    series: int = 1
    samples: int = 2000
    steps: int = 10
    learning_rate: float = 0.001
    companions: int = 16


@dataclass(frozen=True, kw_only=True)
class Measured:
    """What the circuit did on a batch: the outputs of its layers by name, (time, batch, neuron), and of the network."""

    layers: Mapping[str, Tensor]
    output: Tensor
    seconds: float


def through_circuit(
    network: Network, inputs: Tensor, measured: Measured, reference: Mapping[str, Tensor] | None = None
) -> tuple[Tensor, dict[str, Tensor]]:
    """The circuit's output (time, batch, feature) with the model's gradient, and the model's own layers.

    Args:
        network: at the weights w.
        inputs: (time, batch, feature).
        measured: of the circuit at the weights w0.
        reference: the layers that this function returned at w0; at w0 itself none are given.
    """
    own: dict[str, Tensor] = {}
    values = inputs
    last = list(network.chain)[-1]
    for name, layer in network.chain.items():
        values, _ = layer(values)
        if name in measured.layers or name == last:
            own[name] = values.detach()
            base = own[name] if reference is None else reference[name]
            values = (measured.output if name == last else measured.layers[name]) + values - base
    return values, own


def measure(
    network: Network, split: Split, *, dt: float, options: CircuitOptions, executor: Executor | None = None,
    keep: Path | None = None, progress: Callable[[int, int], None] | None = None,
) -> Measured:  # fmt: skip
    """Simulate the circuit on every series of a split, all parts of all series over one executor.

    Raises:
        SimulatorMissing, SimulationFailed: ngspice.
    """
    labels = {name: layer.size for name, layer in spiking_layers(network).items()}
    parts, netlists = [], []
    for series in range(split.series):
        for part in part_circuits(network, split.inputs[:, series].numpy(), dt=dt, options=options):
            probes = [
                output_node(label, index) for label, indices in _indices(part, labels) for index in indices
            ]
            circuit = replace(
                part.circuit, name=f"series_{series}_{part.circuit.name}",
                probes=tuple(dict.fromkeys([*part.circuit.probes, *probes])),
            )  # fmt: skip
            parts.append((series, part))
            netlists.append(written(network, replace(part, circuit=circuit), options))
    runs = simulate_all(
        netlists, simulator=options.simulator, executor=executor, time_limit=options.time_limit, keep=keep,
        resume=keep is not None,
        progress=None if progress is None else lambda done, total, _: progress(done, total),
    )  # fmt: skip
    ends = dt * np.arange(1, split.samples + 1) * options.scaling.time_unit
    found = Measured(
        layers={label: torch.zeros(split.samples, split.series, size) for label, size in labels.items()},
        output=torch.zeros_like(split.targets),
        seconds=sum(run.seconds for run in runs),
    )
    for (series, part), run in zip(parts, runs, strict=True):
        voltages = _at(run.require(), ends, options.scaling.voltage_unit)
        for label, indices in _indices(part, labels):
            for index in indices:
                found.layers[label][:, series, index] = voltages[output_node(label, index)]
        for column, node in enumerate(part.outputs):
            found.output[:, series, column] += voltages[node]
    return found


def _indices(part: NetworkCircuit, labels: Mapping[str, int]) -> list[tuple[str, Sequence[int]]]:
    """The neurons of each layer that a part holds: those chosen of the first layer, all of the others."""
    first = next(iter(labels))
    return [(label, part.neurons if label == first else range(size)) for label, size in labels.items()]


def _at(data: xr.Dataset, seconds: np.ndarray, unit: float) -> dict[str, Tensor]:
    """All voltages at these times, in V0."""
    time = data["time"].to_numpy()
    return {
        str(node): torch.as_tensor(
            np.interp(seconds, time, data["voltage"].sel(node=node).to_numpy()) / unit,
            dtype=torch.get_default_dtype(),
        )
        for node in data["node"].to_numpy()
    }


def learn(
    network: Network, task: Task, split: Split, measured: Measured, options: LoopOptions,
    companions: Callable[[int], Split] | None = None,
) -> Update:  # fmt: skip
    """Several updates of the weights on one simulation; the network is changed in place.

    `companions` gives the other series of each step, which the network sees without its circuit: the loss is the mean
    over all of them and those that were simulated.
    """
    with torch.no_grad():
        output, reference = through_circuit(network, split.inputs, measured)
        model, _ = network(split.inputs)
    before, own = task.error(output, split), task.error(model, split)
    adam = torch.optim.Adam(network.parameters(), lr=options.learning_rate)
    for step in range(options.steps):
        adam.zero_grad()
        output, _ = through_circuit(network, split.inputs, measured, reference)
        loss = split.series * _square(output, split)
        if companions is not None:
            others = companions(step)
            loss = (loss + others.series * _square(network(others.inputs)[0], others)) / (
                split.series + others.series
            )
        loss.backward()
        adam.step()
        project(network)
    with torch.no_grad():
        output, _ = through_circuit(network, split.inputs, measured, reference)
    return Update(
        update=0, circuit_error=before, model_error=own, expected_error=task.error(output, split),
        seconds=measured.seconds,
    )  # fmt: skip


def _square(output: Tensor, split: Split) -> Tensor:
    """The mean square error where it counts."""
    return (output - split.targets)[split.mask].square().mean()


def train_in_the_loop(
    run: SeriesRun, rung: str, options: LoopOptions, *, progress: Callable[[str, int, int], None] | None = None,
    report: Callable[[Update], None] | None = None,
) -> list[Update]:  # fmt: skip
    """Train a run's network with its circuit in the loop; the network is saved after every update.

    Updates that `loop.jsonl` holds are not made again, and of a simulation that was broken off the parts that are
    done are kept.

    Args:
        run: a trained run; the caller holds its lock.
        rung: level of the circuit.
        options: how to train.
        progress: called with the name of a simulation, its finished parts, and all of them.
        report: called with each update.
    """
    configuration, data, task = run.configuration, run.data, run.task
    done = read_updates(run.path)
    train = _beginning(data.train, options.samples)
    workers = configuration.simulation.workers or available_cores()
    for number in range(len(done) + 1, options.updates + 1):
        network = run.network()
        split = draw_batch(train, seed=configuration.seed, step=number, size=options.series)
        folder = run.path / NETLISTS / PARTS / f"update_{number}"
        with ThreadPoolExecutor(workers) as executor:
            measured = measure(
                network, split, dt=configuration.network.dt, options=circuit_options(run, rung),
                executor=executor, keep=folder,
                progress=None if progress is None else partial(progress, f"update {number}: {rung}"),
            )  # fmt: skip
        companions = (
            partial(_companions, data.train, configuration.seed, number, options)
            if options.companions
            else None
        )
        update = replace(learn(network, task, split, measured, options, companions), update=number)
        done.append(update)
        run.save_network(network)
        run.write(UPDATES, "".join(json.dumps(asdict(one)) + "\n" for one in done))
        shutil.rmtree(folder, ignore_errors=True)
        if report is not None:
            report(update)
    return done


def _companions(train: Split, seed: int, update: int, options: LoopOptions, step: int) -> Split:
    """The series that a step of an update sees besides, which follow from the seed, the update and the step."""
    size = min(options.companions, train.series)
    return draw_batch(train, seed=seed, step=update * options.steps + step, size=size)


def _beginning(split: Split, samples: int) -> Split:
    """The first `samples` of every series; `TaskError` where the warm-up leaves none that counts."""
    return Split(inputs=split.inputs[:samples], targets=split.targets[:samples], mask=split.mask[:samples])
