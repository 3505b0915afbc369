"""A layout in place of what was drawn: subcircuits with the same pins, in the same bench."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

from circuits.data.circuit import (
    GROUND,
    BehaviouralCurrent,
    BehaviouralVoltage,
    CircuitError,
    CurrentSource,
    Device,
    Instance,
    Subcircuit,
    Transconductance,
    VoltageSource,
)
from circuits.realisations.realisation import Realisation

IDEAL = (BehaviouralCurrent, BehaviouralVoltage, CurrentSource, VoltageSource, Transconductance)
"""Kinds of devices that no layout has: what is still ideal in the drawn subcircuit stays, at the nets of the layout."""


def with_extracted(realisation: Realisation, extracted: Sequence[Subcircuit]) -> Realisation:
    """The realisation with what a layout tool extracted in place of the subcircuits of the same names.

    The neuron itself may be among them, its cells, or both; what else they have instances of comes along. Sources that
    are still ideal, such as a bias current, stay: the layout has the nets that they are at, as labels or as pins
    besides. Instances of the same name keep the values that the drawn ones are given. A layout has the sizes that it
    was drawn for, so a parameter that only sizes read has no effect.

    Args:
        realisation: from `realise`.
        extracted: from `netlists.reading.read_extracted`; where it is empty, what is drawn stays.

    Raises:
        CircuitError: none of them has the name of the neuron or of a cell, or one lacks a pin or a source's net.
    """
    drawn = {each.name: each for each in (*realisation.cells, realisation.subcircuit)}
    given = {each.name: each for each in extracted}
    if extracted and not drawn.keys() & given.keys():
        raise CircuitError(
            f"extracted: it has {', '.join(given) or 'nothing'}; one of them must be called as what it replaces, "
            f"one of {', '.join(drawn)}"
        )
    placed = {name: _in_place(each, given[name]) if name in given else each for name, each in drawn.items()}
    others = [each for name, each in given.items() if name not in drawn]
    cells = [each for name, each in placed.items() if name != realisation.name]
    return replace(realisation, subcircuit=placed[realisation.name], cells=(*others, *cells))


def _in_place(drawn: Subcircuit, extracted: Subcircuit) -> Subcircuit:
    """The extracted one with the words, parameters, ideal sources and initial voltages of the drawn one."""
    pins = {pin.name: pin for pin in drawn.pins}
    found = {pin.name for pin in extracted.pins}
    ideal = [device for device in drawn.devices if isinstance(device, IDEAL)]
    asked = {net for device in ideal for net in device.terminals if net in _touched(drawn, ideal)}
    lacking = sorted((pins.keys() - found) | (asked - extracted.nodes))
    if lacking or found - drawn.nodes:
        said = [f"lacks {', '.join(lacking)}"] if lacking else []
        said += [f"has {', '.join(sorted(found - drawn.nodes))} besides"] if found - drawn.nodes else []
        raise CircuitError(
            f"extracted {drawn.name}: it {' and '.join(said)}; the drawn one has the pins {', '.join(pins)}"
            + (
                f", and ideal sources at {', '.join(sorted(asked - pins.keys()))}"
                if asked - pins.keys()
                else ""
            )
        )
    own = {parameter.name for parameter in extracted.parameters}
    nodes = extracted.nodes - {GROUND}
    given = {device.name: device for device in drawn.devices if isinstance(device, Instance)}
    return replace(
        extracted,
        title=f"{drawn.title}, extracted",
        pins=tuple(pins.values()),
        parameters=(*extracted.parameters, *(each for each in drawn.parameters if each.name not in own)),
        devices=(*(_with_values(device, given) for device in extracted.devices), *ideal),
        initial={node: value for node, value in drawn.initial.items() if node in nodes},
        timescales={node: value for node, value in drawn.timescales.items() if node in nodes},
    )


def _touched(drawn: Subcircuit, ideal: Sequence[Device]) -> set[str]:
    """Nets that something real is at, too: a net between ideal sources alone is in no layout."""
    real = {net for device in drawn.devices if device not in ideal for net in device.terminals}
    return (real | {pin.name for pin in drawn.pins}) - {GROUND}


def _with_values(device: Device, drawn: Mapping[str, Instance]) -> Device:
    """An instance with the values of the drawn one of its name, where it has none of its own."""
    if not isinstance(device, Instance) or device.name not in drawn:
        return device
    return replace(device, parameters={**drawn[device.name].parameters, **device.parameters})
