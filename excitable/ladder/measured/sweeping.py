"""The measured law: a neuron's parts swept in the circuit simulator, once, and composed into a declaration."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import sympy
import xarray as xr
from scipy.interpolate import CubicSpline

from circuits.data.circuit import Capacitor, Circuit, Subcircuit
from circuits.data.scaling import Scaling
from circuits.measured.bench import SWEPT, copies, held, meter, node_of, parts_alone
from circuits.measured.composition import MeasuredNeuron, check_measurable, measured_neuron
from circuits.measured.sweeps import (
    AT_MEMBRANE,
    COARSE,
    OUTPUTS,
    RADIAN,
    RESTING,
    SLOW,
    VOLTAGES,
    Element,
    Fixed,
    Follower,
    Line,
    MeasureError,
    Slow,
    Swept,
)
from circuits.realisations import Realisation
from circuits.realisations.forms import Current
from circuits.realisations.interface import OUTPUT
from circuits.realisations.parts.base import Part
from circuits.realisations.recognition import Recognised, recognised
from conductance.neurons.base import Neuron
from netlists.analyses import Analysis, DCSweep, OperatingPoint, SmallSignal, Tolerances
from netlists.simulation import solve

PARTS_OUTPUT = "output"
"""The part that the devices of an output bear."""
LOWEST = 0.4
"""Where the output's slope is above this share of its largest, its lag is read."""


def measure(
    neuron: Neuron, built: Realisation, scaling: Scaling, simulator: str = "ngspice"
) -> MeasuredNeuron:
    """Sweep the parts of a neuron's circuit and compose the law that the circuit has.

    Args:
        neuron: without events, at its default parameters.
        built: its realisation of amplifiers.
        scaling: the SI units.
        simulator: ngspice or vacask.

    Raises:
        MeasureError: a neuron with another structure than a membrane, its elements, and slow states that filter it.
        SimulatorMissing, SimulationFailed: of the simulator.
    """
    return measured_neuron(neuron, sweep_parts(neuron, built, scaling, simulator))


def sweep_parts(
    neuron: Neuron,
    built: Realisation,
    scaling: Scaling,
    simulator: str = "ngspice",
    *,
    others: Sequence[tuple[Neuron, Realisation]] = (),
) -> Swept:
    """The sweeps alone; arguments and errors as in `measure`.

    `others` are the same neuron with other gains, and its realisations, smaller gains first: elements are swept at
    theirs instead.
    """
    swept = _Sweeps(neuron, built, scaling, simulator).swept()
    if not others:
        return swept
    found = [_Sweeps(*other, scaling, simulator).elements() for other in others]
    joined = {name: _joined([elements[name] for elements in found]) for name in swept.elements}
    return replace(swept, elements=joined)


def _joined(found: Sequence[Element]) -> Element:
    """One element from its sweeps at several gains; at one where all are alike."""
    gains = np.concatenate([one.gains for one in found])
    if np.ptp(gains) <= 1e-3 * gains.max():
        return found[0]
    return Element(
        reads=found[0].reads,
        gains=gains,
        base=np.concatenate([one.base for one in found]),
        slope=np.concatenate([one.slope for one in found]),
        residual=max(one.residual for one in found),
    )


