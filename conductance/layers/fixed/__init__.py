"""Layers without numbers to train, which move signals in time or from one place of a network to another."""

from typing import TYPE_CHECKING

from conductance.loading.lazy import lazily

if TYPE_CHECKING:
    from conductance.layers.fixed.average_pool import AveragePool as AveragePool
    from conductance.layers.fixed.base import FixedLayer as FixedLayer
    from conductance.layers.fixed.delay import Delay as Delay
    from conductance.layers.fixed.skip import Skip as Skip

__getattr__, __dir__, __all__ = lazily(__name__, __file__)
