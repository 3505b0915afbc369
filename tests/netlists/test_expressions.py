"""Printed expressions mean in ngspice what they mean in sympy, in both of its grammars."""

from dataclasses import replace

import numpy as np
import pytest
import sympy
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from netlist_examples import SCALED

from circuits.data.circuit import (
    BehaviouralVoltage,
    Circuit,
    Instance,
    Param,
    Pin,
    Resistor,
    Subcircuit,
    Transconductance,
    VoltageSource,
    voltage,
)
from netlists.analyses import OperatingPoint
from netlists.errors import NetlistError
from netlists.ngspice.expressions import print_expression, print_number
from netlists.simulation import simulate
from netlists.writing import write_netlist

pytestmark = pytest.mark.simulator
A, B = voltage("a"), voltage("b")
AB = voltage("a", "b")
P, Q = sympy.symbols("p q", real=True)
third = sympy.Rational(1, 3)
R = sympy.Rational


def law(x, y):
    """Expressions of two arguments that have met a trap of ngspice, or could."""
    return [
        -(x**2),
        (-x) ** 3,
        x**3 - y**3,
        x**9 + x**10 - y**17,
        x**-1 * y**-3,
        1 / (x * y) / (x + 3),
        (x**2) ** R(-3, 2),
        2 ** (x**2),
        (x**2 + 1) ** y,
        (y**2 + 1) ** R(1, 3),
        (y**2 + 1) ** R(-1, 2),
        sympy.sqrt(x**2 + y**2),
        sympy.exp(-(x**2)) - sympy.exp(-y),
        sympy.exp(x) ** -2,
        -sympy.exp(x * y),
        sympy.log(x**2 + R(1, 2)) / sympy.log(2),
        sympy.tanh(x - y) * sympy.tan(x / 4) - sympy.atan(y),
        sympy.sin(x) * sympy.cos(y) + sympy.sinh(x) - sympy.cosh(y) + sympy.asinh(x),
        sympy.atanh(sympy.tanh(x) / 2) + sympy.acosh(2 + y**2) + sympy.asin(third) + sympy.acos(-third),
        sympy.Abs(x) + 10 * sympy.sign(y) + 100 * sympy.sign(-x),
        sympy.floor(3 * x) - sympy.ceiling(5 * y),
        sympy.Max(x, y, 0) - 3 * sympy.Min(x, -y, R(1, 2)),
        sympy.Min(1, sympy.Max(0, x)),
        sympy.Heaviside(x) - 2 * sympy.Heaviside(y - x, 1),
        sympy.Heaviside(x - x.subs(x, x), third) + sympy.Heaviside(x, 0) * x,
        sympy.Piecewise(
            (x, x < 0), (sympy.Piecewise((y, y >= 1), (-y, y < -1), (7, True)), x < 1), (x * y, True)
        ),
        1 - sympy.Piecewise((x**2, (x > 0) & (y > 0)), (y**3, (x < -1) | sympy.Not(y > -1)), (3, True)),
        sympy.Piecewise((1, sympy.Eq(sympy.sign(x), 1)), (2, sympy.Ne(sympy.sign(y), -1)), (3, True)),
        x - (y - (x - (y - 1))),
        x / (y / (x / (y + 5))),
        -x - -y * -2,
        x * -third * y - third,
        sympy.pi * x + sympy.E * y,
        R(12345678901, 7) * x * R(1, 10**9) + 3000000001 * y * sympy.Float(1e-9),
        sympy.Float(-2.5e-13) * x * sympy.Float(1e13) + sympy.Float(1e-30),
    ]


def simulate_values(expressions, arguments, parameters):
    """What ngspice finds for expressions of node voltages and parameters, inside a subcircuit."""
    used = [
        VoltageSource(name=f"v{node}", positive=node, negative="0", waveform=value)
        for node, value in arguments.items()
    ]
    pins = tuple(Pin(name=node) for node in arguments)
    inside = [
        BehaviouralVoltage(name=f"b{k}", positive=f"o{k}", negative="0", voltage=expression)
        for k, expression in enumerate(expressions)
    ]
    loads = [Resistor(name=f"r{node}", positive=node, negative="0", resistance=1e3) for node in arguments]
    definition = Subcircuit(
        name="laws",
        pins=pins,
        parameters=tuple(Param(name=name, value=0.0) for name in parameters),
        devices=(*loads, *inside),
    )
    instance = Instance(
        name="x1", subcircuit="laws", connections={n: n for n in arguments}, parameters=dict(parameters)
    )
    return _solve((definition,), (*used, instance), [f"x1.o{k}" for k in range(len(expressions))])


def simulate_parameters(expressions, parameters):
    """What ngspice finds for values in braces: gains of transconductances that load 1 Ohm from 1 V."""
    devices = [VoltageSource(name="vone", positive="one", negative="0", waveform=1.0)]
    for k, expression in enumerate(expressions):
        node = f"o{k}"
        devices += [
            Transconductance(
                name=f"g{k}",
                out_from="0",
                out_to=node,
                sense_positive="one",
                sense_negative="0",
                gain=expression,
            ),
            Resistor(name=f"r{k}", positive=node, negative="0", resistance=1.0),
        ]
    top = tuple(Param(name=name, value=value) for name, value in parameters.items())
    return _solve((), tuple(devices), [f"o{k}" for k in range(len(expressions))], top)


def _solve(subcircuits, devices, probes, parameters=()):
    circuit = Circuit(
        name="laws", subcircuits=subcircuits, devices=devices, parameters=parameters, probes=tuple(probes)
    )
    netlist = write_netlist(circuit, OperatingPoint(), SCALED)
    # nodes hold values of laws here, not voltages of a neuron
    run = simulate(replace(netlist, voltages={}))
    return run.require()["voltage"].sel(node=list(probes)).values


