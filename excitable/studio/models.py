"""A declared neuron as the JavaScript that the studio runs: its step, its curves, its equilibria, its parameters.

Every function is printed from the sympy declaration; the page's own code knows no neuron.
"""

import json
from collections.abc import Mapping, Sequence
from typing import Any

import sympy

from conductance.derivation.latex import latex
from conductance.derivation.printers import javascript
from conductance.derivation.rules import Rule, derive
from conductance.elements import TIMESCALES, Element
from conductance.neurons.base import DT, INPUT, LAST_SPIKE, SPIKE, Neuron
from conductance.parameter import Parameter
from conductance.shaping.curves import FROZEN, MARGIN, curves, settled, steady_curve, voltage_range
from conductance.shaping.flow import held_derivatives
from conductance.shaping.rules import RULES
from excitable.studio.catalogue import method_of, usual

LONGEST_SLIDER = 20.0
"""A slider of a time constant reaches from its default divided by this to its default times this."""
LARGEST_GAIN = 6.0
WIDEST_OFFSET = 4.0


def model_source(neuron: Neuron, places: Sequence[int]) -> str:
    """The neuron as one JavaScript object; `places` are those of its parameters in the page's list PARAMETERS."""
    rule = derive(neuron, method_of(neuron))
    parts = {name: script_data(value) for name, value in _facts(neuron, rule).items()}
    parts["parameters"] = f"[{','.join(f'PARAMETERS[{place}]' for place in places)}]"
    parts |= {name: _narrow(text) for name, text in _functions(neuron, rule).items()}
    return "{\n" + ",\n".join(f"{name}: {text}" for name, text in parts.items()) + "\n}"


def _narrow(text: str) -> str:
    """A printed function without the spaces that mean nothing; a minus keeps its own."""
    for sign in "=*/?:<>,":
        text = text.replace(f" {sign} ", sign).replace(f"{sign} ", sign)
    return text


def script_data(value: Any) -> str:
    """JSON that cannot end the script it stands in."""
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    return text.replace("<", "\\u003c").replace("\u2028", "\\u2028").replace("\u2029", "\\u2029")


def rules_data() -> list[dict[str, Any]]:
    """The published rules of the I-V curves, for the page."""
    return [
        {
            "number": rule.number,
            "shapes": {name: str(shape) for name, shape in rule.shapes.items()},
            "absent": list(rule.absent),
            "behaviour": rule.behaviour,
        }
        for rule in RULES
    ]


def _facts(neuron: Neuron, rule: Rule) -> dict[str, Any]:
    step, duration = usual(neuron)
    used = {"fast", *(s.timescale for s in neuron.states), *(e.timescale for e in neuron.elements)}
    return {
        "title": neuron.name,
        "meaning": neuron.meaning,
        "source": neuron.source,
        "map": neuron.is_map,
        "event": neuron.event is not None,
        "method": rule.method,
        "dt": step,
        "duration": duration,
        "charges": bool(neuron.arrivals),
        "timescales": [] if neuron.is_map else [name for name in TIMESCALES if name in used],
        "states": [
            {"name": str(s.symbol), "latex": latex(s.symbol), "meaning": s.meaning} for s in neuron.states
        ],
        "elements": [_element(neuron, element) for element in neuron.elements],
        "places": _places(neuron),
        "inside": [] if neuron.is_map else [end - s * MARGIN for s, end in _ends(neuron)],
        "constraints": [constraint.meaning for constraint in neuron.constraints],
    }


def _ends(neuron: Neuron) -> list[tuple[int, float]]:
    low, high = voltage_range(neuron)
    return [(-1, low), (1, high)]


def _places(neuron: Neuron) -> list[int]:
    """Parameters whose voltage the curves must show."""
    offsets = {p.name for e in neuron.elements for p in e.parameters if p.unit == "V0"}
    total = set() if neuron.is_map else neuron.membrane.total.free_symbols
    return [
        index
        for index, p in enumerate(neuron.parameters)
        if p.name in offsets or (p.unit == "V0" and p.symbol in total)
    ]


def parameter_facts(neuron: Neuron) -> list[dict[str, Any]]:
    """What the page knows of each parameter, in declared order."""
    return [_parameter(parameter, neuron) for parameter in neuron.parameters]


def _parameter(parameter: Parameter, neuron: Neuron) -> dict[str, Any]:
    low, high = _slider(parameter)
    owned = {p.name for element in neuron.elements for p in element.parameters}
    group = "elements" if parameter.name in owned else "times" if parameter.unit == "tau_m" else "others"
    return {
        "name": parameter.name,
        "unit": parameter.unit,
        "meaning": parameter.meaning,
        "bounds": parameter.bounds,
        "lower": None if parameter.lower == -sympy.oo else parameter.lower,
        "upper": None if parameter.upper == sympy.oo else parameter.upper,
        "open": [parameter.lower_open, parameter.upper_open],
        "value": parameter.default,
        "low": low,
        "high": high,
        "logarithmic": parameter.transform == "log",
        "group": group if not neuron.is_map else "elements",
    }


def _slider(parameter: Parameter) -> tuple[float, float]:
    value = parameter.default
    if parameter.transform == "log":
        return value / LONGEST_SLIDER, value * LONGEST_SLIDER
    if parameter.transform == "softplus":
        return 0.01, max(LARGEST_GAIN, 3 * value)
    wide = max(WIDEST_OFFSET, 2 * abs(value))
    low, high = max(parameter.lower, -wide), min(parameter.upper, wide)
    inset = 1e-3 * (high - low)
    return low + inset * parameter.lower_open, high - inset * parameter.upper_open


