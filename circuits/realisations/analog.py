"""A neuron of amplifier cells: each current its own transconductor, each state a capacitor.

The cells decide the level: macromodels or transistors. A leak that is declared linear becomes pairs that are linear
as far as spikes reach. A filter that is declared linear (`filter_limit` none) has no circuit of differential pairs,
since both of its inputs move, and stays an ideal buffered resistor.
"""

import math
import warnings
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import sympy

from circuits.data.circuit import (
    GROUND,
    BehaviouralCurrent,
    BehaviouralVoltage,
    Capacitor,
    CircuitError,
    Device,
    ModelCard,
    Pin,
    Subcircuit,
)
from circuits.data.scaling import Scaling
from circuits.realisations.behavioural import (
    C0,
    I0,
    OUTPUT,
    V0,
    behavioural_current,
    circuit_symbols,
    declared_parameter,
    parameter_name,
    pins,
    unit_parameters,
)  # fmt: skip
from circuits.realisations.cell import VDD, VSS, Cell
from circuits.realisations.comparator_reset import COMPARED, Comparator
from circuits.realisations.follower_integrator import follower_integrator
from circuits.realisations.forms import (
    Clipped,
    Terminal,
    Transfer,
    clipped_form,
    drawn,
    event_form,
    named_currents,
    transfer,
)  # fmt: skip
from circuits.realisations.leak import LEAK, leak
from circuits.realisations.ota import Transistors
from circuits.realisations.output_stage import LINE, STAGE, line_current, macromodel_output, transistor_output
from circuits.realisations.staggered import TOLERANCE, WARNED, Staggered, span, staggered
from circuits.realisations.synapse import AXON, Synapses
from circuits.realisations.transconductor import References, Trim, transconductor
from circuits.technologies import Technology
from conductance.neurons.base import Neuron, State

BEHAVIOURAL = "behavioural"


@dataclass(frozen=True, kw_only=True)
class Realisation:
    """A neuron's subcircuit, the cells inside it, the cards they need, and the voltages of its supply pins (V).

    `capacitance` is what the process corner multiplies all capacitors by.
    """

    subcircuit: Subcircuit
    cells: tuple[Subcircuit, ...] = ()
    models: tuple[ModelCard, ...] = ()
    supplies: Mapping[str, float] = field(default_factory=dict)
    temperature: float = 27.0
    corner: str = "tt"
    capacitance: float = 1.0
    synapses: Synapses | None = None

    @property
    def name(self) -> str:
        """Name of the neuron's subcircuit."""
        return self.subcircuit.name

    @property
    def axon(self) -> str:
        """The pin that the neuron's synapses read: the gate of its output mirror where there is one."""
        return AXON if AXON in {pin.name for pin in self.subcircuit.pins} else OUTPUT


@dataclass(frozen=True, kw_only=True)
class Kit:
    """The cells of one level and technology: `element` for transconductors, `follower` where out is an input.

    `trims` correct each cell by what its DC sweep found, by the name of the cell's subcircuit.
    """

    technology: Technology
    element: Cell
    follower: Cell
    synapses: Synapses
    transistors: Transistors | None = None
    trims: Mapping[str, Trim] = field(default_factory=dict)

    def trim(self, cell: Cell) -> Trim:
        """The trim of a cell; none is measured, none is made."""
        return self.trims.get(cell.subcircuit.name, Trim())


def analog(neuron: Neuron, scaling: Scaling, kit: Kit, *, ideal: Collection[str] = ()) -> Realisation:
    """The neuron made of the kit's cells.

    Args:
        neuron: the declaration; a neuron with an event is not made of transistors.
        scaling: the SI units.
        kit: the cells.
        ideal: names of currents (elements, `leak`, `filter`) and `output` that stay behavioural sources.

    Raises:
        CircuitError: an element whose law no amplifier has, or an unknown name in `ideal`.
    """
    neuron = drawn(neuron)
    if kit.transistors is not None and (neuron.event is not None or neuron.arrivals):
        raise CircuitError(
            f"neuron {neuron.name}: a neuron with spikes as events has no circuit of transistors; use the macromodel "
            f"level, or circuits.realisations.log_domain for a QIF neuron"
        )
    currents = named_currents(neuron)
    known = {name for _, name, _ in currents} | {"output"}
    unknown = sorted(set(ideal) - known)
    if unknown:
        raise CircuitError(
            f"neuron {neuron.name}: {', '.join(unknown)} cannot stay behavioural; it has {', '.join(sorted(known))}"
        )
    builder = _Builder(neuron, scaling, kit)
    builder.find_followers(currents, ideal)
    for state, name, current in currents:
        builder.current(state, name, current, as_source=name in ideal)
    builder.output(as_source="output" in ideal)
    return builder.finish()


