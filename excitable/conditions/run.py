"""A run under conditions: every corner, temperature and supply, resumable, with the netlists of any of them."""

import hashlib
import math
from collections.abc import Sequence
from concurrent.futures import Executor, ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from circuits.measures.chips import Conditions
from circuits.networks.continuous import level_biases, neuron_levels
from conductance.errors import ExcitableError
from excitable.chips.judge import PackedNetwork
from excitable.conditions.amplifiers import swept_there
from excitable.conditions.judge import Design, Place, judge_place, netlists_there
from excitable.conditions.table import Row, Table, table_csv, table_json
from excitable.ladder.calibration import calibrated, swept_biases, typical_neuron
from excitable.ladder.options import CircuitOptions
from excitable.ladder.rungs import discrete_rung
from excitable.ladder.series import held_out, prediction_of
from excitable.runs.series import SeriesRun
from excitable.runs.stages.belonging import note_weights
from excitable.runs.stages.series import circuit_options, simulator_of
from excitable.trials import Progress, run_trials
from netlists.simulation import available_cores

CONDITIONS = "conditions_{}.json"
"""Of a level, in the run folder; beside it a file of the same name for spreadsheets, `.csv`."""
FOLDER = "conditions"
"""Below the run: a folder for each design, with a file for each row, and the netlists of rows that were exported."""
LEVELS = ("macromodel", "transistor")
TEMPERATURES = (-20.0, 27.0, 85.0)
"""In degrees Celsius, where none are given."""
SUPPLIES = (0.9, 1.0, 1.1)
"""Over the technology's own, where none are given."""


class ConditionsError(ExcitableError):
    """Conditions that cannot be."""


@dataclass(frozen=True, kw_only=True)
class ConditionsOptions:
    """Which conditions, and how they are simulated.

    Args:
        level: macromodel or transistor.
        corners: all of the technology where none are given.
        temperatures: in degrees Celsius; -20, 27 and 85 where none are given.
        supplies: total, in V; the technology's own, 10 % less and 10 % more where none are given.
        samples: of the held-out series, from its start; those of the configuration where not given.
        places: these alone, in place of all combinations; none leave the design's own conditions.
    """

    level: str = "macromodel"
    corners: tuple[str, ...] = ()
    temperatures: tuple[float, ...] = ()
    supplies: tuple[float, ...] = ()
    samples: int | None = None
    places: tuple[Conditions, ...] | None = None

    def __post_init__(self) -> None:
        if self.level not in LEVELS:
            raise ConditionsError(
                f"level {self.level!r}: conditions are of amplifiers; give {' or '.join(LEVELS)}"
            )


def conditions_run(
    run: SeriesRun, options: ConditionsOptions, *, executor: Executor | None = None, progress: Progress | None = None
) -> Table:  # fmt: skip
    """Judge a run's circuit under every combination of conditions, and write the table as JSON and CSV.

    Rows whose results lie in the run folder are not made again, failed ones included.

    Args:
        run: a trained run.
        options: which conditions.
        executor: threads that wait for ngspice, one per core, where none is given.
        progress: called with (done, all, name).

    Raises:
        SimulatorMissing: there is no ngspice. TechnologyError: no such corner, or a supply that is out of reach.
    """
    design = design_of(run, options)
    places = {place.name: place for place in places_of(design, options)}
    with ThreadPoolExecutor(available_cores()) as threads:
        found = run_trials(
            places, judge_place, folder=run.path / FOLDER / digest_of(design),
            executor=threads if executor is None else executor, progress=progress,
        )  # fmt: skip
    rows = {name: Row(**result) for name, result in found.items()}
    own = Place(design=design, conditions=Conditions()).name
    network = design.network.unpacked()
    model = discrete_rung(network, design.inputs, dt=design.dt)
    table = Table(
        technology=design.options.made_of.name, level=options.level, error_name=design.task.error_name,
        samples=design.split.samples,
        model_error=float(design.task.error(prediction_of(model, design.split, design.dt), design.split)),
        typical=rows[own], rows=tuple(rows.values()),
    )  # fmt: skip
    name = CONDITIONS.format(options.level)
    written = run.write(name, table_json(table)), run.write(name.replace(".json", ".csv"), table_csv(table))
    note_weights(run, f"conditions --level {options.level}", *written)
    return table


