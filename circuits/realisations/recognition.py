"""A declared neuron as its parts: each current and the output recognised once, and asked from then on."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property, lru_cache

import numpy as np
import sympy

from circuits.data.scaling import Scaling
from circuits.realisations.forms import Current, drawn, named_currents
from circuits.realisations.parts import CURRENTS, IDEAL_OUTPUTS, OUTPUTS
from circuits.realisations.parts.base import Output, OutputRecogniser, Part, Recogniser
from conductance.neurons.base import Neuron


@dataclass(frozen=True, kw_only=True)
class Recognised:
    """A neuron as it is drawn, and its parts in the order of its currents."""

    neuron: Neuron
    parts: tuple[Part, ...]

    @cached_property
    def output(self) -> Output:
        """The output of amplifiers; `CircuitError` for an event that has no circuit."""
        return _output(self.neuron, OUTPUTS)

    @cached_property
    def ideal_output(self) -> Output:
        """The output as a source that states it."""
        return _output(self.neuron, IDEAL_OUTPUTS)

    @property
    def width_parameters(self) -> tuple[str, ...]:
        """Parameters that decide how many pairs are built: they cannot differ between instances of one subcircuit."""
        return tuple(sorted(set().union(*(part.width_parameters for part in self.parts))))

    def bias_currents(self, scaling: Scaling, values: Mapping[str, np.ndarray] | None = None) -> np.ndarray:
        """The bias currents in A that a layer's parts ask for, smallest first; I0 of the output among them.

        Those of slow filters are not: their amplifiers are made for themselves.

        Args:
            scaling: the SI units.
            values: (neuron,) for each parameter of a layer; the neuron's defaults count where there is none.
        """
        slopes = [part.slope for part in self.parts if part.slope != 0 and not part.is_filter]
        return scaling.current_unit * np.unique(np.concatenate([[1.0], self._read(slopes, values)]))

    def filter_current(
        self, scaling: Scaling, values: Mapping[str, np.ndarray] | None = None
    ) -> float | None:
        """The largest bias current in A of the slow filters; None where they are ideal, or where there are none."""
        slopes = [part.slope for part in self.parts if part.is_filter]
        return scaling.current_unit * float(self._read(slopes, values).max()) if slopes else None

    def _read(self, slopes: list[sympy.Expr], values: Mapping[str, np.ndarray] | None) -> np.ndarray:
        """All values of expressions of the neuron's parameters in one row."""
        neuron = self.neuron
        names = [parameter.name for parameter in neuron.parameters]
        columns = [np.asarray((values or {}).get(name, neuron.defaults[name]), float) for name in names]
        read = sympy.lambdify([parameter.symbol for parameter in neuron.parameters], slopes, "numpy")
        return np.concatenate([np.empty(0), *(np.ravel(slope) for slope in read(*columns))])


# a network asks for the same neuron again for every layer, level and chip
@lru_cache(maxsize=256)
def recognised(neuron: Neuron, asked: tuple[Recogniser, ...] = CURRENTS) -> Recognised:
    """The parts of a neuron at the levels of amplifiers; of those `asked`, in order, the last takes every current."""
    shown = drawn(neuron)
    return Recognised(neuron=shown, parts=tuple(_part(current, asked) for current in named_currents(shown)))


def _part(current: Current, asked: tuple[Recogniser, ...]) -> Part:
    """The first part that takes the current."""
    return next(part for recognise in asked if (part := recognise(current)) is not None)


def _output(neuron: Neuron, asked: tuple[OutputRecogniser, ...]) -> Output:
    return next(made for recognise in asked if (made := recognise(neuron)) is not None)
