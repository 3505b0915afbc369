"""Holding a neuron at a current and saying what it does there: silent, or firing with which pattern.

Lengths of episodes follow from the neuron's own time constants; the numbers are `Watch`'s.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from conductance.neurons.base import Neuron
from conductance.shaping.curves import curves, negative_slope_regions
from conductance.shaping.equilibria import Branch
from conductance.shaping.flow import starting_state
from conductance.shaping.integrate import Trace, integrate, joined
from conductance.stimulus import Pulse, Stimulus


@dataclass(frozen=True, kw_only=True)
class Watch:
    """How long a neuron is held and what counts, in units of its longest time constant where not said otherwise.

    Attributes:
        settle: held before anything is counted.
        piece: between two looks at what has happened.
        silence: without a spike, and at a stable equilibrium, before the neuron is called silent.
        longest: after which the verdict falls anyway, silent if half of it was; ten times this where no stable
            equilibrium exists.
        spikes: as many of equal distance show tonic firing, over at least `piece` twice.
        gaps: as many long intervals show bursting.
        ratio: from one interval to the next longer one, that makes the longer one a gap between bursts.
        hysteresis: a spike goes at least this far beyond the spike level on both sides, in V0.
        near: closer than this to an equilibrium is at it, in V0.
        rtol: of the integration.
        solver: of scipy; LSODA is three times faster here than the tighter DOP853.
    """

    settle: float = 10.0
    piece: float = 2.0
    silence: float = 10.0
    longest: float = 40.0
    spikes: int = 12
    gaps: int = 3
    ratio: float = 1.5
    hysteresis: float = 0.1
    near: float = 0.05
    rtol: float = 1e-8
    solver: str = "LSODA"


@dataclass(frozen=True, kw_only=True)
class Stage:
    """One part of a protocol: what was held from when to when, in tau_m."""

    name: str
    current: float
    start: float
    stop: float


@dataclass(frozen=True, kw_only=True)
class Pattern:
    """What a neuron did while it was watched.

    Attributes:
        spikes: (spike,) times after the start of the episode, in tau_m.
        silent: whether it ended silent.
        bursts: numbers of spikes of the complete bursts, empty where intervals do not fall into two classes.
    """

    spikes: tuple[float, ...]
    silent: bool
    bursts: tuple[int, ...] = ()

    @property
    def intervals(self) -> tuple[float, ...]:
        """Times between spikes, in tau_m."""
        return tuple(float(step) for step in np.diff(self.spikes))


def time_constants(neuron: Neuron, values: Mapping[str, float] | None = None) -> tuple[float, ...]:
    """The neuron's time constants, the shortest first, in tau_m."""
    full = neuron.check_values(values or {}, owner=f"neuron {neuron.name}")
    return tuple(sorted(full[parameter.name] for parameter in neuron.parameters if parameter.unit == "tau_m"))


def spike_level(neuron: Neuron, values: Mapping[str, float] | None = None) -> float | None:
    """The voltage whose upward crossing is a spike, in V0, or None where the membrane cannot spike by itself.

    It is the middle of the negative-slope region of the fastest curve that has one: what the membrane jumps across.
    """
    for chosen in curves(neuron).values():
        regions = [region for region in negative_slope_regions(chosen, values) if region.bounded]
        if regions:
            return max(regions, key=lambda region: region.upper - region.lower).middle
    return None


def bursts(spikes: Sequence[float] | np.ndarray, ratio: float) -> tuple[int, ...]:
    """Numbers of spikes between the long intervals, the incomplete first and last left out.

    Intervals are sorted by length; the largest step from one to the next, if at least `ratio`, parts the short
    ones from the gaps. Single spikes between gaps are no bursts.
    """
    intervals = np.diff(spikes)
    if intervals.size < 2:
        return ()
    ordered = np.sort(intervals)
    steps = ordered[1:] / ordered[:-1]
    place = int(np.argmax(steps))
    if steps[place] < ratio:
        return ()
    gaps = np.flatnonzero(intervals >= ordered[place + 1])
    return tuple(int(size) for size in np.diff(gaps))


