"""Comparator and reset of a neuron with events: a switch with hysteresis that discharges the membrane at its threshold.

The switch closes at the threshold and opens at the reset voltage. It pulls towards a voltage that lies `MARGIN` of the
swing beyond the reset voltage, with a resistance so small that no current of the neuron can hold the membrane above it:
R_on I_max < V_low - V_reset, or the neuron would latch for ever. A discharge lasts `DISCHARGE` ln(1 + 1/MARGIN) tau, by
which each interval is longer than that of the equation.

The discharge current is the spike that others receive: its charge is that of the membrane's swing, whatever the
simulator's steps are. What the neuron's own currents add meanwhile is `DISCHARGE` times current over swing: 1e-3 of the
charge for a QIF neuron with peak 10, 1e-2 with 200.

Of amplifiers, the comparator is one that drives a resistor, its own output moves its reference from the threshold to
`MARGIN` above the reset voltage, and a transistor pulls to the reset voltage itself. Its delay, GAIN/COMPARATOR LOAD or
3e-3 tau, adds to each interval.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import partial

import sympy

from circuits.data.circuit import (
    GROUND,
    BehaviouralCurrent,
    BehaviouralVoltage,
    Capacitor,
    Device,
    Resistor,
    Switch,
    voltage,
)
from circuits.realisations.cells.cell import Cell, Trim
from circuits.realisations.forms import EventForm, event_form
from circuits.realisations.interface import C0, I0, OUTPUT, V0
from circuits.realisations.parts.base import Output, Site
from conductance.neurons.base import Neuron

DISCHARGE = 1e-4
"""Resistance of discharge in V0/I0, so that it takes this share of the time constant of a membrane with R = 1."""
MARGIN = 0.05
"""Distance of the switch's goal from the voltage at which it opens, as a share of the swing."""
OFF = 1e6
"""Resistance of the open switch in V0/I0; it leaks a millionth of the membrane's own conductance."""
COMPARATOR = 30.0
"""Bias current of the comparator's amplifier in I0."""
GAIN = 100.0
"""Gain of the comparator into its resistor; the output itself stops at the rails."""
LOAD = 1e-3
"""Capacitance at the comparator's output, as a share of the membrane's unit C; with its resistor it is the delay."""
SHARPNESS = 4.0
"""Over 1/V0: how sharply what the comparator drives follows its output."""
TRIP, CLOSED = 1.0, 4.0
"""Outputs of the comparator, in V0, at which its reference falls and at which the reset transistor conducts: later, or
the first current of the reset would hold the membrane at the threshold."""
DISCHARGED, LOW, LEVEL, COMPARED = "discharge", "low", "level", "compared"


def comparator(neuron: Neuron) -> Output | None:
    """Comparator and reset of amplifiers, for a neuron with an event."""
    form = event_form(neuron)
    if form is None:
        return None

    def build(site: Site) -> Iterator[Device]:
        cell = site.kit.element
        made = Comparator.of(neuron, form, out=OUTPUT, numbers=site.numbers)
        return made.amplified(cell, site.kit.trim(cell))

    return Output(build=build, initial=lambda kit: {COMPARED: kit.technology.rails[0]})


def ideal_comparator(neuron: Neuron) -> Output | None:
    """Comparator and reset as a switch, for a neuron with an event."""
    form = event_form(neuron)
    if form is None:
        return None
    made = partial(Comparator.of, neuron, form, out=OUTPUT)
    return Output(build=lambda site: made(numbers=site.numbers).ideal())


