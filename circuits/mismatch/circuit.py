"""A circuit as one chip makes it: the same circuit, in which every transistor and capacitor is off by its own draw.

Definitions stay shared. Each subcircuit gets a parameter for every device in it and below, whose default is the drawn
device, and every instance of the top level hands its own numbers down: `dv` in V for a threshold, `ku` for the factor
of a current, `kc` for that of a capacitor.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

import sympy

from circuits.data.circuit import Capacitor, Circuit, Device, Instance, Mosfet, Param, Subcircuit
from circuits.data.values import CircuitError, Value, evaluate
from circuits.mismatch.draws import (
    CAPACITOR,
    CURRENT,
    THRESHOLD,
    Sized,
    sized_capacitor,
    sized_transistor,
)
from circuits.technologies import Technology

_MEANINGS = {
    THRESHOLD: ("V", "threshold of {}, added to its model's"),
    CURRENT: ("1", "factor of the current of {}"),
    CAPACITOR: ("1", "factor of {}"),
}
_BETWEEN = "__"


@dataclass(frozen=True, kw_only=True)
class Place:
    """A device in a circuit: the instances that hold it and its name, joined by dots, and the parameters there."""

    path: str
    device: Device
    numbers: Mapping[str, float]


def places(circuit: Circuit) -> Iterator[Place]:
    """Every device of a circuit that is no instance, in order."""
    yield from _places(circuit, circuit, "", {p.name: float(p.value) for p in circuit.parameters})


def _places(
    scope: Circuit | Subcircuit, circuit: Circuit, prefix: str, numbers: Mapping[str, float]
) -> Iterator[Place]:
    for device in scope.devices:
        path = f"{prefix}{device.name}"
        if isinstance(device, Instance):
            inner = circuit.subcircuit(device.subcircuit)
            own = {p.name: float(p.value) for p in inner.parameters}
            own |= {
                name: evaluate(value, numbers, f"{device.label}, parameter {name}")
                for name, value in device.parameters.items()
            }
            yield from _places(inner, circuit, f"{path}.", own)
        else:
            yield Place(path=path, device=device, numbers=numbers)


def drawn_circuit(circuit: Circuit, technology: Technology, *, seed: int) -> Circuit:
    """The circuit on the chip with this seed.

    What a device is off by follows from the seed and its path alone: the order of devices, other devices and the parts
    into which a network is cut leave it as it is. Ideal parts (sources, resistors, switches) stay as they are.

    Args:
        circuit: at any level; one without transistors has capacitors that are off.
        technology: whose statistics are drawn from.
        seed: of the chip, at least 0.

    Raises:
        CircuitError: a seed that is none, a transistor of another technology, or one that is off already.
    """
    made = with_draws(circuit, draws(circuit, technology, seed=seed))
    words = f"each as chip {seed} of {technology.name} has it"
    return replace(made, provenance={**circuit.provenance, "devices": words})


def draws(circuit: Circuit, technology: Technology, *, seed: int) -> dict[str, Mapping[str, float]]:
    """What every device of a circuit is off by on one chip, by its path and kind, as `with_draws` takes it."""
    return {path: one.drawn(seed, path) for path, one in sized_devices(circuit, technology).items()}


def sized_devices(circuit: Circuit, technology: Technology) -> dict[str, Sized]:
    """Every transistor and capacitor of a circuit, by its path."""
    found = {}
    for place in places(circuit):
        device, owner = place.device, f"device {place.path}"
        if isinstance(device, Mosfet):
            width, length = (evaluate(size, place.numbers, owner) for size in (device.width, device.length))
            found[place.path] = sized_transistor(replace(device, width=width, length=length), technology)
        elif isinstance(device, Capacitor) and not device.parasitic:
            size = evaluate(device.capacitance, place.numbers, owner)
            found[place.path] = sized_capacitor(size, technology)
    return found


def with_draws(circuit: Circuit, off: Mapping[str, Mapping[str, float]]) -> Circuit:
    """The circuit with some devices off by given numbers.

    Args:
        circuit: none of whose devices is off.
        off: by the path of a device, its numbers by their kind: `THRESHOLD`, `CURRENT`, `CAPACITOR`.

    Raises:
        CircuitError: a path or a kind that the circuit does not have, or a device that is off already.
    """
    known = {place.path: place.device for place in places(circuit)}
    given: dict[str, dict[str, float]] = {}
    for path, numbers in off.items():
        strange = set(numbers) - set(_kinds(known[path])) if path in known else {path}
        if strange:
            raise CircuitError(
                f"circuit {circuit.name}: {path} cannot be off by {', '.join(sorted(numbers))}; a transistor has "
                f"{THRESHOLD} and {CURRENT}, a capacitor {CAPACITOR}"
            )
        top, _, inside = path.partition(".")
        for kind, number in numbers.items():
            name = f"{kind}_{inside.replace('.', _BETWEEN)}" if inside else kind
            given.setdefault(top, {})[name] = number
    opened: dict[str, Subcircuit] = {}
    for subcircuit in circuit.subcircuits:
        _open(subcircuit.name, circuit, opened)
    return replace(
        circuit,
        subcircuits=tuple(opened[subcircuit.name] for subcircuit in circuit.subcircuits),
        devices=tuple(_at_top(device, given.get(device.name, {})) for device in circuit.devices),
    )


def _at_top(device: Device, drawn: Mapping[str, float]) -> Device:
    if isinstance(device, Instance):
        return replace(device, parameters={**device.parameters, **drawn}) if drawn else device
    return _off(device, {**_exact(device), **drawn})


def _exact(device: Device) -> dict[str, float]:
    return {kind: _parameter(kind, device.name).value for kind in _kinds(device)}


def _off(device: Device, numbers: Mapping[str, Value]) -> Device:
    """A device with its draws, which are numbers or names of parameters."""
    if isinstance(device, Mosfet):
        if device.is_off:
            raise CircuitError(f"{device.label}: it is off its model already; draw a circuit only once")
        return replace(device, threshold_shift=numbers[THRESHOLD], current_factor=numbers[CURRENT])
    if isinstance(device, Capacitor):
        return replace(device, capacitance=device.capacitance * numbers[CAPACITOR])
    return device


def _open(name: str, circuit: Circuit, opened: dict[str, Subcircuit]) -> Subcircuit:
    """Give a subcircuit, and those inside it first, a parameter for each draw of a device in it."""
    if name in opened:
        return opened[name]
    subcircuit = circuit.subcircuit(name)
    devices: list[Device] = []
    parameters: list[Param] = []
    for device in subcircuit.devices:
        if isinstance(device, Instance):
            inner = _open(device.subcircuit, circuit, opened)
            count = len(circuit.subcircuit(device.subcircuit).parameters)
            own = {p.name: _deeper(p, device.name) for p in inner.parameters[count:]}
            given = {key: sympy.Symbol(p.name, real=True) for key, p in own.items()}
            devices.append(replace(device, parameters={**device.parameters, **given}) if given else device)
        else:
            own = {kind: _parameter(kind, device.name) for kind in _kinds(device)}
            devices.append(_off(device, {kind: sympy.Symbol(p.name, real=True) for kind, p in own.items()}))
        parameters += own.values()
    opened[name] = replace(
        subcircuit, devices=tuple(devices), parameters=(*subcircuit.parameters, *parameters)
    )
    return opened[name]


def _deeper(parameter: Param, instance: str) -> Param:
    """The parameter of an inner subcircuit as the outer one hands it down."""
    kind, _, inside = parameter.name.partition("_")
    return replace(parameter, name=f"{kind}_{instance}{_BETWEEN}{inside}")


def _kinds(device: Device) -> tuple[str, ...]:
    if isinstance(device, Mosfet):
        return THRESHOLD, CURRENT
    return (CAPACITOR,) if isinstance(device, Capacitor) else ()


def _parameter(kind: str, device: str) -> Param:
    unit, meaning = _MEANINGS[kind]
    value = 0.0 if kind == THRESHOLD else 1.0
    return Param(name=f"{kind}_{device}", value=value, unit=unit, meaning=meaning.format(device))
