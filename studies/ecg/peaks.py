"""Peaks of a signal against true ones: what was found, what was missed, what was invented, and how late."""

from dataclasses import dataclass

import numpy as np
from scipy.signal import butter, find_peaks, sosfiltfilt

WINDOW = 0.1
"""Seconds by which a found peak may lie beside the true one; AAMI EC57, for arrhythmia detectors, allows 0.15."""
REFRACTORY = 0.3
"""Seconds between two beats at least: 200 a minute."""
HALF = 0.5
"""Height from which a bump of height 1 counts."""
BAND = (5.0, 20.0)
"""Hz in which QRS complexes have most of their power (Pan & Tompkins, IEEE TBME 32:230, 1985, take 5 to 15)."""


@dataclass(frozen=True, kw_only=True)
class Score:
    """How well peaks were found.

    Attributes:
        found, missed, extra: true peaks with a found one beside them, those without, and found ones without a true one.
        late: mean time by which found peaks come after the true ones, in s; None where none was found.
        scatter: its standard deviation.
    """

    found: int
    missed: int
    extra: int
    late: float | None
    scatter: float | None

    @property
    def f1(self) -> float:
        """Harmonic mean of the share of true peaks that were found and of found ones that are true."""
        return 2 * self.found / max(1, 2 * self.found + self.missed + self.extra)


def bump_times(signal: np.ndarray, step: float) -> np.ndarray:
    """Times in s of a signal's bumps that reach one half of the height 1."""
    places, _ = find_peaks(signal, height=HALF, distance=max(1, round(REFRACTORY / step)))
    return places * step


def matched(true: np.ndarray, given: np.ndarray) -> Score:
    """Each true peak takes the nearest given one within `WINDOW`, each given one at most once."""
    free, offsets = list(given), []
    for time in true:
        place = int(np.argmin(np.abs(np.asarray(free) - time))) if free else 0
        if free and abs(free[place] - time) <= WINDOW:
            offsets.append(free.pop(place) - time)
    return Score(
        found=len(offsets), missed=len(true) - len(offsets), extra=len(free),
        late=float(np.mean(offsets)) if offsets else None,
        scatter=float(np.std(offsets)) if offsets else None,
    )  # fmt: skip


def by_a_filter(ecg: np.ndarray, rate: float) -> np.ndarray:
    """R peaks in s by an independent way: maxima of the band-passed signal, without delay, above 0.4 of its top."""
    band = sosfiltfilt(butter(2, BAND, btype="band", fs=rate, output="sos"), ecg)
    height = 0.4 * np.percentile(band, 99.8)
    places, _ = find_peaks(band, height=height, distance=round(REFRACTORY * rate))
    return places / rate
