"""How a network is trained: one frozen object, each option with its bounds and meaning on its line."""

from dataclasses import dataclass, fields
from typing import Literal, get_args

from conductance.errors import ExcitableError
from conductance.tasks.options import MEANING, described, option, options_of
from conductance.variation import Mismatch

Device = Literal["cpu", "cuda"]
Keep = Literal["best", "last"]
LossName = Literal["auto", "mean_square", "cross_entropy", "van_rossum"]
ClassWeights = Literal["none", "balanced"]
Trained = Literal["all", "readout", "none"]
Readout = Literal["trained", "start", "end", "both", "alternating"]


class TrainingError(ExcitableError):
    """Training was asked for something impossible, or cannot go on."""


NAMES = {
    "keep": Keep,
    "device": Device,
    "loss": LossName,
    "class_weights": ClassWeights,
    "trained": Trained,
    "readout": Readout,
}
"""The options that are names, and which."""


@dataclass(frozen=True, kw_only=True)
class TrainingOptions:
    """Adam with cosine annealing on a loss of the filtered output, after the warm-up.

    That the loss of a series is MSE on the filtered output, the optimiser Adam and the schedule cosine annealing is
    stated by digests of arXiv 2605.11835; rate, clipping and number of steps are our choice.

    With one of the `mismatch_` options every step sees a chip of its own, drawn from the seed and the step's number;
    the weights that are trained, kept and evaluated are the nominal ones.

    `device` is where the network is trained. `keep` says which weights the trained network has: those of the
    evaluation with the lowest validation error, or those of the last step.
    """

    steps: int = option(300, lower=1, whole=True, unit="step", meaning="number of updates of the weights")
    batch: int = option(16, lower=1, whole=True, unit="series", meaning="series drawn for one step")
    learning_rate: float = option(
        0.02, lower=0, lower_open=True, upper=10, meaning="step size of Adam at the start"
    )
    final_learning_rate: float = option(
        0.0, lower=0, upper=10, meaning="step size at the end of the cosine annealing"
    )
    gradient_clip: float | None = option(
        1.0,
        lower=0,
        lower_open=True,
        optional=True,
        meaning="largest norm of the gradient; longer ones are scaled",
    )
    evaluate_every: int = option(
        25,
        lower=1,
        whole=True,
        unit="step",
        meaning="steps between evaluations, each followed by a checkpoint",
    )
    mismatch_current: float = option(
        0.0,
        lower=0,
        upper=1,
        meaning="every step sees a new chip whose currents and weights are off by this: 0.02 is 2 %",
    )
    mismatch_offset: float = option(
        0.0,
        lower=0,
        upper=10,
        unit="V0",
        meaning="the same for the offsets of its amplifiers: 1 mV is 0.014",
    )
    mismatch_capacitor: float = option(
        0.0, lower=0, upper=1, meaning="the same for its capacitors: 0.01 is 1 %"
    )
    keep: Keep = "best"
    device: Device = "cpu"
    patience: int | None = option(
        None,
        lower=1,
        whole=True,
        optional=True,
        unit="evaluation",
        meaning="evaluations without a lower validation error after which training ends",
    )
    loss: LossName = described(
        "auto",
        "what is made small: mean_square; cross_entropy of classes; van_rossum: distance of spike trains; auto: by the "
        "task",
    )
    class_weights: ClassWeights = described(
        "none", "balanced: each class weighs the same in the cross-entropy, however many series it has"
    )
    van_rossum_tau: float = option(
        10.0, lower=0, lower_open=True, unit="step", meaning="time constant of van Rossum's filter"
    )
    rate_penalty: float = option(0.0, lower=0, meaning="weight of (mean rate - rate_target)^2 in the loss")
    rate_target: float = option(
        0.01, lower=0, upper=1, unit="spike per step", meaning="rate that is aimed at"
    )
    duty_penalty: float = option(0.0, lower=0, meaning="weight of the mean output of the neurons in the loss")
    silence_penalty: float = option(
        0.0, lower=0, meaning="weight of the mean of relu(1 - rate/silence_below)^2 over the neurons"
    )
    silence_below: float = option(
        0.002,
        lower=0,
        lower_open=True,
        upper=1,
        unit="spike per step",
        meaning="rate below which a neuron is silent",
    )
    trained: Trained = described(
        "all",
        "what training changes: all; the readout alone over neurons that stay as they were drawn; or none: the network "
        "stays as it was drawn or given, and is simulated and compared as that",
    )
    readout: Readout = described(
        "trained",
        "how the linear readout is found: trained as the rest; solved by ridge regression at the start, at the end, at "
        "both; or alternating: solved every readout_every steps, and never trained",
    )
    readout_every: int = option(
        5, lower=1, whole=True, unit="step", meaning="steps between two solutions of an alternating readout"
    )
    ridge: float | None = option(
        None,
        lower=0,
        optional=True,
        meaning="strength of the ridge, as a share of the features' mean square; chosen by the validation split where "
        "not given",
    )

    def __post_init__(self) -> None:
        faults = [
            f"{name} = {getattr(self, name)!r}: {declared.meaning} [{declared.unit}] must be {declared.allowed}"
            for name, declared in options_of(self).items()
            if not declared.allows(getattr(self, name))
        ]
        for name, kind in NAMES.items():
            if getattr(self, name) not in get_args(kind):
                faults.append(f"{name} = {getattr(self, name)!r}: allowed are {', '.join(get_args(kind))}")
        if not faults and self.final_learning_rate > self.learning_rate:
            faults.append(
                f"final_learning_rate = {self.final_learning_rate:g} is above "
                f"learning_rate = {self.learning_rate:g}; annealing goes down"
            )
        if self.trained == "none" and self.readout != "trained":
            faults.append(
                f"trained = 'none' changes nothing, and readout = {self.readout!r} solves the readout; leave readout "
                f"out, or set trained = 'readout'"
            )
        if faults:
            raise TrainingError("training options: " + "; ".join(faults))

    @property
    def solves(self) -> bool:
        """Whether the readout is solved at any time."""
        return self.readout != "trained"

    @property
    def nothing_to_train(self) -> bool:
        """Whether solving the readout is all: the neurons stay as they are, and the readout is not trained."""
        return self.trained == "readout" and self.solves

    @property
    def stepwise(self) -> bool:
        """Whether there are updates of weights: not where nothing is trained, or solving the readout is all."""
        return self.trained != "none" and not self.nothing_to_train

    @property
    def mismatch(self) -> Mismatch:
        """How much the chips differ that training sees; evaluations see the nominal one."""
        return Mismatch(
            current=self.mismatch_current, offset=self.mismatch_offset, capacitor=self.mismatch_capacitor
        )

    def differences(self, other: "TrainingOptions") -> list[str]:
        """The options in which two sets differ, as `name: own -> other's`."""
        pairs = [(f.name, getattr(self, f.name), getattr(other, f.name)) for f in fields(self)]
        return [f"{name}: {own} -> {others}" for name, own, others in pairs if own != others]


def loss_meaning() -> str:
    """What the option `loss` means, for those who allow one more."""
    meaning: str = next(f for f in fields(TrainingOptions) if f.name == "loss").metadata[MEANING]
    return meaning
