"""Errors of this floor. A failed simulation is first a value, `Run`; it becomes an exception on request."""

from conductance.errors import ExcitableError


class NetlistError(ExcitableError):
    """A circuit or expression cannot be written as a netlist."""


class SimulatorMissing(ExcitableError):
    """There is no usable ngspice on this machine."""


class SimulationFailed(ExcitableError):
    """A simulation did not end as asked; the message carries the simulator's own words."""


class WaveformError(ExcitableError):
    """Waveforms cannot be read, written or resampled."""
