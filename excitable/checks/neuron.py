"""One neuron, checked: its equation, its circuit and, where a step is given, its layer, under the same current."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from numbers import Real

import numpy as np
from matplotlib.figure import Figure

from circuits.data.circuit import Circuit, CircuitError, Subcircuit
from circuits.data.scaling import Scaling
from circuits.networks.single import neuron_circuit
from circuits.realisations import Level, Trim, realise, recognised
from circuits.realisations.extracted import with_extracted
from circuits.technologies import Technology, chosen_technology
from conductance.errors import refuse_truth_values
from conductance.neurons.base import Neuron
from conductance.neurons.spiking import spike_threshold
from conductance.shaping.figures.palette import colour
from conductance.shaping.integrate import at_most, integrate
from conductance.stimulus import Stimulus
from excitable.checks.decisions import Reference
from excitable.checks.stepped import stepped
from excitable.ladder.accuracy import accuracy, chosen_simulator
from excitable.ladder.calibration import fit_level
from excitable.ladder.steps import dominance
from netlists.analyses import Tolerances, Transient
from netlists.comparison import Ladder, Rung, RungComparison, compare, spike_doubt, upward_crossings
from netlists.comparison.ladder import DRIFT
from netlists.netlist import Netlist
from netlists.simulation import known_simulator, simulate
from netlists.writing import write_netlist

Course = tuple[np.ndarray, np.ndarray]
"""Times in tau_m and U_m in V0 at them."""
GRID = 0.05
"""Spacing, in tau_m, on which model and circuit are compared."""

WINDOW = 2.0
"""Largest time difference, in tau_m, of two spikes that are the same."""
TIGHT, LOOSER = 1e-12, 1e-9
"""Relative tolerances with which the equation is solved twice; spikes are those of the tighter."""
EVALUATIONS = 1_000_000
"""Of the derivative, both times together: 10 to 30 s. Bursts take 55 000 over 1000 tau_m, slow bursts 300 000
over 10 000."""
NOTED = 1e-3
"""Doubt, in tau_m, from which on it is said."""


def unmatched(missing: int, extra: int, undecided: int) -> str:
    """What has no partner, for the beginning of a sentence; empty where all have one."""
    if not (missing or extra or undecided):
        return ""
    unsure = f", {undecided} undecided" if undecided else ""
    return f"{missing} missing, {extra} extra{unsure}: "


@dataclass(frozen=True, kw_only=True)
class CircuitCheck:
    """A neuron's voltage by its equation and by ngspice, and as a layer steps it where a step was given.

    Attributes:
        time: (sample,), in tau_m.
        model: (sample,), U_m of the equation in V0.
        circuit: (sample,), U_m of the circuit in V0.
        comparison: of equation and circuit: rms error, spike counts, matched spikes and their time errors.
        ladder: every rung with every later one: `discrete` where a step was given, `continuous`, the circuit's level.
        netlist: the files that were simulated.
        spikes: (spike,), of the equation, in tau_m.
        doubts: (spike,), how far each moves with the integrator's tolerance, in tau_m; infinite where it goes.
        simulator: which simulated them.
        steps: (step,) times in tau_m and (step,) U_m in V0 of the layer; None where no step was given.
    """

    time: np.ndarray
    model: np.ndarray
    circuit: np.ndarray
    ladder: Ladder
    netlist: Netlist
    spikes: np.ndarray
    doubts: np.ndarray
    simulator: str = "ngspice"
    steps: Course | None = None

    @property
    def comparison(self) -> RungComparison:
        """The circuit against the equation."""
        return self.compared("equation")

    def compared(self, reference: Reference) -> RungComparison:
        """The circuit against the layer (the equation where no step was given), or against the equation."""
        rungs = [rung.name for rung in self.ladder.rungs]
        return self.ladder.between(rungs[0] if reference == "model" else rungs[-2], rungs[-1])

    @property
    def dominance(self) -> str:
        """That the time step makes most of the difference, and what helps; empty where it does not."""
        return "" if self.steps is None else dominance(self.ladder)

    def __str__(self) -> str:
        """What differs; with a layer one sentence a line, a time step that dominates first."""
        if self.steps is None:
            return self._against_equation()
        (whole,) = self.compared("model").neurons
        stepped = (
            f"{unmatched(whole.missing, whole.extra, whole.undecided)}layer with dt = {self.ladder.step_tau_m:g} "
            f"{whole.reference_spikes} spikes, circuit {whole.candidate_spikes}; voltages differ by "
            f"{whole.rms_v0:.2g} V0 rms"
        )
        return "\n".join(filter(None, (self.dominance, self._against_equation(), stepped)))

    def _against_equation(self) -> str:
        (neuron,) = self.comparison.neurons
        late, doubt = neuron.max_time_error_tau_m, neuron.reference_doubt_tau_m or 0.0
        wrong = unmatched(neuron.missing, neuron.extra, neuron.undecided)
        which = f"{neuron.matched} in pairs" if wrong else "each"
        pairs = "" if late is None else f", {which} within {late:.2g} tau_m"
        known = "" if doubt < NOTED else f"; the equation's are known to {doubt:.2g} tau_m"
        return (
            f"{wrong}equation {neuron.reference_spikes} spikes, circuit {neuron.candidate_spikes}{pairs}{known}; "
            f"voltages differ by {neuron.rms_v0:.2g} V0 rms"
        )

    def figure(self) -> Figure:
        """Both voltages over time."""
        figure = Figure(figsize=(8, 2.8), layout="constrained")
        axes = figure.subplots()
        if self.steps is not None:
            axes.plot(*self.steps, color=colour("model"), linewidth=0.9, linestyle=":", label="layer")
        axes.plot(self.time, self.model, color=colour("model"), linewidth=2.5, alpha=0.5, label="equation")
        axes.plot(
            self.time,
            self.circuit,
            color=colour("circuit"),
            linewidth=0.9,
            label=f"circuit ({self.simulator})",
        )
        axes.set(xlabel="time / tau_m", ylabel="U_m / V0", title=str(self))
        axes.legend(loc="upper right", frameon=False, ncols=2)
        axes.spines[["top", "right"]].set_visible(False)
        return figure


def check_circuit(
    neuron: Neuron,
    stimulus: Stimulus | float,
    stop: float,
    *,
    start: Sequence[float] | None = None,
    scaling: Scaling | None = None,
    name: str = "neuron",
    level: Level = "behavioural",
    technology: Technology | None = None,
    trims: Mapping[str, Trim] | None = None,
    simulator: str = "ngspice",
    calibrate: bool = True,
    dt: float | None = None,
    method: str | None = None,
    extracted: Sequence[Subcircuit] = (),
) -> CircuitCheck:
    """Simulate a neuron's circuit beside its equation, and beside a layer of it where the layer's step is given.

    Args:
        neuron: an event-free declaration, as mtc and low_pass.
        stimulus: current in current units over time in tau_m; a number is held for ever. Equation, circuit and layer
            begin with it: one whose first time is 5 is checked from 5 on.
        stop: end, in tau_m.
        start: initial states at the stimulus' begin in V0, membrane first; the declared ones where not given.
        scaling: the SI units of the circuit; those of the technology where not given.
        name: of the netlist's files.
        level: behavioural, macromodel or transistor.
        technology: of the amplifiers; where none is given `generic_180nm` for transistors, else `ideal`.
        trims: what DC sweeps found of the amplifiers; at the transistor level they are swept where none are given.
        calibrate: whether they are; without, the amplifiers' gains and offsets are left as they are.
        dt: step of the layer that is or will be trained, in tau_m; then that layer is the first rung.
        method: its update rule; the neuron's default where not given.
        simulator: ngspice, vacask, or auto.
        extracted: subcircuits of a layout, from `netlists.reading.read_extracted`, in place of the drawn ones.

    Raises:
        CircuitError: the neuron has events or steps on a clock, or has no circuit; a circuit that does not work at its
            temperature, supply and bias currents; a stimulus that changes within a step of dt.
        FlowError: an equation so stiff, or spikes so fast, that it needs more than a million evaluations.
        SimulatorMissing, SimulationFailed: ngspice.
    """
    _check_comparable(neuron)
    stimulus, stop, begin = _from_zero(neuron, Stimulus.of(stimulus), stop)
    layer = None if dt is None else stepped(neuron, stimulus, stop, dt=dt, method=method, start=start)
    chosen = chosen_technology(technology, level)
    units, program = scaling or chosen.scaling(), chosen_simulator(simulator, level)
    if level == "transistor" and trims is None and calibrate:
        units, trims = swept_trims(neuron, level, chosen, units, program)
    drawn = realise(neuron, level, technology=chosen, scaling=units, trims=trims)
    built = with_extracted(drawn, extracted)
    circuit = neuron_circuit(neuron, stimulus, scaling=units, start=start, name=name, realisation=built)
    netlist = _written(circuit, units, stop, level, program)
    with at_most(EVALUATIONS):  # before the simulator, which a stiff equation keeps busy for longer
        trace, looser = (
            integrate(neuron, stimulus, stop, start=start, rtol=rtol) for rtol in (TIGHT, LOOSER)
        )
    time = np.linspace(0, stop, round(stop / GRID) + 1)
    measured = _simulated(netlist, program, circuit.probes[0], units, time)
    model = trace.at(time)[:, 0]
    again = looser.at(time)[:, :1]
    time = time + begin
    if layer is not None:
        layer = layer[0] + begin, layer[1]
    rungs = _rungs(neuron, layer, {"continuous": (time, model), level: (time, measured)}, again)
    threshold = spike_threshold(neuron)
    spikes, others = (upward_crossings(time, u, threshold=threshold)[0] for u in (model, again[:, 0]))
    return CircuitCheck(
        time=time, model=model, circuit=measured, netlist=netlist, spikes=spikes, steps=layer,
        ladder=compare(rungs, window=WINDOW, step=dt or 1.0, threshold=threshold),
        doubts=spike_doubt(spikes, others, window=DRIFT * WINDOW).sizes, simulator=program,
    )  # fmt: skip


def _rungs(
    neuron: Neuron, layer: Course | None, others: Mapping[str, Course], again: np.ndarray
) -> list[Rung]:
    """The layer, where there is one, the equation and the circuit; `again` is the equation's looser solution."""
    courses = others if layer is None else {"discrete": layer, **others}
    return [
        Rung(
            name=name,
            time=time,
            voltage=voltage[:, None],
            neurons=(neuron.name,),
            again=again if name == "continuous" else None,
        )
        for name, (time, voltage) in courses.items()
    ]


