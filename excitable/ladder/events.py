"""Event-based networks from trained model to checked circuit: export, simulate, compare spike by spike."""

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass, field
from pathlib import Path
from typing import cast

import numpy as np
import torch
import xarray as xr

from circuits.data.scaling import Scaling
from circuits.networks.events import EventNetworkCircuit, event_network_circuit
from conductance.errors import ExcitableError
from conductance.events import EventLayer, EventNetwork, Spikes
from conductance.shaping.integrate import integrate
from conductance.stimulus import Arrivals, Stimulus
from netlists.analyses import Tolerances, Transient
from netlists.comparison.crossings import upward_crossings
from netlists.comparison.spikes import match_spikes
from netlists.netlist import Netlist
from netlists.simulation import known_simulator, simulate_all
from netlists.writing import write_netlist

Trains = Sequence[Sequence[tuple[float, int]]]
UNDECIDED = -1
"""Class of a trial in which no output neuron spikes."""
WINDOW = 0.25
"""Largest time error, in tau, of two spikes that count as the same: half of the synaptic time constant."""


@dataclass(frozen=True, kw_only=True)
class EventCircuitOptions:
    """How an event-based network is built and simulated.

    Args:
        scaling: the SI units.
        simulator: ngspice or vacask.
        relative: the simulator's relative tolerance.
        max_step: largest time step in tau_m, a hundredth of the shortest interval or less; a comparator may act early
            by up to one step, since ngspice keeps the state that a switch had in a step that it rejects.
        time_limit: of one trial's simulation, in s of wall-clock time.
    """

    scaling: Scaling = field(default_factory=Scaling)
    simulator: str = "ngspice"
    relative: float = 1e-5
    max_step: float = 0.01
    time_limit: float = 600.0

    def netlist(self, built: EventNetworkCircuit) -> Netlist:
        """The circuit of one trial, written."""
        tolerances = Tolerances.scaled(
            voltage_unit=self.scaling.voltage_unit, current_unit=self.scaling.current_unit,
            capacitance=self.scaling.capacitance, relative=self.relative, charge=1e-2,
        )  # fmt: skip
        step = self.max_step * self.scaling.time_unit
        return write_netlist(
            built.circuit, Transient(stop=built.duration, max_step=step, step=step), tolerances,
            dialect=known_simulator(self.simulator).dialect,
        )  # fmt: skip


def export_events(
    network: EventNetwork, spikes: Spikes, options: EventCircuitOptions | None = None, *, name: str = "trial",
    provenance: Mapping[str, str] | None = None,
) -> list[Netlist]:  # fmt: skip
    """The network's netlists, one for each trial of the input spikes, named `name` and the trial's number.

    Raises:
        CircuitError: a network that has no circuit.
    """
    chosen = options or EventCircuitOptions()
    return [chosen.netlist(built) for built in _circuits(network, spikes, chosen, name, provenance)]


def _circuits(
    network: EventNetwork, spikes: Spikes, options: EventCircuitOptions, name: str,
    provenance: Mapping[str, str] | None = None,
) -> list[EventNetworkCircuit]:  # fmt: skip
    return [
        event_network_circuit(
            network,
            spikes.select([trial]),
            scaling=options.scaling,
            name=f"{name}_{trial}",
            provenance=provenance,
        )
        for trial in range(spikes.batch)
    ]


