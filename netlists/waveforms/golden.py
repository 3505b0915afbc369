"""Golden waveforms: what a circuit did when someone last looked, and how far it is from that today.

The golden file is NetCDF beside the test and belongs into version control. Both waveforms are read on its time
points, so that another step of the simulator is no drift.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import xarray as xr
from matplotlib.figure import Figure

from circuits.data.circuit import check_name
from conductance.files import whole_file
from netlists.comparison.errors import waveform_error
from netlists.errors import NetlistError
from netlists.waveforms import load, resample, save

POINTS = 2000
"""Time points that a golden file keeps, evenly spaced: 16 kB for each node."""
UPDATE = "pytest --update-golden"


class WaveformsDrifted(AssertionError):
    """Waveforms are not those of the golden file, or there is none."""


@dataclass(frozen=True, kw_only=True)
class NodeDrift:
    """How far one node is from its golden waveform.

    Attributes:
        node: its path.
        rms: root mean square difference over time in V.
        normalised: rms over the golden waveform's standard deviation; None where that does not move.
        worst_time: when the difference is largest, in s.
        worst: that difference in V.
    """

    node: str
    rms: float
    normalised: float | None
    worst_time: float
    worst: float

    def exceeds(self, tolerance: float) -> bool:
        """Whether the drift is larger than `tolerance`; a node that rested may not move at all beyond a microvolt."""
        return self.rms > 1e-6 if self.normalised is None else self.normalised > tolerance

    def __str__(self) -> str:
        share = "it rested" if self.normalised is None else f"{self.normalised:.3g} of its standard deviation"
        return f"{self.node}: {self.rms:.3g} V rms ({share}), most at {self.worst_time:.4g} s by {self.worst:.3g} V"


def drift(golden: xr.Dataset, fresh: xr.Dataset) -> tuple[NodeDrift, ...]:
    """The drift of every node, on the golden file's time points.

    Args:
        golden: `voltage` in V, (time, node).
        fresh: the same nodes, over at least the same time, on any time points.

    Raises:
        WaveformError: the fresh waveforms are shorter. KeyError: a node is missing.
    """
    time = golden["time"].to_numpy()
    now = resample(fresh, time)
    found = []
    for node in golden["node"].to_numpy():
        then = golden["voltage"].sel(node=node).to_numpy().astype(float)
        today = now["voltage"].sel(node=node).to_numpy().astype(float)
        error = waveform_error(time, then, time, today)
        worst = int(np.abs(today - then).argmax())
        share = float(error.normalised[0])
        found.append(
            NodeDrift(
                node=str(node), rms=float(error.rms[0]), normalised=None if np.isnan(share) else share,
                worst_time=float(time[worst]), worst=float(abs(today - then)[worst]),
            )
        )  # fmt: skip
    return tuple(found)


@dataclass(frozen=True, kw_only=True)
class Golden:
    """The golden waveforms of one test.

    Args:
        folder: where its files are kept.
        figures: where a figure of a drift is drawn.
        update: write what is measured instead of judging it.
    """

    folder: Path
    figures: Path
    update: bool = False
    _seen: set[str] = field(default_factory=set, init=False, repr=False, compare=False)

    def check(
        self, waveforms: xr.Dataset, name: str = "waveforms", *, tolerance: float = 0.01, points: int = POINTS
    ) -> tuple[NodeDrift, ...]:
        """Compare waveforms with the golden file of that name; the drift of every node.

        Args:
            waveforms: `voltage` in V, (time, node), time in s: of `simulate(...).require()`.
            name: of the file.
            tolerance: largest rms difference of a node, over its standard deviation.
            points: how many time points a new golden file keeps.

        Raises:
            WaveformsDrifted: the drift is larger, nodes or duration are others, or there is no golden file yet.
            NetlistError: a name or tolerance that is not allowed.
        """
        check_name(name, f"golden waveforms {name!r}")
        if not 0 <= tolerance < np.inf:
            raise NetlistError(
                f"golden waveforms {name}: tolerance = {tolerance!r}; give a number of 0 or more"
            )
        if name in self._seen:
            raise NetlistError(
                f"golden waveforms {name}: this test has checked waveforms of that name before; give each its own"
            )
        self._seen.add(name)
        path = self.folder / f"{name}.nc"
        if self.update:
            end = float(waveforms["time"].to_numpy()[-1])
            self.folder.mkdir(parents=True, exist_ok=True)
            save(resample(waveforms, np.linspace(0.0, end, points)), path)
        if not path.is_file():
            raise WaveformsDrifted(
                f"there are no golden waveforms {path}; `{UPDATE}` writes them: look at them, then commit the file"
            )
        golden = load(path)
        _check_same(golden, waveforms, path)
        found = drift(golden, waveforms)
        bad = [each for each in found if each.exceeds(tolerance)]
        if bad:
            figure = self._figure(name, golden, waveforms, [each.node for each in bad])
            lines = "\n".join(f"  {each}" for each in bad)
            raise WaveformsDrifted(
                f"{len(bad)} of {len(found)} nodes drifted from {path} by more than {tolerance:g}:\n{lines}\n"
                f"figure: {figure}\nif the change is meant, `{UPDATE}` writes the file anew"
            )
        return found

    def _figure(self, name: str, golden: xr.Dataset, fresh: xr.Dataset, nodes: Sequence[str]) -> Path:
        self.figures.mkdir(parents=True, exist_ok=True)
        target = self.figures / f"{name}_drift.png"
        with whole_file(target) as part:
            drift_figure(golden, fresh, nodes[:6]).savefig(part, dpi=120)
        return target


def drift_figure(golden: xr.Dataset, fresh: xr.Dataset, nodes: Sequence[str]) -> Figure:
    """Golden and fresh waveforms of the nodes one over the other, and their difference below."""
    time = golden["time"].to_numpy()
    now = resample(fresh, time)
    figure = Figure(figsize=(8, 2.6 * len(nodes)), layout="constrained")
    rows = figure.subplots(2 * len(nodes), 1, sharex=True, squeeze=False, height_ratios=[2, 1] * len(nodes))
    for index, node in enumerate(nodes):
        above, below = rows[2 * index, 0], rows[2 * index + 1, 0]
        then, today = (data["voltage"].sel(node=node).to_numpy() * 1e3 for data in (golden, now))
        above.plot(1e3 * time, then, color="#999999", linewidth=2.5, label="golden")
        above.plot(1e3 * time, today, color="#b3261e", linewidth=0.9, label="now")
        above.set(ylabel="mV", title=node)
        below.plot(1e3 * time, today - then, color="black", linewidth=0.9)
        below.set(ylabel="now - golden / mV")
        for axes in (above, below):
            axes.spines[["top", "right"]].set_visible(False)
    rows[0, 0].legend(loc="upper right", frameon=False, ncols=2)
    rows[-1, 0].set(xlabel="time / ms")
    return figure


def _check_same(golden: xr.Dataset, fresh: xr.Dataset, path: Path) -> None:
    """Refuse waveforms of other nodes or of a shorter time."""
    then, now = set(golden["node"].to_numpy().tolist()), set(fresh["node"].to_numpy().tolist())
    if then != now:
        gone, new = ", ".join(sorted(then - now)) or "none", ", ".join(sorted(now - then)) or "none"
        raise WaveformsDrifted(
            f"{path}: nodes that are gone: {gone}; new ones: {new}; `{UPDATE}` if this is meant"
        )
    ends = [float(data["time"].to_numpy()[-1]) for data in (golden, fresh)]
    if abs(ends[0] - ends[1]) > 1e-6 * ends[0]:
        raise WaveformsDrifted(
            f"{path}: it ends at {ends[0]:.6g} s, the waveforms at {ends[1]:.6g} s; `{UPDATE}` if this is meant"
        )
