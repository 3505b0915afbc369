"""A network is a chain of layers and has a layer's interface itself."""

import math
import re
from collections.abc import Callable, Mapping
from typing import Any, NoReturn, cast

import torch
from torch import nn

from conductance.derivation.threefry import LARGEST_SEED
from conductance.errors import ExcitableError, nearest
from conductance.layers.base import EXPORT, ExportError, ShapeError, refuse_half, refuse_tracing
from conductance.layers.fixed import FixedLayer, Skip
from conductance.layers.neurons import NeuronLayer
from conductance.layers.weights.projection import Projection
from conductance.networks.synapses import SynapseNoise

Layer = Projection | NeuronLayer | FixedLayer
State = dict[str, tuple[torch.Tensor, ...]]
NEXT_LAYER = 0x9E3779B9
"""What the seeds of the noise of two layers differ by: odd and large, so that seeds close by do not meet."""
NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,63}")
"""What a layer may be called: files, netlists and report pages carry the name as it is."""


SAME = 1e-9
"""Largest relative difference of two time steps that are one, the second being a window times the first."""


class NetworkError(ExcitableError):
    """Layers do not make a network."""


class Network(nn.Module):
    """Named layers, each fed by the one before, on one clock.

    Args:
        layers: name to layer, in order. The names appear in errors, run folders and netlists. A torch Linear becomes a
            `Projection` with its own weights; the layers of a network join the chain as `<its name>_<layer>`.
        synapse_noise: noise of the synapses of projections, by their names; that of networks that join comes with them.

    Raises:
        NetworkError: no mapping, a name that files cannot carry, layers with different time steps, noise of the
            synapses of no projection or of one with another number of inputs.
        ShapeError: something that is no layer, or widths that do not fit.
    """

    def __init__(
        self,
        layers: Mapping[str, "Layer | nn.Linear | Network"],
        *,
        synapse_noise: Mapping[str, SynapseNoise] | None = None,
    ) -> None:
        super().__init__()
        self.layers = nn.ModuleDict(_flattened(layers))
        self.synapse_noise = _joined_noise(layers) | dict(synapse_noise or {})
        for name, layer in self.chain.items():
            if getattr(layer, "output_only", False):
                raise NetworkError(
                    f"network: layer {name} returns its output alone (output_only=True), and a network keeps its "
                    f"layers' states; build the layer without it, or chain layers by torch.nn.Sequential"
                )
        if not self.layers:
            raise ShapeError(
                "network: it has no layer; give at least one Projection or NeuronLayer by its name"
            )
        self.register_forward_pre_hook(refuse_tracing)
        width = None
        for name, layer in self.chain.items():
            if not isinstance(layer, Layer):
                raise ShapeError(
                    f"network: layer {name} is a {type(layer).__name__}; a network on a time grid is made of "
                    f"Projection, NeuronLayer and layers of layers.fixed, as Delay. An event-based layer joins by "
                    f"Spikes.binned and Spikes.of_binned"
                )
            expected = layer.size if isinstance(layer, NeuronLayer) else layer.inputs
            if width is not None and width != expected:
                raise ShapeError(
                    f"network: layer {name} takes {expected} inputs and gets {width} from the layer before"
                )
            width = layer.size if isinstance(layer, NeuronLayer) else layer.outputs
        self._check_skips()
        self._check_clock()
        self._check_noise()

    def _check_noise(self) -> None:
        for name, noise in self.synapse_noise.items():
            known = [label for label, one in self.chain.items() if isinstance(one, Projection)]
            layer = self.chain[name] if name in known else None
            if not isinstance(layer, Projection) or not isinstance(noise, SynapseNoise):
                raise NetworkError(
                    f"network: noise of the synapses of {name!r} is a {type(noise).__name__}; give a SynapseNoise for "
                    f"one of its projections, {', '.join(known) or 'of which it has none'}"
                )
            if noise.sources != layer.inputs:
                raise NetworkError(
                    f"network: noise of the synapses of {name} is that of {noise.sources} sources, and {layer.inputs} "
                    f"go in; give one row for each"
                )

    def _check_skips(self) -> None:
        """Each source lies before its skip, with as many signals and no pool between."""
        windows: dict[str, int] = {}
        window = 1
        for name, layer in self.chain.items():
            window *= layer.window if isinstance(layer, FixedLayer) else 1
            if isinstance(layer, Skip):
                if layer.source not in windows:
                    raise NetworkError(
                        f"network: layer {name} skips from {layer.source!r}, which is no layer before it; "
                        f"{nearest(layer.source, windows)}layers before it are {', '.join(windows) or 'none'}"
                    )
                source = self.chain[layer.source]
                size = source.size if isinstance(source, NeuronLayer) else source.outputs
                if size != layer.size:
                    raise ShapeError(
                        f"network: layer {name} adds {size} outputs of {layer.source} to {layer.size} signals; only "
                        f"as many can be added: give both layers one size"
                    )
                if windows[layer.source] != window:
                    raise NetworkError(
                        f"network: layer {name} skips from {layer.source} past an AveragePool, behind which a series "
                        f"is shorter; skip from a layer behind the pool"
                    )
            windows[name] = window

    def _check_clock(self) -> None:
        steps, given, window = {}, {}, 1
        for name, layer in self.chain.items():
            window *= layer.window if isinstance(layer, FixedLayer) else 1
            if isinstance(layer, NeuronLayer) and _has_clock(layer):
                given[name], steps[name] = layer.dt, layer.dt / window
        first = next(iter(steps.values()), 1.0)
        same = 0.0 if window == 1 else SAME
        if not all(math.isclose(step, first, rel_tol=same) for step in steps.values()):
            found = ", ".join(f"{name} {step:g}" for name, step in given.items())
            if window > 1:
                wanted = ", ".join(f"{name} {first * step / steps[name]:g}" for name, step in given.items())
                raise NetworkError(
                    f"network: its layers have time steps dt ({found}) that do not follow each other: behind an "
                    f"AveragePool a step is longer by its window. Build them with {wanted}"
                )
            raise NetworkError(
                f"network: its layers have different time steps dt ({found}); a network has one clock, because each "
                f"layer takes one step per input. Build all layers with one dt"
            )

    @property
    def dt(self) -> float:
        """The time step of its input, in tau_m, and of all layers before a pool. 1 in a network of maps alone."""
        window = 1
        for layer in self.chain.values():
            window *= layer.window if isinstance(layer, FixedLayer) else 1
            if isinstance(layer, NeuronLayer) and _has_clock(layer):
                return layer.dt / window
        return 1.0

    @property
    def window(self) -> int:
        """Steps of its input for one of its output: the product of its pools' windows."""
        return math.prod(layer.window for layer in self.chain.values() if isinstance(layer, FixedLayer))

    def clock(self, dt: float | None) -> float:
        """The network's dt, or an error where another one is given: what it was trained with is what is compared.

        A network without a clock of its own, of projections or maps alone, takes what is given.

        Raises:
            NetworkError: another dt than that of the layers.
        """
        own = any(map(_has_clock, self.chain.values()))
        if dt is not None and own and dt != self.dt:
            raise NetworkError(
                f"network: dt = {dt:g} is asked for, and its layers step with dt = {self.dt:g}; leave dt out, or build "
                f"and train the network with another"
            )
        return self.dt if own or dt is None else dt

    def __prepare_scriptable__(self) -> NoReturn:
        raise ExportError(f"network: {EXPORT}")

    def _apply(self, fn: Callable[[torch.Tensor], torch.Tensor], *args: Any, **kwargs: Any) -> "Network":
        for name, layer in self.chain.items():
            if isinstance(layer, NeuronLayer):  # before any layer is changed
                refuse_half(fn, next(iter(layer.values().values())), f"network, layer {name}")
        return super()._apply(fn, *args, **kwargs)

    def reset_parameters(self, *, generator: torch.Generator | None = None) -> None:
        """Draw weights anew and give neurons the values that they were built with, layer by layer."""
        for layer in self.chain.values():
            layer.reset_parameters(generator=generator)

    @property
    def chain(self) -> Mapping[str, Layer]:
        """The layers by name, in order."""
        return cast(Mapping[str, Layer], self.layers)

    def forward(
        self,
        values: torch.Tensor,
        state: State | None = None,
        *,
        record: dict[str, Any] | None = None,
        voltages: dict[str, torch.Tensor] | None = None,
        seed: int | None = None,
    ) -> tuple[torch.Tensor, State]:
        """(time, batch, inputs) to (time/window, batch, outputs), and every layer's final state by name.

        A layer that `state` does not name starts at its declared states; an unknown name is an error.

        `record`, when given, receives each layer's output under its name and, for neuron layers, its states after
        every step under `name.states`.

        `voltages`, when given, receives the membrane's voltages of each neuron layer under its name, (time, batch,
        neuron), with a gradient and without leaving the kernels.

        `seed` is that of the noise of its layers: the first noisy one has the seed itself, each further one another
        that follows from it. Without one, torch's generator decides.
        """
        seeds = self.noise_seeds(seed)
        after: State = {}
        known = self._checked_state(state)
        sources = {layer.source for layer in self.chain.values() if isinstance(layer, Skip)}
        kept: dict[str, torch.Tensor] = {}
        for name, layer in self.chain.items():
            begin = known.get(name, ())
            if isinstance(layer, NeuronLayer):
                states: list | None = None if record is None else []
                course: list | None = None if voltages is None else []
                values, after[name] = layer(
                    values, begin, record=states, voltages=course, seed=seeds.get(name)
                )
                if record is not None:
                    record[f"{name}.states"] = states
                if voltages is not None and course:
                    voltages[name] = course[0]
            elif isinstance(layer, Skip):
                values, after[name] = layer(values, begin, earlier=kept[layer.source])
            else:
                read = values
                values, after[name] = layer(read, begin)
                if isinstance(layer, Projection) and name in self.synapse_noise:
                    values = values + self.synapse_noise[name].drawn(
                        read, layer.weights(), dt=self.dt, seed=seeds.get(name)
                    )
            if name in sources:
                kept[name] = values
            if record is not None:
                record[name] = values
        return values, after

    @property
    def noisy(self) -> tuple[str, ...]:
        """The names of the layers whose neurons or synapses have noise."""
        return tuple(
            name
            for name, layer in self.chain.items()
            if name in self.synapse_noise or (isinstance(layer, NeuronLayer) and layer.neuron.noisy)
        )

    def noise_seeds(self, seed: int | None) -> dict[str, int]:
        """The seed of each noisy layer's noise by name, from that of the network's; none where none is given.

        Raises:
            ShapeError: a seed for a network without noise, or outside its range.
        """
        if seed is None:
            return {}
        if not self.noisy:
            raise ShapeError(
                f"network: seed = {seed}, but none of its neurons has noise; see conductance.neurons.noisy"
            )
        if not 0 <= seed <= LARGEST_SEED:
            raise ShapeError(f"network: seed = {seed}; allowed are 0 to {LARGEST_SEED}")
        return {
            name: (seed + place * NEXT_LAYER) % (LARGEST_SEED + 1) for place, name in enumerate(self.noisy)
        }

    def _checked_state(self, state: object) -> State:
        if state is None:
            return {}
        if not isinstance(state, Mapping):
            raise ShapeError(
                f"network: state is a {type(state).__name__}; give what the network returned, a mapping from a layer's "
                f"name to its states"
            )
        for name in state:
            if name not in self.chain:
                raise ShapeError(
                    f"network: state {name!r} is of no layer; {nearest(name, self.chain)}"
                    f"layers are {', '.join(self.chain)}"
                )
        return cast(State, state)


