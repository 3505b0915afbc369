"""Sweeps of virtual chips: resumable by sample, failures kept as results, the yield, and dask."""

import json
import os
import signal
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import xarray as xr
from dask_workers import dask_workers, free_port
from report_examples import CONFIGURATION, network_of

from conductance.storage import save_network
from excitable.chips import judge as chips
from excitable.chips.sweep import SweepError, SweepOptions, executor_of, listed, read_sweep, sweep_run
from excitable.chips.yields import Judged, Sweep
from excitable.report import write_report
from excitable.runs.energy import EnergyError, EnergyReport, energy_run, read_energy, together
from excitable.runs.series import SeriesRun
from excitable.trials import TrialError
from netlists.errors import SimulationFailed, SimulatorMissing

SAMPLES = 90
HIDDEN = 2


def run_folder(path: Path) -> SeriesRun:
    """A run of a small, untrained network."""
    path.mkdir(parents=True)
    save_network(network_of("mtc", HIDDEN), path)
    (path / "config.toml").write_text(CONFIGURATION.replace("hidden = 5", f"hidden = {HIDDEN}"))
    return SeriesRun(path)


@pytest.fixture
def run(tmp_path):
    return run_folder(tmp_path / "runs" / "small")


def options(**changes):
    return SweepOptions(**({"chips": 3, "level": "behavioural", "samples": SAMPLES} | changes))


def results(run):
    return {path.stem: path for path in (run.path / "sweep").glob("*/*.json")}


def judged(chip, circuit, model=1.0, **changes):
    return Judged(
        **({"chip": chip, "corner": "tt", "temperature": 27.0, "supply": 1.8, "level": "macromodel",
            "model_error": model, "circuit_error": circuit, "reason": "" if circuit else "no convergence",
            "seconds": 1.0} | changes)
    )  # fmt: skip


def sweep_of(chips, nominal=0.2):
    return Sweep(
        level="macromodel", mismatch="2 % / 1 mV", samples=10, error_name="nrmse", nominal=judged(None, nominal),
        chips=tuple(chips),
    )  # fmt: skip


def test_a_mismatch_that_is_none_names_all_that_are(run):
    """`device` is near to `devices`, which the error names beside the spellings of sigmas."""
    with pytest.raises(
        SweepError, match=r"mismatch 'device'.*pelgrom; devices draws each transistor by itself"
    ):
        sweep_run(run, options(mismatch="device"))


@pytest.mark.simulator
def test_netlist_of_a_chip_follows_its_model(run):
    """At the behavioural level both errors of a chip agree to 2 %, and chips differ from each other."""
    found = sweep_run(run, options(mismatch="10 % / 5 mV / 2 %"))
    errors = np.array([(chip.model_error, chip.circuit_error) for chip in (found.nominal, *found.chips)])
    np.testing.assert_allclose(errors[:, 1], errors[:, 0], rtol=0.02)
    assert len(set(np.round(errors[:, 0], 6))) == 4
    assert read_sweep((run.path / "sweep.json").read_bytes()) == found


@pytest.mark.slow
@pytest.mark.simulator
def test_chips_under_noise_see_the_draws_of_their_models(run):
    """Without mismatch chips differ by noise alone, each netlist by that of its model; the design itself is silent."""
    plain = sweep_run(run, options(chips=2, mismatch="0 % / 0 mV"))
    noisy = sweep_run(run, options(chips=2, mismatch="0 % / 0 mV", noise=True))
    assert noisy.mismatch == "0 % / 0 mV and noise"
    assert noisy.nominal.model_error == plain.nominal.model_error
    assert len({chip.model_error for chip in plain.chips}) == 1
    changes = [
        (chip.model_error - noisy.nominal.model_error, chip.circuit_error - noisy.nominal.circuit_error)
        for chip in noisy.chips
    ]
    assert all(model != 0 for model, _ in changes)
    for model, circuit in changes:
        assert circuit == pytest.approx(model, rel=0.25, abs=1e-5)


@pytest.mark.simulator
def test_a_broken_off_sweep_makes_only_what_is_missing(run):
    """Results that are there stay untouched; one that is gone, and chips that are new, are made."""
    sweep_run(run, options())
    files = results(run)
    assert sorted(files) == ["chip00001", "chip00002", "chip00003", "nominal"]
    stamps = {name: path.stat().st_mtime_ns for name, path in files.items()}
    files["chip00002"].unlink()
    sweep_run(run, options(chips=4))
    again = {name: path.stat().st_mtime_ns for name, path in results(run).items()}
    assert {name for name in again if again[name] != stamps.get(name)} == {"chip00002", "chip00004"}


