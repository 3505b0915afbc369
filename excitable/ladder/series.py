"""From a trained network to a checked circuit: export, simulate, compare."""

import warnings
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Executor
from pathlib import Path

import numpy as np
import torch

from circuits.networks.continuous import NetworkCircuit
from conductance.errors import ExcitableError
from conductance.networks import Network
from conductance.tasks import Split, Task
from excitable.ladder.options import CircuitOptions
from excitable.ladder.rungs import (
    Waveforms,
    circuit_rung,
    layer_threshold,
    meaning_of,
    network_threshold,
    spiking_layers,
)
from netlists.analyses import Measure, SpikeInterval, SpikeTime
from netlists.comparison import Ladder, Rung, compare
from netlists.netlist import Netlist
from netlists.partition import partition
from netlists.simulation import available_cores, simulate_all
from netlists.writing import write_netlist

WINDOW = 2.0
"""Largest time error, in tau_m, of two spikes that count as the same: a sixteenth of the tonic interval."""
LARGE = 200
"""Neurons that one netlist should have at most: at 100 each costs twice what it costs in parts, at 1000 seven times."""
Progress = Callable[[int, int], None]


def export(
    network: Network,
    inputs: np.ndarray,
    *,
    dt: float | None = None,
    options: CircuitOptions,
    name: str = "network",
    provenance: Mapping[str, str] | None = None,
) -> Netlist:
    """The whole network as one netlist with its test bench, to be read and run by hand.

    Args:
        network: the trained network.
        inputs: (time, feature), held for dt tau_m each.
        dt: the model's step in tau_m; the network has it, and another is refused.
        options: how it is built.
        name: of the files.
        provenance: where it comes from, for the headers.
    """
    dt = _clock(network, dt)
    built = options.build(network, inputs, dt=dt, name=name, provenance=provenance)
    return written(network, built, options)


def _clock(network: Network, dt: float | None) -> float:
    """The step of a network; what is none has no circuit."""
    if not isinstance(network, Network):
        raise ExcitableError(
            f"a circuit is made of a Network, and this is a {type(network).__name__}; its layers fit: "
            f"Network({{'first': layer, ...}}), with a name for each, of Projection or torch.nn.Linear and of "
            f"NeuronLayer without output_only"
        )
    return network.clock(dt)


def written(
    network: Network, built: NetworkCircuit, options: CircuitOptions, dialect: str | None = None
) -> Netlist:
    """A network's circuit as a netlist that is simulated over its whole duration and measures first spikes.

    It is in the dialect of the options' simulator where none is given.
    """
    neurons = sum(len(built.membranes[label]) for label in spiking_layers(network))
    if neurons > LARGE:
        warnings.warn(_too_large(network, built.circuit.name, neurons), stacklevel=2)
    measures: list[Measure] = []
    for label, layer in spiking_layers(network).items():
        threshold = layer_threshold(layer) * options.scaling.voltage_unit
        node = built.membranes[label][0]
        measures += [
            SpikeTime(name=f"first_spike_{node}", node=node, threshold=threshold),
            SpikeInterval(name=f"interval_{node}", node=node, threshold=threshold),
        ]
    return write_netlist(
        built.circuit,
        options.analysis(built.duration),
        options.tolerances(),
        measures,
        dialect=dialect or options.dialect,
    )


def _too_large(network: Network, name: str, neurons: int) -> str:
    """What a netlist of many neurons costs, and what to do instead."""
    if len(spiking_layers(network)) > 1:
        way = "its layers are coupled: use smaller layers, or an ngspice with KLU"
    else:
        way = "`excitable simulate` and `excitable.ladder.series.simulate` cut it into parts of a few neurons"
    return (
        f"netlist {name}: {neurons} neurons share one time step, and the work grows faster than their number; "
        f"{way}"
    )


