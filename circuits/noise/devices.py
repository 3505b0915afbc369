"""Noise of transistors and resistors as sources in a transient analysis, where a simulator has none of its own.

Each transistor gets a current from drain to source that follows its own current: its drain passes a small resistor,
whose voltage says how large it is. Each resistor gets a current beside it. The random numbers are the simulator's
own, and ngspice 39 cannot be given their seed: a run repeats in law, not in its numbers.
"""

import math
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from numbers import Real

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
from circuits.data.scaling import ELEMENTARY_CHARGE, ZERO_CELSIUS
from circuits.realisations.cells.noise import relative_flicker
from circuits.technologies import Technology
from circuits.technologies.base import BOLTZMANN_OVER_CHARGE

METER = 1e5
"""In Ohm: a drain current of 1 nA lets 100 uV fall there, 1e-3 of V0."""
LEAST = 1e-12
"""In A: below it the noise of a channel does not fall any more, since a square root has no slope at zero."""


def with_device_noise(
    circuit: Circuit, technology: Technology, *, step: float, flicker: bool = False
) -> Circuit:
    """The circuit with the noise of its transistors and resistors as sources in time.

    Shot noise 2 q I of a channel, times the technology's `shot_factor`, and 4 k T/R of a resistor. Ideal sources have
    no noise.

    Args:
        circuit: that is to be simulated over time.
        technology: of its transistors.
        flicker: whether channels have their flicker noise, too; its band begins at one over the length of the run.
        step: between two numbers, in s; a fiftieth of the membrane's time constant leaves 1 % of error. ngspice gives
            up where a transient ends within rounding of a multiple of it: end half a step later.

    Raises:
        CircuitError: a step that is not positive, or a circuit without a device that has noise.
        TechnologyError: flicker noise of a technology that has no data on it.
    """
    given: object = step
    if isinstance(given, bool) or not isinstance(given, Real) or not 0 < step < math.inf:
        raise CircuitError(f"circuit {circuit.name}: step = {step!r} s between two numbers must be positive")
    channel = partial(_channel, technology=technology, step=step, flicker=flicker)
    resistor = partial(_resistor, step=step, temperature=circuit.temperature)
    subcircuits = tuple(_noisy(one, channel, resistor) for one in circuit.subcircuits)
    found = replace(circuit, subcircuits=subcircuits)
    if all(new is old for new, old in zip(subcircuits, circuit.subcircuits, strict=True)):
        raise CircuitError(f"circuit {circuit.name}: no device of its subcircuits has noise")
    return found


def _noisy(
    subcircuit: Subcircuit,
    channel: Callable[[Mosfet], Iterator[Device]],
    resistor: Callable[[Resistor], Iterator[Device]],
) -> Subcircuit:
    devices: list[Device] = []
    for device in subcircuit.devices:
        if isinstance(device, Mosfet):
            devices += channel(device)
        elif isinstance(device, Resistor):
            devices += resistor(device)
        else:
            devices.append(device)
    return (
        subcircuit if len(devices) == len(subcircuit.devices) else replace(subcircuit, devices=tuple(devices))
    )


def _channel(device: Mosfet, *, technology: Technology, step: float, flicker: bool) -> Iterator[Device]:
    polarity: Polarity = "nmos" if device.model == technology.transistor("nmos").model else "pmos"
    inner, number = f"{device.name}_drain", f"{device.name}_noise"
    ends = (device.drain, inner) if polarity == "nmos" else (inner, device.drain)
    through = voltage(*ends) / METER
    yield replace(device, drain=inner)
    yield Resistor(
        name=f"r_{device.name}", positive=device.drain, negative=inner, resistance=METER, part=device.part
    )
    yield NoiseSource(
        name=f"v_{device.name}", positive=number, negative=GROUND, amplitude=1.0, step=step, part=device.part
    )
    amplitude = sympy.sqrt(ELEMENTARY_CHARGE * technology.transistor(polarity).shot_factor / step)
    yield BehaviouralCurrent(
        name=f"b_{device.name}", source=device.drain, sink=device.source,
        current=amplitude * sympy.sqrt(sympy.Max(through, LEAST)) * voltage(number), note="shot noise",
        part=device.part,
    )  # fmt: skip
    if not flicker:
        return
    relative = relative_flicker(technology, polarity) / (device.width * device.length * device.multiplicity)
    slow = f"{device.name}_flicker"
    yield NoiseSource(
        name=f"v_{slow}", positive=slow, negative=GROUND, amplitude=1.0, step=step, flicker=True,
        part=device.part,
    )  # fmt: skip
    yield BehaviouralCurrent(
        name=f"b_{slow}", source=device.drain, sink=device.source,
        current=sympy.sqrt(relative) * through * voltage(slow), note="flicker noise", part=device.part,
    )  # fmt: skip


def _resistor(device: Resistor, *, step: float, temperature: float) -> Iterator[Device]:
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
