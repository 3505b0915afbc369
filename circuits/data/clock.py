"""Two phases of a clock that never overlap: in the first a neuron samples its next value, in the second it holds it."""

from dataclasses import dataclass

from circuits.data.scaling import Scaling
from circuits.data.values import CircuitError
from circuits.data.waveform import HeldWaveform

SCALING = Scaling(voltage_unit=72e-3, current_unit=7.2e-6, capacitance=100e-15)
"""Ours: switches of 10 kOhm and capacitors of 100 fF, so that a time constant is 1 ns."""
SHARE = 0.4
"""Of a period in which each phase lasts; a tenth of it separates them."""
STARTS = {"sample": 0.05, "hold": 0.55}
"""When the phases begin, in periods."""
EDGE = 0.01
"""Duration of a clock's edge, in periods."""
LOW, HIGH = 0.4, 0.6
"""Voltages, of a clock of 1 V, at which a switch opens and closes."""
RESISTANCE_RATIO = 1e9
"""Of an open switch to a closed one: a held value loses 1e-7 of itself in a period of 12 time constants a phase."""


@dataclass(frozen=True, kw_only=True)
class Clock:
    """The clock of sampled neurons.

    Args:
        scaling: of the circuit; a closed switch has the resistance V0/I0 and each capacitor is C, so that tau_m is the
            time constant with which a phase settles.
        settling: duration of a phase in those time constants. After 12 a value is 6e-6 of its step away from its goal;
            how the error grows with a faster clock is measured by `make study NAME=dqif-circuit`.

    Raises:
        CircuitError: a duration that is not positive.
    """

    scaling: Scaling
    settling: float = 12.0

    def __post_init__(self) -> None:
        if not 0 < self.settling < float("inf"):
            raise CircuitError(
                f"clock: settling = {self.settling!r} must be a positive number of time constants"
            )

    @property
    def period(self) -> float:
        """Of the clock in s."""
        return self.settling * self.scaling.time_unit / SHARE

    @property
    def rate(self) -> float:
        """Steps of the neurons per second."""
        return 1 / self.period

    def waveform(self, phase: str, *, first: int, periods: int) -> HeldWaveform:
        """The clock `sample` or `hold`, 1 V in its phase, over some periods from the period `first` on."""
        times, values = [0.0], [0.0]
        for period in range(first, first + periods):
            start = period + STARTS[phase]
            times += [start * self.period, (start + SHARE) * self.period]
            values += [1.0, 0.0]
        return HeldWaveform(times=tuple(times), values=tuple(values), edge=EDGE * self.period)
