"""Training from beginning to end, or from the last checkpoint to the end."""

import json
import logging
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from conductance.deep.data.base import ImageData
from conductance.deep.networks import ImageNetwork
from conductance.deep.neurons import DeepError
from conductance.deep.training.module import ImageModule
from conductance.deep.training.options import ImageTrainingOptions
from conductance.errors import extra
from conductance.storage import write_whole
from conductance.storage.checkpoints import (
    CheckpointError,
    damaged,
    read_checkpoint,
    threads_of,
    write_checkpoint,
)

with extra("training"):
    import lightning.pytorch as pl
    from lightning.fabric.plugins.io.checkpoint_io import CheckpointIO

KIND = "images"
CHECKPOINT = "last.safetensors"
METRICS = "metrics.jsonl"


@dataclass(frozen=True, kw_only=True)
class ImageResult:
    """What training ended with.

    Attributes:
        test: accuracy on the test split after the last epoch.
        history: one entry per epoch: epoch, loss and accuracy while training, validation accuracy after it.
    """

    test: float
    history: tuple[dict[str, float], ...]


class SafetensorsCheckpoints(CheckpointIO):
    """Lightning's checkpoints as safetensors files, written whole; nothing is unpickled."""

    def save_checkpoint(self, checkpoint: dict[str, Any], path: Any, storage_options: Any = None) -> None:
        """Write the file; it is either the old one or the new one."""
        write_checkpoint(Path(path), KIND, checkpoint)

    def load_checkpoint(
        self, path: Any, map_location: Any = None, weights_only: Any = None
    ) -> dict[str, Any]:
        """Read the file.

        Raises:
            DeepError: it is damaged or no checkpoint.
        """
        try:
            found = read_checkpoint(Path(path), KIND)
        except CheckpointError as error:
            raise DeepError(str(error)) from None
        for count in ("epoch", "global_step"):
            value = found.get(count)
            if not isinstance(value, int) or value < 0:
                raise DeepError(str(damaged(path, f"{count} = {value!r}; a training leaves 0 or more")))
        return found

    def remove_checkpoint(self, path: Any) -> None:
        """Delete the file."""
        Path(path).unlink(missing_ok=True)


def _keep(module: ImageModule, folder: Path | None) -> None:
    """After every epoch: the checkpoint and the lines of metrics."""
    if folder is None:
        return
    module.trainer.save_checkpoint(folder / CHECKPOINT)
    if module.trainer.is_global_zero:
        write_whole(folder / METRICS, "".join(json.dumps(row) + "\n" for row in module.history))


def train_images(
    network: ImageNetwork,
    data: ImageData,
    options: ImageTrainingOptions,
    *,
    seed: int = 0,
    folder: Path | None = None,
    progress: bool = False,
) -> ImageResult:
    """Train a network in place, and measure it on the test split.

    Args:
        network: from `conductance.deep.networks`.
        data: the images.
        options: how to train.
        seed: of the order of the images and their augmentation.
        folder: for the checkpoint after every epoch and `metrics.jsonl`; a checkpoint in it is where training goes on.
        progress: show Lightning's bar.

    Raises:
        DeepError: a damaged checkpoint, one of another seed, a loss that is not finite, no device of that kind.
    """
    if options.accelerator == "cuda" and not torch.cuda.is_available():
        raise DeepError("accelerator = 'cuda': torch finds no CUDA device here; use accelerator = 'cpu'")
    module = ImageModule(network, data, options, seed, kept=lambda now: _keep(now, folder))
    checkpoint = None if folder is None else folder / CHECKPOINT
    _quieten()
    trainer = _trainer(options, progress)
    with threads_of(checkpoint):
        trainer.fit(module, ckpt_path=checkpoint if checkpoint is not None and checkpoint.exists() else None)
    (measured,) = trainer.test(module, verbose=False)
    return ImageResult(test=float(measured["test"]), history=tuple(module.history))


def _trainer(options: ImageTrainingOptions, progress: bool) -> pl.Trainer:
    strategy: Any = "auto"
    if options.processes * options.machines > 1:
        backend = "gloo" if options.accelerator == "cpu" else "nccl"
        strategy = pl.strategies.DDPStrategy(process_group_backend=backend)
    return pl.Trainer(
        max_epochs=options.epochs,
        accumulate_grad_batches=options.accumulate,
        precision=options.precision,
        accelerator=options.accelerator,
        devices=options.processes,
        num_nodes=options.machines,
        strategy=strategy,
        use_distributed_sampler=False,
        plugins=[SafetensorsCheckpoints()],
        enable_checkpointing=False,
        enable_progress_bar=progress,
        enable_model_summary=False,
        logger=False,
        num_sanity_val_steps=0,
    )


def _quieten() -> None:
    """Lightning's remarks on loaders and devices are not for the user of this function."""
    logging.getLogger("lightning.pytorch").setLevel(logging.WARNING)
    warnings.filterwarnings("ignore", message=".*does not have many workers.*")
    warnings.filterwarnings("ignore", message=".*enabled checkpointing.*|.*checkpoint.*empty.*")
