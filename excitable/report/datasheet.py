"""The datasheet of a run: `datasheet.html`, self-contained, with limits and whether each is kept."""

from collections.abc import Sequence
from pathlib import Path

from conductance.errors import extra
from conductance.storage import write_whole
from excitable.conditions.table import Table
from excitable.config.circuit import DatasheetSection
from excitable.report.costs import engineering
from excitable.report.page import templates
from excitable.report.style import variables
from excitable.runs.environment import VERSION
from excitable.runs.series import SeriesRun

with extra("report"):
    from markupsafe import Markup

DATASHEET = "datasheet.html"


def write_datasheet(run: SeriesRun, tables: Sequence[Table], limits: DatasheetSection) -> Path:
    """Write the page of one or more tables of conditions, held to the limits of `[datasheet]`; its path is returned."""
    page = templates().get_template("datasheet.html.j2").render(
        name=run.configuration.name, program=f"excitable {VERSION}", tables=tables,
        lines={table.level: table.datasheet(limits.least, limits.most) for table in tables}, shown=shown,
        variables={theme: Markup(variables(theme)) for theme in ("light", "dark")},
    )  # fmt: skip
    write_whole(run.path / DATASHEET, page)
    return run.path / DATASHEET


def shown(value: float | None, unit: str) -> str:
    """A number with its unit; a dash where there is none.

    >>> shown(0.0741, "V"), shown(None, "V"), shown(0.12345, "")
    ('74.1 mV', '-', '0.1235')
    """
    if value is None:
        return "-"
    return engineering(value, unit) if unit in ("V", "s") else f"{value:.4g}{f' {unit}' if unit else ''}"
