"""Reservoirs that are fed with a series and then with their own predictions; only the readout is solved."""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Protocol

import torch
from torch import Tensor

from conductance.layers.weights.recurrence import spectral_radius_of
from conductance.networks import Spread
from studies.mackey_glass_reservoir.models import MTC as GRADED
from studies.mackey_glass_reservoir.models import mtc_reservoir
from studies.neurobench_mackey_glass.series import TRAIN, WARM_UP

MTC, ESN = "mtc", "esn"
MIDDLE, WIDTH = 0.92, 0.23
"""By which the series is centred and scaled before it enters: about its own mean and deviation."""
BOUND = 3.0
"""Of a prediction that is fed back, in those deviations, so that a run that escapes stays a number."""
GRIDS: Mapping[str, Mapping[str, tuple[float, ...]]] = MappingProxyType(
    {
        MTC: {
            "spectral radius": (0.1, 0.3, 0.6, 1.0), "input gain": (1.0, 2.5, 5.0, 10.0), "slow gain": (1.5, 3.0, 5.0),
            "steps": (4.0, 8.0, 16.0), "ridge": (1e-12, 1e-10, 1e-8, 1e-6),
        },
        ESN: {
            "spectral radius": (0.6, 0.9, 1.1, 1.3), "input gain": (0.25, 0.5, 1.0, 2.0), "leak": (0.2, 0.4, 0.7, 1.0),
            "ridge": (1e-12, 1e-10, 1e-8, 1e-6),
        },
    }
)  # fmt: skip
"""From which the search draws settings. Steps are the model's per point of the series, in which the input is held."""


class Reservoir(Protocol):
    """States after one point of the series."""

    def advance(self, value: Tensor) -> Tensor:
        """States (start, unit) after a point (start,), centred and scaled; the reservoir keeps them."""


class Graded:
    """MTC neurons of the study `mackey-glass-reservoir`, read at their slow voltages."""

    def __init__(self, setting: Mapping[str, float], *, units: int, seed: int) -> None:
        network = mtc_reservoir(GRADED, setting, neurons=units, seed=seed).double()
        self.encoder, self.layer = network.chain["encoder"], network.chain["hidden"]
        self.steps, self.state = round(setting["steps"]), tuple[Tensor, ...]()

    def advance(self, value: Tensor) -> Tensor:
        """The slow voltages after `steps` steps with the input held."""
        current = self.encoder(value[None, :, None])[0].expand(self.steps, -1, -1).contiguous()
        outputs, self.state = self.layer(current, self.state)
        return outputs[-1]


class Echo:
    """x' = (1 - leak) x + leak tanh(W x + w u + b), from x = 0."""

    def __init__(self, setting: Mapping[str, float], *, units: int, seed: int) -> None:
        generator = torch.Generator().manual_seed(seed)
        weights = torch.randn(units, units, generator=generator).double()
        self.weights = weights * (setting["spectral radius"] / spectral_radius_of(weights))
        gain = setting["input gain"]
        self.drive = Spread(lower=-gain, upper=gain).draw(units, generator).double()
        self.bias = Spread(lower=-1.0, upper=1.0).draw(units, generator).double()
        self.leak, self.state = setting["leak"], torch.zeros(1, units, dtype=torch.float64)

    def advance(self, value: Tensor) -> Tensor:
        """The next states."""
        target = torch.tanh(self.state @ self.weights.T + value[:, None] * self.drive + self.bias)
        self.state = torch.lerp(self.state.expand_as(target), target, self.leak)
        return self.state


MODELS: Mapping[str, type[Graded | Echo]] = MappingProxyType({MTC: Graded, ESN: Echo})


@dataclass(frozen=True, kw_only=True)
class Forecast:
    """What a reservoir says.

    Attributes:
        alone: (test point, start), in the unit of the series, each fed back as the next input.
        fitted: mean square error of one step on what trained, over the series' variance.
    """

    alone: Tensor
    fitted: float


@torch.no_grad()
def forecast(
    kind: str, setting: Mapping[str, float], values: Tensor, *, units: int, seed: int, points: int
) -> Forecast:
    """Feed the first `TRAIN` points, solve a readout for each start, and go on alone from the point behind them.

    That point, the last target of the training, is the first input; everything behind it is predicted. The readout has
    the states, the input itself and a constant, units + 2 numbers, and gives the next point.

    Args:
        kind: of the reservoir.
        setting: by the axes of its grid.
        values: (point, start), of the series.
        units: of the reservoir.
        seed: of its weights.
        points: how many are predicted.
    """
    reservoir: Reservoir = MODELS[kind](setting, units=units, seed=seed)
    scaled = (values - MIDDLE) / WIDTH
    features = torch.stack([_features(reservoir, value) for value in scaled[:TRAIN]])
    rows, wanted = features[WARM_UP:].transpose(0, 1), scaled[WARM_UP + 1 : TRAIN + 1].T[:, :, None]
    gram = rows.transpose(1, 2) @ rows
    size = gram.diagonal(dim1=1, dim2=2).mean(1)[:, None, None]
    eye = torch.eye(gram.shape[1], dtype=gram.dtype)
    readout = torch.linalg.lstsq(
        gram + setting["ridge"] * size * eye, rows.transpose(1, 2) @ wanted, driver="gelsd"
    )
    weights = readout.solution
    fitted = float(((rows @ weights - wanted) ** 2).mean() / wanted.var())
    value, alone = scaled[TRAIN], []
    for _ in range(points):
        value = (_features(reservoir, value.clamp(-BOUND, BOUND))[:, None, :] @ weights)[:, 0, 0]
        alone.append(value)
    return Forecast(alone=torch.stack(alone) * WIDTH + MIDDLE, fitted=fitted)


def _features(reservoir: Reservoir, value: Tensor) -> Tensor:
    return torch.cat([reservoir.advance(value), value[:, None], torch.ones_like(value)[:, None]], dim=1)
