"""Energy that a circuit takes from its supplies, integrated over a simulation."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import xarray as xr

from netlists.errors import WaveformError


@dataclass(frozen=True, kw_only=True)
class SupplyEnergy:
    """What the supplies gave.

    Attributes:
        energy: in J.
        duration: in s.
        peak: largest power in W.
    """

    energy: float
    duration: float
    peak: float

    @property
    def power(self) -> float:
        """Mean power in W."""
        return self.energy / self.duration

    def __add__(self, other: "SupplyEnergy") -> "SupplyEnergy":
        """Of two parts that run side by side; their peaks add up at most."""
        if not np.isclose(self.duration, other.duration, rtol=1e-6):
            raise WaveformError(
                f"parts of {self.duration:g} and {other.duration:g} s have no common energy; simulate both as long"
            )
        return SupplyEnergy(
            energy=self.energy + other.energy, duration=self.duration, peak=self.peak + other.peak
        )


def supply_power(waveforms: xr.Dataset, supplies: Mapping[str, float]) -> np.ndarray:
    """Power in W that the supplies give, at the simulator's own time points: the sum of -v i.

    Args:
        waveforms: with `current` by source.
        supplies: voltage in V of each source.

    Raises:
        WaveformError: a current was not kept.
    """
    kept = waveforms["source"].to_numpy().tolist() if "current" in waveforms else []
    missing = [name for name in supplies if name not in kept]
    if missing:
        raise WaveformError(
            f"the current of {', '.join(missing)} was not kept; name it in `metered` of the circuit and simulate again"
        )
    current = waveforms["current"].sel(source=list(supplies)).to_numpy()
    return -current @ np.array(list(supplies.values()))


def supply_energy(waveforms: xr.Dataset, supplies: Mapping[str, float]) -> SupplyEnergy:
    """The energy of a transient, by the trapezoidal rule over the simulator's own time points.

    Raises:
        WaveformError: no transient, or a current that was not kept.
    """
    if "time" not in waveforms:
        raise WaveformError("energy is integrated over time; simulate a transient")
    power, time = supply_power(waveforms, supplies), waveforms["time"].to_numpy()
    return SupplyEnergy(
        energy=float(np.trapezoid(power, time)), duration=float(time[-1] - time[0]), peak=float(power.max())
    )
