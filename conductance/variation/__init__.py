"""Networks as they are made: every current, voltage and capacitor a little off, drawn from one seed."""

from typing import TYPE_CHECKING

from conductance.loading.lazy import lazily
from conductance.variation.handles import Handles, VariationError, handles
from conductance.variation.mismatch import CodeSpread, Mismatch, Spread, WeightSpread

if TYPE_CHECKING:
    from conductance.variation.deviations import Deviations as Deviations
    from conductance.variation.deviations import draw_deviations as draw_deviations
    from conductance.variation.varied import rescaled as rescaled
    from conductance.variation.varied import varied_network as varied_network
    from conductance.variation.varied import varied_state as varied_state

__getattr__, __dir__, _later = lazily(__name__, __file__)
__all__ = [
    "CodeSpread",
    "Handles",
    "Mismatch",
    "Spread",
    "VariationError",
    "WeightSpread",
    "handles",
    *_later,
]
