"""Amplifiers swept by DC at their bias currents, fitted, and put right in the circuit that uses them."""

import math
import warnings
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from pydantic import TypeAdapter

from circuits.calibration.amplifiers import SWEPT, Calibration, CalibrationError, amplifier_bench, fit_tanh
from circuits.calibration.coded import CodedFit, coded_bench, fit_coded
from circuits.calibration.membrane import (
    DRIVE,
    RAMP,
    MembraneFit,
    fit_membrane,
    frozen,
    has_leak,
    membrane_bench,
    ramps,
    with_capacitance,
)
from circuits.calibration.membrane import REACH as MEMBRANE_REACH
from circuits.calibration.membrane import SWEPT as SWEPT_DRIVE
from circuits.calibration.output import EXCITED, INHIBITED, OutputFit, fit_output, output_bench
from circuits.calibration.output import SWEPT as SWEPT_MEMBRANE
from circuits.calibration.working import check_working
from circuits.data.scaling import Scaling
from circuits.networks.builder import layer_values, with_shared_widths
from circuits.networks.continuous import level_biases, neuron_levels
from circuits.realisations import Level, Realisation, kit, realise, recognised
from circuits.realisations.cells.cell import OUT, Cell, Trim
from circuits.realisations.cells.coded import CodedCells
from circuits.realisations.interface import OUTPUT, input_state
from circuits.technologies import Technology
from conductance.layers import NeuronLayer
from conductance.networks import Network
from conductance.neurons.base import Neuron
from conductance.neurons.noisy import silent
from excitable.documents import read_document
from excitable.ladder.options import CircuitOptions
from netlists.analyses import DCSweep, Tolerances, Transient
from netlists.errors import SimulationFailed
from netlists.simulation import solve

REACH = 5.0
"""The sweep goes this many voltage units to both sides."""
POINTS = 101


