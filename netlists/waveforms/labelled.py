"""Waveforms with labelled axes, kept as NetCDF files.

A dataset has the variable `voltage` in V with the dimensions (time, node), time in s; nodes are named by the
paths of the circuit. Where the circuit has meters, `current` in A has (time, source): what flows through a voltage
source from its positive end to its negative one, so a supply that delivers has a negative current. A DC sweep has
`sweep` (V or A) in place of time, a small-signal analysis `frequency` (Hz) and complex values, an operating point has
nodes alone.
"""

import os
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import MappingProxyType

import numpy as np
import xarray as xr

from conductance.errors import extra
from netlists.analyses import Analysis, DCSweep, Noise, OperatingPoint, SmallSignal, Transient
from netlists.errors import WaveformError
from netlists.waveforms.raw import Plot

_AXES = {
    "Transient Analysis": "time",
    "AC Analysis": "frequency",
    "DC transfer characteristic": "sweep",
    "Operating Point": None,
}
_UNITS = {"voltage": "V", "current": "A"}


def label(
    plot: Plot, probes: Mapping[str, str], metered: Mapping[str, str] = MappingProxyType({}), title: str = ""
) -> xr.Dataset:
    """A dataset of the probed nodes and metered sources, both by the simulator's names.

    Raises `WaveformError` naming the nodes that are not there.
    """
    columns = {name: k for k, name in enumerate(plot.variables)}
    missing = [f"node {path}" for path, node in probes.items() if f"v({node})" not in columns]
    missing += [f"the current of {name}" for name, card in metered.items() if f"i({card})" not in columns]
    if missing:
        raise WaveformError(f"the simulator did not keep {', '.join(missing)}")
    if plot.name not in _AXES:
        raise WaveformError(f"a plot of kind {plot.name!r} is not known; known are {', '.join(_AXES)}")
    values = np.ascontiguousarray(plot.values[:, [columns[f"v({node})"] for node in probes.values()]])
    axis = _AXES[plot.name]
    nodes = ("node", list(probes))
    description = {"units": "V", "long_name": "node voltage"}
    if axis is None:
        voltage = xr.DataArray(values[0], dims=("node",), coords={"node": nodes}, attrs=description)
    else:
        units = {"time": "s", "frequency": "Hz"}.get(axis) or _UNITS.get(plot.kinds[0], "1")
        # the frequencies of a small-signal analysis are complex numbers without an imaginary part
        along = (axis, plot.values[:, 0].real.copy(), {"units": units})
        coordinates = {axis: along, "node": nodes}
        voltage = xr.DataArray(values, dims=(axis, "node"), coords=coordinates, attrs=description)
    found = {"voltage": voltage}
    if metered:
        over = () if axis is None else (axis,)
        values = plot.values[:, [columns[f"i({card})"] for card in metered.values()]]
        found["current"] = xr.DataArray(
            values if over else values[0],
            dims=(*over, "source"),
            coords={"source": ("source", list(metered))},
            attrs={"units": "A", "long_name": "current through a voltage source"},
        )
    return xr.Dataset(found, attrs={"title": title})


def check_complete(waveforms: xr.Dataset, analysis: Analysis) -> None:
    """Raise `WaveformError` unless the waveforms are finite and cover what the analysis asks for, without a gap."""
    for name in ("voltage", "current"):
        if name in waveforms and not np.isfinite(waveforms[name].values).all():
            owners = waveforms[name].dims[-1]
            finite = np.isfinite(np.atleast_2d(waveforms[name].values)).all(axis=0)
            named = ", ".join(waveforms[owners].values[~finite])
            raise WaveformError(f"the {name} of {owners} {named} is not finite everywhere")
    match analysis:
        case Transient():
            _check_time(waveforms["time"].values, analysis)
        case DCSweep() as sweep:
            if waveforms.sizes["sweep"] != sweep.points:
                raise WaveformError(f"the sweep has {waveforms.sizes['sweep']} of {sweep.points} points")
            asked = sweep.start + sweep.step * np.arange(sweep.points)
            # the simulator adds up its steps
            if not (np.abs(waveforms["sweep"].values - asked) <= 1e-3 * abs(sweep.step)).all():
                raise WaveformError("the sweep does not take the values that were asked for")
        case SmallSignal() as small:
            check_band(waveforms["frequency"].values, small)
        case OperatingPoint() | Noise():
            pass


def check_band(frequency: np.ndarray, asked: SmallSignal | Noise) -> None:
    """Raise `WaveformError` unless the frequencies (Hz) are those that an analysis asks for."""
    if (
        not np.allclose(frequency[0], asked.start, rtol=1e-6)
        or frequency[-1] * 10 ** (1 / asked.points) < asked.stop
    ):
        raise WaveformError(
            f"the frequencies go from {frequency[0]:g} to {frequency[-1]:g} Hz, "
            f"{asked.start:g} to {asked.stop:g} Hz were asked for"
        )
    if not np.allclose(frequency[1:] / frequency[:-1], 10 ** (1 / asked.points), rtol=1e-3):
        raise WaveformError(f"the frequencies are not {asked.points} a decade, as asked for")


