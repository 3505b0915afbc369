"""Random input spikes, an independent integration of single neurons, and differences in place of gradients."""

import math
from collections import defaultdict
from collections.abc import Callable, Sequence

import numpy as np
import torch
from scipy.integrate import solve_ivp

DTYPE = torch.float64


def grouped(
    times: torch.Tensor, places: torch.Tensor, batch: int, size: int
) -> dict[tuple[int, int], list[float]]:
    """Ordered spike times by (trial, neuron) from flat times and flat indices."""
    trains: dict[tuple[int, int], list[float]] = defaultdict(list)
    for time, place in zip(times.tolist(), places.tolist(), strict=True):
        trains[divmod(place % (batch * size), size)].append(time)
    return {key: sorted(train) for key, train in trains.items()}


def integrated_qif(
    times: Sequence[float], weights: Sequence[float], *, end: float, voltage: float, current: float
) -> list[float]:
    """Spike times of a QIF neuron by scipy, with tau = 1: V up to 1, and u = 1/V through the spike.

    The phase a = atan(V) is smooth through a spike: da/dt = sin(a)^2 - sin(a) cos(a) + I cos(a)^2.
    """
    spikes: list[float] = []
    angle, now = math.atan(voltage), 0.0

    def slope(_: float, state: np.ndarray) -> list[float]:
        sine, cosine = math.sin(state[0]), math.cos(state[0])
        return [sine * sine - sine * cosine + state[1] * cosine * cosine, -2 * state[1]]

    def crossing(_: float, state: np.ndarray) -> float:
        return math.cos(state[0])

    for time, weight in zip([*times, end], [*weights, 0.0], strict=True):
        if time > now:
            result = solve_ivp(
                slope, (now, time), [angle, current], method="DOP853", rtol=1e-12, atol=1e-12, events=crossing
            )
            spikes += result.t_events[0].tolist()
            angle, current = result.y[:, -1].tolist()
            now = time
        current += weight
    return spikes


def gradient_error(
    function: Callable[..., torch.Tensor],
    tensors: Sequence[torch.Tensor],
    *,
    step: float = 1e-6,
    most: int = 30,
) -> float:
    """The largest difference between gradient and central difference, over 1 + size, in a random direction of outputs.

    Elements whose two sides have another number of outputs are left out.
    """
    generator = torch.Generator().manual_seed(0)
    inputs = [tensor.detach().clone().contiguous().requires_grad_() for tensor in tensors]
    outputs = function(*inputs)
    direction = torch.randn(outputs.shape, generator=generator, dtype=outputs.dtype)
    gradients = torch.autograd.grad((outputs * direction).sum(), inputs, allow_unused=True)
    worst = 0.0
    for tensor, gradient in zip(inputs, gradients, strict=True):
        flat = tensor.detach().view(-1)
        exact = torch.zeros_like(flat) if gradient is None else gradient.reshape(-1)
        for index in torch.randperm(len(flat), generator=generator)[:most].tolist():
            middle = flat[index].item()
            with torch.no_grad():
                flat[index] = middle + step
                above = function(*inputs)
                flat[index] = middle - step
                below = function(*inputs)
                flat[index] = middle
            if above.shape != outputs.shape or below.shape != outputs.shape:
                continue
            difference = float(((above - below) * direction).sum()) / (2 * step)
            error = abs(difference - float(exact[index])) / (1 + abs(difference))
            worst = error if not error <= worst else worst
    return worst
