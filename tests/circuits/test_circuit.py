"""The circuit as data: what it accepts, what it refuses and how it says so."""

import math
import pickle

import numpy as np
import pytest
import sympy

from circuits.data.circuit import (
    BehaviouralCurrent,
    Capacitor,
    Circuit,
    CircuitError,
    CurrentSource,
    HeldWaveform,
    Instance,
    Param,
    Pin,
    Resistor,
    Subcircuit,
    Transconductance,
    VoltageSource,
    evaluate,
    sensed_nodes,
    voltage,
)

g, c = sympy.symbols("g c")


def leak(**changes: object) -> Subcircuit:
    """A leaky capacitor with one pin."""
    values = {
        "name": "leak",
        "pins": (Pin(name="um"),),
        "parameters": (Param(name="g", value=1e-9, unit="S"), Param(name="c", value=1e-12, unit="F")),
        "devices": (
            Capacitor(name="cm", positive="um", negative="0", capacitance=c),
            BehaviouralCurrent(name="bleak", source="um", sink="0", current=g * voltage("um")),
        ),
        "initial": {"um": g / c * 1e-3},
    }
    return Subcircuit(**(values | changes))


def circuit(**changes: object) -> Circuit:
    """One leak, driven by a current."""
    values = {
        "name": "top",
        "subcircuits": (leak(),),
        "devices": (
            Instance(name="xh0", subcircuit="leak", connections={"um": "m"}, parameters={"g": 2e-9}),
            CurrentSource(name="iin", source="0", sink="m", waveform=1e-9),
        ),
        "probes": ("m", "xh0.um"),
    }
    return Circuit(**(values | changes))


@pytest.mark.parametrize(
    "name", ["", "A", "1a", "a b", "a.b", "a\n.control", "a;b", "a$b", "a`b", "é", "a-b", "_a", 3]
)
def test_a_name_is_lower_case_letters_digits_and_underscore(name):
    """A bad name is refused wherever it stands, and the error shows it."""
    for build in (
        lambda: Param(name=name, value=1.0),
        lambda: Pin(name=name),
        lambda: Resistor(name=name, positive="a", negative="0", resistance=1.0),
        lambda: leak(name=name),
        lambda: circuit(name=name),
    ):
        with pytest.raises(CircuitError, match="not allowed") as caught:
            build()
        assert repr(name) in str(caught.value)


@pytest.mark.parametrize("node", ["", "00", "A", "a b", "gnd!", "x1.um"])
def test_a_node_is_a_name_or_ground(node):
    """Node `0` is ground; every other node has a name."""
    with pytest.raises(CircuitError, match="Resistor r1, node"):
        Resistor(name="r1", positive=node, negative="0", resistance=1.0)
    with pytest.raises(CircuitError):
        voltage(node)


@pytest.mark.parametrize("value", [0.0, -1.0, math.nan, math.inf, "1k", None, True, sympy.oo, sympy.I])
def test_a_capacitance_is_positive_and_finite(value):
    """No capacitor or resistor is zero, negative, infinite or a text."""
    with pytest.raises(CircuitError, match="Capacitor c1, capacitance"):
        Capacitor(name="c1", positive="a", negative="0", capacitance=value)
    with pytest.raises(CircuitError, match="Resistor r1, resistance"):
        Resistor(name="r1", positive="a", negative="0", resistance=value)


def test_only_behavioural_sources_read_voltages():
    """A capacitance, a gain or an instance parameter cannot depend on a voltage."""
    with pytest.raises(CircuitError, match="reads a node voltage"):
        Capacitor(name="c1", positive="a", negative="0", capacitance=voltage("a"))
    with pytest.raises(CircuitError, match="reads a node voltage"):
        Transconductance(
            name="g1", out_from="a", out_to="0", sense_positive="a", sense_negative="0", gain=voltage("a")
        )
    with pytest.raises(CircuitError, match="reads a node voltage"):
        Instance(name="x1", subcircuit="leak", connections={"um": "a"}, parameters={"g": voltage("a")})


