"""Linear recurrences along the first axis, in blocks: associative inside a block, one after another between blocks.

A wide layer fills the machine at every event, so there a block is one event and no work is done twice; a narrow one,
or one on a GPU, takes long blocks, which need log2(block) sweeps in place of `block` steps. Blocks also keep rounding
near that of the plain loop on trials that are long against tau.
"""

from typing import Any

import torch

LONG = 64
"""Events per block where blocks pay."""
WIDE = 2048
"""On a CPU, states per event from which the plain loop is faster (measured on two cores, float64)."""


def block_length(like: torch.Tensor) -> int:
    """Events per block for recurrences whose state has the shape of `like`."""
    return LONG if like.is_cuda or like.numel() < WIDE else 1


def linear_recurrence(
    factors: torch.Tensor, terms: torch.Tensor, start: torch.Tensor, block: int
) -> torch.Tensor:
    """y[k] = factors[k] y[k - 1] + terms[k] with y[-1] = start, for every k.

    Args:
        factors: (k, ...), broadcast against `terms`.
        terms: (k, ...).
        start: (...), the shape of one term.
        block: events per block.
    """
    length = terms.shape[0]
    result = torch.empty_like(terms)
    state = start
    if block == 1:
        for factor, term, out in zip(factors.unbind(0), terms.unbind(0), result.unbind(0), strict=True):
            state = torch.addcmul(term, factor, state, out=out)
        return result
    # a product beyond this belongs to a gradient that has no meaning; bounded, it cannot become inf - inf
    bound = torch.finfo(terms.dtype).max ** 0.5
    for begin in range(0, length, block):
        a = factors[begin : begin + block].expand(-1, *terms.shape[1:])
        b = terms[begin : begin + block]
        shift = 1
        while shift < b.shape[0]:
            b = torch.cat([b[:shift], torch.addcmul(b[shift:], a[shift:], b[:-shift])])
            a = torch.cat([a[:shift], a[shift:] * a[:-shift]]).clamp_(-bound, bound)
            shift *= 2
        result[begin : begin + block] = torch.addcmul(b, a, state)
        state = result[min(begin + block, length) - 1]
    return result


class _WeightedRecurrence(torch.autograd.Function):
    @staticmethod
    def forward(context: Any, factors: torch.Tensor, terms: torch.Tensor, block: int) -> torch.Tensor:
        result = linear_recurrence(factors, terms, torch.zeros_like(terms[0]), block)
        context.save_for_backward(factors, result)
        context.block = block
        return result

    @staticmethod
    def backward(context: Any, gradient: torch.Tensor) -> tuple[torch.Tensor | None, ...]:
        factors, result = context.saved_tensors
        later = torch.cat([factors[1:], torch.zeros_like(factors[:1])])
        to_terms = linear_recurrence(
            later.flip(0), gradient.flip(0), torch.zeros_like(gradient[0]), context.block
        ).flip(0)
        earlier = torch.cat([torch.zeros_like(result[:1]), result[:-1]])
        return (to_terms * earlier).sum_to_size(factors.shape), to_terms, None


def weighted_recurrence(factors: torch.Tensor, terms: torch.Tensor, block: int) -> torch.Tensor:
    """`linear_recurrence` from 0, differentiable in factors and terms."""
    return _WeightedRecurrence.apply(factors, terms, block)


def directions(matrices: torch.Tensor, start: torch.Tensor, block: int) -> torch.Tensor:
    """x[k] = M[k] x[k - 1] scaled to length 1, with x[-1] = start, for every k; the sign is kept.

    Args:
        matrices: (k, 2, 2, ...), finite.
        start: (2, ...), length 1.
        block: events per block.

    Returns:
        (k, 2, ...).
    """
    length = matrices.shape[0]
    result = matrices.new_empty((length, *start.shape))
    state = start
    if block == 1:
        for matrix, out in zip(matrices.unbind(0), result.unbind(0), strict=True):
            state = _unit(matrix[:, 0] * state[0] + matrix[:, 1] * state[1])
            out.copy_(state)
        return result
    for begin in range(0, length, block):
        product = _scaled(matrices[begin : begin + block])
        shift = 1
        while shift < product.shape[0]:
            later, earlier = product[shift:], product[:-shift]
            together = later[:, :, 0:1] * earlier[:, 0:1] + later[:, :, 1:2] * earlier[:, 1:2]
            product = torch.cat([product[:shift], _scaled(together)])
            shift *= 2
        ahead = product[:, :, 0] * state[0] + product[:, :, 1] * state[1]
        result[begin : begin + block] = ahead / _length(ahead, 1)
        state = result[min(begin + block, length) - 1]
    return result


def _unit(vector: torch.Tensor) -> torch.Tensor:
    return vector / _length(vector, 0)


def _length(vector: torch.Tensor, axis: int) -> torch.Tensor:
    x, y = vector.unbind(axis)
    return torch.hypot(x, y).unsqueeze(axis)


def _scaled(matrices: torch.Tensor) -> torch.Tensor:
    return matrices / matrices.abs().amax(dim=(1, 2), keepdim=True)