def calibrate(
    cell: Cell, technology: Technology, bias: float, *, common: float = 0.0, simulator: str = "ngspice"
) -> Calibration:
    """Sweep one amplifier and fit it.

    Args:
        cell: the amplifier.
        technology: whose supply, temperature and voltage unit are used.
        bias: bias current in A.
        common: voltage of the other input in V.
        simulator: ngspice or vacask.

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
    waveforms = solve(bench.circuit, sweep, tolerances, simulator=simulator).require()
    voltages = waveforms["sweep"].to_numpy() - common
    current = bench.current(waveforms["voltage"].sel(node=OUT).to_numpy())
    # a sweep's last step may be lost to rounding; the curve is read on the points that are there
    order = np.argsort(voltages)
    return fit_tanh(voltages[order], current[order], bias=bias, cell=cell.subcircuit.name)


def calibrate_level(
    level: Level, technology: Technology, biases: Sequence[float], simulator: str = "ngspice"
) -> list[Calibration]:
    """Every amplifier of a level at every bias current (A), each made for the largest of them."""
    made = kit(level, technology, bias=max(biases))
    cells = {cell.subcircuit.name: cell for cell in (made.element, made.follower)}
    return [
        calibrate(cell, technology, bias, simulator=simulator) for cell in cells.values() for bias in biases
    ]


def _calibrated_filter(
    level: Level,
    technology: Technology,
    bias: float,
    filter_bias: float | None,
    scaling: Scaling,
    simulator: str,
) -> Calibration | None:
    """The amplifier of the slow filters at its own bias current; None where it is the follower, or there is none."""
    made = kit(level, technology, bias=bias, scaling=scaling, filter_bias=filter_bias)
    if filter_bias is None or made.filter is made.follower:
        return None
    return calibrate(made.filter, technology, filter_bias, simulator=simulator)


@dataclass(frozen=True, kw_only=True)
class LevelFit:
    """What the DC sweeps found of a level's amplifiers.

    Attributes:
        level: macromodel or transistor.
        technology: its name.
        digest: of all its numbers and cards.
        corner: its process corner.
        temperature: in degrees Celsius.
        largest_bias: bias current in A that the amplifiers are made for.
        amplifiers: a sweep and its fit for each cell and bias current.
        output: the fit of the output stage and the synapses; None where the neurons' output is no current.
        membrane: the fit of a membrane with all its amplifiers; None where the neurons have no leak to be trimmed.
        coded: the gains of the mirrors of coded weights; None where there are no transistors to make them of.
        filters: the sweep of the slow filters' amplifier; None where these have no bias current of their own.
    """

    level: Level
    technology: str
    corner: str
    temperature: float
    largest_bias: float
    amplifiers: tuple[Calibration, ...]
    output: OutputFit | None = None
    membrane: MembraneFit | None = None
    digest: str = ""
    coded: CodedFit | None = None
    filters: Calibration | None = None

    @property
    def trims(self) -> dict[str, Trim]:
        """The trims of amplifiers, output stage, synapses and leak, by name."""
        found = trims(self.amplifiers)
        found |= trims([] if self.filters is None else [self.filters])
        for fit in (self.output, self.membrane, self.coded):
            found |= {} if fit is None else fit.trims
        return found

    @property
    def voltage_unit(self) -> float:
        """V0 in V: the mean over the amplifiers."""
        return float(np.mean([found.voltage_unit for found in self.amplifiers]))

    @property
    def residual(self) -> float:
        """The largest deviation of any sweep from its tanh, over the largest current."""
        return max(found.residual for found in self.amplifiers)

    def working(self, technology: Technology) -> tuple[str, ...]:
        """What to warn of; `NotWorking` where the circuit cannot work under the technology's conditions."""
        smallest = min(found.bias for found in self.amplifiers)
        return check_working(
            self.amplifiers, self.membrane, self.output, technology=technology, smallest=smallest
        )

    def is_of(
        self, level: Level, technology: Technology, biases: np.ndarray, neuron: Neuron, scaling: Scaling
    ) -> bool:
        """Whether this is the calibration of a neuron's level in a technology, for these bias currents (A)."""
        unit = scaling.current_unit  # of filters without a bias current of their own
        filters = unit if self.filters is None else self.filters.bias
        if not math.isclose(filters, recognised(neuron).filter_current(scaling) or unit, rel_tol=1e-9):
            return False
        own = (self.level, self.technology, self.digest, self.largest_bias)
        asked = (level, technology.name, technology.digest, float(biases[-1]))
        swept = {found.bias for found in self.amplifiers} == set(swept_biases(biases))
        whole = self.output is None or (self.coded is not None) == (level == "transistor")
        return own == asked and swept and whole and (self.membrane is not None) == has_leak(neuron)


def swept_biases(biases: np.ndarray) -> list[float]:
    """The bias currents (A) that are swept: the smallest, the median and the largest of a network's."""
    return sorted({float(current) for current in np.quantile(biases, (0, 0.5, 1), method="nearest")})


def fit_level(
    level: Level, technology: Technology, biases: np.ndarray, neuron: Neuron, scaling: Scaling,
    simulator: str = "ngspice",
) -> LevelFit:  # fmt: skip
    """Sweep and fit the amplifiers of a level, then the membrane and the output of a neuron that they are trimmed in.

    Args:
        level: macromodel or transistor.
        technology: of the amplifiers.
        biases: the bias currents (A) of the network, smallest first.
        neuron: whose membrane and output are swept.
        scaling: the SI units; V0 is replaced by that of the amplifiers.
        simulator: ngspice or vacask.

    Raises:
        SimulatorMissing, SimulationFailed: ngspice. CalibrationError: a sweep that is no amplifier's. NotWorking: a
            circuit that does not work at the technology's temperature and supply, or at its bias currents.
    """
    neuron = silent(neuron)
    amplifiers = tuple(calibrate_level(level, technology, swept_biases(biases), simulator))
    found = LevelFit(
        level=level,
        technology=technology.name,
        corner=technology.corner,
        temperature=technology.temperature,
        digest=technology.digest,
        largest_bias=float(biases[-1]),
        amplifiers=amplifiers,
        filters=_calibrated_filter(
            level,
            technology,
            float(biases[-1]),
            recognised(neuron).filter_current(scaling),
            scaling,
            simulator,
        ),
    )
    units = replace(scaling, voltage_unit=found.voltage_unit)
    built = realise(
        neuron, level, technology=technology, scaling=units, trims=found.trims, bias=found.largest_bias
    )
    if has_leak(neuron):
        still = frozen(neuron)
        slow = realise(
            still, level, technology=technology, scaling=units, trims=found.trims, bias=found.largest_bias
        )
        swept = sweep_membrane(neuron, built, units, simulator)
        found = replace(found, membrane=ramp_membrane(swept, still, slow, units, simulator))
    if built.synapses is not None:
        found = replace(found, output=sweep_output(neuron, built, units, simulator))
        if built.synapses.coded is not None:
            coded = solve_coded(built.synapses.coded, technology, units, simulator)
            found = replace(found, coded=coded)
    for said in found.working(technology):
        warnings.warn(said, stacklevel=2)
    return found


