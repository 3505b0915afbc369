"""From a trained network to a checked circuit: export, simulate, compare."""

import warnings
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import torch

from circuits.network import EDGE, Levels, NetworkCircuit, network_circuit
from circuits.realisations import Trim
from circuits.realisations.levels import default_technology
from circuits.scaling import Scaling
from circuits.technologies import Technology
from conductance.networks import Network
from conductance.tasks import Split, Task
from excitable.config.sections import MIXED
from excitable.rungs import (
    MEANINGS,
    Waveforms,
    circuit_rung,
    layer_threshold,
    network_threshold,
    spiking_layers,
)
from netlists.analyses import Measure, SpikeInterval, SpikeTime, Tolerances, Transient
from netlists.comparison import Ladder, Rung, compare
from netlists.execute import available_cores, simulate_all
from netlists.netlist import Netlist
from netlists.partition import partition
from netlists.writing import write_netlist

WINDOW = 2.0
"""Largest time error, in tau_m, of two spikes that count as the same: a sixteenth of the tonic interval."""
AMPLIFIER_PARTS = 8
"""Neurons of a part where there are amplifiers: 1 neuron of transistors took 1.3 s for 100 tau_m, 4 took 5 s, 16 took
26 s, so larger parts save nothing, and a part that is done is not simulated again after an interruption."""
LARGE = 200
"""Neurons that one netlist should have at most: at 100 each costs twice what it costs in parts, at 1000 seven times."""
Progress = Callable[[int, int], None]


@dataclass(frozen=True, kw_only=True)
class CircuitOptions:
    """How a network is built and simulated.

    Args:
        scaling: the SI units.
        levels: behavioural, macromodel or transistor for the whole network, or by the name of a layer or of a neuron
            (`hidden`, `hidden_3`); what is not named is behavioural.
        technology: of the amplifiers, at its corner and temperature; `default_technology` where none is given.
        trims: what calibration found, by the name of the amplifier.
        relative: ngspice's relative tolerance.
        max_step: largest time step in tau_m.
        edge: duration of a step of the input, as a share of the time for which a value is held.
        time_limit: of one simulation, in s of wall-clock time.
        monolithic: simulate the whole network as one netlist instead of parts of 8 to 16 neurons.
    """

    scaling: Scaling
    levels: Levels = "behavioural"
    technology: Technology | None = None
    trims: Mapping[str, Trim] = field(default_factory=dict)
    relative: float = 1e-6
    max_step: float = 0.2
    edge: float = EDGE
    time_limit: float = 600.0
    monolithic: bool = False

    @property
    def rung(self) -> str:
        """Name of this circuit on the error ladder: its level, or `mixed`."""
        return self.levels if isinstance(self.levels, str) else MIXED

    @property
    def made_of(self) -> Technology:
        """The technology, also where none is given."""
        levels = (self.levels,) if isinstance(self.levels, str) else tuple(self.levels.values())
        return self.technology or default_technology(*levels)

    def build(
        self, network: Network, inputs: np.ndarray, *, dt: float, name: str,
        neurons: Sequence[int] | None = None, provenance: Mapping[str, str] | None = None,
    ) -> NetworkCircuit:  # fmt: skip
        """The circuit of a network, or of some neurons of its first layer; see `network_circuit`."""
        return network_circuit(
            network, inputs, dt=dt, scaling=self.scaling, name=name, neurons=neurons, provenance=provenance,
            levels=self.levels, technology=self.technology, trims=self.trims, edge=self.edge,
        )  # fmt: skip

    def analysis(self, duration: float) -> Transient:
        """The transient of that duration in s."""
        unit = self.scaling.time_unit
        return Transient(stop=duration, max_step=self.max_step * unit, step=self.max_step * unit)

    def tolerances(self) -> Tolerances:
        """Tolerances scaled to the circuit's units."""
        return Tolerances.scaled(
            voltage_unit=self.scaling.voltage_unit,
            current_unit=self.scaling.current_unit,
            capacitance=self.scaling.capacitance,
            relative=self.relative,
        )


def export(
    network: Network,
    inputs: np.ndarray,
    *,
    dt: float,
    options: CircuitOptions,
    name: str = "network",
    provenance: Mapping[str, str] | None = None,
) -> Netlist:
    """The whole network as one netlist with its test bench, to be read and run by hand.

    Args:
        network: the trained network.
        inputs: (time, feature), held for dt tau_m each.
        dt: the model's step in tau_m.
        options: how it is built.
        name: of the files.
        provenance: where it comes from, for the headers.
    """
    built = options.build(network, inputs, dt=dt, name=name, provenance=provenance)
    return written(network, built, options)


def written(network: Network, built: NetworkCircuit, options: CircuitOptions) -> Netlist:
    """A network's circuit as a netlist that is simulated over its whole duration and measures first spikes."""
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
    return write_netlist(built.circuit, options.analysis(built.duration), options.tolerances(), measures)


def _too_large(network: Network, name: str, neurons: int) -> str:
    """What a netlist of many neurons costs, and what to do instead."""
    if len(spiking_layers(network)) > 1:
        way = "its layers are coupled: use smaller layers, or an ngspice with KLU"
    else:
        way = "`excitable simulate` and `excitable.loop.simulate` cut it into parts of 8 to 16 neurons"
    return (
        f"netlist {name}: {neurons} neurons share one time step, and the work grows faster than their number; "
        f"{way}"
    )


def simulate(
    network: Network,
    inputs: np.ndarray,
    *,
    dt: float,
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
    parts = part_circuits(network, inputs, dt=dt, options=options)
    netlists = [written(network, part, options) for part in parts]
    runs = simulate_all(
        netlists,
        executor=executor,
        time_limit=options.time_limit,
        keep=keep,
        resume=resume,
        progress=None if progress is None else lambda done, total, _: progress(done, total),
    )
    waveforms = [run.require() for run in runs]
    return circuit_rung(
        network, parts, waveforms, dt=dt, steps=len(inputs), scaling=options.scaling, rung=options.rung
    )


def part_circuits(
    network: Network, inputs: np.ndarray, *, dt: float, options: CircuitOptions
) -> list[NetworkCircuit]:
    """The circuits of groups of uncoupled neurons, which together are the network; their outputs add up."""
    return [
        options.build(network, inputs, dt=dt, name=f"part_{index}", neurons=list(group))
        for index, group in enumerate(_groups(network, options))
    ]


def _groups(network: Network, options: CircuitOptions) -> list[range]:
    """The neurons of each part; coupled layers do not come apart."""
    size = next(iter(spiking_layers(network).values())).size
    if options.monolithic or len(spiking_layers(network)) > 1:
        return [range(size)]
    if options.rung == "behavioural":
        return partition(size, workers=available_cores())
    return partition(size, workers=available_cores(), smallest=AMPLIFIER_PARTS // 2, largest=AMPLIFIER_PARTS)


def held_out(split: Split, samples: int) -> Split:
    """The first `samples` of the held-out series."""
    return Split(inputs=split.inputs[:samples], targets=split.targets[:samples], mask=split.mask[:samples])


def ladder(
    network: Network, rungs: list[Waveforms], split: Split, task: Task, *, dt: float, hysteresis: float = 0.1
) -> Ladder:
    """Compare the rungs with each other, and their outputs with the truth."""
    described = [
        Rung(
            name=rung.rung,
            meaning=MEANINGS[rung.rung],
            time=rung.time,
            voltage=rung.membrane,
            neurons=rung.neurons,
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