def expected_values(expressions, values):
    """The same values from numpy."""
    evaluate = sympy.lambdify(list(values), list(expressions), "numpy")
    return np.array([float(number) for number in evaluate(*map(float, values.values()))])


@pytest.mark.parametrize("seed", range(4))
def test_laws_of_node_voltages_and_parameters(seed):
    """35 expressions have the values of sympy, for arguments of every sign, in a behavioural source."""
    a, b, p, q = np.random.default_rng(seed).uniform(-2, 2, size=4).round(6).tolist()
    expressions = [*law(A, B), *law(Q, AB)]
    found = simulate_values(expressions, {"a": a, "b": b}, {"p": p, "q": q})
    values = {A: a, B: b, AB: sympy.Float(a) - sympy.Float(b), P: p, Q: q}
    np.testing.assert_allclose(found, expected_values(expressions, values), rtol=1e-8, atol=1e-8)


@pytest.mark.parametrize("seed", range(4))
def test_values_in_braces(seed):
    """The same expressions of parameters alone have the values of sympy as the value of a device."""
    p, q = np.random.default_rng(100 + seed).uniform(-2, 2, size=2).round(6).tolist()
    expressions = law(P, Q)
    found = simulate_parameters(expressions, {"p": p, "q": q})
    np.testing.assert_allclose(found, expected_values(expressions, {P: p, Q: q}), rtol=1e-8, atol=1e-8)


leaves = st.sampled_from([A, B, AB, P, Q]) | st.fractions(-3, 3, max_denominator=7).map(
    lambda f: R(f.numerator, f.denominator)
)


def _grow(children):
    return st.one_of(
        st.tuples(children, children).map(lambda p: p[0] + p[1]),
        st.tuples(children, children).map(lambda p: p[0] - p[1]),
        st.tuples(children, children).map(lambda p: p[0] * p[1]),
        st.tuples(children, children).map(lambda p: p[0] / (p[1] ** 2 + 1)),
        st.tuples(children, st.integers(2, 5)).map(lambda p: sympy.tanh(p[0]) ** p[1]),
        st.tuples(children, st.integers(1, 3)).map(lambda p: (p[0] ** 2 + 1) ** -p[1]),
        children.map(lambda e: -sympy.tanh(e)),
        children.map(lambda e: sympy.exp(-(e**2))),
        children.map(lambda e: sympy.sqrt(e**2 + 1)),
        st.tuples(children, children).map(lambda p: sympy.Max(*p)),
        st.tuples(children, children, children).map(
            lambda p: sympy.Piecewise((p[0], p[2] > R(1, 7)), (p[1], p[2] < -R(1, 7)), (p[0] - p[1], True))
        ),
    )


@settings(max_examples=30, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
@given(
    expressions=st.lists(st.recursive(leaves, _grow, max_leaves=8), min_size=4, max_size=8),
    numbers=st.lists(st.integers(-2000, 2000).map(lambda k: k / 1009), min_size=4, max_size=4),
)
def test_composed_expressions(expressions, numbers):
    """Any composition of the printed operations keeps its value."""
    a, b, p, q = numbers
    values = {A: a, B: b, AB: sympy.Float(a) - sympy.Float(b), P: p, Q: q}
    found = simulate_values(expressions, {"a": a, "b": b}, {"p": p, "q": q})
    expected = expected_values(expressions, values)
    np.testing.assert_allclose(found, expected, rtol=1e-7, atol=1e-8 * (1 + np.abs(expected).max()))


def test_parameters_keep_all_digits_and_literals_eleven():
    """A parameter reaches a source with double precision; a literal in an expression is rounded at 5e-11."""
    value = 1.2345678901234567
    exact = simulate_values([P * A, sympy.Float(value) * A, R(1, 3) * A], {"a": 1.0}, {"p": value})
    assert exact[0] == pytest.approx(value, rel=1e-15)
    assert exact[1] == pytest.approx(value, rel=1e-10)
    assert exact[2] == pytest.approx(1 / 3, rel=1e-15)


@pytest.mark.parametrize("value", [0.0, -1.5, 1e-30, 2.5e-13, 1 / 3, 6.02e23, np.float64(0.1)])
def test_numbers_read_back_as_they_were(value):
    """A printed number is plain and loses nothing."""
    assert float(print_number(value)) == value
    assert set(print_number(value)) <= set("0123456789.e+-")


@pytest.mark.parametrize(
    "expression",
    [
        sympy.gamma(A),
        sympy.Function("f")(A),
        sympy.Derivative(sympy.Function("f")(A), A),
        sympy.Piecewise((A, A > 0)),
        sympy.I * A,
        A + sympy.oo,
        sympy.nan,
        sympy.Integral(A, (A, 0, P)),
    ],
)
def test_what_ngspice_lacks_is_refused(expression):
    """An expression without a SPICE form is one clear error, not a wrong line."""
    with pytest.raises(NetlistError):
        print_expression(expression)


def test_a_value_in_braces_reads_no_voltage():
    """Braces are computed once, before any voltage is known."""
    with pytest.raises(NetlistError, match="cannot read v"):
        print_expression(A + P, "value")


@pytest.mark.parametrize("at_zero", [0, third, 1])
def test_a_step_has_its_own_value_at_its_edge(at_zero):
    """At a node that is exactly at the threshold, and on either side of it."""
    steps = [sympy.Heaviside(A + shift, at_zero) for shift in (-1, 0, 1)]
    assert simulate_values(steps, {"a": 0.0}, {}) == pytest.approx([0.0, float(at_zero), 1.0])
