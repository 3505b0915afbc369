"""Small-signal analysis: an RC filter's transfer and admittance are the formula's."""

import numpy as np
import pytest

from circuits.data.circuit import GROUND, Capacitor, Circuit, CircuitError, Resistor, VoltageSource
from netlists import SmallSignal, Tolerances, simulate, write_netlist
from netlists.errors import NetlistError

R, C = 1e9, 1e-12
TOLERANCES = Tolerances(relative=1e-6, current=1e-15, voltage=1e-9, charge=1e-18)


def bench(amplitude: float = 1.0) -> Circuit:
    """An RC low-pass behind a source of that amplitude."""
    return Circuit(
        name="rc", title="low-pass",
        devices=(
            VoltageSource(name="v_in", positive="in", negative=GROUND, waveform=0.3, small_signal=amplitude),
            Resistor(name="r", positive="in", negative="out", resistance=R),
            Capacitor(name="c", positive="out", negative=GROUND, capacitance=C),
        ),
        initial={"out": 0.0}, probes=("out",), metered=("v_in",),
    )  # fmt: skip


@pytest.mark.simulator
def test_a_low_pass_has_its_transfer_function():
    """v(out) = A/(1 + j w RC) and the current drawn is A j w C/(1 + j w RC), over four decades around 1/(2 pi RC)."""
    found = simulate(
        write_netlist(bench(2.0), SmallSignal(start=1.0, stop=1e4, points=5), TOLERANCES)
    ).require()
    w = 2j * np.pi * found["frequency"].to_numpy()
    assert found["frequency"].size == 21
    expected = 2.0 / (1 + w * R * C)
    assert found["voltage"].sel(node="out").to_numpy() == pytest.approx(expected, rel=1e-5)
    assert -found["current"].sel(source="v_in").to_numpy() == pytest.approx(expected * w * C, rel=1e-4)


@pytest.mark.simulator
def test_a_source_without_amplitude_excites_nothing():
    """The constant value is the operating point's and no signal."""
    found = simulate(
        write_netlist(bench(0.0), SmallSignal(start=1.0, stop=1e3, points=1), TOLERANCES)
    ).require()
    assert not found["voltage"].to_numpy().any()


@pytest.mark.parametrize(
    ("start", "stop", "points", "word"),
    [
        (0.0, 1.0, 1, "start"),
        (10.0, 1.0, 1, "larger"),
        (1.0, 10.0, 0, "points"),
        (1.0, float("inf"), 3, "stop"),
    ],
)
def test_a_band_that_is_none_is_refused(start, stop, points, word):
    """Frequencies must be positive, finite and rising; points a whole number."""
    with pytest.raises(NetlistError, match=word):
        SmallSignal(start=start, stop=stop, points=points)


def test_an_amplitude_must_be_finite():
    """NaN as an amplitude names the source."""
    with pytest.raises(CircuitError, match="v_in"):
        bench(float("nan"))
