"""The drawn devices: what a layout has, in a hierarchy, for LVS and for xschem, and back from xschem."""

import os
import re
import shutil
import subprocess
from collections import Counter
from dataclasses import replace

import numpy as np
import pytest
from netlist_examples import SCALED, mtc_circuit

from circuits.data.circuit import Capacitor, Circuit, Instance, Mosfet, Resistor, evaluate
from circuits.hierarchy import drawn_circuit
from circuits.networks.continuous import network_circuit
from circuits.networks.single import neuron_circuit
from circuits.realisations import realise
from circuits.technologies import technology
from conductance.layers import NeuronLayer, Projection
from conductance.networks import Network
from conductance.neurons import mtc
from conductance.neurons.presets import BURSTING
from netlists.analyses import OperatingPoint
from netlists.writing import write_netlist

GENERIC = technology("generic_180nm")
DRAWN = (Mosfet, Capacitor, Resistor)


@pytest.fixture(scope="module")
def bursting() -> Circuit:
    """One bursting neuron of transistors, in its bench."""
    built = realise(BURSTING.neuron, "transistor", technology=GENERIC, scaling=GENERIC.scaling())
    return neuron_circuit(
        BURSTING.neuron, -1.0, scaling=GENERIC.scaling(), realisation=built, name="one_bursting"
    )


@pytest.fixture(scope="module")
def network() -> Circuit:
    """Two layers of transistors, of two and of three neurons, one of which has another slow time constant."""
    layers = {
        "encoder": Projection(1, 2),
        "front": NeuronLayer(mtc(), 2, dt=0.2),
        "between": Projection(2, 3),
        "back": NeuronLayer(mtc(), 3, dt=0.2, values={"tau_s": np.array([20.0, 20.0, 30.0])}),
    }
    return network_circuit(
        Network(layers), np.zeros((3, 1)), dt=0.2, scaling=GENERIC.scaling(), levels="transistor", technology=GENERIC
    ).circuit  # fmt: skip


def flat(circuit: Circuit, scope=None, values=None, nodes=None, path="") -> list[tuple]:
    """Every drawn device by its kind, its sizes and the nets that it hangs on, whatever holds it."""
    scope, nodes = circuit if scope is None else scope, dict(nodes or {})
    values = {p.name: float(p.value) for p in scope.parameters} | dict(values or {})
    found = []
    for device in scope.devices:
        ends = [nodes.get(node, node if node == "0" else path + node) for node in device.terminals]
        if isinstance(device, Instance):
            child = circuit.subcircuit(device.subcircuit)
            given = {name: evaluate(value, values) for name, value in device.parameters.items()}
            inner = dict(zip(device.connections, ends, strict=True))
            found += flat(circuit, child, given, inner, f"{path}{device.name}.")
        elif isinstance(device, DRAWN):
            sizes = tuple(f"{evaluate(value, values):.9g}" for value in device.expressions)
            model = (device.model, device.multiplicity) if isinstance(device, Mosfet) else ()
            found.append((type(device).__name__, sizes, model, tuple(ends)))
    return found


def joined(devices: list[tuple]) -> Counter:
    """The devices with every net named by what hangs on it, so that names of nets do not matter."""
    kinds: dict[str, list] = {}
    for kind, sizes, model, ends in devices:
        for place, net in enumerate(ends):
            kinds.setdefault(net, []).append((kind, sizes, model, place))
    named = {net: hash(tuple(sorted(what))) for net, what in kinds.items()}
    return Counter(
        (kind, sizes, model, tuple(named[net] for net in ends)) for kind, sizes, model, ends in devices
    )


@pytest.mark.parametrize("name", ["bursting", "network"])
def test_the_drawn_circuit_is_the_circuit_without_its_ideal_parts(name, request):
    """Every transistor, capacitor and resistor with its size, and on every net the same devices as before."""
    circuit = request.getfixturevalue(name)
    drawn = drawn_circuit(circuit)
    assert len(flat(circuit)) > 60
    assert joined(flat(drawn)) == joined(flat(circuit))
    kinds = {type(device) for scope in drawn.subcircuits for device in scope.devices}
    assert kinds <= {Instance, *DRAWN}
    assert not any(scope.parameters for scope in drawn.subcircuits)


def test_the_hierarchy_is_network_layer_neuron_part_device(network):
    """The top holds layers, a layer neurons and synapses, a neuron parts, a part amplifiers; two sizes are two."""
    drawn = drawn_circuit(network)
    known = {scope.name: scope for scope in drawn.subcircuits}

    def held(name: str) -> list[str]:
        return [d.subcircuit for d in known[name].devices if isinstance(d, Instance)]

    assert held("network") == ["network_front", "network_back"]
    assert [name for name in held("network_back") if name.startswith("mtc")] == ["mtc", "mtc", "mtc_2"]
    assert "mtc_um_leak" in held("mtc") and set(held("mtc_um_leak")) == {"ota5"}
    assert all(isinstance(device, Mosfet) for device in known["ota5"].devices)
    assert list(known)[-1] == "network"


def test_the_order_is_stable_and_definitions_come_first(network):
    """The same circuit gives the same text, and nothing is used before it stands there."""
    texts = {
        write_netlist(network, OperatingPoint(), SCALED, dialect="lvs").files["network.spice"]
        for _ in range(2)
    }
    (text,) = texts
    defined: set[str] = set()
    for line in text.splitlines():
        words = line.partition(";")[0].split()
        if line.startswith(".subckt"):
            defined.add(words[1])
        elif line.startswith("x"):
            assert words[-1] in defined
        assert not re.match(r"[bgevi]_?\w* ", line), line


