"""Networks of maps from trained model to checked clocked circuit: export, simulate, compare step by step."""

import copy
from collections.abc import Callable, Mapping
from concurrent.futures import Executor
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import torch
import xarray as xr

from circuits.data.circuit import CircuitError
from circuits.data.clock import SCALING, Clock
from circuits.networks.sampled import SampledCircuit, pairs, sampled_network_circuit
from circuits.realisations.sampled import arithmetic
from circuits.technologies import Technology
from conductance.networks import Network
from netlists.analyses import Tolerances, Transient
from netlists.netlist import Netlist
from netlists.simulation import known_simulator, simulate_all
from netlists.writing import write_netlist


@dataclass(frozen=True, kw_only=True)
class SampledOptions:
    """How a network of maps is built and simulated.

    Args:
        clock: period and SI units.
        simulator: ngspice or vacask.
        relative: the simulator's relative tolerance.
        time_limit: of one simulation, in s of wall-clock time.
        noise_seed: of the noise of a noisy network: its netlists see what the model draws with it.
    """

    clock: Clock = field(default_factory=lambda: Clock(scaling=SCALING))
    simulator: str = "ngspice"
    relative: float = 1e-5
    time_limit: float = 600.0
    noise_seed: int | None = None

    def netlist(self, built: SampledCircuit) -> Netlist:
        """The circuit, written with its analysis over all steps."""
        scaling = self.clock.scaling
        tolerances = Tolerances.scaled(
            voltage_unit=scaling.voltage_unit, current_unit=scaling.current_unit, capacitance=scaling.capacitance,
            relative=self.relative, charge=1e-4,
        )  # fmt: skip
        step = self.clock.period / 40
        return write_netlist(
            built.circuit, Transient(stop=built.duration, max_step=step), tolerances,
            dialect=known_simulator(self.simulator).dialect,
        )  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class SampledRun:
    """Membrane values and outputs after every step, by neuron layer, (time, batch, neuron) in V0."""

    states: Mapping[str, np.ndarray]
    outputs: Mapping[str, np.ndarray]

    @property
    def decisions(self) -> np.ndarray:
        """The class of each sample, (batch,): the largest output of the last layer after the last step."""
        return list(self.outputs.values())[-1][-1].argmax(-1)


def export_sampled(
    network: Network, inputs: np.ndarray, options: SampledOptions | None = None, *, name: str = "sample",
    provenance: Mapping[str, str] | None = None,
) -> list[Netlist]:  # fmt: skip
    """The network's netlists, one for each sample, named `name` and its number.

    Args:
        network: pairs of a projection and a layer of maps.
        inputs: (time, batch, feature).
        options: how it is built.
        name: of the files.
        provenance: where it comes from, for the headers.

    Raises:
        CircuitError: a network that has no sampled circuit, or inputs of the wrong shape.
    """
    chosen = options or SampledOptions()
    return [chosen.netlist(built) for built in _circuits(network, inputs, chosen, name, provenance)]


def _circuits(
    network: Network, inputs: np.ndarray, options: SampledOptions, name: str,
    provenance: Mapping[str, str] | None = None,
) -> list[SampledCircuit]:  # fmt: skip
    values = np.asarray(inputs, float)
    if values.ndim != 3:
        raise CircuitError(
            f"circuit {name}: inputs have shape {values.shape}; allowed is (time, batch, feature)"
        )
    return [
        sampled_network_circuit(
            network,
            values[:, sample],
            clock=options.clock,
            name=f"{name}_{sample}",
            provenance=provenance,
            noise_seed=options.noise_seed,
            place=sample,
        )
        for sample in range(values.shape[1])
    ]


def simulate_sampled(
    network: Network,
    inputs: np.ndarray,
    options: SampledOptions | None = None,
    *,
    executor: Executor | None = None,
    keep: Path | None = None,
    resume: bool = False,
    progress: Callable[[int, int], None] | None = None,
) -> SampledRun:
    """What the clocked circuit holds after every step, in ngspice.

    Args:
        network: pairs of a projection and a layer of maps.
        inputs: (time, batch, feature).
        options: how it is built and simulated.
        executor: a thread per core where none is given.
        keep: folder that receives each sample's netlist and waveforms.
        resume: samples that lie in `keep` already are not simulated again.
        progress: called with (samples done, all).

    Raises:
        CircuitError: a network that has no sampled circuit, or inputs of the wrong shape.
        SimulatorMissing: there is no ngspice.
        SimulationFailed: a sample failed; the message has its reason in ngspice's own words.
    """
    chosen = options or SampledOptions()
    circuits = _circuits(network, inputs, chosen, "sample")
    runs = simulate_all(
        [chosen.netlist(built) for built in circuits], simulator=chosen.simulator, executor=executor,
        time_limit=chosen.time_limit, keep=keep, resume=resume,
        progress=None if progress is None else lambda done, total, _: progress(done, total),
    )  # fmt: skip
    waveforms = [run.require() for run in runs]
    unit = chosen.clock.scaling.voltage_unit
    states, outputs = (
        {
            label: np.stack(
                [
                    _read(data, getattr(built, signal)[label], built.reads[label]) / unit
                    for data, built in zip(waveforms, circuits, strict=True)
                ],
                axis=1,
            )
            for label in circuits[0].reads
        }
        for signal in ("states", "outputs")
    )
    return SampledRun(states=states, outputs=outputs)


