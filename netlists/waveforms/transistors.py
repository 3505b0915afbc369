"""Operating points of transistors as a simulator wrote them: currents, voltages, conductances of each."""

import re
from collections.abc import Mapping

import numpy as np
import xarray as xr

from netlists.errors import WaveformError
from netlists.waveforms.raw import Plot

QUANTITIES: Mapping[str, str] = {
    "id": "drain current, A",
    "vgs": "gate against source, V",
    "vds": "drain against source, V",
    "vth": "threshold, V",
    "vdsat": "drain voltage of saturation as the model has it, V",
    "gm": "transconductance, S",
    "gds": "output conductance, S",
}
"""What is kept of a transistor under the names of BSIM in ngspice, positive where an n-channel one conducts; those of
p-channel ones are turned round to be so, too."""


def column(transistor: str, quantity: str) -> str:
    """Name of a quantity of a transistor in ngspice.

    >>> column("m.xn.m_tail", "vds")
    '@m.xn.m_tail[vds]'
    """
    return f"@{transistor}[{quantity}]"


def with_transistors(waveforms: xr.Dataset, plot: Plot, inspected: Mapping[str, str]) -> xr.Dataset:
    """The waveforms with `transistors` in SI units, (axis, transistor, quantity), no axis at an operating point.

    Raises `WaveformError` naming what is not there, or is no number.
    """
    # the raw file has the kind of a quantity around its name: i(@m.xn.m_tail[id])
    columns = {re.sub(r"^[a-z]+\((@.*)\)$", r"\1", name): index for index, name in enumerate(plot.variables)}
    wanted = [column(name, quantity) for name in inspected.values() for quantity in QUANTITIES]
    missing = [name for name in wanted if name not in columns]
    if missing:
        raise WaveformError(f"the simulator did not keep {', '.join(missing[:3])}")
    values = np.ascontiguousarray(plot.values[:, [columns[name] for name in wanted]])
    if not np.isfinite(values).all():
        wrong = wanted[int(np.argwhere(~np.isfinite(values))[0, 1])]
        raise WaveformError(f"{wrong} is not finite everywhere")
    shaped = values.reshape(len(values), len(inspected), len(QUANTITIES))
    axes = waveforms["voltage"].dims[:-1]
    return waveforms.assign_coords(transistor=list(inspected), quantity=list(QUANTITIES)).assign(
        transistors=((*axes, "transistor", "quantity"), shaped if axes else shaped[0])
    )
