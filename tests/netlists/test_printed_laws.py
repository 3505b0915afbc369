"""What an expression's text says in each language, read by that language's rules and without its simulator."""

import itertools
import math
import re
from collections.abc import Callable
from types import CodeType

import numpy as np
import pytest
import sympy
from netlist_examples import SCALED

from circuits.data.circuit import (
    BehaviouralVoltage,
    Circuit,
    Instance,
    Param,
    Pin,
    Resistor,
    Subcircuit,
    VoltageSource,
    voltage,
)
from netlists.analyses import OperatingPoint
from netlists.writing import write_netlist

A, B, AB = voltage("a"), voltage("b"), voltage("a", "b")
P, Q = sympy.symbols("p q", real=True)
SOURCES = {
    "ngspice": r"^b(\d+) o\d+ 0 v=(.*)$",
    "xyce": r"^b(\d+) o\d+ 0 v=(.*)$",
    "ltspice": r"^b(\d+) o\d+ 0 v=(.*)$",
    "verilog-a": r"^ *V\(b(\d+)_branch\) <\+ (.*);$",
    "vacask": r"^ *V\(b(\d+)_branch\) <\+ (.*);$",
}
"""Where each dialect has the law of a voltage."""
CARDS = {
    "ngspice": r"^r(\d+) a 0 (.*)$",
    "xyce": r"^r(\d+) a 0 (.*)$",
    "ltspice": r"^r(\d+) a 0 (.*)$",
    "vacask": r"^r(\d+) \(a 0\) resistor r=(.*)$",
}
"""And the value of a resistor."""
EDGES = (-1.0, 0.0, 1.0)
POINTS = [*itertools.product(EDGES, EDGES), (0.3, -1.2), (-0.7, 0.4), (1.5, 1.25)]
"""Every condition of the laws is met at its edge and on both sides."""
third = sympy.Rational(1, 3)


def law(x: sympy.Expr, y: sympy.Expr) -> list[sympy.Expr]:
    """Expressions whose value turns over at an edge, or that a language's own rules could make another of."""
    pieces = sympy.Piecewise((y, y >= 1), (-y, y < -third), (7, True))
    return [
        sympy.Piecewise((x, x < 0), (pieces, x < 1), (x * y, True)),
        sympy.Piecewise((x**2, (x > 0) & (y > 0)), (y**3, (x < -third) | sympy.Not(y > 0)), (3, True)) - 1,
        sympy.sign(x) - 10 * sympy.sign(-y),
        sympy.Heaviside(x, 0) + 10 * sympy.Heaviside(-y, third) + 100 * sympy.Heaviside(x, 1),
        sympy.Max(x, y, 0) - 3 * sympy.Min(x, -y, third),
        sympy.floor(3 * x) - sympy.ceiling(5 * y),
        (y**2 + 1) ** -third * x**9 - sympy.Abs(x) * y**3,
        sympy.tanh(x - y) / 4 + sympy.log(x**2 + 2) * sympy.exp(-(y**2)),
    ]


MEANINGS = {
    "ln": math.log, "log": math.log, "sgn": np.sign, "ceil": math.ceil, "if_": lambda c, x, y: x if c else y,
    "pow": lambda x, y: abs(x) ** y, "abs": abs, "max": max, "min": min,
    "v": lambda node, reference=0.0: node - reference,
    "exp": math.exp, "tanh": math.tanh, "floor": math.floor,
}  # fmt: skip


def in_python(text: str) -> str:
    """The same expression for Python: `x ? y : z` and the signs between conditions, from the inside outwards."""
    groups: list[str] = []
    while found := re.search(r"\([^()]*\)", text):
        groups.append("(" + ", ".join(map(_chosen, found[0][1:-1].split(","))) + ")")
        text = f"{text[: found.start()]}@{len(groups) - 1}@{text[found.end() :]}"
    text = _chosen(text)
    while found := re.search(r"@(\d+)@", text):
        text = text[: found.start()] + groups[int(found[1])] + text[found.end() :]
    words = {"&&": " and ", "||": " or ", "!(": "not (", "if(": "if_(", "V(": "v(", "{": "", "}": ""}
    for ours, pythons in words.items():
        text = text.replace(ours, pythons)
    return text.strip()