def _simulated(netlist: Netlist, simulator: str, node: str, units: Scaling, time: np.ndarray) -> np.ndarray:
    """The voltage of a node in V0 at times in tau_m."""
    waveforms = simulate(netlist, simulator=simulator).require()
    voltage = waveforms["voltage"].sel(node=node).to_numpy() / units.voltage_unit
    return np.interp(time * units.time_unit, waveforms["time"].to_numpy(), voltage)


def _from_zero(neuron: Neuron, stimulus: Stimulus, stop: float) -> tuple[Stimulus, float, float]:
    """The stimulus and its end on a clock that is at 0 where it begins, and that beginning."""
    end: object = stop
    begin = stimulus.times[0]
    refuse_truth_values(f"neuron {neuron.name}", stop=stop)
    if not isinstance(end, Real):
        raise CircuitError(f"neuron {neuron.name}: stop = {end!r}; give a number, in tau_m")
    if not stop > begin:
        raise CircuitError(
            f"neuron {neuron.name}: stop = {stop} tau_m must lie after the stimulus' start, {begin:g} tau_m"
        )
    # 5.6 - 5 is 0.6 only to rounding, and a change stays on the grid of a layer's steps
    times = tuple(round(each - begin, 12) for each in stimulus.times) if begin else stimulus.times
    return Stimulus(times, stimulus.values), stop - begin, begin


