"""A sweep from a bench calibrates like one of the simulator."""

import numpy as np
import pytest

from circuits.calibration.amplifiers import CalibrationError
from circuits.calibration.recorded import recorded_sweep
from circuits.data.values import CircuitError

BIAS = 2e-9
GAIN, OFFSET, UNIT, IMBALANCE = 1.08, 4e-3, 73e-3, 0.02


def recorded(tmp_path, header="voltage_V,current_A,note"):
    """The sweep of an amplifier with a known law, a microvolt of noise in neither."""
    voltages = np.linspace(-0.3, 0.3, 61)
    currents = GAIN * BIAS * (np.tanh((voltages - OFFSET) / UNIT) + IMBALANCE)
    path = tmp_path / "ota10.csv"
    rows = [f"{v!r},{i!r},x" for v, i in zip(voltages.tolist(), currents.tolist(), strict=True)]
    path.write_text("\n".join([header, *rows, ""]))
    return path


def test_gain_offset_unit_and_imbalance_are_those_of_the_law(tmp_path):
    """They come back to the fit's own tolerance, and the trim undoes them."""
    found = recorded_sweep(recorded(tmp_path), bias=BIAS, cell="ota10")
    assert (found.gain, found.voltage_unit) == pytest.approx((GAIN, UNIT), rel=1e-9)
    assert (found.offset, found.imbalance) == pytest.approx((OFFSET, IMBALANCE), rel=1e-6)
    assert found.residual < 1e-9
    assert (found.trim().gain, found.trim().offset) == (found.gain, found.offset)


def test_what_is_no_sweep_is_refused(tmp_path):
    """A missing file, a missing column, a word for a number, an empty file, a bias of zero."""
    with pytest.raises(CalibrationError, match=r"ota10.*No such file"):
        recorded_sweep(tmp_path / "none.csv", bias=BIAS, cell="ota10")
    with pytest.raises(CalibrationError, match=r"no column current_A.*it has voltage_V, i"):
        recorded_sweep(recorded(tmp_path, "voltage_V,i,note"), bias=BIAS, cell="ota10")
    path = recorded(tmp_path)
    path.write_text(path.read_text().replace("\n0.3,", "\nfull,"))
    with pytest.raises(CalibrationError, match="row 62: 'full'"):
        recorded_sweep(path, bias=BIAS, cell="ota10")
    path.write_text("")
    with pytest.raises(CalibrationError, match="no rows"):
        recorded_sweep(path, bias=BIAS, cell="ota10")
    with pytest.raises(CircuitError, match="bias = 0"):
        recorded_sweep(path, bias=0, cell="ota10")
