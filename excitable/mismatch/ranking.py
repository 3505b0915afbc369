"""The ranking of a network's devices by what they do to its output, and the Monte Carlo that it is checked by."""

from collections.abc import Callable, Iterable, Mapping

import numpy as np
import torch

from circuits.mismatch.chips import DeviceMismatch
from circuits.mismatch.deviations import deviations, single_deviation
from circuits.mismatch.ranking import Ranked, ranked, spreads_of
from circuits.mismatch.rows import Number, Row
from conductance.networks import Network
from conductance.variation import Deviations, varied_network

Predict = Callable[[Network], np.ndarray]
"""The outputs (time, output) of a network on the input that counts."""


def predictor(inputs: np.ndarray, *, first: int = 0) -> Predict:
    """The output of the model itself at the end of each step, from step `first` on, for inputs (time, feature)."""

    def predict(network: Network) -> np.ndarray:
        like = next(network.parameters())
        with torch.no_grad():
            found = network(torch.as_tensor(inputs, dtype=like.dtype)[:, None])
        return (found[0] if isinstance(found, tuple) else found)[first:, 0].double().numpy()

    return predict


def ranking(network: Network, mismatch: DeviceMismatch, predict: Predict) -> tuple[Ranked, ...]:
    """All devices of a network, those that hurt its output most first."""
    spreads = spreads_of(mismatch.rows, mismatch.sized)
    return ranked(mismatch.rows, mismatch.sized, output_slopes(network, spreads, predict))


def output_slopes(
    network: Network, spreads: Mapping[Number, float], predict: Predict
) -> dict[Number, np.ndarray]:
    """What one of each number of the model does to the output, by differences over its spread to both sides."""

    def moved(number: Number, value: float) -> np.ndarray:
        return predict(varied_network(network, single_deviation(network, number, value)))

    return {
        number: (moved(number, spread) - moved(number, -spread)) / (2 * spread)
        for number, spread in spreads.items()
        if spread > 0
    }


def drawn_errors(
    network: Network, mismatch: DeviceMismatch, predict: Predict, seeds: Iterable[int],
    *, of: Callable[[Row], bool] = lambda _: True,
) -> np.ndarray:  # fmt: skip
    """(chip, time, output): by how much each chip's output is off, of which only some devices are drawn.

    Args:
        network: the design.
        mismatch: of its devices.
        predict: its output.
        seeds: of the chips.
        of: which devices are off; all where none is given.
    """
    exact, chosen = predict(network), [row for row in mismatch.rows if of(row)]

    def chip(seed: int) -> Deviations:
        return deviations(network, chosen, mismatch.draws(seed))

    return np.array([predict(varied_network(network, chip(seed))) - exact for seed in seeds])
