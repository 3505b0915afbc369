"""The loss around trained and untrained networks, along straight paths."""

from dataclasses import dataclass

import torch

from conductance.landscapes import (
    LandscapeError,
    NetworkSurface,
    classifier_surface,
    measure_path,
    random_directions,
)
from conductance.training.events import EventTraining
from excitable.trials import Result
from studies.qif_lif.trainings import REGULARISER, Trial, data_of, network_of, task_of

LANDSCAPE_TRIALS = 5
LANDSCAPE_LENGTH = 0.5
"""Length of a path over the norm of the network's weights."""
LANDSCAPE_POINTS = 13
LANDSCAPE_STREAM = 7
"""Distinguishes the directions' random numbers from those of the weights."""
DESCENT = "descent"
"""The direction against the gradient; random directions have a number."""


@dataclass(frozen=True, kw_only=True)
class LandscapeTrial:
    """The loss along one path from a network: its direction's number or `DESCENT`, for one sample or for a batch."""

    trained: Result
    state: str
    samples: int
    direction: str
    training: Trial

    @property
    def name(self) -> str:
        """A file name that tells trials apart."""
        return f"landscape-{self.state}-{self.samples}-{self.direction}-{self.training.name}"


def run_landscape(trial: LandscapeTrial) -> Result:
    """Measure the loss along one direction from the initial or the trained weights; no path against a gradient of 0."""
    torch.set_num_threads(1)
    training = trial.training
    data, network = data_of(task_of(training)), network_of(training)
    if trial.state == "trained":
        weights = {name: torch.tensor(values) for name, values in trial.trained["weights"].items()}
        network.load_state_dict({name: tensor.double() for name, tensor in weights.items()})
    surface = classifier_surface(
        network, data.test.select(range(trial.samples)), tau=EventTraining.loss_tau, regulariser=REGULARISER
    )
    start = surface.start()
    direction = _direction(trial, surface, start)
    paths, problem = [], "there is no gradient"
    if float(direction.norm()) > 0:
        length = LANDSCAPE_LENGTH * float(start.norm())
        try:
            paths = [measure_path(surface, start, direction, length=length, points=LANDSCAPE_POINTS)]
            problem = ""
        except LandscapeError as error:
            # the regulariser is exponential in the time of a late pseudospike, and overflows
            problem = str(error)
    return {
        "task": training.task, "model": training.model, "state": trial.state, "samples": trial.samples,
        "direction": trial.direction, "seed": training.seed, "norm": float(start.norm()),
        "paths": [path.as_json() for path in paths], "problem": problem,
    }  # fmt: skip


def _direction(trial: LandscapeTrial, surface: NetworkSurface, start: torch.Tensor) -> torch.Tensor:
    if trial.direction == DESCENT:
        return -surface.gradient(start)
    generator = torch.Generator().manual_seed(trial.training.seed * 2**8 + LANDSCAPE_STREAM)
    drawn = random_directions(len(start), trial.training.budget.directions, generator)
    return drawn[int(trial.direction)]
