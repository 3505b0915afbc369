"""The loop that is the benchmark's limit computes what the eager step computes."""

import torch

from benchmarks.forms import HandLoop, layer_of, mtc_numbers
from benchmarks.measurement import Shape


def test_the_loop_by_hand_is_mtc():
    """Outputs, the input's gradient and, through the fifteen numbers, every parameter's, with neurons that differ."""
    shape = Shape(steps=70, batch=8, width=48)
    layer = layer_of("MTC", shape.width, "eager")
    with torch.no_grad():
        for raw in layer.parameters():
            raw += 0.1 * torch.rand_like(raw)
        layer.raw_U_sat += 1.0
    inputs = (3 * torch.randn(70, 8, 48) + 1).requires_grad_()
    seeds = torch.randn(70, 8, 48)
    state = tuple(torch.randn(3, 8, 48))
    outputs, final = layer(inputs, state)
    wanted = torch.autograd.grad(outputs, [inputs, *layer.parameters()], seeds, retain_graph=True)

    numbers = mtc_numbers(layer)
    loop = HandLoop(shape, numbers)
    loop.inputs, loop.seeds, loop.start = inputs.detach(), seeds, torch.stack(state).flatten(1)
    loop.training()
    found = torch.autograd.grad(numbers, list(layer.parameters()), loop.sums, allow_unused=True)
    assert torch.allclose(loop.outputs, outputs, atol=1e-4)
    assert torch.allclose(loop.final.view(3, 8, 48), torch.stack(final), atol=1e-4)
    assert torch.allclose(loop.bars, wanted[0], rtol=1e-3, atol=1e-4)
    for one, other in zip(found, wanted[1:], strict=True):
        assert torch.allclose(one, other, rtol=2e-3, atol=2e-3 * other.abs().max().item())
