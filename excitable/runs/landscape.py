"""The loss landscape around a trained run: paths, planes and their measures."""

from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any

import torch

from conductance.deep.data.base import collate
from conductance.landscapes import (
    Estimate,
    LandscapeError,
    NetworkSurface,
    PathResult,
    Plane,
    classifier_surface,
    estimates,
    image_surface,
    measure_path,
    measure_plane,
    random_directions,
    series_surface,
)
from excitable.runs.events import EventRun
from excitable.runs.kinds import Run
from excitable.runs.series import SeriesRun

LANDSCAPE = "landscape.json"
Progress = Callable[[str, int, int], None]


@dataclass(frozen=True, kw_only=True)
class LandscapeOptions:
    """How a landscape is measured.

    Args:
        directions: random paths; one more goes against the gradient.
        length: of each path, and half the side of the plane, over the norm of the parameters.
        points: places on a path at which loss and gradient are read before jumps are looked for.
        plane_points: places along each side of the plane; 0 for no plane.
        samples: trials or series of the batch; one sample alone is measured too.
        seed: of the directions.
    """

    directions: int = 4
    length: float = 0.3
    points: int = 25
    plane_points: int = 21
    samples: int = 10
    seed: int = 0

    def __post_init__(self) -> None:
        least = {"directions": 1, "points": 2, "plane_points": 0, "samples": 1}
        faults = [
            f"{name} = {getattr(self, name)} must be at least {low}"
            for name, low in least.items()
            if getattr(self, name) < low
        ]
        if not 0 < self.length < float("inf"):
            faults.append(f"length = {self.length} must be positive and finite")
        if faults:
            raise LandscapeError(f"landscape: {'; '.join(faults)}")


@dataclass(frozen=True, kw_only=True)
class View:
    """The landscape for some samples.

    Attributes:
        name: one sample, or a batch.
        random: paths in random directions.
        descent: the path against the gradient; None where the gradient is zero.
        plane: against the gradient (or a random direction) and along a random direction; None if not asked for.
    """

    name: str
    random: tuple[PathResult, ...]
    descent: PathResult | None
    plane: Plane | None

    @property
    def measures(self) -> dict[str, Estimate]:
        """The measures over the random paths."""
        return estimates(self.random)

    def as_json(self) -> dict[str, Any]:
        """What is kept of it as JSON data."""
        return {
            "name": self.name,
            "measures": {name: asdict(estimate) for name, estimate in self.measures.items()},
            "random": [path.as_json() for path in self.random],
            "descent": None if self.descent is None else self.descent.as_json(),
        }


def surface_of(run: Run, samples: int) -> NetworkSurface:
    """The loss of a run's trained network on the first samples of its test split.

    Raises:
        LandscapeError: the split has fewer samples.
        RunError: the run is not trained.
    """
    if isinstance(run, SeriesRun):
        _check_samples(samples, run.data.test.series)
        return series_surface(run.network(), run.data.test.select(range(samples)))
    if isinstance(run, EventRun):
        training = run.configuration.training
        _check_samples(samples, run.data.test.trials)
        return classifier_surface(
            run.network(),
            run.data.test.select(range(samples)),
            tau=training.loss_tau,
            regulariser=training.regulariser,
        )
    _check_samples(samples, len(run.data.test))
    images, labels = collate([run.data.test[place] for place in range(samples)])
    return image_surface(run.network(), images, labels, run.configuration.training.build().criterion)


def _check_samples(wanted: int, there: int) -> None:
    if wanted > there:
        raise LandscapeError(f"landscape: {wanted} samples are asked for and the test split has {there}")


def _view(surface: NetworkSurface, name: str, options: LandscapeOptions, tell: Progress) -> View:
    start = surface.start()
    length = options.length * float(start.norm())
    directions = random_directions(
        len(start), options.directions + 1, torch.Generator().manual_seed(options.seed)
    )
    paths = []
    for number, direction in enumerate(directions[:-1], 1):
        paths.append(measure_path(surface, start, direction, length=length, points=options.points))
        tell(f"{name}: random paths", number, options.directions)
    gradient = surface.gradient(start)
    downhill = -gradient if float(gradient.norm()) > 0 else None
    descent = None
    if downhill is not None:
        descent = measure_path(surface, start, downhill, length=length, points=options.points)
    plane = None
    if options.plane_points:
        first = directions[0] if downhill is None else downhill
        plane = measure_plane(
            surface, start, first, directions[-1], reach=length, points=options.plane_points
        )
    tell(f"{name}: gradient and plane", 1, 1)
    return View(name=name, random=tuple(paths), descent=descent, plane=plane)


def landscape_run(
    run: Run, options: LandscapeOptions | None = None, *, progress: Progress | None = None
) -> tuple[View, ...]:
    """Measure a run's landscape for one sample and for a batch, and keep it in `landscape.json`.

    Args:
        run: a trained run; the caller holds its lock.
        options: how it is measured.
        progress: called with the name of a piece of work, how much of it is done, and all of it.

    Raises:
        RunError: the run is not trained.
        LandscapeError: more samples are asked for than there are.
    """
    chosen, tell = options or LandscapeOptions(), progress or (lambda *_: None)
    views = tuple(
        _view(surface_of(run, samples), name, chosen, tell)
        for name, samples in (("one sample", 1), (f"batch of {chosen.samples}", chosen.samples))
    )
    run.write_json(LANDSCAPE, {"options": asdict(chosen), "views": [view.as_json() for view in views]})
    return views
