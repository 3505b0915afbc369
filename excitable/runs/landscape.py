"""The loss landscape around a trained run: paths, planes, measures and their pictures."""

from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from matplotlib.figure import Figure

from conductance.files import readable_json
from conductance.landscapes import (
    Estimate,
    LandscapeError,
    NetworkSurface,
    PathResult,
    Plane,
    classifier_surface,
    estimates,
    measure_path,
    measure_plane,
    random_directions,
    series_surface,
)
from conductance.storage import write_whole
from excitable.report.style import new_figure, png_of, styled, svg_of
from excitable.runs.events import is_event_run, load_event_run
from excitable.runs.folder import RunFolder, located, locked

LANDSCAPE = "landscape.json"
FIGURES = "figures"
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


def surface_of(run: str | Path, samples: int) -> NetworkSurface:
    """The loss of a run's trained network on the first samples of its test split.

    Raises:
        LandscapeError: the split has fewer samples.
        RunError: there is no trained run.
    """
    path = _folder(run)
    if is_event_run(path):
        events = load_event_run(path)
        _check_samples(samples, events.data.test.trials)
        training = events.configuration.training
        return classifier_surface(
            events.network, events.data.test.select(range(samples)), tau=training.loss_tau,
            regulariser=training.regulariser,
        )  # fmt: skip
    series = RunFolder.find(path)
    network = series.network()
    _check_samples(samples, series.data.test.series)
    return series_surface(network, series.data.test.select(range(samples)))


def _check_samples(wanted: int, there: int) -> None:
    if wanted > there:
        raise LandscapeError(f"landscape: {wanted} samples are asked for and the test split has {there}")


def _folder(run: str | Path) -> Path:
    path = Path(run)
    return path if path.is_dir() else located(run)


def measure_run(
    run: str | Path, options: LandscapeOptions, *, progress: Progress | None = None
) -> tuple[View, ...]:
    """Measure a run's landscape for one sample and for a batch.

    Args:
        run: its name in `runs/`, or its folder.
        options: how it is measured.
        progress: called with the name of a piece of work, how much of it is done, and all of it.
    """
    tell = progress or (lambda *_: None)
    return tuple(
        _view(surface_of(run, samples), name, options, tell)
        for name, samples in (("one sample", 1), (f"batch of {options.samples}", options.samples))
    )


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
    run: str | Path, options: LandscapeOptions | None = None, *, progress: Progress | None = None
) -> tuple[View, ...]:
    """Measure a run's landscape and keep it: `landscape.json` and `figures/landscape.svg` and `.png` of the run.

    Raises:
        RunError: there is no trained run, or it is in use.
        LandscapeError: more samples are asked for than there are.
    """
    chosen, path = options or LandscapeOptions(), _folder(run)
    views = measure_run(path, chosen, progress=progress)
    with locked(path):
        (path / FIGURES).mkdir(exist_ok=True)
        document = {"options": asdict(chosen), "views": [view.as_json() for view in views]}
        write_whole(path / LANDSCAPE, readable_json(document) + "\n")
        with styled():
            figure = landscape_figure(views)
            write_whole(path / FIGURES / "landscape.svg", svg_of(figure))
            write_whole(path / FIGURES / "landscape.png", png_of(figure))
    return views


def landscape_figure(views: tuple[View, ...]) -> Figure:
    """A row for each view: loss along random paths, loss and slope against the gradient, and the plane's two maps."""
    figure = new_figure(2.6 * len(views), width=12.0)
    axes = figure.subplots(len(views), 4, squeeze=False)
    for row, view in zip(axes, views, strict=True):
        for path in view.random:
            row[0].plot(path.places, path.values, linewidth=1.0)
            _mark_jumps(row[0], path)
        row[0].set_title(f"{view.name}: random paths")
        row[0].set_ylabel("loss")
        row[0].set_xlabel("path length")
        _draw_descent(row[1], view.descent)
        for axis, values, title in (
            (row[2], None if view.plane is None else view.plane.values, "loss in a plane"),
            (row[3], None if view.plane is None else view.plane.norms, "norm of the gradient"),
        ):
            axis.set_title(title)
            if view.plane is None or values is None:
                axis.set_axis_off()
                continue
            reach = view.plane.places[-1]
            shown = axis.imshow(values, origin="lower", extent=(-reach, reach, -reach, reach), aspect="equal")
            figure.colorbar(shown, ax=axis, shrink=0.8)
            axis.set_xlabel("random direction")
            axis.set_ylabel("against gradient")
    return figure


def _draw_descent(axis: Any, descent: PathResult | None) -> None:
    axis.set_title("against the gradient")
    if descent is None:
        axis.text(0.5, 0.5, "the gradient is zero", ha="center", transform=axis.transAxes)
        return
    axis.plot(descent.places, descent.values, label="loss")
    axis.plot(descent.places, descent.slopes, "--", linewidth=1.0, label="slope by the gradient")
    _mark_jumps(axis, descent)
    axis.set_xlabel("path length")
    axis.legend()


def _mark_jumps(axis: Any, path: PathResult) -> None:
    for jump in path.jumps:
        axis.axvline(jump.place, color="0.6", linewidth=0.5, zorder=0)
