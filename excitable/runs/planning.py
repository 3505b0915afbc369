"""Which bias current the slow filters of a run's circuit may have: area against leakage, noise and error."""

import statistics
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
import sympy

from circuits.data.scaling import RANGES
from circuits.measures.area import area_of
from circuits.noise.law import circuit_noise
from circuits.realisations.filters import (
    LEAKAGES,
    filters_of,
    network_with_filter_current,
    with_filter_current,
)
from circuits.technologies import Technology
from circuits.technologies.base import TechnologyError
from conductance.layers import NeuronLayer
from conductance.networks import Network
from conductance.neurons.base import Neuron
from excitable.ladder.calibration import calibrated
from excitable.ladder.options import CircuitOptions
from excitable.ladder.rungs import discrete_rung
from excitable.ladder.series import held_out, ladder, simulate
from excitable.runs.folder import RunError
from excitable.runs.series import SeriesRun

CURRENTS = (2e-11, 5e-11, 1e-10, 2e-10, 5e-10)
"""That are looked at, in A, beside the unit of current and the least that each temperature allows."""


@dataclass(frozen=True, kw_only=True)
class Plan:
    """One bias current of the filters.

    Attributes:
        current: in A.
        capacitance: of the whole circuit, in F.
        area: of its transistors and capacitors, in m^2.
        leakages: of a transistor that is off over the current, by temperature in degrees Celsius; the filter settles
            about so many V0 off.
        noise: deviation of the noisiest filter's voltage by white noise, in V0; None where filters are ideal.
        error: task error of the circuit, where it was simulated.
        difference: the median neuron's rms difference to the model, in V0, where it was simulated.
    """

    current: float
    capacitance: float
    area: float
    leakages: dict[float, float]
    noise: float | None = None
    error: float | None = None
    difference: float | None = None

    def allowed(self, temperature: float) -> bool:
        """Whether the current is `LEAKAGES` times the leakage at that temperature, or more."""
        return self.leakages[temperature] * LEAKAGES <= 1 + 1e-9


def plans(
    run: SeriesRun, temperatures: Sequence[float], currents: Sequence[float] = (), *, level: str | None = None,
    samples: int | None = None, progress: Callable[[int, int], None] | None = None,
) -> list[Plan]:  # fmt: skip
    """Choices for the filters of a run's circuit, smallest current first.

    Args:
        run: a trained run; its circuit has the time of the data's seconds where they have any.
        temperatures: in degrees Celsius.
        currents: in A; `CURRENTS`, the unit of current and the least of each temperature where none are given.
        level: macromodel or transistor, at which each choice is simulated; none where not given.
        samples: of the held-out series that are simulated; the configuration's where not given.
        progress: called with how many choices are done, and all of them.

    Raises:
        RunError: the network has no slow filters. TechnologyError: its transistors' leakage is not known.
    """
    if level not in (None, "macromodel", "transistor"):
        raise RunError(f"level {level!r}: choices differ in amplifiers alone; give macromodel or transistor")
    if level is None and samples is not None:
        raise RunError(
            f"samples = {samples}: nothing is simulated without a level; give macromodel or transistor"
        )
    if level is not None:
        held_out(
            run.data.held_out, samples or run.configuration.simulation.samples
        )  # refused before minutes of work
    low, high = RANGES["current_unit"][1:]
    for current in currents:
        if not low <= current <= high:
            raise RunError(f"filter current {current!r}: give a number from {low:g} to {high:g} A, as 5e-11")
    options = CircuitOptions.configured(run.built, "transistor")
    network, made_of = run.network(), options.made_of
    neurons = [layer.neuron for layer in network.chain.values() if isinstance(layer, NeuronLayer)]
    filtered = [neuron for neuron in neurons if not neuron.is_map and filters_of(neuron)]
    if not filtered:
        raise RunError(f"{run.path}: its neurons have no slow filters, so there is nothing to be planned")
    leakages = {each: _leakage(made_of, each) for each in temperatures}
    chosen = currents or (
        *CURRENTS, options.scaling.current_unit, *(LEAKAGES * leakage for leakage in leakages.values()),
    )  # fmt: skip
    found = []
    for count, current in enumerate(sorted(set(chosen))):
        if progress is not None:
            progress(count, len(set(chosen)))
        plan = _plan(network, filtered, replace(options, filter_current=current), leakages)
        if level is not None and plan.allowed(made_of.temperature):
            plan = _simulated(run, plan, level, samples)
        found.append(plan)
    return found


def _leakage(technology: Technology, temperature: float) -> float:
    leakage = technology.at(temperature=temperature).leakage
    if leakage is None:
        raise TechnologyError(
            f"technology {technology.name}: nothing is known of its leakage; `excitable characterise` measures it"
        )
    return leakage


def _plan(
    network: Network, neurons: Sequence[Neuron], options: CircuitOptions, leakages: dict[float, float]
) -> Plan:
    """What can be said without a simulation."""
    current, scaling = options.filter_current or options.scaling.current_unit, options.scaling
    share = current / scaling.current_unit
    placed = network_with_filter_current(network, share)  # unchecked: what leaks stands in the table
    first = next(iter(network.chain.values()))
    silence = np.zeros((1, first.size if isinstance(first, NeuronLayer) else first.inputs))
    built = replace(options, filter_current=None).build(placed, silence, dt=network.clock(None), name="plan")
    area = area_of(built.circuit, options.made_of)
    deviations = [
        deviation
        for neuron in neurons
        for deviation in _deviations(with_filter_current(neuron, share), options)
    ]
    return Plan(
        current=current,
        capacitance=area.capacitance,
        area=area.total,
        leakages={each: leakage / current for each, leakage in leakages.items()},
        noise=max(deviations, default=None),
    )


def _deviations(neuron: Neuron, options: CircuitOptions) -> list[float]:
    """Of each filter's voltage in V0: white noise of its transistors at rest through its own time constant."""
    noisy = circuit_noise(neuron, options.made_of, scaling=options.scaling)
    rest = {state.symbol: 0 for state in noisy.states} | noisy.substitutions()
    names = {state.name for state in filters_of(neuron)}
    found = []
    for state in noisy.states:
        if state.name in names and state.noise:
            rate = -sympy.diff(state.derivative, state.symbol)
            variance = state.diffusion**2 / (2 * rate)
            found.append(float(sympy.sqrt(variance).xreplace(noisy.substitutions()).subs(rest)))
    return found


def _simulated(run: SeriesRun, plan: Plan, level: str, samples: int | None) -> Plan:
    """The choice with the error of its circuit on the first held-out samples."""
    configured = CircuitOptions.configured(run.built, level)
    network, dt = run.network(), run.configuration.network.dt
    options, _ = calibrated(network, replace(configured, filter_current=plan.current))
    split = held_out(run.data.held_out, samples or run.configuration.simulation.samples)
    inputs = split.inputs[:, 0].numpy()
    rungs = [discrete_rung(network, inputs, dt=dt), simulate(network, inputs, dt=dt, options=options)]
    climbed = ladder(network, rungs, split, run.task, dt=dt)
    compared = climbed.between("discrete", rungs[-1].rung)
    return replace(
        plan,
        error=climbed.rungs[-1].task_error,
        difference=statistics.median(neuron.rms_v0 for neuron in compared.neurons),
    )
