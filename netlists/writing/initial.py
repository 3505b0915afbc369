"""Initial voltages of all state nodes: an oscillating neuron without them starts on its unstable equilibrium."""

from collections.abc import Iterator, Mapping

from circuits.data.circuit import (
    GROUND,
    BehaviouralVoltage,
    Capacitor,
    Circuit,
    Instance,
    Subcircuit,
    VoltageSource,
    evaluate,
)
from netlists.errors import NetlistError
from netlists.writing.names import card_name


def initial_voltages(circuit: Circuit) -> dict[str, float]:
    """Initial voltage (V) of each node that has one, by the node's path of cards, joined by dots.

    A node that carries a capacitor, other than a parasitic one, and is not held by a voltage source must have one; else
    `NetlistError`.
    """
    walk = _Walk(circuit)
    parameters = {p.name: float(p.value) for p in circuit.parameters}
    walk.visit(circuit, "", {}, parameters)
    given = {walk.top_level_name(path): float(value) for path, value in circuit.initial.items()}
    values = walk.values | given
    missing = [node for node in walk.states if node not in values and node not in walk.held]
    if missing:
        raise NetlistError(
            f"circuit {circuit.name}: state nodes without initial voltage: {', '.join(missing)}; "
            f"give it in `initial` of the subcircuit or of the circuit"
        )
    disputed = [node for node in walk.disputed if node not in given]
    if disputed:
        raise NetlistError(
            f"circuit {circuit.name}: instances disagree on the initial voltage of {', '.join(disputed)}; "
            f"give it in `initial` of the circuit"
        )
    return {node: value for node, value in values.items() if node not in walk.held}


class _Walk:
    """Collects state nodes and initial voltages over all instances, nodes under paths of cards."""

    def __init__(self, circuit: Circuit) -> None:
        self.circuit = circuit
        self.states: dict[str, None] = {}
        self.held: set[str] = {GROUND}
        self.values: dict[str, float] = {}
        self.disputed: dict[str, None] = {}
        self.paths: dict[str, dict[str, str]] = {}

    def visit(
        self,
        scope: Circuit | Subcircuit,
        prefix: str,
        pins: Mapping[str, str],
        parameters: Mapping[str, float],
        path: str = "",
    ) -> None:
        """Visit one scope: `pins` maps its pins to global names, `prefix` names its inner nodes."""
        names = {GROUND: GROUND, **{node: prefix + node for node in scope.nodes if node != GROUND}, **pins}
        self.paths[path] = names
        if isinstance(scope, Subcircuit):
            for node, value in scope.initial.items():
                owner = f"subcircuit {scope.name}, initial voltage of {node}"
                self._set(names[node], evaluate(value, parameters, owner))
        for device in scope.devices:
            if isinstance(device, Capacitor) and not device.parasitic:
                self.states |= dict.fromkeys(names[node] for node in device.terminals)
            elif isinstance(device, VoltageSource | BehaviouralVoltage):
                self.held |= {names[node] for node in _held_nodes(device)}
            elif isinstance(device, Instance):
                inner = self.circuit.subcircuit(device.subcircuit)
                connections = {pin: names[node] for pin, node in device.connections.items()}
                values = {p.name: float(p.value) for p in inner.parameters} | {
                    name: evaluate(value, parameters, f"{device.label}, parameter {name}")
                    for name, value in device.parameters.items()
                }
                inner_path = f"{path}.{device.name}" if path else device.name
                self.visit(inner, f"{prefix}{card_name(device)}.", connections, values, inner_path)

    def _set(self, node: str, value: float) -> None:
        if self.values.get(node, value) != value:
            self.disputed[node] = None
        self.values[node] = value

    def top_level_name(self, path: str) -> str:
        """Path of cards of the node."""
        scope, _, node = path.rpartition(".")
        return self.paths[scope][node]


def _held_nodes(source: VoltageSource | BehaviouralVoltage) -> Iterator[str]:
    """Nodes whose voltage the source fixes: the other end must be ground."""
    if source.negative == GROUND:
        yield source.positive
    elif source.positive == GROUND:
        yield source.negative