def test_a_device_between_a_node_and_itself_is_refused():
    """A source from a node into the same node does nothing, so it is a mistake."""
    with pytest.raises(CircuitError, match="begins and ends on node a"):
        BehaviouralCurrent(name="b1", source="a", sink="a", current=1.0)


def test_undeclared_symbols_are_all_named_at_once():
    """Every expression uses only parameters of its own scope and nodes that devices touch."""
    wrong = BehaviouralCurrent(
        name="bx", source="um", sink="0", current=sympy.Symbol("q") * voltage("us", "ux")
    )
    with pytest.raises(CircuitError) as caught:
        leak(devices=(*leak().devices, wrong))
    for part in ("subcircuit leak", "BehaviouralCurrent bx", "uses q", "node us", "node ux"):
        assert part in str(caught.value)


def test_duplicates_are_refused():
    """Two devices, parameters, pins, subcircuits or probes cannot share a name."""
    with pytest.raises(CircuitError, match="two devices are named cm"):
        leak(devices=(*leak().devices, leak().devices[0]))
    with pytest.raises(CircuitError, match="two parameters are named g"):
        leak(parameters=(*leak().parameters, Param(name="g", value=1.0)))
    with pytest.raises(CircuitError, match="two pins are named um"):
        leak(pins=(Pin(name="um"), Pin(name="um")))
    with pytest.raises(CircuitError, match="two subcircuits are named leak"):
        circuit(subcircuits=(leak(), leak()))
    with pytest.raises(CircuitError, match="probe m is given twice"):
        circuit(probes=("m", "m"))


def test_an_instance_fits_its_subcircuit():
    """Unknown subcircuits, pins and parameters are refused and what exists is listed."""
    source = circuit().devices[1]

    def with_instance(**changes):
        values = {"name": "xh0", "subcircuit": "leak", "connections": {"um": "m"}} | changes
        return circuit(devices=(Instance(**values), source), probes=())

    with pytest.raises(CircuitError, match="no subcircuit lek; known are leak"):
        with_instance(subcircuit="lek")
    with pytest.raises(CircuitError, match="connects pins us; subcircuit leak has um"):
        with_instance(connections={"us": "m"})
    with pytest.raises(CircuitError, match="sets parameter tau; subcircuit leak has g, c"):
        with_instance(parameters={"tau": 1.0})


def test_a_subcircuit_cannot_contain_itself():
    """Recursion, also through another subcircuit, is refused."""
    one = Subcircuit(
        name="one",
        pins=(Pin(name="a"),),
        devices=(Instance(name="x1", subcircuit="two", connections={"a": "a"}),),
    )
    two = Subcircuit(
        name="two",
        pins=(Pin(name="a"),),
        devices=(Instance(name="x1", subcircuit="one", connections={"a": "a"}),),
    )
    top = (
        Instance(name="x1", subcircuit="one", connections={"a": "a"}),
        Resistor(name="r1", positive="a", negative="0", resistance=1.0),
    )
    with pytest.raises(CircuitError, match="one contains itself; subcircuit two contains itself"):
        Circuit(name="top", subcircuits=(one, two), devices=top)


def test_probes_and_initial_voltages_name_nodes_by_path():
    """A path descends through instances; what leads nowhere is refused."""
    assert circuit().has_node("xh0.um")
    assert not circuit().has_node("xh1.um")
    for probe in ("us", "xh0.us", "xh1.um", "0", "", "iin.um"):
        with pytest.raises(CircuitError, match="no node of the circuit"):
            circuit(probes=(probe,))
    with pytest.raises(CircuitError, match="initial voltage is for us"):
        circuit(initial={"us": 0.1})
    with pytest.raises(CircuitError, match="initial voltage of m"):
        circuit(initial={"m": math.nan})


