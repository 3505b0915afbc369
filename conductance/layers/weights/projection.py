"""Weights and bias between two layers."""

import math

import torch
from torch import nn

from conductance.layers.base import HALF, ShapeError, check_input, checked_count
from conductance.layers.weights.codes import Code
from conductance.parameter import ParameterError


class Projection(nn.Module):
    """Every output is a weighted sum of all inputs plus a bias: y[t] = W x[t] + b.

    Args:
        inputs: number of inputs.
        outputs: number of outputs.
        generator: source of the initial weights, uniform in +-1/sqrt(inputs); the bias starts at zero.
        code: how weights and biases are rounded, each with a unit of their own; None leaves them as they are.

    `weight` is (outputs, inputs), `bias` is (outputs,), as training moves them; `weights()` and `biases()` are what
    counts, and in a circuit transconductances and currents. `weight_error` and `bias_error` are logarithms of factors
    of coded ones, those of one chip: zero but in training on chips that differ.
    """

    weight_error: torch.Tensor
    bias_error: torch.Tensor

    def __init__(
        self, inputs: int, outputs: int, *, generator: torch.Generator | None = None, code: Code | None = None
    ) -> None:
        super().__init__()
        self.code = code
        for name in ("weight_error", "bias_error"):
            self.register_buffer(name, torch.zeros(()), persistent=False)
        inputs, outputs = (
            checked_count(count, name, "projection")
            for name, count in (("inputs", inputs), ("outputs", outputs))
        )
        bound = 1 / math.sqrt(inputs)
        weight = (2 * torch.rand(outputs, inputs, generator=generator) - 1) * bound
        self.weight = nn.Parameter(weight)
        self.bias = nn.Parameter(torch.zeros(outputs))

    @classmethod
    def of_linear(cls, linear: nn.Linear) -> "Projection":
        """The same weights and bias, shared with a torch Linear; one without a bias gets one of zero."""
        made = cls(linear.in_features, linear.out_features, generator=torch.Generator())
        own = dict(linear.named_parameters(recurse=False))
        if "weight" not in own:
            raise ParameterError(
                "torch Linear: its weight is computed from other parameters (weight_norm or another parametrisation); "
                "bake it in first with torch.nn.utils.parametrize.remove_parametrizations(linear, 'weight')"
            )
        made.weight = own["weight"]
        made.bias = own.get("bias", nn.Parameter(own["weight"].detach().new_zeros(linear.out_features)))
        return made

    def reset_parameters(self, *, generator: torch.Generator | None = None) -> None:
        """Draw the weights anew, uniform in +-1/sqrt(inputs), and set the bias to zero."""
        bound = 1 / math.sqrt(self.inputs)
        with torch.no_grad():
            self.weight.uniform_(-bound, bound, generator=generator)
            self.bias.zero_()

    def weights(self) -> torch.Tensor:
        """(outputs, inputs): the weights as they count, codes times unit where they are coded."""
        return self._counted(self.weight, self.weight_error)

    def biases(self) -> torch.Tensor:
        """(outputs,): the same of the biases."""
        return self._counted(self.bias, self.bias_error)

    def _counted(self, values: torch.Tensor, error: torch.Tensor) -> torch.Tensor:
        return values if self.code is None else self.code.coded(values) * torch.exp(error)

    def extra_repr(self) -> str:
        """What it is, for printed networks."""
        coded = "" if self.code is None else f", {self.code.bits} bits"
        return f"{self.inputs} to {self.outputs}{coded}"

    @property
    def inputs(self) -> int:
        """Number of inputs."""
        return self.weight.shape[1]

    @property
    def outputs(self) -> int:
        """Number of outputs."""
        return self.weight.shape[0]

    def forward(
        self, values: torch.Tensor, state: tuple[torch.Tensor, ...] = ()
    ) -> tuple[torch.Tensor, tuple[torch.Tensor, ...]]:
        """(time, batch, inputs) to (time, batch, outputs); the state is empty and stays so.

        Raises:
            ShapeError: an input of another shape or type, or a state: a projection has none.
        """
        owner = f"projection {self.inputs} to {self.outputs}"
        # under autocast torch converts both sides itself
        device = values.device.type if isinstance(values, torch.Tensor) else "cpu"
        also = HALF if torch.is_autocast_enabled(device) else ()
        check_input(values, self.inputs, self.weight.dtype, owner, also=also)
        if not isinstance(state, tuple | list) or len(state):
            raise ShapeError(f"{owner}: it has no state and was given one; leave it out")
        return nn.functional.linear(values, self.weights(), self.biases()), state