def simulate_events(
    network: EventNetwork,
    spikes: Spikes,
    options: EventCircuitOptions | None = None,
    *,
    executor: Executor | None = None,
    keep: Path | None = None,
    resume: bool = False,
    progress: Callable[[int, int], None] | None = None,
) -> dict[str, Spikes]:
    """The spikes of every layer as ngspice has them, one simulation for each trial.

    A spike's time is that at which the comparator closes.

    Args:
        network: the trained network.
        spikes: the input spikes of all trials.
        options: how it is built and simulated.
        executor: a thread per core where none is given.
        keep: folder that receives each trial's netlist and waveforms.
        resume: trials that lie in `keep` already are not simulated again.
        progress: called with (trials done, all).

    Raises:
        SimulatorMissing: there is no ngspice.
        SimulationFailed: a trial failed; the message has its reason in ngspice's own words.
    """
    chosen = options or EventCircuitOptions()
    circuits = _circuits(network, spikes, chosen, "trial")
    runs = simulate_all(
        [chosen.netlist(built) for built in circuits],
        simulator=chosen.simulator,
        executor=executor,
        time_limit=chosen.time_limit,
        keep=keep,
        resume=resume,
        progress=None if progress is None else lambda done, total, _: progress(done, total),
    )
    waveforms = [run.require() for run in runs]
    found = {}
    for label, layer in network.layers.items():
        nodes = [built.spikes[label] for built in circuits]
        trains = [_train(data, names, chosen.scaling) for data, names in zip(waveforms, nodes, strict=True)]
        found[label] = _collected(trains, cast(EventLayer, layer).size, spikes)
    return found


def _train(waveforms: xr.Dataset, nodes: Sequence[str], scaling: Scaling) -> list[tuple[float, int]]:
    """Spikes of one layer in one trial, in order."""
    time = waveforms["time"].to_numpy() / scaling.time_unit
    found: list[tuple[float, int]] = []
    for index, node in enumerate(nodes):
        out = waveforms["voltage"].sel(node=node).to_numpy()
        height = float(out.max())
        # the open switch leaks a millionth of a pulse
        if height > scaling.voltage_unit:
            crossings = upward_crossings(time, out, threshold=height / 2, hysteresis=0.0)[0]
            found += [(float(moment), index) for moment in crossings]
    return sorted(found)


def _collected(trains: Trains, size: int, like: Spikes) -> Spikes:
    return Spikes.of_trains(trains, size=size, end=like.end, dtype=like.times.dtype)


def exact_events(network: EventNetwork, spikes: Spikes) -> dict[str, Spikes]:
    """The spikes of every layer of the model itself, whose peak and reset are infinite."""
    record: dict[str, Spikes] = {}
    with torch.no_grad():
        network(spikes, record=record)
    return record


def declared_events(
    network: EventNetwork, spikes: Spikes, *, rtol: float = 1e-8,
    progress: Callable[[int, int], None] | None = None,
) -> dict[str, Spikes]:  # fmt: skip
    """The spikes of every layer with the threshold and reset that its neurons declare, by the tight integrator.

    Args:
        network: feed-forward, without delays.
        spikes: the input spikes of all trials.
        rtol: of the integrator.
        progress: called with (trials done, all).

    Raises:
        ExcitableError: a layer that is recurrent or has delays.
    """
    trains: dict[str, list[list[tuple[float, int]]]] = {label: [] for label in network.layers}
    for trial in range(spikes.batch):
        arriving = spikes.select([trial])
        for label, layer in network.layers.items():
            train = _integrated(label, cast(EventLayer, layer), arriving, rtol)
            trains[label].append(train)
            arriving = _collected([train], cast(EventLayer, layer).size, spikes)
        if progress is not None:
            progress(trial + 1, spikes.batch)
    return {
        label: _collected(trains[label], cast(EventLayer, layer).size, spikes)
        for label, layer in network.layers.items()
    }


def _integrated(label: str, layer: EventLayer, spikes: Spikes, rtol: float) -> list[tuple[float, int]]:
    if layer.recurrent_weight is not None or bool((layer.delay != 0).any()):
        raise ExcitableError(
            f"layer {label}: the declared equation is solved for layers without recurrence and delays only"
        )
    there = spikes.mask[:, 0]
    times, places = torch.unique_consecutive(spikes.times[:, 0][there], return_inverse=True)
    charges = torch.zeros(len(times), layer.size, dtype=layer.weight.dtype)
    charges.index_add_(0, places, layer.weight.detach().T[spikes.neurons[:, 0][there]])
    starts = torch.stack([layer.initial_voltage, layer.initial_current], 1).detach().tolist()
    found: list[tuple[float, int]] = []
    for index in range(layer.size):
        arrivals = Arrivals(tuple(times.tolist()), tuple(charges[:, index].tolist()))
        trace = integrate(
            layer.neuron, Stimulus.constant(0.0), spikes.end, start=starts[index][: len(layer.neuron.states)],
            arrivals=arrivals, rtol=rtol,
        )  # fmt: skip
        found += [(float(time), index) for time in trace.spikes if time < spikes.end]
    return sorted(found)


