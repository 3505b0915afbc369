"""A technology's transistors measured in ngspice: the numbers that its file holds, from its cards alone."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np

from circuits.calibration.transistors import (
    DRAIN,
    FREQUENCY,
    GATE,
    Device,
    Transfer,
    TransistorFit,
    chain_bench,
    fit_transfer,
    noise_bench,
    transistor_bench,
)
from circuits.data.models import Polarity
from circuits.data.scaling import ELEMENTARY_CHARGE
from circuits.realisations.cells.units import UNITS
from circuits.technologies import Technology, TechnologyError, technology, technology_text
from circuits.technologies.measured import with_numbers
from excitable.ladder.calibration import calibrate_level
from netlists.analyses import Analysis, DCSweep, Noise, OperatingPoint, SmallSignal, Tolerances
from netlists.simulation import solve

LOAD_DROP = 1e-3
"""Voltage over the resistor at which a transistor's noise is read, in V: too small to move its drain."""
STEP = 2e-3
"""Of the sweeps, in V."""
AROUND = 0.05
"""The output conductance is read over this much to both sides, in V."""
CHAIN = 6
"""Length of the chain that is measured: a weight of 0.05 has 5."""
TYPICAL = 0.4
"""Share of the largest bias current that an output typically is: chains carry the more the stronger it is."""
WARMER = 58.0
"""The leakage is measured again so many kelvin above: at 85 degrees Celsius where it is 27."""
POLARITIES: tuple[Polarity, ...] = ("nmos", "pmos")
ROUNDS = 4
"""Size and numbers depend on each other; after so many rounds they do not move any more."""
NGSPICE = "ngspice"
TOLERANCES = Tolerances(relative=1e-6, current=1e-17, voltage=1e-9, charge=1e-19, conductance=1e-16)


def characterise(
    technology: Technology, polarity: Polarity, current: float, simulator: str = NGSPICE
) -> TransistorFit:
    """Measure a kind of transistor, drawn for `current` (A) as the measured numbers want it.

    Its noise is measured in ngspice alone, which analyses noise.

    Raises:
        SimulatorMissing, SimulationFailed: ngspice. CalibrationError: a card that is no transistor's.
    """
    for _ in range(ROUNDS):
        kind = technology.transistor(polarity)
        card = technology.model_cards()[0 if polarity == "nmos" else 1]
        device = Device(
            card=card,
            width=technology.width(polarity, current),
            length=kind.length,
            technology=technology,
        )
        found = _Lab(simulator).measured(device, current)
        known = replace_kind(technology, polarity, found)
        if known.width(polarity, current) == device.width:
            break
        technology = known
    return found


def replace_kind(technology: Technology, polarity: Polarity, found: TransistorFit) -> Technology:
    """The technology with the measured numbers of one kind."""
    kind = technology.transistor(polarity).model_copy(update=dict(found.as_table()))
    return technology.model_copy(update={polarity: kind})


