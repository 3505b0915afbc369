"""Weights from the neurons of a layer back to themselves."""

import math

import torch
from torch import nn

from conductance.errors import nearest
from conductance.layers.names import OUTPUT
from conductance.layers.weights.codes import Code
from conductance.neurons.base import Neuron
from conductance.parameter import ParameterError


class Recurrence(nn.Module):
    """Every neuron's input has a weighted sum of what the layer's neurons did added: I[t] = x[t] + W r[t-1].

    r[t] is the source after step t: the neurons' output (1 in the step of a spike) or a state, so everything arrives
    one step later; before the first step it is that of the initial state. With `tau` it is low-passed by a synapse,
    r[t] = r[t-1] + (1 - exp(-dt/tau)) (source[t] - r[t-1]). In continuous time W r is a current without delay, of which
    an explicit step is the Euler step.

    Args:
        weight: (neuron, neuron), row i is what arrives at neuron i.
        source: "output" or the name of a state, see `OUTPUT`.
        tau: time constant of the synapses in tau_m; None for none.
        trainable: whether training changes the weights.
        sparse: whether weights that are zero stay zero.
        code: how the weights are rounded; None leaves them as they are. See `Projection` for `weight_error`.

    Raises:
        ParameterError: weights that are not square or not finite, or a time constant that is not positive.
    """

    mask: torch.Tensor | None
    weight_error: torch.Tensor

    def __init__(
        self,
        weight: torch.Tensor,
        *,
        source: str = OUTPUT,
        tau: float | None = None,
        trainable: bool = True,
        sparse: bool = False,
        code: Code | None = None,
    ) -> None:
        super().__init__()
        self.code = code
        self.register_buffer("weight_error", torch.zeros(()), persistent=False)
        if weight.dim() != 2 or weight.shape[0] != weight.shape[1]:
            raise ParameterError(
                f"recurrence: the weights have shape {tuple(weight.shape)}; give finite numbers (neuron, neuron)"
            )
        if not bool(torch.isfinite(weight).all()):
            row, column = (~torch.isfinite(weight)).nonzero()[0].tolist()
            raise ParameterError(
                f"recurrence: the weight to neuron {row} from neuron {column} is {weight[row, column].item()} in "
                f"{weight.dtype}; give finite numbers (neuron, neuron)"
            )
        if tau is not None and not 0 < tau < math.inf:
            raise ParameterError(f"recurrence: tau = {tau} must be positive, in tau_m, or none")
        self.source, self.tau = source, None if tau is None else float(tau)
        given = weight.detach().clone()
        self._given = given.clone()
        self.random_as: tuple[float, float] | None = None  # spectral radius and density of random weights
        if trainable:
            self.weight = nn.Parameter(given)
        else:
            self.register_buffer("weight", given)
        if sparse:
            self.register_buffer("mask", (given != 0).to(given.dtype))
        else:
            self.mask = None

    @classmethod
    def random(
        cls,
        size: int,
        *,
        spectral_radius: float = 0.9,
        density: float = 1.0,
        source: str = OUTPUT,
        tau: float | None = None,
        trainable: bool = False,
        generator: torch.Generator | None = None,
    ) -> "Recurrence":
        """Normal weights, scaled so that the largest magnitude of an eigenvalue is `spectral_radius`.

        Args:
            size: number of neurons.
            spectral_radius: at least 0.
            density: share of weights that are not zero, in (0, 1]; below 1 the others stay zero.
            source: see the class.
            tau: see the class.
            trainable: see the class; fixed where not said.
            generator: source of the numbers.

        Raises:
            ParameterError: a radius or a density out of bounds, or so few weights that there is no loop to scale.
        """
        if not (0 <= spectral_radius < math.inf and 0 < density <= 1):
            raise ParameterError(
                f"recurrence: spectral_radius = {spectral_radius} must be at least 0, density = {density} in (0, 1]"
            )
        weight = _drawn(size, spectral_radius, density, generator)
        made = cls(weight, source=source, tau=tau, trainable=trainable, sparse=density < 1)
        made.random_as = (spectral_radius, density)
        return made

    @torch.no_grad()
    def reset_parameters(self, *, generator: torch.Generator | None = None) -> None:
        """Draw random weights anew, with the same radius and density; take given ones back to what was given."""
        if self.random_as is None:
            self.weight.copy_(self._given)
        else:
            self.weight.copy_(_drawn(self.size, *self.random_as, generator))
            if self.mask is not None:
                self.mask.copy_(self.weight != 0)

    @property
    def size(self) -> int:
        """Number of neurons."""
        return self.weight.shape[0]

    @property
    def trainable(self) -> bool:
        """Whether training may change the weights."""
        return "weight" in self._parameters

    def extra_repr(self) -> str:
        """What it is, for printed networks."""
        tau = "" if self.tau is None else f", tau={self.tau:g}"
        coded = "" if self.code is None else f", {self.code.bits} bits"
        return (
            f"{self.size} from {self.source}{tau}, trainable={self.trainable}, sparse={self.mask is not None}"
            f"{coded}"
        )

    def weights(self) -> torch.Tensor:
        """(neuron, neuron), zero where a sparse one has no synapse, codes times unit where they are coded."""
        kept = self.weight if self.mask is None else self.weight * self.mask
        return kept if self.code is None else self.code.coded(kept) * torch.exp(self.weight_error)

    def check(self, neuron: Neuron, size: int, dtype: torch.dtype) -> None:
        """Raise `ParameterError` unless it fits a layer of `size` such neurons with numbers of this type."""
        if self.weight.dtype != dtype:
            raise ParameterError(
                f"layer {neuron.name}: recurrent weights are {self.weight.dtype} and the layer {dtype}; convert one"
            )
        if self.size != size:
            raise ParameterError(
                f"layer {neuron.name}: recurrent weights are for {self.size} neurons and it has {size}"
            )
        names = (OUTPUT, *(state.name for state in neuron.states))
        if self.source not in names:
            raise ParameterError(
                f"layer {neuron.name}: recurrent source {self.source!r} is unknown; {nearest(self.source, names)}"
                f"allowed are {', '.join(names)}"
            )

    def state_index(self, neuron: Neuron) -> int | None:
        """The place of the source among the neuron's states; None for the output."""
        names = [state.name for state in neuron.states]
        return None if self.source == OUTPUT else names.index(self.source)

    def share(self, dt: float) -> float:
        """How much of the distance to the source the synapse goes in a step."""
        return 1.0 if self.tau is None else -math.expm1(-dt / self.tau)


def _drawn(
    size: int, spectral_radius: float, density: float, generator: torch.Generator | None
) -> torch.Tensor:
    """Normal weights of this radius and density, see `Recurrence.random`."""
    weight = torch.randn(size, size, generator=generator)
    weight = weight * (torch.rand(size, size, generator=generator) < density)
    radius = spectral_radius_of(weight)
    if radius == 0 and spectral_radius > 0:
        raise ParameterError(
            f"recurrence: {size} neurons with density = {density} have no loop to be scaled; raise density"
        )
    return weight * (spectral_radius / radius) if radius else weight


def spectral_radius_of(weight: torch.Tensor) -> float:
    """The largest magnitude of an eigenvalue of a square matrix."""
    return float(torch.linalg.eigvals(weight.detach().double()).abs().max()) if len(weight) else 0.0
