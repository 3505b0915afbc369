"""A neuron as a layer steps it: the trained model's rung beside its equation and its circuit."""

from collections.abc import Sequence

import numpy as np
import torch

from circuits.data.circuit import CircuitError
from conductance.grid import step_of, steps_until
from conductance.layers import NeuronLayer
from conductance.neurons.base import Neuron
from conductance.stimulus import Stimulus


def stepped(
    neuron: Neuron, stimulus: Stimulus, stop: float, *, dt: float, method: str | None = None,
    start: Sequence[float] | None = None,
) -> tuple[np.ndarray, np.ndarray]:  # fmt: skip
    """The membrane of a layer's neuron in steps of dt: times (step,) in tau_m and voltages (step,) in V0.

    Args:
        neuron: the declaration.
        stimulus: changes at whole steps only.
        stop: end, in tau_m; the last step ends there or before.
        dt: of the layer.
        method: its rule; the neuron's default where not given.
        start: initial states; the declared ones where not given.

    Raises:
        CircuitError: a stimulus that changes within a step. StepError: a dt that the rule is not stable at.
    """
    begin = stimulus.times[0]
    changes = np.asarray(stimulus.times) - begin
    off = [k for k, change in enumerate(changes) if k and steps_until(change, dt) != step_of(change, dt)]
    if off:
        raise CircuitError(
            f"neuron {neuron.name}: the stimulus changes at {stimulus.times[off[0]]:g} tau_m, within a step of "
            f"dt = {dt:g}; a layer holds its input for whole steps: let it change at multiples of dt"
        )
    layer = NeuronLayer(neuron, 1, dt=dt, method=method, backend="eager").double()
    steps = int(step_of(np.array(stop - begin), dt))
    time = begin + dt * np.arange(steps + 1)
    currents = torch.as_tensor(stimulus.at(time[:-1]), dtype=torch.float64)[:, None, None]
    first = layer.initial_state(1)
    if start is not None:
        first = tuple(torch.full((1, 1), float(value), dtype=torch.float64) for value in start)
    record: list[tuple[torch.Tensor, ...]] = []
    with torch.no_grad():
        layer(currents, first, record=record)
    voltages = [float(first[0][0, 0]), *(float(states[0][0, 0]) for states in record)]
    return time, np.asarray(voltages)
