"""Transient analyses have the right answer: closed forms, an independent integrator, order of convergence."""

import subprocess

import numpy as np
import pytest
from netlist_examples import I0, SCALED, TAU, V0, held, mtc_circuit, mtc_equation, rc_circuit
from scipy.integrate import solve_ivp

from netlists.analyses import SpikeInterval, SpikeTime, Tolerances, Transient
from netlists.simulation import simulate
from netlists.waveforms import resample
from netlists.writing import write_netlist

pytestmark = pytest.mark.simulator
TAU_RC = 1e-3


def waveform_of(circuit, node, stop, max_step, tolerances=SCALED):
    """Times (s) and voltages (V) of one node."""
    waveforms = simulate(
        write_netlist(circuit, Transient(stop=stop, max_step=max_step), tolerances)
    ).require()
    return waveforms["time"].values, waveforms["voltage"].sel(node=node).values


def upward_crossings(times, values, level=0.0):
    """Times at which the values rise through the level, by linear interpolation."""
    k = np.flatnonzero((values[:-1] < level) & (values[1:] >= level))
    return times[k] + (level - values[k]) / (values[k + 1] - values[k]) * (times[k + 1] - times[k])


def held_response(waveform, times, start=0.0):
    """Closed form of the RC circuit's voltage for ideal steps, hold by hold."""
    ends = np.append(waveform.times[1:], np.inf)
    out = np.empty_like(times)
    state = start
    for begin, end, value in zip(waveform.times, ends, waveform.values, strict=True):
        inside = (times >= begin) & (times < end)
        out[inside] = value + (state - value) * np.exp(-(times[inside] - begin) / TAU_RC)
        state = value + (state - value) * np.exp(-(end - begin) / TAU_RC)
    return out


def test_a_capacitor_discharges_by_the_exponential():
    """From its initial voltage, the RC circuit follows v0 exp(-t/tau) within 2e-5 of v0."""
    times, voltage = waveform_of(rc_circuit(0.0, start=0.1), "out", 5 * TAU_RC, TAU_RC / 20)
    assert times[0] == 0.0
    np.testing.assert_allclose(voltage, 0.1 * np.exp(-times / TAU_RC), atol=2e-6)


def test_the_error_falls_with_the_square_of_the_largest_step():
    """With tolerances too wide to matter, trapezoidal integration converges at order 2 in `max_step`."""
    wide = Tolerances(relative=1e-2, current=1e-12, voltage=1e-6, charge=1.0)
    steps = TAU_RC / np.array([10, 20, 40, 80])
    errors = []
    for step in steps:
        times, voltage = waveform_of(rc_circuit(0.0, start=0.1), "out", 3 * TAU_RC, float(step), wide)
        errors.append(np.abs(voltage - 0.1 * np.exp(-times / TAU_RC)).max())
    order = np.polyfit(np.log(steps), np.log(errors), 1)[0]
    assert order == pytest.approx(2.0, abs=0.15)


@pytest.mark.parametrize("share", [1e-1, 1e-2, 1e-3])
def test_held_values_give_the_closed_form_within_the_edge(share):
    """Between steps the voltage is that of ideal steps; inside a ramp it is off by a share of the step.

    Random values over holds of 0.2 tau, edges of a share of the hold. At the middle of each hold the error
    stays below 2e-4 V0. The bound inside a ramp is |step| edge/(8 tau), reached at its centre.
    """
    hold, count = 0.2 * TAU_RC, 60
    starts = hold * np.arange(count)
    values = 0.1 * np.random.default_rng(1).standard_normal(count)
    waveform = held(starts, values, share * hold)
    times, voltage = waveform_of(rc_circuit(waveform), "out", hold * count, hold)
    middles = starts + hold / 2
    assert np.abs(np.interp(middles, times, voltage) - held_response(waveform, middles)).max() < 2e-4 * V0
    bound = np.abs(np.diff(values)).max() * share * hold / (8 * TAU_RC)
    largest = np.abs(voltage - held_response(waveform, times)).max()
    assert bound / 2 < largest < 1.1 * bound + 1e-4 * V0