@pytest.mark.simulator
def test_other_options_are_another_sweep(run):
    """Another mismatch does not take the results of the first."""
    sweep_run(run, options(chips=1))
    sweep_run(run, options(chips=1, mismatch="5 % / 2 mV"))
    assert len(list((run.path / "sweep").iterdir())) == 2


@pytest.mark.simulator
def test_every_chip_at_every_condition(run):
    """Two corners and two temperatures make four samples of a chip, each named."""
    found = sweep_run(
        run, options(chips=1, level="macromodel", corners=("tt", "ss"), temperatures=(-20.0, 85.0))
    )
    assert [row.chips for row in found.yields] == [1, 1, 1, 1, 1]
    assert {"chip00001-ss--20C", "chip00001-tt-85C"} < set(results(run))
    errors = {chip.conditions[:2]: chip.circuit_error for chip in found.chips}
    assert len(set(errors.values())) == 4


@pytest.mark.simulator
def test_failed_chips_are_results(run, monkeypatch):
    """A chip beyond its time limit and one without convergence keep ngspice's reason, count as bad, and stay."""
    simulate, calls = chips.simulate, []

    def faulty(network, inputs, *, options, **arguments):
        calls.append(options)
        if len(calls) == 2:
            options = replace(options, time_limit=1e-3)
        if len(calls) == 3:
            raise SimulationFailed(
                "simulation part_0: Timestep too small; initial timepoint: trouble with um"
            )
        return simulate(network, inputs, options=options, **arguments)

    monkeypatch.setattr(chips, "simulate", faulty)
    with executor_of(None, 1) as one:
        found = sweep_run(run, options(), executor=one)
        assert len(calls) == 4
        sweep_run(run, options(), executor=one)
    assert len(calls) == 4
    reasons = " ".join(chip.reason for chip in found.worst[:2])
    assert "time limit of 0.001 s" in reasons and "Timestep too small" in reasons
    assert found.yields[0].failed == 2 and found.yields[0].share == pytest.approx(1 / 3)
    page = write_report(run.path).read_text()
    assert "Timestep too small" in page and "Virtual chips" in page


@pytest.mark.simulator
def test_a_design_that_fails_ends_the_sweep(run):
    """Without the nominal circuit there is nothing to compare with, and the error says why."""
    with pytest.raises(SweepError, match=r"design itself cannot be simulated.*time limit of 0.001 s"):
        sweep_run(run, options(chips=1, time_limit=1e-3))


def test_a_worker_without_ngspice_is_no_bad_chip(run, monkeypatch):
    """A missing simulator is reported as such, and leaves no results behind."""

    def missing(*_, **__):
        raise SimulatorMissing("there is no ngspice on the search path")

    monkeypatch.setattr(chips, "simulate", missing)
    with pytest.raises(TrialError, match="no ngspice"):
        sweep_run(run, options())
    assert not results(run)


def test_yield_counts_chips_within_one_and_a_half_nominal_errors():
    """0.30 is the limit of a nominal 0.2: two of four chips pass, the failed one counts against it."""
    found = sweep_of([judged(1, 0.19), judged(2, 0.3), judged(3, 0.301), judged(4, None)])
    row = found.yields[0]
    assert (row.good, row.failed, row.share) == (2, 1, 0.5)
    # Wilson's bounds of 2 in 4: (p + z^2/2n -+ z sqrt(p(1-p)/n + z^2/4n^2))/(1 + z^2/n)
    z = 1.959963984540054
    half = z * np.sqrt(0.25 / 4 + z**2 / 64) / (1 + z**2 / 4)
    assert (row.lower, row.upper) == pytest.approx((0.5 - half, 0.5 + half))
    assert [chip.chip for chip in found.worst] == [4, 3, 2, 1]
    np.testing.assert_allclose(found.curve(np.array([0.9, 0.95, 1.5, 1e9])), [0.0, 0.25, 0.5, 0.75])


def test_a_chip_is_good_that_is_good_in_all_its_conditions():
    """Two chips at two temperatures are two, not four: the one that is bad when warm is bad, and the yield is 1/2."""
    warm = [replace(judged(1, 0.25), temperature=85.0), replace(judged(2, 0.4), temperature=85.0)]
    found = sweep_of([judged(1, 0.2), judged(2, 0.2), *warm])
    assert [(row.chips, row.good) for row in found.yields] == [(2, 1), (2, 2), (2, 1)]
    assert found.yields[0].median_ratio == pytest.approx((0.25 + 0.4) / 2 / 0.2)
    np.testing.assert_allclose(found.curve(np.array([1.0, 1.5, 2.0])), [0.0, 0.5, 1.0])


def test_correlation_is_pearson_s():
    """Errors on a line correlate fully, and not at all where they do not vary; failed chips are left out."""
    line = [judged(k, 0.1 + 0.2 * k, model=float(k)) for k in (1, 2, 3)]
    assert sweep_of([*line, judged(4, None, model=9.0)]).correlation == pytest.approx(1.0)
    assert sweep_of([judged(k, 0.2) for k in (1, 2, 3)]).correlation is None