def design_of(run: SeriesRun, options: ConditionsOptions) -> Design:
    """The run's circuit at its own conditions, calibrated: as transistors, or as macromodels that were swept from them.

    Raises:
        SimulatorMissing, SimulationFailed: ngspice. NotWorking: a design that does not work.
    """
    network, configuration = run.network(), run.configuration
    split = held_out(run.data.held_out, options.samples or configuration.simulation.samples)
    configured = CircuitOptions.configured(run.built, options.level, simulator_of(run, options.level))
    placed = configured.placed(network)
    levels = neuron_levels(placed, configured.levels)
    biases = tuple(swept_biases(level_biases(placed, configured.scaling, levels)[configured.levels]))  # type: ignore[index]
    if options.level == "transistor":
        built = circuit_options(run, options.level)
    else:
        there = swept_there(configured.made_of, biases, configured.simulator)
        built, _ = calibrated(network, replace(configured, technology=there.technology))
        # conditions are those of the technology as its file has it, swept anew in each place
        built = replace(built, technology=configured.made_of)
    model = discrete_rung(network, split.inputs[:, 0].numpy(), dt=configuration.network.dt).membrane
    return Design(
        network=PackedNetwork.of(network),
        task=run.task,
        split=split,
        dt=configuration.network.dt,
        options=built,
        biases=biases,
        typical=typical_neuron(placed, levels, configured.level),  # type: ignore[arg-type]
        swing=(float(model.min()), float(model.max())),
        rest=float(np.median(model)),
    )


def places_of(design: Design, options: ConditionsOptions) -> list[Place]:
    """The design at its own conditions, then under every combination.

    Raises:
        TechnologyError: a corner that the technology does not have, a temperature or a supply out of reach.
    """
    made_of = design.options.made_of
    supplies = options.supplies or tuple(round(share * made_of.supply, 6) for share in SUPPLIES)
    every = [
        Conditions(corner=corner, temperature=temperature, supply=supply)
        for corner in options.corners or made_of.corners
        for temperature in options.temperatures or TEMPERATURES
        for supply in supplies
    ]
    conditions = every if options.places is None else options.places
    for each in conditions:
        each.technology(made_of)
    found = [Place(design=design, conditions=each) for each in (Conditions(), *conditions)]
    return list({place.name: place for place in found}.values())


def place_named(design: Design, words: str) -> Place:
    """The place that a text names, as `ss,85,1.62`: corner, degrees Celsius, volts.

    Raises:
        ConditionsError: another spelling. TechnologyError: no such corner, temperature or supply.
    """
    parts = [part.strip() for part in words.split(",")]
    try:
        corner, temperature, supply = parts
        conditions = Conditions(corner=corner, temperature=float(temperature), supply=float(supply))
    except ValueError:
        raise ConditionsError(
            f"conditions {words!r}: give corner, degrees Celsius and volts, as ss,85,1.62"
        ) from None
    conditions.technology(design.options.made_of)
    return Place(design=design, conditions=conditions)


def export_place(run: SeriesRun, place: Place) -> list[Path]:
    """Write the netlists of a place, the very ones that its row was simulated with; the benches are returned."""
    _, netlists, _ = netlists_there(place)
    folder = run.path / FOLDER / "netlists" / f"{place.design.options.level}-{place.name}"
    benches = [netlist.write(folder) for netlist in netlists]
    note_weights(run, "conditions --export", *benches)
    return benches


def worst_conditions(rows: Sequence[Row], count: int) -> tuple[Conditions, ...]:
    """The conditions of the worst rows that were simulated."""
    simulated = sorted((row for row in rows if math.isfinite(row.badness)), key=lambda row: -row.badness)
    return tuple(
        Conditions(corner=row.corner, temperature=row.temperature, supply=row.supply)
        for row in simulated[:count]
    )


def digest_of(design: Design) -> str:
    """A name for all that decides a row, but for its conditions."""
    digest = hashlib.sha256(design.network.structure + design.network.weights)
    for tensor in (design.split.inputs, design.split.targets, design.split.mask):
        digest.update(tensor.numpy().tobytes())
    digest.update(repr((design.task, design.dt, design.options, design.biases)).encode())
    digest.update(design.options.made_of.digest.encode())
    return digest.hexdigest()[:16]
