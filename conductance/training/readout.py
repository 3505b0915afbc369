"""A linear readout need not be learnt: it is solved by ridge regression on what the neurons give.

Everything behind the last projection is linear and starts at zero, so filtering and weighting commute: the filter is
applied to each neuron's output, and the weights of those are found by least squares.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from conductance.layers import NeuronLayer, Projection
from conductance.layers.fixed import FixedLayer, Skip
from conductance.networks.chain import Network
from conductance.neurons.spiking import is_linear
from conductance.tasks.decisions import Decision, evidence, labels
from conductance.tasks.splits import Split
from conductance.training.options import TrainingError

STRENGTHS = (1e-10, 1e-8, 1e-6, 1e-5, 1e-4, 1e-3, 1e-2)
"""Ridges that are tried where none is given, as shares of the features' mean square."""
SEED = 1
"""Of the noise that the neurons have while their readout is solved."""
CHUNK = 1 << 24
"""Most numbers of features at a time."""


@dataclass(frozen=True, kw_only=True)
class Solved:
    """A readout that was solved.

    Attributes:
        ridge: the strength of the penalty that was taken.
        error: mean square error on the split by which the strength was chosen.
    """

    ridge: float
    error: float


def check_grid(network: Network) -> None:
    """Raise `TrainingError` where the output has not a value for each step, as the targets of every task have."""
    if network.window > 1:
        raise TrainingError(
            f"the network gives one value for {network.window} steps, because of its AveragePool, and a task has a "
            f"target for each step; train it by a loop of your own, or give data that are averaged before"
        )


def readout_of(network: Network) -> tuple[str, Projection]:
    """The name and the projection that can be solved: the last one, with only linear layers behind it.

    Raises:
        TrainingError: there is none.
    """
    check_grid(network)
    name, found, bad = "", None, ""
    for label, layer in network.chain.items():
        if isinstance(layer, Projection):
            name, found, bad = label, layer, ""
        elif isinstance(layer, Skip) or (isinstance(layer, NeuronLayer) and not is_linear(layer.neuron)):
            bad = label
    if found is None or bad:
        why = (
            f"layer {bad} behind the last projection is not linear in it alone"
            if bad
            else "the network has no projection"
        )
        raise TrainingError(
            f"the readout cannot be solved: {why}; end the network in a Projection and a low_pass"
        )
    return name, found


@torch.no_grad()
def solve_readout(
    network: Network,
    train: Split,
    validation: Split,
    *,
    classes: bool = False,
    decision: Decision = "mean",
    ridge: float | None = None,
) -> Solved:
    """Set the weights and the bias of the last projection to the ridge solution on the train split.

    min over W, b of mean |W f + b - y|^2 + ridge m |W|^2, where f are the neurons' outputs behind the filter, y the
    targets, and m the mean square of f. The bias is not shrunk. Of classes, f and y are the evidence (of a decision by
    the largest value: every sample that counts).

    Args:
        network: changed in place.
        train: the split to solve on.
        validation: the split by which the strength is chosen.
        classes: whether the targets are classes.
        decision: how the output decides.
        ridge: the strength; None tries `STRENGTHS`.

    Raises:
        TrainingError: the network's end is not linear, or the neurons give nothing finite.
    """
    if ridge is not None and not 0 <= ridge < float("inf"):
        raise TrainingError(
            f"ridge = {ridge!r}; give a finite strength of 0 or more, or None to have it chosen"
        )
    name, projection = readout_of(network)
    gram, moment, _ = _sums(network, name, train, classes, decision)
    if not bool(torch.isfinite(gram).all()):
        raise TrainingError(
            "the readout cannot be solved: the neurons' outputs are not finite; lower recurrent weights, where there "
            "are any, or the network's dt"
        )
    own = _sums(network, name, validation, classes, decision)
    power = sum(_squares(validation, classes, decision))
    size = float(gram.diagonal()[:-1].mean()) or 1.0
    best: tuple[float, float, Tensor] | None = None
    for strength in STRENGTHS if ridge is None else (ridge,):
        penalty = torch.full((len(gram),), strength * size, dtype=gram.dtype)
        penalty[-1] = 0.0
        # lstsq: a neuron that is silent makes the matrix singular where the ridge is small
        weights = torch.linalg.lstsq(gram + penalty.diag(), moment, driver="gelsd").solution
        error = float((weights * (own[0] @ weights)).sum() - 2 * (weights * own[1]).sum() + power) / own[2]
        if best is None or error < best[1]:
            best = (strength, error, weights)
    if best is None:
        raise TrainingError("the readout cannot be solved: no ridge was given")
    projection.weight.copy_(best[2][:-1].T)
    projection.bias.copy_(best[2][-1])
    return Solved(ridge=best[0], error=best[1])


