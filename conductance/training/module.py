"""The training step and the evaluation as Lightning sees them."""

import math
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict
from types import MappingProxyType
from typing import Any

import numpy as np
import torch
from torch import Tensor

from conductance.derivation.threefry import LARGEST_SEED
from conductance.errors import ExcitableError, extra
from conductance.layers import NeuronLayer
from conductance.layers.feasible import make_feasible
from conductance.layers.neurons.reach import Outside, outside
from conductance.layers.weights.recurrence import spectral_radius_of
from conductance.networks.chain import Network
from conductance.storage.checkpoints import CHECKPOINT, CheckpointError, put
from conductance.storage.networks import check_network
from conductance.tasks.base import Task, TaskData
from conductance.tasks.splits import Split
from conductance.training.activity import (
    above_threshold,
    activity,
    layer_outputs,
    layers_under_laws,
    spiking_layers,
)
from conductance.training.batches import draw_batch
from conductance.training.checkpoints import Best, Checkpoint
from conductance.training.losses import Loss, loss_of, penalty
from conductance.training.metrics import Record, SplitName
from conductance.training.options import TrainingError, TrainingOptions
from conductance.training.readout import readout_of, solve_readout
from conductance.variation import draw_deviations, varied_state

with extra("training"):
    import lightning.pytorch as pl

NOISE = 0x6E6F6973
"""Distinguishes the seeds of noise from other random numbers drawn from the same seed."""


def noise_seed(seed: int, step: int) -> int:
    """The seed of the noise that a step of a run sees: a resumed run sees the same."""
    return int(np.random.default_rng([seed, NOISE, step]).integers(LARGEST_SEED + 1))


Evaluated = Callable[["SeriesModule"], None]


FINITE = "every layer's output is finite, but the loss of it is not"


