"""DQIF as a clocked circuit: how exact it is, how fast its clock may be, and what an inference of digits costs.

Three questions: does the sampled circuit follow the recurrence; what clock does the quadratic map need beside the leaky
one, which has no multiplier; does a trained network of digits decide in ngspice as the model does.
"""

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from types import MappingProxyType

import numpy as np
import torch

from circuits.data.clock import Clock
from circuits.technologies import technology
from conductance.deep.data.arrays import digits
from conductance.deep.folding import features, folded
from conductance.deep.networks import dense_network
from conductance.deep.neurons import NeuronOptions
from conductance.deep.training import ImageTrainingOptions, train_images
from conductance.layers import NeuronLayer, Projection
from conductance.networks import Network
from conductance.neurons import dlif, dqif
from excitable.ladder.maps import (
    SCALING,
    SampledOptions,
    compare_sampled,
    model_steps,
    sampled_energy,
    simulate_sampled,
)
from excitable.trials import Progress, Result
from studies.base import Runner

NEURONS = MappingProxyType({"dqif": dqif(), "dlif": dlif()})
TECHNOLOGY = "generic_180nm"
SPREAD = 0.5
"""Standard deviation of the random inputs in V0, tdBN's alpha V_th."""
SETTLING = 12.0
"""Time constants of a phase in the comparison with the recurrence and for digits."""
DRAWN = 3
"""Neurons whose steps are kept for the figure."""


@dataclass(frozen=True, kw_only=True)
class Budget:
    """What the study spends.

    Attributes:
        neurons: under random inputs.
        steps: of them.
        settlings: clocks that are tried, as time constants in a phase.
        epochs: of training on digits.
        hidden: neurons of that network.
        shown: steps for which it sees an image.
        samples: test images that are simulated.
    """

    neurons: int
    steps: int
    settlings: tuple[float, ...]
    epochs: int
    hidden: int
    shown: int
    samples: int


BUDGETS: Mapping[str, Budget] = MappingProxyType(
    {
        "reduced": Budget(
            neurons=16, steps=100, settlings=(2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0, 10.0, SETTLING, 14.0), epochs=60,
            hidden=32, shown=4, samples=50,
        ),
        "smoke": Budget(
            neurons=2, steps=6, settlings=(3.0, SETTLING), epochs=1, hidden=3, shown=2, samples=2
        ),
    }
)  # fmt: skip
"""`reduced` takes about ten minutes of one core."""


@dataclass(frozen=True, kw_only=True)
class StudyResult:
    """All results by trial: random inputs by (neuron, settling), digits by neuron."""

    budget: Budget
    random: Mapping[tuple[str, float], Result]
    digits: Mapping[str, Result]


@dataclass(frozen=True, kw_only=True)
class RandomTrial:
    """A neuron under random inputs, at one clock."""

    neuron: str
    settling: float

    @property
    def name(self) -> str:
        """A file name that tells trials apart."""
        return f"random-{self.neuron}-{self.settling:g}"


@dataclass(frozen=True, kw_only=True)
class DigitsTrial:
    """A network of a neuron, trained on digits."""

    neuron: str

    @property
    def name(self) -> str:
        """A file name that tells trials apart."""
        return f"digits-{self.neuron}"


def random_trial(trial: RandomTrial, *, budget: Budget, folder: Path) -> Result:
    """Uncoupled neurons under the same random inputs, in the circuit and in the recurrence."""
    size = budget.neurons
    projection = Projection(size, size)
    with torch.no_grad():
        projection.weight.copy_(torch.eye(size))
    network = Network({"input": projection, "layer": NeuronLayer(NEURONS[trial.neuron], size, dt=1.0)})
    inputs = np.random.default_rng(0).normal(0.0, SPREAD, (budget.steps, 1, size))
    options = SampledOptions(clock=Clock(scaling=SCALING, settling=trial.settling))
    circuit = simulate_sampled(network, inputs, options, keep=folder / trial.name, resume=True)
    model = model_steps(network, inputs)
    return {
        **asdict(compare_sampled(network, model, circuit)),
        "rate": options.clock.rate,
        "model_steps": model.states["layer"][:, 0, :DRAWN].T.tolist(),
        "circuit_steps": circuit.states["layer"][:, 0, :DRAWN].T.tolist(),
    }


def digits_trial(trial: DigitsTrial, *, budget: Budget, folder: Path, progress: Progress | None) -> Result:
    """A network trained on digits, folded, and simulated on the first test images."""
    torch.manual_seed(0)
    neuron = trial.neuron
    data = digits(seed=0)
    data.train.augmentations = ()  # shifted digits are more than a network without convolutions can learn
    window = "analytic" if neuron == "dqif" else "fixed"
    options = NeuronOptions(neuron=NEURONS[neuron], window=window)  # type: ignore[arg-type]
    trained = dense_network(options, hidden=budget.hidden, steps=budget.shown)
    training = ImageTrainingOptions(epochs=budget.epochs, batch=32, optimiser="adam", learning_rate=0.003)
    reached = train_images(trained, data, training, folder=folder / f"training-{neuron}")
    trained.eval()
    chain = folded(trained)
    images, labels = zip(*(data.test[place] for place in range(budget.samples)), strict=True)
    inputs = features(trained, torch.stack(images)).double().numpy()
    clocked = SampledOptions(clock=Clock(scaling=SCALING, settling=SETTLING))
    circuit = simulate_sampled(
        chain, inputs, clocked, keep=folder / trial.name, resume=True,
        progress=None if progress is None else lambda done, total: progress(done, total, neuron),
    )  # fmt: skip
    model = model_steps(chain, inputs)
    energy = sampled_energy(chain, inputs, circuit, clocked.clock, technology(TECHNOLOGY))
    spikes = model.outputs["layer_1"]
    return {
        **asdict(compare_sampled(chain, model, circuit)),
        "test_accuracy": reached.test,
        "circuit_accuracy": float((circuit.decisions == np.array(labels)).mean()),
        "model_accuracy": float((model.decisions == np.array(labels)).mean()),
        "spike_rate": float(spikes.mean()),
        "seconds": clocked.clock.period * (budget.shown + 1),
        "energy": {**asdict(energy), "total": energy.total},
        "neuron_steps": budget.shown * (budget.hidden + 10),
        "model_raster": spikes[:, :DRAWN].astype(int).tolist(),
        "circuit_raster": (circuit.outputs["layer_1"][:, :DRAWN] > 0.5).astype(int).tolist(),
    }


def run_study(budget: Budget, runner: Runner) -> StudyResult:
    """Run all trials.

    Raises:
        TrialError: some trials failed.
        SimulatorMissing: there is no ngspice.
    """
    random = [RandomTrial(neuron=n, settling=s) for n in NEURONS for s in budget.settlings]
    folder, told = runner.folder, runner.told("digits in ngspice")
    # one after another: each keeps all cores busy with its own simulations
    with ThreadPoolExecutor(1) if runner.executor is None else nullcontext(runner.executor) as running:
        single = runner.on(running)
        errors = single.run("clocks", random, partial(random_trial, budget=budget, folder=folder))
        decided = single.run(
            "digits", [DigitsTrial(neuron=neuron) for neuron in NEURONS],
            partial(digits_trial, budget=budget, folder=folder, progress=told),
        )  # fmt: skip
    return StudyResult(
        budget=budget,
        random={(trial.neuron, trial.settling): errors[trial.name] for trial in random},
        digits={neuron: decided[DigitsTrial(neuron=neuron).name] for neuron in NEURONS},
    )
