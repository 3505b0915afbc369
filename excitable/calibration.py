"""Amplifiers swept by DC at their bias currents, fitted, and put right in the circuit that uses them."""

from collections.abc import Sequence

import numpy as np

from circuits.calibration import SWEPT, Calibration, amplifier_bench, fit_tanh
from circuits.realisations import Level, kit
from circuits.realisations.cell import OUT, Cell
from circuits.realisations.transconductor import Trim
from circuits.technologies import Technology
from netlists.analyses import DCSweep, Tolerances
from netlists.runner import simulate
from netlists.writing import write_netlist

REACH = 5.0
"""The sweep goes this many voltage units to both sides."""
POINTS = 101


def calibrate(cell: Cell, technology: Technology, bias: float, *, common: float = 0.0) -> Calibration:
    """Sweep one amplifier in ngspice and fit it.

    Args:
        cell: the amplifier.
        technology: whose supply, temperature and voltage unit are used.
        bias: bias current in A.
        common: voltage of the other input in V.

    Raises:
        SimulatorMissing, SimulationFailed: ngspice. CalibrationError: a sweep that is no amplifier's.
    """
    bench = amplifier_bench(cell, technology, bias, common=common)
    unit = technology.amplifier.voltage_unit
    sweep = DCSweep(
        source=SWEPT,
        start=common - REACH * unit,
        stop=common + REACH * unit,
        step=2 * REACH * unit / (POINTS - 1),
    )
    tolerances = Tolerances(relative=1e-6, current=1e-6 * bias, voltage=1e-9, charge=1e-18, conductance=1e-16)
    waveforms = simulate(write_netlist(bench.circuit, sweep, tolerances)).require()
    voltages = waveforms["sweep"].to_numpy() - common
    current = bench.current(waveforms["voltage"].sel(node=OUT).to_numpy())
    # a sweep's last step may be lost to rounding; the curve is read on the points that are there
    order = np.argsort(voltages)
    return fit_tanh(voltages[order], current[order], bias=bias, cell=cell.subcircuit.name)


def calibrate_level(level: Level, technology: Technology, biases: Sequence[float]) -> list[Calibration]:
    """Every amplifier of a level at every bias current (A), each made for the largest of them."""
    made = kit(level, technology, bias=max(biases))
    cells = {cell.subcircuit.name: cell for cell in (made.element, made.follower)}
    return [calibrate(cell, technology, bias) for cell in cells.values() for bias in biases]


def trims(calibrations: Sequence[Calibration]) -> dict[str, Trim]:
    """One trim for each cell: the mean over its bias currents."""
    found: dict[str, list[Calibration]] = {}
    for calibration in calibrations:
        found.setdefault(calibration.cell, []).append(calibration)
    return {
        cell: Trim(
            gain=float(np.mean([c.gain for c in group])), offset=float(np.mean([c.offset for c in group]))
        )
        for cell, group in found.items()
    }
