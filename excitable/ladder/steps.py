"""The steps of a ladder: what each adds to the difference of model and circuit, and whether the time step dominates."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np

from netlists.comparison import Ladder, RungComparison

NOTICED = 0.02
"""Waveforms that differ by less than this share of their standard deviation count as the same."""
CLOSE = 0.05
"""Task errors that differ by less than this share count as the same: what the project asks of its demo."""
DOMINANT = 0.5
"""Share of all steps' rms from which on one of them dominates."""

NAMES: Mapping[str, str] = MappingProxyType(
    {
        "discrete": "model",
        "continuous": "equation",
        "behavioural": "circuit",
        "mixed": "mixed circuit",
        "macromodel": "macromodel circuit",
        "transistor": "transistor circuit",
    }
)
"""What the report calls the rungs."""


@dataclass(frozen=True, kw_only=True)
class Cause:
    """What a step from one rung to the next adds, and what makes that smaller."""

    title: str
    what: str
    remedy: str


_RETRAIN = "train on the laws of its amplifiers (`excitable retrain`)"
_AMPLIFIERS = Cause(
    title="amplifiers that are not ideal",
    what="saturation, output resistance, slew, and what calibration leaves of gain and offset",
    remedy=_RETRAIN,
)
_ALL = Cause(
    title="amplifiers of transistors",
    what="saturation, output resistance, slew, the technology's own curves, capacitances and leakage",
    remedy=_RETRAIN,
)
CAUSES: Mapping[tuple[str, str], Cause] = MappingProxyType(
    {
        ("discrete", "continuous"): Cause(
            title="discretisation",
            what="the model moves in steps of dt, the equation does not",
            remedy="train with a smaller dt or an update rule of higher order, or go on training with the circuit's "
            "own simulation in the loop (`excitable retrain --updates`)",
        ),
        ("continuous", "behavioural"): Cause(
            title="simulation of the netlist",
            what="ngspice integrates with its own steps and tolerances, and the input rises in finite time",
            remedy="give ngspice a smaller relative tolerance or largest step",
        ),
        ("behavioural", "macromodel"): _AMPLIFIERS,
        ("continuous", "macromodel"): _AMPLIFIERS,
        ("behavioural", "mixed"): _AMPLIFIERS,
        ("continuous", "mixed"): _AMPLIFIERS,
        ("mixed", "macromodel"): Cause(
            title="the remaining amplifiers",
            what="what was a source is an amplifier, too",
            remedy=_RETRAIN,
        ),
        ("behavioural", "transistor"): _ALL,
        ("continuous", "transistor"): _ALL,
        ("mixed", "transistor"): _ALL,
        ("macromodel", "transistor"): Cause(
            title="transistors",
            what="the technology's own curves, capacitances and leakage",
            remedy=_RETRAIN,
        ),
    }
)
_WITNESS = Cause(
    title="another simulator",
    what="the same circuit, solved by another program: what differs is the error of the two programs",
    remedy="give both simulators smaller tolerances; what stays then is a fault of one of them",
)
_UNKNOWN = Cause(title="this step", what="", remedy="")


@dataclass(frozen=True, kw_only=True)
class Step:
    """One step of the ladder.

    Attributes:
        comparison: of the two rungs.
        rms: root mean square difference over time and neurons, in V0.
        share: of the sum of all steps' rms. The way from bottom to top cannot be longer than that sum (triangle
            inequality), so a share says how much of the difference a step can explain at most.
        cause: what the step adds.
    """

    comparison: RungComparison
    rms: float
    share: float
    cause: Cause

    @property
    def names(self) -> tuple[str, str]:
        """What the report calls the two rungs."""
        return called(self.comparison.reference), called(self.comparison.candidate)

    @property
    def spikes(self) -> int:
        """Spikes of the lower rung."""
        return sum(neuron.reference_spikes for neuron in self.comparison.neurons)


def called(rung: str) -> str:
    """What the report calls a rung."""
    base, _, witness = rung.partition("_by_")
    return f"{NAMES.get(base, base)} in {witness}" if witness else NAMES.get(rung, rung)


def _cause_of(reference: str, candidate: str) -> Cause:
    """What the step between two rungs adds."""
    one, other = (rung.partition("_by_")[0] for rung in (reference, candidate))
    return _WITNESS if one == other else CAUSES.get((one, other), _UNKNOWN)


def total_rms(comparison: RungComparison) -> float:
    """Root mean square difference over time and all neurons, in V0."""
    return math.sqrt(float(np.mean([neuron.rms_v0**2 for neuron in comparison.neurons])))


def steps(ladder: Ladder) -> tuple[Step, ...]:
    """The steps from the model to the circuit, each with its share."""
    sizes = [total_rms(comparison) for comparison in ladder.adjacent]
    whole = sum(sizes)
    return tuple(
        Step(
            comparison=comparison,
            rms=size,
            share=size / whole if whole else 0.0,
            cause=_cause_of(comparison.reference, comparison.candidate),
        )
        for comparison, size in zip(ladder.adjacent, sizes, strict=True)
    )


def whole_way(ladder: Ladder) -> RungComparison:
    """The first rung against the last: the model against the circuit."""
    return ladder.between(ladder.rungs[0].name, ladder.rungs[-1].name)


def dominance(ladder: Ladder, *, noticed: bool = False) -> str:
    """That the time step makes most of the difference between model and circuit, and what helps; empty where it does
    not, or where the difference that it makes is of no account.

    Args:
        ladder: with the rungs `discrete` and `continuous` at its beginning.
        noticed: whether outputs or decisions differ, so that the difference is of account whatever the membranes do.
    """
    first, *others = steps(ladder)
    if (first.comparison.reference, first.comparison.candidate) != ("discrete", "continuous"):
        return ""
    if first.share < DOMINANT or not (noticed or _noticed(ladder, first.comparison)):
        return ""
    rest = ", ".join(f"{step.names[0]} and {step.names[1]} by {step.rms:.2g}" for step in others)
    return (
        f"The time step dominates: the model in steps of dt = {ladder.step_tau_m:g} tau_m and its own equation differ "
        f"by {first.rms:.2g} V0 rms{', ' if rest else ''}{rest}. To bring the circuit nearer to the model, "
        f"{first.cause.remedy}."
    )


def _noticed(ladder: Ladder, step: RungComparison) -> bool:
    """Whether a step changes spikes, a waveform beyond `NOTICED`, or the task's error beyond a twentieth."""
    if step.missing or step.extra:
        return True
    if any((n.rms_v0 if n.nrmse is None else n.nrmse) > NOTICED for n in step.neurons):
        return True
    errors = {rung.name: rung.task_error for rung in ladder.rungs}
    before, after = errors[step.reference], errors[step.candidate]
    return before is not None and after is not None and abs(after - before) > CLOSE * before


def task_line(ladder: Ladder) -> str:
    """What the task says of every rung: the last line of a comparison; empty where no rung has an error."""
    errors = ", ".join(
        f"{called(rung.name)} {rung.task_error:.4g}" for rung in ladder.rungs if rung.task_error is not None
    )
    return f"Task error ({ladder.task_error_name}): {errors}." if errors else ""
