"""What noise does: to a leaky membrane, to presets at rest, to those that fire, to a network, and what that costs."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from types import MappingProxyType

import torch

from excitable.trials import Result
from studies.base import Runner
from studies.noise.budget import BUDGETS, Budget, NoiseTrial
from studies.noise.design import design_trial
from studies.noise.firing import interval_trial, spike_trial
from studies.noise.leaky import leaky_trial
from studies.noise.network import network_trial, network_trials
from studies.noise.orders import KINDS, orders
from studies.noise.rest import rest_trial

__all__ = ["BUDGETS", "StudyResult", "run_study", "trials"]

WORK: Mapping[str, Callable[[NoiseTrial, Budget], Result]] = MappingProxyType(
    {
        "orders": lambda trial, _: orders(trial.form),
        "leaky": leaky_trial,
        "rest": rest_trial,
        "design": design_trial,
        "intervals": interval_trial,
        "spikes": spike_trial,
    }
)


@dataclass(frozen=True, kw_only=True)
class StudyResult:
    """All results: pieces by form, those of presets by name and form, networks and their netlists by trial."""

    budget: Budget
    orders: Mapping[str, list[Result]]
    leaky: Mapping[str, list[Result]]
    rest: Mapping[str, Mapping[str, list[Result]]]
    intervals: Mapping[str, list[Result]]
    spikes: Mapping[str, list[Result]]
    design: Mapping[str, list[Result]]
    networks: Mapping[str, Result]
    netlists: Mapping[str, Result]


def noise_trial(trial: NoiseTrial, *, budget: Budget) -> Result:
    """Run one trial by its kind."""
    torch.set_num_threads(1)
    return WORK[trial.kind](trial, budget)


def trials(budget: Budget) -> list[NoiseTrial]:
    """All trials of a budget but those of networks."""
    over_time = {"intervals": budget.intervals, "spikes": budget.spiking}
    return [
        *(NoiseTrial(kind="orders", form=form) for form in KINDS),
        NoiseTrial(kind="leaky", form="noise"),
        *(
            NoiseTrial(kind="leaky", form=form, piece=piece)
            for form, number in budget.leaky.items()
            for piece in range(number)
        ),
        *(NoiseTrial(kind="design", form=f"{current:g}") for current in budget.currents),
        *(
            NoiseTrial(kind="rest", form=form, neuron=name, piece=piece)
            for name in budget.presets
            for form in ("noise", *budget.resting)
            for piece in range(budget.records(name, form))
        ),
        *(
            NoiseTrial(kind=kind, form=form, piece=piece)
            for kind, forms in over_time.items()
            for form, (number, _) in forms.items()
            for piece in range(number)
        ),
    ]


def run_study(budget: Budget, runner: Runner) -> StudyResult:
    """Run what is missing: single neurons first, then networks."""
    listed = trials(budget)
    found = runner.run("neurons under noise", listed, partial(noise_trial, budget=budget))
    kinds: dict[str, dict[str, list[Result]]] = {kind: {} for kind in WORK if kind != "rest"}
    rest: dict[str, dict[str, list[Result]]] = {}
    for trial in listed:
        place = rest.setdefault(trial.neuron, {}) if trial.kind == "rest" else kinds[trial.kind]
        place.setdefault(trial.form, []).append(found[trial.name])
    trainings, netlists = network_trials(budget.networks, runner.folder / "networks")
    return StudyResult(
        budget=budget, rest=rest,
        networks=runner.run("networks under noise", trainings, network_trial),
        netlists=runner.run("their netlists", netlists, network_trial),
        **kinds,
    )  # fmt: skip