def test_what_is_ideal_is_counted_in_the_head(bursting):
    """How many sources, references and filters have become pins."""
    written = write_netlist(bursting, OperatingPoint(), SCALED, dialect="lvs")
    (line,) = [line for line in written.files[written.bench].splitlines() if "ideal and left out" in line]
    assert "2 Transconductance" in line and "1 CurrentSource" in line


def test_transistors_in_parallel_are_one_card(bursting):
    """`m=`, and none for one alone."""
    (first, *others) = bursting.subcircuits
    devices = [replace(d, multiplicity=3) if d.name == "m_tail" else d for d in first.devices]
    changed = replace(bursting, subcircuits=(replace(first, devices=devices), *others))
    written = write_netlist(changed, OperatingPoint(), SCALED, dialect="lvs")
    before = write_netlist(bursting, OperatingPoint(), SCALED, dialect="lvs")
    lines, others = (each.files[each.bench].splitlines() for each in (written, before))
    (card,) = [line for line in lines if line not in others]
    assert card.startswith("m_tail ") and " m=3" in card


@pytest.mark.parametrize("dialect", ["lvs", "xschem"])
def test_a_behavioural_circuit_leaves_its_capacitors(dialect):
    """What is stated by sources is not drawn."""
    written = write_netlist(mtc_circuit(), OperatingPoint(), SCALED, dialect=dialect)
    assert re.search(r"cs us 0 5e-11|name=cs m=1 value=5e-11", "".join(written.files.values()))


def parsed(text: str) -> dict[str, dict[str, list[str]]]:
    """Cards of each subcircuit by their names: nodes, model and sizes as words, numbers as they are."""
    text = re.sub(r"\n\+\s*", " ", text)
    found: dict[str, dict[str, list[str]]] = {}
    scope: dict[str, list[str]] | None = None
    for line in text.splitlines():
        words = line.partition(";")[0].split()
        if not words or words[0].startswith("*"):
            continue
        if words[0] == ".subckt":
            scope = found.setdefault(words[1], {"": words[2:]})
        elif words[0] == ".ends":
            scope = None
        elif scope is not None:
            kept = [w for w in words[1:] if not re.match(r"(ad|as|pd|ps)=|m=1$", w)]
            scope[words[0]] = [
                w if "=" not in w else f"{w.split('=')[0]}={float(w.split('=')[1])}" for w in kept
            ]
    return found


@pytest.mark.parametrize("name", ["bursting", "network"])
def test_xschem_netlists_back_to_the_same_devices(name, request, tmp_path):
    """Device by device and pin by pin, with their sizes, from the sheets and symbols alone."""
    if shutil.which("xschem") is None or shutil.which("xvfb-run") is None:
        pytest.skip("xschem or xvfb-run is missing")
    circuit = request.getfixturevalue(name)
    wanted = write_netlist(circuit, OperatingPoint(), SCALED, dialect="lvs")
    top = write_netlist(circuit, OperatingPoint(), SCALED, dialect="xschem").write(tmp_path / "sheets")
    (tmp_path / "net").mkdir()
    library = "/usr/share/xschem/xschem_library"
    (tmp_path / "rc").write_text(
        f"set XSCHEM_LIBRARY_PATH {library}:{top.parent}\nset netlist_dir {tmp_path / 'net'}\n"
    )
    subprocess.run(
        ["xvfb-run", "-a", "xschem", "-n", "-s", "-q", "-x", "-r", "--rcfile", str(tmp_path / "rc"), "-l",
         str(tmp_path / "log"), str(top)],
        check=True, stdin=subprocess.DEVNULL, capture_output=True, timeout=120,
        env={**os.environ, "HOME": str(tmp_path)},
    )  # fmt: skip
    found = parsed((tmp_path / "net" / f"{top.stem}.spice").read_text())
    expected = parsed(wanted.files[wanted.bench])
    assert set(found) == set(expected)
    for scope, cards in expected.items():
        assert found[scope] == cards, scope


def test_symbols_have_the_pins_of_their_subcircuits_in_order(network):
    """As xschem netlists an instance by its symbol's order, and its definition by the sheet's."""
    files = write_netlist(network, OperatingPoint(), SCALED, dialect="xschem").files
    (text,) = write_netlist(network, OperatingPoint(), SCALED, dialect="lvs").files.values()
    headers = re.findall(r"^\.subckt (\S+)((?: \S+)*)$", text, re.MULTILINE)
    wanted = {name: pins.split() for name, pins in headers}
    assert any(pins != sorted(pins) for pins in wanted.values())
    assert {f"{name}.sym" for name in wanted} == {name for name in files if name.endswith(".sym")}
    for name, pins in wanted.items():
        assert re.findall(r"^B 5 .*\{name=(\S+) dir=", files[f"{name}.sym"], re.MULTILINE) == pins
        assert (
            re.findall(r"^C \{devices/iopin\.sym\} .*lab=(\w+)\}", files[f"{name}.sch"], re.MULTILINE) == pins
        )


def test_sheets_have_no_two_symbols_in_one_place_and_names_that_differ(network):
    """No device lies on another, and each has a name of its own on its sheet."""
    written = write_netlist(network, OperatingPoint(), SCALED, dialect="xschem")
    for name, text in written.files.items():
        placed = re.findall(r"^C \{(\S+)\} (\S+) (\S+) \d \d \{name=(\S+)", text, re.MULTILINE)
        devices = [(x, y) for symbol, x, y, _ in placed if symbol != "devices/lab_pin.sym"]
        assert len(set(devices)) == len(devices), name
        names = [each for *_, each in placed]
        assert len(set(names)) == len(names), name
