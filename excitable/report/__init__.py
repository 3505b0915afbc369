"""The report of a run: `report.html`, self-contained, and its figures as SVG and PNG files.

>>> from excitable.report import write_report  # doctest: +SKIP
>>> write_report(Path("runs/demo"))  # doctest: +SKIP
"""

import warnings
from collections.abc import Collection
from pathlib import Path

from conductance.errors import extra
from conductance.files import cannot_write
from conductance.storage import write_whole
from excitable.report.decisions import write_decision_report
from excitable.report.evidence import Evidence, ReportError, Stage, read_run
from excitable.report.figures import (
    Drawing,
    chips_figure,
    curve_figure,
    ladder_figure,
    landscape_figure,
    neuron_curves,
    noise_figure,
    overview_figure,
    prediction_figure,
    training_figure,
    waveform_figure,
)
from excitable.report.figures.overview import DPI as OVERVIEW_DPI
from excitable.report.page import build_page
from excitable.report.style import PNG_DPI, png_of, styled
from excitable.runs.folder import REPORT
from excitable.runs.kinds import Run
from excitable.runs.landscape import View
from excitable.runs.series import SeriesRun
from excitable.runs.stages.base import behavioural_only
from excitable.runs.stages.belonging import StaleWarning

with extra("report"):
    import h5netcdf  # noqa: F401  # the waveforms that the page shows
    import schemdraw  # noqa: F401  # the schematics beside them

__all__ = [
    "Drawing",
    "Evidence",
    "ReportError",
    "Stage",
    "read_run",
    "report_run",
    "save_landscape",
    "write_report",
]

FIGURES = "figures"


def report_run(run: Run, levels: Collection[str] = ()) -> Path:
    """Write the report of a run of any kind, and its figures; the path of `report.html` is returned.

    Args:
        run: the run; the caller holds its lock.
        levels: of the circuit, those that it shows; all that are simulated where none are given.

    Raises:
        RunError, ReportError: there is nothing to report. StorageError: a file is damaged, or cannot be written.
    """
    if isinstance(run, SeriesRun):
        return write_report(run.path, levels)
    behavioural_only(run, tuple(levels))
    page, drawings = write_decision_report(run)
    for drawing in drawings:
        _save(drawing, _figures(run.path), PNG_DPI)
    return page


def write_report(folder: Path, levels: Collection[str] = ()) -> Path:
    """Write the report of a run on series into its folder: the page, and every figure under `figures/` as SVG and PNG.

    The report shows what the folder holds and names what is missing, with the command that makes it. Results of other
    weights than the network has now are left out; the page and a `StaleWarning` say so.

    Args:
        folder: the run folder.
        levels: of the circuit, those that it shows; all that are simulated where none are given.

    Returns:
        The path of `report.html`.

    Raises:
        ReportError: there is no such folder, nothing in it to report, or a file of it is damaged.
        StorageError: a file cannot be written.
    """
    evidence = read_run(folder, levels)
    if evidence.stale:
        warnings.warn(f"{evidence.name}: {evidence.stale}", StaleWarning, stacklevel=2)
    with styled():
        curves = neuron_curves(evidence)
        drawn = (
            prediction_figure(evidence),
            ladder_figure(evidence),
            noise_figure(evidence),
            waveform_figure(evidence),
            curve_figure(curves),
            training_figure(evidence),
            chips_figure(evidence),
        )
        overview = overview_figure(evidence, curves)
    drawings = {drawing.name: drawing for drawing in drawn if drawing is not None}
    figures = _figures(evidence.folder)
    for drawing in drawings.values():
        _save(drawing, figures, PNG_DPI)
    if overview is not None:
        _save(overview, figures, OVERVIEW_DPI)
    page = evidence.folder / REPORT
    write_whole(page, build_page(evidence, drawings, curves))
    return page


def save_landscape(folder: Path, views: tuple[View, ...]) -> None:
    """Draw the landscape of a run into its `figures/landscape.svg` and `.png`."""
    with styled():
        figure = landscape_figure(views)
    drawing = Drawing(name="landscape", title="loss landscape", description="", figure=figure)
    _save(drawing, _figures(folder), PNG_DPI)


def _figures(folder: Path) -> Path:
    """The folder of a run's figures, made where it is missing."""
    figures = folder / FIGURES
    try:
        figures.mkdir(exist_ok=True)
    except OSError as error:
        raise cannot_write(figures, error) from error
    return figures


def _save(drawing: Drawing, folder: Path, dpi: float) -> None:
    write_whole(folder / f"{drawing.name}.svg", drawing.svg)
    write_whole(folder / f"{drawing.name}.png", png_of(drawing.figure, dpi=dpi))
