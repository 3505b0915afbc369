"""How a deep network is trained."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Literal, get_args

import torch

from conductance.deep.losses import LOSSES, tet_loss
from conductance.deep.neurons import DeepError
from conductance.tasks.options import option, options_of

Loss = Literal["tet", "rate"]
Optimiser = Literal["sgd", "adam"]
Precision = Literal["32-true", "bf16-mixed", "16-mixed"]
Accelerator = Literal["cpu", "cuda"]


@dataclass(frozen=True, kw_only=True)
class ImageTrainingOptions:
    """Cosine annealing over all epochs, without restarts.

    Attributes:
        loss: `tet` asks every step for the right answer, `rate` their mean.
        optimiser: `sgd` with momentum 0.9, or `adam`.
        precision: of convolutions and products; neurons always step in float32.
        accelerator: the kind of device.
    """

    epochs: int = option(300, lower=1, whole=True, unit="epoch", meaning="passes through the training images")
    batch: int = option(
        64, lower=1, whole=True, unit="image", meaning="images of one step of one process before accumulation"
    )
    accumulate: int = option(1, lower=1, whole=True, meaning="batches whose gradients make one update")
    learning_rate: float = option(0.1, lower=0, lower_open=True, upper=10, meaning="step size at the start")
    weight_decay: float = option(0.0, lower=0, upper=1, meaning="L2 penalty of the weights")
    tet_weight: float = option(0.05, lower=0, upper=1, meaning="lambda of the TET loss")
    workers: int = option(
        0, lower=0, upper=1024, whole=True, meaning="processes that read and augment images"
    )
    processes: int = option(
        1, lower=1, upper=1024, whole=True, meaning="devices (on the CPU: processes) on one machine"
    )
    machines: int = option(1, lower=1, upper=10_000, whole=True, meaning="machines that train together")
    loss: Loss = "tet"
    optimiser: Optimiser = "sgd"
    precision: Precision = "32-true"
    accelerator: Accelerator = "cpu"

    def __post_init__(self) -> None:
        faults = [
            f"{name} = {getattr(self, name)!r}: {declared.meaning} [{declared.unit}] must be {declared.allowed}"
            for name, declared in options_of(self).items()
            if not declared.allows(getattr(self, name))
        ]
        choices = {"loss": Loss, "optimiser": Optimiser, "precision": Precision, "accelerator": Accelerator}
        faults += [
            f"{name} = {getattr(self, name)!r}: allowed are {', '.join(get_args(kind))}"
            for name, kind in choices.items()
            if getattr(self, name) not in get_args(kind)
        ]
        if faults:
            raise DeepError("training options: " + "; ".join(faults))

    @property
    def criterion(self) -> Callable[[torch.Tensor, torch.Tensor], torch.Tensor]:
        """The loss of answers (time, batch, class) and labels."""
        return partial(tet_loss, weight=self.tet_weight) if self.loss == "tet" else LOSSES[self.loss]
