"""The known answers of docs/models.md, section 1, from the package's own tight integrator, each within 1 %."""

import numpy as np
import pytest

from conductance.derivation.rules import derive
from conductance.elements import tanh
from conductance.neurons import mtc
from conductance.neurons.presets import (
    BISTABLE,
    BURSTING,
    EXCITABLE,
    PHASIC_BURST,
    PHASIC_SPIKE,
    PRESETS,
    QUANTITIES,
    SLOW_BURSTING,
    SPIKE_LEVEL,
    TONIC,
    Preset,
    answers,
)
from conductance.shaping.convergence import stepped
from conductance.shaping.integrate import Trace, integrate
from conductance.stimulus import Stimulus


def run(preset: Preset, **changes) -> Trace:
    return integrate(preset.neuron, preset.stimulus, preset.stop, start=preset.start, **changes)


@pytest.mark.parametrize("name", PRESETS)
def test_every_known_answer_within_one_percent(name):
    """Spike counts, intervals, gaps, latencies and extremes of each row, the slewing variants included."""
    preset = PRESETS[name]
    trace = run(preset)
    found = answers(preset, trace.crossings(SPIKE_LEVEL), *trace.extremes(preset.onset))
    assert set(found) == set(preset.known)
    for quantity, number in preset.known.items():
        assert np.shape(found[quantity]) == np.shape(number), quantity
        assert found[quantity] == pytest.approx(number, rel=0.01), quantity


def test_the_rows_are_those_of_the_table():
    """Seven sets and three slewing variants; every trust and every quantity is a known one."""
    assert len(PRESETS) == 10
    assert {preset.trust for preset in PRESETS.values()} == {"published", "derived"}
    known = {quantity for preset in PRESETS.values() for quantity in preset.known}
    assert known == {*QUANTITIES, "lowest", "highest"}
    assert all(preset.known and preset.source for preset in PRESETS.values())


def test_parameter_sets_are_the_published_ones():
    """(a, d, tau) of each row, a < 0 negative, written here a second time."""
    rows = [
        (TONIC, [(-2, 0, 0), (2, 0, 20)]),
        (EXCITABLE, [(-2, 0, 0), (2, 0, 20)]),
        (BISTABLE, [(-2, 0, 0), (2, 0, 20), (-1.5, -0.9, 20)]),
        (BURSTING, [(-2, 0, 0), (2, 0, 20), (-1.5, -0.9, 20), (1.5, -0.9, 400)]),
        (SLOW_BURSTING, [(-2, 0, 0), (2, 0, 50), (-1.5, -1.5, 50), (1.5, -1.5, 2500)]),
        (PHASIC_SPIKE, [(-2, 0, 0), (2, 0, 20), (3, -0.9, 400)]),
        (PHASIC_BURST, [(-2, 0, 0), (2, 0, 20), (-1.5, -0.9, 20), (1.5, -0.5, 400)]),
    ]  # fmt: skip
    for preset, elements in rows:
        values = preset.neuron.defaults
        taus = {"fast": 0.0, "slow": values.get("tau_s"), "ultraslow": values.get("tau_us")}
        found = [
            (e.sign * e.values["alpha"], e.values["delta"], taus[e.timescale]) for e in preset.neuron.elements
        ]
        assert found == elements


def test_a_leak_of_one_pair_runs_away_and_one_of_five_units_behaves():
    """Saturation at 2.43 units: the slow-bursting membrane leaves [-70, 10] V0; at 5 it stays within 6 and bursts."""
    outcomes = {}
    for limit in (2.43, 5.0):
        leaking = mtc(SLOW_BURSTING.neuron.elements, tau_s=50.0, tau_us=2500.0, leak_limit=limit)
        trace = integrate(leaking, Stimulus.constant(-2.0), 6000.0, start=SLOW_BURSTING.start)
        outcomes[limit] = trace.extremes()
    assert outcomes[2.43][0] < -70
    assert outcomes[2.43][1] > 10
    assert -6 < outcomes[5.0][0] < outcomes[5.0][1] < 6


def test_slewing_goes_over_into_the_linear_filter():
    """L = 1, 2, 4, 50: bursts of 13, 10, 8 and the linear filter's 7."""
    sizes = []
    for limit in (1.0, 2.0, 4.0, 50.0):
        slewing = mtc(SLOW_BURSTING.neuron.elements, tau_s=50.0, tau_us=2500.0, filter_limit=limit)
        trace = integrate(slewing, Stimulus.constant(-2.0), 8000.0, start=SLOW_BURSTING.start, rtol=1e-8)
        sizes.append(answers(SLOW_BURSTING, trace.crossings(), 0.0, 0.0)["burst_size"])
    assert sizes == [13.0, 10.0, 8.0, 7.0]


@pytest.mark.parametrize("offset", [-0.88, -0.9])
def test_other_offsets_stop_the_slow_set(offset):
    """With d = -0.88 or -0.9 the slow set does not burst at -2; at -1.5 it does."""
    elements = (
        tanh("fast", -2.0),
        tanh("slow", 2.0),
        tanh("slow", -1.5, offset),
        tanh("ultraslow", 1.5, offset),
    )
    moved = mtc(elements, tau_s=50.0, tau_us=2500.0)
    for current, spikes in ((-2.0, False), (-1.5, True)):
        trace = integrate(
            moved, Stimulus.constant(current), 12000.0, start=(-1.0, -1.0, -1.0), rtol=1e-8, method="LSODA"
        )
        assert (trace.crossings() > 6000).any() == spikes


def test_forward_euler_keeps_the_spike_counts():
    """Counts of the sets do not change for dt = 0.05 ... 1 tau_m."""
    for preset in (TONIC, BURSTING):
        counts = []
        for dt in (0.05, 0.2, 1.0):
            inputs = [preset.current] * round(1000 / dt)
            states, _ = stepped(derive(preset.neuron), inputs, dt, start=preset.start)
            counts.append(int(((states[:-1, 0] < 0) & (states[1:, 0] >= 0)).sum()))
        assert len(set(counts)) == 1
        assert counts[0] > 5
