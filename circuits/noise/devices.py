"""Noise of transistors and resistors as sources in a transient analysis, where a simulator has none of its own.

Each transistor gets a current from drain to source that follows its own current: its drain passes a small resistor,
whose voltage says how large it is. Each resistor gets a current beside it. The random numbers are the simulator's
own, and ngspice 39 cannot be given their seed: a run repeats in law, not in its numbers.
"""

import math
from collections.abc import Iterator
from dataclasses import replace

import sympy

from circuits.data.circuit import (
    GROUND,
    BehaviouralCurrent,
    Circuit,
    CircuitError,
    Device,
    Mosfet,
    NoiseSource,
    Resistor,
    Subcircuit,
    voltage,
)
from circuits.data.models import Polarity
from circuits.data.scaling import ELEMENTARY_CHARGE
from circuits.technologies import Technology
from circuits.technologies.base import BOLTZMANN_OVER_CHARGE, ZERO_CELSIUS

METER = 1e4
"""In Ohm: a drain current of 1 nA lets 10 uV fall there, 1e-4 of V0."""
LEAST = 1e-15
"""In A: below it the noise of a channel does not fall any more, since a square root has no slope at zero."""


def with_device_noise(circuit: Circuit, technology: Technology, *, step: float) -> Circuit:
    """The circuit with the white noise of its transistors and resistors as sources in time.

    Shot noise 2 q I of a channel, times the technology's `shot_factor`, and 4 k T/R of a resistor. Flicker noise is
    left out, and so is the noise of ideal sources.

    Args:
        circuit: that is to be simulated over time.
        technology: of its transistors.
        step: between two numbers, in s; a fiftieth of the membrane's time constant leaves 1 % of error. ngspice gives
            up where a transient ends within rounding of a multiple of it: end half a step later.

    Raises:
        CircuitError: a step that is not positive, or a circuit without a device that has noise.
    """
    if not (math.isfinite(step) and step > 0):
        raise CircuitError(f"circuit {circuit.name}: step = {step!r} s between two numbers must be positive")
    warm = circuit.temperature
    subcircuits = tuple(_noisy(one, technology, step, warm) for one in circuit.subcircuits)
    found = replace(circuit, subcircuits=subcircuits)
    if all(new is old for new, old in zip(subcircuits, circuit.subcircuits, strict=True)):
        raise CircuitError(f"circuit {circuit.name}: no device of its subcircuits has noise")
    return found


def _noisy(subcircuit: Subcircuit, technology: Technology, step: float, temperature: float) -> Subcircuit:
    devices: list[Device] = []
    for device in subcircuit.devices:
        if isinstance(device, Mosfet):
            devices += _channel(device, technology, step)
        elif isinstance(device, Resistor):
            devices += _resistor(device, step, temperature)
        else:
            devices.append(device)
    return (
        subcircuit if len(devices) == len(subcircuit.devices) else replace(subcircuit, devices=tuple(devices))
    )


def _channel(device: Mosfet, technology: Technology, step: float) -> Iterator[Device]:
    polarity: Polarity = "nmos" if device.model == technology.transistor("nmos").model else "pmos"
    factor = technology.transistor(polarity).shot_factor
    inner, number = f"{device.name}_drain", f"{device.name}_noise"
    ends = (device.drain, inner) if polarity == "nmos" else (inner, device.drain)
    current = sympy.Max(voltage(*ends) / METER, LEAST)
    yield replace(device, drain=inner)
    yield Resistor(
        name=f"r_{device.name}", positive=device.drain, negative=inner, resistance=METER, part=device.part
    )
    yield NoiseSource(
        name=f"v_{device.name}", positive=number, negative=GROUND, amplitude=1.0, step=step, part=device.part
    )
    amplitude = sympy.sqrt(ELEMENTARY_CHARGE * factor / step) * sympy.sqrt(current)
    yield BehaviouralCurrent(
        name=f"b_{device.name}", source=device.drain, sink=device.source, current=amplitude * voltage(number),
        note="shot noise", part=device.part,
    )  # fmt: skip


def _resistor(device: Resistor, step: float, temperature: float) -> Iterator[Device]:
    number = f"{device.name}_noise"
    charge = 2 * ELEMENTARY_CHARGE * BOLTZMANN_OVER_CHARGE * (temperature + ZERO_CELSIUS)
    yield device
    yield NoiseSource(
        name=f"v_{device.name}", positive=number, negative=GROUND, amplitude=1.0, step=step, part=device.part
    )
    yield BehaviouralCurrent(
        name=f"b_{device.name}", source=device.positive, sink=device.negative,
        current=sympy.sqrt(charge / step) / sympy.sqrt(device.resistance) * voltage(number), note="thermal noise",
        part=device.part,
    )  # fmt: skip
