"""One neuron of transistors: operating points over its swing, phase margins at its loads, and what they say."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType

import numpy as np

from circuits.calibration.membrane import REACH, SWEPT
from circuits.data.circuit import CircuitError
from circuits.data.scaling import Scaling
from circuits.headroom.bench import headroom_bench
from circuits.headroom.points import Point, observed, points
from circuits.headroom.stability import (
    BAND,
    PER_DECADE,
    Loaded,
    Stability,
    follower_bench,
    least_stable,
    loaded,
    stability,
)
from circuits.headroom.verdict import judged
from circuits.realisations import Realisation, realise
from circuits.realisations.cells.cell import OUT
from circuits.realisations.interface import input_state
from circuits.technologies import Technology, chosen_technology
from conductance.neurons.base import Neuron
from conductance.neurons.noisy import silent
from netlists.analyses import DCSweep, SmallSignal, Tolerances
from netlists.simulation import solve

STEPS = 40
"""Of the membrane, from the lowest to the highest voltage."""
SIMULATOR = "ngspice"
"""The one that keeps the operating points of transistors."""


@dataclass(frozen=True, kw_only=True)
class Headroom:
    """What was found of a circuit of transistors.

    Attributes:
        technology: at its corner, temperature and supply.
        scaling: the SI units.
        points: each transistor at its worst.
        margins: of the amplifiers at their loads.
    """

    technology: Technology
    scaling: Scaling
    points: tuple[Point, ...] = field(repr=False)
    margins: tuple[Stability, ...]

    def warnings(self) -> tuple[str, ...]:
        """What to warn of; `NotWorking` where the circuit cannot work."""
        return judged(self.points, self.margins, self.technology, voltage_unit=self.scaling.voltage_unit)


def check_headroom(
    neuron: Neuron,
    *,
    technology: Technology | None = None,
    scaling: Scaling | None = None,
    swing: Sequence[float] = (-REACH, REACH),
    rest: float | None = None,
) -> Headroom:
    """Look at every transistor of a neuron, its output and a synapse of each sign, and at its amplifiers' stability.

    The membrane is held at voltages over its swing, to which slow states follow; amplifiers are as they are drawn,
    without trims, which move references by millivolts.

    Args:
        neuron: an event-free declaration, as mtc.
        technology: with transistors, at its corner, temperature and supply; `generic_180nm` where none is given.
        scaling: the SI units; the technology's own where not given.
        swing: lowest and highest voltage of the membrane, in V0.
        rest: of the membrane, in V0; its declared beginning where none is given.

    Raises:
        CircuitError: a neuron without a circuit of transistors. SimulatorMissing, SimulationFailed: ngspice.
    """
    if len(swing) != 2 or not np.isfinite(swing).all() or not swing[0] < swing[1]:
        raise CircuitError(
            f"neuron {neuron.name}: swing = {swing!r}; give the lowest and the highest voltage, in V0"
        )
    made_of = chosen_technology(technology, "transistor")
    units = made_of.scaling() if scaling is None else scaling
    quiet = silent(neuron)
    built = realise(quiet, "transistor", technology=made_of, scaling=units)
    begin = neuron.initial_state()[0] if rest is None else rest
    return Headroom(
        technology=made_of,
        scaling=units,
        points=tuple(operating_points(quiet, built, made_of, units, swing=swing, rest=begin)),
        margins=tuple(phase_margins(least_stable(loaded(built)), built, made_of, units)),
    )


def operating_points(
    neuron: Neuron, built: Realisation, technology: Technology, scaling: Scaling, *, swing: Sequence[float],
    rest: float, values: Mapping[str, float] = MappingProxyType({}),
) -> list[Point]:  # fmt: skip
    """Each transistor of a neuron at its worst over the membrane's swing (V0), around `rest` (V0).

    `values` are those of its parameters that differ from the realisation's own.
    """
    unit = scaling.voltage_unit
    low, high = min(*swing, rest) * unit, max(*swing, rest) * unit
    sweep = DCSweep(source=SWEPT, start=low, stop=high, step=(high - low) / STEPS)
    bench = headroom_bench(neuron, built, scaling, values)
    waveforms = solve(bench, sweep, _tolerances(scaling), simulator=SIMULATOR).require()
    membrane = waveforms["voltage"].sel(node=input_state(neuron).name).to_numpy()
    found = waveforms["transistors"]
    return points(
        observed(bench), found.to_numpy(), found["quantity"].to_numpy().tolist(), membrane=membrane,
        resting=int(np.argmin(np.abs(membrane - rest * unit))), technology=technology, unit=scaling.current_unit,
    )  # fmt: skip


def phase_margins(
    amplifiers: Sequence[Loaded], built: Realisation, technology: Technology, scaling: Scaling
) -> list[Stability]:
    """The phase margin of each amplifier as a follower of its load."""
    found = []
    for one in amplifiers:
        crossing = one.bias / (2 * np.pi * scaling.voltage_unit * one.load)
        band = SmallSignal(start=BAND[0] * crossing, stop=BAND[1] * crossing, points=PER_DECADE)
        bench = follower_bench(built, one, technology)
        waveforms = solve(bench, band, _tolerances(scaling), simulator=SIMULATOR).require()
        response = waveforms["voltage"].sel(node=OUT).to_numpy()
        found.append(stability(one, waveforms["frequency"].to_numpy(), response))
    return found


def _tolerances(scaling: Scaling) -> Tolerances:
    return Tolerances.scaled(
        voltage_unit=scaling.voltage_unit, current_unit=scaling.current_unit, capacitance=scaling.capacitance,
        relative=1e-5,
    )  # fmt: skip