def _element(neuron: Neuron, element: Element) -> dict[str, Any]:
    """What a handle on the curve moves: a gain that the current is proportional to, and an offset."""
    names = [parameter.name for parameter in neuron.parameters]
    membrane = neuron.membrane.symbol
    current = element.current(membrane)
    gain = offset = None
    for parameter in element.parameters:
        if parameter.name not in names:
            continue
        if parameter.unit == "V0" and offset is None:
            offset = names.index(parameter.name)
        elif sympy.simplify(current.diff(parameter.symbol) * parameter.symbol - current) == 0:
            gain = names.index(parameter.name)
    return {
        "name": element.name, "timescale": element.timescale, "sign": element.sign, "gain": gain, "offset": offset,
    }  # fmt: skip


def _functions(neuron: Neuron, rule: Rule) -> dict[str, str]:
    parameters = javascript.places("p", [parameter.symbol for parameter in neuron.parameters])
    states = javascript.places("x", neuron.state_symbols)
    found = {
        "constants": javascript.constants_function(rule),
        "trace": javascript.trace_function(rule),
        "initial": javascript.function(("p",), parameters, [state.initial for state in neuron.states]),
        "legal": javascript.function(
            ("p",), parameters, [constraint.relation for constraint in neuron.constraints]
        ),
        "charge": javascript.function(("p", "dt"), {**parameters, DT: "dt"}, [_charge(neuron)], single=True),
    }
    if neuron.is_map:
        return found | _map_functions(neuron, parameters)
    return found | _flow_functions(neuron, {**parameters, **states, INPUT: "current"}, parameters)


def _charge(neuron: Neuron) -> sympy.Expr:
    """The input of one step that holds a unit current: 1, or where charges arrive, what decays in a step."""
    for state in neuron.states:
        if state.symbol in neuron.arrivals:
            return -state.derivative.diff(state.symbol) * DT
    return sympy.S.One


def _map_functions(neuron: Neuron, parameters: Mapping[sympy.Symbol, str]) -> dict[str, str]:
    membrane = neuron.membrane.symbol
    free = sympy.sympify(neuron.membrane.following).subs(LAST_SPIKE, 0)
    names = {**parameters, membrane: "v", INPUT: "current"}
    return {
        "next": javascript.function(("v", "current", "p"), names, [free], single=True),
        "steady": javascript.function(("v", "p"), names, [membrane - free.subs(INPUT, 0)], single=True),
        "slope": javascript.function(("v", "p"), names, [free.diff(membrane)], single=True),
    }


def _flow_functions(
    neuron: Neuron, names: Mapping[sympy.Symbol, str], parameters: Mapping[sympy.Symbol, str]
) -> dict[str, str]:
    membrane = neuron.membrane.symbol
    at = {**parameters, membrane: "v", FROZEN: "rest"}
    known = curves(neuron)
    derivatives = [slope.subs(SPIKE, 0) for slope in held_derivatives(neuron).values()]
    jacobian = sympy.Matrix(derivatives).jacobian(list(neuron.state_symbols))
    steady = {**settled(neuron, list(TIMESCALES)), membrane: membrane}

    def table(arguments: tuple[str, ...], expressions: Mapping[str, sympy.Expr]) -> str:
        printed = [
            f"{name}: {javascript.function(arguments, at, [expression], single=True)}"
            for name, expression in expressions.items()
        ]
        return "{" + ", ".join(printed) + "}"

    found = {
        "curves": table(("v", "rest", "p"), {name: each.current for name, each in known.items()}),
        "slopes": table(("v", "rest", "p"), {name: each.slope for name, each in known.items()}),
        "steady": javascript.function(("v", "p"), at, [steady_curve(neuron).current], single=True),
        "settled": javascript.function(("v", "p"), at, [steady[symbol] for symbol in neuron.state_symbols]),
        "derivatives": javascript.function(("x", "current", "p"), names, derivatives),
        "jacobian": javascript.function(("x", "current", "p"), names, list(jacobian)),
        "elementSlopes": javascript.function(
            ("v", "p"), at, [_own(neuron, e, e.current(membrane).diff(membrane)) for e in neuron.elements]
        ),
        "elementShares": javascript.function(("v", "p"), at, [_share(neuron, e) for e in neuron.elements]),
    }
    if neuron.event is not None:
        found["margin"] = javascript.function(("x", "p"), names, [neuron.event.margin], single=True)
    return found


def _own(neuron: Neuron, element: Element, expression: sympy.Expr) -> sympy.Expr:
    """The element's expression, numbers put in for what is no parameter of the neuron."""
    named = {parameter.name for parameter in neuron.parameters}
    numbers = {p.symbol: p.default for p in element.parameters if p.name not in named}
    return expression.subs(numbers)


def _share(neuron: Neuron, element: Element) -> sympy.Expr:
    """What one unit of the element's gain adds to the curve; 0 where it has no gain."""
    place = _element(neuron, element)["gain"]
    if place is None:
        return sympy.S.Zero
    return element.current(neuron.membrane.symbol) / neuron.parameters[place].symbol