class Session:
    """One neuron on the bench: its state, and the record of everything that was done to it."""

    def __init__(
        self, neuron: Neuron, values: Mapping[str, float] | None, start: Sequence[float] | None, watch: Watch
    ) -> None:
        self.neuron, self.watch = neuron, watch
        self.values = neuron.check_values(values or {}, owner=f"neuron {neuron.name}")
        self.level = spike_level(neuron, self.values)
        self.branch = Branch(neuron, self.values)
        constants = time_constants(neuron, self.values)
        self.longest = constants[-1] if constants else 1.0
        self.state = starting_state(neuron, self.values, start)
        self.time = 0.0
        self.traces: tuple[Trace, ...] = ()
        self.stages: tuple[Stage, ...] = ()

    def copy(self) -> "Session":
        """The same moment, to try something else from it."""
        other = object.__new__(Session)
        other.__dict__.update(self.__dict__)
        return other

    def hold(self, current: float, duration: float, name: str) -> None:
        """Hold a current for a duration in tau_m."""
        stop = self.time + duration
        trace = integrate(
            self.neuron, Stimulus((self.time,), (current,)), stop,
            start=self.state, values=self.values, rtol=self.watch.rtol, method=self.watch.solver,
        )  # fmt: skip
        self.state = trace.states[-1].tolist()
        self.traces = (*self.traces, trace)
        merged = [*self.stages]
        if merged and merged[-1].name == name and merged[-1].current == current:
            first = merged.pop().start
        else:
            first = self.time
        self.stages = (*merged, Stage(name=name, current=current, start=first, stop=stop))
        self.time = stop

    def settle(self, current: float) -> None:
        """Hold until slow variables have settled, without counting."""
        self.hold(current, self.watch.settle * self.longest, "settle")

    def pulse(self, current: float, pulse: Pulse) -> None:
        """Add a pulse to the held current."""
        self.hold(current + pulse.amplitude, pulse.duration, "pulse")

    def spikes(self, since: float) -> np.ndarray:
        """Times of spikes from `since` on, in tau_m."""
        recent = [trace for trace in self.traces if trace.time[-1] > since]
        if not recent:
            return np.array([])
        trace = joined(recent)
        if self.neuron.event is not None:
            return trace.spikes
        if self.level is None:
            return np.array([])
        return trace.crossings(self.level, hysteresis=self.watch.hysteresis)

    def watched(self, current: float, since: float | None = None) -> Pattern:
        """Hold a current until it is clear what the neuron does, counting spikes from `since` (default: now) on."""
        watch, begin = self.watch, self.time
        since = begin if since is None else since
        stable = [point for point in self.branch.equilibria(current) if point.stable]
        longest = watch.longest * self.longest * (1 if stable else 10)
        while True:
            # growing pieces: a long wait is looked at as often as a short one
            self.hold(current, max(watch.piece * self.longest, 0.25 * (self.time - begin)), "watch")
            spikes = self.spikes(since)
            last = max(float(spikes[-1]) if spikes.size else begin, begin)
            quiet_for = self.time - last
            settled = any(
                np.abs(np.subtract(self.state, point.states)).max() < watch.near for point in stable
            )
            silent = quiet_for >= watch.silence * self.longest and settled
            relative = tuple(float(time) for time in spikes - since)
            if silent:
                return Pattern(spikes=relative, silent=True)
            found = bursts(spikes, watch.ratio)
            if len(found) >= watch.gaps or self._tonic(spikes) or self.time - begin >= longest:
                return Pattern(spikes=relative, silent=quiet_for >= longest / 2, bursts=found)

    def _tonic(self, spikes: np.ndarray) -> bool:
        """Whether the last spikes have equal distances over long enough."""
        last = spikes[-self.watch.spikes :]
        if last.size < self.watch.spikes or spikes[-1] - spikes[0] < 2 * self.watch.piece * self.longest:
            return False
        intervals = np.diff(last)
        return bool(intervals.max() < 1.05 * intervals.min())

    def trace(self) -> Trace:
        """Everything from the beginning."""
        return joined(self.traces)
