"""What every way to build a neuron hands on: its subcircuit, and all that this needs to be placed."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from circuits.data.circuit import ModelCard, Subcircuit
from circuits.realisations.cells.synapse import AXON, Synapses
from circuits.realisations.interface import OUTPUT


@dataclass(frozen=True, kw_only=True)
class Realisation:
    """A neuron's subcircuit, the cells inside it, the cards they need, and the voltages of its supply pins (V).

    `capacitance` is what the process corner multiplies all capacitors by. A neuron whose `pins_carry_currents` has no
    state's node among them, and is placed in a circuit of one's own.
    """

    subcircuit: Subcircuit
    cells: tuple[Subcircuit, ...] = ()
    models: tuple[ModelCard, ...] = ()
    supplies: Mapping[str, float] = field(default_factory=dict)
    temperature: float = 27.0
    corner: str = "tt"
    capacitance: float = 1.0
    synapses: Synapses | None = None
    pins_carry_currents: bool = False

    @property
    def name(self) -> str:
        """Name of the neuron's subcircuit."""
        return self.subcircuit.name

    @property
    def axon(self) -> str:
        """The pin that the neuron's synapses read: the gate of its output mirror where there is one."""
        return AXON if AXON in {pin.name for pin in self.subcircuit.pins} else OUTPUT
