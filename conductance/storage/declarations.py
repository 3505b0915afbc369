"""Declared neurons as JSON data, and back: the equations themselves, not the name of the code that made them.

So a neuron with elements of its own reads back in a process that lacks its code, and a trained model keeps the
equations that it was trained with. Reading goes through the same checks as declaring.
"""

import math
from collections.abc import Mapping
from typing import Annotated, Any, Literal

import sympy
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from conductance.elements.base import Element, Law, Timescale, V
from conductance.files import StorageError
from conductance.neurons.base import INPUT, LAST_SPIKE, SPIKE, Constraint, Event, Neuron, State
from conductance.parameter import Parameter, Transform
from conductance.storage.expressions import (
    decode_expression,
    decode_surrogate,
    encode_expression,
    encode_surrogate,
)

Number = Annotated[float, Field(allow_inf_nan=False)]
Identifier = Annotated[str, Field(pattern=r"^[A-Za-z_][A-Za-z0-9_]{0,63}$")]
Symbols = Mapping[str, sympy.Symbol]


class Document(BaseModel):
    """Base of all documents: only the declared keys, only the declared types."""

    model_config = ConfigDict(strict=True, extra="forbid", frozen=True)


class ParameterDocument(Document):
    """A declared parameter; null is an open bound at infinity."""

    name: Identifier
    default: Number
    meaning: str
    unit: str
    lower: Number | None
    upper: Number | None
    lower_open: bool
    upper_open: bool
    transform: Transform
    source: str


class StateDocument(Document):
    """A state; `capacity`, `currents`, `following`, `initial`, `noise` and `spread` are expressions."""

    name: Identifier
    symbol: Identifier
    capacity: Any
    currents: dict[str, Any]
    following: Any = None
    meaning: str
    initial: Any
    timescale: Timescale
    noise: dict[str, Any] = {}
    spread: Any = None


class EventDocument(Document):
    """A spike: expressions for its margin and the states' resets by symbol, the surrogate and its symbols' values."""

    margin: Any
    reset: dict[str, Any]
    surrogate: str | dict[str, Any]
    surrogate_values: dict[str, Any] = {}
    inclusive: bool = False
    reset_gradient: bool = False


class ConstraintDocument(Document):
    """A relation between parameters, as an expression."""

    relation: Any
    meaning: str


class LawDocument(Document):
    """An element's law; `current` is an expression in V and the parameters."""

    name: str
    parameters: list[ParameterDocument]
    current: Any
    meaning: str
    source: str


class ElementDocument(Document):
    """A law placed at a timescale."""

    name: Identifier
    law: LawDocument
    timescale: Timescale
    sign: Literal[-1, 1]
    values: dict[str, Number]


class NeuronDocument(Document):
    """A whole declaration."""

    name: str
    meaning: str
    source: str
    parameters: list[ParameterDocument]
    states: list[StateDocument]
    output: Any
    event: EventDocument | None
    arrivals: dict[str, Any]
    constraints: list[ConstraintDocument]
    elements: list[ElementDocument]


def encode_neuron(neuron: Neuron) -> dict[str, Any]:
    """The declaration as JSON data; `decode_neuron` makes an equal one.

    Raises:
        StorageError: an expression, symbol or surrogate that files do not know.
    """
    for state in neuron.states:
        if state.symbol != sympy.Symbol(state.symbol.name, real=True):
            raise StorageError(
                f"neuron {neuron.name}, state {state.name}: declare its symbol as "
                f"sympy.Symbol({state.symbol.name!r}, real=True); other assumptions are not kept in files"
            )
    document = NeuronDocument(
        name=neuron.name,
        meaning=neuron.meaning,
        source=neuron.source,
        parameters=[_parameter_document(parameter) for parameter in neuron.parameters],
        states=[_state_document(state) for state in neuron.states],
        output=_encoded(neuron.output),
        event=None if neuron.event is None else _event_document(neuron.event),
        arrivals=_encoded_by_symbol(neuron.arrivals),
        constraints=[
            ConstraintDocument(relation=_encoded(constraint.relation), meaning=constraint.meaning)
            for constraint in neuron.constraints
        ],
        elements=[_element_document(element) for element in neuron.elements],
    )
    data = document.model_dump()
    for state in data["states"]:
        if not state["noise"]:
            del state["noise"]  # as files were before there was any
        if state["spread"] is None:
            del state["spread"]
    return data


def decode_neuron(data: Mapping[str, Any]) -> Neuron:
    """The declaration of JSON data, checked like any other.

    Raises:
        StorageError: data that is no declaration, with every fault that its form has.
        ExcitableError: what the declaration itself refuses.
    """
    try:
        document = NeuronDocument.model_validate(data)
    except ValidationError as error:
        raise StorageError("neuron: " + faults_of(error)) from None
    parameters = tuple(_parameter(entry) for entry in document.parameters)
    states = {entry.symbol: sympy.Symbol(entry.symbol, real=True) for entry in document.states}
    symbols: dict[str, sympy.Symbol] = {parameter.name: parameter.symbol for parameter in parameters}
    symbols |= {**states, **{symbol.name: symbol for symbol in (INPUT, SPIKE, LAST_SPIKE)}}
    return Neuron(
        name=document.name,
        meaning=document.meaning,
        source=document.source,
        parameters=parameters,
        states=tuple(_state(entry, symbols) for entry in document.states),
        output=decode_expression(document.output, symbols),
        event=None if document.event is None else _event(document.event, states, symbols),
        arrivals=_by_symbol(document.arrivals, states, symbols),
        constraints=tuple(
            Constraint(relation=decode_expression(entry.relation, symbols), meaning=entry.meaning)
            for entry in document.constraints
        ),
        elements=tuple(_element(entry) for entry in document.elements),
    )


