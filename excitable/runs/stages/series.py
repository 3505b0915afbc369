"""What is done to a trained run: export, simulate, compare. Each stage leaves its files in the folder."""

import json
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import xarray as xr

from circuits.data.levels import MIXED
from circuits.measures.bias import bias_csv, groups_csv
from conductance.files import typed, whole_file
from conductance.tasks import Split
from excitable.ladder.accuracy import AUTO, chosen_simulator
from excitable.ladder.calibration import calibrated, fits_json, read_fits
from excitable.ladder.lines.grouping import grouping_line
from excitable.ladder.lines.noise import noise_line
from excitable.ladder.measured import Kept, measure_network, measured_rung
from excitable.ladder.options import CircuitOptions
from excitable.ladder.reach import reach_warning
from excitable.ladder.rungs import (
    CIRCUIT_RUNGS,
    MEANINGS,
    MEASURED,
    Waveforms,
    continuous_rung,
    discrete_rung,
    load_waveforms,
    save_waveforms,
)
from excitable.ladder.series import held_out, ladder, simulate, written
from excitable.runs.folder import (
    CALIBRATION,
    COMPARISON,
    CONFIGURATION,
    MODEL,
    NETLISTS,
    SWEEPS,
    WAVEFORMS,
    RunError,
)
from excitable.runs.series import SeriesRun
from excitable.runs.stages.base import PARTS, Progress, Simulated
from excitable.runs.stages.basis import basis_of, check_belonging, compared_split
from excitable.runs.stages.belonging import note_weights
from excitable.runs.stages.witness import with_witness
from netlists.comparison import Ladder
from netlists.simulation import SIMULATORS as KNOWN_SIMULATORS
from netlists.simulation import available_cores, known_simulator
from netlists.waveforms.labelled import check_netcdf

TASK_GROUP = "task"
SHEETS = "xschem"
DRAWN_DIALECTS = ("lvs", SHEETS)
"""Dialects of what is drawn, which a circuit without transistors is not."""
SIMULATORS = "simulators.json"
"""Which simulator each level was begun with, where the configuration says auto."""


def circuit_options(run: SeriesRun, level: str) -> CircuitOptions:
    """How the run's circuit at a level is built and simulated; amplifiers are calibrated, or from `calibration.json`.

    Raises:
        SimulatorMissing, SimulationFailed: ngspice. CalibrationError: a sweep that is no amplifier's.
    """
    # the measured law is that of the transistors
    level = "transistor" if level == MEASURED else level
    known = read_fits(run.path / CALIBRATION)
    options, fits = calibrated(
        run.network(), CircuitOptions.configured(run.built, level, simulator_of(run, level)), known
    )
    fresh = [fit for fit in fits if fit not in known]
    if fresh:
        renewed = {(fit.level, fit.technology, fit.corner, fit.temperature) for fit in fresh}
        kept = [f for f in known if (f.level, f.technology, f.corner, f.temperature) not in renewed]
        run.write(CALIBRATION, fits_json([*kept, *fresh]))
    return options


def simulator_of(run: SeriesRun, level: str) -> str:
    """Which simulator a level of the run has: the configuration's, of `auto` the one that it began with.

    Raises:
        SimulatorMissing: of `auto`, none is installed.
    """
    wanted = run.configuration.simulation.simulator
    if wanted != AUTO:
        return wanted
    path = run.path / SIMULATORS
    recorded: dict[str, str] = json.loads(path.read_text("utf-8")) if path.is_file() else {}
    if level not in recorded:
        recorded[level] = chosen_simulator(AUTO, level)
        run.write(SIMULATORS, json.dumps(recorded, indent=1) + "\n")
    return recorded[level]


