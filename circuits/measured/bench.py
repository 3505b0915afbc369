"""Benches of a neuron's parts alone: copies of them whose states are held by sources, for DC and small signals."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace

from circuits.data.circuit import GROUND, Capacitor, Circuit, Device, Instance, Pin, Subcircuit, VoltageSource
from circuits.networks.single import supplies
from circuits.realisations import Realisation
from circuits.realisations.cells.cell import VDD, VSS

DRIVE = "drive"
SWEPT = "v_drive"
"""The source that holds the driven node of every copy, through a meter of its own."""


def meter(copy: int) -> str:
    """The source whose current flows from the drive into a copy."""
    return f"v_meter{copy}"


def held(copy: int, node: str) -> str:
    """The source that holds another node of a copy."""
    return f"v_{node}{copy}"


def node_of(copy: int, node: str) -> str:
    """A node of a copy, at the top."""
    return f"{node}_{copy}"


def parts_alone(built: Realisation, labels: Collection[str], states: Collection[str]) -> Subcircuit:
    """The devices of some parts, with the references; every state that they touch is a pin.

    Args:
        built: the neuron.
        labels: of the parts, as `Current.label` and `output`.
        states: the nodes of all states.
    """
    devices = tuple(
        device
        for device in built.subcircuit.devices
        if device.part in labels or (not device.part and not isinstance(device, Capacitor))
    )
    touched = {node for device in devices if device.part for node in device.terminals}
    known = {pin.name: pin for pin in built.subcircuit.pins}
    known |= {node: Pin(name=node, meaning="held state") for node in states if node not in known}
    wanted = [node for node in known if node in touched or node in (VDD, VSS)]
    return replace(
        built.subcircuit,
        name="parts",
        title="parts of a neuron alone",
        devices=devices,
        pins=tuple(known[node] for node in wanted),
        initial={},
        timescales={},
    )


def copies(
    built: Realisation,
    parts: Subcircuit,
    driven: str,
    points: Sequence[Mapping[str, float]],
    *,
    drive: float | None = 0.0,
    small_signal: float = 0.0,
    watched: Sequence[str] = (),
) -> Circuit:
    """Copies of parts, one for each point.

    Args:
        built: the neuron, for its cells, cards and supplies.
        parts: from `parts_alone`.
        driven: the node that is driven through a meter.
        points: voltages (V) of the held nodes of each copy, and of the driven one where `drive` is None.
        drive: voltage (V) of the one source that drives all copies, which a DC sweep may move.
        small_signal: amplitude (V) at the driven node in a small-signal analysis.
        watched: further nodes of each copy that are kept.
    """
    devices: list[Device] = [*supplies(built)]
    if drive is not None:
        devices.append(VoltageSource(name=SWEPT, positive=DRIVE, negative=GROUND, waveform=drive))
    others: list[Device] = []
    for copy, point in enumerate(points):
        own = point.get(driven, 0.0) if drive is None else 0.0
        top = GROUND if drive is None else DRIVE
        devices += [
            VoltageSource(
                name=meter(copy),
                positive=top,
                negative=node_of(copy, driven),
                waveform=-own,
                small_signal=-small_signal,
            ),
            _copy(copy, parts),
        ]
        others += _holding(copy, parts, {node: value for node, value in point.items() if node != driven})
    return Circuit(
        name="parts_bench",
        title=f"parts of a {built.name} neuron, {len(points)} copies",
        subcircuits=(*built.cells, parts),
        models=built.models,
        temperature=built.temperature,
        corner=built.corner,
        devices=(*devices, *others),
        probes=tuple(node_of(copy, node) for copy in range(len(points)) for node in (*watched, driven)),
        metered=(*(meter(copy) for copy in range(len(points))), *(source.name for source in others)),
    )


def _holding(copy: int, parts: Subcircuit, point: Mapping[str, float]) -> list[Device]:
    """Sources that hold those nodes of a copy that its parts touch."""
    pins = {pin.name for pin in parts.pins}
    return [
        VoltageSource(name=held(copy, node), positive=node_of(copy, node), negative=GROUND, waveform=voltage)
        for node, voltage in point.items()
        if node in pins
    ]


def _copy(copy: int, parts: Subcircuit) -> Instance:
    connections = {
        pin.name: pin.name if pin.name in (VDD, VSS) else node_of(copy, pin.name) for pin in parts.pins
    }
    return Instance(name=f"xn{copy}", subcircuit=parts.name, connections=connections)