def faults_of(error: ValidationError) -> str:
    """Every fault of a document in one line: where, and what is wrong."""
    faults = [
        f"{'.'.join(map(str, fault['loc']))}: {fault['msg']}" for fault in error.errors(include_url=False)
    ]
    return "; ".join(faults)


def _encoded(expression: Any) -> Any:
    return encode_expression(sympy.sympify(expression))


def _encoded_by_symbol(expressions: Mapping[sympy.Symbol, Any]) -> dict[str, Any]:
    return {symbol.name: _encoded(expression) for symbol, expression in expressions.items()}


def _parameter_document(parameter: Parameter) -> ParameterDocument:
    bounds = {name: getattr(parameter, name) for name in ("lower", "upper")}
    return ParameterDocument(
        name=parameter.name,
        default=float(parameter.default),
        meaning=parameter.meaning,
        unit=parameter.unit,
        lower_open=parameter.lower_open,
        upper_open=parameter.upper_open,
        transform=parameter.transform,
        source=parameter.source,
        **{name: float(bound) if math.isfinite(bound) else None for name, bound in bounds.items()},
    )


def _parameter(entry: ParameterDocument) -> Parameter:
    bounds = {
        "lower": -math.inf if entry.lower is None else entry.lower,
        "upper": math.inf if entry.upper is None else entry.upper,
    }
    return Parameter(**{**entry.model_dump(), **bounds})


def _state_document(state: State) -> StateDocument:
    return StateDocument(
        name=state.name,
        symbol=state.symbol.name,
        capacity=_encoded(state.capacity),
        currents={name: _encoded(current) for name, current in state.currents.items()},
        following=None if state.following is None else _encoded(state.following),
        meaning=state.meaning,
        initial=_encoded(state.initial),
        timescale=state.timescale,
        noise={name: _encoded(amplitude) for name, amplitude in state.noise.items()},
        spread=None if state.spread == 0 else _encoded(state.spread),
    )


def _state(entry: StateDocument, symbols: Symbols) -> State:
    return State(
        name=entry.name,
        symbol=symbols[entry.symbol],
        capacity=decode_expression(entry.capacity, symbols),
        currents={name: decode_expression(current, symbols) for name, current in entry.currents.items()},
        following=None if entry.following is None else decode_expression(entry.following, symbols),
        meaning=entry.meaning,
        initial=decode_expression(entry.initial, symbols),
        timescale=entry.timescale,
        noise={name: decode_expression(amplitude, symbols) for name, amplitude in entry.noise.items()},
        spread=sympy.S.Zero if entry.spread is None else decode_expression(entry.spread, symbols),
    )


def _event_document(event: Event) -> EventDocument:
    return EventDocument(
        margin=_encoded(event.margin),
        reset=_encoded_by_symbol(event.reset),
        surrogate=encode_surrogate(event.surrogate),
        surrogate_values=_encoded_by_symbol(event.surrogate_values),
        inclusive=event.inclusive,
        reset_gradient=event.reset_gradient,
    )


def _event(entry: EventDocument, states: Symbols, symbols: Symbols) -> Event:
    chosen = decode_surrogate(entry.surrogate)
    own = {symbol.name: symbol for symbol in chosen.symbols}
    return Event(
        margin=decode_expression(entry.margin, symbols),
        reset=_by_symbol(entry.reset, states, symbols),
        surrogate=chosen,
        surrogate_values=_by_symbol(entry.surrogate_values, own, symbols),
        inclusive=entry.inclusive,
        reset_gradient=entry.reset_gradient,
    )


def _by_symbol(entries: Mapping[str, Any], states: Symbols, symbols: Symbols) -> dict[sympy.Symbol, Any]:
    unknown = sorted(set(entries) - set(states))
    if unknown:
        raise StorageError(f"{', '.join(unknown)} is no state; states are {', '.join(states)}")
    return {states[name]: decode_expression(expression, symbols) for name, expression in entries.items()}


def _element_document(element: Element) -> ElementDocument:
    law = element.law
    return ElementDocument(
        name=element.name,
        law=LawDocument(
            name=law.name,
            parameters=[_parameter_document(parameter) for parameter in law.parameters],
            current=_encoded(law.current),
            meaning=law.meaning,
            source=law.source,
        ),
        timescale=element.timescale,
        sign=1 if element.sign > 0 else -1,
        values=dict(element.values),
    )


def _element(entry: ElementDocument) -> Element:
    parameters = tuple(_parameter(parameter) for parameter in entry.law.parameters)
    symbols = {V.name: V, **{parameter.name: parameter.symbol for parameter in parameters}}
    law = Law(
        name=entry.law.name,
        parameters=parameters,
        current=decode_expression(entry.law.current, symbols),
        meaning=entry.law.meaning,
        source=entry.law.source,
    )
    return Element(
        law=law, timescale=entry.timescale, sign=entry.sign, values=dict(entry.values), name=entry.name
    )
