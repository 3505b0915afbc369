"""The loss landscape of a run, drawn."""

from typing import Any

from matplotlib.figure import Figure

from conductance.landscapes import PathResult
from excitable.report.style import new_figure
from excitable.runs.landscape import View


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
