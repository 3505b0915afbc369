"""Energy from the supplies: closed forms of circuits whose energy is known."""

import numpy as np
import pytest
import xarray as xr

from circuits.data.circuit import GROUND, Capacitor, Circuit, CircuitError, Resistor, VoltageSource
from netlists.analyses import OperatingPoint, Tolerances, Transient
from netlists.errors import WaveformError
from netlists.simulation import simulate
from netlists.waveforms.energy import supply_energy, supply_power
from netlists.writing import write_netlist

VOLTS, OHMS, FARADS = 1.8, 1e6, 1e-9
TOLERANCES = Tolerances(current=1e-14, voltage=1e-10, charge=1e-20)


def charged(**changes):
    """A supply that charges a capacitor through a resistor."""
    return Circuit(
        name="charged",
        devices=(
            VoltageSource(name="v_vdd", positive="vdd", negative=GROUND, waveform=VOLTS),
            Resistor(name="r_load", positive="vdd", negative="top", resistance=OHMS),
            Capacitor(name="c_load", positive="top", negative=GROUND, capacitance=FARADS),
        ),
        **({"initial": {"top": 0.0}, "probes": ("top",), "metered": ("v_vdd",)} | changes),
    )


def waves(current, time):
    return xr.Dataset(
        {"current": (("time", "source"), np.asarray(current, float))},
        coords={"time": np.asarray(time, float), "source": ["v_vdd", "v_vss"]},
    )


@pytest.mark.simulator
def test_charging_a_capacitor_costs_c_v_squared():
    """The supply gives C V^2 (1 - exp(-t/RC)), half of it lost in the resistor; its first power is V^2/R."""
    stop = 3 * OHMS * FARADS
    run = simulate(write_netlist(charged(), Transient(stop=stop, max_step=stop / 2000), TOLERANCES))
    found = supply_energy(run.require(), {"v_vdd": VOLTS})
    assert found.energy == pytest.approx(FARADS * VOLTS**2 * (1 - np.exp(-3)), rel=1e-4)
    assert found.peak == pytest.approx(VOLTS**2 / OHMS, rel=1e-3)
    assert found.power == pytest.approx(found.energy / stop)


@pytest.mark.simulator
def test_static_power_of_an_operating_point():
    """Nothing flows into a charged capacitor."""
    run = simulate(write_netlist(charged(), OperatingPoint(), TOLERANCES))
    assert abs(float(supply_power(run.require(), {"v_vdd": VOLTS}))) < 1e-15


def test_both_supplies_deliver():
    """1 A from the positive supply into the negative one is a power of v_dd - v_ss."""
    power = supply_power(waves([[-1.0, 1.0]] * 3, [0, 1, 2]), {"v_vdd": 0.9, "v_vss": -0.8})
    np.testing.assert_allclose(power, 1.7)


def test_uneven_time_steps_are_weighted():
    """A power that rises linearly integrates exactly on the simulator's uneven grid."""
    time = np.array([0.0, 0.1, 0.4, 1.0, 2.0])
    found = supply_energy(waves(np.stack([-time, 0 * time], axis=1), time), {"v_vdd": 1.0, "v_vss": 0.0})
    assert found.energy == pytest.approx(2.0) and found.duration == 2.0


def test_a_current_that_was_not_kept_is_named():
    """Its name and the remedy are in the error; so are sources that a circuit does not have."""
    with pytest.raises(WaveformError, match="v_vcc was not kept; name it in `metered`"):
        supply_energy(waves([[0, 0]] * 2, [0, 1]), {"v_vcc": 1.0})
    with pytest.raises(CircuitError, match="v_vss is to be observed, but the voltage sources are v_vdd"):
        charged(metered=("v_vss",))
    with pytest.raises(WaveformError, match="simulate both as long"):
        one, other = (supply_energy(waves([[0, 0]] * 2, [0, t]), {"v_vdd": 1.0}) for t in (1, 2))
        one + other
