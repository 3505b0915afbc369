"""An amplifier whose transistors are each drawn a little off: its offset and gain by DC sweeps in ngspice."""

import math
from dataclasses import replace

import numpy as np
import pytest

from circuits.data.circuit import Mosfet, VoltageSource
from circuits.realisations.cells.cell import Cell
from circuits.realisations.cells.ota import TEN_TRANSISTOR_SHARES, ten_transistor_ota
from circuits.technologies import technology
from excitable.ladder.calibration import calibrate

GENERIC = technology("generic_180nm")
BIAS = 1.5e-9


def with_thresholds(cell: Cell, shifts: dict[str, float]) -> Cell:
    """The cell with a voltage source in each named gate: a threshold that is larger by that many volts."""
    devices = []
    for device in cell.subcircuit.devices:
        if isinstance(device, Mosfet) and device.name in shifts:
            gate = f"{device.name}_gate"
            sign = 1 if device.model == GENERIC.transistor("nmos").model else -1
            devices.append(
                VoltageSource(
                    name=f"v_{gate}", positive=device.gate, negative=gate, waveform=sign * shifts[device.name]
                )
            )
            device = replace(device, gate=gate)
        devices.append(device)
    return replace(cell, subcircuit=replace(cell.subcircuit, devices=tuple(devices)))


def referred(shifts: dict[str, float]) -> np.ndarray:
    """What each threshold shift in V adds to the offset in V, and to the logarithm of the gain: (transistor, 2)."""
    unit = GENERIC.thermal_voltage
    pair = GENERIC.transistor("nmos").slope_factor * unit
    rows = []
    for name, shift in shifts.items():
        share = TEN_TRANSISTOR_SHARES[name]
        logarithm = -shift / (GENERIC.transistor(share.polarity).slope_factor * unit)
        rows.append((share.offset * logarithm * pair, share.gain * logarithm))
    return np.array(rows)


def measured(shifts: dict[str, float]) -> np.ndarray:
    """Input voltage in V at which the output current is zero, and the logarithm of the largest current over I_b."""
    fit = calibrate(with_thresholds(ten_transistor_ota(GENERIC, BIAS), shifts), GENERIC, BIAS)
    return np.array([np.interp(0.0, fit.currents, fit.voltages), math.log(fit.gain)])


def test_every_transistor_but_none_else_has_a_share():
    """The shares name the ten transistors of the amplifier, with its polarities."""
    cell = ten_transistor_ota(GENERIC, BIAS)
    placed = {device.name: device.model for device in cell.subcircuit.devices if isinstance(device, Mosfet)}
    assert placed == {
        name: GENERIC.transistor(share.polarity).model for name, share in TEN_TRANSISTOR_SHARES.items()
    }


@pytest.mark.simulator
def test_shares_are_those_of_the_circuit():
    """1 mV on one threshold moves the swept offset as its share tells within 0.1 mV, the gain within 0.2 %."""
    plain = measured({})
    for name in TEN_TRANSISTOR_SHARES:
        shift = {name: 1e-3}
        difference = measured(shift) - plain - referred(shift)[0]
        assert np.all(np.abs(difference) < (1e-4, 2e-3)), name


@pytest.mark.simulator
@pytest.mark.parametrize("seed", [1, 3])
def test_a_drawn_amplifier_has_the_offset_that_its_draws_tell(seed):
    """Ten drawn thresholds: offset and gain of the sweep are those told within a tenth of what adds up."""
    generator = np.random.default_rng(seed)
    shifts = {}
    for name, share in TEN_TRANSISTOR_SHARES.items():
        kind = GENERIC.transistor(share.polarity)
        area = GENERIC.width(share.polarity, BIAS) * kind.length
        shifts[name] = generator.normal() * kind.pelgrom_threshold / math.sqrt(area)
    told = referred(shifts)
    scale = np.sqrt((told**2).sum(axis=0))
    assert scale[0] > 2e-3 and scale[1] > 0.02
    np.testing.assert_array_less(np.abs(measured(shifts) - measured({}) - told.sum(axis=0)), 0.1 * scale)
