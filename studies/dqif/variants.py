"""What the study of DQIF trains: the twins, and DQIF with one thing changed."""

from collections.abc import Mapping
from types import MappingProxyType

from conductance.deep.neurons import NeuronOptions
from conductance.neurons import dlif

WIDTHS = (0.1, 0.25, 0.5, 1.0)
"""Half widths of fixed windows, in V0."""
MAPS = ("a", "u1", "u2")

VARIANTS: Mapping[str, NeuronOptions] = MappingProxyType(
    {
        "dqif": NeuronOptions(),
        "dlif": NeuronOptions(neuron=dlif(), window="fixed"),
        "after_reset": NeuronOptions(closure="after_reset"),
        "measured": NeuronOptions(window="measured"),
        **{f"fixed_{width:g}": NeuronOptions(window="fixed", half_width=width) for width in WIDTHS},
        "trained_channel": NeuronOptions(trainable=MAPS, sharing="channel"),
        "no_tdbn_measured": NeuronOptions(norm="none", window="measured"),
        "no_tdbn_fixed_0.5": NeuronOptions(norm="none", window="fixed"),
    }
)
"""The trainings by name; `dqif` has the analytic window in its stationary closure, `dlif` a fixed one of 0.5."""
