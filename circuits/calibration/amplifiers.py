"""Calibration: the bench on which an amplifier is swept, and what its sweep says, as pure functions of sweep data.

The fit gain I_b (tanh((v - offset)/V0) + imbalance) goes back into bias currents and references (`Trim`) and into the
model (`fitted_element`); the sweep itself can replace the law (`measured_element`). The imbalance is what the mirrors
of the two branches differ by: left out, the offset takes its place, and elsewhere than at balance the law is 1.5 % off.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import ArrayLike
from scipy.optimize import least_squares

from circuits.data.circuit import GROUND, Circuit, CircuitError, Instance, Resistor, VoltageSource
from circuits.realisations.cells.cell import MINUS, OUT, PLUS, VDD, VSS, Cell, Trim
from circuits.realisations.forms import MEASURED
from circuits.technologies import Technology
from conductance.elements import Element, tabulated, tanh
from conductance.elements.base import Timescale

SWEPT = "v_plus"
SENSE_VOLTAGE = 1e-3
"""Voltage in V that the bias current makes across the bench's sense resistor: small, so that the output rests."""


class CalibrationError(CircuitError):
    """Sweep data that no amplifier can have made."""


@dataclass(frozen=True, kw_only=True)
class Bench:
    """A circuit in which the source `v_plus` sweeps one amplifier; its output current is read at `out`.

    `current` turns the voltage of the probe `out` (V) into the amplifier's output current (A).
    """

    circuit: Circuit
    bias: float
    sense_resistance: float

    def current(self, out: np.ndarray) -> np.ndarray:
        """Output current in A, from the voltage across the sense resistor in V."""
        return np.asarray(out, float) / self.sense_resistance


def amplifier_bench(
    cell: Cell, technology: Technology, bias: float, *, common: float = 0.0, name: str = "amplifier_bench"
) -> Bench:
    """The bench of one cell: `minus` at the voltage `common` (V), output midway between the rails.

    Args:
        cell: the amplifier.
        technology: whose supply and temperature are used.
        bias: bias current in A.
        common: voltage of the minus input in V.
        name: of the circuit and its files.
    """
    if not bias > 0:
        raise CircuitError(f"bench of {cell.subcircuit.name}: bias = {bias!r} A must be greater than zero")
    negative, positive = technology.rails
    resistance = SENSE_VOLTAGE / bias
    circuit = Circuit(
        name=name,
        title=f"DC sweep of {cell.subcircuit.name}",
        subcircuits=(cell.subcircuit,),
        models=cell.models,
        temperature=technology.temperature,
        corner=technology.corner,
        devices=(
            VoltageSource(name="v_vdd", positive=VDD, negative=GROUND, waveform=positive, note="supply"),
            VoltageSource(name="v_vss", positive=VSS, negative=GROUND, waveform=negative, note="supply"),
            VoltageSource(name=SWEPT, positive=PLUS, negative=GROUND, waveform=common, note="swept"),
            VoltageSource(name="v_minus", positive=MINUS, negative=GROUND, waveform=common),
            Resistor(
                name="r_sense",
                positive=OUT,
                negative=GROUND,
                resistance=resistance,
                note="senses the current",
            ),
            Instance(
                name="x_amplifier",
                subcircuit=cell.subcircuit.name,
                connections={pin: pin for pin in (PLUS, MINUS, OUT, VDD, VSS)},
                parameters={"ib": bias},
            ),
        ),
        probes=(OUT,),
    )
    return Bench(circuit=circuit, bias=bias, sense_resistance=resistance)


@dataclass(frozen=True, kw_only=True)
class Calibration:
    """An amplifier's sweep and the law that fits it, gain I_b (tanh((v - offset)/V0) + imbalance).

    Attributes:
        cell: name of the amplifier.
        bias: I_b in A.
        gain: largest current over the bias current.
        voltage_unit: V0 in V.
        offset: input voltage of the pair's balance, in V.
        residual: largest deviation of the sweep from the law, over gain I_b.
        voltages: (point,), input differences of the sweep in V.
        currents: (point,), output currents in A.
        imbalance: output current at the pair's balance, over gain I_b.
    """

    cell: str
    bias: float
    gain: float
    voltage_unit: float
    offset: float
    residual: float
    voltages: tuple[float, ...]
    currents: tuple[float, ...]
    imbalance: float = 0.0

    @property
    def transconductance(self) -> float:
        """Slope at the offset in S, by the fit."""
        return self.gain * self.bias / self.voltage_unit

    def law(self, voltages: np.ndarray) -> np.ndarray:
        """The fitted current in A at input differences in V."""
        shape = np.tanh((np.asarray(voltages, float) - self.offset) / self.voltage_unit)
        return self.gain * self.bias * (shape + self.imbalance)

    def trim(self) -> Trim:
        """What undoes gain, offset and imbalance; V0 is undone by the scaling's voltage unit."""
        return Trim(gain=self.gain, offset=self.offset, imbalance=self.imbalance)

    def as_row(self) -> Mapping[str, str | float]:
        """The fit without the sweep, for a table or a file."""
        return {
            "cell": self.cell, "bias_A": self.bias, "gain": self.gain, "voltage_unit_V": self.voltage_unit,
            "offset_V": self.offset, "imbalance": self.imbalance, "residual": self.residual,
        }  # fmt: skip


