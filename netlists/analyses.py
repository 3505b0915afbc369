"""Analyses, tolerances and measurements as data, in SI units."""

import math
from dataclasses import dataclass

from circuits.data.circuit import check_name
from conductance.errors import refuse_truth_values
from netlists.errors import NetlistError


def _positive(owner: str, **values: float) -> None:
    for name, value in values.items():
        if isinstance(value, bool) or not isinstance(value, int | float) or not (0 < value < math.inf):
            raise NetlistError(f"{owner}: {name} = {value!r}; it must be a finite number greater than zero")


def _check_band(owner: str, start: float, stop: float, points: int) -> None:
    _positive(owner, start=start, stop=stop)
    if not start < stop:
        raise NetlistError(f"{owner}: from {start:g} to {stop:g} Hz; stop must be larger than start")
    if isinstance(points, bool) or not isinstance(points, int) or points < 1:
        raise NetlistError(f"{owner}: points = {points!r} a decade; it must be 1 or more")


@dataclass(frozen=True, kw_only=True)
class OperatingPoint:
    """The static solution, with sources at their values at t = 0."""


@dataclass(frozen=True, kw_only=True)
class Transient:
    """Time course from 0 to `stop` (s) in steps of at most `max_step` (s), kept from `start_save` (s) on.

    `max_step` decides the accuracy: the error falls with its square. `step` (s) is the suggested step of the
    `.tran` line, `max_step` where none is given.
    """

    stop: float
    max_step: float
    step: float | None = None
    start_save: float = 0.0

    def __post_init__(self) -> None:
        _positive("transient", stop=self.stop, max_step=self.max_step)
        if self.step is not None:
            _positive("transient", step=self.step)
        refuse_truth_values("transient", start_save=self.start_save)
        if not 0 <= self.start_save < self.stop:
            raise NetlistError(
                f"transient: start_save = {self.start_save!r}; it must lie in [0, {self.stop:g}) s"
            )


@dataclass(frozen=True, kw_only=True)
class DCSweep:
    """Static solutions while the independent source `source` of the top level goes from `start` to `stop`.

    Values in V or A; `step` has the sign of `stop - start`.
    """

    source: str
    start: float
    stop: float
    step: float

    def __post_init__(self) -> None:
        check_name(self.source, "DC sweep, source")
        refuse_truth_values(f"DC sweep of {self.source}", start=self.start, stop=self.stop, step=self.step)
        span = self.stop - self.start
        if not (math.isfinite(span) and math.isfinite(self.step)) or span * self.step <= 0:
            raise NetlistError(
                f"DC sweep of {self.source}: from {self.start!r} to {self.stop!r} by {self.step!r} "
                f"leads nowhere; the step must be finite, not zero, and point from start to stop"
            )

    @property
    def points(self) -> int:
        """How many values the source takes, the ends included where the step meets them."""
        return math.floor((self.stop - self.start) / self.step * (1 + 1e-9)) + 1


@dataclass(frozen=True, kw_only=True)
class SmallSignal:
    """Response, linear around the operating point, to the sources that have a `small_signal` amplitude.

    From `start` to `stop` (Hz) at `points` frequencies a decade, evenly spaced in the logarithm.
    """

    start: float
    stop: float
    points: int

    def __post_init__(self) -> None:
        _check_band("small-signal analysis", self.start, self.stop, self.points)


@dataclass(frozen=True, kw_only=True)
class Noise:
    """Density of the noise of all devices at the node `node`, linear around the operating point.

    `source` is a source of the top level with a `small_signal` amplitude, to which the simulator refers the noise.
    From `start` to `stop` (Hz) at `points` frequencies a decade, evenly spaced in the logarithm.
    """

    node: str
    source: str
    start: float
    stop: float
    points: int

    def __post_init__(self) -> None:
        check_name(self.source, "noise analysis, source")
        _check_band("noise analysis", self.start, self.stop, self.points)


Analysis = OperatingPoint | Transient | DCSweep | SmallSignal | Noise


VOLTAGE_SHARE = 1e-9
"""Tolerance of a voltage, in voltage units."""


@dataclass(frozen=True, kw_only=True)
class Tolerances:
    """How exactly ngspice solves each time step.

    The simulator's own defaults (1 pA, 1 uV, 10 fC, 1 pS) are as large as the signals of a circuit of nA and
    pF, so the absolute ones are scaled to the circuit's units. With `relative` = 1e-7 and a largest step of
    one membrane time constant, spikes of the slow-bursting set came within 0.04 time constants of an
    independent integrator.

    `truncation` is by how much a step's estimated truncation error may exceed what the others allow. Under noise, whose
    slopes jump, 1 shortens steps without an end: with 1000 steps follow the noise's own numbers and the largest step.
    """

    relative: float = 1e-7
    current: float
    voltage: float
    charge: float
    conductance: float = 1e-15
    truncation: float = 1.0

    def __post_init__(self) -> None:
        _positive(
            "tolerances",
            relative=self.relative,
            current=self.current,
            voltage=self.voltage,
            charge=self.charge,
            conductance=self.conductance,
            truncation=self.truncation,
        )

    @property
    def voltage_unit(self) -> float:
        """V0 (V) of the circuit for which these tolerances are meant."""
        return self.voltage / VOLTAGE_SHARE

    @classmethod
    def scaled(
        cls, *, voltage_unit: float, current_unit: float, capacitance: float, relative: float = 1e-7,
        charge: float = 1e-9,
    ) -> "Tolerances":  # fmt: skip
        """Tolerances for a circuit of these units (V, A, F).

        `charge` is in units of C V0; ngspice keeps the error of a smaller charge below `relative` times it. Where
        switches jump it must be about 1e-2, since ngspice meets a jump of the current by ever shorter steps, and gives
        up below 1e-11 of the largest one.
        """
        _positive("tolerances", voltage_unit=voltage_unit, current_unit=current_unit, capacitance=capacitance)
        return cls(
            relative=relative,
            current=1e-8 * current_unit,
            voltage=VOLTAGE_SHARE * voltage_unit,
            charge=charge * capacitance * voltage_unit,
        )


@dataclass(frozen=True, kw_only=True)
class SpikeTime:
    """Time (s) of upward crossing number `spike` (from 1) of `threshold` (V) at a node given by its path."""

    name: str
    node: str
    threshold: float
    spike: int = 1

    def __post_init__(self) -> None:
        check_name(self.name, f"measurement {self.name!r}")
        _check_crossing(self.name, self.threshold, self.spike)


@dataclass(frozen=True, kw_only=True)
class SpikeInterval:
    """Time (s) from upward crossing number `spike` (from 1) of `threshold` (V) to the next one."""

    name: str
    node: str
    threshold: float
    spike: int = 1

    def __post_init__(self) -> None:
        check_name(self.name, f"measurement {self.name!r}")
        _check_crossing(self.name, self.threshold, self.spike)


Measure = SpikeTime | SpikeInterval


def _check_crossing(name: str, threshold: float, spike: int) -> None:
    if not math.isfinite(threshold):
        raise NetlistError(f"measurement {name}: the threshold {threshold!r} is not a finite voltage")
    if isinstance(spike, bool) or not isinstance(spike, int) or spike < 1:
        raise NetlistError(f"measurement {name}: spike = {spike!r}; spikes are counted from 1")
