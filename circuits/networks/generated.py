"""A network's circuit with nothing ideal on the chip: biases, references and output are made of devices.

A pass over the finished circuit. Every ideal bias current and reference becomes a pin of its neuron, equal ones meet at
one node, and a generator makes each: currents from one master current, references from a string of resistors between
the supplies. Off the chip stay the master current, the input currents, the supplies with their middle, which is
ground, and what follows the readout's output current: its load and its low-pass.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from itertools import pairwise

from circuits.data.circuit import (
    GROUND,
    BehaviouralCurrent,
    BehaviouralVoltage,
    Circuit,
    CircuitError,
    CurrentSource,
    Device,
    HeldWaveform,
    Instance,
    Mosfet,
    Resistor,
    Subcircuit,
    Switch,
    Transconductance,
    evaluate,
)
from circuits.networks.needs import REFERENCE, Drawn, Need, drawn
from circuits.realisations import Trim
from circuits.realisations.cells.cell import OUT, VDD, VSS
from circuits.realisations.cells.coded import AXON, GATE, CodedCells
from circuits.realisations.cells.generator import (
    BITS,
    SINK,
    SOURCE,
    Setting,
    gate_cell,
    gate_name,
    placed_gate,
)
from circuits.realisations.cells.units import UNITS

OFF_CHIP = "off the chip"
MASTER = "master"
BALANCES = 0.01
"""Balances of mirrors are rounded to this share of the current unit: a tenth of a code of six bits."""
STRING_CURRENT = 100e-9
"""Through the string of references, in A: with it a string at 1.8 V has 18 megohms."""
DIGITS = 6
_STRING = "r_string_"
_CURRENT = "_current"
_GATE_CELLS = {way: f"bias_{way}" for way in (SINK, SOURCE)}


@dataclass(kw_only=True)
class _Board:
    """The nodes at which equal needs meet."""

    unit: float
    width: float
    nodes: dict[tuple[str, float, float], str] = field(default_factory=dict)

    def node(self, need: Need, value: float) -> str:
        """The node that a need is connected to; a reference of zero is the middle of the supplies."""
        if need.balance:
            value = max(1, round(value / (BALANCES * self.unit))) * BALANCES * self.unit
        value = float(f"{value:.{DIGITS}g}")
        if need.way == REFERENCE and value == 0:
            return GROUND
        width = self.width if need.width is None or need.way == REFERENCE else need.width
        return self.nodes.setdefault((need.way, value, width), f"{need.way}_{len(self.nodes)}")

    def of(self, way: str) -> list[tuple[float, float, str]]:
        """Value, width of the diode in m and node of each need of one way, smallest first."""
        return [
            (value, width, node) for (own, value, width), node in sorted(self.nodes.items()) if own == way
        ]


def generated(
    circuit: Circuit, *, cells: CodedCells, trims: Mapping[str, Trim], current_unit: float, supply: float
) -> Circuit:
    """The circuit without ideal parts on the chip.

    Args:
        circuit: of transistors, its weights coded.
        cells: the technology's cells of coded weights, of which generators are made too.
        trims: what calibration found of mirrors.
        current_unit: the master current, in A.
        supply: total, in V.

    Raises:
        CircuitError: something ideal is left, with what takes it away.
    """
    outside = {sub.name for sub in circuit.subcircuits if not _transistors(sub, circuit)}
    read = {node for d in circuit.devices if not isinstance(d, Instance) for node in d.terminals}
    read |= set(circuit.probes)
    outputs = {
        d.connections[OUT]
        for d in circuit.devices
        if isinstance(d, Instance) and AXON in d.connections and OUT in d.connections
    }
    known: dict[str, Drawn] = {}
    for subcircuit in _inside_out(circuit):
        if subcircuit.name not in outside:
            needed = not any(pin.name == AXON for pin in subcircuit.pins) or bool(outputs & read)
            known[subcircuit.name] = drawn(subcircuit, known, cells.place, needed)
    _check_lengths(cells)
    board = _Board(unit=current_unit, width=float(cells.place.nmos("m", "d", "g").width))
    devices = [_replaced(device, circuit, known, board, cells) for device in circuit.devices]
    made = list(_generators(board, cells, trims, current_unit, supply))
    kinds = _cells_of(board, made, cells)
    finished = replace(
        circuit,
        subcircuits=(
            *(known[s.name].subcircuit if s.name in known else s for s in circuit.subcircuits),
            *(kind for kind in kinds if kind.name not in {s.name for s in circuit.subcircuits}),
        ),
        devices=(*devices, *made),
    )  # fmt: skip
    _refuse_ideal(finished, outside)
    return finished


def _check_lengths(cells: CodedCells) -> None:
    """Refuse tails of another length than the diodes that their gates come from."""
    tail, diode = (cells.place.nmos(name, "d", "g").length for name in ("m_tail", "m_in"))
    if tail != diode:
        raise CircuitError(
            f"ideal = none: tails are {1e6 * float(tail):.4g} um long by [sizing.roles.tail], and the generator's "
            f"diodes {1e6 * float(diode):.4g} um; fix the width of tails alone, or leave them out"
        )


def _transistors(subcircuit: Subcircuit, circuit: Circuit) -> bool:
    """Whether a subcircuit has transistors, in itself or inside; what has none is off the chip."""
    return any(
        isinstance(device, Mosfet)
        or (isinstance(device, Instance) and _transistors(circuit.subcircuit(device.subcircuit), circuit))
        for device in subcircuit.devices
    )


def _inside_out(circuit: Circuit) -> Iterator[Subcircuit]:
    """The subcircuits, each after those that it has instances of."""
    done: set[str] = set()

    def visit(subcircuit: Subcircuit) -> Iterator[Subcircuit]:
        if subcircuit.name in done:
            return
        done.add(subcircuit.name)
        for device in subcircuit.devices:
            if isinstance(device, Instance):
                yield from visit(circuit.subcircuit(device.subcircuit))
        yield subcircuit

    for subcircuit in circuit.subcircuits:
        yield from visit(subcircuit)


def _replaced(
    device: Device, circuit: Circuit, known: Mapping[str, Drawn], board: _Board, cells: CodedCells
) -> Device:
    """A device of the top level: an instance with its needs met, a constant current as a transistor."""
    if isinstance(device, CurrentSource):
        if isinstance(device.waveform, HeldWaveform) or OFF_CHIP in device.note or device.sink != GROUND:
            return device
        gate = board.node(Need(way=SINK, value=device.waveform), device.waveform)
        return cells.place.nmos(f"m_{device.name}", device.source, gate, note=device.note)
    if not isinstance(device, Instance) or device.subcircuit not in known:
        return device
    own = known[device.subcircuit]
    values = {p.name: float(p.value) for p in circuit.subcircuit(device.subcircuit).parameters}
    values |= {name: evaluate(value, {}, device.label) for name, value in device.parameters.items()}
    left = {pin.name for pin in own.subcircuit.pins}
    kept = {parameter.name for parameter in own.subcircuit.parameters}
    met = {
        pin: board.node(need, evaluate(need.value, values, f"{device.label}, {pin}"))
        for pin, need in own.needs.items()
    }
    return replace(
        device,
        connections={**{pin: node for pin, node in device.connections.items() if pin in left}, **met},
        parameters={name: value for name, value in device.parameters.items() if name in kept},
    )


def _generators(
    board: _Board, cells: CodedCells, trims: Mapping[str, Trim], current_unit: float, supply: float
) -> Iterator[Device]:
    """The master current, a converter and a gate for each current, and the string of references."""
    yield CurrentSource(
        name="i_master", source=MASTER, sink=GROUND, waveform=current_unit, note=f"master current, {OFF_CHIP}"
    )
    yield cells.place.unit_pmos(
        "m_master", MASTER, MASTER, multiplicity=UNITS, note="input of the master current"
    )
    coarse: set[int] = set()
    for way in (SINK, SOURCE):
        gain = trims.get(f"bias_{way}", Trim()).gain
        for value, width, node in board.of(way):
            setting = Setting.of(value / current_unit, gain)
            if setting.into not in coarse:
                coarse.add(setting.into)
                yield Instance(
                    name=f"x_coarse_{setting.into}", subcircuit=cells.driver(setting.into).name,
                    connections={AXON: MASTER, GATE: f"coarse_{setting.into}", VDD: VDD, VSS: VSS},
                )  # fmt: skip
            entry = node if way == SINK else f"{node}_in"
            yield cells.weight(
                f"x_{node}{_CURRENT}",
                gate=f"coarse_{setting.into}",
                out=entry,
                code=setting.code,
                bits=BITS,
                each=1,
            )
            yield placed_gate(f"x_{node}", way, entry, node, gate_name(cells.place, way, width))
    yield from _string({value: node for value, _, node in board.of(REFERENCE)}, supply)


def _string(references: Mapping[float, str], supply: float) -> Iterator[Device]:
    """Resistors in series between the supplies, with a tap at every reference."""
    beyond = [value for value in references if not -supply / 2 < value < supply / 2]
    if beyond:
        raise CircuitError(
            f"ideal = none: a reference of {beyond[0]:.4g} V lies beyond the supplies, {-supply / 2:g} to "
            f"{supply / 2:g} V, between which the string of resistors is; lower the neuron's delta, or "
            "keep its references ideal"
        )
    taps = [(-supply / 2, VSS), *references.items(), (supply / 2, VDD)]
    for index, ((low, below), (high, above)) in enumerate(pairwise(taps)):
        if references:
            yield Resistor(
                name=f"{_STRING}{index}", positive=above, negative=below, resistance=(high - low) / STRING_CURRENT,
                note="of the string of references",
            )  # fmt: skip


def generated_values(circuit: Circuit) -> dict[str, int]:
    """How many different currents, by their way, and references are made for a circuit."""
    gates = [
        way
        for d in circuit.devices
        for way, cell in _GATE_CELLS.items()
        if isinstance(d, Instance) and d.subcircuit.startswith(cell)
    ]
    string = sum(isinstance(d, Resistor) and d.name.startswith(_STRING) for d in circuit.devices)
    return {way: gates.count(way) for way in _GATE_CELLS} | {REFERENCE: max(0, string - 1)}


@dataclass(frozen=True, kw_only=True)
class Made:
    """A bias current (A) or a reference (V) that a generator makes, and how many pins at the top it goes to."""

    node: str
    value: float
    unit: str
    number: int


def made_values(circuit: Circuit) -> list[Made]:
    """What the generators of a circuit make: currents as their codes say, references as the string divides them."""
    devices = {device.name: device for device in circuit.devices}
    master = devices.get(f"i_{MASTER}")
    if not isinstance(master, CurrentSource) or isinstance(master.waveform, HeldWaveform):
        return []
    return [*_made_currents(circuit, master.waveform), *_made_references(circuit)]


def _made_currents(circuit: Circuit, master: float) -> Iterator[Made]:
    for device in circuit.devices:
        if isinstance(device, Instance) and device.code is not None and device.name.endswith(_CURRENT):
            node = device.name.removeprefix("x_").removesuffix(_CURRENT)
            into = int(device.connections[GATE].rpartition("_")[2])
            own = {device.name, f"x_{node}"}
            yield Made(
                node=node, value=master * device.code / into, unit="A", number=_users(circuit, node, own)
            )


def _made_references(circuit: Circuit) -> Iterator[Made]:
    string = [d for d in circuit.devices if isinstance(d, Resistor) and d.name.startswith(_STRING)]
    drops = [float(resistor.resistance) * STRING_CURRENT for resistor in string]
    own, voltage = {resistor.name for resistor in string}, -sum(drops) / 2
    for resistor, drop in list(zip(string, drops, strict=True))[:-1]:
        voltage += drop
        node = resistor.positive
        yield Made(node=node, value=voltage, unit="V", number=_users(circuit, node, own))


def _users(circuit: Circuit, node: str, own: set[str]) -> int:
    """How often the devices of the top level are connected to a node, those that make it left out."""
    return sum(d.terminals.count(node) for d in circuit.devices if d.name not in own)


def _cells_of(board: _Board, devices: list[Device], cells: CodedCells) -> Iterator[Subcircuit]:
    """The subcircuits of the generators."""
    used = {device.subcircuit: device for device in devices if isinstance(device, Instance)}
    for way in _GATE_CELLS:
        for width in sorted({width for _, width, _ in board.of(way)}):
            yield gate_cell(cells.place, way, width)
    if any(device.code is not None for device in used.values()):
        yield cells.synapse(BITS, 1)
    for name in used:
        if name.startswith("coded_driver_"):
            yield cells.driver(int(name.rpartition("_")[2]))


CURES = {
    Transconductance: "weights and biases need codes (network.bits), filters a filter_limit, which `excitable "
    "retrain` gives them",
    BehaviouralVoltage: "use a law that has a circuit of transistors",
    BehaviouralCurrent: "use a law that has a circuit of transistors",
    Resistor: "filters need a filter_limit, which `excitable retrain` gives them",
    Switch: "events have no circuit of transistors",
    CurrentSource: "weights and biases need codes (network.bits)",
}


def ideal_parts(circuit: Circuit, outside: set[str]) -> list[tuple[str, Device]]:
    """The ideal parts on the chip, by the scope that they are in; those that are off the chip are none."""
    found: list[tuple[str, Device]] = []
    for scope, devices in (
        ("the network", circuit.devices),
        *((s.name, s.devices) for s in circuit.subcircuits),
    ):
        if scope in outside:
            continue
        for device in devices:
            string = isinstance(device, Resistor) and device.name.startswith(_STRING)
            off = isinstance(device, CurrentSource) and OFF_CHIP in device.note
            if isinstance(device, tuple(CURES)) and not string and not off:
                found.append((scope, device))
    return found


def _refuse_ideal(circuit: Circuit, outside: set[str]) -> None:
    """Raise `CircuitError` for the first ideal part that is left."""
    for scope, device in ideal_parts(circuit, outside):
        raise CircuitError(
            f"circuit {circuit.name}: {device.label} in {scope} is ideal, and ideal = 'none' is asked for: "
            f"{CURES[type(device)]}"
        )
