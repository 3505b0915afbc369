"""A network whose layers of amplifiers are stepped by what their circuits were measured to do."""

import warnings
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import torch

from circuits.data.levels import Level
from circuits.measured.composition import MeasuredNeuron, check_measurable, measured_neuron
from circuits.measured.sweeps import MeasureError, Swept
from circuits.networks.builder import layer_values, with_shared_widths
from circuits.networks.continuous import level_biases, neuron_levels
from circuits.realisations import Realisation, realise
from conductance.layers import NeuronLayer
from conductance.layers.neurons.reach import outside
from conductance.layers.rebuilt import of_neuron, under_law
from conductance.networks import Network
from conductance.neurons.base import Neuron
from conductance.neurons.noisy import silent
from excitable.ladder.measured.kept import Kept, digest_of
from excitable.ladder.measured.sweeping import sweep_parts
from excitable.ladder.options import CircuitOptions
from excitable.ladder.rungs import MEASURED, SAMPLES_PER_STEP, Waveforms, neuron_names, spiking_layers

METHOD = "tangent_heun"
"""Of the law: at dt = 0.2 it moved spikes of a bursting neuron by 0.05 tau_m in 1200, as much as heun does at four
thirds of the cost; forward Euler, whole bursts."""
MARGIN = 1.5
"""Gains are swept this factor beyond the smallest and the largest of a layer, so that training may move them."""


@dataclass(frozen=True, kw_only=True)
class MeasuredLayer:
    """What was measured of a layer.

    Attributes:
        label: its name.
        law: of its neurons.
        gains: by parameter, the smallest and the largest that were swept.
    """

    label: str
    law: MeasuredNeuron
    gains: Mapping[str, tuple[float, float]]

    def check(self, layer: NeuronLayer) -> None:
        """Raise `MeasureError` where the layer's gains have left what was swept."""
        if left := self.left(layer):
            raise MeasureError(f"{left}; measure the network again")

    def tell(self, network: Network) -> None:
        """Warn where training has taken the gains of this layer beyond what was swept."""
        layer = network.chain[self.label]
        if isinstance(layer, NeuronLayer) and (left := self.left(layer)):
            warnings.warn(
                f"{left}; beyond it tables go on as lines in the logarithm: retrain once more", stacklevel=2
            )

    def left(self, layer: NeuronLayer) -> str:
        """The first gain that has left what was swept, in words; empty where none has."""
        values = layer_values(layer)
        for name, (low, high) in self.gains.items():
            column = values[name]
            if column.min() < low or column.max() > high:
                return (
                    f"layer {self.label}: {name} goes from {column.min():.3g} to {column.max():.3g}, and was swept "
                    f"from {low:.3g} to {high:.3g}"
                )
        return ""


def measure_network(
    network: Network, options: CircuitOptions, *, kept: Kept | None = None, margin: float = MARGIN
) -> tuple[MeasuredLayer, ...]:
    """Sweep the cells of every layer that is made of amplifiers.

    Args:
        network: of projections and layers of neurons without events.
        options: how its circuit is built, calibrated (`calibrated`); layers at the behavioural level are not swept.
        kept: where sweeps are kept, by the digest of all that decides them.
        margin: gains are swept this factor beyond the smallest and the largest of a layer.

    Raises:
        MeasureError: a neuron that has no measured law; a layer whose neurons have different levels, one that cannot
            be measured, or none of amplifiers.
        SimulatorMissing, SimulationFailed: of the simulator.
    """
    for layer in network.chain.values():
        if isinstance(layer, NeuronLayer):
            check_measurable(layer.neuron)
    levels = neuron_levels(network, options.levels)
    biases = level_biases(network, options.scaling, levels)
    found = []
    for label, layer in network.chain.items():
        if not isinstance(layer, NeuronLayer):
            continue
        chosen = levels[label]
        if len(set(chosen)) > 1:
            raise MeasureError(
                f"layer {label}: its neurons have the levels {', '.join(sorted(set(chosen)))}; give the layer one level"
            )
        if chosen[0] != "behavioural":
            bias = float(biases[chosen[0]][-1])
            found.append(_measured(label, layer, chosen[0], bias, options, kept, margin))
    if not found:
        raise MeasureError(
            f"network: level {options.level} has no amplifiers to measure; choose macromodel or transistor"
        )
    return tuple(found)