def _chosen(text: str) -> str:
    condition, mark, rest = text.partition("?")
    if not mark:
        return text
    # no group is open here, so that the first colon ends what holds
    one, _, other = rest.partition(":")
    return f"(({one}) if ({condition}) else ({_chosen(other)}))"


def written(expressions: list[sympy.Expr], dialect: str) -> dict[int, CodeType]:
    """The laws of voltages inside a subcircuit, as the dialect has them."""
    pins, sources = (Pin(name="a"), Pin(name="b")), enumerate(expressions)
    laws = Subcircuit(
        name="laws", pins=pins, parameters=tuple(Param(name=name, value=0.0) for name in "pq"),
        devices=(
            *(Resistor(name=f"r{node}", positive=node, negative="0", resistance=1.0) for node in "ab"),
            *(BehaviouralVoltage(name=f"b{k}", positive=f"o{k}", negative="0", voltage=e) for k, e in sources),
        ),
    )  # fmt: skip
    devices = (
        *(VoltageSource(name=f"v{node}", positive=node, negative="0", waveform=1.0) for node in "ab"),
        Instance(name="x", subcircuit="laws", connections={"a": "a", "b": "b"}),
    )
    return _found(
        Circuit(name="top", subcircuits=(laws,), devices=devices, probes=("a",)), SOURCES[dialect], dialect
    )


def carded(expressions: list[sympy.Expr], dialect: str) -> dict[int, CodeType]:
    """The values of resistors, as the dialect has them."""
    devices = (
        VoltageSource(name="v", positive="a", negative="0", waveform=1.0),
        *(
            Resistor(name=f"r{k}", positive="a", negative="0", resistance=e)
            for k, e in enumerate(expressions)
        ),
    )
    parameters = tuple(Param(name=name, value=0.0) for name in "pq")
    return _found(
        Circuit(name="top", parameters=parameters, devices=devices, probes=("a",)), CARDS[dialect], dialect
    )


def _found(circuit: Circuit, where: str, dialect: str) -> dict[int, CodeType]:
    files = write_netlist(circuit, OperatingPoint(), SCALED, dialect=dialect).files
    texts = re.findall(where, "\n".join(files.values()), re.MULTILINE)
    return {int(k): compile(in_python(text), text, "eval") for k, text in texts}


@pytest.fixture(scope="module")
def wanted() -> Callable[..., list[float]]:
    """The values of all laws at once, from sympy's own printer for numpy."""
    x, y = sympy.symbols("x y", real=True)
    evaluate = sympy.lambdify([x, y], law(x, y), "numpy")
    return lambda x, y: [float(value) for value in evaluate(x, y)]


def values(codes: dict[int, CodeType], a: float, b: float) -> list[float]:
    """The values of the laws, with the parameters where the voltages are."""
    names = MEANINGS | {"a": a, "b": b, "p": a, "q": b}
    return [float(eval(codes[k], names)) for k in range(len(codes))]


@pytest.mark.parametrize("dialect", SOURCES)
def test_a_law_says_in_every_dialect_what_sympy_says(dialect, wanted):
    """Of voltages and parameters; of cases the first that holds, a sign of 0 at 0, a step's own value at its edge."""
    texts, mixed = written(law(A, B), dialect), written(law(Q, AB), dialect)
    for x, y in POINTS:
        assert values(texts, x, y) == pytest.approx(wanted(x, y), rel=1e-9), (x, y)
        assert values(mixed, x, y) == pytest.approx(wanted(y, x - y), rel=1e-9), (x, y)


@pytest.mark.parametrize("dialect", CARDS)
def test_a_cards_value_says_in_every_dialect_what_sympy_says(dialect, wanted):
    """The same of parameters alone."""
    texts = carded(law(P, Q), dialect)
    for x, y in POINTS:
        assert values(texts, x, y) == pytest.approx(wanted(x, y), rel=1e-9), (x, y)
