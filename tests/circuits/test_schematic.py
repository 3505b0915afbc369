"""The schematic shows every device with its values, at every level, and no two texts lie over each other."""

import re
import xml.etree.ElementTree as ET
from itertools import combinations

import pytest

from circuits.data.circuit import (
    BehaviouralCurrent,
    Circuit,
    CircuitError,
    CurrentSource,
    Instance,
    Mosfet,
    Pin,
    Resistor,
    Subcircuit,
    Transconductance,
    voltage,
)
from circuits.networks.single import neuron_circuit
from circuits.realisations import LEVELS, realise
from circuits.schematic import plan, schematic, schematics, scope_at
from circuits.technologies import technology
from conductance.neurons.presets import PRESETS
from excitable.checks.levels import with_limits

TEXT = "{http://www.w3.org/2000/svg}text"


def _circuit(level, preset="bursting"):
    generic = technology("generic_180nm")
    known = with_limits(PRESETS[preset], filter_limit=None if level == "behavioural" else 1.0)
    built = realise(known.neuron, level, technology=generic)
    return neuron_circuit(known.neuron, known.stimulus, scaling=generic.scaling(), realisation=built)


def _texts(svg):
    """Every line of text with its box (left, right, top, bottom), a letter being half as wide as it is high."""
    for text in ET.fromstring(svg).iter(TEXT):
        size, words = float(text.get("font-size")), "".join(text.itertext()).strip()
        style = text.get("text-anchor", "start")
        x, y = float(text.get("x")), float(text.get("y"))
        width = 0.5 * size * len(words)
        left = {"start": x, "middle": x - width / 2, "end": x - width}[style]
        yield words, (left, left + width, y - size / 2, y + size / 2)


@pytest.mark.parametrize("level", LEVELS)
def test_no_two_texts_lie_over_each_other(level):
    """At every level, the boxes of all texts of a neuron's schematic are apart."""
    texts = list(_texts(schematic(_circuit(level), "xn")))
    assert len(texts) > 20
    for (a, first), (b, second) in combinations(texts, 2):
        apart = (
            first[1] <= second[0] or second[1] <= first[0] or first[3] <= second[2] or second[3] <= first[2]
        )
        assert apart, f"{a!r} lies over {b!r}"


@pytest.mark.parametrize("level", LEVELS)
def test_every_device_is_shown(level):
    """Every device hangs from one wire; staggered pairs of one transconductor are one symbol, references are values."""
    circuit = _circuit(level)
    scope, values = scope_at(circuit, "xn")
    captions = [part.caption[0] for row in plan(circuit, scope, values) for part in row.parts]
    assert len(captions) == len(set(captions))
    shown = set(captions)
    for device in scope.devices:
        base = re.sub(r"_\d+$", "", device.name)
        zero = device.name == "b_um_leak_offset"
        assert zero or device.name.startswith("b_ref") or {device.name, base} & shown, device.name


def test_biases_signs_and_timescales_are_those_of_the_instance():
    """A preset's elements carry alpha I0, their sign, and the timescale C V0/I_b of the state that they read."""
    circuit = _circuit("transistor")
    scope, values = scope_at(circuit, "xn")
    parts = {part.caption[0]: part for row in plan(circuit, scope, values) for part in row.parts}
    slow = 20 * technology("generic_180nm").scaling().time_unit
    assert f"τ = {1e3 * slow:.3g} ms" in parts["x_us_filter"].caption
    assert parts["x_um_s_minus"].caption[1] == "I_b = 1.5 nA"
    assert parts["x_um_s_minus"].caption[2].startswith("(−)")
    assert parts["x_um_s_plus"].caption[2].startswith("(+)")
    assert parts["x_um_s_minus"].reads == ("us", "−62.4 mV")  # delta = -0.9 at V0 = 69.3 mV
    assert parts["x_um_leak"].caption[1].startswith("7 pairs")


def test_the_amplifier_inside_is_drawn_with_its_sizes():
    """A path into the neuron leads to the transistors of one amplifier, at the bias of that element."""
    circuit = _circuit("transistor")
    scope, values = scope_at(circuit, "xn.x_um_s_minus")
    parts = [part for row in plan(circuit, scope, values) for part in row.parts]
    transistors = [d for d in scope.devices if isinstance(d, Mosfet)]
    assert sum(part.symbol in ("nmos", "pmos") for part in parts) == len(transistors) == 10
    assert all(part.above == (part.symbol == "pmos") for part in parts if part.symbol.endswith("mos"))
    assert "1.5 nA" in {line for part in parts for line in part.caption}


@pytest.mark.parametrize("ends", [("a", "0"), ("0", "a"), ("a", "vdd"), ("vdd", "a"), ("a", "b"), ("b", "a")])
def test_arrows_show_where_a_current_flows(ends):
    """Out of the wire of the node that it leaves, into that of the node that it enters, for every kind of source."""
    start, end = ends
    inner = Subcircuit(
        name="cell", pins=(Pin(name="a"), Pin(name="b"), Pin(name="vdd")),
        devices=(
            CurrentSource(name="fixed", source=start, sink=end, waveform=1e-9),
            BehaviouralCurrent(name="law", source=start, sink=end, current=1e-9 * voltage("b")),
            Transconductance(
                name="slope", out_from=start, out_to=end, sense_positive="b", sense_negative="0", gain=1e-9
            ),
        ),
    )  # fmt: skip
    connections = {"a": "a", "b": "b", "vdd": "vdd"}
    placed = Instance(name="x", subcircuit="cell", connections=connections)
    rows = plan(Circuit(name="top", subcircuits=(inner,), devices=(placed,)), inner, {})
    parts = {part.caption[0]: part for row in rows for part in row.parts}
    assert set(parts) == {"fixed", "law", "slope"}
    for part in parts.values():
        assert part.symbol == "current" and {part.node, part.far} == set(ends) and part.node in "ab"
        assert part.inward == (part.node == end)


def test_notes_are_escaped():
    """A note with signs of XML is text, and the file stays XML."""
    part = Resistor(name="r", positive="a", negative="b", resistance=1.0, note="<script>&alert</script>")
    inner = Subcircuit(name="cell", title="a < b & c", pins=(), devices=(part,))
    circuit = Circuit(
        name="top", subcircuits=(inner,), devices=(Instance(name="x", subcircuit="cell", connections={}),)
    )
    svg = schematic(circuit, "x")
    assert "<script" not in svg
    assert "x: a < b & c" in {words for words, _ in _texts(svg)}


def test_an_instance_that_is_not_there_is_named():
    """The error names the path and what there is."""
    with pytest.raises(CircuitError, match=r"no instance 'xm'.*xn"):
        schematic(_circuit("behavioural"), "xm")


def test_one_schematic_for_each_subcircuit():
    """A circuit of transistors is drawn with the neuron and with both of its amplifiers."""
    drawn = schematics(_circuit("transistor"))
    assert set(drawn) == {"bursting", "ota5", "ota10"}
    assert len(set(drawn.values())) == 3
