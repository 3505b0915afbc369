"""What a simulator wrote, taken only where it is the answer to this netlist: one real plot of this circuit, whole."""

from collections.abc import Mapping, Sequence

import numpy as np
import xarray as xr

from netlists.analyses import Analysis, DCSweep, Noise, OperatingPoint, SmallSignal, Transient
from netlists.errors import WaveformError
from netlists.netlist import Netlist
from netlists.waveforms.labelled import check_complete, label
from netlists.waveforms.noise import densities
from netlists.waveforms.raw import Plot
from netlists.waveforms.transistors import with_transistors

_KINDS: dict[type, str] = {
    Transient: "Transient Analysis",
    DCSweep: "DC transfer characteristic",
    OperatingPoint: "Operating Point",
    SmallSignal: "AC Analysis",
}


def answer(plots: Sequence[Plot], netlist: Netlist) -> xr.Dataset:
    """The waveforms in the plots of a raw file, as the answer to a netlist.

    Raises:
        WaveformError: they are something else than the netlist asks for.
    """
    if isinstance(netlist.analysis, Noise):
        return noise_answer(plots, netlist)
    if len(plots) != 1:
        names = ", ".join(plot.name or "unnamed" for plot in plots)
        raise WaveformError(f"the raw file holds {len(plots)} plots ({names}); this netlist asks for one")
    plot = plots[0]
    _check_plot(plot, netlist.title, netlist.analysis)
    waveforms = label(plot, netlist.probes, netlist.metered, title=netlist.name)
    if netlist.inspected:
        waveforms = with_transistors(waveforms, plot, netlist.inspected)
    check_complete(waveforms, netlist.analysis)
    if not isinstance(
        netlist.analysis, SmallSignal
    ):  # which is linear: its voltages scale with the amplitude
        _check_voltages(waveforms, netlist.voltages)
    return waveforms


def noise_answer(plots: Sequence[Plot], netlist: Netlist) -> xr.Dataset:
    """The densities in the plots of a noise analysis: those over frequency come first, their integrals after."""
    if not plots or plots[0].name != "Noise Spectral Density Curves":
        names = ", ".join(plot.name or "unnamed" for plot in plots)
        raise WaveformError(
            f"the raw file holds {len(plots)} plots ({names}); noise densities were asked for"
        )
    if not isinstance(netlist.analysis, Noise):
        raise WaveformError(f"netlist {netlist.name} asks for no noise")
    return densities(plots[0], netlist.analysis, title=netlist.name)


def _check_plot(plot: Plot, title: str, analysis: Analysis) -> None:
    expected = _KINDS[type(analysis)]
    if plot.name != expected:
        raise WaveformError(f"the raw file holds a plot of kind {plot.name!r}; {expected!r} was asked for")
    if title and plot.title.strip().lower() != title.strip().lower():
        raise WaveformError(
            f"the raw file is of the circuit {plot.title!r}, this one is {title!r}; it belongs to another run"
        )
    if np.iscomplexobj(plot.values) != isinstance(analysis, SmallSignal):
        raise WaveformError(
            "the numbers of the raw file must be complex over frequency, and real over time and in sweeps"
        )
    if len(set(plot.variables)) < len(plot.variables):
        double = sorted({name for name in plot.variables if plot.variables.count(name) > 1})
        raise WaveformError(f"the raw file names {', '.join(double)} more than once")
    if isinstance(analysis, Transient) and plot.variables[0] != "time":
        raise WaveformError(f"the first variable of the raw file is {plot.variables[0]!r}, not time")
    if isinstance(analysis, OperatingPoint) and len(plot.values) != 1:
        raise WaveformError(f"the raw file holds {len(plot.values)} points; an operating point is one")


def _check_voltages(waveforms: xr.Dataset, allowed: Mapping[str, tuple[float, float]]) -> None:
    """Refuse voltages that this circuit cannot have."""
    nodes, voltages = waveforms["node"].to_numpy().tolist(), waveforms["voltage"].to_numpy()
    for node, (low, high) in allowed.items():
        values = np.atleast_1d(voltages[..., nodes.index(node)])
        beyond = (values < low) | (values > high)
        if beyond.any():
            raise WaveformError(
                f"node {node} is at {values[beyond.argmax()]:g} V; this circuit can have {low:g} to {high:g} V there"
            )
