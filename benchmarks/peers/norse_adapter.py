"""Norse: its LIF cell under a loop over unbound steps (its own loop indexes the input), and compiled in chunks."""

import torch
from norse.torch import LIFCell
from norse.torch.functional.lif import LIFFeedForwardState

from benchmarks.measurement import Candidate, Shape
from benchmarks.peers.loops import in_chunks, runs, stepped


def candidates() -> list[Candidate]:
    """LIF with a synaptic current, the library's default."""
    return [
        Candidate(name="eager cell", neuron="LIF", build=lambda shape: _build(stepped, shape)),
        Candidate(name="cell compiled in chunks", neuron="LIF", build=lambda shape: _build(in_chunks, shape)),
    ]


def _build(loop, shape: Shape):
    cell = LIFCell()

    def step(current, v, i):
        spikes, state = cell(current, LIFFeedForwardState(v=v, i=i))
        return spikes, state.v, state.i

    return runs(loop(step, lambda current: (torch.zeros_like(current), torch.zeros_like(current))), shape)
