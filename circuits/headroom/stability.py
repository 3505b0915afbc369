"""The phase margin of an amplifier at its load: a follower of it, and the loop gain that its response has in it."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np

from circuits.data.circuit import GROUND, Capacitor, Circuit, CircuitError, Instance, VoltageSource, evaluate
from circuits.realisations import Realisation
from circuits.realisations.cells.cell import MINUS, OUT, PLUS, VDD, VSS
from circuits.realisations.interface import parameter_name
from circuits.technologies import Technology

DRIVEN = "v_plus"
BAND = (1e-3, 1e3)
"""Of the frequency at which bias current and load make a gain of one, where the response is looked at."""
PER_DECADE = 40


@dataclass(frozen=True, kw_only=True)
class Loaded:
    """An amplifier of a neuron that drives a capacitor.

    Attributes:
        part: of the neuron that it belongs to.
        cell: name of its subcircuit.
        bias: current in A.
        load: capacitor at its output, in F.
    """

    part: str
    cell: str
    bias: float
    load: float


@dataclass(frozen=True, kw_only=True)
class Stability(Loaded):
    """The same with the loop that it closes as a follower.

    Attributes:
        crossing: frequency in Hz at which the loop gain is one.
        margin: phase there, above -180 degrees.
    """

    crossing: float
    margin: float

    @property
    def cure(self) -> str:
        """What gives it more."""
        return (
            "the gates of its mirrors are slow against its load: choose a larger capacitance, or shorter or narrower "
            "transistors in the technology's file"
        )


def loaded(built: Realisation, values: Mapping[str, float] = MappingProxyType({})) -> list[Loaded]:
    """The amplifiers of a neuron that drive its capacitors, one for each part, cell, bias and load.

    `values` are those of the neuron's parameters that differ from the realisation's own.
    """
    numbers = {p.name: float(p.value) for p in built.subcircuit.parameters}
    numbers |= {parameter_name(name): value for name, value in values.items()}
    cells = {cell.name for cell in built.cells}
    loads: dict[str, float] = {}
    for device in built.subcircuit.devices:
        if isinstance(device, Capacitor) and device.negative == GROUND and not device.parasitic:
            size = evaluate(device.capacitance, numbers, device.label)
            loads[device.positive] = loads.get(device.positive, 0.0) + size
    return list(dict.fromkeys(_driving(built, cells, loads, numbers)))


def least_stable(found: Iterable[Loaded]) -> list[Loaded]:
    """Of each part and cell the amplifier with the smallest load, and of these that with the largest bias current.

    Its mirrors' gates take a phase of about their capacitance over the load, whatever the current.
    """
    worst: dict[tuple[str, str], Loaded] = {}
    for one in found:
        key = one.part, one.cell
        known = worst.get(key)
        if known is None or (one.load, -one.bias) < (known.load, -known.bias):
            worst[key] = one
    return list(worst.values())


def _driving(
    built: Realisation, cells: set[str], loads: dict[str, float], numbers: dict[str, float]
) -> Iterator[Loaded]:
    for device in built.subcircuit.devices:
        if isinstance(device, Instance) and device.subcircuit in cells:
            node = device.connections.get(OUT, "")
            if node in loads and "ib" in device.parameters:
                bias = evaluate(device.parameters["ib"], numbers, f"{device.label}, ib")
                yield Loaded(
                    part=device.part or device.name, cell=device.subcircuit, bias=float(f"{bias:.6g}"),
                    load=float(f"{loads[node]:.6g}"),
                )  # fmt: skip


def follower_bench(built: Realisation, one: Loaded, technology: Technology) -> Circuit:
    """An amplifier whose output is its minus input, with its load; `v_plus` has a small-signal amplitude of 1 V."""
    cell = next((cell for cell in built.cells if cell.name == one.cell), None)
    if cell is None:
        raise CircuitError(f"neuron {built.name} has no cell {one.cell}")
    negative, positive = technology.rails
    return Circuit(
        name="follower_bench",
        title=f"{one.cell} as a follower with its load",
        subcircuits=(cell,),
        models=built.models,
        temperature=technology.temperature,
        corner=technology.corner,
        devices=(
            VoltageSource(name="v_vdd", positive=VDD, negative=GROUND, waveform=positive),
            VoltageSource(name="v_vss", positive=VSS, negative=GROUND, waveform=negative),
            VoltageSource(name=DRIVEN, positive=PLUS, negative=GROUND, waveform=0.0, small_signal=1.0),
            Capacitor(name="c_load", positive=OUT, negative=GROUND, capacitance=one.load),
            Instance(
                name="x_amplifier",
                subcircuit=cell.name,
                connections={PLUS: PLUS, MINUS: OUT, OUT: OUT, VDD: VDD, VSS: VSS},
                parameters={"ib": one.bias},
            ),
        ),
        probes=(OUT,),
    )


def stability(one: Loaded, frequency: np.ndarray, response: np.ndarray) -> Stability:
    """The margin that a follower's response says: its loop gain is H/(1 - H).

    Args:
        one: the amplifier.
        frequency: (point,), in Hz, increasing.
        response: (point,), complex, output over input of the follower.

    Raises:
        CircuitError: the loop gain does not fall through one.
    """
    crossing, margin = phase_margin(frequency, np.asarray(response) / (1 - np.asarray(response)))
    return Stability(
        part=one.part, cell=one.cell, bias=one.bias, load=one.load, crossing=crossing, margin=margin
    )


def phase_margin(frequency: np.ndarray, gain: np.ndarray) -> tuple[float, float]:
    """The frequency (Hz) at which a loop gain falls to one, and its phase there in degrees above -180.

    >>> f = np.logspace(-2, 2, 401)
    >>> crossing, margin = phase_margin(f, 1 / (1j * f * (1 + 1j * f)))
    >>> round(crossing, 3), round(margin, 1)  # |L| = 1 at sqrt((sqrt 5 - 1)/2), phase -90 - atan f
    (0.786, 51.8)
    """
    size = np.log(np.abs(gain))
    below = np.flatnonzero((size[:-1] > 0) & (size[1:] <= 0))
    if not len(below):
        raise CircuitError(
            f"the loop gain goes from {np.exp(size[0]):.3g} to {np.exp(size[-1]):.3g} and does not fall through one"
        )
    k = int(below[0])
    share = size[k] / (size[k] - size[k + 1])
    phase = np.unwrap(np.angle(gain))
    # the follower's loop is a negative feedback: at rest its phase is that of a positive gain
    start = phase - 2 * np.pi * np.round(phase[0] / (2 * np.pi))
    there = start[k] + share * (start[k + 1] - start[k])
    crossing = np.exp(np.log(frequency[k]) + share * np.log(frequency[k + 1] / frequency[k]))
    return float(crossing), float(180 + np.degrees(there))