def _read(waveforms: xr.Dataset, nodes: tuple[str, ...], moments: np.ndarray) -> np.ndarray:
    """Voltages (time, node) at some moments."""
    time, voltage = waveforms["time"].to_numpy(), waveforms["voltage"]
    return np.stack([np.interp(moments, time, voltage.sel(node=node).to_numpy()) for node in nodes], axis=-1)


def model_steps(network: Network, inputs: np.ndarray) -> SampledRun:
    """The same of the model, in double precision."""
    exact = copy.deepcopy(network).double()
    record: dict = {}
    with torch.no_grad():
        exact(torch.as_tensor(np.asarray(inputs), dtype=torch.float64), record=record)
    labels = [label for _, label, _ in pairs(network, "model")]
    return SampledRun(
        states={
            label: torch.stack([states[0] for states in record[f"{label}.states"]]).numpy()
            for label in labels
        },
        outputs={label: record[label].numpy() for label in labels},
    )


@dataclass(frozen=True, kw_only=True)
class SampledComparison:
    """A clocked circuit against the model, over all steps, samples and neurons.

    Attributes:
        worst: largest difference of a membrane value, in V0.
        median: of the differences' absolute values, in V0.
        spikes: of the model.
        differing: spikes that only one of the two has.
        same_class: share of the samples with the same decision.
        samples: how many there are.
    """

    worst: float
    median: float
    spikes: int
    differing: int
    same_class: float
    samples: int


def compare_sampled(network: Network, model: SampledRun, circuit: SampledRun) -> SampledComparison:
    """Membrane values, spikes and decisions of the circuit against those of the model."""
    errors = np.concatenate(
        [np.abs(circuit.states[label] - model.states[label]).ravel() for label in model.states]
    )
    ours, theirs = _spikes(network, model), _spikes(network, circuit)
    return SampledComparison(
        worst=float(errors.max()),
        median=float(np.median(errors)),
        spikes=int(ours.sum()),
        differing=int((ours != theirs).sum()),
        same_class=float((model.decisions == circuit.decisions).mean()),
        samples=len(model.decisions),
    )


def spike_count(network: Network, run: SampledRun) -> int:
    """The spikes of all neurons in all steps and samples."""
    return int(_spikes(network, run).sum())


def _spikes(network: Network, run: SampledRun) -> np.ndarray:
    """Where neurons with a threshold spike, bool, all layers in one row."""
    layers = [label for _, label, layer in pairs(network, "comparison") if layer.neuron.event is not None]
    return np.concatenate([np.zeros(0), *(run.outputs[label].ravel() for label in layers)]) > 0.5


@dataclass(frozen=True, kw_only=True)
class SampledEnergy:
    """Energy of one sample in J, the mean over samples.

    Attributes:
        charging: of the capacitors that take a new value, C |dV| from the supply for both of a state.
        synapses: weight currents that flow for the whole period, from the supply.
        amplifiers: bias currents of the amplifiers that must settle within a phase, see `sampled_energy`.
    """

    charging: float
    synapses: float
    amplifiers: float

    @property
    def total(self) -> float:
        """All of it."""
        return self.charging + self.synapses + self.amplifiers


def sampled_energy(
    network: Network, inputs: np.ndarray, run: SampledRun, clock: Clock, technology: Technology
) -> SampledEnergy:
    """What a supply would deliver to the circuit, estimated from its waveforms.

    The behavioural level has no supply. An amplifier that drives C with the switches' time constant has the
    transconductance I0/V0, so in weak inversion its bias current is n U_T I0/V0, and it flows all the time. Each state
    has a summing amplifier and a buffer, one with arithmetic a multiplier, too, and each spiking neuron a comparator.

    Args:
        network: pairs of a projection and a layer of maps.
        inputs: (time, batch, feature).
        run: the circuit's.
        clock: its clock.
        technology: supply voltage, slope factor and temperature.
    """
    scaling, samples = clock.scaling, np.shape(inputs)[1]
    supply = technology.supply
    bias = technology.transistor("nmos").slope_factor * technology.thermal_voltage * scaling.conductance_unit
    charge = current = amplifiers = 0.0
    arriving = np.asarray(inputs, float)
    for projection, label, layer in pairs(network, "energy"):
        states = run.states[label]
        start = np.full_like(states[:1], layer.neuron.initial_state()[0])
        charge += 2 * np.abs(np.diff(np.concatenate([start, states]), axis=0)).sum()
        weights = np.abs(projection.weights().detach().double().numpy())
        current += (np.abs(arriving) @ weights.T).sum() + arriving.shape[0] * samples * float(
            projection.biases().detach().abs().sum()
        )
        neuron = layer.neuron
        each = sum(2 + arithmetic(neuron, state)[1] for state in neuron.states) + (neuron.event is not None)
        amplifiers += each * layer.size * len(states)
        arriving = run.outputs[label]
    return SampledEnergy(
        charging=supply * scaling.capacitance * scaling.voltage_unit * charge / samples,
        synapses=supply * scaling.current_unit * clock.period * current / samples,
        amplifiers=supply * bias * clock.period * amplifiers,
    )
