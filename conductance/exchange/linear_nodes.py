"""NIR's linear nodes as projections: matrices as they are, convolutions and pools written out over their input."""

import math
from typing import Any

import numpy as np
import torch

from conductance.exchange.conventions import ExchangeError
from conductance.layers import Projection

LARGEST = 10_000_000
"""Weights of a convolution or a pool that is written out."""
Shape = tuple[int, ...]


def linear_kinds(nir: Any) -> tuple[type, ...]:
    """The nodes that become projections, or, as Flatten, nothing."""
    return (
        nir.Affine,
        nir.Linear,
        nir.Scale,
        nir.Conv1d,
        nir.Conv2d,
        nir.AvgPool2d,
        nir.SumPool2d,
        nir.Flatten,
    )


def linear_node(nir: Any, name: str, node: Any, shape: Shape) -> tuple[Projection | None, Shape]:
    """The projection of a linear node whose input has this shape without time and batch, and the shape behind it.

    A convolution or a pool is the same sum over and over; here each of its outputs has its own row of weights, which a
    circuit has too, and which training would change one by one.

    Raises:
        ExchangeError: an input that does not fit, or a matrix of more than `LARGEST` weights.
    """
    if isinstance(node, nir.Flatten):
        return None, (math.prod(shape),)
    if isinstance(node, nir.Affine | nir.Linear):
        weight = np.asarray(node.weight)
        if math.prod(shape) != weight.shape[-1]:
            raise ExchangeError(f"node {name} takes {weight.shape[-1]} numbers and gets {shape}")
        return _projection(weight, getattr(node, "bias", None)), (len(weight),)
    if isinstance(node, nir.Scale):
        scale = np.asarray(node.scale, float)
        if scale.size not in (1, math.prod(shape)):
            raise ExchangeError(f"node {name} scales {scale.shape} numbers and gets {shape}")
        return _projection(np.diag(np.broadcast_to(scale.ravel(), math.prod(shape))), None), shape
    return _written_out(nir, name, node, shape)


def _projection(weight: np.ndarray, bias: Any) -> Projection:
    matrix = torch.as_tensor(np.array(weight), dtype=torch.get_default_dtype())
    made = Projection(matrix.shape[1], matrix.shape[0], generator=torch.Generator())
    with torch.no_grad():
        made.weight.copy_(matrix)
        if bias is not None:
            made.bias.copy_(torch.as_tensor(np.array(bias)))
    return made


def _written_out(nir: Any, name: str, node: Any, shape: Shape) -> tuple[Projection, Shape]:
    """What the node makes of every unit input, one after the other."""
    dimensions = 1 if isinstance(node, nir.Conv1d) else 2
    if len(shape) != dimensions + 1:
        raise ExchangeError(
            f"node {name} is a {type(node).__name__} and gets an input of shape {shape}; it needs one of "
            f"(channel, {', '.join(('height', 'width')[:dimensions])}), as the Input node's type says it"
        )
    first = torch.zeros(1, *shape, dtype=torch.float64)
    try:
        after = tuple(_applied(nir, node, first, dimensions).shape[1:])
    except (RuntimeError, ValueError) as error:
        raise ExchangeError(f"node {name} does not fit an input of shape {shape}: {error}") from None
    inputs, outputs = math.prod(shape), math.prod(after)
    if inputs * outputs > LARGEST:
        raise ExchangeError(
            f"node {name}: a {type(node).__name__} from {shape} to {after} has {inputs * outputs} weights when it is "
            f"written out; at most {LARGEST} are read"
        )
    unit = torch.eye(inputs, dtype=torch.float64).reshape(inputs, *shape)
    weight = _applied(nir, node, unit, dimensions).reshape(inputs, outputs).T
    bias = getattr(node, "bias", None)
    each = None if bias is None else np.repeat(np.asarray(bias), math.prod(after[1:]))
    return _projection(weight.numpy(), each), after


def _applied(nir: Any, node: Any, values: torch.Tensor, dimensions: int) -> torch.Tensor:
    """A convolution without its bias, or a pool, of (series, channel, ...) values."""
    functional = torch.nn.functional
    if isinstance(node, nir.Conv1d | nir.Conv2d):
        convolve = functional.conv1d if dimensions == 1 else functional.conv2d
        padding = node.padding if isinstance(node.padding, str) else _pair(node.padding, dimensions)
        return convolve(
            values, torch.as_tensor(np.array(node.weight), dtype=values.dtype), None,
            _pair(node.stride, dimensions), padding, _pair(node.dilation, dimensions), int(node.groups),
        )  # fmt: skip
    kernel = _pair(node.kernel_size, 2)
    divisor = 1 if isinstance(node, nir.SumPool2d) else None
    return functional.avg_pool2d(
        values, kernel, _pair(node.stride, 2), _pair(node.padding, 2), divisor_override=divisor
    )


def _pair(value: Any, dimensions: int) -> tuple[int, ...]:
    numbers = [int(each) for each in np.atleast_1d(np.asarray(value)).ravel()]
    return tuple(numbers * dimensions)[:dimensions]
