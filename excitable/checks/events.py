"""One event-based network, checked: the trained model, its declared equation and its circuit, spike by spike."""

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import combinations
from typing import cast

import numpy as np
from numpy.typing import ArrayLike

from conductance.errors import ExcitableError
from conductance.events import EventLayer, EventNetwork, Spikes
from excitable.checks.decisions import Judged, Reference
from excitable.ladder.events import (
    WINDOW,
    EventCircuitOptions,
    EventComparison,
    compare_events,
    declared_events,
    exact_events,
    first_to_spike,
    simulate_events,
)
from excitable.ladder.steps import DOMINANT, NOTICED

MODEL, EQUATION, CIRCUIT = "model", "equation", "circuit"
REMEDY = "declare a higher peak and a lower reset (V_peak), or train on the circuit's spikes"


@dataclass(frozen=True, kw_only=True)
class EventCheck:
    """An event-based network as it was trained, by its declared equation and by its circuit.

    Attributes:
        spikes: of every layer by rung; without `equation` where the network has delays or recurrent weights.
        comparisons: of two rungs, the earlier first.
        judged: the class of each trial on each rung: the output neuron that spikes first, -1 where none does.
    """

    spikes: Mapping[str, Mapping[str, Spikes]]
    comparisons: Mapping[tuple[str, str], EventComparison]
    judged: Judged

    @property
    def dominance(self) -> str:
        """That the finite peak and reset make most of the difference, and what helps; empty where they do not."""
        if EQUATION not in self.spikes:
            return ""
        first, second = (_size(self.comparisons[pair]) for pair in ((MODEL, EQUATION), (EQUATION, CIRCUIT)))
        noticed = first > NOTICED or bool(self.judged.differing)
        if not noticed or not first or first < DOMINANT * (first + second):
            return ""
        return (
            f"The finite peak and reset dominate, which the model has at infinity: model and equation, "
            f"{self.comparisons[MODEL, EQUATION]}; equation and circuit, {self.comparisons[EQUATION, CIRCUIT]}. To "
            f"bring the circuit nearer to the model, {REMEDY}."
        )

    def __str__(self) -> str:
        """One sentence a line: what dominates first, the decisions last."""
        lines = [f"{pair[0]} and {pair[1]}: {found}." for pair, found in self.comparisons.items()]
        return "\n".join(filter(None, (self.dominance, *lines, self.judged.line())))

    def faults(self, against: Reference, tolerance: float, spikes: bool = True) -> list[str]:
        """In what the circuit differs: decisions, spikes without a partner, a median time error above the tolerance.

        Raises:
            ExcitableError: held to an equation that this network has not.
        """
        if against not in self.spikes:
            raise ExcitableError(
                f"the declared equation is solved for networks {SOLVED} only; use against='model'"
            )
        found = self.comparisons[against, CIRCUIT]
        faults = [self.dominance] if against == MODEL and self.dominance else []
        if against == MODEL and self.judged.differing:
            faults.append(self.judged.line())
        if spikes and (found.missing or found.extra):
            faults.append(f"{found.missing} spikes of the {against} are missing and {found.extra} are extra")
        if len(found.errors) and found.median_error > tolerance:
            faults.append(f"the median time error is {found.median_error:.3g} tau (allowed {tolerance:g})")
        return faults if faults != [self.dominance] else []


SOLVED = "without recurrence and delays"


def check_events(
    network: EventNetwork, spikes: Spikes, *, labels: ArrayLike | None = None, simulator: str = "ngspice"
) -> EventCheck:
    """Simulate an event-based network's circuit beside the trained model and its declared equation.

    Args:
        network: as trained.
        spikes: the input spikes of all trials.
        labels: (trial,) classes; without them only the agreement of the decisions is known.
        simulator: ngspice or vacask.

    Raises:
        CircuitError: a network that has no circuit. ExcitableError: labels of another number.
        SimulatorMissing, SimulationFailed: the simulator.
    """
    known = None if labels is None else np.asarray(labels)
    if known is not None and known.shape != (spikes.batch,):
        raise ExcitableError(
            f"labels have shape {known.shape}; give one class for each of {spikes.batch} trials"
        )
    rungs: dict[str, Mapping[str, Spikes]] = {MODEL: exact_events(network, spikes)}
    if all(_is_solved(cast(EventLayer, layer)) for layer in network.layers.values()):
        rungs[EQUATION] = declared_events(network, spikes)
    rungs[CIRCUIT] = simulate_events(network, spikes, EventCircuitOptions(simulator=simulator))
    comparisons = {
        (one, other): compare_events(rungs[one], rungs[other], name=f"the {one}")
        for one, other in combinations(rungs, 2)
    }
    classes = {name: first_to_spike(list(record.values())[-1]).numpy() for name, record in rungs.items()}
    errors = {} if known is None else {name: float((each != known).mean()) for name, each in classes.items()}
    return EventCheck(
        spikes=rungs,
        comparisons=comparisons,
        judged=Judged(
            error_name="share of wrong decisions" if errors else "", errors=errors, classes=classes,
            differing=tuple(np.flatnonzero(classes[MODEL] != classes[CIRCUIT]).tolist()), stated=True,
        ),
    )  # fmt: skip


def _is_solved(layer: EventLayer) -> bool:
    return layer.recurrent_weight is None and not bool((layer.delay != 0).any())


def _size(found: EventComparison) -> float:
    """How much two rungs differ: the share of spikes without a partner, and the time errors over the window."""
    late = found.median_error / WINDOW if len(found.errors) else 0.0
    return 1 - found.matched + late if found.spikes or found.missing or found.extra else 0.0
