"""Which node voltages a circuit can have, so that what lies far outside is refused as a fault of the simulation."""

from collections.abc import Iterator, Mapping

from circuits.data.circuit import (
    GROUND,
    BehaviouralVoltage,
    Circuit,
    HeldWaveform,
    Instance,
    Subcircuit,
    VoltageSource,
)
from circuits.realisations.cells.cell import VDD, VSS
from netlists.analyses import Tolerances
from netlists.writing.names import outer_path

LARGEST = 1000.0
"""In voltage units: no law of a neuron in use leaves it, and an exploded integration passes it within a few steps."""
LARGEST_LAW = 1e6
"""The same where a law gives a node its voltage: a spike is a pulse of area v0 tau_m, as high as it is short."""


def possible_voltages(circuit: Circuit, tolerances: Tolerances) -> dict[str, tuple[float, float]]:
    """Lowest and highest voltage (V) that each probed node of the circuit can have.

    With supplies, no node leaves the rails by more than the distance between them: that is what a capacitor, pulled
    from one rail to the other, can add. Without, `LARGEST` voltage units, which the tolerances know. Sources and
    initial voltages are always inside.
    """
    sources = [device for device in circuit.devices if isinstance(device, VoltageSource)]
    supplies = [
        value for each in sources if {each.positive, each.negative} & {VDD, VSS} for value in _values(each)
    ]
    given = [value for each in sources for value in _values(each)] + list(circuit.initial.values())
    laws = set(_given_by_laws(circuit, circuit, "", {}))
    found = {}
    for path in circuit.probes:
        node = outer_path(circuit, path)
        if supplies and node not in laws:
            low, high = min(supplies), max(supplies)
            low, high = low - (high - low), high + (high - low)
        else:
            high = (LARGEST_LAW if node in laws else LARGEST) * tolerances.voltage_unit
            low = -high
        found[path] = (float(min(low, *given, low)), float(max(high, *given, high)))
    return found


def _values(source: VoltageSource) -> tuple[float, ...]:
    """Ground, and each value that the source gives to its node."""
    held = source.waveform
    values = held.values if isinstance(held, HeldWaveform) else (float(held),)
    sign = 1.0 if source.negative == GROUND else -1.0
    return (0.0, *(sign * value for value in values))


def _given_by_laws(
    circuit: Circuit, scope: Circuit | Subcircuit, path: str, pins: Mapping[str, str]
) -> Iterator[str]:
    """Paths, as far out as possible, of the nodes whose voltage is a law of other voltages."""
    for device in scope.devices:
        if isinstance(device, BehaviouralVoltage):
            yield from (pins.get(node, path + node) for node in device.terminals)
        elif isinstance(device, Instance):
            inside = {pin: pins.get(node, path + node) for pin, node in device.connections.items()}
            inner = circuit.subcircuit(device.subcircuit)
            yield from _given_by_laws(circuit, inner, f"{path}{device.name}.", inside)
