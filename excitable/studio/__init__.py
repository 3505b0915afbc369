"""The studio: shape a neuron by hand, see it fire, see its circuit.

The browser simulates with a step printed from the neuron's declaration; Python keeps what is slow.
"""

from conductance.errors import extra

with extra("studio"):
    import schemdraw  # noqa: F401  # the circuit's drawing

from excitable.studio.page import export
from excitable.studio.server import serve

__all__ = ["export", "serve"]
