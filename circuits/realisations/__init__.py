"""How a declared neuron is built, one module per level of detail."""

from circuits.realisations.behavioural import behavioural

__all__ = ["behavioural"]
