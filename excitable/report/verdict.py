"""What a ladder says, in sentences: how far the circuit is from the model, and which step causes it."""

import numpy as np

from conductance.tasks import FreeRun
from excitable.ladder.steps import CLOSE, called, dominance, steps, total_rms, whole_way
from excitable.report.style import RAISED
from netlists.comparison import Ladder, RungComparison


def verdict(ladder: Ladder, persistence: float | None = None) -> tuple[str, ...]:
    """How far the circuit is from the model and which step causes it, in sentences computed from the ladder.

    A time step that dominates is said first, what the task says of model and circuit last.
    """
    first = dominance(ladder)
    sentences = (
        first,
        _distance(ladder),
        _cause(ladder),
        _spikes(ladder),
        "" if first else _remedy(ladder),
        _noise(ladder),
        _grouping(ladder),
        _usefulness(ladder, persistence),
        _task_sentence(ladder),
    )
    return tuple(sentence for sentence in sentences if sentence)


def _noise(ladder: Ladder) -> str:
    line = ladder.noise
    if line is None:
        return ""
    seen = line.lower <= line.silent <= line.upper
    rest = "which holds" if seen else "against"
    return (
        f"The white noise of the circuit's transistors, drawn {line.realisations} times in the model, gives "
        f"{ladder.task_error_name} {number(line.mean)} ({number(line.lower)} to {number(line.upper)}), {rest} the "
        f"{number(line.silent)} without noise."
    )


def _grouping(ladder: Ladder) -> str:
    line = ladder.grouping
    if line is None:
        return ""
    return (
        f"Its neurons share {line.currents} bias currents and {line.references} references, which took the model's "
        f"{ladder.task_error_name} from {number(line.before)} to {number(line.after)}."
    )


def _task_sentence(ladder: Ladder) -> str:
    first, last = ladder.rungs[0], ladder.rungs[-1]
    if first.task_error is None or last.task_error is None:
        return ""
    change = ladder.task_error_change(first.name, last.name)
    low, high = called(first.name), called(last.name)
    if change is None:
        if last.task_error == 0:
            return f"The {high} makes no error, as the {low} ({ladder.task_error_name}: 0 for both)."
        return (
            f"The {high} has an error where the {low} has none ({ladder.task_error_name}: 0 for the {low}, "
            f"{number(last.task_error)} for the {high})."
        )
    size = percent(abs(change))
    if ladder.task_error_name == FreeRun.error_name:
        return f"The {high}'s output and the {low}'s differ by {size} in their rms."
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