def export_run(run: SeriesRun, levels: Sequence[str] = (), dialect: str = "ngspice") -> list[Path]:
    """Write a netlist, its test bench, bias table and schematics for each level into the run's `netlists/`.

    Args:
        run: a trained run.
        levels: behavioural, mixed, macromodel, transistor; those of the configuration where none are given.
        dialect: a name of `netlists.writing.DIALECTS`.

    Returns:
        The benches, in the order of the ladder; those of another dialect than ngspice's are in a folder of its name.
    """
    from circuits.schematic import (
        schematics,  # needs the extra `report`, which sweeps and energies do without
    )

    readers = {known_simulator(name).dialect: name for name in KNOWN_SIMULATORS}
    configuration, network, split = run.configuration, run.network(), compared_split(run)
    folder, benches = run.file(NETLISTS), []
    target = folder if dialect == "ngspice" else folder / dialect  # whose files have the same names
    wanted = chosen_levels(run, levels)
    undrawn = [level for level in wanted if level not in ("transistor", MIXED)]
    if dialect in DRAWN_DIALECTS and undrawn:
        raise RunError(
            f"dialect {dialect} is of what a layout has, and level {undrawn[0]} has no transistors; give --level "
            "transistor"
        )
    for level in wanted:
        options = circuit_options(run, level)
        built = options.build(
            network, split.inputs[:, 0].numpy(), dt=configuration.network.dt, name=netlist_name(level),
            provenance={**_provenance(run), "level": level, **_made_of(options)},
        )  # fmt: skip
        if dialect in readers:
            options = replace(options, simulator=readers[dialect])
        # sheets and symbols are named by their cells, which levels share
        place = target / level if dialect == SHEETS else target
        bench = written(network, built, options, dialect).write(place)
        benches.append(bench)
        run.write(f"{NETLISTS}/{netlist_name(level)}_bias.csv", bias_csv(built.circuit))
        run.write(f"{NETLISTS}/{netlist_name(level)}_bias_groups.csv", groups_csv(built.circuit))
        for name, drawing in schematics(built.circuit).items():
            run.write(f"{NETLISTS}/{netlist_name(level)}_{name}.svg", drawing)
        if dialect == "ngspice":
            note_weights(run, f"export{_asked(run, level)}", bench)
    return benches


def membrane_warning(run: SeriesRun, levels: Sequence[str] = ()) -> str:
    """A warning where the model drives membranes farther than its circuits let them go; empty where it does not.

    Args:
        run: a trained run.
        levels: of the circuit; those of the configuration where none are given.
    """
    configuration, network = run.configuration, run.network()
    model = discrete_rung(network, compared_split(run).inputs[:, 0].numpy(), dt=configuration.network.dt)
    circuits = [
        CircuitOptions.configured(run.built, level, simulator_of(run, level))
        for level in chosen_levels(run, levels)
    ]
    return reach_warning(network, model, circuits)


def _asked(run: SeriesRun, level: str) -> str:
    """The option that names a level to a command; empty where the configuration says it."""
    return "" if level in run.configuration.circuit.level else f" --level {level}"


def netlist_name(level: str) -> str:
    """What the files of a level's netlist begin with."""
    return "network" if level == "behavioural" else f"network_{level}"


def chosen_levels(run: SeriesRun, levels: Sequence[str] = ()) -> tuple[str, ...]:
    """The levels asked for, or those of the configuration, in the order of the ladder.

    Raises:
        RunError: there is no such level, or the configuration does not say what is mixed.
    """
    wanted = tuple(levels) or tuple(run.configuration.circuit.level)
    unknown = [level for level in wanted if level not in CIRCUIT_RUNGS]
    if unknown:
        raise RunError(f"level {unknown[0]!r} is unknown; allowed are {', '.join(CIRCUIT_RUNGS)}")
    if MIXED in wanted and not run.configuration.circuit.mixed:
        raise RunError(
            f"{run.path / CONFIGURATION}: level {MIXED} needs the table [circuit.mixed], as in hidden_3 = 'transistor'"
        )
    return tuple(level for level in CIRCUIT_RUNGS if level in wanted)