def test_bad_input():
    """Each names what was given and what is allowed."""
    with pytest.raises(SweepError, match=r"--temperature 'hot'.*-20,27,85"):
        listed("hot", "--temperature")
    assert listed("-20,27,85", "--temperature") == (-20.0, 27.0, 85.0)
    with pytest.raises(SweepError, match="chips = 0"):
        SweepOptions(chips=0)


@pytest.mark.slow
def test_no_scheduler_at_the_address():
    """An address where nobody listens is answered with the commands that start dask."""
    pytest.importorskip("distributed")
    with (
        pytest.raises(SweepError, match="dask scheduler"),
        executor_of(f"tcp://127.0.0.1:{free_port()}", None),
    ):
        pass


def test_energies_are_shares_of_the_whole():
    """12 nJ in 3 ms are 4 uW; each of 6 samples (by 2 neurons) costs 2 nJ, each of 4 spikes 3 nJ."""
    report = EnergyReport(
        level="macromodel", technology="generic_180nm", supply=1.8, neurons=2, samples=6, duration=3e-3, energy=12e-9,
        static_power=None, spikes=4, area=None,
    )  # fmt: skip
    assert (report.power, report.per_inference, report.per_spike) == pytest.approx((4e-6, 2e-9, 3e-9), abs=0)
    assert replace(report, spikes=0).per_spike is None


@pytest.mark.simulator
@pytest.mark.slow
def test_energy_of_amplifiers(run):
    """Power times duration is energy, an inference is a sample; bias currents bound the static power from below."""
    found = energy_run(run, level="macromodel", samples=SAMPLES)
    assert found.power * found.duration == pytest.approx(found.energy)
    assert found.per_inference * SAMPLES == pytest.approx(found.energy)
    assert found.duration == pytest.approx(SAMPLES * 0.2 * 69.3e-6, rel=0.02)
    # each neuron's elements alone carry about 7 I0 of 1 nA, half of it through either arm, from 1.8 V
    assert 1e-9 * HIDDEN < found.power < 100e-9 * HIDDEN
    assert found.area is None
    assert read_energy((run.path / "energy.json").read_bytes()) == found
    data = json.loads((run.path / "energy.json").read_text())
    assert any("2408.07734" in entry["source"] for entry in data["published"])
    assert "published silicon" in write_report(run.path).read_text().lower()


def test_parts_of_a_network_take_their_energies_together():
    """Two parts with 1 and 3 A from 0.5 V for 2 s take 4 J."""
    found = together(
        [
            xr.Dataset(
                {"current": (("time", "source"), np.full((3, 1), -amperes))},
                coords={"time": [0.0, 1.0, 2.0], "source": ["v_vdd"]},
            )
            for amperes in (1.0, 3.0)
        ],
        [{"v_vdd": 0.5}] * 2,
    )
    assert (found.energy, found.duration, found.power) == pytest.approx((4.0, 2.0, 2.0))


def test_sources_that_state_equations_have_no_energy(run):
    """The behavioural level is refused with the levels that have supplies."""
    with pytest.raises(EnergyError, match="no supply"):
        energy_run(run, level="behavioural")


@pytest.mark.slow
@pytest.mark.simulator
def test_two_dask_workers_one_killed_half_way(run, tmp_path):
    """100 chips over a scheduler and two workers, one of them killed after 50: 100 results, none lost, none twice."""
    pytest.importorskip("distributed")
    done = []
    with dask_workers(tmp_path) as (address, first):

        def tell(count, total, name):
            done.append(name)
            if count == 50:
                os.killpg(first.pid, signal.SIGKILL)

        with executor_of(address, None) as executor:
            found = sweep_run(run, options(chips=100), executor=executor, progress=tell)
    assert first.poll() is not None
    assert len(done) == len(set(done)) == 101
    assert sorted(chip.chip for chip in found.chips) == list(range(1, 101))
    assert all(chip.circuit_error is not None for chip in found.chips)


@pytest.mark.simulator
@pytest.mark.slow
def test_chips_of_single_devices_are_the_same_at_every_level(run):
    """`devices`: chips differ, models do not depend on the level, and transistors are drawn in the netlist itself."""
    found = {
        level: sweep_run(run, options(chips=1, mismatch="devices", level=level))
        for level in ("behavioural", "transistor")
    }
    models = [sweep.chips[0].model_error for sweep in found.values()]
    assert models[0] == pytest.approx(models[1], rel=0.05)
    for sweep in found.values():
        assert sweep.mismatch == "devices"
        assert sweep.chips[0].circuit_error != sweep.nominal.circuit_error
