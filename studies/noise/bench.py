"""A neuron's circuit with its noise, at a level: densities, transients, rest, all in the model's units."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
import sympy
from scipy.optimize import brentq, least_squares

from circuits.data.levels import Level
from circuits.data.scaling import Scaling
from circuits.measures.area import Area, area_of
from circuits.networks.noise import CircuitDraws
from circuits.networks.single import INPUT_SOURCE, neuron_circuit
from circuits.noise import circuit_noise, with_device_noise
from circuits.realisations import Realisation, realise, recognised
from circuits.realisations.noise import with_declared_noise
from circuits.technologies import Technology, technology
from conductance.neurons.base import INPUT, Neuron
from conductance.shaping.noise import NoiseError
from excitable.ladder.calibration import fit_level
from netlists.analyses import Noise, OperatingPoint, Tolerances, Transient
from netlists.simulation import simulate
from netlists.writing import write_netlist

LEVEL: Level = "transistor"
HOURS = 7200.0
"""Longest time that one simulation may take, in s."""
LONGEST = 0.2
"""Largest step of the simulator in tau_m: that of its own at this level, without noise."""
UNDER_NOISE = 1e-5
"""Relative tolerance of a transient with noise: 1e-3 loses a tenth of a membrane's variance."""
TRUNCATION = 1e3
"""Of such a transient: ngspice then takes four to five points from one number of the noise to the next instead of ten;
a tonic neuron of transistors with the same numbers differed by 0.3 thousandths of V0 rms, through a spike."""
BAND = (1e-5, 1e3)
"""In 1/tau_m, over which a density is integrated: from far below the slowest filter to far above the membrane."""
SAMPLE = 0.025
"""In tau_m, at which voltages of a transient are read."""


@dataclass(frozen=True)
class Bench:
    """A neuron built of amplifiers at a level, which are calibrated, as for every comparison of the error ladder."""

    neuron: Neuron
    calibrated: bool = True
    level: Level = LEVEL
    current_unit: float = 1e-9

    @property
    def technology(self) -> Technology:
        """Of its transistors."""
        return technology("generic_180nm")

    @cached_property
    def _built(self) -> tuple[Scaling, Realisation]:
        made_of = self.technology
        units = made_of.scaling(current_unit=self.current_unit)
        if not self.calibrated:
            return units, realise(self.neuron, self.level, technology=made_of, scaling=units)
        biases = recognised(self.neuron).bias_currents(units)
        fit = fit_level(self.level, made_of, biases, self.neuron, units)
        units = replace(units, voltage_unit=fit.voltage_unit)
        return units, realise(self.neuron, self.level, technology=made_of, scaling=units, trims=fit.trims)

    @property
    def scaling(self) -> Scaling:
        """Units of all its circuits."""
        return self._built[0]

    @cached_property
    def noisy(self) -> Neuron:
        """The declaration with the circuit's noise."""
        return circuit_noise(self.neuron, self.technology, scaling=self.scaling)

    def tolerances(self, relative: float) -> Tolerances:
        """Scaled to the units."""
        units = self.scaling
        return Tolerances.scaled(
            voltage_unit=units.voltage_unit, current_unit=units.current_unit, capacitance=units.capacitance,
            relative=relative,
        )  # fmt: skip

    def rest(self, current: float) -> dict[str, float]:
        """The lowest equilibrium of the model in V0 by the states' names: every filter is at the membrane."""
        into = self._into(current)
        grid = np.linspace(-8, 4, 481)
        found = into(grid)
        first = next(k for k in range(len(grid) - 1) if found[k] > 0 >= found[k + 1])
        voltage = float(brentq(into, grid[first], grid[first + 1]))
        return {state.name: voltage for state in self.neuron.states}

    def _into(self, current: float) -> Callable[[Any], Any]:
        """The membrane's slope over its voltage, with every filter there."""
        own = self.neuron
        slope = sympy.sympify(own.membrane.derivative).subs(own.substitutions() | {INPUT: current})
        voltage = own.membrane.symbol
        alone = slope.subs({state.symbol: voltage for state in own.states})
        return sympy.lambdify(voltage, alone, "numpy")

    @cached_property
    def _jacobian(self) -> Callable[..., Any]:
        own = self.neuron
        right = sympy.Matrix([state.derivative for state in own.states]).subs(own.substitutions())
        symbols = list(own.state_symbols)
        return sympy.lambdify([*symbols, INPUT], right.jacobian(symbols), "numpy")

    def jacobian(self, rest: Mapping[str, float], current: float) -> np.ndarray:
        """The (state, state) of the linear equation around a state, in 1/tau_m."""
        return np.asarray(self._jacobian(*(rest[state.name] for state in self.neuron.states), current), float)

    def operating_point(self, current: float) -> tuple[float, ...]:
        """States in V0 at which the transistors rest, the simulator's start where it has one."""
        circuit = neuron_circuit(self.neuron, current, scaling=self.scaling, realisation=self._built[1])
        found = simulate(write_netlist(circuit, OperatingPoint(), self.tolerances(1e-6))).require()
        nodes = circuit.probes[: len(self.neuron.states)]
        return tuple(float(found["voltage"].sel(node=node)) / self.scaling.voltage_unit for node in nodes)

    def supply_power(self, current: float) -> float:
        """What the transistors take at rest or on their unstable equilibrium, output stage included, in W."""
        circuit = neuron_circuit(self.neuron, current, scaling=self.scaling, realisation=self._built[1])
        metered = replace(circuit, metered=tuple(f"v_{pin}" for pin in self._built[1].supplies))
        found = simulate(write_netlist(metered, OperatingPoint(), self.tolerances(1e-6))).require()
        supplies = self._built[1].supplies
        return -sum(value * float(found["current"].sel(source=f"v_{pin}")) for pin, value in supplies.items())

    def area(self) -> Area:
        """Of its transistors and capacitors, at the capacitance of its units."""
        circuit = neuron_circuit(self.neuron, 0.0, scaling=self.scaling, realisation=self._built[1])
        return area_of(circuit, self.technology)

    def density(
        self, current: float, band: tuple[float, float] = BAND, points: int = 20
    ) -> tuple[np.ndarray, dict[str, np.ndarray]]:
        """ngspice's `.noise` of the membrane of transistors: w in 1/tau_m, and densities in V0^2 tau_m by cause.

        Args:
            current: that is held.
            band: lowest and highest w.
            points: frequencies a decade.
        """
        units = self.scaling
        circuit = neuron_circuit(
            self.neuron, current, scaling=units, realisation=self._built[1], small_signal=1.0
        )
        node = circuit.probes[0]
        hertz = [edge / (2 * np.pi * units.time_unit) for edge in band]
        analysis = Noise(node=node, source=INPUT_SOURCE, start=hertz[0], stop=hertz[1], points=points)
        found = simulate(write_netlist(circuit, analysis, self.tolerances(1e-6))).require()
        scale = units.voltage_unit**2 * units.time_unit
        by_cause = found["share"].sum("device")
        causes = {
            str(name): by_cause.sel(cause=name).to_numpy() / scale for name in by_cause["cause"].to_numpy()
        }
        return 2 * np.pi * found["frequency"].to_numpy() * units.time_unit, causes

    def transient(
        self, current: float, stop: float, *, step: float | None = None, draws: CircuitDraws | None = None,
        ideal: bool = False, start: tuple[float, ...],
    ) -> tuple[np.ndarray, np.ndarray]:  # fmt: skip
        """The membrane in V0 every `SAMPLE` tau_m up to `stop`.

        Args:
            current: that is held.
            stop: end, in tau_m.
            step: between two numbers of the devices' noise in tau_m; none without it.
            draws: of the model's noise, which the circuit then has instead.
            ideal: the behavioural level, in the same units.
            start: states in V0.

        Raises:
            SimulationFailed: ngspice gave up.
        """
        units, noisy = self.scaling, self.neuron if draws is None else self.noisy
        built = None if ideal else self._built[1]
        if built is not None and draws is not None:
            built = with_declared_noise(built, noisy)
        circuit = neuron_circuit(noisy, current, scaling=units, realisation=built, noise=draws, start=start)
        if step is not None:
            circuit = with_device_noise(circuit, self.technology, step=step * units.time_unit)
        # a simulation that ends on a number of the noise meets two breakpoints that differ by rounding, and gives up
        end = stop if step is None else stop + step / 2
        between = step if step is not None else LONGEST if draws is None else draws.dt
        analysis = Transient(stop=end * units.time_unit, max_step=min(LONGEST, between) * units.time_unit)
        tolerances = self.tolerances(1e-6)
        if step is not None or draws is not None:
            tolerances = replace(self.tolerances(UNDER_NOISE), truncation=TRUNCATION)
        found = simulate(write_netlist(circuit, analysis, tolerances), time_limit=HOURS).require()
        grid = np.arange(0.0, stop, SAMPLE)
        voltage = found["voltage"].sel(node=circuit.probes[0]).to_numpy() / units.voltage_unit
        return grid, np.interp(grid, found["time"].to_numpy() / units.time_unit, voltage)