def simulate(
    network: Network,
    inputs: np.ndarray,
    *,
    dt: float | None = None,
    options: CircuitOptions,
    executor: Executor | None = None,
    keep: Path | None = None,
    resume: bool = False,
    progress: Progress | None = None,
) -> Waveforms:
    """Simulate the network's circuit in ngspice, in parts of uncoupled neurons over an executor.

    `keep` receives a folder for each part; with `resume`, parts that lie there already are not simulated again.

    Raises:
        SimulatorMissing: there is no ngspice.
        SimulationFailed: a part failed; the message has its reason in ngspice's own words.
    """
    (found,) = simulate_trials(
        network,
        [inputs],
        dt=dt,
        options=options,
        executor=executor,
        keep=keep,
        resume=resume,
        progress=progress,
    )
    return found


def simulate_trials(
    network: Network,
    trials: Sequence[np.ndarray],
    *,
    dt: float | None = None,
    options: CircuitOptions,
    executor: Executor | None = None,
    keep: Path | None = None,
    resume: bool = False,
    progress: Progress | None = None,
) -> list[Waveforms]:
    """The same for several inputs (time, feature), whose simulations all run beside each other.

    Raises:
        SimulatorMissing, SimulationFailed: as `simulate`.
    """
    dt = _clock(network, dt)
    parts = [part_circuits(network, inputs, dt=dt, options=options) for inputs in trials]
    netlists = [written(network, part, options) for trial in parts for part in trial]
    runs = simulate_all(
        netlists,
        simulator=options.simulator,
        executor=executor,
        time_limit=options.time_limit,
        keep=keep,
        resume=resume,
        progress=None if progress is None else lambda done, total, _: progress(done, total),
    )
    waveforms = iter([run.require() for run in runs])
    return [
        circuit_rung(
            network, trial, [next(waveforms) for _ in trial], dt=dt, steps=len(inputs), scaling=options.scaling,
            rung=options.level,
        )
        for trial, inputs in zip(parts, trials, strict=True)
    ]  # fmt: skip


def part_circuits(
    network: Network, inputs: np.ndarray, *, dt: float | None = None, options: CircuitOptions
) -> list[NetworkCircuit]:
    """The circuits of groups of uncoupled neurons, which together are the network; their outputs add up."""
    dt = _clock(network, dt)
    return [
        options.build(network, inputs, dt=dt, name=f"part_{index}", neurons=list(group))
        for index, group in enumerate(_groups(network, options))
    ]


def _groups(network: Network, options: CircuitOptions) -> list[range]:
    """The neurons of each part; coupled layers do not come apart."""
    first = next(iter(spiking_layers(network).values()))
    size = first.size
    if options.monolithic or len(spiking_layers(network)) > 1 or first.recurrent is not None:
        return [range(size)]
    exact = options.accuracy
    return partition(size, workers=available_cores(), smallest=exact.smallest, largest=exact.largest)


def held_out(split: Split, samples: int) -> Split:
    """The first `samples` of the held-out series.

    Raises:
        ExcitableError: errors count in none of them.
    """
    if not bool(split.mask[:samples].any()):
        counted = int(split.mask.any(1).nonzero()[0]) if bool(split.mask.any()) else split.samples
        raise ExcitableError(
            f"held-out series: {samples} samples are asked for, and errors count behind a warm-up of {counted}; "
            f"simulate more samples, or shorten the warm-up"
        )
    return Split(inputs=split.inputs[:samples], targets=split.targets[:samples], mask=split.mask[:samples])


def ladder(
    network: Network, rungs: list[Waveforms], split: Split, task: Task, *, dt: float, hysteresis: float = 0.1
) -> Ladder:
    """Compare the rungs with each other, and their outputs with the truth."""
    described = [
        Rung(
            name=rung.rung,
            meaning=meaning_of(rung.rung),
            time=rung.time,
            voltage=rung.membrane,
            neurons=rung.neurons,
            again=rung.again,
            task_error=task.error(prediction_of(rung, split, dt), split),
        )
        for rung in rungs
    ]
    return compare(
        described,
        window=WINDOW,
        step=dt,
        threshold=network_threshold(network),
        hysteresis=hysteresis,
        task_error_name=task.error_name,
    )


def prediction_of(rung: Waveforms, split: Split, dt: float) -> torch.Tensor:
    """A rung's output at the end of every step, in the shape of the targets."""
    return torch.as_tensor(rung.prediction(dt, split.samples), dtype=split.targets.dtype)[:, None]
