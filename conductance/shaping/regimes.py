"""Which regime a parameter set is in, found by simulating it under a stated protocol.

Without a stimulus but the held current, the neuron settles there and is watched.
1. It keeps firing: tonic spiking or tonic bursting by its intervals, unless a stable hyperpolarised equilibrium exists
   in which it stays silent when put there: then it is rest-spike bistable.
2. It is silent, depolarised beyond its spike level, and fires at the lower current that holds it at that level:
   depolarised block.
3. It is silent below: pulses are tried, the given one, or growing ones that are first short and then long.
   Firing that outlasts the pulse: rest-spike bistable. One spike: excitable. A burst of several from the smallest
   pulse that has an answer: phasic bursting. No answer, or one that grows evenly with the pulse: rest.
With `before`, the neuron settles at that current and steps from it to the held one; if it then ends silent after one
spike it is phasic spiking, after several phasic bursting.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

import numpy as np

from conductance.errors import refuse_truth_values
from conductance.neurons.base import Neuron
from conductance.shaping.episodes import Pattern, Session, Stage, Watch, time_constants
from conductance.shaping.integrate import Trace
from conductance.stimulus import Pulse

OFF_EQUILIBRIUM = -0.1
"""Displacement of the membrane from the declared initial state, in V0: an unstable equilibrium would be kept."""
SMALL_PUSH = 0.01
"""Displacement from an equilibrium to see whether the neuron returns to it, in V0."""
SHORT_AMPLITUDES = (0.3, 0.6, 1.2, 2.4, 4.8)
"""Pulses tried for two of the shortest time constants, in current units."""
LONG_AMPLITUDES = (1.0, 2.0)
"""Pulses tried for one of the second shortest time constant: what switches a bistable neuron on."""
BISECTIONS = 6
"""Halvings of the range between a pulse without an answer and one with spikes."""
ALL_OR_NONE = 0.5
"""Least jump of the peak across that border that makes a spike, in V0; a filter's answer grows evenly."""


class Regime(StrEnum):
    """The behaviours that are told apart."""

    REST = "rest"
    EXCITABLE = "excitable"
    TONIC_SPIKING = "tonic spiking"
    PHASIC_SPIKING = "phasic spiking"
    TONIC_BURSTING = "tonic bursting"
    PHASIC_BURSTING = "phasic bursting"
    BISTABLE = "rest-spike bistable"
    DEPOLARISED_BLOCK = "depolarised block"


@dataclass(frozen=True, kw_only=True)
class Classification:
    """A regime and what shows it.

    Attributes:
        regime: the name.
        reason: the evidence in one sentence.
        spikes: (spike,) times after the start of the deciding episode, in tau_m.
        intervals: between those spikes, in tau_m.
        bursts: spikes of each complete burst.
        stages: the protocol as it was carried out.
        trace: the trajectory through all stages.
        level: the voltage whose upward crossing is a spike, in V0; None for a neuron with an event or without spikes.
    """

    regime: Regime
    reason: str
    spikes: tuple[float, ...]
    intervals: tuple[float, ...]
    bursts: tuple[int, ...]
    stages: tuple[Stage, ...]
    trace: Trace = field(repr=False)
    level: float | None