def damping(radian: np.ndarray, density: np.ndarray) -> float:
    """How fast a resonance of a noise spectrum dies out, in 1/tau_m: minus the real part of its pole.

    The density (w^2 + a)/((w0^2 - w^2)^2 + (2 s w)^2), times a number, is fitted in its logarithm around its peak.
    """
    peak = radian[density.argmax()]
    near = (radian > 0.6 * peak) & (radian < 1.6 * peak)
    w, logarithm = radian[near], np.log(density[near])

    def residual(point: np.ndarray) -> np.ndarray:
        scale, own, width, zero = point
        law = (w**2 + np.exp(zero)) / ((own**2 - w**2) ** 2 + (2 * np.exp(width) * w) ** 2)
        return np.asarray(scale + np.log(law) - logarithm)

    found = least_squares(
        residual, [logarithm.mean(), peak, np.log(0.05 * peak), np.log(1e-3)], x_scale="jac"
    )
    return float(np.exp(found.x[2]))


def conductances(jacobian: np.ndarray) -> list[float]:
    """The membrane's conductance (1/R) on every timescale: its filters settled one after the other, as listed."""
    found = []
    for settled in range(len(jacobian)):
        kept = jacobian[: settled + 1, : settled + 1]
        inner = kept[1:, 1:]
        slow = kept[0, 1:] @ np.linalg.solve(inner, kept[1:, 0]) if settled else 0.0
        found.append(float(-(kept[0, 0] - slow)))
    return found


def resting_input(bench: Bench, least: float) -> float:
    """The highest input on a grid of 0.25 at which rest is stable and no conductance falls below `least`."""
    for current in np.arange(0.0, -6.0, -0.25):
        jacobian = bench.jacobian(bench.rest(float(current)), float(current))
        if np.linalg.eigvals(jacobian).real.max() < 0 and min(conductances(jacobian)) >= least:
            return float(current)
    raise NoiseError(f"neuron {bench.neuron.name}: it rests at no input down to -6")


def integrated(radian: np.ndarray, density: np.ndarray) -> float:
    """The variance of a one-sided density over w = 2 pi f, by trapezoids in the logarithm."""
    return float(np.trapezoid(density * radian, np.log(radian)) / (2 * np.pi))
