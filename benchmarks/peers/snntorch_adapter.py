"""snntorch: its Leaky neuron as it ships, and compiled in chunks."""

import snntorch
import torch

from benchmarks.measurement import Candidate, Shape
from benchmarks.peers.loops import in_chunks, runs, stepped


def candidates() -> list[Candidate]:
    """LIF with the default surrogate (arctan) and reset (by subtraction)."""
    return [
        Candidate(name="eager", neuron="LIF", build=lambda shape: _build(stepped, shape)),
        Candidate(name="compiled in chunks", neuron="LIF", build=lambda shape: _build(in_chunks, shape)),
    ]


def _build(loop, shape: Shape):
    neuron = snntorch.Leaky(beta=0.9)
    step = neuron if loop is stepped else _without_attributes(neuron)
    return runs(loop(step, lambda current: (torch.zeros_like(current),)), shape)


def _without_attributes(neuron: snntorch.Leaky):
    """Its step from its own parts. The module keeps its state as an attribute, so it is compiled anew at every call."""

    def step(current: torch.Tensor, voltage: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        reset = neuron.mem_reset(voltage)
        voltage = neuron.beta.clamp(0, 1) * voltage + current - reset * neuron.threshold
        return neuron.fire(voltage), voltage

    return step
