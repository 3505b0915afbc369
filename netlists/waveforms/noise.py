"""Densities of noise as a simulator wrote them, the whole and the share of each device."""

import re

import numpy as np
import xarray as xr

from netlists.analyses import Noise
from netlists.errors import WaveformError
from netlists.waveforms.labelled import check_band
from netlists.waveforms.raw import Plot

_TRANSISTOR = re.compile(r"onoise\.m\.?(?P<path>.+)\.(?P<cause>id|1overf|rd|rs|igd|igs|igb|rg)")
_RESISTOR = re.compile(r"onoise_r\.?(?P<path>.+)_(?P<cause>thermal|1overf)")
_CAUSES = {"id": "channel", "1overf": "flicker", "thermal": "thermal"}
"""In words; whatever else there is lies in the terminals' resistances."""


def densities(plot: Plot, asked: Noise, title: str = "") -> xr.Dataset:
    """One-sided densities at the node that was asked for, over frequency.

    Returns:
        `density` in V^2/Hz with the dimension frequency (Hz); `share` in V^2/Hz with (frequency, device, cause), whose
        sum is the density: devices by the simulator's path, causes channel, flicker, thermal and terminals; and
        `transfer`, the size of what a small signal at the analysis' source, per unit of it, makes of the node.

    Raises:
        WaveformError: the plot is none of a noise analysis, or not of these frequencies.
    """
    columns = {name: np.real(plot.values[:, k]) for k, name in enumerate(plot.variables)}
    missing = [name for name in ("frequency", "onoise_spectrum", "inoise_spectrum") if name not in columns]
    if missing:
        raise WaveformError(f"the simulator did not keep {', '.join(missing)}")
    frequency, whole = columns["frequency"], columns["onoise_spectrum"]
    check_band(frequency, asked)
    if not all(np.isfinite(column).all() for column in columns.values()):
        raise WaveformError("a density of the noise is not finite everywhere")
    shares: dict[tuple[str, str], np.ndarray] = {}
    for name, column in columns.items():
        found = _TRANSISTOR.fullmatch(name) or _RESISTOR.fullmatch(name)
        if found:
            key = (found["path"], _CAUSES.get(found["cause"], "terminals"))
            shares[key] = shares.get(key, 0.0) + column**2
    devices = sorted({device for device, _ in shares})
    causes = ["channel", "flicker", "thermal", "terminals"]
    table = np.zeros((len(frequency), len(devices), len(causes)))
    for (device, cause), values in shares.items():
        table[:, devices.index(device), causes.index(cause)] = values
    along = {"frequency": ("frequency", frequency, {"units": "Hz"})}
    return xr.Dataset(
        {
            "density": ("frequency", whole**2, {"units": "V^2/Hz"}),
            "share": (("frequency", "device", "cause"), table, {"units": "V^2/Hz"}),
            "transfer": ("frequency", whole / columns["inoise_spectrum"]),
        },
        coords={**along, "device": devices, "cause": causes},
        attrs={"title": title},
    )