def _sums(
    network: Network, name: str, split: Split, classes: bool, decision: Decision
) -> tuple[Tensor, Tensor, int]:
    """Sums over the rows of a split: features by features, features by targets, and the number of rows."""
    width = readout_of(network)[1].inputs + 1
    group = max(1, CHUNK // (split.samples * width))
    gram = torch.zeros(width, width, dtype=torch.float64)
    moment = torch.zeros(width, split.targets.shape[2], dtype=torch.float64)
    count = 0
    for begin in range(0, split.series, group):
        part = split.select(range(begin, min(begin + group, split.series)))
        features = _features(network, name, part.inputs)
        rows = _rows(features, part.mask, classes, decision).double()
        wanted = _rows(part.targets, part.mask, classes, decision, target=True).double()
        gram += rows.T @ rows
        moment += rows.T @ wanted
        count += len(rows)
    return gram, moment, count


def _squares(split: Split, classes: bool, decision: Decision) -> Sequence[float]:
    wanted = _rows(split.targets, split.mask, classes, decision, target=True).double()
    return wanted.square().sum(0).tolist()


def _rows(values: Tensor, mask: Tensor, classes: bool, decision: Decision, *, target: bool = False) -> Tensor:
    """(row, feature): what is compared with a target: each sample that counts, or each series's evidence."""
    if not classes or decision == "max":
        return values[mask]
    if target:
        return torch.nn.functional.one_hot(labels(values, mask), values.shape[2]).to(values.dtype)
    return evidence(values, mask, decision)


def _features(network: Network, name: str, inputs: Tensor) -> Tensor:
    """(time, batch, neuron + 1): what the readout is fed with, and a 1, behind the layers that follow it."""
    behind = False
    values = inputs
    kept: dict[str, Tensor] = {}
    seeds = network.noise_seeds(SEED if network.noisy else None)
    for label, layer in network.chain.items():
        if label == name:
            values = torch.cat([values, torch.ones_like(values[..., :1])], dim=2)
            behind = True
        elif behind and isinstance(layer, NeuronLayer):
            values = _widened(label, layer, values.shape[2])(values)[0]
        elif behind and isinstance(layer, FixedLayer):
            values, _ = layer.of_width(values.shape[2])(values)
        elif isinstance(layer, Skip):
            values, _ = layer(values, earlier=kept[layer.source])
        elif label in seeds:
            values, _ = layer(values, seed=seeds[label])
        else:
            values, _ = layer(values)
        kept[label] = values
    return values


def _widened(label: str, layer: NeuronLayer, width: int) -> NeuronLayer:
    """The same linear neurons for any number of signals; all of them must be alike."""
    columns = layer.values()
    for key, column in columns.items():
        if not bool((column == column[0]).all()):
            raise TrainingError(
                f"the readout cannot be solved: {key} of layer {label} differs between its neurons"
            )
    values = {key: column[0] for key, column in columns.items()}
    wide = NeuronLayer(
        layer.neuron, width, dt=layer.dt, method=layer.rule.method, values=values, backend=layer.backend
    )
    return wide.to(next(iter(columns.values())))
