"""Noise of a circuit's devices: as the declaration's own, as a table of its parts, as sources in time."""

from circuits.noise.devices import with_device_noise
from circuits.noise.law import PartNoise, circuit_noise, part_noises

__all__ = ["PartNoise", "circuit_noise", "part_noises", "with_device_noise"]
