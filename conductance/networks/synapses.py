"""White noise of the synapses behind a layer: what a projection hands on beside its weighted sums.

Every source has two draws in each step. One is that of its line, which all its synapses copy by their weight. The other
is that of the synapses' own devices: each target gets the power that its synapse has; that synapses of one source draw
one number is our choice, which costs a draw for each source instead of one for each synapse.
"""

import math
from dataclasses import dataclass
from functools import lru_cache
from numbers import Real

import numpy as np
import sympy
import torch

from conductance.derivation.threefry import LARGEST_SEED
from conductance.errors import ExcitableError
from conductance.layers import NeuronLayer
from conductance.neurons.base import INPUT, SAMPLING, Neuron, State
from conductance.neurons.noisy import noisy

FULL = 1 - 1e-6
"""From here on an output is at its upper limit: its clipped line ends there, rounded."""
_TERMS = 4
_X = sympy.Symbol("x", real=True)
_WHITE = noisy(
    Neuron(
        name="white", meaning="the draws of noise, one every step", parameters=(), output=_X,
        states=(State(name="x", symbol=_X, following=INPUT, meaning="the draw"),),
    ),
    {SAMPLING: 1.0},
)  # fmt: skip


class SynapseNoiseError(ExcitableError):
    """Numbers that are no noise of synapses."""


@dataclass(frozen=True, kw_only=True)
class SynapseNoise:
    """Densities of the noise of a projection's currents, one-sided, over 2 q I0, by the outputs s (0 to 1) it reads.

    Attributes:
        line: for each source (a, b, c, full): a + b s + c s^2 between the limits, `full` at s = 1; silence has none.
        excitatory: of a synapse of positive weight w beside the line's: over w s.
        inhibitory: of one of negative weight, over |w| s.
        power: q/(C V0) of the circuit, what all of it grows with.

    Raises:
        SynapseNoiseError: a density or a power that is negative or no finite number.
    """

    line: tuple[tuple[float, float, float, float], ...]
    excitatory: float
    inhibitory: float
    power: float

    def __post_init__(self) -> None:
        object.__setattr__(self, "line", tuple(tuple(row) for row in self.line))
        if not self.line or any(len(row) != _TERMS for row in self.line):
            raise SynapseNoiseError(
                f"noise of synapses: line has rows of {sorted({len(row) for row in self.line})} numbers; give each "
                f"source four: a, b, c of its density a + b s + c s^2, and that at s = 1"
            )
        for name in ("excitatory", "inhibitory", "power"):
            _check_density(getattr(self, name), name)
        outputs = np.linspace(0.0, 1.0, 65)
        for source, (a, b, c, full) in enumerate(self.line):
            for value in (a, b, c):
                _check_finite(value, f"line of source {source}")
            _check_density(float((a + b * outputs + c * outputs**2).min()), f"line of source {source}")
            _check_density(full, f"line of source {source} at s = 1")

    @property
    def sources(self) -> int:
        """Number of outputs that the projection reads."""
        return len(self.line)

    def drawn(
        self, outputs: torch.Tensor, weights: torch.Tensor, *, dt: float, seed: int | None
    ) -> torch.Tensor:
        """The noise (time, batch, target) of one run, in I0, held for a step.

        Its gradient passes through the amplitudes, which follow outputs and weights.

        Args:
            outputs: (time, batch, source), 0 to 1.
            weights: (target, source).
            dt: the step in tau_m.
            seed: 0 to 2^32 - 1; torch's generator decides where none is given.
        """
        chosen = int(torch.randint(LARGEST_SEED + 1, ())) if seed is None else seed
        common, own = numbers(outputs, chosen).split(self.sources, dim=2)
        scale = self.power / dt
        lines = _root(scale * self._line(outputs)) * common
        copies = _root(scale * outputs) * own
        share = torch.where(weights < 0, self.inhibitory, self.excitatory) * weights.abs()
        return lines @ weights.T + copies @ _root(share).T

    def _line(self, outputs: torch.Tensor) -> torch.Tensor:
        a, b, c, full = torch.as_tensor(self.line, dtype=outputs.dtype, device=outputs.device).T
        between = a + b * outputs + c * outputs**2
        return torch.where(outputs < FULL, torch.where(outputs > 0, between, 0.0), full)


def numbers(outputs: torch.Tensor, seed: int) -> torch.Tensor:
    """(time, batch, 2 source) draws of variance 1: those of a neuron layer of that width with the same seed."""
    steps, batch, sources = outputs.shape
    layer = _white(2 * sources, outputs.dtype, outputs.device)
    with torch.no_grad():
        return layer(outputs.new_zeros(steps, batch, 2 * sources), seed=seed)[0]


@lru_cache(maxsize=16)
def _white(width: int, dtype: torch.dtype, device: torch.device) -> NeuronLayer:
    return NeuronLayer(_WHITE, width, dt=1.0).to(device=device, dtype=dtype)


def _root(power: torch.Tensor) -> torch.Tensor:
    """The square root, whose slope is zero where there is no power."""
    some = power > 0
    return torch.where(some, torch.where(some, power, 1.0).sqrt(), 0.0)


def _check_finite(value: object, name: str) -> None:
    if isinstance(value, bool) or not isinstance(value, Real) or not math.isfinite(value):
        raise SynapseNoiseError(f"noise of synapses: {name} = {value!r}; give a finite number")


def _check_density(value: object, name: str) -> None:
    _check_finite(value, name)
    if float(value) < 0:  # type: ignore[arg-type]
        raise SynapseNoiseError(
            f"noise of synapses: {name} = {value!r} is negative; a density is zero or more"
        )
