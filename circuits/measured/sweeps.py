"""What sweeps of a neuron's parts found: currents over held voltages, and admittances over voltage and frequency.

Voltages in V0, currents in I0 into the node, frequencies as w = 2 pi f tau_m, admittances in I0/V0 = C0/tau_m.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from conductance.errors import ExcitableError

VOLTAGES = np.linspace(-10.0, 10.0, 401)
"""Grid of the tables, in V0: spikes go from -4 to 3.5, clamps hold a membrane at 8, and the supply of 0.9 V is 12."""


def _graded(inner: float, outer: float) -> np.ndarray:
    """Steps of 0.1 V0 where spikes go, of 0.5 beyond."""
    beyond = np.arange(inner + 0.5, outer + 0.25, 0.5)
    return np.concatenate([-beyond[::-1], np.linspace(-inner, inner, round(20 * inner) + 1), beyond])


COARSE = _graded(6.0, 10.0)
"""Grid of the small-signal sweeps, in V0."""
SLOW = _graded(4.5, 8.0)
"""Slow voltages that elements are swept over, in V0; beyond, tables go on as straight lines."""
OUTPUTS = np.array([-3.0, -1.5, 0.0, 2.0, 4.0])
"""Membrane voltages at which an element that reads a slow state is swept: its current is linear in them."""
RADIAN = np.geomspace(0.01, 10.0, 13)
"""Frequencies in 1/tau_m: from far below the slowest relaxation state to an edge of a spike."""
RESTING = -1.5
"""Slow voltage, in V0, at which the output capacitance of an element that reads it is measured: between its ends."""
AT_MEMBRANE = -1.0
"""Membrane voltage, in V0, at which the gates at a slow state are measured."""


class MeasureError(ExcitableError):
    """A neuron's parts cannot be measured, or what was measured is no neuron."""


@dataclass(frozen=True, kw_only=True)
class Fixed:
    """What depends on the membrane alone: leak and output stage.

    Attributes:
        current: (voltage,) into the membrane at `VOLTAGES`.
        output: (voltage,) of the output in V0; empty where the neuron's output stays ideal.
    """

    current: np.ndarray
    output: np.ndarray


@dataclass(frozen=True, kw_only=True)
class Element:
    """The current of one element into the membrane.

    Attributes:
        reads: name of the state that it reads.
        gains: (gain,) at which it was swept, smallest first.
        base: (gain, voltage) current at `VOLTAGES` of that state with the membrane at 0; of the membrane itself where
            it reads that.
        slope: (gain, voltage) what a membrane 1 V0 higher adds; zero where it reads the membrane.
        residual: largest deviation from this line, in I0.
    """

    reads: str
    gains: np.ndarray
    base: np.ndarray
    slope: np.ndarray
    residual: float


@dataclass(frozen=True, kw_only=True)
class Line:
    """A current over the difference of two voltages, a line in the second of them.

    Attributes:
        base: (voltage,) current at differences `VOLTAGES`.
        slope: (voltage,) what a second voltage 1 V0 higher adds.
        residual: largest deviation, in I0.
    """

    base: np.ndarray
    slope: np.ndarray
    residual: float


@dataclass(frozen=True, kw_only=True)
class Slow:
    """What a slow state carries beside its capacitor.

    Attributes:
        gates: (voltage,) capacitance in C0 at `VOLTAGES` of the state.
        transfer: (voltage,) capacitance in C0 towards the membrane.
        follower: what drives the state where no ideal resistor does.
    """

    gates: np.ndarray
    transfer: np.ndarray
    follower: "Follower | None"


@dataclass(frozen=True, kw_only=True)
class Follower:
    """An amplifier that drives a slow state, over the difference of the membrane to it.

    Attributes:
        current: into the state.
        admittance: (coarse voltage, frequency) from the membrane into the state, in C0/tau_m, at differences `COARSE`.
    """

    current: Line
    admittance: np.ndarray


@dataclass(frozen=True, kw_only=True)
class Swept:
    """All sweeps of one neuron.

    Attributes:
        fixed: leak and output stage.
        elements: by the name of the current.
        slow: by the name of the state.
        admittance: (coarse voltage, frequency) of the membrane with all its parts at `COARSE` and `RADIAN`.
        lag: of the output behind the membrane, in tau_m.
        corner: what the process corner multiplies all capacitors by.
        left_out: of the membrane's capacitor, in C0: what calibration found of gates and drains.
    """

    fixed: Fixed
    elements: Mapping[str, Element]
    slow: Mapping[str, Slow]
    admittance: np.ndarray
    lag: float
    corner: float = 1.0
    left_out: float = 0.0
