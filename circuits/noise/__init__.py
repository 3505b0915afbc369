"""Noise of a circuit's devices: as the declaration's own, as a table of its parts, as sources in time."""

from circuits.noise.devices import with_device_noise
from circuits.noise.law import PartNoise, circuit_noise, part_noises
from circuits.noise.network import layers_with_noise, noisy_network, silent_network
from circuits.noise.outputs import OutputNoise, output_noise, synapse_noise

__all__ = [
    "OutputNoise",
    "PartNoise",
    "circuit_noise",
    "layers_with_noise",
    "noisy_network",
    "output_noise",
    "part_noises",
    "silent_network",
    "synapse_noise",
    "with_device_noise",
]