@dataclass(frozen=True, kw_only=True)
class EventComparison:
    """Spikes of a candidate against those of a reference, over all trials and neurons of some layers.

    Attributes:
        reference: name and number of the reference's spikes.
        spikes: number of the reference's spikes.
        missing: how many of them have no partner within the window.
        extra: how many of the candidate's have none.
        errors: (pair,), candidate minus reference in tau, in no order.
        same_class: share of the trials in which the same output neuron spikes first, or none in both.
        decided: share of the trials in which an output neuron of the candidate spikes.
        trials: number of trials.
    """

    reference: str
    spikes: int
    missing: int
    extra: int
    errors: np.ndarray
    same_class: float
    decided: float
    trials: int

    @property
    def matched(self) -> float:
        """Matched spikes over all spikes of both, each pair counted once."""
        return len(self.errors) / max(1, len(self.errors) + self.missing + self.extra)

    @property
    def median_error(self) -> float:
        """Median of the |time error| in tau; NaN where no spike is matched."""
        return float(np.median(np.abs(self.errors))) if len(self.errors) else float("nan")

    def __str__(self) -> str:
        return (
            f"{self.spikes} spikes of {self.reference} in {self.trials} trials: {self.matched:.2%} matched, "
            f"{self.missing} missing, {self.extra} extra, median |error| {self.median_error:.2g} tau, "
            f"same class in {self.same_class:.0%}"
        )


def compare_events(
    reference: Mapping[str, Spikes], candidate: Mapping[str, Spikes], *, name: str, window: float = WINDOW
) -> EventComparison:
    """Match every neuron's spikes in every trial, and the classes of the last layer.

    Args:
        reference: spikes by layer.
        candidate: spikes of the same layers.
        name: of the reference.
        window: largest time error of a pair, in tau.
    """
    if list(reference) != list(candidate):
        raise ExcitableError(f"the layers {', '.join(reference)} and {', '.join(candidate)} are not the same")
    errors, spikes, missing, extra = [], 0, 0, 0
    for label, theirs in reference.items():
        ours, other = trains_of(theirs), trains_of(candidate[label])
        for train, found in zip(ours, other, strict=True):
            match = match_spikes(train, found, window=window)
            errors.append(match.time_errors)
            spikes += len(train)
            missing += len(match.missing)
            extra += len(match.extra)
    last = list(reference)[-1]
    classes = first_to_spike(candidate[last])
    return EventComparison(
        reference=name, spikes=spikes, missing=missing, extra=extra, errors=np.concatenate(errors),
        same_class=float((classes == first_to_spike(reference[last])).double().mean()),
        decided=float((classes != UNDECIDED).double().mean()), trials=len(classes),
    )  # fmt: skip


def trains_of(spikes: Spikes) -> list[list[float]]:
    """One list of times for each neuron of each trial, trials outermost."""
    times, mask = spikes.by_neuron()
    return [
        times[mask[:, trial, neuron], trial, neuron].tolist()
        for trial in range(spikes.batch)
        for neuron in range(spikes.size)
    ]


def first_to_spike(spikes: Spikes) -> torch.Tensor:
    """The neuron that spikes first in each trial, (batch,); `UNDECIDED` where none does."""
    if not len(spikes.times):
        return torch.full((spikes.batch,), UNDECIDED)
    return torch.where(spikes.mask[0], spikes.neurons[0], UNDECIDED)
