"""spikingjelly: its LIF and QIF nodes stepped many steps at once as it ships, and compiled in chunks."""

import torch
from spikingjelly.activation_based import functional, neuron

from benchmarks.measurement import Candidate, Shape
from benchmarks.peers.loops import in_chunks, runs

NODES = {"LIF": neuron.LIFNode, "QIF": neuron.QIFNode}


def candidates() -> list[Candidate]:
    """Both neurons with the default surrogate (sigmoid)."""
    return [
        Candidate(name=form, neuron=kind, build=lambda shape, kind=kind, build=build: build(NODES[kind], shape))
        for kind in NODES
        for form, build in (("multi-step, eager", _multi_step), ("compiled in chunks", _compiled))
    ]  # fmt: skip


def _multi_step(kind, shape: Shape):
    node = kind(step_mode="m")

    def run(inputs: torch.Tensor) -> torch.Tensor:
        functional.reset_net(node)
        return node(inputs)

    return runs(run, shape)


def _compiled(kind, shape: Shape):
    node = kind(step_mode="s")

    def step(current: torch.Tensor, voltage: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        (spikes,), (following,) = node.single_step_functional_forward((current,), (voltage,))
        return spikes, following

    return runs(in_chunks(step, lambda current: (torch.zeros_like(current),)), shape)
