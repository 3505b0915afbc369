"""A network's circuit under one set of conditions: simulated, judged, and its netlists to be run by hand."""

import math
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace

import numpy as np

from circuits.calibration.working import NotWorking
from circuits.measures.chips import Conditions
from circuits.networks.continuous import NetworkCircuit
from conductance.networks import Network
from conductance.neurons.base import Neuron
from conductance.tasks import Split, Task
from excitable.chips.judge import PackedNetwork
from excitable.conditions.amplifiers import swept_there
from excitable.headroom.neuron import SIMULATOR, check_headroom
from excitable.ladder.options import CircuitOptions
from excitable.ladder.rungs import Waveforms, discrete_rung, network_threshold
from excitable.ladder.series import part_circuits, prediction_of, simulate, written
from excitable.trials import Result
from netlists.comparison.crossings import count_upward_crossings
from netlists.errors import SimulationFailed
from netlists.netlist import Netlist


@dataclass(frozen=True, kw_only=True)
class Design:
    """What all conditions share: a network and how its circuit is built, drawn once.

    Attributes:
        network: the trained one.
        task: gives the error.
        split: the held-out stretch, one series.
        dt: the model's step in tau_m.
        options: units, trims and technology of the design, at its own conditions.
        biases: bias currents in A at which amplifiers are swept.
        typical: the neuron whose transistors are looked at, with the medians of the network's values.
        swing: lowest and highest voltage of the model's membranes, in V0.
        rest: their median.
    """

    network: PackedNetwork
    task: Task
    split: Split
    dt: float
    options: CircuitOptions
    biases: tuple[float, ...]
    typical: Neuron
    swing: tuple[float, float]
    rest: float

    @property
    def inputs(self) -> np.ndarray:
        """(time, feature), dimensionless."""
        return self.split.inputs[:, 0].numpy()


@dataclass(frozen=True, kw_only=True)
class Place:
    """A design under one set of conditions."""

    design: Design
    conditions: Conditions

    @property
    def name(self) -> str:
        """A file name that tells the places of a design apart, as `ss-85C-1.62V`."""
        made_of = self.conditions.technology(self.design.options.made_of)
        return f"{made_of.corner}-{made_of.temperature:.9g}C-{made_of.supply:.9g}V"


def built_there(place: Place) -> tuple[CircuitOptions, dict[str, float]]:
    """How the design's circuit is built under its conditions, and what was measured of its amplifiers there.

    Trims are the design's, and so are bias currents and references but for what its generator does with temperature: a
    chip is drawn once. Macromodels are those of the amplifiers of
    transistors, swept there.

    Raises:
        NotWorking: amplifiers, or transistors of the typical neuron, that do not work there.
    """
    options = place.design.options
    made_of = place.conditions.technology(options.made_of)
    swept = swept_there(made_of, place.design.biases, options.simulator)
    technology = made_of if options.levels == "transistor" else swept.technology
    moved = options.under(technology)
    capacitance = options.scaling.capacitance * made_of.corner_shift.capacitance
    numbers = {
        "gain": swept.element.gain,
        "offset": swept.element.offset,
        "voltage_unit": swept.element.voltage_unit,
        "residual": swept.residual,
        "tau_m": capacitance * swept.element.voltage_unit / (swept.element.gain * moved.scaling.current_unit),
    }
    if options.simulator == SIMULATOR:
        numbers["margin"] = _margin(place.design, replace(moved, technology=made_of))
    return moved, numbers


def _margin(design: Design, options: CircuitOptions) -> float:
    """The least margin of saturation, in U_T, of the typical neuron's current sources over the membranes' swing."""
    found = check_headroom(
        design.typical,
        technology=options.made_of,
        scaling=options.scaling,
        swing=design.swing,
        rest=design.rest,
    )
    found.warnings()  # which refuses what cannot work
    return min(point.margin for point in found.points if point.of.source)


def judge_place(place: Place) -> Result:
    """Sweep the amplifiers, simulate the network's netlists, judge them.

    Returns:
        Names of the conditions and `level`, `task_error`, `rms` (of the median neuron against the trained model, in
        V0), `spikes`, the amplifiers' `gain`, `offset` (V), `voltage_unit` (V), `residual`, the membranes' `tau_m`
        (s), the least saturation `margin` (U_T), `reason` (why there is no error) and `seconds`.

    Raises:
        SimulatorMissing: there is no ngspice where this runs.
    """
    began, design = time.monotonic(), place.design
    made_of = place.conditions.technology(design.options.made_of)
    result: Result = {
        "corner": made_of.corner, "temperature": made_of.temperature, "supply": made_of.supply,
        "level": design.options.level, "task_error": None, "rms": None, "spikes": None, "gain": None, "offset": None,
        "voltage_unit": None, "residual": None, "tau_m": None, "margin": None, "reason": "",
    }  # fmt: skip
    try:
        options, numbers = built_there(place)
        result |= numbers
        network = design.network.unpacked()
        with ThreadPoolExecutor(
            1
        ) as executor:  # places are simulated side by side, their parts one after the other
            found = simulate(network, design.inputs, dt=design.dt, options=options, executor=executor)
        result |= measures_of(found, network, design)
    except (NotWorking, SimulationFailed) as failure:
        result["reason"] = str(failure)
    return {**result, "seconds": round(time.monotonic() - began, 3)}


def measures_of(found: Waveforms, network: Network, design: Design) -> Result:
    """What a rung of the circuit is worth: task error, difference to the trained model, spikes."""
    error = design.task.error(prediction_of(found, design.split, design.dt), design.split)
    model = discrete_rung(network, design.inputs, dt=design.dt)
    there = np.stack([np.interp(model.time, found.time, column) for column in found.membrane.T], axis=1)
    rms = np.sqrt(((there - model.membrane) ** 2).mean(axis=0))
    spikes = count_upward_crossings(found.membrane, threshold=network_threshold(network))
    if not math.isfinite(error):
        return {"reason": "the task error is not finite"}
    return {"task_error": float(error), "rms": float(np.median(rms)), "spikes": int(np.sum(spikes))}


def netlists_there(place: Place) -> tuple[list[NetworkCircuit], list[Netlist], CircuitOptions]:
    """The very netlists that `judge_place` simulates, with the circuits that they are of and how these were built."""
    options, _ = built_there(place)
    network = place.design.network.unpacked()
    parts = part_circuits(network, place.design.inputs, dt=place.design.dt, options=options)
    return parts, [written(network, part, options) for part in parts], options