def _has_clock(layer: object) -> bool:
    return isinstance(layer, NeuronLayer) and not layer.neuron.is_map


def _joined_noise(layers: object) -> dict[str, SynapseNoise]:
    """Of the synapses of networks that join, under their projections' new names."""
    inner = layers.items() if isinstance(layers, Mapping) else ()
    return {
        f"{name}_{label}": noise
        for name, layer in inner
        if isinstance(layer, Network)
        for label, noise in layer.synapse_noise.items()
    }


def _check_mapping(layers: object) -> None:
    if not isinstance(layers, Mapping):
        raise NetworkError(
            f"network: layers are a {type(layers).__name__}; give a mapping from names to layers, as "
            f'Network({{"input": Projection(2, 3), "hidden": NeuronLayer(...)}})'
        )


def _check_name(name: object) -> None:
    if not isinstance(name, str) or not NAME.fullmatch(name) or hasattr(nn.ModuleDict, name):
        raise NetworkError(
            f"network: a layer cannot be named {name!r}; use at most 64 letters a to z, digits and _, beginning with a "
            f"letter, and none of torch's own words, as keys, values, items"
        )


def _flattened(layers: Mapping[str, Any]) -> dict[str, nn.Module]:
    """The layers with networks opened and Linears as projections."""
    found: dict[str, nn.Module] = {}
    _check_mapping(layers)
    for name, layer in layers.items():
        inside = layer.chain if isinstance(layer, Network) else None
        parts = (
            {name: layer}
            if inside is None
            else {
                f"{name}_{label}": part.within(name) if isinstance(part, Skip) else part
                for label, part in inside.items()
            }
        )
        for label, part in parts.items():
            if label in found:
                raise ShapeError(f"network: two layers are named {label}; rename one")
            _check_name(label)
            found[label] = Projection.of_linear(part) if isinstance(part, nn.Linear) else part
    return found
