"""The continuous equation of a whole network: all layers as one system of differential equations, inputs held."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import sympy
from scipy.integrate import DOP853

from conductance.errors import ExcitableError
from conductance.layers import NeuronLayer, Projection
from conductance.layers.fixed import FixedLayer
from conductance.layers.weights.recurrence import spectral_radius_of
from conductance.networks.chain import Network
from conductance.neurons.base import INPUT, Neuron


class ContinuousError(ExcitableError):
    """A network has no continuous equation, or its integration failed."""


@dataclass(frozen=True, kw_only=True)
class ContinuousRun:
    """A network's solution on a grid of times.

    Attributes:
        time: (sample,), in tau_m, from 0.
        states: by layer, (sample, state, neuron), in V0.
        outputs: by layer, (sample, neuron).
    """

    time: np.ndarray
    states: dict[str, np.ndarray]
    outputs: dict[str, np.ndarray]


@dataclass(frozen=True, kw_only=True)
class _Weights:
    """A projection in double precision."""

    weight: np.ndarray
    bias: np.ndarray


@dataclass(frozen=True, kw_only=True)
class _Layer:
    """A neuron layer as functions of arrays: states (state, neuron) and input (neuron,)."""

    name: str
    derivative: Callable[..., list[np.ndarray]]
    output: Callable[..., np.ndarray]
    parameters: tuple[np.ndarray, ...]
    shape: tuple[int, int]
    start: np.ndarray
    columns: slice
    loop: "_Loop | None" = None


@dataclass(frozen=True, kw_only=True)
class _Loop:
    """Recurrent weights in double precision; `place` is the source's row among the states, None for the output.

    With a synapse the last row of the states is what it has passed so far.
    """

    weight: np.ndarray
    place: int | None
    tau: float | None


def integrate_network(
    network: Network,
    inputs: np.ndarray,
    *,
    dt: float | None = None,
    samples_per_step: int = 4,
    rtol: float = 1e-7,
    progress: Callable[[int, int], None] | None = None,
) -> ContinuousRun:
    """Solve a network of event-free neurons at tight tolerance (scipy's DOP853, restarted at every held value).

    Args:
        network: projections and event-free neuron layers.
        inputs: (time, feature), value k held from k dt to (k + 1) dt.
        dt: how long a value is held, in tau_m: the network's own step, which need not be given.
        samples_per_step: samples of the solution per held value.
        rtol: relative tolerance; the absolute one is rtol/10 of V0.
        progress: called with (values done, all values).

    Raises:
        NetworkError: another dt than the network's own.
        ContinuousError: a neuron with events, or an integration that does not converge.
    """
    dt = network.clock(dt)
    layers = _layers(network)
    state = np.concatenate([layer.start.ravel() for layer in layers.values() if isinstance(layer, _Layer)])
    values = np.asarray(inputs, float)
    steps = len(values)
    solution = np.empty((steps * samples_per_step + 1, state.size))
    solution[0] = state
    drives = np.empty((steps * samples_per_step + 1, values.shape[1]))
    drives[0] = values[0]
    ahead: float | None = None
    for step, value in enumerate(values):
        solver = DOP853(
            lambda _, y, x=value: _evaluate(layers, y, x)[0], 0.0, state, dt,
            rtol=rtol, atol=rtol / 10, first_step=ahead,
        )  # fmt: skip
        row = step * samples_per_step + 1
        wanted = dt * np.arange(1, samples_per_step + 1) / samples_per_step
        drives[row : row + samples_per_step] = value
        done = 0
        while solver.status == "running":
            solver.step()
            if solver.status == "failed":
                raise ContinuousError(
                    f"the continuous equation of the network cannot be solved at step {step}{_loops(network)}"
                )
            dense = solver.dense_output() if done < samples_per_step and wanted[done] <= solver.t else None
            while dense is not None and done < samples_per_step and wanted[done] <= solver.t * (1 + 1e-12):
                solution[row + done] = dense(min(wanted[done], solver.t))
                done += 1
        state = solver.y
        ahead = min(solver.h_abs, dt)
        if progress is not None:
            progress(step + 1, steps)
    time = dt / samples_per_step * np.arange(len(solution))
    return _unpacked(layers, time, solution, drives)


def _loops(network: Network) -> str:
    """Which layers feed back to themselves, and how much: what an equation that runs away looks at first."""
    loops = [
        f"layer {name} feeds {layer.recurrent.source} back with weights of spectral radius "
        f"{spectral_radius_of(layer.recurrent.weights()):.3g}"
        for name, layer in network.chain.items()
        if isinstance(layer, NeuronLayer) and layer.recurrent is not None
    ]
    return f": {'; '.join(loops)}; lower them" if loops else ""


def _layers(network: Network) -> dict[str, "_Layer | _Weights"]:
    layers: dict[str, _Layer | _Weights] = {}
    begin = 0
    for name, layer in network.chain.items():
        if isinstance(layer, Projection):
            layers[name] = _Weights(
                weight=layer.weights().detach().double().numpy(),
                bias=layer.biases().detach().double().numpy(),
            )
            continue
        if isinstance(layer, FixedLayer):
            raise ContinuousError(f"layer {name} has no continuous equation: {layer.circuit}")
        built = _layer(name, layer, begin)
        layers[name] = built
        begin += built.start.size
    return layers


def _layer(name: str, layer: NeuronLayer, begin: int) -> _Layer:
    neuron: Neuron = layer.neuron
    if neuron.event is not None or neuron.arrivals:
        raise ContinuousError(
            f"layer {name}: neuron {neuron.name} has events; its rungs stop at the discrete model"
        )
    symbols = [parameter.symbol for parameter in neuron.parameters]
    states = list(neuron.state_symbols)
    derivatives = [state.derivative for state in neuron.states]
    columns = {key: value.detach().double().numpy() for key, value in layer.values().items()}
    rows = [tensor[0].detach().double().numpy() for tensor in layer.initial_state(1)]
    own, loop = layer.recurrent, None
    if own is not None:
        weight = own.weights().detach().double().numpy()
        loop = _Loop(weight=weight, place=own.state_index(neuron), tau=own.tau)
    start = np.stack(rows if loop is None or loop.tau is not None else rows[:-1])
    return _Layer(
        name=name,
        derivative=sympy.lambdify([*states, INPUT, *symbols], derivatives, "numpy", cse=True),
        output=sympy.lambdify([*states, *symbols], neuron.output, [_CLIP, "numpy"]),
        parameters=tuple(columns[parameter.name] for parameter in neuron.parameters),
        shape=start.shape,
        start=start,
        columns=slice(begin, begin + start.size),
        loop=loop,
    )


_CLIP = {"Min": np.minimum, "Max": np.maximum}
"""For two arguments these are much faster than lambdify's reductions."""


def _evaluate(
    layers: dict[str, "_Layer | _Weights"], state: np.ndarray, signal: np.ndarray
) -> tuple[np.ndarray, dict[str, np.ndarray]]:
    """The derivative of the whole state, and every layer's output; state may carry a trailing sample axis."""
    derivative = np.empty_like(state)
    outputs: dict[str, np.ndarray] = {}
    for name, layer in layers.items():
        if isinstance(layer, _Weights):
            signal = layer.weight @ signal + (layer.bias if signal.ndim == 1 else layer.bias[:, None])
            continue
        parameters = layer.parameters
        if state.ndim == 2:
            parameters = tuple(column[:, None] for column in parameters)
        own = state[layer.columns].reshape(*layer.shape, *state.shape[1:])
        slopes = derivative[layer.columns].reshape(own.shape)
        loop = layer.loop
        states = own if loop is None or loop.tau is None else own[:-1]
        output = layer.output(*states, *parameters)
        if loop is not None:
            source = output if loop.place is None else states[loop.place]
            if loop.tau is not None:
                slopes[-1] = (source - own[-1]) / loop.tau
                source = own[-1]
            signal = signal + loop.weight @ source
        for row, slope in zip(slopes, layer.derivative(*states, signal, *parameters), strict=False):
            row[...] = slope
        signal = output
        outputs[name] = signal
    return derivative, outputs


def _unpacked(
    layers: dict[str, "_Layer | _Weights"], time: np.ndarray, solution: np.ndarray, drives: np.ndarray
) -> ContinuousRun:
    _, outputs = _evaluate(layers, np.ascontiguousarray(solution.T), drives.T)
    return ContinuousRun(
        time=time,
        states={
            name: solution[:, part.columns].reshape(-1, *part.shape)
            for name, part in layers.items()
            if isinstance(part, _Layer)
        },
        outputs={name: output.T for name, output in outputs.items()},
    )
