"""A raw file that is not the answer to the netlist is a failed run with a reason, never a waveform."""

from dataclasses import replace

import numpy as np
import pytest
from netlist_examples import SCALED, V0, rc_circuit
from wrong_raw_files import WRONG, parts, whole

from circuits.data.circuit import Capacitor, Circuit, Resistor, VoltageSource
from netlists.analyses import DCSweep, Transient
from netlists.errors import WaveformError
from netlists.netlist import Netlist
from netlists.simulation import kept_run, simulate
from netlists.simulation.answer import answer
from netlists.waveforms.raw import read_raw
from netlists.writing import write_netlist

pytestmark = pytest.mark.simulator


@pytest.fixture(scope="module")
def netlist() -> Netlist:
    """A capacitor that a resistor discharges, 1 ms in steps of 10 us."""
    return write_netlist(rc_circuit(0.0, start=0.1, name="rc"), Transient(stop=1e-3, max_step=1e-5), SCALED)


@pytest.fixture(scope="module")
def right(netlist, tmp_path_factory):
    """The folder in which a good run was kept."""
    folder = tmp_path_factory.mktemp("kept")
    assert simulate(netlist, keep=folder).ok
    return folder


@pytest.mark.parametrize("kind", WRONG)
def test_a_wrong_raw_file_is_refused(netlist, right, tmp_path, kind):
    """Each kind, with five draws, is an error of ours; the right file beside it is accepted."""
    data = (right / "output.raw").read_bytes()
    path = tmp_path / "wrong.raw"
    for seed in range(5):
        path.write_bytes(WRONG[kind](data, np.random.default_rng(seed)))
        with pytest.raises(WaveformError):
            answer(read_raw(path), netlist)
    path.write_bytes(data)
    assert answer(read_raw(path), netlist).sizes["node"] == 2


def test_a_wrong_kept_run_is_simulated_again(netlist, right, tmp_path):
    """A resumed command does not take a kept file whose middle is gone; it is a value, not an exception."""
    for name in ("rc.lib", "rc.cir", "rc_bench.cir", "ngspice.log"):
        (tmp_path / name).write_bytes((right / name).read_bytes())
    for data, accepted in ((right / "output.raw").read_bytes(), True), (b"", False):
        (tmp_path / "output.raw").write_bytes(data)
        assert (kept_run(netlist, tmp_path) is not None) == accepted


def test_the_voltage_at_the_limit_is_the_last_one_accepted(netlist, right, tmp_path):
    """Without supplies a node may be at 1000 V0 and not beyond, on either side."""
    head, values = parts((right / "output.raw").read_bytes())
    path = tmp_path / "limit.raw"
    for factor, accepted in ((0.999, True), (1.001, False), (-0.999, True), (-1.001, False)):
        changed = values.copy()
        changed[7, 2] = factor * 1000 * V0
        path.write_bytes(whole(head, changed))
        if accepted:
            assert answer(read_raw(path), netlist)["voltage"].sel(node="out").to_numpy()[7] == changed[7, 2]
        else:
            with pytest.raises(WaveformError, match="node out is at"):
                answer(read_raw(path), netlist)


def test_supplies_bound_what_a_node_can_have():
    """Between rails of -0.9 and 0.9 V no node leaves -2.7 to 2.7 V, the rails by one distance between them."""
    devices = (
        VoltageSource(name="v_vdd", positive="vdd", negative="0", waveform=0.9),
        VoltageSource(name="v_vss", positive="vss", negative="0", waveform=-0.9),
        Resistor(name="r1", positive="vdd", negative="out", resistance=1e6),
        Resistor(name="r2", positive="vss", negative="out", resistance=1e6),
        Capacitor(name="c1", positive="out", negative="0", capacitance=1e-12),
    )
    circuit = Circuit(name="between", devices=devices, initial={"out": 0.1}, probes=("out",))
    written = write_netlist(circuit, Transient(stop=1e-3, max_step=1e-5), SCALED)
    assert written.voltages["out"] == pytest.approx((-2.7, 2.7))
    run = simulate(written)
    assert run.ok
    refused = simulate(replace(written, voltages={"out": (0.0, 0.05)}))
    assert not refused.ok
    assert "node out is at 0.1 V" in refused.reason


def test_saving_may_start_late(netlist, right, tmp_path):
    """With a later start the first kept point lies within one step of it, and an earlier one is refused."""
    late = write_netlist(
        rc_circuit(0.0, start=0.1, name="rc"),
        Transient(stop=1e-3, max_step=1e-5, start_save=3.333e-4),
        SCALED,
    )
    first = simulate(late).require()["time"].to_numpy()[0]
    assert 3.333e-4 <= first <= 3.433e-4
    with pytest.raises(WaveformError, match="begin at 0 s"):
        answer(read_raw(right / "output.raw"), late)


def test_a_sweep_takes_the_values_that_were_asked_for(tmp_path):
    """A sweep of the right length over other values is refused."""
    circuit = rc_circuit(0.0, start=0.1, name="rc")
    sweep = DCSweep(source="vin", start=0.0, stop=1.0, step=0.25)
    swept = write_netlist(circuit, sweep, SCALED)
    run = simulate(swept, keep=tmp_path)
    np.testing.assert_allclose(run.require()["sweep"], [0, 0.25, 0.5, 0.75, 1.0])
    head, values = parts((tmp_path / "output.raw").read_bytes())
    values[:, 0] *= 2
    (tmp_path / "output.raw").write_bytes(whole(head, values))
    with pytest.raises(WaveformError, match="does not take the values"):
        answer(read_raw(tmp_path / "output.raw"), swept)
