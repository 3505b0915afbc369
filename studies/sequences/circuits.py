"""What circuits of a trained network decide: sequence by sequence of test, as `excitable decide` does."""

import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass

from circuits.data.levels import Level
from circuits.data.scaling import Scaling
from circuits.technologies import default_technology
from conductance.networks import Network
from excitable.ladder.accuracy import AUTO, chosen_simulator
from excitable.ladder.calibration import calibrated
from excitable.ladder.options import CircuitOptions
from excitable.runs.stages.decisions import decided
from excitable.trials import Result, TrialError
from studies.base import settings_of
from studies.sequences.models import MODELS
from studies.sequences.run import FINAL, Budget, Setting, Trial, train_trial

CHUNK: Mapping[str, int] = {"behavioural": 40, "transistor": 5}
"""Sequences of a trial, which trains the network anew."""
OF_TEST: Mapping[str, int] = {"basic_motions": 40, "japanese_vowels": 370}
"""Sequences of the test splits, in the order of their classes."""


@dataclass(frozen=True, kw_only=True)
class CircuitTrial:
    """Some sequences of test through a circuit of one of the trained networks."""

    problem: str
    path: str
    model: str
    learning_rate: float
    gain: float
    seed: int
    level: Level
    places: tuple[int, ...]
    budget: Budget

    @property
    def name(self) -> str:
        """A file name that tells trials apart."""
        setting = f"lr{self.learning_rate:g}_gain{self.gain:g}"
        return f"{self.level}-{self.problem}-{self.model}-{setting}-s{self.seed}-{self.places[0]}-{self.places[-1] + 1}"


def circuit_trials(
    budget: Budget, problem: str, path: str, model: str, setting: Setting
) -> list[CircuitTrial]:
    """The sequences of a data set in chunks, through both levels of the network of the first seed.

    Where not all are asked for, those that are lie evenly in the test split, which is sorted by class.
    """
    wanted: dict[Level, int] = {
        "behavioural": budget.circuits[problem], "transistor": budget.transistors[problem],
    }  # fmt: skip
    return [
        CircuitTrial(
            problem=problem, path=path, model=model, learning_rate=setting[0], gain=setting[1], seed=1, level=level,
            places=places[begin : begin + CHUNK[level]], budget=budget,
        )
        for level, count in wanted.items()
        for places in (tuple(k * OF_TEST[problem] // count for k in range(count)),)
        for begin in range(0, count, CHUNK[level])
    ]  # fmt: skip


def run_circuit(trial: CircuitTrial) -> Result:
    """Train the network and simulate its circuit."""
    trained, data = train_trial(
        Trial(
            problem=trial.problem, path=trial.path, model=trial.model, part=FINAL,
            learning_rate=trial.learning_rate, gain=trial.gain, seed=trial.seed, budget=trial.budget,
        )
    )  # fmt: skip
    if not isinstance(trained, Network):
        raise TrialError(f"{trial.model}: it is no spiking network, and has no circuit")
    options = options_of(trained, trial.level)
    began = time.perf_counter()
    found = [
        decided(trained, data.test, place, dt=MODELS[trial.model].dt, options=options, decision=data.decision)
        for place in trial.places
    ]
    return {
        **settings_of(trial), "simulator": options.simulator, "technology": options.made_of.name,
        "decisions": [asdict(one) for one in found], "seconds": time.perf_counter() - began,
    }  # fmt: skip


def options_of(network: Network, level: Level) -> CircuitOptions:
    """A level's circuit as a configuration's defaults make it, its amplifiers calibrated; the simulator is `auto`.

    Behavioural ones are one netlist: a sequence is so short that starting the simulator for each part costs more.
    """
    simulator = chosen_simulator(AUTO, level)
    if level == "behavioural":
        return CircuitOptions(scaling=Scaling(), simulator=simulator, monolithic=True)
    technology = default_technology(level)
    options = CircuitOptions(
        scaling=technology.scaling(current_unit=Scaling.current_unit, capacitance=Scaling.capacitance),
        levels=level, technology=technology, simulator=simulator,
    )  # fmt: skip
    return calibrated(network, options, ())[0]
