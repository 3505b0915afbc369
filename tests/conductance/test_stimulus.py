"""Stimuli are held, change in jumps, add up, and refuse what cannot be meant."""

import math

import pytest

from conductance.stimulus import Arrivals, Pulse, Stimulus, StimulusError


def test_a_value_holds_until_the_next_and_the_last_for_ever():
    """At a change the new value already counts."""
    stimulus = Stimulus((0.0, 1.0, 2.5), (3.0, -1.0, 0.5))
    assert stimulus.at([0.0, 0.999, 1.0, 2.4, 2.5, 1e6]).tolist() == [3.0, 3.0, -1.0, -1.0, 0.5, 0.5]


def test_steps_and_pulses_are_what_their_names_say():
    """A pulse of +0.3 for 2 on -1 is -0.7 between 10 and 12."""
    assert Stimulus.step(-3.0, -2.5, at=100.0).at([99.9, 100.0]).tolist() == [-3.0, -2.5]
    pulse = Stimulus.pulse(0.3, start=10.0, duration=2.0, base=-1.0)
    assert pulse.at([9.9, 10.0, 11.9, 12.0]) == pytest.approx([-1.0, -0.7, -0.7, -1.0])
    assert Stimulus.pulse(1.0, start=0.0, duration=2.0).at([0.0, 2.0]).tolist() == [1.0, 0.0]


def test_stimuli_add_up():
    """The superposition changes wherever one of them does."""
    both = Stimulus.pulse(1.0, start=5.0, duration=2.0, base=-0.8) + Stimulus.pulse(
        -1.0, start=6.0, duration=3.0
    )
    assert both.times == (0.0, 5.0, 6.0, 7.0, 9.0)
    assert both.values == (-0.8, 0.2, -0.8, -1.8, -0.8)
    assert Pulse(amplitude=1.0, duration=2.0).starting(5.0).values == (0.0, 1.0, 0.0)


@pytest.mark.parametrize(
    "build",
    [
        lambda: Stimulus((), ()),
        lambda: Stimulus((0.0, 1.0), (1.0,)),
        lambda: Stimulus((0.0, 0.0), (1.0, 2.0)),
        lambda: Stimulus((1.0, 0.0), (1.0, 2.0)),
        lambda: Stimulus((0.0,), (math.nan,)),
        lambda: Stimulus((math.inf,), (1.0,)),
        lambda: Stimulus.pulse(1.0, start=1.0, duration=0.0),
        lambda: Stimulus((0.0,), (1.0,)) + Stimulus((1.0,), (1.0,)),
        lambda: Arrivals((0.0, 0.0), (1.0, 1.0)),
        lambda: Arrivals((0.0,), (math.nan,)),
        lambda: Pulse(amplitude=1.0, duration=-1.0),
        lambda: Pulse(amplitude=math.nan, duration=1.0),
    ],
)
def test_what_cannot_be_meant_is_refused(build):
    """Nothing, unequal lengths, times that do not increase, numbers that are not finite."""
    with pytest.raises(StimulusError):
        build()