def _measured(
    label: str, layer: NeuronLayer, level: Level, bias: float, options: CircuitOptions, kept: Kept | None,
    margin: float,
) -> MeasuredLayer:  # fmt: skip
    """The law of a layer, swept at the medians of its values, its elements at the ends of their gains."""
    columns = layer_values(layer)
    neuron = silent(with_shared_widths(label, layer.neuron, columns))
    typical = neuron.with_values(**{n: float(np.median(columns[n])) for n in neuron.defaults})
    names = [f"alpha_{element.name}" for element in neuron.elements]
    gains = {
        name: (float(columns[name].min()) / margin, float(columns[name].max()) * margin) for name in names
    }
    ends = [typical.with_values(**{name: span[end] for name, span in gains.items()}) for end in (0, 1)]

    def built(one: Neuron) -> Realisation:
        return realise(
            one, level, technology=options.made_of, scaling=options.scaling, trims=options.trims, bias=bias
        )

    def sweep() -> Swept:
        return sweep_parts(
            typical,
            built(typical),
            options.scaling,
            options.simulator,
            others=[(end, built(end)) for end in ends],
        )

    if kept is None:
        swept = sweep()
    else:
        digest = digest_of(
            options.scaling, *((one, built(one)) for one in (typical, *ends)), simulator=options.simulator
        )
        swept = kept.get(label, digest, sweep)
    return MeasuredLayer(label=label, law=measured_neuron(typical, swept), gains=gains)


def measured_network(
    network: Network, measured: tuple[MeasuredLayer, ...], *, dt: float | None = None
) -> Network:
    """The network stepped by measured laws; layers that were not measured keep their own.

    Projections are the network's own, so that training moves both; `declared_network` gives the neurons' numbers back.

    Args:
        network: that was measured.
        measured: from `measure_network`.
        dt: another time step in tau_m.

    Raises:
        MeasureError: gains that have left what was swept.
    """
    laws = {one.label: one for one in measured}
    layers = {}
    for label, layer in network.chain.items():
        if label in laws and isinstance(layer, NeuronLayer):
            laws[label].check(layer)
            layer = under_law(layer, laws[label].law.neuron, METHOD, dt=dt)
        elif isinstance(layer, NeuronLayer) and dt is not None:
            layer = of_neuron(layer, layer.neuron, dt=dt)
        layers[label] = layer
    return Network(layers, synapse_noise=network.synapse_noise)


def declared_network(measured: Network, network: Network) -> Network:
    """The network of declared neurons with the numbers of a measured one; the network itself is changed."""
    clocks = {name for name in network.state_dict() if name.endswith("_extra_state")}
    numbers = {name: value for name, value in measured.state_dict().items() if name not in clocks}
    own = network.state_dict()
    network.load_state_dict({name: numbers.get(name, own[name]) for name in own})
    return network


def measured_rung(
    network: Network, inputs: np.ndarray, *, dt: float, measured: tuple[MeasuredLayer, ...]
) -> Waveforms:
    """What the measured law does on inputs (time, feature), held for dt each, in steps of a quarter of that.

    Raises:
        MeasureError: more than 1 % of a layer's voltages lie outside its tables.
    """
    fine = measured_network(network, measured, dt=dt / SAMPLES_PER_STEP)
    held = np.repeat(np.asarray(inputs, float), SAMPLES_PER_STEP, axis=0)
    dtype = next(fine.parameters()).dtype
    voltages: dict[str, torch.Tensor] = {}
    with torch.no_grad():
        output, _ = fine(torch.as_tensor(held, dtype=dtype)[:, None], voltages=voltages)
    for label, layer in fine.chain.items():
        if isinstance(layer, NeuronLayer):
            check_reach(label, layer, voltages[label])
    membrane = []
    for label, layer in spiking_layers(fine).items():
        begin = layer.initial_state(1)[0].detach().numpy()
        membrane.append(np.concatenate([begin, voltages[label][:, 0].numpy()]))
    return Waveforms(
        rung=MEASURED,
        time=dt / SAMPLES_PER_STEP * np.arange(len(held) + 1),
        membrane=np.concatenate(membrane, axis=1).astype(float),
        output=np.concatenate([np.zeros((1, output.shape[2])), output[:, 0].double().numpy()]),
        neurons=neuron_names(network),
    )


def check_reach(label: str, layer: NeuronLayer, voltages: torch.Tensor) -> None:
    """Raise `MeasureError` where too many of a layer's membrane voltages (V0) lie outside the tables of its law."""
    found = outside(label, layer, voltages)
    if found is not None and found.refused:
        raise MeasureError(f"{found}: lower the weights or biases that drive the layer")
