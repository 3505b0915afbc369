"""What the page asks of Python: a neuron at values and an input, checked before anything is done with it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from circuits.data.scaling import Scaling
from conductance.errors import ExcitableError
from conductance.neurons.base import Neuron
from conductance.stimulus import Stimulus
from excitable.studio.catalogue import Catalogue, usual

LONGEST = 20.0
"""A trace is at most this many times longer than usual."""
MOST_HOLDS = 200
LARGEST = 1e6


class QuestionError(ExcitableError):
    """The page asked something that cannot be answered."""


@dataclass(frozen=True, kw_only=True)
class Question:
    """A neuron at its values, its input, its start, how long it is looked at in tau_m, and the circuit's units.

    `declared` is the same neuron as the catalogue has it, whose circuit is derived once for all values.
    """

    neuron: Neuron = field(repr=False)
    declared: Neuron = field(repr=False)
    stimulus: Stimulus
    start: tuple[float, ...]
    duration: float
    scaling: Scaling


def read_question(body: Any, offered: Catalogue) -> Question:
    """The question of a decoded JSON body.

    Raises:
        ExcitableError: something is missing, no number, outside its bounds, or not in the catalogue.
    """
    if not isinstance(body, Mapping):
        raise QuestionError("the page's question must be an object")
    neuron = offered.neuron(str(body.get("neuron", ""))[:100])
    values = body.get("values")
    if not isinstance(values, Mapping):
        raise QuestionError("the page's question has no values")
    known = {parameter.name for parameter in neuron.parameters}
    unknown = [str(name)[:40] for name in values if name not in known]
    if unknown:
        raise QuestionError(
            f"neuron {neuron.name} has no parameter {unknown[0]}; it has {', '.join(sorted(known))}"
        )
    numbers = {name: number(value, name) for name, value in values.items()}
    chosen = neuron.with_values(**numbers)
    times, currents = _numbers(body, "times", MOST_HOLDS), _numbers(body, "currents", MOST_HOLDS)
    start = _numbers(body, "start", len(neuron.states))
    if len(start) != len(neuron.states):
        raise QuestionError(
            f"start has {len(start)} numbers; neuron {neuron.name} has {len(neuron.states)} states"
        )
    duration = number(body.get("duration"), "duration")
    longest = LONGEST * usual(neuron)[1]
    if not 0 < duration <= longest:
        raise QuestionError(f"duration {duration:g} must lie between 0 and {longest:g} tau_m")
    scaling = Scaling(
        voltage_unit=number(body.get("v0"), "V0"),
        current_unit=number(body.get("i0"), "I0"),
        capacitance=number(body.get("c0"), "C"),
    )
    return Question(
        neuron=chosen,
        declared=neuron,
        stimulus=Stimulus(times, currents),
        start=start,
        duration=duration,
        scaling=scaling,
    )


def _numbers(body: Mapping[str, Any], name: str, most: int) -> tuple[float, ...]:
    values = body.get(name)
    if not isinstance(values, list) or not 1 <= len(values) <= most:
        raise QuestionError(f"{name} must be a list of 1 to {most} numbers")
    return tuple(number(value, name) for value in values)


def number(value: Any, name: str) -> float:
    """A finite number that is not beyond `LARGEST`; `QuestionError` where the page sent something else."""
    if isinstance(value, bool) or not isinstance(value, int | float) or value != value:
        raise QuestionError(f"{name} = {str(value)[:40]} is not a finite number")
    # compared as it is: a whole number of 400 digits has no floating point
    if not -LARGEST <= value <= LARGEST:
        raise QuestionError(f"{name} is beyond {LARGEST:g}")
    return float(value)
