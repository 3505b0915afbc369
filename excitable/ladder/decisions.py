"""The ladder of a network that decides: the trained model, its equation and its circuit on the same samples."""

from collections.abc import Mapping
from dataclasses import dataclass

from pydantic import TypeAdapter

from excitable.documents import read_document


@dataclass(frozen=True, kw_only=True)
class DecidingRung:
    """One rung.

    Attributes:
        name: of the rung.
        meaning: what it is.
        accuracy: share of the samples whose class it finds.
        numbers: what else is counted, by name.
    """

    name: str
    meaning: str
    accuracy: float
    numbers: Mapping[str, float]


@dataclass(frozen=True, kw_only=True)
class DecidingStep:
    """From one rung to another.

    Attributes:
        reference: the rung that is followed.
        candidate: the rung that should follow it.
        same_class: share of the samples on which both decide alike.
        numbers: how they differ, by name, in the units that the names say.
    """

    reference: str
    candidate: str
    same_class: float
    numbers: Mapping[str, float | None]


@dataclass(frozen=True, kw_only=True)
class DecisionLadder:
    """All rungs, and the steps between them, the whole way last.

    Attributes:
        kind: of the run: events or images.
        samples: number of samples, from the start of the test split.
        rungs: from the model on.
        steps: between adjacent rungs, then from the model to the circuit where rungs lie between.
    """

    kind: str
    samples: int
    rungs: tuple[DecidingRung, ...]
    steps: tuple[DecidingStep, ...]

    def to_json(self) -> str:
        """The text of `comparison.json`."""
        return _LADDER.dump_json(self, indent=1).decode() + "\n"

    @classmethod
    def from_json(cls, text: bytes | str, *, source: str) -> "DecisionLadder":
        """The inverse of `to_json`; `StorageError` for a damaged file."""
        return read_document(_LADDER, text, source=source, command="compare")

    @property
    def decision(self) -> str:
        """How often model and circuit decide alike, and how often each is right, in a sentence."""
        way, (first, *_, last) = self.steps[-1], self.rungs
        alike = round(way.same_class * self.samples)
        return (
            f"{first.name} and {last.name} choose another class in {self.samples - alike} of {self.samples} samples; "
            f"accuracy {first.accuracy:.1%} and {last.accuracy:.1%}."
        )

    @property
    def tables(self) -> tuple[tuple[tuple[str, ...], ...], ...]:
        """Two tables as text, each with its header first: the rungs, and the steps between them."""
        rungs = [("rung", "accuracy", *self.rungs[0].numbers)]
        rungs += [
            (rung.name, f"{rung.accuracy:.1%}", *map(_shown, rung.numbers.values())) for rung in self.rungs
        ]
        steps = [("step", "same class", *self.steps[0].numbers)]
        steps += [
            (
                f"{step.reference} -> {step.candidate}",
                f"{step.same_class:.1%}",
                *map(_shown, step.numbers.values()),
            )
            for step in self.steps
        ]
        return tuple(rungs), tuple(steps)


def _shown(value: float | None) -> str:
    return "-" if value is None else f"{value:.4g}"


_LADDER: TypeAdapter[DecisionLadder] = TypeAdapter(DecisionLadder)
