"""What a part is: one declared current, recognised once, that knows all a circuit and its designer ask of it."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import TypeAlias

import sympy

from circuits.data.circuit import GROUND, BehaviouralVoltage, Device, Pin
from circuits.data.scaling import Scaling
from circuits.realisations.cells.noise import Generator
from circuits.realisations.forms import Current, Terminal
from circuits.realisations.interface import V0
from circuits.realisations.kit import Kit
from circuits.realisations.realisation import Realisation
from circuits.technologies import Technology
from conductance.neurons.base import Neuron


@dataclass(kw_only=True)
class References:
    """The reference voltages of one subcircuit: one node for each different value."""

    devices: list[Device] = field(default_factory=list)
    nodes: dict[sympy.Expr, str] = field(default_factory=dict)

    def node(self, voltage: sympy.Expr, note: str) -> str:
        """The node that holds `voltage` (V, an expression of parameters); zero is ground."""
        value = sympy.sympify(voltage)
        if value == 0:
            return GROUND
        if value not in self.nodes:
            name = f"ref{len(self.nodes)}"
            self.nodes[value] = name
            self.devices.append(
                BehaviouralVoltage(name=f"b_{name}", positive=name, negative=GROUND, voltage=value, note=note)
            )
        return self.nodes[value]


@dataclass(frozen=True, kw_only=True)
class Site:
    """Where a part is built.

    Attributes:
        kit: the cells.
        nodes: of the states, by symbol.
        numbers: the circuit's symbols for the neuron's parameters.
        capacitances: of each state's capacitor in F, by its name.
        lags: of each state that settles off its goal, in V.
        references: which it adds to.
    """

    kit: Kit
    nodes: Mapping[sympy.Symbol, str]
    numbers: Mapping[sympy.Symbol, sympy.Expr]
    capacitances: Mapping[str, sympy.Expr]
    lags: Mapping[sympy.Symbol, float] = field(default_factory=dict)
    references: References = field(default_factory=References)

    def terminal(self, terminal: Terminal, lag: float = 0.0) -> str | sympy.Expr:
        """A state's node, or a reference in V, lowered by `lag` (V)."""
        if terminal in self.nodes:
            return self.nodes[terminal]
        return V0 * terminal.xreplace(self.numbers) - (lag or sympy.S.Zero)

    def lag(self, terminal: Terminal) -> float:
        """By how much a terminal's state settles off, in V."""
        return self.lags.get(terminal, 0.0)


@dataclass(frozen=True, kw_only=True)
class Pair:
    """One differential pair of a part: centred at `reference` (V0), with `weight` times the part's slope as bias."""

    reference: float
    weight: float


def _none(site: Site) -> None:
    """It draws its state to nothing."""


@dataclass(frozen=True, kw_only=True)
class Part:
    """A current and how it is built.

    Attributes:
        current: what was declared.
        build: makes its devices at a site; `CircuitError` where the law has none.
        slope: bias current of a pair of weight one, in I0; zero where it stays ideal.
        pairs: makes the differential pairs that it consists of, each with a mismatch of its own.
        width_parameters: parameters that decide how many pairs there are: the same for all neurons of a layer.
        keeps_volts: whether its law is fixed in volts by resistors or references, where that of a pair goes with
            temperature.
        lag: by how much its state settles below what it follows, in V, where no reference can put that right.
        timescale: time constant in s with which it draws its state to what it follows; None where it does not.
        generators: of noise, in the amplifier of each of its pairs; none where it stays ideal.
        is_filter: whether it is a slow filter, whose amplifier has a bias current of its own.
    """

    current: Current
    build: Callable[[Site], Iterator[Device]]
    slope: sympy.Expr = sympy.S.Zero
    pairs: Callable[[], tuple[Pair, ...]] = tuple
    width_parameters: frozenset[str] = frozenset()
    keeps_volts: bool = False
    lag: Callable[[Kit], float] = lambda _: 0.0
    timescale: Callable[[Site], sympy.Expr | None] = _none
    generators: Mapping[str, Generator] = field(default_factory=dict)
    is_filter: bool = False

    def devices(self, site: Site) -> Iterator[Device]:
        """Its devices, which bear its name."""
        return (replace(device, part=self.current.label) for device in self.build(site))


@dataclass(frozen=True, kw_only=True)
class Output:
    """What makes a neuron's output of its states.

    Attributes:
        build: makes its devices at a site.
        initial: voltages of its inner nodes at the start, in V.
        pins: that it adds to the neuron's.
        is_current: whether it is a current that synapses copy.
    """

    build: Callable[[Site], Iterator[Device]]
    initial: Callable[[Kit], Mapping[str, float]] = lambda _: {}
    pins: Callable[[Kit], tuple[Pin, ...]] = lambda _: ()
    is_current: bool = False

    def devices(self, site: Site) -> Iterator[Device]:
        """Its devices, which bear its name."""
        return (replace(device, part="output") for device in self.build(site))


Recogniser: TypeAlias = Callable[[Current], Part | None]
"""Takes a current as its part, or leaves it (None) to the next one."""
OutputRecogniser: TypeAlias = Callable[[Neuron], Output | None]
"""The same for a neuron's output."""
Whole: TypeAlias = Callable[[Technology, Scaling], Realisation]
"""Builds all of a neuron at once of the transistors of a technology, which it must have."""
WholeRecogniser: TypeAlias = Callable[[Neuron], Whole | None]
"""Takes a whole neuron, where its circuit is no sum of its currents' parts."""
