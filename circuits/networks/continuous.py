"""A trained network as a circuit: neurons as instances, weights as transconductances, biases as currents."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from circuits.data.circuit import (
    Circuit,
    CircuitError,
)  # fmt: skip
from circuits.data.levels import Ideal
from circuits.data.scaling import Scaling
from circuits.data.values import check_name
from circuits.networks.builder import Builder, layer_values, with_shared_widths
from circuits.networks.fixed import refuse_fixed
from circuits.networks.generated import generated
from circuits.networks.noise import CircuitDraws, needed
from circuits.realisations import Level, Trim, recognised
from circuits.realisations.forms import check_continuous
from circuits.technologies import Technology, default_technology
from conductance.errors import refuse_truth_values
from conductance.layers import NeuronLayer, Projection
from conductance.networks import Network
from conductance.neurons.spiking import is_linear

Levels = Level | Mapping[str, Level]
"""One level for all layers that are not linear, or a level for a layer (`hidden`) or a neuron (`hidden_3`); what is
left out is behavioural."""
EDGE = 1e-3
"""Duration of a step of the input, as a share of the time for which a value is held, where none is given. ngspice
begins anew with tiny steps after each edge, so that longer ones cost less (docs/settings.md)."""


@dataclass(frozen=True, kw_only=True)
class NetworkCircuit:
    """A network's circuit and where to find its signals: node names by layer, and the outputs.

    `membranes` are the input nodes of every neuron by layer; `outputs` are the last layer's nodes, v0 = 1.
    `neurons` are the indices, in the first neuron layer, of those that this circuit holds.
    """

    circuit: Circuit
    membranes: Mapping[str, tuple[str, ...]]
    outputs: tuple[str, ...]
    neurons: tuple[int, ...]
    duration: float


def network_circuit(
    network: Network,
    inputs: np.ndarray,
    *,
    dt: float,
    scaling: Scaling,
    name: str = "network",
    neurons: Sequence[int] | None = None,
    provenance: Mapping[str, str] | None = None,
    levels: Levels = "behavioural",
    technology: Technology | None = None,
    trims: Mapping[str, Trim] | None = None,
    edge: float = EDGE,
    noise: CircuitDraws | None = None,
    ideal: Ideal = "some",
) -> NetworkCircuit:
    """The circuit of a network that is fed with held inputs.

    Args:
        network: projections and event-free neuron layers.
        inputs: (time, feature), dimensionless; value k is held from k dt to (k + 1) dt.
        dt: the model's step in tau_m.
        scaling: the SI units.
        name: name of the circuit and its files.
        neurons: indices in the first neuron layer; None is all. A part leaves the biases of the later projections
            to the part with neuron 0, so that the outputs of all parts add up to the network's. That is only true
            when everything after that layer is linear.
        provenance: where the circuit comes from, for the header.
        levels: behavioural, macromodel or transistor, for all layers, or by the name of a layer or neuron. One level
            for all leaves linear filters behavioural, since no pairs make them. Inputs and biases stay ideal
            sources; synapses behind neurons of amplifiers are mirrors, those behind others transconductances.
        technology: of the amplifiers; `default_technology` where none is given.
        trims: what DC sweeps found of the amplifiers.
        edge: duration of a step of the input, as a share of the time for which a value is held.
        noise: the draws of layers with noise, which need them: those of the network's first series with that seed.
        ideal: none makes biases, references and outputs of devices, see `circuits.networks.generated`; it needs
            transistors, codes and filters with a limit.

    Raises:
        CircuitError: a layer that has no circuit, inputs of the wrong shape, or a part of a network that is not
            linear after its first neuron layer.
    """
    refuse_truth_values(f"circuit {name}", dt=dt, edge=edge, neurons=neurons)
    values = _checked_inputs(network, inputs, name)
    refuse_fixed(network, name)
    _refuse_discrete(network)
    chosen_levels = neuron_levels(network, levels)
    if technology is None and any("transistor" in used for used in chosen_levels.values()):
        technology = default_technology("transistor")
    builder = Builder(
        scaling=scaling, levels=chosen_levels, technology=technology, trims=trims,
        biases=level_biases(network, scaling, chosen_levels), noise=_draws(network, noise),
    )  # fmt: skip
    signals = builder.sources(values, dt, edge)
    hidden, chosen = _part(network, name, neurons)
    for label, layer in network.chain.items():
        check_name(label, f"circuit {name}, layer")
        if isinstance(layer, Projection):
            with_bias = hidden.neuron.name not in builder.used or 0 in chosen
            signals = builder.project(label, layer, signals, with_bias, network.synapse_noise.get(label))
        elif isinstance(layer, NeuronLayer):
            indices = chosen if layer is hidden else tuple(range(layer.size))
            signals = builder.neurons(label, layer, signals, indices)
    outputs = builder.finish(signals)
    title = f"network of {len(chosen)} {hidden.neuron.name} neurons"
    circuit = builder.circuit(name, title, outputs, provenance or {})
    if ideal == "none":
        circuit = _generated(circuit, builder, scaling, technology)
    duration = len(values) * dt * scaling.time_unit
    return NetworkCircuit(
        circuit=circuit, membranes=builder.membranes, outputs=outputs, neurons=chosen, duration=duration
    )


def _generated(
    circuit: Circuit, builder: Builder, scaling: Scaling, technology: Technology | None
) -> Circuit:
    """The circuit with its biases and references made by generators."""
    cells = next((synapses.coded for _, synapses in builder.axons.values() if synapses.coded), None)
    if cells is None or technology is None:
        raise CircuitError(
            f"circuit {circuit.name}: ideal = 'none' needs neurons of transistors; set level = 'transistor'"
        )
    return generated(
        circuit, cells=cells, trims=builder.trims or {}, current_unit=scaling.current_unit,
        supply=technology.supply,
    )  # fmt: skip


def _part(network: Network, name: str, neurons: Sequence[int] | None) -> tuple[NeuronLayer, tuple[int, ...]]:
    """The first neuron layer, and which of its neurons are built; `CircuitError` for a part that is no network."""
    hidden = next((layer for layer in network.chain.values() if isinstance(layer, NeuronLayer)), None)
    if hidden is None:
        raise CircuitError(f"circuit {name}: the network has no neuron layer")
    chosen = tuple(range(hidden.size)) if neurons is None else tuple(neurons)
    if chosen != tuple(range(hidden.size)):
        _check_linear_after(network, hidden)
        if hidden.recurrent is not None:
            raise CircuitError(
                f"circuit {name}: recurrent weights join the neurons of {hidden.neuron.name}, so a part of them is not "
                f"the network; simulate it as one netlist"
            )
    return hidden, chosen


def _draws(network: Network, noise: CircuitDraws | None) -> dict[str, CircuitDraws]:
    """The draws of each noisy layer, by its name."""
    layers = [layer for layer in network.chain.values() if isinstance(layer, NeuronLayer)]
    if network.synapse_noise and noise is None:
        raise CircuitError(
            f"network: the synapses of {', '.join(network.synapse_noise)} are declared with noise; say which draws its "
            f"circuit sees by noise=CircuitDraws(...), or build it without: circuits.noise.silent_network(network)"
        )
    noisy = next(
        (layer.neuron for layer in layers if layer.neuron.noisy), layers[0].neuron if layers else None
    )
    if noisy is None:
        return {}
    if noisy.noisy or not network.synapse_noise:
        needed(noise, noisy)
    if noise is None:
        return {}
    return {label: replace(noise, seed=seed) for label, seed in network.noise_seeds(noise.seed).items()}


def _checked_inputs(network: Network, inputs: np.ndarray, name: str) -> np.ndarray:
    """The inputs as finite numbers of the first layer's width."""
    values = np.asarray(inputs, float)
    first = next(iter(network.chain.values()))
    width = first.size if isinstance(first, NeuronLayer) else first.inputs
    if values.ndim != 2 or values.shape[1] != width or not np.isfinite(values).all():
        raise CircuitError(
            f"circuit {name}: inputs have shape {values.shape}; give finite numbers of shape (time, {width})"
        )
    return values