def simulate_run(run: SeriesRun, levels: Sequence[str] = (), progress: Progress | None = None) -> Simulated:
    """Run the model, its continuous equation and its circuits on the held-out series, and keep their waveforms.

    Waveforms of other rungs stay as long as the network, its input and its options are the same. Where an earlier
    call was broken off, the parts that were simulated are not simulated again.

    Args:
        run: a trained run.
        levels: behavioural, mixed, macromodel, transistor, and measured, the law of the transistors; those of the
            configuration where none are given.
        progress: called with the name of a rung, how much of it is done, and all of it.

    Raises:
        SimulatorMissing, SimulationFailed: there is no ngspice, or it failed; the waveforms are not changed then.
        MeasureError: a network that cannot be measured.
        CircuitError, ContinuousError: the network has no circuit, or no continuous equation.
    """
    check_netcdf()
    network, split, dt = run.network(), compared_split(run), run.configuration.network.dt
    inputs = split.inputs[:, 0].numpy()
    tell = progress or (lambda *_: None)
    circuits = [level for level in levels if level != MEASURED]
    chosen = chosen_levels(run, circuits) if circuits or not levels else ()
    wanted = {level: circuit_options(run, level) for level in chosen}
    measured = circuit_options(run, MEASURED) if MEASURED in levels else None
    bases = {level: basis_of(run, inputs, options) for level, options in wanted.items()}
    bases |= {} if measured is None else {MEASURED: basis_of(run, inputs, measured)}
    bases |= {rung: basis_of(run, inputs) for rung in ("discrete", "continuous")}
    found = {rung.rung: rung for rung in _still_valid(run, inputs, bases) if rung.rung not in wanted}
    if measured is not None and MEASURED not in found:
        tell(f"sweeps of cells in {measured.simulator}", 0, 1)
        placed = measured.placed(network)
        laws = measure_network(placed, measured, kept=Kept(folder=run.path / SWEEPS))
        found[MEASURED] = measured_rung(placed, inputs, dt=dt, measured=laws)
        tell(f"sweeps of cells in {measured.simulator}", 1, 1)
    parts = run.path / NETLISTS / PARTS
    workers = run.configuration.simulation.workers or available_cores()
    with ThreadPoolExecutor(workers) as executor:
        for level, options in wanted.items():
            found[level] = simulate(
                network, inputs, dt=dt, options=options, executor=executor, keep=parts / level, resume=True,
                progress=partial(tell, f"{level} netlists in {options.simulator}"),
            )  # fmt: skip
    if "continuous" not in found:
        tell_continuous = partial(tell, "continuous equation")
        found["continuous"] = continuous_rung(network, inputs, dt=dt, progress=tell_continuous)
    found["discrete"] = discrete_rung(network, inputs, dt=dt)
    ladder_rungs = [replace(found[name], basis=bases[name]) for name in MEANINGS if name in found]
    with whole_file(run.file(WAVEFORMS)) as part:
        save_waveforms(ladder_rungs, part)
        _task_dataset(run, split).to_netcdf(part, mode="a", group=TASK_GROUP, engine="h5netcdf")
    note_weights(run, "simulate", run.path / WAVEFORMS)
    _tidy_parts(parts, wanted)
    what = f"waveforms of {len(ladder_rungs[0].neurons)} neurons"
    return Simulated(path=run.path / WAVEFORMS, what=what, rungs=tuple(rung.rung for rung in ladder_rungs))


def _still_valid(run: SeriesRun, inputs: np.ndarray, bases: dict[str, str]) -> Iterator[Waveforms]:
    """Waveforms of an earlier simulation that a new one would not change; `bases` receives those of their rungs."""
    try:
        present = load_waveforms(run.path / WAVEFORMS)
    except (OSError, KeyError, ValueError):
        return  # none, or of no use: they are made anew
    for rung in present:
        if rung.basis and rung.rung not in bases:
            bases[rung.rung] = basis_of(run, inputs, circuit_options(run, rung.rung))
        if rung.basis == bases[rung.rung]:
            yield rung


def _tidy_parts(folder: Path, simulated: Mapping[str, CircuitOptions]) -> None:
    """Remove the raw files of finished simulations: their waveforms are in `waveforms.nc`."""
    for level in simulated:
        for raw in (folder / level).glob("*/*.raw"):
            raw.unlink(missing_ok=True)