def classify(
    neuron: Neuron,
    current: float,
    *,
    before: float | None = None,
    pulse: Pulse | None = None,
    probes: Sequence[Pulse] | None = None,
    start: Sequence[float] | None = None,
    values: Mapping[str, float] | None = None,
    watch: Watch | None = None,
) -> Classification:
    """Name the regime of a neuron at a held current.

    Args:
        neuron: the declaration.
        current: held on the membrane, in current units.
        before: a current held until everything settled, from which the input steps to `current`.
        pulse: the one pulse to be tried at rest; pulses of growing size where not given.
        probes: the pulses to be tried in their place; `()` asks what the neuron does without any.
        start: states at the beginning, in V0; the declared initial ones, slightly displaced, where not given.
        values: parameter values other than the declaration's.
        watch: how long episodes are and what counts.

    Raises:
        FlowError: the neuron has no continuous form.
    """
    refuse_truth_values(f"neuron {neuron.name}", current=current, before=before, start=start)
    full = neuron.check_values(values or {}, owner=f"neuron {neuron.name}")
    session = Session(neuron, full, start, watch or Watch())
    if start is None:
        session.state = [session.state[0] + OFF_EQUILIBRIUM, *session.state[1:]]
    if probes is None:
        probes = default_probes(neuron, full) if pulse is None else (pulse,)
    if before is None:
        session.settle(current)
    else:
        session.settle(before)
    pattern = session.watched(current)
    if not pattern.silent:
        return _firing(session, current, pattern)
    if before is not None and pattern.spikes:
        count = len(pattern.spikes)
        regime = Regime.PHASIC_SPIKING if count == 1 else Regime.PHASIC_BURSTING
        return _result(
            session, regime, pattern,
            f"after the step from {before:g} to {current:g} {_counted(count)}, then silence",
        )  # fmt: skip
    if session.level is not None and session.state[0] > session.level and neuron.event is None:
        return _depolarised(session, current, pattern)
    return _probed(session, current, pattern, probes)


def default_probes(neuron: Neuron, values: Mapping[str, float] | None = None) -> tuple[Pulse, ...]:
    """Growing short pulses, then long ones, with durations from the neuron's own time constants."""
    constants = time_constants(neuron, values) or (1.0,)
    short = [Pulse(amplitude=amplitude, duration=2 * constants[0]) for amplitude in SHORT_AMPLITUDES]
    if len(constants) == 1:
        return tuple(short)
    return (*short, *(Pulse(amplitude=amplitude, duration=constants[1]) for amplitude in LONG_AMPLITUDES))


def _result(session: Session, regime: Regime, pattern: Pattern, reason: str) -> Classification:
    return Classification(
        regime=regime,
        reason=reason,
        spikes=pattern.spikes,
        intervals=pattern.intervals,
        bursts=pattern.bursts,
        stages=session.stages,
        trace=session.trace(),
        level=session.level,
    )


def _voltage(value: float) -> str:
    return f"{round(value, 6) + 0.0:.3g} V0"


def _counted(count: int) -> str:
    return "one spike" if count == 1 else f"{count} spikes"


def _described(pattern: Pattern) -> str:
    """How a firing neuron fires."""
    intervals = np.array(pattern.intervals)
    if pattern.bursts:
        sizes = sorted(set(pattern.bursts))
        size = f"{sizes[0]}" if len(sizes) == 1 else f"{sizes[0]} to {sizes[-1]}"
        return f"bursts of {size} spikes, intervals from {intervals.min():.4g} to {intervals.max():.4g} tau_m"
    return f"a spike every {np.median(intervals[-10:]):.4g} tau_m"


def _firing(session: Session, current: float, pattern: Pattern) -> Classification:
    for point in session.branch.equilibria(current):
        if not point.stable or (session.level is not None and point.voltage > session.level):
            continue
        resting = session.copy()
        resting.state = [point.voltage + SMALL_PUSH, *point.states[1:]]
        if not resting.watched(current).spikes:
            return _result(
                session, Regime.BISTABLE, pattern,
                f"{_described(pattern)}, and at the same current silent at rest at {_voltage(point.voltage)}",
            )  # fmt: skip
    bursting = any(size > 1 for size in pattern.bursts)
    regime = Regime.TONIC_BURSTING if bursting else Regime.TONIC_SPIKING
    return _result(session, regime, pattern, f"keeps firing: {_described(pattern)}")


def _depolarised(session: Session, current: float, pattern: Pattern) -> Classification:
    """Silent on the far side of the spike level: blocked if it fires at a lower current."""
    level, voltage = session.level or 0.0, session.state[0]
    lower = float(session.branch.currents(level))
    if lower < current:
        below = session.copy()
        below.state = [level + OFF_EQUILIBRIUM, *below.state[1:]]
        below.settle(lower)
        firing = below.watched(lower)
        if not firing.silent:
            return _result(
                session, Regime.DEPOLARISED_BLOCK, pattern,
                f"silent at {_voltage(voltage)}, beyond the spike level {_voltage(level)}, while "
                f"at {round(lower, 6) + 0.0:.3g} it fires: "
                f"{_described(firing)}",
            )  # fmt: skip
    return _result(
        session, Regime.REST, pattern, f"silent at {_voltage(voltage)}, and no lower current makes it fire"
    )