class _Builder:
    """Collects the devices of one neuron."""

    def __init__(self, neuron: Neuron, scaling: Scaling, kit: Kit) -> None:
        self.neuron, self.scaling, self.kit = neuron, scaling, kit
        self.numbers = {p.symbol: sympy.Symbol(parameter_name(p.name), real=True) for p in neuron.parameters}
        self.nodes = {state.symbol: state.name for state in neuron.states}
        self.references = References()
        self.lag: dict[sympy.Symbol, float] = {}
        self.devices: list[Device] = [
            Capacitor(
                name=f"c_{state.name}", positive=state.name, negative=GROUND,
                capacitance=self._capacitance(state), note=state.meaning,
            )
            for state in neuron.states
        ]  # fmt: skip

    def _capacitance(self, state: State) -> sympy.Expr:
        """A state's capacitor at the process corner, drawn smaller by the gates and drains that calibration found."""
        declared = C0 * state.capacity.xreplace(self.numbers)
        gates = self.kit.trims.get(LEAK, Trim()).capacitance if state is self.neuron.membrane else 0.0
        drawn_smaller = declared - gates if gates else declared
        factor = self.kit.technology.corner_shift.capacitance
        return drawn_smaller if factor == 1 else factor * drawn_smaller

    def find_followers(
        self, currents: Sequence[tuple[State, str, sympy.Expr]], ideal: Collection[str]
    ) -> None:
        """Note the states that a follower's offset moves: U_x settles at U_m - offset, and has no reference to trim."""
        for state, name, current in currents:
            form = transfer(current, self.neuron)
            if form is None or name in ideal or form.width == math.inf:
                continue
            if form.minus == state.symbol and form.plus in self.nodes:
                self.lag[state.symbol] = self.kit.trim(self.kit.follower).offset

    def current(self, state: State, name: str, current: sympy.Expr, *, as_source: bool) -> None:
        """One named current into its state's node."""
        form = transfer(current, self.neuron)
        label = f"{state.name}_{name}"
        bias = not current.has(*self.neuron.state_symbols)
        if as_source or bias or (form is not None and self._is_ideal(form)):
            self.devices += behavioural_current(label, current, state, self.neuron)
        elif form is not None:
            self.devices += self._amplifier(f"x_{label}", state, form)
        else:
            self.devices += self._staggered(label, name, state, current)

    def _staggered(self, label: str, name: str, state: State, current: sympy.Expr) -> Iterator[Device]:
        """A law of its own: as many pairs as it takes, and a bias current for its constant."""
        form = staggered(current, self.neuron, span(self.neuron, state))
        if form is None:
            raise CircuitError(
                f"neuron {self.neuron.name}, current {name}: no amplifier has the law {current}; "
                f"use a tanh element, or keep this one as a behavioural source: ideal=['{name}']"
            )
        if form.residual > TOLERANCE:
            low, high = span(self.neuron, state)
            raise CircuitError(
                f"neuron {self.neuron.name}, current {name}: differential pairs follow its law within "
                f"{form.residual:.1%} only, from {low:g} to {high:g} V0, and {TOLERANCE:.0%} is allowed; smooth its "
                f"table, or keep it as a behavioural source: ideal=['{name}']"
            )
        self._warn_of_cancellation(name, form)
        cell, factor = self.kit.element, I0 * form.factor.xreplace(self.numbers)
        node, lag = self.nodes[form.state], self.lag.get(form.state, 0.0)
        for index, (reference, weight) in enumerate(zip(form.references, form.weights, strict=True)):
            held = self._terminal(sympy.Float(reference), lag)
            plus, minus = (node, held) if weight > 0 else (held, node)
            yield from transconductor(
                f"x_{label}_{index}", cell, plus=plus, minus=minus, out=state.name, slope=factor * abs(weight),
                width=1.0, unit=V0, references=self.references, trim=self.kit.trim(cell),
                note=f"{name}, followed within {form.residual:.1%}",
            )  # fmt: skip
        yield BehaviouralCurrent(
            name=f"b_{label}_constant", source=GROUND, sink=state.name, current=factor * form.constant,
            note=f"bias of {name}",
        )  # fmt: skip

    def _warn_of_cancellation(self, name: str, form: Staggered) -> None:
        """Say so where the pairs' own errors, magnified by weights that cancel, spoil the law."""
        if not self.kit.technology.amplifier.rails:
            return
        calibrated = self.kit.element.subcircuit.name in self.kit.trims
        error = form.expected_error(calibrated=calibrated)
        if error <= WARNED:
            return
        fix = (
            ""
            if calibrated
            else f"calibrate the amplifiers ({form.expected_error(calibrated=True):.0%} then), "
        )
        warnings.warn(
            f"neuron {self.neuron.name}, current {name}: {len(form.weights)} pairs whose currents cancel carry "
            f"{form.cancellation:.1f} times its largest current, so the circuit is expected to be off by {error:.0%} "
            f"of it, and {WARNED:.0%} passes in silence; {fix}use a tanh element, a law that bends less, or keep this "
            f"one as a behavioural source: ideal=['{name}']",
            stacklevel=2,
        )

    def _is_ideal(self, form: Transfer) -> bool:
        """A linear current between two states, which no pairs can make."""
        return form.width == math.inf and {form.plus, form.minus} <= set(self.nodes)

    def _amplifier(self, label: str, state: State, form: Transfer) -> Iterator[Device]:
        shape = {"slope": I0 * form.slope.xreplace(self.numbers), "width": form.width, "unit": V0}
        follows_itself = form.minus == state.symbol
        cell = self.kit.follower if follows_itself else self.kit.element
        trim = self.kit.trim(cell)
        if follows_itself and form.plus in self.nodes:
            follows = self.nodes[form.plus]
            return follower_integrator(label, cell, follows=follows, node=state.name, trim=trim, **shape)
        shape["references"] = self.references
        if follows_itself:
            return leak(
                label, cell, rest=self._terminal(form.plus), node=state.name, trim=trim,
                membrane=self.kit.trims.get(LEAK, Trim()), **shape,
            )  # fmt: skip
        # an element that reads a moved state is moved with it
        lag = sum(self.lag.get(end, 0.0) for end in (form.plus, form.minus))
        plus, minus = self._terminal(form.plus, lag), self._terminal(form.minus, lag)
        return transconductor(label, cell, plus=plus, minus=minus, out=state.name, trim=trim, **shape)

    def _terminal(self, terminal: Terminal, lag: float = 0.0) -> str | sympy.Expr:
        """A state's node, or a reference in V, lowered by `lag` (V)."""
        if terminal in self.nodes:
            return self.nodes[terminal]
        return V0 * terminal.xreplace(self.numbers) - (lag or sympy.S.Zero)

    def output(self, *, as_source: bool) -> None:
        """The output stage, or comparator and reset; an output that is no clipped line stays a source."""
        event = event_form(self.neuron)
        if event is not None:
            made = Comparator.of(
                self.neuron, event, out=OUTPUT, numbers=self.numbers, unit=V0, current_unit=I0
            )
            cell = self.kit.element
            self.devices += made.ideal() if as_source else made.amplified(cell, self.kit.trim(cell), C0)
            return
        form = clipped_form(self.neuron)
        if as_source or form is None:
            value = V0 * sympy.sympify(self.neuron.output).xreplace(circuit_symbols(self.neuron))
            self.devices.append(
                BehaviouralVoltage(
                    name="b_out", positive=OUTPUT, negative=GROUND, voltage=value, note="output"
                )
            )
            return
        self.devices += self._clipped(form)

    def _clipped(self, form: Clipped) -> Iterator[Device]:
        cell = self.kit.element
        yield from line_current(
            cell, state=self.nodes[form.state], lower=form.lower.xreplace(self.numbers),
            upper=form.upper.xreplace(self.numbers), unit=V0, current_unit=I0, references=self.references,
            trim=self.kit.trim(cell), stage=self.kit.trims.get(STAGE, Trim()),
        )  # fmt: skip
        if self.kit.transistors is None:
            yield from macromodel_output(V0, I0)
        else:
            yield from transistor_output(self.kit.transistors, V0, I0)

    def _initial(self) -> dict[str, sympy.Expr | float]:
        """Initial voltages: the declared ones, and 0 for the inner node of the output stage, which follows at once."""
        values = {
            state.name: V0 * sympy.sympify(state.initial).xreplace(self.numbers)
            for state in self.neuron.states
        }
        touched = {node for device in self.devices for node in device.terminals}
        inner = {LINE: 0.0} if LINE in touched and self.kit.transistors is None else {}
        return values | inner | ({COMPARED: self.kit.technology.rails[0]} if COMPARED in touched else {})

    def finish(self) -> Realisation:
        """The subcircuit and all that it needs."""
        neuron, technology = self.neuron, self.kit.technology
        negative, positive = technology.rails
        outside = [
            *pins(neuron),
            Pin(name=VDD, meaning="positive supply"),
            Pin(name=VSS, meaning="negative supply"),
        ]
        touched = {node for device in self.devices for node in device.terminals}
        if AXON in touched:
            outside.append(Pin(name=AXON, meaning="gate of the output mirror, for synapses"))
        subcircuit = Subcircuit(
            name=neuron.name,
            title=f"{neuron.meaning}, {technology.title}",
            pins=tuple(outside),
            parameters=(*unit_parameters(self.scaling), *map(declared_parameter, neuron.parameters)),
            devices=(*self.devices, *self.references.devices),
            initial=self._initial(),
        )
        used = dict.fromkeys(device.subcircuit for device in self.devices if hasattr(device, "subcircuit"))
        cells = {cell.subcircuit.name: cell for cell in (self.kit.element, self.kit.follower)}
        models = {model.name: model for name in used for model in cells[name].models}
        if self.kit.transistors is not None:
            models |= {model.name: model for model in technology.model_cards()}
        return Realisation(
            subcircuit=subcircuit,
            cells=tuple(cells[name].subcircuit for name in used),
            models=tuple(models.values()),
            supplies={VDD: positive, VSS: negative},
            temperature=technology.temperature,
            corner=technology.corner,
            capacitance=technology.corner_shift.capacitance,
            synapses=self.kit.synapses if AXON in touched or LINE in touched else None,
        )
