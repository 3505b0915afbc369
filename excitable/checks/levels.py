"""Parameter sets of known behaviour at every level of the circuit: spikes per burst, intervals and periods."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np

from circuits.networks.single import neuron_circuit
from circuits.realisations import Level, Trim, realise
from circuits.technologies import Technology
from conductance.neurons.base import Neuron
from conductance.neurons.mtc import mtc
from conductance.neurons.presets import SPIKE_LEVEL, Answer, Preset, answers
from conductance.shaping.integrate import integrate
from excitable.ladder.accuracy import accuracy
from netlists.analyses import Tolerances, Transient
from netlists.comparison.crossings import upward_crossings
from netlists.simulation import solve


def with_limits(preset: Preset, *, filter_limit: float | None, leak_limit: float | None = None) -> Preset:
    """The preset with the laws that amplifiers have: filters that slew at `filter_limit`, a leak that saturates.

    Its known answers stay those of the linear filters and leak.
    """
    neuron = preset.neuron
    taus = {name: neuron.defaults[name] for name in ("tau_s", "tau_us") if name in neuron.defaults}
    limited = mtc(neuron.elements, **taus, filter_limit=filter_limit, leak_limit=leak_limit, name=neuron.name)
    return replace(preset, neuron=limited)


@dataclass(frozen=True, kw_only=True)
class Measured:
    """What one form of a preset does: the quantities of `Preset.known`, spike times in tau_m and seconds of work."""

    preset: str
    form: str
    quantities: Mapping[str, Answer]
    spikes: tuple[float, ...]
    seconds: float = 0.0


def by_equation(preset: Preset) -> Measured:
    """The preset's equation, integrated tightly."""
    trace = integrate(preset.neuron, preset.stimulus, preset.stop, start=preset.start)
    time = np.linspace(0, preset.stop, round(preset.stop / 0.05) + 1)
    return _measured(preset, "equation", time, trace.at(time)[:, 0], 0.0)


def by_circuit(
    preset: Preset, level: Level, technology: Technology, *, trims: Mapping[str, Trim] | None = None,
    current_unit: float = 1e-9, capacitance: float = 1e-12, simulator: str = "ngspice",
) -> Measured:  # fmt: skip
    """The preset's circuit at a level.

    Args:
        preset: the parameter set; its filters and leak decide what is built of amplifiers.
        level: behavioural, macromodel or transistor.
        technology: of the amplifiers.
        trims: of a calibration.
        current_unit: I0 in A.
        capacitance: of the membrane in F.
        simulator: ngspice or vacask.

    Raises:
        CircuitError: no circuit of that neuron. SimulatorMissing, SimulationFailed: ngspice.
    """
    scaling = technology.scaling(current_unit=current_unit, capacitance=capacitance)
    unit = scaling.time_unit
    neuron: Neuron = preset.neuron
    built = realise(neuron, level, technology=technology, scaling=scaling, trims=trims)
    circuit = neuron_circuit(neuron, preset.stimulus, scaling=scaling, start=preset.start, realisation=built)
    exact = accuracy(simulator, level)
    tolerances = Tolerances.scaled(
        voltage_unit=scaling.voltage_unit,
        current_unit=current_unit,
        capacitance=capacitance,
        relative=exact.relative,
    )
    analysis = Transient(stop=preset.stop * unit, max_step=exact.max_step * unit)
    run = solve(circuit, analysis, tolerances, simulator=simulator)
    waveforms = run.require()
    voltage = waveforms["voltage"].sel(node=circuit.probes[0]).to_numpy() / scaling.voltage_unit
    return _measured(preset, level, waveforms["time"].to_numpy() / unit, voltage, run.seconds)


def _measured(preset: Preset, form: str, time: np.ndarray, voltage: np.ndarray, seconds: float) -> Measured:
    spikes = upward_crossings(time, voltage, threshold=SPIKE_LEVEL)[0]
    late = voltage[time >= preset.onset]
    quantities = answers(preset, spikes, float(late.min()), float(late.max()))
    return Measured(
        preset=preset.name, form=form, quantities=quantities, spikes=tuple(spikes.tolist()), seconds=seconds
    )