def _check_time(time: np.ndarray, asked: Transient) -> None:
    """Time starts where saving starts, ends at the stop, and never runs back or leaps."""
    if not np.isfinite(time).all():
        raise WaveformError("time is not finite everywhere in the waveforms")
    first, last, steps = float(time[0]), float(time[-1]), np.diff(time)
    slack = 1e-9 * asked.stop
    latest = asked.start_save + asked.max_step if asked.start_save else 0.0
    if not asked.start_save - slack <= first <= latest + slack:
        raise WaveformError(f"the waveforms begin at {first:g} s, {asked.start_save:g} s was asked for")
    if not abs(last - asked.stop) <= slack:
        raise WaveformError(f"the waveforms end at {last:g} s, {asked.stop:g} s were asked for")
    if (steps < 0).any():
        raise WaveformError("time runs backwards in the waveforms")
    widest = float(steps.max(initial=0.0))
    if widest > asked.max_step + slack:
        where = float(time[int(steps.argmax())])
        raise WaveformError(
            f"the waveforms have a gap of {widest:g} s at {where:g} s; "
            f"steps of at most {asked.max_step:g} s were asked for"
        )


def resample(waveforms: xr.Dataset, times: Sequence[float] | np.ndarray) -> xr.Dataset:
    """The waveforms at other times (s), by linear interpolation between the simulator's own time points.

    Times outside the simulated interval are refused with `WaveformError`.
    """
    wanted = np.asarray(times, dtype=float)
    known = waveforms["time"].values
    if wanted.ndim != 1 or wanted.size == 0 or not np.isfinite(wanted).all():
        raise WaveformError("resample: times must be a non-empty list of finite numbers")
    slack = 1e-9 * known[-1]
    if wanted.min() < known[0] - slack or wanted.max() > known[-1] + slack:
        raise WaveformError(
            f"resample: times from {wanted.min():g} to {wanted.max():g} s leave "
            f"the simulated {known[0]:g} to {known[-1]:g} s"
        )
    source = waveforms["voltage"]
    values = np.stack([np.interp(wanted, known, column) for column in source.values.T], axis=-1)
    return xr.Dataset(
        {"voltage": (source.dims, values, source.attrs)},
        coords={"time": ("time", wanted, waveforms["time"].attrs), "node": waveforms["node"]},
        attrs=waveforms.attrs,
    )


def join(parts: Sequence[xr.Dataset], times: Sequence[float] | np.ndarray) -> xr.Dataset:
    """Waveforms of separately simulated parts, brought to common times (s), nodes side by side."""
    if not parts:
        raise WaveformError("join: there are no waveforms to join")
    joined = xr.concat([resample(part, times) for part in parts], dim="node", combine_attrs="override")
    nodes = joined["node"].values.tolist()
    double = sorted({node for node in nodes if nodes.count(node) > 1}) if len(set(nodes)) < len(nodes) else []
    if double:
        raise WaveformError(f"join: node {', '.join(double)} occurs in more than one part")
    return joined


def check_netcdf() -> None:
    """Whether waveforms can be kept in files, before minutes of simulation.

    Raises:
        MissingExtra: the libraries are not installed.
    """
    with extra("report"):
        import h5netcdf  # noqa: F401  # xarray's engine
        import h5py  # noqa: F401  # its library


def save(waveforms: xr.Dataset, path: Path | str) -> Path:
    """Write a NetCDF file, whole or not at all; the path is returned."""
    check_netcdf()
    target = Path(path)
    temporary: Path | None = None
    try:
        handle, name = tempfile.mkstemp(prefix=f".{target.name}.", dir=target.parent)
        os.close(handle)
        temporary = Path(name)
        waveforms.to_netcdf(temporary, engine="h5netcdf")
        temporary.chmod(0o644)
        temporary.replace(target)
    except OSError as error:
        raise WaveformError(
            f"waveforms cannot be written to {target}: {error.strerror or error}; "
            f"choose another folder or make room"
        ) from error
    finally:
        if temporary is not None:
            temporary.unlink(missing_ok=True)
    return target


def load(path: Path | str) -> xr.Dataset:
    """Read a NetCDF file of waveforms into memory."""
    check_netcdf()
    source = Path(path)
    try:
        with xr.open_dataset(source, engine="h5netcdf") as dataset:
            waveforms = dataset.load()
    except FileNotFoundError as error:
        raise WaveformError(f"there is no file {source}") from error
    except (OSError, ValueError, KeyError) as error:
        raise WaveformError(f"{source} is damaged or no NetCDF file: {error}") from error
    if "voltage" not in waveforms or "node" not in waveforms.coords:
        raise WaveformError(f"{source} holds no node voltages")
    return waveforms
