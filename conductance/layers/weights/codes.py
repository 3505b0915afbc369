"""Weights that can be made: signed whole numbers of one unit.

A code has a sign and a magnitude of `bits` - 1 bits, so it runs from -(2^(bits - 1) - 1) to the same above, and zero is
a weight that is switched off. The unit belongs to a whole tensor of weights: its full scale is that with the least
squared error of the rounding, found anew whenever the weights have changed; weights beyond it saturate.
"""

import operator
from dataclasses import dataclass

import torch

from conductance.layers.weights.bits import FEWEST, MOST
from conductance.parameter import ParameterError

SHARES = tuple(share / 20 for share in range(20, 3, -1))
"""Full scales that are tried, over the largest magnitude."""


@dataclass(frozen=True, kw_only=True)
class Code:
    """How weights are rounded: `bits` of sign and magnitude.

    >>> Code(bits=3).codes(torch.tensor([0.9, -0.31, 0.1]))
    tensor([ 3, -1,  0])
    """

    bits: int

    def __post_init__(self) -> None:
        try:
            whole = None if isinstance(self.bits, bool) else operator.index(self.bits)
        except TypeError:
            whole = None
        if whole is None or not FEWEST <= whole <= MOST:
            raise ParameterError(
                f"code: bits = {self.bits!r} must be a whole number from {FEWEST} to {MOST}, the sign included"
            )

    @property
    def levels(self) -> int:
        """The largest code."""
        return 2 ** (self.bits - 1) - 1

    @torch.no_grad()
    def unit(self, values: torch.Tensor) -> torch.Tensor:
        """The weight of code 1 for these weights of any shape; the full scale is `levels` times it.

        Where all weights are zero any unit does, and it is one over `levels`.
        """
        largest = values.abs().max()
        # no branch of Python's own, which torch.export cannot follow
        largest = torch.where(largest > 0, largest, torch.ones_like(largest))
        units = torch.stack([largest * share / self.levels for share in SHARES])
        errors = torch.stack([(self._rounded(values, unit) * unit - values).square().sum() for unit in units])
        return units[errors.argmin()]

    def codes(self, values: torch.Tensor) -> torch.Tensor:
        """The whole numbers that these weights are rounded to, of their shape."""
        return self._rounded(values.detach(), self.unit(values)).to(torch.int64)

    def coded(self, values: torch.Tensor) -> torch.Tensor:
        """Codes times unit; the gradient passes straight through, as if nothing had been rounded."""
        unit = self.unit(values)
        rounded = self._rounded(values.detach(), unit) * unit
        return rounded + (values - values.detach())

    def _rounded(self, values: torch.Tensor, unit: torch.Tensor) -> torch.Tensor:
        return (values / unit).round().clamp(-self.levels, self.levels)