def fit_tanh(
    voltages: ArrayLike, currents: ArrayLike, *, bias: float, cell: str = "amplifier"
) -> Calibration:
    """Fit gain I_b (tanh((v - offset)/V0) + imbalance) to a sweep by least squares.

    Args:
        voltages: (point,), increasing input differences in V.
        currents: (point,), output currents in A, positive into the output.
        bias: I_b in A.
        cell: what was swept.

    Raises:
        CalibrationError: fewer than five points, values not finite, a sweep that does not change sign, or one too
            short to show where the current saturates.
    """
    v, i = np.asarray(voltages, float), np.asarray(currents, float) / bias
    if v.ndim != 1 or v.shape != i.shape or v.size < 5 or not (np.isfinite(v).all() and np.isfinite(i).all()):
        raise CalibrationError(
            f"sweep of {cell}: voltages {v.shape} and currents {i.shape}; give two finite lists of at least 5 points"
        )
    if (np.diff(v) <= 0).any():
        raise CalibrationError(f"sweep of {cell}: voltages must increase")
    if i.min() >= 0 or i.max() <= 0:
        raise CalibrationError(
            f"sweep of {cell}: the current stays between {i.min():.3g} and {i.max():.3g} bias currents and never "
            f"changes sign; check supply, bias current and the range of the sweep"
        )
    falling = i[-1] < i[0]
    if falling:
        raise CalibrationError(f"sweep of {cell}: the current falls with the input; exchange plus and minus")
    crossing = float(np.interp(0.0, i, v)) if (np.diff(i) > 0).all() else float(v[np.argmin(np.abs(i))])
    peak = float(np.abs(i).max())
    steepest = float(np.gradient(i, v).max())
    found = least_squares(
        lambda p: p[0] * (np.tanh((v - p[1]) / p[2]) + p[3]) - i, (peak, crossing, peak / steepest, 0.0),
        x_scale=(peak, peak / steepest, peak / steepest, 1.0), xtol=1e-14, ftol=1e-14, gtol=1e-14,
    )  # fmt: skip
    gain, offset, unit, imbalance = (float(value) for value in found.x)
    if not (gain > 0 and unit > 0 and unit < v[-1] - v[0]):
        raise CalibrationError(
            f"sweep of {cell}: from {v[0]:g} to {v[-1]:g} V the current does not saturate; sweep at least 3 V0 each way"
        )
    return Calibration(
        cell=cell, bias=bias, gain=gain, voltage_unit=unit, offset=offset,
        residual=float(np.abs(found.fun).max()) / gain, voltages=tuple(v.tolist()),
        currents=tuple((i * bias).tolist()), imbalance=imbalance,
    )  # fmt: skip


def fitted_element(
    calibration: Calibration,
    timescale: Timescale,
    gain: float,
    offset: float = 0.0,
    *,
    voltage_unit: float,
    name: str = "",
) -> Element:
    """The tanh element that the untrimmed amplifier makes when `gain` and `offset` (in units) were asked for.

    Its width must be the circuit's voltage unit: a model in units of `voltage_unit` has no other tanh.

    Raises:
        CalibrationError: the fitted V0 is not `voltage_unit` within 2 %; take the fitted one as the unit.
    """
    if abs(calibration.voltage_unit / voltage_unit - 1) > 0.02:
        raise CalibrationError(
            f"{calibration.cell}: its V0 is {calibration.voltage_unit:.4g} V, the circuit's unit {voltage_unit:.4g} V; "
            f"use Scaling(voltage_unit={calibration.voltage_unit:.4g}) or the measured law"
        )
    # plus reads the voltage of a negative conductance, minus that of a positive one: the offset moves them apart
    shift = calibration.offset / voltage_unit * (1 if gain < 0 else -1)
    return tanh(timescale, gain * calibration.gain, offset + shift, name=name)


def measured_element(
    calibration: Calibration, timescale: Timescale, gain: float, offset: float = 0.0, *,
    voltage_unit: float, points: int = 25, name: str = "",
) -> Element:  # fmt: skip
    """The element with the measured law itself, as a monotone cubic through `points` of the sweep.

    A circuit of it is built with the amplifier that was measured: see `circuits.realisations.forms.drawn`.
    """
    v = np.asarray(calibration.voltages) / voltage_unit
    i = np.asarray(calibration.currents) / calibration.bias
    if gain > 0:
        # a positive conductance reads its voltage at the minus input: the curve is seen from the other side
        v, i = -v[::-1], -i[::-1]
    chosen = np.linspace(v[0], v[-1], points)
    found = tabulated(
        timescale, chosen.tolist(), np.interp(chosen, v, i).tolist(), gain=gain, offset=offset, name=name
    )
    return replace(found, law=replace(found.law, name=MEASURED, source=f"DC sweep of {calibration.cell}"))


def trimmed(calibration: Calibration, trim: Trim) -> Calibration:
    """What the sweep is once the circuit has put right this gain, offset and imbalance."""
    return replace(
        calibration,
        gain=calibration.gain / trim.gain,
        offset=calibration.offset - trim.offset,
        voltages=tuple(value - trim.offset for value in calibration.voltages),
        currents=tuple(
            value / trim.gain - trim.imbalance * calibration.bias for value in calibration.currents
        ),
        imbalance=calibration.imbalance - trim.imbalance,
    )