class SeriesModule(pl.LightningModule):
    """A network on a task. A Lightning epoch is the steps between two evaluations.

    Args:
        network: trained in place.
        task: gives the error.
        data: gives the series.
        options: how to train.
        seed: of the run.
        begin: the checkpoint to go on from; None begins anew.
        report: called with every record.
        evaluated: called after every evaluation, when the state is worth keeping.
        loss: of your own; that of the options where none is given.
    """

    def __init__(
        self,
        network: Network,
        task: Task,
        data: TaskData,
        *,
        options: TrainingOptions,
        seed: int,
        begin: Checkpoint | None,
        report: Callable[[Record], None],
        evaluated: Evaluated,
        loss: Loss | None = None,
    ) -> None:
        super().__init__()
        self.network, self.task, self.data = network, task, data
        self.options, self.seed, self.begin = options, seed, begin
        self.report, self.evaluated = report, evaluated
        self.done = 0 if begin is None else begin.step
        self.best: Best | None = None if begin is None else begin.best
        self.spiking, self.under_laws = spiking_layers(network), layers_under_laws(network)
        self.loss = loss_of(options, data) if loss is None else loss
        self._splits: dict[str, Split] = {}
        self._measured: dict[str, Any] = {}
        self._left: list[Outside] = []
        self._started = 0.0

    def configure_optimizers(self) -> Any:
        """Adam and cosine annealing, in the state of the checkpoint."""
        adam = torch.optim.Adam(trained_parameters(self.network, self.options), lr=self.options.learning_rate)
        cosine = torch.optim.lr_scheduler.CosineAnnealingLR(
            adam, T_max=self.options.steps, eta_min=self.options.final_learning_rate
        )
        if self.begin is not None:
            try:
                put(CHECKPOINT, adam, self.begin.optimiser)
                put(CHECKPOINT, cosine, self.begin.schedule)
            except CheckpointError as error:
                raise TrainingError(str(error)) from None
            if self.begin.options.steps != self.options.steps:
                self._lengthen(adam, cosine)
        self.adam, self.cosine = adam, cosine
        return {"optimizer": adam, "lr_scheduler": {"scheduler": cosine, "interval": "step"}}

    def _lengthen(
        self, adam: torch.optim.Optimizer, cosine: torch.optim.lr_scheduler.CosineAnnealingLR
    ) -> None:
        """Take the learning rate from the annealing over more steps than the checkpoint's training had."""
        first, last = self.options.learning_rate, self.options.final_learning_rate
        rate = last + (first - last) * (1 + math.cos(math.pi * self.done / self.options.steps)) / 2
        cosine.T_max, cosine._last_lr = self.options.steps, [rate]
        for group in adam.param_groups:
            group["lr"] = rate

    def train_dataloader(self) -> range:
        """The steps of one epoch; which series a step sees follows from its number."""
        return range(min(self.options.evaluate_every, self.options.steps - self.done))

    def val_dataloader(self) -> range:
        """One evaluation of the whole validation split."""
        return range(1)

    def on_train_start(self) -> None:
        """Evaluate the untrained network once, as the first point of every curve."""
        if self.begin is None:
            if self.options.readout in ("start", "both", "alternating"):
                self.solve()
            self._evaluate()

    def training_step(self, _batch: int, _index: int) -> Tensor:
        """The loss of one batch."""
        self._started = time.perf_counter()
        if (
            self.options.readout == "alternating"
            and self.done
            and self.done % self.options.readout_every == 0
        ):
            self.solve()
        split = draw_batch(self.split("train"), seed=self.seed, step=self.done, size=self.options.batch)
        chip = self._chip()
        loss, self._measured = self._measure(split, chip, noise=self.done)
        if not bool(torch.isfinite(loss)):
            fault = self._first_fault(split)
            if chip and fault == FINITE:
                raise TrainingError(self._mismatched(float(loss.detach())))
            raise TrainingError(self._stopped(f"the loss is {float(loss.detach())}: {fault}"))
        return loss

    def on_before_optimizer_step(self, _optimizer: torch.optim.Optimizer) -> None:
        """The norm of the gradient, before it is clipped."""
        gradients = {name: p.grad for name, p in self.network.named_parameters() if p.grad is not None}
        norm = torch.linalg.vector_norm(
            torch.stack([torch.linalg.vector_norm(g) for g in gradients.values()])
        )
        if not bool(torch.isfinite(norm)):
            bad = [name for name, gradient in gradients.items() if not bool(torch.isfinite(gradient).all())]
            names = ", ".join(parameter_name(name) for name in bad) or "all parameters together"
            raise TrainingError(self._stopped(f"the gradient is not finite: {names}"))
        self._measured["gradient_norm"] = float(norm)
        self._measured["learning_rate"] = self.adam.param_groups[0]["lr"]

    def on_train_batch_end(self, *_: Any) -> None:
        """Bring the parameters back into their bounds, and report what the step measured."""
        project(self.network)
        self.done += 1
        self.report(self._record("train"))

    def validation_step(self, _batch: int, _index: int) -> None:
        """Measure the validation split, and keep the weights if they are the best so far."""
        self._evaluate()
        for name in ("loss", "error"):  # for callbacks that watch one
            self.log(f"{name}/validation", self._measured[name], logger=False, batch_size=1)

    def on_validation_end(self) -> None:
        """Hand over the state, now that no update is pending, and end where nothing gets better any more."""
        self.evaluated(self)
        if self.exhausted:
            self.trainer.should_stop = True

    @property
    def exhausted(self) -> bool:
        """Whether as many evaluations as the options' patience have not lowered the validation error."""
        patience = self.options.patience
        if patience is None or self.best is None:
            return False
        return self.done - self.best.step >= patience * self.options.evaluate_every

    def solve(self) -> None:
        """Solve the readout on the train split, see `solve_readout`."""
        solve_readout(
            self.network, self.split("train"), self.split("validation"), classes=bool(self.data.classes),
            decision=self.data.decision, ridge=self.options.ridge,
        )  # fmt: skip

    def _evaluate(self) -> None:
        try:
            check_network(self.network, owner="the network")
        except ExcitableError as error:
            reason = f"{error}; or leave the parameter out of what is trained"
            raise TrainingError(self._stopped(reason, self.done)) from None
        record = self.measure("validation")
        self.report(record)
        self.keep(record)

    def keep(self, record: Record) -> None:
        """Keep the weights that a record was measured with if they are the best so far."""
        if self.best is None or record.error < self.best.error:
            self.best = Best(step=self.done, error=record.error, weights=self.weights())

    def measure(self, name: SplitName) -> Record:
        """Measure the network on a whole split."""
        self._started = time.perf_counter()
        split = self.split(name)
        with torch.no_grad():
            loss, self._measured = self._measure(split)
            if not bool(torch.isfinite(loss)):
                reason = f"the {name} loss is {float(loss)}: {self._first_fault(split)}"
                raise TrainingError(self._stopped(reason, self.done))
        if left := next((found for found in self._left if found.refused), None):
            raise TrainingError(
                f"after step {self.done} of {self.options.steps}, on the {name} split, {left}: lower the weights or "
                f"biases that drive the layer, or learning_rate (now {self.options.learning_rate:g}), and train anew"
            )
        return self._record(name)

    def weights(self) -> dict[str, Tensor]:
        """A copy of the network's numbers."""
        return {name: tensor.detach().clone() for name, tensor in self.network.state_dict().items()}

    def split(self, name: str) -> Split:
        """A split on the device of the network, which Lightning moves before and after training."""
        device = next(self.network.parameters()).device
        if name not in self._splits or self._splits[name].inputs.device != device:
            raw = self.data.splits[name]
            self._splits[name] = Split(
                inputs=raw.inputs.to(device), targets=raw.targets.to(device), mask=raw.mask.to(device)
            )
        return self._splits[name]

    def _chip(self) -> Mapping[str, Tensor]:
        """The numbers of the chip that this step sees; none where all chips are alike."""
        mismatch = self.options.mismatch
        if not mismatch:
            return {}
        drawn = draw_deviations(self.network, mismatch, seed=self.seed, stream=(self.done,))
        return varied_state(self.network, drawn)

    def _measure(
        self, split: Split, chip: Mapping[str, Tensor] = MappingProxyType({}), noise: int = 0
    ) -> tuple[Tensor, dict[str, Any]]:
        """The loss, and what else one forward pass shows.

        `chip` replaces some of the network's numbers, and `noise` names the realisation that a noisy network sees: its
        own in every step, and in every evaluation the same.
        """
        given: dict[str, Any] = {"seed": noise_seed(self.seed, noise)} if self.network.noisy else {}
        voltages: dict[str, Tensor] = {}
        if self.under_laws:
            given["voltages"] = voltages
        with layer_outputs(self.network) as outputs:
            prediction, _ = torch.func.functional_call(self.network, dict(chip), (split.inputs,), given)
        loss = _number(self.loss(prediction, split))
        if not bool(torch.isfinite(loss)):
            return loss, {}
        cost = penalty(self.options, self.spiking, outputs, split.mask)
        loss = loss if cost is None else loss + cost
        numbers = self._activity(outputs, voltages, split.mask)
        return loss, {"loss": float(loss.detach()), "error": self.task.error(prediction, split), **numbers}

    def _activity(
        self, outputs: Mapping[str, Tensor], voltages: Mapping[str, Tensor], mask: Tensor
    ) -> dict[str, Any]:
        """What the neurons did, and how far they left the tables of their laws."""
        above = {
            name: above_threshold(layer, voltages[name].detach()) for name, layer in self.under_laws.items()
        }
        active = activity(self.spiking, {**outputs, **above}, mask)
        self._left = [
            found
            for name, layer in self.under_laws.items()
            if (found := outside(name, layer, voltages[name].detach())) is not None
        ]
        counted = (
            dict.fromkeys(("spikes", "duty_cycle", "silent_neurons")) if active is None else asdict(active)
        )
        return {**counted, "outside": max((found.share for found in self._left), default=None)}

    def _record(self, split: SplitName) -> Record:
        return Record(
            step=self.done, split=split, seconds=time.perf_counter() - self._started, **self._measured
        )

    def _first_fault(self, split: Split) -> str:
        """Where a forward pass stops being finite: the first layer, and in it the first time step."""
        with torch.no_grad(), layer_outputs(self.network) as outputs:
            self.network(split.inputs)
        for name, output in outputs.items():
            bad = (~torch.isfinite(output)).nonzero()
            if len(bad):
                time_step, series, neuron = bad[0].tolist()
                return (
                    f"layer {name} is the first whose output is not finite, at time step {time_step} of "
                    f"{len(output)}, series {series} of the batch, neuron {neuron}{self._fed_back(name)}"
                )
        return FINITE

    def _fed_back(self, name: str) -> str:
        """That a layer feeds back to itself, and how much; empty where it does not."""
        layer = self.network.chain[name]
        if not isinstance(layer, NeuronLayer) or layer.recurrent is None:
            return ""
        radius = spectral_radius_of(layer.recurrent.weights())
        return (
            f"; its recurrent weights, of spectral radius {radius:.3g}, feed {layer.recurrent.source} back to it: "
            f"lower them first"
        )

    def _mismatched(self, loss: float) -> str:
        """The network is sound, and the chip that was drawn of it is not."""
        sizes = ", ".join(
            f"mismatch_{name} = {getattr(self.options, f'mismatch_{name}'):g}"
            for name in ("current", "offset", "capacitor")
            if getattr(self.options, f"mismatch_{name}") > 0
        )
        return (
            f"training stopped in step {self.done + 1} of {self.options.steps}: the loss is {loss} on the virtual "
            f"chip that was drawn for this step, and finite without mismatch. Chips of {sizes} can have parameters "
            f"with which no neuron works; lower it"
        )

    def _stopped(self, reason: str, step: int | None = None) -> str:
        if self.best is None:
            return (
                f"training cannot start, the untrained network already fails in step 0 of {self.options.steps}: "
                f"{reason}. Look first at the network's "
                f"dt, which may be too long for its neurons, then at their initial values and at the data"
            )
        return (
            f"training stopped in step {self.done + 1 if step is None else step} of {self.options.steps}: {reason}. "
            f"Lower learning_rate (now {self.options.learning_rate:g}), set or lower gradient_clip "
            f"(now {self.options.gradient_clip}), or lower the network's dt, and train anew. "
            f"The checkpoint of the last evaluation stays as it is"
        )


