"""Energy and area of a run's circuit: supply currents integrated over a simulation, devices added up."""

import json
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Executor
from dataclasses import asdict, dataclass, replace
from functools import reduce
from operator import add

import xarray as xr
from pydantic import TypeAdapter

from circuits.data.circuit import Circuit, VoltageSource
from circuits.data.silicon import PUBLISHED
from circuits.measures.area import Area, area_of
from circuits.technologies import default_technology
from conductance.errors import ExcitableError
from excitable.documents import read_document
from excitable.ladder.maps import SampledEnergy, sampled_energy
from excitable.ladder.options import CircuitOptions
from excitable.ladder.rungs import circuit_rung, network_threshold
from excitable.ladder.series import part_circuits, written
from excitable.runs.images import ImageRun
from excitable.runs.series import SeriesRun
from excitable.runs.stages.base import BEHAVIOURAL
from excitable.runs.stages.belonging import note_weights
from excitable.runs.stages.images import circuit_options as circuit_options_of_images
from excitable.runs.stages.images import shown, simulated_steps
from excitable.runs.stages.series import circuit_options
from netlists.analyses import OperatingPoint
from netlists.comparison import count_upward_crossings
from netlists.simulation import simulate_all
from netlists.waveforms.energy import SupplyEnergy, supply_energy, supply_power
from netlists.writing import write_netlist

ENERGY = "energy.json"
"""Written into the run folder."""


class EnergyError(ExcitableError):
    """A circuit without supplies has no energy."""


@dataclass(frozen=True, kw_only=True)
class EnergyReport:
    """What a circuit costs, in SI.

    Attributes:
        level, technology: what it is made of.
        supply: total supply in V.
        neurons: that were simulated.
        samples: of the held-out series; one inference is one of them: a prediction at the end of each step.
        duration: of the simulation, in s.
        energy: that the supplies gave over it, in J.
        static_power: at the operating point, where no neuron moves, in W.
        spikes: upward crossings of the threshold by all neurons.
        area: None at the level of macromodels, which have no devices.
    """

    level: str
    technology: str
    supply: float
    neurons: int
    samples: int
    duration: float
    energy: float
    static_power: float | None
    spikes: int
    area: Area | None

    @property
    def power(self) -> float:
        """Mean power in W."""
        return self.energy / self.duration

    @property
    def per_spike(self) -> float | None:
        """All energy over all spikes, in J; None where nothing spiked. What a silent neuron draws counts, too."""
        return self.energy / self.spikes if self.spikes else None

    @property
    def per_inference(self) -> float:
        """Energy of one predicted sample, in J."""
        return self.energy / self.samples


def energy_run(
    run: SeriesRun,
    *,
    level: str = "transistor",
    samples: int | None = None,
    executor: Executor | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> EnergyReport:
    """Simulate a run's circuit on the held-out series, and write `energy.json`.

    Sources that stand for what is not designed yet, such as inputs, biases of the encoder and the readout's filter,
    take nothing from the supplies and are not counted.

    Raises:
        EnergyError: a level without supplies. SimulatorMissing, SimulationFailed: ngspice.
    """
    if level == "behavioural":
        raise EnergyError(
            "level behavioural has no supply: its sources state equations, and take no energy; "
            "use level transistor, or macromodel for a first estimate"
        )
    network, dt = run.network(), run.configuration.network.dt
    options = circuit_options(run, level)
    count = samples or run.configuration.simulation.samples
    inputs = run.data.held_out.inputs[:count, 0].numpy()
    if (
        options.ideal == "none"
    ):  # one chip has one master current and one string, which each part would have again
        options = replace(options, monolithic=True)
    parts = part_circuits(network, inputs, dt=dt, options=options)
    supplies = [_supplies(part.circuit) for part in parts]
    runs = simulate_all(
        [written(network, part, options) for part in parts], simulator=options.simulator, executor=executor,
        time_limit=options.time_limit,
        progress=None if progress is None else lambda done, total, _: progress(done, total),
    )  # fmt: skip
    waveforms = [found.require() for found in runs]
    total = together(waveforms, supplies)
    rung = circuit_rung(
        network, parts, waveforms, dt=dt, steps=len(inputs), scaling=options.scaling, rung=options.level
    )
    threshold = network_threshold(network)
    technology = options.made_of
    # parts share the filter of the readout, so areas are added up in one piece; no device depends on the input
    whole = options.build(network, inputs[:1], dt=dt, name="whole")
    report = EnergyReport(
        level=level,
        technology=technology.name,
        supply=technology.supply,
        neurons=len(rung.neurons),
        samples=len(inputs),
        duration=total.duration,
        energy=total.energy,
        static_power=_static_power([part.circuit for part in parts], options, executor),
        spikes=int(count_upward_crossings(rung.membrane, threshold=threshold).sum()),
        area=area_of(whole.circuit, technology) if level == "transistor" else None,
    )
    note_weights(run, f"energy --level {level}", run.write(ENERGY, energy_json(report)))
    return report


def estimate_run(run: ImageRun) -> SampledEnergy:
    """Estimate from its simulated steps what one image costs a run's clocked circuit, and write `energy.json`.

    Raises:
        RunError: nothing has been simulated, or the run has no circuit.
    """
    chain, inputs, _ = shown(run)
    clock, made = circuit_options_of_images(run).clock, default_technology("transistor")
    found = sampled_energy(chain, inputs, simulated_steps(run)[BEHAVIOURAL], clock, made)
    document = {**asdict(found), "total": found.total, "technology": made.name, "samples": inputs.shape[1]}
    note_weights(run, "energy", run.write_json(ENERGY, document))
    return found


def together(waveforms: Sequence[xr.Dataset], supplies: Sequence[Mapping[str, float]]) -> SupplyEnergy:
    """What all parts of a network take from their supplies, each with its own copy of these."""
    return reduce(add, (supply_energy(data, volts) for data, volts in zip(waveforms, supplies, strict=True)))


def _supplies(circuit: Circuit) -> dict[str, float]:
    """Voltages of the metered sources."""
    held = {d.name: d.waveform for d in circuit.devices if isinstance(d, VoltageSource)}
    return {name: float(held[name]) for name in circuit.metered}  # type: ignore[arg-type]


def _static_power(
    circuits: list[Circuit], options: CircuitOptions, executor: Executor | None
) -> float | None:
    """Power at the operating point; None where ngspice finds none."""
    netlists = [
        write_netlist(circuit, OperatingPoint(), options.tolerances(), dialect=options.dialect)
        for circuit in circuits
    ]
    runs = simulate_all(
        netlists, simulator=options.simulator, executor=executor, time_limit=options.time_limit
    )
    if not all(found.ok for found in runs):
        return None
    return sum(
        float(supply_power(found.require(), _supplies(circuit)))
        for found, circuit in zip(runs, circuits, strict=True)
    )


_REPORT: TypeAdapter[EnergyReport] = TypeAdapter(EnergyReport)


def energy_json(report: EnergyReport) -> str:
    """The text of `energy.json`, with the numbers that follow from it and the published ones beside."""
    derived = {
        "power": report.power,
        "per_spike": report.per_spike,
        "per_inference": report.per_inference,
        "published": [asdict(entry) for entry in PUBLISHED],
    }
    return json.dumps({**asdict(report), **derived}, indent=1, allow_nan=False) + "\n"


def read_energy(text: bytes | str, *, source: str = ENERGY) -> EnergyReport:
    """The inverse of `energy_json`; `StorageError` for a damaged file."""
    return read_document(_REPORT, text, source=source, command="energy")