def sweep_membrane(
    neuron: Neuron, built: Realisation, scaling: Scaling, simulator: str = "ngspice"
) -> MembraneFit:
    """Sweep a neuron's membrane by DC and fit what its amplifiers add to its I-V curve; its capacitance is left out."""
    reach = (MEMBRANE_REACH + 1) * scaling.voltage_unit
    sweep = DCSweep(source=SWEPT_DRIVE, start=-reach, stop=reach, step=reach / 80)
    bench = membrane_bench(neuron, built, scaling)
    waveforms = solve(bench, sweep, _sweep_tolerances(scaling), simulator=simulator).require()
    order = np.argsort(waveforms["sweep"].to_numpy())
    held = waveforms["voltage"].sel(node=input_state(neuron).name).to_numpy()[order]
    return fit_membrane(waveforms["sweep"].to_numpy()[order], held, neuron=neuron, scaling=scaling)


def ramp_membrane(
    fit: MembraneFit, neuron: Neuron, built: Realisation, scaling: Scaling, simulator: str = "ngspice"
) -> MembraneFit:
    """Drive the membrane of a neuron with slow filters up and down, and add the capacitance to its fit."""
    bench = membrane_bench(neuron, built, scaling, drive=ramps(scaling))
    analysis = Transient(stop=4 * RAMP * scaling.time_unit, max_step=0.02 * scaling.time_unit)
    try:
        waveforms = solve(bench, analysis, _sweep_tolerances(scaling), simulator=simulator).require()
    except SimulationFailed:
        # at some corners ngspice's step shrinks to nothing at the first instant; the capacitance moves by 1e-4
        waveforms = solve(bench, analysis, _loose_tolerances(scaling), simulator=simulator).require()
    drive, membrane = (
        waveforms["voltage"].sel(node=node).to_numpy() for node in (DRIVE, input_state(neuron).name)
    )
    time = waveforms["time"].to_numpy()
    return with_capacitance(
        fit, time, drive, membrane, neuron=neuron, scaling=scaling, corner=built.capacitance
    )


def sweep_output(
    neuron: Neuron, built: Realisation, scaling: Scaling, simulator: str = "ngspice"
) -> OutputFit:
    """Sweep a neuron's membrane by DC and fit its output stage and synapses."""
    unit = scaling.voltage_unit
    sweep = DCSweep(source=SWEPT_MEMBRANE, start=-unit, stop=3 * unit, step=unit / 25)
    bench = output_bench(neuron, built, scaling)
    waveforms = solve(bench, sweep, _sweep_tolerances(scaling), simulator=simulator).require()
    order = np.argsort(waveforms["sweep"].to_numpy())
    output, excited, inhibited = (
        waveforms["voltage"].sel(node=node).to_numpy()[order] for node in (OUTPUT, EXCITED, INHIBITED)
    )
    voltages = waveforms["sweep"].to_numpy()[order]
    return fit_output(voltages, output, excited, inhibited, neuron=neuron, scaling=scaling)


