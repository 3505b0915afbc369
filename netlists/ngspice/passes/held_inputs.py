"""Long held inputs: values in a file that XSPICE's `filesource` reads, and a clock that tells ngspice of the edges.

A piecewise linear source costs quadratically in its points: 3000 holds took 9.8 s, from a file 0.9 s, 10 000 took 3 s.
But `filesource` announces no breakpoints, so ngspice steps over its edges and comes back only where the truncation
error asks for it: with reltol = 1e-6 an RC was as exact as with `pwl`, with 1e-3 it was off by 0.4 V0. A `pulse` source
of twice the hold's period, on a node of its own, has its edges where those of the input are; with it, an RC's voltages
are those of `pwl` at every tolerance.
"""

from collections.abc import Iterator

import numpy as np

from circuits.data.circuit import GROUND, Circuit, Device, HeldWaveform, VoltageSource
from netlists.ngspice.expressions import print_number
from netlists.writing.names import card_name

LONGEST = 1000
"""Holds that a source may have as `pwl`."""
FOREVER = 1e6
"""A time in s that no simulation reaches."""


def is_long(device: Device, circuit: Circuit) -> bool:
    """Whether a source is read from a file: equal holds from t = 0, more than `LONGEST`, a voltage against ground."""
    if not isinstance(device, VoltageSource) or not isinstance(device.waveform, HeldWaveform):
        return False
    if device.negative != GROUND or device.name in circuit.metered or len(device.waveform.times) <= LONGEST:
        return False
    times = np.asarray(device.waveform.times)
    return bool(times[0] == 0 and np.allclose(np.diff(times), times[1], rtol=1e-9, atol=0))


def file_name(device: Device, circuit: Circuit) -> str:
    """Name of the file with a source's values."""
    return f"{circuit.name}_{device.name}.txt"


def values_text(waveform: HeldWaveform) -> str:
    """Corner times (s) and values, a line each; the last value once more, since the source ends with its file."""
    times, values = waveform.corners()
    times, values = np.append(times, FOREVER), np.append(values, values[-1])
    return "".join(f"{t!r} {v!r}\n" for t, v in zip(times.tolist(), values.tolist(), strict=True))


def source_lines(device: VoltageSource, circuit: Circuit) -> Iterator[str]:
    """The card of the source and its model."""
    name = f"a{card_name(device)}"
    yield f"{name} %v([{device.positive}]) {name}_model"
    yield f'.model {name}_model filesource (file="{file_name(device, circuit)}" amploffset=[0] amplscale=[1]'
    yield "+ timeoffset=0 timescale=1 timerelative=false amplstep=false)"


def clock_lines(waveforms: list[HeldWaveform], circuit: Circuit) -> Iterator[str]:
    """One clock for each different hold and edge, on nodes that the circuit does not have."""
    for index, (hold, edge) in enumerate(dict.fromkeys((w.times[1], w.edge) for w in waveforms)):
        node = f"hold_clock{index}"
        while node in circuit.nodes:
            node += "_"
        first, high, period = hold - edge / 2, hold - edge, 2 * hold
        numbers = " ".join(print_number(value) for value in (0.0, 1.0, first, edge, edge, high, period))
        yield f"v{node} {node} 0 pulse({numbers})"
