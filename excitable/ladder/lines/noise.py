"""The ladder's noise line: the error of the same network with the noise of its circuit and without."""

from collections.abc import Iterator

import numpy as np
import torch
from scipy import stats

from circuits.data.scaling import Scaling
from circuits.data.values import CircuitError
from circuits.noise import layers_with_noise, noisy_network
from circuits.technologies import Technology, default_technology
from conductance.networks import Network
from conductance.tasks import Split, Task
from excitable.ladder.rungs import layer_threshold
from excitable.ladder.series import WINDOW
from netlists.comparison import NoiseLine, NoisyNeuron, match_spikes, upward_crossings

REALISATIONS = 16
"""Of the noise: the interval of the mean is then about half of their spread to each side."""
CONFIDENCE = 0.95
SEED = 1


def noise_line(
    network: Network,
    split: Split,
    task: Task,
    *,
    technology: Technology,
    scaling: Scaling,
    biases: bool = False,
) -> NoiseLine | None:
    """The error of the model on one series, without noise and in `REALISATIONS` of it, as one batch.

    Neurons, their outputs and the synapses behind them have the noise of their transistors (`noisy_network`). None of a
    network whose neurons are not built of amplifiers, or have noise of their own.

    Args:
        network: the trained network.
        split: one series.
        task: gives the error.
        technology: of its transistors; the default's where it has none.
        scaling: the SI units, whose capacitance decides how much noise there is.
        biases: whether bias currents come from transistors, too.
    """
    neurons = [layer.neuron for layer in layers_with_noise(network).values()]
    if not neurons or any(
        neuron.is_map or neuron.event or neuron.arrivals or neuron.noisy for neuron in neurons
    ):
        return None
    made_of = technology if technology.nmos is not None else default_technology("transistor")
    try:
        noisy = noisy_network(network, made_of, scaling=scaling, biases=biases)
    except CircuitError:  # a law that no amplifier has: the ladder's transistors say so in words
        return None
    dtype = next(network.parameters()).dtype
    still: dict[str, torch.Tensor] = {}
    moved: dict[str, torch.Tensor] = {}
    with torch.no_grad():
        silent, _ = network(split.inputs.to(dtype), voltages=still)
        outputs, _ = noisy(split.inputs.to(dtype).repeat(1, REALISATIONS, 1), seed=SEED, voltages=moved)
    errors = [
        task.error(outputs[:, place : place + 1].to(split.targets.dtype), split)
        for place in range(REALISATIONS)
    ]
    mean = float(np.mean(errors))
    half = stats.t.ppf((1 + CONFIDENCE) / 2, REALISATIONS - 1) * np.std(errors, ddof=1) / REALISATIONS**0.5
    power = scaling.shot_power
    return NoiseLine(
        power=power, realisations=REALISATIONS, silent=task.error(silent.to(split.targets.dtype), split),
        mean=mean, lower=mean - float(half), upper=mean + float(half), largest=max(errors),
        signal_to_noise_db=_decibels(silent.double().numpy(), outputs.double().numpy()),
        neurons=tuple(_neurons(network, still, moved)),
    )  # fmt: skip


def _neurons(
    network: Network, still: dict[str, torch.Tensor], moved: dict[str, torch.Tensor]
) -> Iterator[NoisyNeuron]:
    """Every neuron's spikes under noise against its own without it; voltages are (time, realisation, neuron)."""
    for label, layer in layers_with_noise(network).items():
        alone, under = (found[label].double().numpy() for found in (still, moved))
        time = layer.dt * np.arange(1, len(alone) + 1)
        threshold = layer_threshold(layer)
        trains = upward_crossings(time, alone[:, 0], threshold=threshold)
        for index, train in enumerate(trains):
            again = upward_crossings(time, under[:, :, index], threshold=threshold)
            matches = [match_spikes(train, one, window=WINDOW) for one in again]
            errors = np.concatenate([match.time_errors for match in matches])
            yield NoisyNeuron(
                neuron=f"{label}_{index}",
                spikes=len(train),
                matched=len(errors),
                lost=sum(len(match.missing) for match in matches),
                false=sum(len(match.extra) for match in matches),
                jitter_tau_m=float(np.sqrt(np.mean(errors**2))) if len(errors) else None,
                signal_to_noise_db=_decibels(alone[:, :, [index]], under[:, :, [index]]),
            )


def _decibels(alone: np.ndarray, under: np.ndarray) -> float | None:
    """The variance over time of values (time, 1, feature), over the mean squared difference of noisy ones; in dB."""
    signal = float(alone.var(axis=0).mean())
    noise = float(((under - alone) ** 2).mean())
    return 10 * float(np.log10(signal / noise)) if signal > 0 and noise > 0 else None
