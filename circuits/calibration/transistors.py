"""Characterisation of a transistor: the bench in which it is swept, and what the sweeps say of its kind.

Everything that sizing, macromodels and mismatch need of a kind is measured where amplifiers use it: at the current it
is sized for, its drain half a supply from its source.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np

from circuits.calibration.amplifiers import CalibrationError
from circuits.data.circuit import GROUND, Circuit, CurrentSource, Mosfet, Resistor, VoltageSource
from circuits.data.models import ModelCard
from circuits.realisations.cells.units import UNITS
from circuits.technologies import Technology

GATE, DRAIN = "v_gate", "v_drain"
MODERATE = 0.62
"""gm n U_T/I where the inversion coefficient is one (Enz, Krummenacher and Vittoz 1995)."""
ABOVE_FLOOR = 30.0
"""Weak inversion is looked for above this many times the leakage at a gate voltage of zero."""
LEAST = 0.01
"""And above this share of the current that a transistor is drawn for: farther down nothing is used."""
FREQUENCY = 1.0
"""In Hz, at which capacitances are read: so low that every charge follows."""


@dataclass(frozen=True, kw_only=True)
class Device:
    """One transistor on the bench: a card, a size in m, and the technology that it works in."""

    card: ModelCard
    width: float
    length: float
    technology: Technology

    @property
    def sign(self) -> int:
        """Of its voltages and currents."""
        return 1 if self.card.polarity == "nmos" else -1

    def shifted(self, name: str) -> "Device":
        """The same with one number of its card off by one sigma of its size."""
        size = self.card.at_size(self.width, self.length)
        step = size.mismatch[name] / math.sqrt(self.width * self.length)
        moved = {**size.parameters, name: size.parameters[name] + step}
        return replace(self, card=replace(self.card, parameters=moved, bins=()))


def transistor_bench(
    device: Device, *, gate: float = 0.0, drain: float | None = None, excited: str = "", name: str = "bench"
) -> Circuit:
    """A transistor with its source at ground, driven by `v_gate` and `v_drain`, whose currents are observed.

    Args:
        device: the transistor.
        gate: size of the gate's voltage in V; the sign is the polarity's.
        drain: the same of the drain; half the supply where none is given.
        excited: the source that has a small-signal amplitude of 1 V.
        name: of the circuit and its files.
    """
    high = device.technology.supply / 2 if drain is None else drain
    sources = (("gate", GATE, gate), ("drain", DRAIN, high))
    return Circuit(
        name=name,
        title=f"{device.card.name}, driven at gate and drain",
        models=(device.card,),
        temperature=device.technology.temperature,
        corner=device.technology.corner,
        devices=(
            *(
                VoltageSource(
                    name=source, positive=node, negative=GROUND, waveform=device.sign * value,
                    small_signal=1.0 if source == excited else 0.0,
                )
                for node, source, value in sources
            ),
            Mosfet(
                name="m", drain="drain", gate="gate", source=GROUND, bulk=GROUND, model=device.card.name,
                width=device.width, length=device.length, diffusion=device.technology.layout.diffusion,
            ),
        ),
        probes=("drain",),
        metered=(GATE, DRAIN),
    )  # fmt: skip


def noise_bench(device: Device, *, gate: float, load: float, name: str = "noise_bench") -> Circuit:
    """A transistor whose drain's noise is read as the voltage over a resistor of `load` (Ohm) to half the supply.

    The gate is at `gate` (V, its size); the source `v_gate` has a small-signal amplitude of 1 V.
    """
    alone = transistor_bench(device, gate=gate, excited=GATE, name=name)
    held = tuple(
        replace(each, positive="half") if isinstance(each, VoltageSource) and each.name == DRAIN else each
        for each in alone.devices
    )
    resistor = Resistor(name="r_load", positive="half", negative="drain", resistance=load)
    return replace(alone, devices=(*held, resistor))


def chain_bench(device: Device, current: float, length: int, name: str = "chain_bench") -> Circuit:
    """A mirror of unit transistors that copies `current` (A) into one unit and into a chain of them.

    Sources `v_unit` and `v_chain` hold both outputs half a supply away and observe their currents.
    """
    sign, high = device.sign, device.technology.supply / 2
    entry, source = (GROUND, "gate") if sign > 0 else ("gate", GROUND)

    def unit(name: str, drain: str, source: str, multiplicity: int = 1) -> Mosfet:
        return Mosfet(
            name=name, drain=drain, gate="gate", source=source, bulk=GROUND, model=device.card.name,
            width=device.width, length=device.length, diffusion=device.technology.layout.diffusion,
            multiplicity=multiplicity,
        )  # fmt: skip

    nodes = [GROUND, *(f"in{step}" for step in range(1, length)), "chain"]
    return Circuit(
        name=name,
        title=f"{device.card.name}, one and {length} in series",
        models=(device.card,),
        temperature=device.technology.temperature,
        corner=device.technology.corner,
        devices=(
            CurrentSource(name="i_in", source=entry, sink=source, waveform=current),
            unit("m_net", "gate", GROUND, UNITS),
            unit("m_unit", "unit", GROUND),
            *(unit(f"m_{step}", nodes[step + 1], nodes[step]) for step in range(length)),
            *(
                VoltageSource(name=f"v_{node}", positive=node, negative=GROUND, waveform=sign * high)
                for node in ("unit", "chain")
            ),
        ),
        probes=("gate",),
        metered=("v_unit", "v_chain"),
    )


@dataclass(frozen=True, kw_only=True)
class Transfer:
    """Current over gate voltage of one transistor.

    Attributes:
        slope_factor: n of weak inversion, from the steepest slope where it is used.
        specific_current: in A at W = L: the current where gm n U_T/I is `MODERATE`.
        leakage: in A, at a gate voltage of zero.
        gate: (point,), sizes of the gate's voltage in V, above the leakage.
        current: (point,), in A, without the leakage.
    """

    slope_factor: float
    specific_current: float
    leakage: float
    gate: np.ndarray
    current: np.ndarray

    def gate_for(self, current: float) -> float:
        """The gate voltage (V) for a current in A."""
        if not self.current[0] < current < self.current[-1]:
            raise CalibrationError(
                f"a current of {current:.3g} A: the sweep goes from {self.current[0]:.3g} to {self.current[-1]:.3g} A"
            )
        return float(np.interp(math.log(current), np.log(self.current), self.gate))

    def efficiency_at(self, current: float) -> float:
        """gm/I in 1/V at a current in A."""
        slope = np.gradient(np.log(self.current), self.gate)
        return float(np.interp(math.log(current), np.log(self.current), slope))


def fit_transfer(device: Device, gate: np.ndarray, current: np.ndarray, *, drawn_for: float) -> Transfer:
    """Read a sweep of the gate.

    Args:
        device: that was swept.
        gate: (point,), increasing sizes of its voltage in V, from 0 on.
        current: (point,), into its drain, counted so that it is positive, in A.
        drawn_for: the current in A that it is used at; weak inversion is looked for from `LEAST` of it on.

    Raises:
        CalibrationError: a current that does not rise, or that never leaves weak inversion.
    """
    thermal, name = device.technology.thermal_voltage, device.card.name
    above = current - current[0]
    first = int(np.argmax(above > max(ABOVE_FLOOR * abs(current[0]), LEAST * drawn_for)))
    voltage, carried = gate[first:], above[first:]
    if current[0] <= 0 or first == 0 or len(carried) < 5 or (np.diff(carried) <= 0).any():
        raise CalibrationError(
            f"transistor {name}: its current does not rise out of its leakage of {current[0]:.3g} A; check its card"
        )
    logarithm = np.log(carried)
    slope = np.gradient(logarithm, voltage)
    ratio = device.width / device.length
    factor = 1 / (float(slope.max()) * thermal)
    return Transfer(
        slope_factor=factor,
        specific_current=_specific_current(name, logarithm, slope * thermal * factor) / ratio,
        leakage=float(current[0]),
        gate=voltage,
        current=carried,
    )


def _specific_current(name: str, logarithm: np.ndarray, reached: np.ndarray) -> float:
    """The current in A, of this width and length, at which gm n U_T/I falls to `MODERATE`."""
    steepest = int(np.argmax(reached))
    fallen = reached[steepest:] < MODERATE
    if not fallen.any():
        raise CalibrationError(f"transistor {name}: the sweep ends in weak inversion; sweep it farther")
    after = steepest + int(np.argmax(fallen))
    share = (reached[after - 1] - MODERATE) / (reached[after - 1] - reached[after])
    return math.exp(logarithm[after - 1] + share * (logarithm[after] - logarithm[after - 1]))


@dataclass(frozen=True, kw_only=True)
class TransistorFit:
    """What a technology file says of a kind of transistor, measured; units as in `technologies.base.Transistor`.

    Attributes:
        specific_current, slope_factor: see `Transfer`.
        pelgrom_threshold: sigma of the threshold that would move the current of the drawn transistor as much as all
            numbers that the process varies, times sqrt(W L), in V m; None where its cards say nothing of mismatch.
        gate_capacitance: over W L, in F/m^2.
        drain_capacitance: over W, in F/m.
        early_voltage: I/(dI/dV) with the drain half a supply away, in V.
        series_excess: see `technologies.base.Transistor`, of unit transistors, a quarter as wide.
        shot_factor: white noise of the current over 2 q I; None where it was not measured.
        flicker: see `technologies.base.Transistor`; None where its card has none.
        leakage: of the drawn transistor at a gate voltage of zero, in A.
        leakage_doubling: the kelvin in which it doubles.
        efficiency: gm/I at the current it is drawn for, in 1/V.
        gate_voltage: its size there, in V.
        spread: sigma of the logarithm of that current, from the cards' statistics; None where they have none.
        width: that was drawn, in m.
        current: for which, in A.
        thermal_voltage: U_T there, in V.
    """

    specific_current: float
    slope_factor: float
    pelgrom_threshold: float | None
    gate_capacitance: float
    drain_capacitance: float
    early_voltage: float
    series_excess: float
    shot_factor: float | None
    flicker: float | None
    leakage: float
    leakage_doubling: float
    efficiency: float
    gate_voltage: float
    spread: float | None
    width: float
    current: float
    thermal_voltage: float

    def as_table(self) -> Mapping[str, float]:
        """The numbers that a technology file holds."""
        found = {
            "specific_current": self.specific_current,
            "slope_factor": self.slope_factor,
            "gate_capacitance": self.gate_capacitance,
            "drain_capacitance": self.drain_capacitance,
            "gate_voltage": self.gate_voltage,
            "series_excess": self.series_excess,
            "leakage": self.leakage,
            "leakage_doubling": self.leakage_doubling,
        }
        if self.shot_factor is not None:
            found["shot_factor"] = self.shot_factor
        if self.flicker is not None:
            found["flicker"] = self.flicker
        if self.pelgrom_threshold is not None:
            found |= {
                "pelgrom_threshold": self.pelgrom_threshold,
                "pelgrom_efficiency": self.efficiency * self.slope_factor * self.thermal_voltage,
                "pelgrom_current": 0.0,
            }
        return found