def _number(loss: object) -> Tensor:
    """What a loss gave, where it is a number that can be differentiated.

    Raises:
        TrainingError: it is something else.
    """
    if not isinstance(loss, Tensor) or loss.numel() != 1 or not loss.is_floating_point():
        shown = (
            f"a tensor of shape {tuple(loss.shape)}"
            if isinstance(loss, Tensor)
            else f"a {type(loss).__name__}"
        )
        raise TrainingError(f"the loss gave {shown}; it must give one number as a tensor, as .mean() does")
    if torch.is_grad_enabled() and not loss.requires_grad:
        raise TrainingError(
            "the loss does not depend on the prediction, as far as torch can tell; compute it by torch, without detach"
        )
    return loss.reshape(())


def trained_parameters(network: Network, options: TrainingOptions) -> list[torch.nn.Parameter]:
    """What the optimiser changes: all parameters, those of the readout alone, or all but those of a solved readout.

    Raises:
        TrainingError: the readout cannot be told from the rest.
    """
    if options.trained == "all" and options.readout != "alternating":
        return list(network.parameters())
    _, readout = readout_of(network)
    own = set(readout.parameters())
    if options.trained == "readout":
        return list(own)
    return [parameter for parameter in network.parameters() if parameter not in own]


def project(network: Network) -> None:
    """Move free numbers of neurons that left their bounds or relations to the nearest ones that keep them."""
    for layer in network.chain.values():
        if isinstance(layer, NeuronLayer):
            make_feasible(layer)


def parameter_name(key: str) -> str:
    """A parameter as its user knows it: `layers.hidden.raw_tau_s` is `tau_s of layer hidden`."""
    _, layer, name = key.split(".", 2)
    return f"{name.removeprefix('raw_')} of layer {layer}"
