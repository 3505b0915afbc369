"""Sweeps of a cell that was measured on a bench: a CSV file calibrates like a sweep of the simulator."""

import csv
from pathlib import Path

from circuits.calibration.amplifiers import Calibration, CalibrationError, fit_tanh
from circuits.data.values import CircuitError

COLUMNS = ("voltage_V", "current_A")
"""Input difference, and output current, positive into the output."""


def recorded_sweep(file: Path | str, *, bias: float, cell: str) -> Calibration:
    """The fit of a recorded DC sweep.

    Args:
        file: CSV with the columns of `COLUMNS`, voltages increasing; other columns are not read.
        bias: bias current in A with which it was measured.
        cell: name of the cell's subcircuit, as in the netlist.

    Raises:
        CalibrationError: no such file or column, a value that is no number, by its row, or no amplifier's sweep.
        CircuitError: a bias that is not greater than zero.
    """
    if not bias > 0:
        raise CircuitError(f"sweep of {cell}: bias = {bias!r} A must be greater than zero")
    owner = f"sweep of {cell}, {file}"
    try:
        with Path(file).open(encoding="utf-8", newline="") as opened:
            rows = list(csv.DictReader(opened))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise CalibrationError(f"{owner}: {error}") from None
    missing = [name for name in COLUMNS if not rows or name not in rows[0]]
    if missing:
        found = ", ".join(map(str, rows[0])) if rows else "no rows"
        raise CalibrationError(f"{owner}: no column {', '.join(missing)}; it has {found}")
    voltages, currents = (
        [_number(row[name], owner, count) for count, row in enumerate(rows, 2)] for name in COLUMNS
    )
    return fit_tanh(voltages, currents, bias=bias, cell=cell)


def _number(text: str | None, owner: str, row: int) -> float:
    try:
        return float(text or "")
    except ValueError:
        raise CalibrationError(f"{owner}, row {row}: {text!r} is no number") from None