class _Sweeps:
    """The sweeps of one neuron."""

    def __init__(self, neuron: Neuron, built: Realisation, scaling: Scaling, simulator: str) -> None:
        check_measurable(neuron)
        self.neuron, self.built, self.scaling, self.simulator = neuron, built, scaling, simulator
        self.known: Recognised = recognised(neuron)
        self.membrane = neuron.membrane
        self.names = [state.name for state in neuron.states]
        self.by_symbol = {state.symbol: state.name for state in neuron.states}
        self.tolerances = Tolerances(
            relative=1e-6, current=1e-7 * scaling.current_unit, voltage=1e-9, charge=1e-18, conductance=1e-16
        )

    def _reading(self) -> dict[str, list[Current]]:
        """The currents into the membrane by the state that they read."""
        reading: dict[str, list[Current]] = {}
        for part in self.known.parts:
            if part.current.state is self._drawn_membrane:
                reading.setdefault(self._read(part.current), []).append(part.current)
        return reading

    def elements(self) -> dict[str, Element]:
        """Those of the elements' currents, in declared order."""
        order = [element.name for element in self.neuron.elements]
        found = {
            current.name: self._fast(current)
            if state == self.membrane.name
            else self._element(current, state)
            for state, currents in self._reading().items()
            for current in currents
            if current.name in order
        }
        return {name: found[name] for name in order}

    def swept(self) -> Swept:
        """All of them."""
        elements, reading = self.elements(), self._reading()
        own = reading.get(self.membrane.name, [])
        fixed = [current.label for current in own if current.name not in elements]
        fast = [current.label for current in own if current.name in elements]
        whole = self._admittance([*fixed, PARTS_OUTPUT, *fast], {})
        for state, currents in reading.items():
            if state != self.membrane.name:
                whole = whole + self._admittance([c.label for c in currents], {state: RESTING})
        for name in self.names[1:]:
            for part in self._followers(name):
                whole = whole + self._admittance([part.current.label], {name: RESTING})
        slow = {name: self._slow(name, reading.get(name, [])) for name in self.names[1:]}
        made, lag = self._fixed([*fixed, PARTS_OUTPUT])
        return Swept(
            fixed=made, elements=elements, slow=slow, admittance=whole, lag=lag,
            corner=self.built.capacitance, left_out=self._left_out(),
        )  # fmt: skip

    def _left_out(self) -> float:
        """How much smaller than declared the membrane's capacitor is drawn, in C0."""
        (drawn,) = (
            device.capacitance
            for device in self.built.subcircuit.devices
            if isinstance(device, Capacitor)
            and not device.part
            and not device.parasitic
            and device.positive == self.membrane.name
        )
        numbers = {p.name: p.value for p in self.built.subcircuit.parameters}
        farads = sympy.sympify(drawn).subs(
            {symbol: numbers[symbol.name] for symbol in sympy.sympify(drawn).free_symbols}
        )
        declared = float(sympy.sympify(self.membrane.capacity).subs(self.neuron.substitutions()))
        return declared - float(farads) / (self.built.capacitance * self.scaling.capacitance)

    @property
    def _drawn_membrane(self) -> object:
        return self.known.neuron.membrane

    def _read(self, current: Current) -> str:
        """The one state that a current into the membrane reads beside it, or the membrane."""
        read = {self.by_symbol[symbol] for symbol in current.states} - {self.membrane.name}
        if len(read) > 1:
            raise MeasureError(
                f"neuron {self.neuron.name}, current {current.name}: it reads {', '.join(sorted(read))}; measured are "
                f"currents that read one state beside the membrane"
            )
        return next(iter(read), self.membrane.name)

    def _parts(self, labels: Sequence[str]) -> Subcircuit:
        return parts_alone(self.built, labels, self.names)

    def _run(self, circuit: Circuit, analysis: Analysis) -> xr.Dataset:
        return solve(circuit, analysis, self.tolerances, simulator=self.simulator).require()

    def _sweep(self, low: float, high: float, points: int) -> DCSweep:
        unit = self.scaling.voltage_unit
        return DCSweep(
            source=SWEPT, start=low * unit, stop=high * unit, step=(high - low) / (points - 1) * unit
        )

    def _over(self, found: xr.Dataset, values: np.ndarray, at: np.ndarray) -> np.ndarray:
        """A swept quantity at voltages in V0; a sweep's last step may be lost to rounding."""
        voltages = found["sweep"].to_numpy() / self.scaling.voltage_unit
        order = np.argsort(voltages)
        return CubicSpline(voltages[order], values[order], axis=0)(at)

    def _into(self, found: xr.Dataset, count: int) -> np.ndarray:
        """(…, copy): current in I0 from the parts into the driven node."""
        meters = [meter(copy) for copy in range(count)]
        return -found["current"].sel(source=meters).to_numpy() / self.scaling.current_unit

    def _fixed(self, labels: Sequence[str]) -> tuple[Fixed, float]:
        parts = self._parts(labels)
        stage = OUTPUT in {pin.name for pin in parts.pins}
        circuit = copies(self.built, parts, self.membrane.name, [{}], watched=(OUTPUT,) if stage else ())
        found = self._run(circuit, self._sweep(VOLTAGES[0], VOLTAGES[-1], VOLTAGES.size))
        current = self._over(found, self._into(found, 1)[:, 0], VOLTAGES)
        if not stage:
            return Fixed(current=current, output=np.empty(0)), 1.0
        voltage = found["voltage"].sel(node=node_of(0, OUTPUT)).to_numpy() / self.scaling.voltage_unit
        output = self._over(found, voltage, VOLTAGES)
        return Fixed(current=current, output=output), self._lag(parts, np.gradient(output, VOLTAGES))

    def _lag(self, parts: Subcircuit, slope: np.ndarray) -> float:
        """Phase of the output behind the membrane over frequency, where the stage is steep, in tau_m."""
        steep = VOLTAGES[slope > LOWEST * slope.max()][::2]
        unit = self.scaling.voltage_unit
        points = [{self.membrane.name: float(u) * unit} for u in steep]
        circuit = copies(
            self.built, parts, self.membrane.name, points, drive=None, small_signal=1.0, watched=(OUTPUT,)
        )
        found = self._run(circuit, self._band())
        nodes = [node_of(copy, OUTPUT) for copy in range(len(points))]
        transfer = found["voltage"].sel(node=nodes).to_numpy()
        slow = int(np.argmin(np.abs(RADIAN - 0.3)))
        return float(np.median(-np.angle(transfer[slow]) / RADIAN[slow]))

    def _band(self) -> SmallSignal:
        hertz = RADIAN / (2 * np.pi * self.scaling.time_unit)
        # the last frequency must be reached whatever the rounding
        return SmallSignal(start=float(hertz[0]), stop=float(hertz[-1] * (1 + 1e-9)), points=4)

    def _admittance(self, labels: Sequence[str], rest: dict[str, float]) -> np.ndarray:
        """(coarse voltage, frequency) of the membrane with these parts, in C0/tau_m."""
        unit = self.scaling.voltage_unit
        others = {node: voltage * unit for node, voltage in rest.items()}
        points = [{self.membrane.name: float(u) * unit, **others} for u in COARSE]
        parts = self._parts(labels)
        found = self._run(
            copies(self.built, parts, self.membrane.name, points, drive=None, small_signal=1.0), self._band()
        )
        drawn = -self._into(found, len(points)) * unit
        return drawn.T

    def _fast(self, current: Current) -> Element:
        found = self._run(
            copies(self.built, self._parts([current.label]), self.membrane.name, [{}]),
            self._sweep(VOLTAGES[0], VOLTAGES[-1], VOLTAGES.size),
        )
        base = self._over(found, self._into(found, 1)[:, 0], VOLTAGES)
        return self._at_gain(current, self.membrane.name, Line(base=base, slope=0 * base, residual=0.0))

    def _at_gain(self, current: Current, reads: str, line: Line) -> Element:
        gain = self.neuron.defaults[f"alpha_{current.name}"]
        return Element(
            reads=reads, gains=np.array([gain]), base=line.base[None], slope=line.slope[None],
            residual=line.residual,
        )  # fmt: skip

    def _element(self, current: Current, state: str) -> Element:
        """An element that reads a slow state: a line in the membrane at each voltage of the state."""
        at = SLOW
        points = [{state: float(x) * self.scaling.voltage_unit} for x in at]
        circuit = copies(self.built, self._parts([current.label]), self.membrane.name, points)
        found = self._run(circuit, self._sweep(OUTPUTS[0], OUTPUTS[-1], 8))
        line = _lines(at, self._over(found, self._into(found, len(points)), OUTPUTS))
        return self._at_gain(current, state, line)

    def _slow(self, name: str, readers: Sequence[Current]) -> Slow:
        """Gates at a slow state, their way into the membrane, and the follower that drives it."""
        followers = [part.current.label for part in self._followers(name)]
        labels = [*(current.label for current in readers), *followers]
        gates = transfer = np.zeros_like(VOLTAGES)
        if labels:
            at = SLOW[::2]
            unit, membrane = self.scaling.voltage_unit, self.membrane.name
            points = [{name: float(x) * unit, membrane: AT_MEMBRANE * unit} for x in at]
            found = self._run(
                copies(self.built, self._parts(labels), name, points, drive=None, small_signal=1.0),
                self._band(),
            )
            capacitance = unit / self.scaling.current_unit / RADIAN[0]
            lowest = found.isel(frequency=0)["current"]
            membranes = [held(copy, membrane) for copy in range(len(points))]
            into_membrane = -lowest.sel(source=membranes).to_numpy().imag * capacitance
            gates = _extended(at, -self._into(found, len(points))[0].imag * unit / RADIAN[0])
            transfer = _extended(at, into_membrane)
        return Slow(
            gates=gates, transfer=transfer, follower=self._follower(name, followers) if followers else None
        )

    def _followers(self, name: str) -> list[Part]:
        """The parts made of amplifiers that drive a slow state; an ideal resistor is none."""
        return [part for part in self.known.parts if part.current.state.name == name and part.slope != 0]

    def _follower(self, name: str, labels: Sequence[str]) -> Follower:
        """What a follower does at its difference d to the membrane: base(d) + slope(d) x, at its output x."""
        at, unit, membrane = SLOW, self.scaling.voltage_unit, self.membrane.name
        points = [{name: float(x) * unit, membrane: float(x + d) * unit} for d in at for x in OUTPUTS]
        found = self._run(copies(self.built, self._parts(labels), name, points, drive=None), OperatingPoint())
        current = self._into(found, len(points)).reshape(at.size, OUTPUTS.size).T
        points = [{name: RESTING * unit, membrane: float(RESTING + d) * unit} for d in COARSE]
        found = self._run(
            copies(self.built, self._parts(labels), membrane, points, drive=None, small_signal=1.0),
            self._band(),
        )
        states = [held(copy, name) for copy in range(len(points))]
        passed = found["current"].sel(source=states).to_numpy() * unit / self.scaling.current_unit
        return Follower(current=_lines(at, current), admittance=passed.T)


def _lines(at: np.ndarray, current: np.ndarray) -> Line:
    """Currents (output voltage, held voltage) as a line in the output voltage at each held one."""
    basis = np.column_stack([np.ones_like(OUTPUTS), OUTPUTS])
    lines, *_ = np.linalg.lstsq(basis, current, rcond=None)
    base, slope = (_extended(at, line) for line in lines)
    return Line(base=base, slope=slope, residual=float(np.abs(current - basis @ lines).max()))


def _extended(at: np.ndarray, values: np.ndarray) -> np.ndarray:
    """Values on a part of the grid as values on `VOLTAGES`: a spline inside, its end slopes as lines outside."""
    spline = CubicSpline(at, values)
    inside = np.clip(VOLTAGES, at[0], at[-1])
    return spline(inside) + spline(inside, 1) * (VOLTAGES - inside)
