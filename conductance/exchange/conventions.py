"""What a library makes of NIR's equations on a time grid: NIR states them in continuous time."""

import itertools
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import get_args

from conductance.errors import ExcitableError
from conductance.neurons import clocked_lif
from conductance.neurons.base import Neuron
from conductance.neurons.clocked_lif import Current, Reset, When


class ExchangeError(ExcitableError):
    """A network or a file of another library has something that the other side does not know."""


@dataclass(frozen=True, kw_only=True)
class Convention:
    """How spikes are taken off, when, and which synaptic current drives the membrane, see `clocked_lif`."""

    reset: Reset
    when: When
    current: Current
    inclusive: bool = False
    jumps: bool = False
    """Whether an input is a jump of the synaptic current by w_in, as in Norse's LIFCell, and not what it relaxes to."""

    def neuron(self, *, synapse: bool, name: str = "clocked_lif", spiking: bool = True) -> Neuron:
        """The declared neuron, with a synaptic current or without."""
        made = clocked_lif(
            reset=self.reset if spiking else "none", when=self.when, inclusive=self.inclusive, name=name,
            current=self.current if synapse else "none",
        )  # fmt: skip
        return made


CONVENTIONS: Mapping[str, Convention] = MappingProxyType(
    {
        "nir": Convention(reset="value", when="at_once", current="new"),
        "snntorch": Convention(reset="subtract", when="delayed", current="new"),
        "norse": Convention(reset="value", when="at_once", current="new", jumps=True),
        "spikingjelly": Convention(reset="value", when="at_once", current="new", inclusive=True),
    }
)
"""The conventions by library; `nir` is the file's own equation by forward Euler."""


def convention_of(neuron: Neuron) -> Convention | None:
    """The convention that a declaration has; None of one that is no `clocked_lif`."""
    for reset, when, current, inclusive in itertools.product(
        get_args(Reset), get_args(When), get_args(Current), (False, True)
    ):
        made = clocked_lif(reset=reset, when=when, current=current, inclusive=inclusive, name=neuron.name)
        own, theirs = made.event, neuron.event
        if own is None or theirs is None or made.states != neuron.states:
            continue
        if own.margin == theirs.margin and own.inclusive == theirs.inclusive:
            return Convention(reset=reset, when=when, current=current, inclusive=inclusive)
    return None
