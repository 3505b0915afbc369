"""One neuron of a trained network changed: what its layer and the network's readout make of it on held-out data."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import cached_property
from typing import Any

import numpy as np
import torch

from conductance.layers import NeuronLayer
from conductance.layers.transforms import unconstrained
from conductance.networks import Network
from conductance.tasks import Split
from excitable.ladder.series import held_out
from excitable.runs.series import SeriesRun
from excitable.studio.questions import QuestionError, number

STEPS = 2000
"""Of the held-out series, at most."""
SHOWN = 600


class Perturbation:
    """A run's network on its held-out series, as trained and with one neuron changed; the run stays as it is.

    Layers before the changed one are computed once, those after it for every change.
    """

    def __init__(self, run: SeriesRun) -> None:
        self.run = run

    def answer(self, body: Any) -> dict[str, Any]:
        """The neuron's output and the readout, as trained and changed, with the errors of both.

        Args:
            body: of the page: `layer`, `index`, `values` by parameter, and `bias`, what is added to the neuron's input
                in place of `trained_bias`.

        Raises:
            QuestionError: no such layer or neuron, or no number. ParameterError: values that are not allowed.
        """
        name, layer, index = self._place(body)
        given = body.get("values")
        if not isinstance(given, Mapping):
            raise QuestionError("the page's question has no values")
        values = {p.name: number(given.get(p.name), p.name) for p in layer.neuron.parameters}
        layer.neuron.check_values(values, owner=f"layer {name}, neuron {index}")
        shift = number(body.get("bias"), "bias") - number(body.get("trained_bias"), "trained_bias")
        inputs = self._inputs(name).clone()
        inputs[:, :, index] += shift
        with _changed(layer, index, values):
            outputs = self._from(name, inputs)
        before, after = self._trained[self._last], outputs[self._last]
        return {
            "time": _thinned(self._dt * np.arange(1, len(before) + 1)),
            "neuron": [_thinned(each[name][:, 0, index]) for each in (self._trained, outputs)],
            "readout": [
                [_thinned(each[:, 0, feature]) for feature in range(each.shape[2])]
                for each in (before, after)
            ],
            "words": self._words(name, index, before, after),
        }

    def _words(self, name: str, index: int, before: torch.Tensor, after: torch.Tensor) -> str:
        moved = float((after - before).double().square().mean().sqrt())
        errors = [self.run.task.error(each, self._split) for each in (before, after)]
        return (
            f"Neuron {index} of layer {name} on {len(before)} held-out steps: the readout moves by {moved:.3g} rms; "
            f"the task's error goes from {errors[0]:.4g} to {errors[1]:.4g}."
        )

    def _place(self, body: Any) -> tuple[str, NeuronLayer, int]:
        name = str(body.get("layer", ""))[:100] if isinstance(body, Mapping) else ""
        layer = dict(self._scratch.chain).get(name)
        if not isinstance(layer, NeuronLayer):
            raise QuestionError(f"layer {name!r} is no layer of neurons of this network")
        index = body.get("index")
        if isinstance(index, bool) or not isinstance(index, int) or not 0 <= index < layer.size:
            raise QuestionError(
                f"neuron {str(index)[:20]} is not in layer {name}; allowed are 0 to {layer.size - 1}"
            )
        return name, layer, index

    @cached_property
    def _scratch(self) -> Network:
        """A copy whose neurons are changed and put right again."""
        return self.run.network()

    @cached_property
    def _split(self) -> Split:
        return held_out(self.run.data.held_out, STEPS)

    @cached_property
    def _trained(self) -> dict[str, torch.Tensor]:
        """Every layer's output (time, 1, feature) as trained."""
        return self._from(next(iter(self._scratch.chain)), self._split.inputs)

    @property
    def _last(self) -> str:
        return list(self._scratch.chain)[-1]

    @property
    def _dt(self) -> float:
        return self.run.configuration.network.dt

    def _from(self, first: str, values: torch.Tensor) -> dict[str, torch.Tensor]:
        """Outputs of that layer and those after it."""
        names = list(self._scratch.chain)
        found = {}
        with torch.no_grad():
            for name in names[names.index(first) :]:
                values, _ = self._scratch.chain[name](values)
                found[name] = values
        return found

    def _inputs(self, name: str) -> torch.Tensor:
        """What the layer receives in the trained network."""
        place = list(self._scratch.chain).index(name)
        return list(self._trained.values())[place - 1] if place else self._split.inputs


@contextmanager
def _changed(layer: NeuronLayer, index: int, values: Mapping[str, float]) -> Iterator[None]:
    """One neuron of the layer at other values, until the end of the block."""
    raw = {p.name: getattr(layer, f"raw_{p.name}").data for p in layer.neuron.parameters}
    kept = {name: float(column[index]) for name, column in raw.items()}
    try:
        for parameter in layer.neuron.parameters:
            column = raw[parameter.name]
            column[index] = unconstrained(column.new_tensor(values[parameter.name]), parameter)
        yield
    finally:
        for name, column in raw.items():
            column[index] = kept[name]


def _thinned(values: Any) -> list[float]:
    """Few enough samples for a page."""
    column = np.asarray(values, dtype=float)
    return np.round(column[:: max(1, len(column) // SHOWN)], 4).tolist()
