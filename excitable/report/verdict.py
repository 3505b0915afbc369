"""What a ladder says, in sentences: how far the circuit is from the model, and which step causes it."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np

from excitable.report.style import RAISED
from netlists.comparison import Ladder, RungComparison

CLOSE = 0.05
"""Task errors that differ by less than this share count as the same: what the project asks of its demo."""

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
            remedy="train with a smaller dt, or with an update rule of higher order",
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


def verdict(ladder: Ladder, persistence: float | None = None) -> tuple[str, ...]:
    """How far the circuit is from the model and which step causes it, in sentences computed from the ladder."""
    sentences = (
        _task_sentence(ladder),
        _usefulness(ladder, persistence),
        _distance(ladder),
        _cause(ladder),
        _spikes(ladder),
        _remedy(ladder),
    )
    return tuple(sentence for sentence in sentences if sentence)


def _task_sentence(ladder: Ladder) -> str:
    first, last = ladder.rungs[0], ladder.rungs[-1]
    change = ladder.task_error_change(first.name, last.name)
    if change is None:
        return ""
    low, high = called(first.name), called(last.name)
    size = percent(abs(change))
    if abs(change) <= CLOSE:
        verb = f"predicts as well as the {low}: their errors differ by {size}"
    elif change > 0:
        verb = f"predicts worse than the {low}: its error is {size} larger"
    else:
        verb = f"predicts better than the {low}: its error is {size} smaller"
    errors = f"{number(first.task_error)} for the {low}, {number(last.task_error)} for the {high}"
    return f"The {high} {verb} ({ladder.task_error_name}: {errors})."


def _usefulness(ladder: Ladder, persistence: float | None) -> str:
    last = ladder.rungs[-1]
    if last.task_error is None or persistence is None:
        return ""
    better = last.task_error < min(persistence, 1.0)
    relation = "better" if better else "no better"
    return (
        f"The {called(last.name)} is {relation} than the two predictors that need no network: repeating the present "
        f"value has {number(persistence)}, predicting the mean has 1."
    )


def _distance(ladder: Ladder) -> str:
    way = whole_way(ladder)
    total = total_rms(way)
    low, high = called(way.reference), called(way.candidate)
    if total == 0:
        return f"The membrane voltages of {low} and {high} are the same."
    text = f"The membrane voltages of {low} and {high} differ by {number(total)} V0 rms over all neurons"
    if len(way.neurons) < 3:
        return f"{text}."
    worst = max(way.neurons, key=lambda neuron: neuron.rms_v0)
    half = float(np.median([neuron.rms_v0 for neuron in way.neurons]))
    return (
        f"{text}: by at most {number(half)} V0 in half of the neurons, and by {number(worst.rms_v0)} V0 in "
        f"{worst.neuron}, the worst. Nine tenths of the squared difference lie in "
        f"{_carriers(way)} of {len(way.neurons)} neurons."
    )


def _carriers(comparison: RungComparison) -> int:
    """The smallest number of neurons that make nine tenths of the squared difference."""
    squares = np.sort([neuron.rms_v0**2 for neuron in comparison.neurons])[::-1]
    return int(np.searchsorted(np.cumsum(squares), 0.9 * squares.sum())) + 1


def _cause(ladder: Ladder) -> str:
    found = sorted(steps(ladder), key=lambda step: -step.share)
    if len(found) < 2 or not found[0].rms:
        return ""
    main, rest = found[0], found[1:]
    why = f" ({main.cause.what})" if main.cause.what else ""
    others = "; ".join(
        f"{step.cause.title} adds {number(step.rms)} V0 ({percent(step.share)})" for step in rest
    )
    return (
        f"The step from {main.names[0]} to {main.names[1]} causes most of it, {percent(main.share)}: "
        f"{main.cause.title}{why}. Besides, {others}."
    )


def _remedy(ladder: Ladder) -> str:
    main = max(steps(ladder), key=lambda step: step.share)
    if not main.cause.remedy or not main.rms:
        return ""
    ends = called(ladder.rungs[-1].name), called(ladder.rungs[0].name)
    return f"To bring the {ends[0]} nearer to the {ends[1]}, {main.cause.remedy}."


def _spikes(ladder: Ladder) -> str:
    way = whole_way(ladder)
    low, high = called(way.reference), called(way.candidate)
    total = sum(neuron.reference_spikes for neuron in way.neurons)
    if total == 0 and way.extra == 0:
        return f"Neither {low} nor {high} spikes."
    text = (
        f"The {low} has {plural(total, 'spike')}; in the {high}, {way.matched} of them come within "
        f"{number(ladder.window_tau_m)} tau_m, {way.missing} missing, {way.extra} extra."
    )
    if len(ladder.rungs) < 3:
        return text
    last = ladder.adjacent[-1]
    near = called(last.reference)
    if last.missing or last.extra:
        return f"{text} Against the {near}, the {high} has {last.missing} missing and {last.extra} extra."
    late = last.worst_median_time_error_tau_m
    timing = "" if late is None else f", and the median time error of no neuron is above {number(late)} tau_m"
    return f"{text} Against the {near}, none is missing or extra{timing}."


def number(value: float | None, digits: int = 3) -> str:
    """A number to a few significant digits; counts as they are.

    >>> number(0.2), number(1234.5), number(1.5e-7), number(298), number(None)
    ('0.200', '1234', '1.50×10⁻⁷', '298', 'none')
    """
    if value is None:
        return "none"
    if float(value).is_integer() and abs(value) < 1e9:
        return str(int(value))
    if 10**digits <= abs(value) < 1e9:
        return f"{value:.0f}"
    mantissa, _, exponent = f"{value:#.{digits}g}".rstrip(".").partition("e")
    return mantissa + (f"×10{str(int(exponent)).translate(RAISED)}" if exponent else "")


def percent(share: float) -> str:
    """A share in per cent: `3.1 %`, `97 %`; what is below a tenth of a per cent says so.

    >>> percent(0.0312), percent(0.97), percent(0.00001), percent(0.9999)
    ('3.1 %', '97 %', 'less than 0.1 %', 'more than 99.9 %')
    """
    if share == 0:
        return "0 %"
    if share < 0.001:
        return "less than 0.1 %"
    if 0.999 < share < 1:
        return "more than 99.9 %"
    return f"{100 * share:.{1 if share < 0.1 or share > 0.99 else 0}f} %"


def short(share: str) -> str:
    """A share with a sign in place of its words, where there is little room.

    >>> short(percent(0.0001))
    '< 0.1 %'
    """
    return share.replace("less than", "<").replace("more than", ">")


def plural(count: int, noun: str, many: str = "") -> str:
    """`1 spike`, `2 spikes`."""
    return f"{count} {noun}" if count == 1 else f"{count} {many or noun + 's'}"
