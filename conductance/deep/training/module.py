"""The training step and the evaluation as Lightning sees them."""

import math
from collections.abc import Callable
from typing import Any

import torch
from torch.utils.data import DataLoader

from conductance.deep.data.base import EpochSampler, ImageData, Images, collate
from conductance.deep.losses import accuracy
from conductance.deep.networks import ImageNetwork
from conductance.deep.neurons import DeepError
from conductance.deep.training.options import ImageTrainingOptions
from conductance.errors import extra

with extra("training"):
    import lightning.pytorch as pl

SGD_MOMENTUM = 0.9


class ImageModule(pl.LightningModule):
    """A network on images.

    Args:
        network: trained in place.
        data: what it sees.
        options: how to train.
        seed: of the order and the augmentation.
        kept: called after every epoch, when its line of history is there.
    """

    def __init__(
        self,
        network: ImageNetwork,
        data: ImageData,
        options: ImageTrainingOptions,
        seed: int,
        kept: Callable[["ImageModule"], None],
    ) -> None:
        super().__init__()
        self.kept = kept
        self.network, self.data, self.options, self.seed = network, data, options, seed
        self.loss = options.criterion
        self.history: list[dict[str, float]] = []
        self._seen: dict[str, float] = {}

    def configure_optimizers(self) -> Any:
        """SGD with momentum or Adam, annealed by a cosine over all updates."""
        parameters, rate = list(self.network.parameters()), self.options.learning_rate
        decay = self.options.weight_decay
        optimiser: torch.optim.Optimizer = (
            torch.optim.SGD(parameters, lr=rate, momentum=SGD_MOMENTUM, weight_decay=decay)
            if self.options.optimiser == "sgd"
            else torch.optim.Adam(parameters, lr=rate, weight_decay=decay)
        )
        updates = math.ceil(self._batches() / self.options.accumulate) * self.options.epochs
        cosine = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, T_max=max(1, updates))
        return {"optimizer": optimiser, "lr_scheduler": {"scheduler": cosine, "interval": "step"}}

    def _batches(self) -> int:
        """Batches of one epoch of one process."""
        return len(self.train_dataloader())

    def train_dataloader(self) -> DataLoader:
        """The images of this process in the order of the epoch."""
        shared = {"rank": self.trainer.global_rank, "processes": self.trainer.world_size}
        sampler = EpochSampler(len(self.data.train), seed=self.seed, **shared)
        return self._loader(self.data.train, sampler=sampler)

    def val_dataloader(self) -> DataLoader:
        """The validation split, whole in every process."""
        return self._loader(self.data.validation)

    def test_dataloader(self) -> DataLoader:
        """The test split."""
        return self._loader(self.data.test)

    def _loader(self, images: Images, sampler: EpochSampler | None = None) -> DataLoader:
        return DataLoader(
            images,
            batch_size=self.options.batch,
            sampler=sampler,
            collate_fn=collate,
            num_workers=self.options.workers,
            drop_last=sampler is not None and len(sampler) >= self.options.batch,
        )

    def on_train_epoch_start(self) -> None:
        """Forget the sums of the epoch before."""
        self._seen = {"loss": 0.0, "right": 0.0, "images": 0.0}

    def training_step(self, batch: tuple[torch.Tensor, torch.Tensor], _index: int) -> torch.Tensor:
        """The loss of one batch."""
        images, labels = batch
        answers = self.network(images)
        loss = self.loss(answers, labels)
        value = float(loss.detach())
        if not math.isfinite(value):
            raise DeepError(
                f"training stopped in epoch {self.current_epoch + 1}: the loss is {value}. Lower learning_rate (now "
                f"{self.options.learning_rate:g}) and train anew; the checkpoint of the last epoch stays as it is"
            )
        self._seen["loss"] += value * len(labels)
        self._seen["right"] += accuracy(answers.detach(), labels) * len(labels)
        self._seen["images"] += len(labels)
        return loss

    def on_train_batch_end(self, *_: Any) -> None:
        """Neurons back into their stable regions; windows to where the parameters are."""
        self.network.settle()

    def validation_step(self, batch: tuple[torch.Tensor, torch.Tensor], _index: int) -> None:
        """The accuracy of one batch."""
        self._measure("validation", batch)

    def test_step(self, batch: tuple[torch.Tensor, torch.Tensor], _index: int) -> None:
        """The accuracy of one batch."""
        self._measure("test", batch)

    def _measure(self, split: str, batch: tuple[torch.Tensor, torch.Tensor]) -> None:
        images, labels = batch
        self.log(split, accuracy(self.network(images), labels), batch_size=len(labels), sync_dist=True)

    def on_train_epoch_end(self) -> None:
        """One line of history: the epoch, its loss and accuracy, and that of the validation split after it."""
        images = max(1.0, self._seen["images"])
        self.history.append(
            {
                "epoch": self.current_epoch + 1,
                "loss": self._seen["loss"] / images,
                "accuracy": self._seen["right"] / images,
                "validation": float(self.trainer.callback_metrics["validation"]),
            }
        )
        self.kept(self)

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """History and seed belong to the checkpoint."""
        checkpoint["history"] = self.history
        checkpoint["seed"] = self.seed

    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Go on with the history, if checkpoint and history are those of this training."""
        own, given = self.state_dict(), checkpoint.get("state_dict")
        shapes = {name: tuple(value.shape) for name, value in own.items()}
        if not isinstance(given, dict) or {n: tuple(v.shape) for n, v in given.items()} != shapes:
            odd = sorted(set(shapes) ^ set(given)) if isinstance(given, dict) else ["all of them"]
            raise DeepError(
                f"the checkpoint is damaged, or one of another network: its weights are not those of this one "
                f"({', '.join(odd[:3]) or 'their shapes differ'}); delete it to train from the beginning"
            )
        if checkpoint["seed"] != self.seed:
            raise DeepError(
                f"the checkpoint belongs to seed {checkpoint['seed']}, but seed {self.seed} was asked for; train in "
                f"another folder, or delete the checkpoint"
            )
        self.history = checkpoint["history"]