def test_voltage_symbols_say_what_they_read():
    """A voltage is against ground unless a reference is given."""
    assert sensed_nodes(voltage("a")) == ("a", "0")
    assert sensed_nodes(voltage("a", "b")) == ("a", "b")
    assert sensed_nodes(sympy.Symbol("v")) is None
    assert voltage("a") == voltage("a", "0") != voltage("a", "b")


def test_values_are_evaluated_with_parameters():
    """A value is a number once its parameters are; a pole is an error, not infinity."""
    assert evaluate(g / c, {"g": 3.0, "c": 2.0}) == 1.5
    assert evaluate(2, {}) == 2.0
    with pytest.raises(CircuitError, match="c has no value"):
        evaluate(g / c, {"g": 3.0}, "the ratio")
    with pytest.raises(CircuitError, match="not a finite real number"):
        evaluate(g / c, {"g": 3.0, "c": 0.0}, "the ratio")


def test_a_held_waveform_keeps_the_integral_of_the_ideal_step():
    """Ramps centred on the steps leave the integral over whole holds unchanged, here for unequal holds."""
    waveform = HeldWaveform(times=(0.0, 1.0, 3.5), values=(2.0, -1.0, 0.5), edge=0.2)
    times, values = waveform.corners()
    np.testing.assert_allclose(times, [0.0, 0.9, 1.1, 3.4, 3.6])
    np.testing.assert_allclose(values, [2.0, 2.0, -1.0, -1.0, 0.5])
    ends = np.append(times, 5.0), np.append(values, 0.5)
    assert np.trapezoid(ends[1], ends[0]) == pytest.approx(2.0 * 1.0 - 1.0 * 2.5 + 0.5 * 1.5)


@pytest.mark.parametrize(
    ("times", "values", "edge"),
    [
        ((), (), 0.1),
        ((0.0, 1.0), (1.0,), 0.1),
        ((0.0, 0.0), (1.0, 2.0), 0.1),
        ((1.0, 0.0), (1.0, 2.0), 0.1),
        ((-1.0, 0.0), (1.0, 2.0), 0.1),
        ((0.0, 1.0), (1.0, math.nan), 0.1),
        ((0.0, 1.0), (1.0, 2.0), 0.0),
        ((0.0, 1.0), (1.0, 2.0), 1.01),
        ((0.0, 1.0), (1.0, 2.0), math.nan),
    ],
)
def test_a_bad_held_waveform_is_refused(times, values, edge):
    """Times increase, values are finite, and an edge is no longer than any hold."""
    with pytest.raises(CircuitError, match="held waveform"):
        HeldWaveform(times=times, values=values, edge=edge)


def test_an_edge_as_long_as_the_hold_is_one_line_between_the_middles():
    """One corner for each hold, in its middle, with its value; the integral is that of the steps."""
    hold = 0.1 * (1 / 3)
    times, values = tuple(hold * k for k in range(200)), tuple(float(np.sin(k)) for k in range(200))
    corners, heights = HeldWaveform(times=times, values=values, edge=hold).corners()
    assert len(corners) == 201
    assert corners[1:-1] == pytest.approx([hold * (k + 0.5) for k in range(199)])
    assert heights[1:-1] == pytest.approx(values[:-1])
    steps = hold * (np.sum(values[:-1]) - values[-2] / 2)
    assert np.trapezoid(heights[:-1], corners[:-1]) == pytest.approx(steps, rel=1e-9)


def test_a_source_is_a_number_or_a_held_waveform():
    """Independent sources take no expressions."""
    with pytest.raises(CircuitError, match="VoltageSource v1"):
        VoltageSource(name="v1", positive="a", negative="0", waveform=g)
    with pytest.raises(CircuitError, match="VoltageSource v1"):
        VoltageSource(name="v1", positive="a", negative="0", waveform=math.inf)


def test_a_circuit_travels_between_processes():
    """A circuit equals its pickled copy."""
    assert pickle.loads(pickle.dumps(circuit())) == circuit()