def test_slow_bursting_agrees_with_scipy_spike_by_spike():
    """10 000 tau of the slow-bursting set: 21 spikes in bursts of 7, each within 0.05 tau of scipy's."""
    stop = 10_000
    rate = mtc_equation()
    truth = solve_ivp(
        lambda t, y: rate(t, y, -2.0),
        (0, stop),
        [-1.0] * 3,
        method="LSODA",
        rtol=1e-10,
        atol=1e-12,
        dense_output=True,
    )
    grid = np.linspace(0, stop, 400_001)
    membrane = truth.sol(grid)[0]
    expected = upward_crossings(grid, membrane)
    times, voltage = waveform_of(mtc_circuit(), "um", stop * TAU, TAU)
    found = upward_crossings(times / TAU, voltage / V0)
    assert len(expected) == 21
    assert len(found) == 21
    assert np.abs(found - expected).max() < 0.05
    assert found[0] == pytest.approx(2528.3, abs=0.1)
    assert found[7] == pytest.approx(5022.2, abs=0.1)
    assert np.sqrt(np.mean((np.interp(grid, times / TAU, voltage / V0) - membrane) ** 2)) < 0.004


def test_a_neuron_driven_by_held_current_agrees_with_piecewise_integration():
    """Current held for 5 tau at a time: the membrane follows scipy, restarted at each step, to 0.002 V0."""
    hold, count = 5.0, 60
    currents = np.random.default_rng(2).uniform(-3, 1, count)
    rate = mtc_equation()
    state, grid, membrane = [-1.0] * 3, [], []
    for k, current in enumerate(currents):
        span = (k * hold, (k + 1) * hold)
        inside = np.linspace(*span, 51)[:-1] + hold / 100
        piece = solve_ivp(
            lambda t, y, current=current: rate(t, y, current),
            span,
            state,
            rtol=1e-9,
            atol=1e-11,
            dense_output=True,
        )
        grid.append(inside)
        membrane.append(piece.sol(inside)[0])
        state = piece.y[:, -1]
    waveform = held(hold * TAU * np.arange(count), I0 * currents, 1e-3 * hold * TAU)
    run = simulate(
        write_netlist(mtc_circuit(waveform), Transient(stop=hold * count * TAU, max_step=TAU), SCALED)
    )
    found = resample(run.require(), np.concatenate(grid) * TAU)["voltage"].sel(node="um").values / V0
    assert np.abs(found - np.concatenate(membrane)).max() < 0.002


def test_ngspice_measures_the_spikes_that_the_waveform_shows(tmp_path):
    """The `.meas` lines of the bench, run by plain `ngspice -b`, print the first spike and interval."""
    measures = [
        SpikeTime(name="t_first", node="um", threshold=0.0),
        SpikeInterval(name="t_interval", node="um", threshold=0.0),
    ]
    netlist = write_netlist(mtc_circuit(), Transient(stop=2700 * TAU, max_step=TAU), SCALED, measures)
    bench = netlist.write(tmp_path)
    answer = subprocess.run(
        ["ngspice", "-b", bench.name], cwd=tmp_path, capture_output=True, text=True, check=True, timeout=60
    )
    pairs = [line.split("=") for line in answer.stdout.splitlines() if "=" in line]
    words = {pair[0].strip(): pair[1].split()[0] for pair in pairs}
    assert float(words["t_first"]) / TAU == pytest.approx(2528.3, abs=0.1)
    assert float(words["t_interval"]) / TAU == pytest.approx(71.9, abs=0.1)
    assert (tmp_path / "slow_bursting.raw").exists()


def test_the_analysis_begins_to_keep_where_it_is_told():
    """`start_save` cuts the beginning off; the rest is unchanged."""
    netlist = write_netlist(
        rc_circuit(0.0, start=0.1), Transient(stop=4e-3, max_step=1e-5, start_save=2e-3), SCALED
    )
    waveforms = simulate(netlist).require()
    assert waveforms["time"].values[0] >= 2e-3 * (1 - 1e-6)
    voltage = waveforms["voltage"].sel(node="out").values
    np.testing.assert_allclose(voltage, 0.1 * np.exp(-waveforms["time"].values / TAU_RC), atol=1e-6)
