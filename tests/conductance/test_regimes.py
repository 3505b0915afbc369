"""The classifier gives each known set the regime of its row, and the rest of the map what it should be."""

import numpy as np
import pytest

from conductance.elements import tanh
from conductance.neurons import adlif, lif, low_pass, mtc, qif
from conductance.neurons.presets import (
    BISTABLE,
    BURSTING,
    EXCITABLE,
    PHASIC_BURST,
    PRESETS,
    SLOW_BURSTING,
    TONIC,
)
from conductance.shaping.episodes import Watch, bursts, spike_level, time_constants
from conductance.shaping.flow import FlowError
from conductance.shaping.regimes import Regime, classify, default_probes
from conductance.stimulus import Pulse

FAST, RECOVERY = tanh("fast", -2.0), tanh("slow", 2.0)


@pytest.mark.parametrize("name", [name for name in PRESETS if "saturate" not in name])
def test_each_set_has_the_regime_of_its_row(name):
    """At its row's current and stimulus; slow bursting is tonic bursting."""
    preset = PRESETS[name]
    found = classify(
        preset.neuron, preset.current, before=preset.before, pulse=preset.pulse, start=preset.start
    )
    assert found.regime == preset.regime, found.reason


def test_a_slewing_filter_keeps_the_regime():
    """Periods stretch, bursts stay bursts: of 13 at L = 1."""
    preset = PRESETS["slow bursting, filters saturate at 1"]
    found = classify(preset.neuron, preset.current, start=preset.start, watch=Watch(rtol=1e-6))
    assert found.regime == Regime.TONIC_BURSTING
    assert set(found.bursts) == {13}


def test_every_regime_is_reached_by_some_preset_or_test():
    """The names of the presets are the classifier's names."""
    assert {preset.regime for preset in PRESETS.values()} <= set(Regime)


@pytest.mark.parametrize(
    ("current", "regime"),
    [
        (-3.0, Regime.REST),
        (-1.6, Regime.REST),
        (-1.2, Regime.TONIC_BURSTING),
        (-0.7, Regime.TONIC_BURSTING),
        (0.1, Regime.TONIC_SPIKING),
        (0.7, Regime.TONIC_SPIKING),
        (0.9, Regime.DEPOLARISED_BLOCK),
        (2.0, Regime.DEPOLARISED_BLOCK),
    ],
)
def test_rising_current_takes_the_bursting_set_from_rest_to_block(current, regime):
    """Published: rest, burst, tonic, depolarised block. Asked without pulses."""
    assert classify(BURSTING.neuron, current, probes=()).regime == regime


def test_the_evidence_is_what_models_md_states():
    """Intervals, burst sizes and latencies in the result, and the protocol with them."""
    tonic = classify(TONIC.neuron, -0.7)
    assert tonic.intervals[-1] == pytest.approx(32.64, rel=0.01)
    assert tonic.bursts == ()
    bursting = classify(BURSTING.neuron, -1.0)
    assert set(bursting.bursts) == {3}
    assert max(bursting.intervals) == pytest.approx(246.7, rel=0.01)
    burst = classify(PHASIC_BURST.neuron, -2.0, before=-3.0)
    assert burst.spikes == pytest.approx((87.6, 139.2, 181.7, 221.8, 260.9, 301.5), rel=0.01)
    assert [(stage.name, stage.current) for stage in burst.stages] == [("settle", -3.0), ("watch", -2.0)]
    assert burst.stages[0].stop - burst.stages[0].start >= 3000
    assert burst.trace.time[-1] == burst.stages[-1].stop
    assert "6 spikes" in burst.reason


@pytest.mark.parametrize("gaps", [(8.0, 8.0, 8.0, 8.0), (8.0, 9.0, 7.0, 8.0), (5.0, 6.0, 5.5, 8.0)])
def test_bursts_lie_between_all_long_intervals(gaps):
    """Bursts of 2, 3 and 4 spikes an interval of 1 apart: each gap parts two, the shortest like the others."""
    sizes = (3, 2, 3, 4, 2)
    intervals = [1.0] * (sizes[0] - 1)
    for gap, size in zip(gaps, sizes[1:], strict=True):
        intervals += [gap, *[1.0] * (size - 1)]
    spikes = np.concatenate([[0.0], np.cumsum(intervals)])
    assert bursts(spikes, 1.5) == sizes[1:-1]
    assert bursts(np.arange(9.0), 1.5) == ()


def test_without_a_pulse_the_pulses_are_found():
    """Excitability and bistability show with the classifier's own growing pulses, from rest and from spiking."""
    assert classify(EXCITABLE.neuron, -1.0).regime == Regime.EXCITABLE
    from_rest = classify(BISTABLE.neuron, -0.8, start=(-2.0, -2.0))
    from_spikes = classify(BISTABLE.neuron, -0.8, start=(0.0, 0.0))
    assert from_rest.regime == from_spikes.regime == Regime.BISTABLE
    assert "rests at" in from_rest.reason
    assert "silent at rest" in from_spikes.reason


