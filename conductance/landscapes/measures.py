"""What is measured of a loss along straight paths, with confidence intervals over the paths. The measures are ours."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from types import MappingProxyType
from typing import Any

import numpy as np
import torch

from conductance.landscapes.jumps import Jump, find_jumps
from conductance.landscapes.surface import LandscapeError, Surface

STEP = 1e-3
"""Distance of two gradients that are compared, over the length of the path."""
CONFIDENCE = 0.95
RESAMPLES = 2000


@dataclass(frozen=True, kw_only=True)
class PathResult:
    """The loss along a straight path in the space of parameters.

    Attributes:
        length: Euclidean, of the path.
        places: (point,), from 0 to `length`.
        values: (point,), the loss.
        slopes: (point,), the gradient's component along the path.
        jumps: all jumps on the path.
        variation: total variation of the loss, jumps included.
        cosine: mean cosine of the gradient's angle to that a step of `STEP` further; None where all are zero.
    """

    length: float
    places: tuple[float, ...]
    values: tuple[float, ...]
    slopes: tuple[float, ...]
    jumps: tuple[Jump, ...]
    variation: float
    cosine: float | None

    def as_json(self) -> dict[str, Any]:
        """The result as JSON data."""
        return asdict(self)

    @classmethod
    def of_json(cls, data: Mapping[str, Any]) -> "PathResult":
        """What `as_json` gave."""
        lists = {name: tuple(data[name]) for name in ("places", "values", "slopes")}
        return cls(**{**data, **lists, "jumps": tuple(Jump(**jump) for jump in data["jumps"])})


def measure_path(
    surface: Surface, start: torch.Tensor, direction: torch.Tensor, *, length: float, points: int = 60
) -> PathResult:
    """Measure the loss along a straight path.

    Args:
        surface: the loss.
        start: parameters at the path's beginning, (parameter,).
        direction: of the path, any length but 0, (parameter,).
        length: of the path, Euclidean.
        points: places at which loss and gradient are read before jumps are looked for.

    Raises:
        LandscapeError: a direction of length 0 or with another number of parameters, or a length that is not positive.
    """
    if direction.shape != start.shape or not float(direction.norm()) > 0 or not 0 < length < float("inf"):
        raise LandscapeError(
            f"path: it has {direction.numel()} components of norm {float(direction.norm()):g} and length {length:g}; "
            f"give {start.numel()} components that are not all 0, and a positive length"
        )
    unit = direction / direction.norm()
    places = [length * k / (points - 1) for k in range(points)]
    jumps, variation = find_jumps(lambda place: surface.read(start + place * unit), places)
    gradients = [surface.gradient(start + place * unit) for place in places]
    beside = [surface.gradient(start + (place + STEP * length) * unit) for place in places]
    cosines = [
        float(torch.dot(one, other) / (one.norm() * other.norm()))
        for one, other in zip(gradients, beside, strict=True)
        if float(one.norm()) > 0 and float(other.norm()) > 0
    ]
    return PathResult(
        length=length, places=tuple(places),
        values=tuple(surface.read(start + place * unit).value for place in places),
        slopes=tuple(float(torch.dot(gradient, unit)) for gradient in gradients), jumps=jumps, variation=variation,
        cosine=sum(cosines) / len(cosines) if cosines else None,
    )  # fmt: skip


def random_directions(
    size: int, number: int, generator: torch.Generator | None = None
) -> tuple[torch.Tensor, ...]:
    """Directions drawn evenly from the unit sphere, each (size,), in double precision."""
    drawn = torch.randn(number, size, generator=generator, dtype=torch.float64)
    return tuple((drawn / drawn.norm(dim=1, keepdim=True)).unbind(0))


@dataclass(frozen=True, kw_only=True)
class Plane:
    """The loss in a plane: `values` and `norms` of the gradient, (point, point), first axis along `first`."""

    places: tuple[float, ...]
    values: np.ndarray
    norms: np.ndarray


def measure_plane(
    surface: Surface, start: torch.Tensor, first: torch.Tensor, second: torch.Tensor, *, reach: float, points: int = 41
) -> Plane:  # fmt: skip
    """The loss and its gradient's norm on a square grid around `start`, from -reach to reach along both directions.

    The second direction is made orthogonal to the first.
    """
    one = first / first.norm()
    two = second - torch.dot(second, one) * one
    if not float(two.norm()) > 1e-9 * float(second.norm()):
        raise LandscapeError("plane: its two directions are parallel; give two that are not")
    two = two / two.norm()
    places = [reach * (2 * k / (points - 1) - 1) for k in range(points)]
    values, norms = np.empty((points, points)), np.empty((points, points))
    for row, along in enumerate(places):
        for column, across in enumerate(places):
            place = start + along * one + across * two
            values[row, column] = surface.read(place).value
            norms[row, column] = float(surface.gradient(place).norm())
    return Plane(places=tuple(places), values=values, norms=norms)


@dataclass(frozen=True, kw_only=True)
class Estimate:
    """A measure over some paths with its bootstrap interval; all None where no path has what it needs."""

    value: float | None
    low: float | None
    high: float | None


def _jumps_per_length(paths: Sequence[PathResult]) -> float | None:
    return sum(len(path.jumps) for path in paths) / sum(path.length for path in paths)


def _share_in_jumps(paths: Sequence[PathResult]) -> float | None:
    whole = sum(path.variation for path in paths)
    return sum(abs(jump.height) for path in paths for jump in path.jumps) / whole if whole > 0 else None


def _cosine(paths: Sequence[PathResult]) -> float | None:
    found = [path.cosine for path in paths if path.cosine is not None]
    return sum(found) / len(found) if found else None


def _with_cause(cause: str) -> Callable[[Sequence[PathResult]], float | None]:
    def share(paths: Sequence[PathResult]) -> float | None:
        causes = [jump.cause for path in paths for jump in path.jumps]
        return causes.count(cause) / len(causes) if causes else None  # type: ignore[arg-type]

    return share


MEASURES: Mapping[str, Callable[[Sequence[PathResult]], float | None]] = MappingProxyType(
    {
        "jumps per unit length": _jumps_per_length,
        "share of the total variation in jumps": _share_in_jumps,
        "mean cosine of gradients a small step apart": _cosine,
        "share of jumps where a spike appears or disappears": _with_cause("appearance"),
        "share of jumps where only the order changes": _with_cause("order"),
    }
)


def estimates(paths: Sequence[PathResult], *, seed: int = 0) -> dict[str, Estimate]:
    """Every measure over all paths together, with the percentile interval of a bootstrap over the paths.

    Raises:
        LandscapeError: there is no path.
    """
    if not paths:
        raise LandscapeError("measures: there is no path; give at least one")
    draws = np.random.default_rng(seed).integers(len(paths), size=(RESAMPLES, len(paths)))
    found = {}
    for name, measure in MEASURES.items():
        value = measure(paths)
        again = [result for draw in draws if (result := measure([paths[k] for k in draw])) is not None]
        if value is None or not again:
            found[name] = Estimate(value=None, low=None, high=None)
        else:
            tail = 100 * (1 - CONFIDENCE) / 2
            low, high = np.percentile(again, [tail, 100 - tail])
            found[name] = Estimate(value=value, low=float(low), high=float(high))
    return found
