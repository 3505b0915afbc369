"""How exactly each level is simulated in each simulator, chosen by measured error and cost (docs/settings.md).

The default keeps spikes of a bursting neuron, whose errors add up over 1000 tau_m, within 0.25 tau_m of the tightest
run in ngspice and within 0.01 in VACASK, and those of a neuron that its input drives within 0.001. `TIGHT` is one step
further: what compares a circuit with its equation must not find the simulator's own error.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from circuits.data.levels import MIXED
from circuits.networks.continuous import AMPLIFIER_EDGE, EDGE
from netlists.errors import NetlistError, SimulatorMissing
from netlists.simulation import SIMULATORS, find_simulator

AUTO = "auto"
"""The fastest simulator that is installed and proven equal at the level."""
CHOICES = (*SIMULATORS, AUTO)


@dataclass(frozen=True, kw_only=True)
class Accuracy:
    """Relative tolerance, largest step in tau_m, and duration of an input's step as a share of its hold."""

    relative: float
    max_step: float
    edge: float = EDGE


DEFAULT: Mapping[tuple[str, str], Accuracy] = MappingProxyType(
    {
        ("ngspice", "behavioural"): Accuracy(relative=1e-7, max_step=0.5),
        ("ngspice", "macromodel"): Accuracy(relative=1e-6, max_step=0.5, edge=AMPLIFIER_EDGE),
        ("ngspice", "transistor"): Accuracy(relative=1e-4, max_step=0.5, edge=AMPLIFIER_EDGE),
        ("vacask", "behavioural"): Accuracy(relative=1e-8, max_step=2.0),
        ("vacask", "macromodel"): Accuracy(relative=1e-7, max_step=2.0, edge=AMPLIFIER_EDGE),
        ("vacask", "transistor"): Accuracy(relative=1e-5, max_step=0.5, edge=AMPLIFIER_EDGE),
    }
)
TIGHT: Mapping[tuple[str, str], Accuracy] = MappingProxyType(
    {
        ("ngspice", "behavioural"): Accuracy(relative=1e-9, max_step=0.5),
        ("ngspice", "macromodel"): Accuracy(relative=1e-7, max_step=0.5, edge=AMPLIFIER_EDGE),
        ("ngspice", "transistor"): Accuracy(relative=1e-5, max_step=0.2, edge=AMPLIFIER_EDGE),
        ("vacask", "behavioural"): Accuracy(relative=1e-9, max_step=2.0),
        ("vacask", "macromodel"): Accuracy(relative=1e-8, max_step=2.0, edge=AMPLIFIER_EDGE),
        ("vacask", "transistor"): Accuracy(relative=1e-6, max_step=0.5, edge=AMPLIFIER_EDGE),
    }
)


def accuracy(simulator: str, level: str, *, tight: bool = False) -> Accuracy:
    """How exactly a level is simulated; what is mixed needs what transistors need."""
    table = TIGHT if tight else DEFAULT
    return table[simulator, "transistor" if level == MIXED else level]


def chosen_simulator(name: str, level: str) -> str:
    """The simulator of that name; of `auto`, the fastest installed one that is proven equal at the level.

    VACASK is ten times faster with behavioural neurons and macromodels, and the tests hold it to ngspice there. With
    transistors it gains a third, and it has not every foundry's models: those stay with ngspice where there is one.

    Raises:
        NetlistError: there is no such simulator. SimulatorMissing: of `auto`, none is installed.
    """
    if name != AUTO:
        if name not in SIMULATORS:
            raise NetlistError(f"there is no simulator {name!r}; known are {', '.join(CHOICES)}")
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
