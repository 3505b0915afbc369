"""What the report says of the circuit's own parts: calibration, biases, and what retraining changed."""

import csv
import io
from collections.abc import Iterator
from dataclasses import dataclass

from excitable.ladder.rungs import MEANINGS
from excitable.report.evidence import Evidence
from excitable.runs.stages.series import netlist_name

LARGEST_TABLE = 200
"""Rows of the bias table that the page shows; the file has all."""


@dataclass(frozen=True, kw_only=True)
class RungChange:
    """A rung's task error before and after retraining, and each over the error of the model itself."""

    rung: str
    before: float | None
    after: float | None
    ratio_before: float | None
    ratio_after: float | None


def changes(evidence: Evidence) -> tuple[RungChange, ...]:
    """Every rung of the parent's ladder and of the run's own; empty where nothing was retrained or compared."""
    if evidence.before is None or evidence.ladder is None:
        return ()
    ladders = (evidence.before, evidence.ladder)
    errors = [{rung.name: rung.task_error for rung in ladder.rungs} for ladder in ladders]
    found = []
    for name in (name for name in MEANINGS if name in errors[0] or name in errors[1]):
        before, after = (table.get(name) for table in errors)
        found.append(
            RungChange(
                rung=name, before=before, after=after, ratio_before=_ratio(before, errors[0].get("discrete")),
                ratio_after=_ratio(after, errors[1].get("discrete")),
            )
        )  # fmt: skip
    return tuple(found)


def _ratio(error: float | None, model: float | None) -> float | None:
    return None if error is None or not model else error / model


@dataclass(frozen=True, kw_only=True)
class BiasExcerpt:
    """The devices of one neuron of the circuit, and how many devices the whole table has."""

    rung: str
    neuron: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    devices: int


def bias_excerpt(evidence: Evidence) -> BiasExcerpt | None:
    """The first neuron's part of the bias table nearest to silicon; None where there is none."""
    if not evidence.biases:
        return None
    rung = list(evidence.biases)[-1]
    lines = list(csv.reader(io.StringIO(evidence.biases[rung])))
    if len(lines) < 2:
        return None
    header, body = lines[0], lines[1:]
    neuron = next((row[0].split(".")[0] for row in body if row[0].startswith("x") and "." in row[0]), "")
    own = [row for row in body if row[0].startswith(f"{neuron}.")][:LARGEST_TABLE]
    used = [k for k in range(len(header)) if any(row[k] for row in own)]
    return BiasExcerpt(
        rung=rung,
        neuron=neuron,
        columns=tuple(header[k] for k in used),
        rows=tuple(tuple(_shown(row[k]) for k in used) for row in own),
        devices=len(body),
    )


def _shown(text: str) -> str:
    """A number of the file with four digits; words as they are."""
    try:
        return f"{float(text):.4g}"
    except ValueError:
        return text


def bias_files(evidence: Evidence) -> Iterator[tuple[str, str]]:
    """Place and text of every bias table."""
    for rung, text in evidence.biases.items():
        yield f"netlists/{netlist_name(rung)}_bias.csv", text
