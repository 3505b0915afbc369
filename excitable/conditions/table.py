"""The table of conditions: one row each, the worst of them, and a datasheet with limits."""

import csv
import io
import math
from collections.abc import Iterator, Mapping
from dataclasses import astuple, dataclass, fields

from pydantic import TypeAdapter

from excitable.config.circuit import Quantity
from excitable.documents import read_document

QUANTITIES: Mapping[Quantity, tuple[str, str]] = {
    "task_error": ("", "of the circuit on the held-out series"),
    "error_ratio": ("", "of the circuit's task error over that of the design's own conditions"),
    "rms": ("V0", "of the median neuron's membrane against the trained model"),
    "spikes": ("", "of all neurons"),
    "voltage_unit": ("V", "V0 of the ten-transistor amplifier, which its pair's tanh has"),
    "gain": ("", "of the ten-transistor amplifier: largest output current over the bias current"),
    "offset": ("V", "of the ten-transistor amplifier"),
    "residual": ("", "largest deviation of an amplifier from its tanh, over its largest current"),
    "margin": (
        "U_T",
        "least of a current source beyond saturation, in the typical neuron over the membranes' swing",
    ),
    "tau_m": ("s", "of a membrane of tau_m = 1: C V0/(gain I0)"),
}
"""What a datasheet says, with its unit and its meaning."""


@dataclass(frozen=True, kw_only=True)
class Row:
    """A design under one set of conditions; see `judge_place`. None where it could not be simulated."""

    corner: str
    temperature: float
    supply: float
    level: str
    task_error: float | None
    rms: float | None
    spikes: int | None
    gain: float | None
    offset: float | None
    voltage_unit: float | None
    residual: float | None
    tau_m: float | None
    margin: float | None
    reason: str
    seconds: float

    @property
    def badness(self) -> float:
        """By which rows are ordered: the task error, infinite where there is none."""
        return math.inf if self.task_error is None else self.task_error

    @property
    def conditions(self) -> tuple[str, float, float]:
        """Corner, temperature, supply."""
        return self.corner, self.temperature, self.supply


@dataclass(frozen=True, kw_only=True)
class Line:
    """A quantity of the datasheet: extremes over all conditions, its value at the design's own, and its limits.

    `passes` is None where it has no limit, and False where it leaves one, or was not measured everywhere.
    """

    name: str
    unit: str
    meaning: str
    least: float | None
    typical: float | None
    most: float | None
    lower: float | None = None
    upper: float | None = None
    passes: bool | None = None


@dataclass(frozen=True, kw_only=True)
class Table:
    """A design under all its conditions.

    Attributes:
        technology: its name.
        level: macromodel or transistor.
        error_name: of the task error.
        samples: of the held-out series.
        model_error: of the trained model on them.
        typical: the design at its own conditions.
        rows: one for each set of conditions.
    """

    technology: str
    level: str
    error_name: str
    samples: int
    model_error: float
    typical: Row
    rows: tuple[Row, ...]

    @property
    def worst(self) -> tuple[Row, ...]:
        """The rows from the worst on; what failed comes first."""
        return tuple(sorted(self.rows, key=lambda row: row.badness, reverse=True))

    def values(self, name: str) -> list[float | None]:
        """A quantity of the datasheet in every row."""
        return [self._value(row, name) for row in self.rows]

    def datasheet(
        self, lower: Mapping[Quantity, float] | None = None, upper: Mapping[Quantity, float] | None = None
    ) -> tuple[Line, ...]:
        """Least, typical and largest of each quantity, held to limits where there are some."""
        return tuple(self._lines(lower or {}, upper or {}))

    def _lines(self, lower: Mapping[Quantity, float], upper: Mapping[Quantity, float]) -> Iterator[Line]:
        for name, (unit, meaning) in QUANTITIES.items():
            values = self.values(name)
            known = [value for value in values if value is not None]
            low, high = lower.get(name), upper.get(name)
            limited = low is not None or high is not None
            holds = len(known) == len(values) and all(
                (low is None or value >= low) and (high is None or value <= high) for value in known
            )
            yield Line(
                name=name, unit=unit, meaning=meaning, least=min(known, default=None),
                typical=self._value(self.typical, name), most=max(known, default=None), lower=low, upper=high,
                passes=holds if limited else None,
            )  # fmt: skip

    def _value(self, row: Row, name: str) -> float | None:
        if name != "error_ratio":
            value: float | None = getattr(row, name)
            return value
        if row.task_error is None or not self.typical.task_error:
            return None
        return row.task_error / self.typical.task_error


_TABLE: TypeAdapter[Table] = TypeAdapter(Table)


def table_json(table: Table) -> bytes:
    """The text of `conditions.json`."""
    return _TABLE.dump_json(table, indent=1) + b"\n"


def read_table(text: bytes | str, *, source: str) -> Table:
    """The inverse of `table_json`; `StorageError` for a damaged file."""
    return read_document(_TABLE, text, source=source, command="conditions")


def table_csv(table: Table) -> str:
    """All rows as CSV with a header line, SI units; empty where there is no number."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow([field.name for field in fields(Row)])
    for row in table.rows:
        writer.writerow(["" if value is None else value for value in astuple(row)])
    return text.getvalue()