def _probed(session: Session, current: float, pattern: Pattern, probes: Sequence[Pulse]) -> Classification:
    """Silent at rest: what pulses do."""
    voltage = session.state[0]
    if session.level is None and session.neuron.event is None:
        return _result(
            session,
            Regime.REST,
            pattern,
            f"rests at {_voltage(voltage)}; no curve falls, so there is no threshold",
        )
    answer: Classification | None = None
    switched = False
    silent: dict[float, float] = {}
    graded: set[float] = set()
    for probe in probes:
        tried, response = _tried(session, current, probe)
        if not response.silent:
            return _result(
                tried, Regime.BISTABLE, response,
                f"rests at {_voltage(voltage)}, and after a pulse of {probe.amplitude:g} for {probe.duration:g} tau_m "
                f"fires on at the same current: {_described(response)}{_stopped(tried, current, probe)}",
            )  # fmt: skip
        if abs(tried.state[0] - voltage) > 2 * session.watch.near:
            switched = True
        elif response.spikes and answer is None and probe.duration not in graded:
            answer = _answered(session, current, probe, silent.get(probe.duration, 0.0))
            if answer is None:
                graded.add(probe.duration)
        elif not response.spikes:
            silent[probe.duration] = probe.amplitude
    if answer is not None:
        return answer
    reason = f"rests at {_voltage(voltage)}; none of {len(probes)} pulses makes it spike"
    if graded:
        reason = f"rests at {_voltage(voltage)}; its answer grows evenly with the pulse, so it does not spike"
    if switched:
        reason = f"rests at {_voltage(voltage)} or at another voltage, to which a pulse switches it; it does not spike"
    return _result(session, Regime.REST, pattern, reason)


def _tried(session: Session, current: float, probe: Pulse) -> tuple[Session, Pattern]:
    tried = session.copy()
    onset = tried.time
    tried.pulse(current, probe)
    return tried, tried.watched(current, since=onset)


def _stopped(session: Session, current: float, probe: Pulse) -> str:
    """Whether the opposite pulse ends the firing; the session then contains it."""
    session.pulse(current, Pulse(amplitude=-probe.amplitude, duration=probe.duration))
    ended = session.watched(current).silent
    return "; the opposite pulse stops it" if ended else ""


def _peak(session: Session, onset: float) -> float:
    """Highest membrane voltage since the onset of a pulse, in V0."""
    return session.trace().extremes(onset)[1]


def _answered(session: Session, current: float, probe: Pulse, silent: float) -> Classification | None:
    """One spike or a burst, or None where the answer only grows with the pulse.

    The border between pulses without and with an answer is narrowed down. A spike is all or none: across the border
    the peak jumps. Where the given pulse makes several spikes, the smallest that makes any is reported.
    """
    given = _tried(session, current, probe)
    low, high = silent, probe.amplitude
    above, below = given[0], session.state[0]
    if silent:
        below = _peak(
            _tried(session, current, Pulse(amplitude=silent, duration=probe.duration))[0], session.time
        )
    smallest = given
    for _ in range(BISECTIONS):
        middle = (low + high) / 2
        tried = _tried(session, current, Pulse(amplitude=middle, duration=probe.duration))
        if tried[1].spikes:
            smallest, above, high = tried, tried[0], middle
        else:
            below, low = _peak(tried[0], session.time), middle
    if session.neuron.event is None and _peak(above, session.time) - below < ALL_OR_NONE:
        return None
    if len(given[1].spikes) == 1:
        smallest, high = given, probe.amplitude
    reported, response = smallest
    count = len(response.spikes)
    regime = Regime.EXCITABLE if count == 1 else Regime.PHASIC_BURSTING
    return _result(
        reported, regime, response,
        f"rests at {_voltage(session.state[0])}; a pulse of {high:.3g} for {probe.duration:g} tau_m makes "
        f"{_counted(count)}",
    )  # fmt: skip
