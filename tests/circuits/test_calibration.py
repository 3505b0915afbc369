"""Fits of sweep data: what they recover, what they refuse, and how they go back into circuit and model."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.optimize import brentq

from circuits.calibration.amplifiers import (
    CalibrationError,
    amplifier_bench,
    fit_tanh,
    fitted_element,
    measured_element,
)
from circuits.calibration.transistors import MODERATE, Device, fit_transfer
from circuits.data.circuit import CircuitError
from circuits.realisations import kit
from circuits.technologies import technology
from conductance.elements import V

GENERIC = technology("generic_180nm")
BIAS = 2e-9
VOLTAGES = np.linspace(-0.36, 0.36, 61)


def sweep(gain=1.0, unit=0.07, offset=0.0, bend=0.0):
    """A pair's current in A, with a cubic bend that no tanh has."""
    x = (VOLTAGES - offset) / unit
    return BIAS * gain * (np.tanh(x) + bend * np.tanh(x) ** 3)


@given(
    gain=st.floats(0.2, 5.0), unit=st.floats(0.04, 0.1), offset=st.floats(-0.05, 0.05),
)  # fmt: skip
def test_fit_recovers_the_law(gain, unit, offset):
    """Gain, V0 and offset of any tanh come back, with no residual."""
    found = fit_tanh(VOLTAGES, sweep(gain, unit, offset), bias=BIAS)
    assert (found.gain, found.voltage_unit) == pytest.approx((gain, unit), rel=1e-6)
    assert found.offset == pytest.approx(offset, abs=1e-8)
    assert found.residual < 1e-6
    assert found.transconductance == pytest.approx(gain * BIAS / unit, rel=1e-6)


@pytest.mark.parametrize("ratio", [0.25, 1.0, 8.0])
def test_the_specific_current_is_that_of_a_square(ratio):
    """Of a transistor by Enz, Krummenacher and Vittoz, however wide: where gm n U_T/I = (1 - exp(-u))/u is 0.62."""
    card, square, slope_factor, thermal = GENERIC.model_cards()[0], 3e-7, 1.4, GENERIC.thermal_voltage
    device = Device(card=card, width=ratio * 2e-6, length=2e-6, technology=GENERIC)
    gate = np.linspace(0.0, 1.6, 1601)
    current = square * ratio * np.log1p(np.exp((gate - 0.6) / (2 * slope_factor * thermal))) ** 2
    found = fit_transfer(device, gate, current, drawn_for=0.01 * square * ratio)
    root = brentq(lambda u: -np.expm1(-u) / u - MODERATE, 0.1, 10)
    # the slope is at most 1 - u/2 of weak inversion's where the fit begins
    assert found.slope_factor == pytest.approx(slope_factor, rel=0.01)
    assert found.specific_current == pytest.approx(square * root**2, rel=0.05)
    assert found.leakage == current[0]
    assert found.current == pytest.approx(current[-len(found.current) :] - current[0])


def test_a_constant_output_current_is_no_offset():
    """What the mirrors of the two branches differ by comes back as imbalance and leaves offset, gain and V0 alone."""
    found = fit_tanh(VOLTAGES, sweep(1.04, 0.07, 1e-3) - 0.014 * 1.04 * BIAS, bias=BIAS)
    assert found.imbalance == pytest.approx(-0.014, abs=1e-7)
    assert (found.gain, found.offset) == pytest.approx((1.04, 1e-3), rel=1e-5)
    assert found.residual < 1e-6


def test_residual_is_the_largest_deviation():
    """What no tanh can follow is reported over the fitted peak, not hidden in an average."""
    data = sweep(bend=0.1)
    found = fit_tanh(VOLTAGES, data, bias=BIAS)
    assert found.residual == pytest.approx(np.abs(found.law(VOLTAGES) - data).max() / (found.gain * BIAS))
    assert 0.002 < found.residual < 0.05


@pytest.mark.parametrize(
    ("voltages", "currents", "words"),
    [
        (VOLTAGES[:4], sweep()[:4], "at least 5"),
        (VOLTAGES, sweep()[:-1], "two finite lists"),
        (VOLTAGES, np.where(VOLTAGES > 0, np.nan, sweep()), "finite"),
        (VOLTAGES, np.abs(sweep()) + 1e-12, "never changes sign"),
        (VOLTAGES, -sweep(), "exchange plus and minus"),
        (VOLTAGES[::-1], sweep()[::-1], "increase"),
        (VOLTAGES, VOLTAGES * 1e-9, "does not saturate"),
    ],
)
def test_what_is_no_amplifier_is_refused(voltages, currents, words):
    """The error says what is wrong with the sweep and what to do."""
    with pytest.raises(CalibrationError, match=words):
        fit_tanh(voltages, currents, bias=BIAS, cell="ota")


@pytest.mark.parametrize("gain", [-2.0, 1.5])
def test_fitted_and_measured_elements_agree(gain):
    """Both say what the untrimmed amplifier does in its place: its gain, and its offset on the right side."""
    unit, offset, delta = 0.07, 7e-3, -0.9
    found = fit_tanh(VOLTAGES, sweep(1.1, unit, offset), bias=BIAS)
    fitted = fitted_element(found, "slow", gain, delta, voltage_unit=unit, name="x")
    measured = measured_element(found, "slow", gain, delta, voltage_unit=unit, points=31, name="y")
    for voltage in (-2.0, -0.9, 0.0, 0.4):
        # the circuit: plus reads the state of a negative conductance, minus that of a positive one
        turn = 1 if gain < 0 else -1
        into_membrane = abs(gain) * 1.1 * math.tanh(turn * (voltage - delta) - offset / unit)
        for element, tolerance in ((fitted, 1e-6), (measured, 1e-2)):
            numbers = {p.symbol: p.default for p in element.parameters}
            leaving = float(element.current(V).subs({V: voltage, **numbers}))
            assert leaving == pytest.approx(-into_membrane, abs=tolerance)


def test_another_unit_is_refused():
    """A tanh of another width is another law: the error gives the unit to use."""
    found = fit_tanh(VOLTAGES, sweep(unit=0.065), bias=BIAS)
    with pytest.raises(CalibrationError, match=r"Scaling\(voltage_unit=0.065\)"):
        fitted_element(found, "slow", 1.0, voltage_unit=0.072)


def test_bench_reads_the_current_with_its_sign():
    """Positive current flows into the sense resistor and lifts its node; a bias of zero is refused."""
    generic = technology("generic_180nm")
    cell = kit("macromodel", generic, bias=BIAS).element
    bench = amplifier_bench(cell, generic, BIAS)
    assert bench.current(np.array([1e-3])) == pytest.approx([BIAS])
    with pytest.raises(CircuitError, match="greater than zero"):
        amplifier_bench(cell, generic, 0.0)
