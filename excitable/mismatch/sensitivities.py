"""Sensitivities of cells, measured in a simulator: what every transistor does to what is made of it."""

import numpy as np

from circuits.calibration.amplifiers import fit_tanh
from circuits.data.circuit import Circuit
from circuits.data.scaling import Scaling
from circuits.mismatch.bench import SENSE_VOLTAGE, SWEPT, amplifiers_bench, output_of, outputs_bench
from circuits.mismatch.sensitivities import REACH, Effects, Sensitivities, effects, moved, moves_of
from circuits.realisations import Realisation, kit, realise, recognised
from circuits.realisations.cells.cell import Cell
from circuits.realisations.cells.synapse import EXCITATORY, INHIBITORY
from circuits.technologies import Technology
from conductance.neurons.base import Neuron
from netlists.analyses import DCSweep, Tolerances
from netlists.simulation import solve

POINTS = 51
ACTIVE = 0.1
"""An output is compared where it is above this share of the largest one: on its line, and at its ceiling, where it is
during most of a spike."""
SIGNS = {EXCITATORY: 1.0, INHIBITORY: -1.0}
TOP = 2.5
"""Outputs are swept from -V0 to so many V0, the peak of a spike."""


def measured_sensitivities(
    neuron: Neuron, technology: Technology, scaling: Scaling, bias: float, *, simulator: str = "ngspice"
) -> Sensitivities:
    """Of the amplifiers, the output stage and the synapses that a neuron's transistors are made of.

    Args:
        neuron: with the widths of its layer.
        technology: of the transistors.
        scaling: the SI units.
        bias: largest bias current in A, for which transistors are drawn.
        simulator: ngspice or vacask.

    Raises:
        SimulatorMissing, SimulationFailed: the simulator. CircuitError: a neuron without transistors.
    """
    filters = recognised(neuron).filter_current(scaling)
    made = kit("transistor", technology, bias=bias, scaling=scaling, filter_bias=filters)
    # one that is the follower itself is swept with it
    cells = {made.filter.subcircuit.name: (made.filter, filters or bias)}
    cells |= {cell.subcircuit.name: (cell, bias) for cell in (made.element, made.follower)}
    found = {
        name: cell_effects(cell, technology, current, scaling.voltage_unit, simulator)
        for name, (cell, current) in cells.items()
    }
    built = realise(neuron, "transistor", technology=technology, scaling=scaling, bias=bias)
    if built.synapses is None:
        return Sensitivities(cells=found)
    return Sensitivities(
        cells=found,
        output=output_effects(neuron, built, scaling, simulator),
        synapses={
            name: synapse_effects(neuron, built, scaling, sign, simulator) for name, sign in SIGNS.items()
        },
    )


def cell_effects(cell: Cell, technology: Technology, bias: float, unit: float, simulator: str) -> Effects:
    """What each transistor of an amplifier does to its current over the bias current (A), with `unit` (V) as V0."""
    moves = moves_of(amplifiers_bench(cell, technology, bias, 1))
    bench = moved(amplifiers_bench(cell, technology, bias, 2 * len(moves) + 1), moves)
    copies = range(2 * len(moves) + 1)
    voltages, read = swept(
        bench, (-REACH * unit, REACH * unit), [output_of(copy) for copy in copies], simulator
    )
    nominal = fit_tanh(voltages, read[0] / SENSE_VOLTAGE * bias, bias=bias, cell=cell.subcircuit.name)
    within = (voltages - nominal.offset) / nominal.voltage_unit
    slope = unit / nominal.voltage_unit / np.cosh(within) ** 2
    basis = np.column_stack([np.tanh(within), -slope, np.ones_like(slope)])
    return effects(moves, read / SENSE_VOLTAGE / nominal.gain, basis)


def output_effects(neuron: Neuron, built: Realisation, scaling: Scaling, simulator: str) -> Effects:
    """What each transistor of the output stage does to the current of an excitatory synapse of weight one."""
    moves = moves_of(outputs_bench(neuron, built, scaling, 1, (1.0,)))
    copies = range(2 * len(moves) + 1)
    bench = moved(outputs_bench(neuron, built, scaling, len(copies), (1.0,)), moves)
    voltages, read = _outputs(bench, [output_of(copy, "current0") for copy in copies], scaling, simulator)
    slope = np.gradient(read[0], voltages / scaling.voltage_unit)
    active = _active(read[0])
    return effects(moves, read[:, active], np.column_stack([read[0], -slope])[active])


def synapse_effects(
    neuron: Neuron, built: Realisation, scaling: Scaling, weight: float, simulator: str
) -> Effects:
    """What each transistor of a synapse does to its current."""
    synapse = "xcurrent0_{}"
    moves = moves_of(outputs_bench(neuron, built, scaling, 1, (weight,)), synapse)
    copies = range(2 * len(moves) + 1)
    bench = moved(outputs_bench(neuron, built, scaling, len(copies), (weight,)), moves, synapse)
    _, read = _outputs(bench, [output_of(copy, "current0") for copy in copies], scaling, simulator)
    currents = read * np.sign(weight)
    active = _active(currents[0])
    return effects(moves, currents[:, active], currents[0][active][:, None])


def _outputs(
    bench: Circuit, nodes: list[str], scaling: Scaling, simulator: str
) -> tuple[np.ndarray, np.ndarray]:
    unit = scaling.voltage_unit
    voltages, read = swept(bench, (-unit, TOP * unit), nodes, simulator)
    return voltages, read / SENSE_VOLTAGE


def _active(current: np.ndarray) -> np.ndarray:
    return current > ACTIVE * current.max()


def swept(
    bench: Circuit, ends: tuple[float, float], nodes: list[str], simulator: str
) -> tuple[np.ndarray, np.ndarray]:
    """The drive (point,) and the voltages (node, point) of a bench that is swept between two voltages, in V."""
    sweep = DCSweep(source=SWEPT, start=ends[0], stop=ends[1], step=(ends[1] - ends[0]) / (POINTS - 1))
    tolerances = Tolerances(relative=1e-6, current=1e-17, voltage=1e-9, charge=1e-19, conductance=1e-16)
    waveforms = solve(bench, sweep, tolerances, simulator=simulator).require()
    order = np.argsort(waveforms["sweep"].to_numpy())
    read = waveforms["voltage"].sel(node=nodes).transpose("node", ...).to_numpy()
    return waveforms["sweep"].to_numpy()[order], read[:, order]