def compare_run(
    run: SeriesRun, levels: Sequence[str] = (), witness: str | None = None, progress: Progress | None = None
) -> Ladder:
    """Climb the ladder with the waveforms of the run, and write `comparison.json`.

    Args:
        run: a simulated run.
        levels: of the circuit; all that are simulated where none are given.
        witness: a second simulator, in which the same circuits are simulated, a rung of its own after each.
        progress: called with the name of a rung, how much of it is done, and all of it.

    Raises:
        RunError: nothing has been simulated, or not at such a level.
        SimulatorMissing, SimulationFailed: the witness.
    """
    run.check_trained(MODEL)
    path = run.path / WAVEFORMS
    if not path.is_file():
        raise RunError(
            f"{run.path}: nothing is simulated yet; `excitable simulate {typed(run.path)}` does it"
        )
    found = load_waveforms(path)
    if levels:
        circuits = [level for level in levels if level != MEASURED]
        wanted = (*(chosen_levels(run, circuits) if circuits else ()), *(set(levels) & {MEASURED}))
        missing = sorted(set(wanted) - {rung.rung for rung in found})
        if missing:
            raise RunError(
                f"{run.path}: level {missing[0]} is not simulated yet; `excitable simulate {typed(run.path)} --level "
                f"{missing[0]}` does it"
            )
        found = [rung for rung in found if rung.rung in (*wanted, "discrete", "continuous")]
    dt = run.configuration.network.dt
    split = held_out(run.data.held_out, round(float(found[0].time[-1]) / dt))
    network = run.network()  # before the waveforms, which a damaged one would be blamed on
    check_belonging(run, found, split, circuit_options)
    if witness is not None:
        found = with_witness(run, found, witness, circuit_options, progress)
    climbed = ladder(network, found, split, run.task, dt=dt)
    options = CircuitOptions.configured(run.built, "transistor")
    noise = noise_line(
        options.placed(network), split, run.task, technology=options.made_of,
        scaling=run.configuration.circuit.scaling("transistor"), biases=options.ideal == "none",
    )  # fmt: skip
    ungrouped = run.ungrouped()
    grouping = None if ungrouped is None else grouping_line(ungrouped, network, split, run.task)
    climbed = climbed.model_copy(update={"noise": noise, "grouping": grouping})
    note_weights(run, "compare", run.write(COMPARISON, climbed.to_json()))
    return climbed


def _provenance(run: SeriesRun) -> Mapping[str, str]:
    configuration = run.configuration
    return {
        "run": configuration.name,
        "seed": str(configuration.seed),
        "input": f"{compared_split(run).samples} samples of the held-out {configuration.task.name} series, "
        f"each held for {configuration.network.dt:g} tau_m",
    }


def _made_of(options: CircuitOptions) -> Mapping[str, str]:
    """Of which technology, and where: what a designer must know before the netlist is used."""
    made = options.technology
    if made is None or options.level == "behavioural":
        return {}
    return {
        "technology": f"{made.name}, corner {made.corner}, {made.temperature:g} degrees Celsius, {made.supply:g} V",
        "calibration": f"{len(options.trims or {})} cells trimmed by DC sweeps at these conditions",
    }


def _task_dataset(run: SeriesRun, split: Split) -> xr.Dataset:
    """The held-out series beside the waveforms, one entry per model step."""
    ends = run.configuration.network.dt * np.arange(1, split.samples + 1)
    data = run.data
    return xr.Dataset(
        {
            "input": (("step", "feature"), split.inputs[:, 0].numpy()),
            "target": (("step", "target_feature"), split.targets[:, 0].numpy()),
            "mask": (("step",), split.mask[:, 0].numpy().astype(np.int8)),
        },
        coords={"time": ("step", ends, {"unit": "tau_m"})},
        attrs={
            "name": data.name, "sample": data.sample, "input": ", ".join(data.input_names),
            "target": ", ".join(data.target_names), "sample_step": data.sample_step, "time_unit": data.time_unit,
            # a series that is forecast is its own input; another quantity cannot be repeated
            "repeats": int(data.target_scale is None and not data.classes),
        },
    )  # fmt: skip
