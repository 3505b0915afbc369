"""Networks as they are made: every current, voltage and capacitor a little off, drawn from one seed."""

from conductance.variation.deviations import Deviations, Mismatch, Spread, WeightSpread, draw_deviations
from conductance.variation.handles import Handles, VariationError, handles
from conductance.variation.varied import rescaled, varied_network, varied_state

__all__ = [
    "Deviations",
    "Handles",
    "Mismatch",
    "Spread",
    "VariationError",
    "WeightSpread",
    "draw_deviations",
    "handles",
    "rescaled",
    "varied_network",
    "varied_state",
]