@dataclass(frozen=True, kw_only=True)
class Comparator:
    """A neuron's event in a circuit's symbols.

    Attributes:
        node: of the membrane.
        out: node of the output: the discharge current, v0 times a pulse whose area is one tau_m.
        high: threshold in V.
        low: reset voltage in V.
        charge: of one spike over one tau_m, in A.
    """

    node: str
    out: str
    high: sympy.Expr
    low: sympy.Expr
    charge: sympy.Expr

    @classmethod
    def of(
        cls, neuron: Neuron, form: EventForm, *, out: str, numbers: Mapping[sympy.Symbol, sympy.Expr]
    ) -> "Comparator":
        """That of a neuron; `numbers` are the circuit's symbols for its parameters."""
        membrane = neuron.membrane
        return cls(
            node=membrane.name,
            out=out,
            high=V0 * form.threshold.xreplace(numbers),
            low=V0 * form.reset.xreplace(numbers),
            charge=(membrane.capacity * form.swing).xreplace(numbers) * I0,
        )

    @property
    def margin(self) -> sympy.Expr:
        """`MARGIN` in V."""
        return MARGIN * (self.high - self.low)

    def amplified(self, cell: Cell, trim: Trim) -> Iterator[Device]:
        """An amplifier that compares and a transistor that obeys."""

        def passed(level: float) -> sympy.Expr:
            """From 0 to 1 where the comparator's output passes a level in V0."""
            return (1 + sympy.tanh(SHARPNESS * (voltage(COMPARED) / V0 - level))) / 2

        fall = self.high - self.low - self.margin
        yield BehaviouralVoltage(
            name="b_level", positive=LEVEL, negative=GROUND, note="reference of the comparator",
            voltage=self.high + self._early(fall) - fall * passed(TRIP) - trim.offset,
        )  # fmt: skip
        yield cell.place(
            "x_comparator", plus=self.node, minus=LEVEL, out=COMPARED, bias=COMPARATOR / trim.gain * I0,
            note="comparator",
        )  # fmt: skip
        yield Resistor(
            name="r_compared",
            positive=COMPARED,
            negative=GROUND,
            resistance=GAIN / COMPARATOR * V0 / I0,
        )
        yield Capacitor(
            name="c_compared",
            positive=COMPARED,
            negative=GROUND,
            capacitance=LOAD * C0,
            note="delay",
        )
        yield BehaviouralCurrent(
            name="b_reset", source=self.node, sink=DISCHARGED, note="reset",
            current=voltage(self.node, DISCHARGED) / (self._resistance / 2) * passed(CLOSED),
        )  # fmt: skip
        yield from self._sensed(self.low)

    def _early(self, fall: sympy.Expr) -> sympy.Expr:
        """How much below its reference (V) the comparator would trip, for a reference that falls by `fall` (V).

        It trips where the reference falls as fast as the output rises: with k = 2 SHARPNESS and the foot of the tanh,
        exp(k (c - TRIP)), that is at the output c = TRIP - ln(k GAIN fall)/k, where the reference has fallen by
        1/(k GAIN) and the membrane lies c/GAIN above it.
        """
        steepness = 2 * SHARPNESS
        output = TRIP - sympy.log(steepness * GAIN * fall / V0) / steepness
        return V0 * (1 / steepness - output) / GAIN

    def ideal(self) -> Iterator[Device]:
        """A switch that compares by itself."""
        yield Switch(
            name="s_reset", positive=self.node, negative=DISCHARGED, sense_positive=self.node, sense_negative=GROUND,
            on_above=self.high, off_below=self.low, on_resistance=self._resistance / 2,
            off_resistance=OFF * V0 / I0, note="comparator and reset",
        )  # fmt: skip
        yield from self._sensed(self.low - self.margin)

    @property
    def _resistance(self) -> sympy.Expr:
        return DISCHARGE * V0 / I0

    def _sensed(self, goal: sympy.Expr) -> Iterator[Device]:
        """The way of the discharge to its goal (V), and the output that it makes."""
        yield BehaviouralVoltage(
            name="b_low", positive=LOW, negative=GROUND, voltage=goal, note="where the reset pulls"
        )
        yield Resistor(
            name="r_sense", positive=DISCHARGED, negative=LOW, resistance=self._resistance / 2,
            note="senses the spike",
        )  # fmt: skip
        yield BehaviouralVoltage(
            name="b_out", positive=self.out, negative=GROUND, note="spike, area v0 tau_m",
            voltage=V0 * voltage(DISCHARGED, LOW) / (self._resistance / 2 * self.charge),
        )  # fmt: skip
