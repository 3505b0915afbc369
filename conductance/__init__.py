"""What a neuron is: elements, neurons, derivation, layers, networks, tasks, training. Dimensionless.

The names here need no torch; layers, networks and training are in the packages of those names.
"""

from conductance.derivation import derive
from conductance.elements import linear, quadratic, tabulated, tanh
from conductance.neurons import Neuron, adlif, dlif, dqif, lif, low_pass, mtc, qif
from conductance.neurons.presets import PRESETS
from conductance.shaping.curves import curves, negative_slope_regions
from conductance.shaping.equilibria import equilibria
from conductance.shaping.integrate import integrate
from conductance.shaping.regimes import classify
from conductance.stimulus import Pulse, Stimulus

__all__ = [
    "PRESETS",
    "Neuron",
    "Pulse",
    "Stimulus",
    "adlif",
    "classify",
    "curves",
    "derive",
    "dlif",
    "dqif",
    "equilibria",
    "integrate",
    "lif",
    "linear",
    "low_pass",
    "mtc",
    "negative_slope_regions",
    "qif",
    "quadratic",
    "tabulated",
    "tanh",
]
