"""The ladder's noise line: the error of the same network with the noise of its circuit and without."""

import numpy as np
import torch
from scipy import stats

from circuits.data.scaling import Scaling
from circuits.data.values import CircuitError
from circuits.noise import layers_with_noise, noisy_network
from circuits.technologies import Technology, default_technology
from conductance.networks import Network
from conductance.tasks import Split, Task
from netlists.comparison import NoiseLine

REALISATIONS = 16
"""Of the noise: the interval of the mean is then about half of their spread to each side."""
CONFIDENCE = 0.95
SEED = 1


def noise_line(
    network: Network, split: Split, task: Task, *, technology: Technology, scaling: Scaling
) -> NoiseLine | None:
    """The error of the model on one series, without noise and in `REALISATIONS` of it, as one batch.

    None of a network whose neurons are not built of amplifiers, or have noise of their own.

    Args:
        network: the trained network.
        split: one series.
        task: gives the error.
        technology: of its transistors; the default's where it has none.
        scaling: the SI units, whose capacitance decides how much noise there is.
    """
    neurons = [layer.neuron for layer in layers_with_noise(network).values()]
    if not neurons or any(
        neuron.is_map or neuron.event or neuron.arrivals or neuron.noisy for neuron in neurons
    ):
        return None
    made_of = technology if technology.nmos is not None else default_technology("transistor")
    try:
        noisy = noisy_network(network, made_of, scaling=scaling)
    except CircuitError:  # a law that no amplifier has: the ladder's transistors say so in words
        return None
    dtype = next(network.parameters()).dtype
    with torch.no_grad():
        silent, _ = network(split.inputs.to(dtype))
        outputs, _ = noisy(split.inputs.to(dtype).repeat(1, REALISATIONS, 1), seed=SEED)
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
    )  # fmt: skip