@dataclass(frozen=True)
class _Lab:
    """The benches of one transistor in one simulator."""

    simulator: str

    def measured(self, device: Device, current: float) -> TransistorFit:
        transfer = self.transfer(device, current)
        gate = transfer.gate_for(current)
        spread = self.spread(device, gate)
        shot_factor, flicker = (
            self.noise(device, transfer.gate_for(TYPICAL * current), TYPICAL * current)
            if self.simulator == NGSPICE
            else (None, None)
        )
        area, thermal = device.width * device.length, device.technology.thermal_voltage
        return TransistorFit(
            specific_current=transfer.specific_current,
            slope_factor=transfer.slope_factor,
            pelgrom_threshold=None
            if spread is None
            else spread * transfer.slope_factor * thermal * math.sqrt(area),
            gate_capacitance=self.capacitance(device, gate, GATE) / area,
            drain_capacitance=self.capacitance(device, gate, DRAIN) / device.width,
            early_voltage=self.early_voltage(device, gate),
            series_excess=self.series_excess(device, TYPICAL * current),
            shot_factor=shot_factor,
            flicker=flicker,
            leakage=transfer.leakage,
            leakage_doubling=self.doubling(device, transfer.leakage),
            efficiency=transfer.efficiency_at(current),
            gate_voltage=gate,
            spread=spread,
            width=device.width,
            current=current,
            thermal_voltage=thermal,
        )

    def transfer(self, device: Device, drawn_for: float) -> Transfer:
        gate, current = self.swept(device, GATE, 0.0, device.technology.supply)
        return fit_transfer(device, gate, current, drawn_for=drawn_for)

    def doubling(self, device: Device, leakage: float) -> float:
        """The kelvin in which the leakage (A) doubles, from the technology's temperature to `WARMER` above."""
        warm = device.technology.model_copy(update={"temperature": device.technology.temperature + WARMER})
        _, currents = self.swept(replace(device, technology=warm), GATE, 0.0, STEP)
        return WARMER / math.log2(float(currents[0]) / leakage)

    def spread(self, device: Device, gate: float) -> float | None:
        """Sigma of ln I at a gate voltage: each number of the card moved by its sigma, one by one."""
        names = device.card.at_size(device.width, device.length).mismatch
        if not names:
            return None
        nominal = self.current(device, gate)
        return math.sqrt(
            sum(math.log(self.current(device.shifted(name), gate) / nominal) ** 2 for name in names)
        )

    def current(self, device: Device, gate: float) -> float:
        voltages, currents = self.swept(device, GATE, gate - STEP, gate + STEP)
        return float(np.interp(gate, voltages, currents))

    def early_voltage(self, device: Device, gate: float) -> float:
        middle = device.technology.supply / 2
        voltages, currents = self.swept(device, DRAIN, middle - AROUND, middle + AROUND, gate=gate)
        slope = np.polyfit(voltages, currents, 1)[0]
        return float(np.interp(middle, voltages, currents) / slope)

    def series_excess(self, device: Device, current: float) -> float:
        """By how much more a chain carries than its length says, of units of which the mirror's input has `UNITS`."""
        technology = device.technology
        least = technology.transistor(device.card.polarity).width
        unit = replace(device, width=technology.on_grid(max(device.width / UNITS, least)))
        bench = chain_bench(unit, current, CHAIN)
        waveforms = solve(bench, OperatingPoint(), TOLERANCES, simulator=self.simulator).require()
        one, chain = (float(waveforms["current"].sel(source=name)) for name in ("v_unit", "v_chain"))
        return (CHAIN * chain / one - 1) / (1 - 1 / CHAIN)

    def swept(
        self, device: Device, source: str, start: float, stop: float, *, gate: float = 0.0
    ) -> tuple[np.ndarray, np.ndarray]:
        """Sizes of the voltage of a source and of the drain's current."""
        sign = device.sign
        sweep = DCSweep(source=source, start=sign * start, stop=sign * stop, step=sign * STEP)
        bench = transistor_bench(device, gate=gate)
        waveforms = solve(bench, sweep, TOLERANCES, simulator=self.simulator).require()
        voltages = sign * waveforms["sweep"].to_numpy()
        # what flows through a source from plus to minus is what it takes, not what it gives
        currents = -sign * waveforms["current"].sel(source=DRAIN).to_numpy()
        order = np.argsort(voltages)
        return voltages[order], currents[order]

    def capacitance(self, device: Device, gate: float, source: str) -> float:
        """Of all that hangs from a node, in F, at the gate voltage and with the drain half a supply away."""
        analysis: Analysis = SmallSignal(start=FREQUENCY, stop=10 * FREQUENCY, points=1)
        bench = transistor_bench(device, gate=gate, excited=source)
        waveforms = solve(bench, analysis, TOLERANCES, simulator=self.simulator).require()
        taken = -waveforms["current"].sel(source=source).to_numpy()[0]
        return float(taken.imag / (2 * math.pi * FREQUENCY))

    def noise(self, device: Device, gate: float, current: float) -> tuple[float, float | None]:
        """White noise of a transistor's current over 2 q I, and its relative flicker noise, S f W L/I^2 in m^2."""
        load = LOAD_DROP / current
        bench = noise_bench(device, gate=gate, load=load)
        analysis = Noise(node="drain", source=GATE, start=FREQUENCY, stop=10 * FREQUENCY, points=1)
        found = solve(bench, analysis, TOLERANCES, simulator=self.simulator).require()
        lowest = found["share"].isel(frequency=0).sel(device="m") / load**2
        flicker = float(lowest.sel(cause="flicker")) * FREQUENCY * device.width * device.length / current**2
        return float(lowest.sel(cause="channel")) / (2 * ELEMENTARY_CHARGE * current), flicker or None


@dataclass(frozen=True, kw_only=True)
class Characterisation:
    """What was measured of a technology: numbers by the tables of its file, and what else was seen, in words."""

    tables: Mapping[str, Mapping[str, float]]
    notes: tuple[str, ...]


def characterised(name: str, current: float, simulator: str = NGSPICE) -> Characterisation:
    """Measure transistors, then the amplifiers that are made of them.

    Args:
        name: of the technology, or the path of its file.
        current: in A, for which transistors are drawn and at which amplifiers are swept.
        simulator: ngspice, or vacask for compact models that are compiled modules.

    Raises:
        TechnologyError: a technology without transistors, or a current that is none.
        SimulatorMissing, SimulationFailed: ngspice.
    """
    if not (math.isfinite(current) and current > 0):
        raise TechnologyError(f"current = {current!r} A must be greater than zero")
    made_of = technology(name)
    fits = {polarity: characterise(made_of, polarity, current, simulator) for polarity in POLARITIES}
    for polarity, fit in fits.items():
        made_of = replace_kind(made_of, polarity, fit)
    tables: dict[str, Mapping[str, float]] = {polarity: fit.as_table() for polarity, fit in fits.items()}
    swept = calibrate_level("transistor", made_of, [current], simulator)
    for table, found in zip(("amplifier", "follower"), swept, strict=False):
        if getattr(made_of, table) is not None:
            tables[table] = {
                "gain": found.gain,
                "offset": found.offset,
                "imbalance": found.imbalance,
                "voltage_unit": found.voltage_unit,
            }
    notes = [_words(polarity, fit) for polarity, fit in fits.items()]
    if any(fit.spread is None for fit in fits.values()):
        notes.append(
            "the cards say nothing of mismatch: pelgrom_threshold and pelgrom_current stay as they are"
        )
    if simulator != NGSPICE:
        notes.append(f"noise is not measured: {simulator} does not analyse it")
    return Characterisation(tables=tables, notes=tuple(notes))


def file_of(name: str, found: Characterisation) -> str:
    """The text of a technology's file with what was measured."""
    return with_numbers(technology_text(name), found.tables)


def _words(polarity: str, fit: TransistorFit) -> str:
    spread = "" if fit.spread is None else f", sigma of the current {fit.spread:.1%}"
    return (
        f"{polarity}: W = {1e6 * fit.width:.4g} um at {fit.current:.3g} A, gm/I = {fit.efficiency:.3g}/V, Early "
        f"voltage {fit.early_voltage:.3g} V, leakage {fit.leakage:.2g} A{spread}"
    )
