"""How exactly each level is simulated in each simulator, chosen by measured error and cost (docs/settings.md).

The default keeps spikes of a bursting neuron, whose errors add up over 1000 tau_m, within 0.25 tau_m of the tightest
run in ngspice and within 0.02 in VACASK, and those of a neuron that its input drives within 0.001. `TIGHT` is one step
further: what compares a circuit with its equation must not find the simulator's own error.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from circuits.data.levels import MIXED
from netlists.errors import NetlistError, SimulatorMissing
from netlists.simulation import SIMULATORS, find_simulator, no_such_simulator

AUTO = "auto"
"""The fastest simulator that is installed and proven equal at the level."""
CHOICES = (*SIMULATORS, AUTO)


LONGEST_EDGE = 0.2
"""In tau_m: up to this duration a step of the input moves no spike by more than 0.001 tau_m."""


@dataclass(frozen=True, kw_only=True)
class Accuracy:
    """How a level is simulated.

    Attributes:
        relative: tolerance.
        max_step: largest step in tau_m.
        edge: duration of a step of the input as a share of its hold; 1 is a line between the middles of the holds,
            which halves the time of transistors: a hold has one breakpoint then. It ends at `LONGEST_EDGE`.
        smallest, largest: neurons of a part, of those that are not coupled.
    """

    relative: float
    max_step: float
    edge: float
    smallest: int
    largest: int


_SOURCES, _AMPLIFIERS, _FEW = (
    {"smallest": smallest, "largest": largest} for smallest, largest in ((8, 16), (4, 8), (2, 4))
)
DEFAULT: Mapping[tuple[str, str], Accuracy] = MappingProxyType(
    {
        ("ngspice", "behavioural"): Accuracy(relative=1e-7, max_step=0.5, edge=0.1, **_SOURCES),
        ("ngspice", "macromodel"): Accuracy(relative=1e-6, max_step=0.5, edge=0.1, **_FEW),
        ("ngspice", "transistor"): Accuracy(relative=1e-5, max_step=0.5, edge=1.0, **_FEW),
        ("vacask", "behavioural"): Accuracy(relative=1e-8, max_step=2.0, edge=1e-3, **_AMPLIFIERS),
        ("vacask", "macromodel"): Accuracy(relative=1e-7, max_step=2.0, edge=1e-3, **_AMPLIFIERS),
        ("vacask", "transistor"): Accuracy(relative=1e-5, max_step=0.5, edge=0.1, **_FEW),
    }
)
TIGHT: Mapping[tuple[str, str], Accuracy] = MappingProxyType(
    {
        ("ngspice", "behavioural"): Accuracy(relative=1e-9, max_step=0.5, edge=1e-3, **_SOURCES),
        ("ngspice", "macromodel"): Accuracy(relative=1e-7, max_step=0.5, edge=0.1, **_FEW),
        ("ngspice", "transistor"): Accuracy(relative=1e-6, max_step=0.5, edge=0.1, **_FEW),
        ("vacask", "behavioural"): Accuracy(relative=1e-9, max_step=2.0, edge=1e-3, **_AMPLIFIERS),
        ("vacask", "macromodel"): Accuracy(relative=1e-8, max_step=2.0, edge=1e-3, **_AMPLIFIERS),
        ("vacask", "transistor"): Accuracy(relative=1e-6, max_step=0.5, edge=0.1, **_FEW),
    }
)


def accuracy(simulator: str, level: str, *, tight: bool = False) -> Accuracy:
    """How exactly a level is simulated; what is mixed needs what transistors need."""
    table = TIGHT if tight else DEFAULT
    return table[simulator, "transistor" if level == MIXED else level]


def chosen_simulator(name: str, level: str) -> str:
    """The simulator of that name; of `auto`, the fastest installed one that is proven equal at the level.

    VACASK is ten times faster with behavioural neurons and macromodels, and the tests hold it to ngspice there. With
    transistors it gains little under a constant input and loses under a held one, and it has not every foundry's
    models: those stay with ngspice where there is one.

    Raises:
        NetlistError: there is no such simulator. SimulatorMissing: of `auto`, none is installed.
    """
    if name != AUTO:
        if name not in SIMULATORS:
            raise NetlistError(no_such_simulator(name, CHOICES))
        return name
    order = ("vacask", "ngspice") if level in ("behavioural", "macromodel") else ("ngspice", "vacask")
    reasons = []
    for candidate in order:
        try:
            find_simulator(candidate)
        except SimulatorMissing as error:
            reasons.append(str(error))
            continue
        return candidate
    raise SimulatorMissing("there is no simulator: " + "; ".join(reasons))