def test_the_opposite_pulse_stops_the_bistable_set():
    """The row's protocol: +1 for 20 starts it, -1 for 20 ends it."""
    found = classify(BISTABLE.neuron, -0.8, pulse=Pulse(amplitude=1.0, duration=20.0), start=(-2.0, -2.0))
    assert "stops it" in found.reason
    assert [stage.current for stage in found.stages if stage.name == "pulse"] == pytest.approx([0.2, -1.8])


def test_a_pulse_too_weak_finds_rest():
    """At -1 a pulse of 0.01 makes no spike."""
    found = classify(EXCITABLE.neuron, -1.0, pulse=Pulse(amplitude=0.01, duration=2.0))
    assert found.regime == Regime.REST


def test_rest_is_what_filters_and_switches_do():
    """A monotone fast curve has no threshold; fast N alone switches between two rests and does not spike."""
    for made in (mtc((tanh("fast", -0.5), RECOVERY)), low_pass(), mtc(())):
        found = classify(made, 0.3)
        assert found.regime == Regime.REST
        assert "no threshold" in found.reason
        assert found.level is None
    switch = classify(mtc((FAST,)), 0.0)
    assert switch.regime == Regime.REST
    assert "switches" in switch.reason


def test_an_answer_that_grows_evenly_with_the_pulse_is_no_spike():
    """Barely N-shaped, or pushed hard from far below: the level is crossed as far as the pulse goes, without a jump."""
    barely = classify(mtc((tanh("fast", -1.02), RECOVERY)), -0.1)
    assert barely.regime == Regime.REST
    assert "evenly" in barely.reason
    pushed = classify(TONIC.neuron, -3.0, pulse=Pulse(amplitude=4.8, duration=2.0))
    assert pushed.regime == Regime.REST
    assert "evenly" in pushed.reason


def test_a_switch_that_is_up_is_not_blocked():
    """Its upper rest is depolarised, but no lower current makes it fire."""
    found = classify(mtc((FAST,)), 0.0, start=(2.0,))
    assert found.regime == Regime.REST
    assert found.trace.states[-1, 0] > 1


def test_neurons_with_events():
    """LIF and QIF: excitable below rheobase, tonic above; QIF even where its interval is 140 tau."""
    assert classify(lif(), 0.5).regime == Regime.EXCITABLE
    assert classify(lif(), 2.0).regime == Regime.TONIC_SPIKING
    assert classify(lif(), 0.5, probes=()).regime == Regime.REST
    assert classify(qif(), 0.0).regime == Regime.EXCITABLE
    assert classify(qif(), 1.0).regime == Regime.TONIC_SPIKING
    near = classify(qif(), 0.2505)
    assert near.regime == Regime.TONIC_SPIKING
    assert near.intervals[-1] == pytest.approx(3.14159 / 0.0005**0.5, rel=0.01)
    assert classify(adlif(b=0.0), 4.0).regime == Regime.TONIC_SPIKING


def test_no_continuous_form_no_regime():
    """AdLIF with b is told why, with the way out."""
    with pytest.raises(FlowError, match="b = 0"):
        classify(adlif(), 1.0)


def test_the_spike_level_is_the_middle_of_what_the_membrane_jumps_across():
    """At delta_f; none for a filter; of the slow curve where only that falls."""
    assert spike_level(TONIC.neuron) == pytest.approx(0.0, abs=1e-9)
    assert spike_level(mtc((tanh("fast", -2.0, -1.2), RECOVERY))) == pytest.approx(-1.2, abs=1e-6)
    assert spike_level(mtc((tanh("fast", -0.5),))) is None
    slow_only = mtc((tanh("fast", 0.5, 3.0), tanh("slow", -3.0, -1.0)))
    assert spike_level(slow_only) == pytest.approx(-1.0, abs=0.1)


def test_bursts_are_parted_by_long_intervals():
    """Equal intervals make none; the incomplete first and last bursts do not count; single spikes are bursts of one."""
    assert bursts([0, 10, 20, 30, 40], 1.5) == ()
    assert bursts([0, 10, 110, 120, 130, 230, 240, 250, 350, 360], 1.5) == (3, 3)
    assert bursts([0.0, 1.0], 1.5) == ()
    assert bursts([0, 10, 21, 33, 46, 60], 1.5) == ()


def test_lengths_follow_from_the_time_constants():
    """Pulses last two of the shortest and one of the second; a neuron of one constant gets short ones only."""
    assert time_constants(SLOW_BURSTING.neuron) == (1.0, 50.0, 2500.0)
    assert {probe.duration for probe in default_probes(SLOW_BURSTING.neuron)} == {2.0, 50.0}
    assert {probe.duration for probe in default_probes(lif(tau_m=3.0))} == {6.0}
