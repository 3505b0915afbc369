"""Circuits that several tests of this folder simulate."""

import numpy as np
import sympy

from circuits.data.circuit import (
    BehaviouralCurrent,
    Capacitor,
    Circuit,
    CurrentSource,
    HeldWaveform,
    Instance,
    Param,
    Pin,
    Resistor,
    Subcircuit,
    VoltageSource,
    voltage,
)
from netlists.analyses import Tolerances

V0, I0, C0 = 0.072, 1e-9, 1e-12
TAU = C0 * V0 / I0
SCALED = Tolerances.scaled(voltage_unit=V0, current_unit=I0, capacitance=C0)

SLOW_BURSTING = (
    ("f", -2.0, 0.0, 0.0),
    ("s", 2.0, 0.0, 50.0),
    ("s", -1.5, -1.5, 50.0),
    ("us", 1.5, -1.5, 2500.0),
)
"""Elements (timescale, alpha, delta, tau) of the slow-bursting set; negative alpha: negative conductance."""


def mtc_subcircuit(elements=SLOW_BURSTING, start=-1.0) -> Subcircuit:
    """A neuron built by hand: membrane and filters are capacitors, each current is a source of its own."""
    v0, i0, c0 = sympy.symbols("v0 i0 c0")
    um = voltage("um")
    taus = {timescale: tau for timescale, _, _, tau in elements if tau > 0}
    devices = [
        Capacitor(name="cm", positive="um", negative="0", capacitance=c0),
        BehaviouralCurrent(name="leak", source="um", sink="0", current=i0 / v0 * um),
    ]
    for timescale, tau in taus.items():
        node = f"u{timescale}"
        devices += [
            Capacitor(name=f"c{timescale}", positive=node, negative="0", capacitance=c0 * tau),
            BehaviouralCurrent(
                name=f"filter{timescale}", source="0", sink=node, current=i0 / v0 * (um - voltage(node))
            ),
        ]
    for k, (timescale, alpha, delta, _) in enumerate(elements):
        read = voltage(f"u{timescale}") if timescale in taus else um
        current = alpha * i0 * sympy.tanh(read / v0 - delta)
        devices.append(
            BehaviouralCurrent(name=f"element{k}", source="um", sink="0", current=current, note=timescale)
        )
    return Subcircuit(
        name="mtc",
        title="multi-timescale conductance neuron",
        pins=(Pin(name="um", meaning="membrane and input current"),),
        parameters=(
            Param(name="v0", value=V0, unit="V", meaning="voltage unit"),
            Param(name="i0", value=I0, unit="A", meaning="current unit"),
            Param(name="c0", value=C0, unit="F", meaning="membrane capacitance"),
        ),
        devices=tuple(devices),
        initial={"um": start * v0, **{f"u{timescale}": start * v0 for timescale in taus}},
    )


def mtc_circuit(waveform=-2.0 * I0, name="slow_bursting") -> Circuit:
    """One slow-bursting neuron driven by a current."""
    return Circuit(
        name=name,
        title="slow bursting",
        subcircuits=(mtc_subcircuit(),),
        devices=(
            Instance(name="xn", subcircuit="mtc", connections={"um": "um"}),
            CurrentSource(name="iin", source="0", sink="um", waveform=waveform),
        ),
        probes=("um", "xn.us", "xn.uus"),
    )


def mtc_equation(elements=SLOW_BURSTING):
    """The same neuron as a dimensionless right-hand side f(t, state, current)."""
    taus = {timescale: tau for timescale, _, _, tau in elements if tau > 0}
    index = {timescale: k + 1 for k, timescale in enumerate(taus)}

    def rate(_time, state, current):
        total = current - state[0]
        for timescale, alpha, delta, _ in elements:
            total -= alpha * np.tanh(state[index.get(timescale, 0)] - delta)
        return [total, *((state[0] - state[index[x]]) / tau for x, tau in taus.items())]

    return rate


def rc_circuit(waveform, resistance=1e9, capacitance=1e-12, start=0.0, name="rc") -> Circuit:
    """A resistor from a voltage source to a capacitor; the time constant is 1 ms."""
    return Circuit(
        name=name,
        devices=(
            VoltageSource(name="vin", positive="in", negative="0", waveform=waveform),
            Resistor(name="r1", positive="in", negative="out", resistance=resistance),
            Capacitor(name="c1", positive="out", negative="0", capacitance=capacitance),
        ),
        initial={"out": start},
        probes=("in", "out"),
    )


def held(times, values, edge) -> HeldWaveform:
    """A held waveform from arrays."""
    return HeldWaveform(times=tuple(times), values=tuple(values), edge=edge)