def neuron_levels(network: Network, levels: Levels) -> dict[str, tuple[Level, ...]]:
    """The level of each neuron, by layer."""
    layers = {label: layer for label, layer in network.chain.items() if isinstance(layer, NeuronLayer)}
    if isinstance(levels, str):
        return {
            label: ("behavioural" if is_linear(layer.neuron) else levels,) * layer.size
            for label, layer in layers.items()
        }
    neurons = {f"{label}_{index}" for label, layer in layers.items() for index in range(layer.size)}
    unknown = sorted(set(levels) - set(layers) - neurons)
    if unknown:
        raise CircuitError(
            f"levels: there is no neuron layer {', '.join(unknown)}; known are {', '.join(layers)}, and each neuron by "
            f"its number, as {next(iter(layers))}_0"
        )
    return {
        label: tuple(
            levels.get(f"{label}_{index}", levels.get(label, "behavioural")) for index in range(layer.size)
        )
        for label, layer in layers.items()
    }


def level_biases(
    network: Network, scaling: Scaling, levels: Mapping[str, tuple[Level, ...]]
) -> dict[Level, np.ndarray]:
    """The bias currents in A that each level of amplifiers must be made for, smallest first.

    Neurons of one layer share their amplifiers, and so do layers of one level: their largest current sizes them all.
    """
    found: dict[Level, list[np.ndarray]] = {}
    for label, layer in network.chain.items():
        if isinstance(layer, NeuronLayer):
            for level in dict.fromkeys(levels[label]):
                if level != "behavioural":
                    neuron = with_shared_widths(label, layer.neuron, layer_values(layer))
                    biases = recognised(neuron).bias_currents(scaling, layer_values(layer))
                    found.setdefault(level, []).append(biases)
    return {level: np.unique(np.concatenate(currents)) for level, currents in found.items()}


def _refuse_discrete(network: Network) -> None:
    for layer in network.chain.values():
        if not isinstance(layer, NeuronLayer):
            continue
        check_continuous(layer.neuron)
        if layer.neuron.event is not None or layer.neuron.arrivals:
            raise CircuitError(
                f"neuron {layer.neuron.name}: on a time grid its spike lasts one step, which no circuit in continuous "
                f"time has; export a network of mtc neurons, an EventNetwork by circuits.networks.events, or one of "
                f"clocked_lif() or dqif() as a clocked circuit, from Python, by excitable.ladder.maps"
            )


def _check_linear_after(network: Network, hidden: NeuronLayer) -> None:
    layers = list(network.chain.values())
    for layer in layers[layers.index(hidden) + 1 :]:
        if isinstance(layer, NeuronLayer) and not is_linear(layer.neuron):
            raise CircuitError(
                f"layer {layer.neuron.name} is not linear, so the parts of its network do not add up; "
                f"simulate the network as one netlist"
            )