def solve_coded(
    cells: CodedCells, technology: Technology, scaling: Scaling, simulator: str = "ngspice"
) -> CodedFit:
    """Solve the bench of coded weights for one current unit."""
    bench = coded_bench(cells, technology, scaling.current_unit)
    # nothing moves: a sweep of two points is the shortest analysis that observes currents
    sweep = DCSweep(source="v_vdd", start=technology.rails[1], stop=technology.rails[1] + 1e-6, step=1e-6)
    waveforms = solve(bench, sweep, _sweep_tolerances(scaling), simulator=simulator).require()
    currents = {name: float(waveforms["current"].sel(source=name)[0]) for name in bench.metered}
    return fit_coded(currents, scaling.current_unit)


def _sweep_tolerances(scaling: Scaling) -> Tolerances:
    return Tolerances.scaled(
        voltage_unit=scaling.voltage_unit, current_unit=scaling.current_unit,
        capacitance=scaling.capacitance, relative=1e-5,
    )  # fmt: skip


def _loose_tolerances(scaling: Scaling) -> Tolerances:
    return Tolerances.scaled(
        voltage_unit=scaling.voltage_unit, current_unit=scaling.current_unit,
        capacitance=scaling.capacitance, relative=1e-4, charge=1e-5,
    )  # fmt: skip


_FITS = TypeAdapter(tuple[LevelFit, ...])


def read_fits(path: Path) -> tuple[LevelFit, ...]:
    """The fits of a `calibration.json`; none where there is no such file.

    Raises:
        StorageError: it is damaged.
    """
    if not path.is_file():
        return ()
    return read_document(_FITS, path.read_bytes(), source=path, command="export")


def fits_json(fits: Iterable[LevelFit]) -> bytes:
    """The text of `calibration.json`."""
    return _FITS.dump_json(tuple(fits), indent=1) + b"\n"


def calibrated(
    network: Network, options: CircuitOptions, known: Sequence[LevelFit] = ()
) -> tuple[CircuitOptions, tuple[LevelFit, ...]]:
    """The options with what calibration finds: the amplifiers' own V0 as unit of voltage, gains and offsets as trims.

    Args:
        network: whose bias currents are swept.
        options: how it is built.
        known: earlier fits; those that fit are not made again.

    Returns:
        The options, and the fits they rest on; none at the behavioural level.
    """
    network = options.placed(network)
    levels = neuron_levels(network, options.levels)
    biases = level_biases(network, options.scaling, levels)
    technology = options.made_of
    typical = {level: typical_neuron(network, levels, level) for level in biases}
    fits = tuple(
        next(
            (fit for fit in known if fit.is_of(level, technology, currents, typical[level], options.scaling)),
            None,
        )
        or fit_level(level, technology, currents, typical[level], options.scaling, options.simulator)
        for level, currents in biases.items()
    )
    if not fits:
        return options, ()
    unit = float(np.mean([fit.voltage_unit for fit in fits]))
    found = trims([amplifier for fit in fits for amplifier in fit.amplifiers])
    for fit in fits:
        found |= {name: trim for name, trim in fit.trims.items() if name not in found}
    return replace(options.with_voltage_unit(unit), trims=found), fits


def typical_neuron(network: Network, levels: Mapping[str, tuple[Level, ...]], level: Level) -> Neuron:
    """The neuron of the first layer that has this level, with the medians of its neurons' values."""
    label = next(label for label, chosen in levels.items() if level in chosen)
    layer = network.chain[label]
    if not isinstance(layer, NeuronLayer):
        raise CalibrationError(f"layer {label} has no neurons")
    values = layer_values(layer)
    medians = {name: float(np.median(column)) for name, column in values.items()}
    return with_shared_widths(label, layer.neuron, values).with_values(**medians)


def trims(calibrations: Sequence[Calibration]) -> dict[str, Trim]:
    """One trim for each cell: the mean over its bias currents."""
    found: dict[str, list[Calibration]] = {}
    for calibration in calibrations:
        found.setdefault(calibration.cell, []).append(calibration)
    return {
        cell: Trim(
            gain=float(np.mean([c.gain for c in group])),
            offset=float(np.mean([c.offset for c in group])),
            imbalance=float(np.mean([c.imbalance for c in group])),
        )
        for cell, group in found.items()
    }