def swept_trims(
    neuron: Neuron, level: Level, technology: Technology, units: Scaling, simulator: str
) -> tuple[Scaling, Mapping[str, Trim]]:
    """The units of swept amplifiers, and their trims."""
    biases = recognised(neuron).bias_currents(units)
    fit = fit_level(level, technology, biases, neuron, units, simulator)
    return replace(units, voltage_unit=fit.voltage_unit), fit.trims


def _written(circuit: Circuit, units: Scaling, stop: float, level: Level, simulator: str) -> Netlist:
    """The netlist of a level's circuit, with the steps and tolerances that the level needs."""
    tight = accuracy(simulator, level, tight=True)
    tolerances = Tolerances.scaled(
        voltage_unit=units.voltage_unit,
        current_unit=units.current_unit,
        capacitance=units.capacitance,
        relative=tight.relative,
    )
    analysis = Transient(stop=stop * units.time_unit, max_step=tight.max_step * units.time_unit)
    return write_netlist(circuit, analysis, tolerances, dialect=known_simulator(simulator).dialect)


def _check_comparable(neuron: Neuron) -> None:
    """Raise unless the voltages of equation and circuit can be laid over each other."""
    takes = "check_circuit takes neurons without events, as mtc"
    if neuron.is_map:
        raise CircuitError(
            f"neuron {neuron.name}: it steps on a clock, so its circuit is a sampled one: excitable.ladder.maps builds "
            f"that of a network and compares it step by step; {takes}"
        )
    if neuron.arrivals:
        raise CircuitError(
            f"neuron {neuron.name}: input spikes drive it and it resets, so model and circuit are compared by their "
            f"spikes: excitable.ladder.events does that for networks of such neurons; {takes}"
        )
    if neuron.event is not None:
        raise CircuitError(
            f"neuron {neuron.name}: it resets in a jump, which a circuit's voltage cannot do, and a held current "
            f"drives it; of the neurons that reset, those of spikes have circuits (qif: excitable.ladder.events); "
            f"{takes}"
        )
