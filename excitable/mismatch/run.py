"""The ranking of a trained run's transistors, with a file of all of them and a check by drawn chips."""

import csv
import io
import math
from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np

from circuits.mismatch.ranking import Ranked, total_error
from circuits.mismatch.sizing import RoleArea, check_budget, chosen_areas, role_areas, sizes_toml, total
from conductance.networks import Network
from excitable.ladder.options import CircuitOptions
from excitable.ladder.series import held_out
from excitable.mismatch.network import LEVEL, device_mismatch
from excitable.mismatch.ranking import Predict, drawn_errors, predictor, ranking
from excitable.runs.series import SeriesRun
from excitable.runs.stages.belonging import note_weights
from excitable.runs.stages.series import circuit_options

RANKING = "ranking.csv"
SIZES = "sizes.toml"
"""In the run folder: tables for the technology's file."""
RESAMPLED = 1000
FAR = 1.5
"""Chips that differ by so many times what sensitivities say, or by so much less, are beyond them."""


@dataclass(frozen=True, kw_only=True)
class Ranking:
    """A network's devices, the worst first.

    Attributes:
        technology: its name.
        table: the devices.
        total: standard deviation of the output by all of them, by their sensitivities.
        signal: that of the output itself over time.
        samples: that count.
        chips: that were drawn as a check.
        drawn, low, high: the same of drawn chips, and its 95 % interval; None where none were drawn.
        roles: of transistors, with the areas that were chosen for a budget; as they are where none was given.
    """

    technology: str
    table: tuple[Ranked, ...]
    total: float
    signal: float
    samples: int
    chips: int = 0
    drawn: float | None = None
    low: float | None = None
    high: float | None = None
    roles: tuple[RoleArea, ...] = ()

    @property
    def chosen_total(self) -> float:
        """Standard deviation of the output with the chosen areas."""
        rest = math.hypot(*(one.error for one in self.table if not one.role))
        return total(self.roles, rest) if self.roles else self.total

    @property
    def parts(self) -> Mapping[str, tuple[float, float]]:
        """Share of the variance and area in m^2 of each part, the worst first."""
        found: dict[str, tuple[float, float]] = {}
        for one in self.table:
            share, area = found.get(one.part, (0.0, 0.0))
            found[one.part] = share + one.share, area + one.area
        return dict(sorted(found.items(), key=lambda item: -item[1][0]))

    @property
    def far(self) -> bool:
        """Whether drawn chips differ by far more or far less than sensitivities say."""
        return self.drawn is not None and not self.total / FAR <= self.drawn <= FAR * self.total


def rank_network(network: Network, options: CircuitOptions, predict: Predict, *, chips: int = 100) -> Ranking:
    """Rank a network's devices, and draw chips of its model beside.

    Raises:
        SimulatorMissing, SimulationFailed: the simulator. CircuitError: a network without a circuit of transistors.
    """
    mismatch = device_mismatch(network, options)
    table, exact = ranking(network, mismatch, predict), predict(network)
    found = Ranking(
        technology=options.made_of.name, table=table, total=total_error(table), signal=float(exact.std()),
        samples=len(exact),
    )  # fmt: skip
    if not chips:
        return found
    squares = (drawn_errors(network, mismatch, predict, range(1, chips + 1)) ** 2).mean(axis=(1, 2))
    generator = np.random.default_rng(0)
    again = np.sqrt([generator.choice(squares, chips).mean() for _ in range(RESAMPLED)])
    low, high = (float(value) for value in np.quantile(again, (0.025, 0.975)))
    return Ranking(
        technology=found.technology, table=table, total=found.total, signal=found.signal, samples=found.samples,
        chips=chips, drawn=float(np.sqrt(squares.mean())), low=low, high=high,
    )  # fmt: skip


def rank_run(
    run: SeriesRun, *, chips: int = 100, samples: int | None = None, area: float | None = None
) -> Ranking:
    """Rank the devices of a run on its held-out series, and write `ranking.csv`.

    Args:
        run: a trained run.
        chips: of the model that are drawn as a check.
        samples: of the held-out series; the configuration's where not given.
        area: of all gates over what it is, under which the sizes of roles are chosen; `sizes.toml` gets them.

    Raises:
        SimulatorMissing, SimulationFailed: the simulator. CircuitError: a network without a circuit of transistors.
    """
    if area is not None:
        check_budget(area)
    split = held_out(run.data.held_out, samples or run.configuration.simulation.samples)
    first = int(split.mask.any(1).nonzero()[0])
    predict = predictor(split.inputs[:, 0].numpy(), first=first)
    options = circuit_options(run, LEVEL)
    found = rank_network(run.network(), options, predict, chips=chips)
    files = [run.write(RANKING, ranking_csv(found))]
    if area is not None:
        rules = options.made_of.sizing.roles
        fixed = [name for name, size in rules.items() if size.width or size.length or size.efficiency]
        found = replace(found, roles=chosen_areas(role_areas(found.table), area, fixed))
        files.append(
            run.write(SIZES, sizes_toml(found.roles, {name: size.area for name, size in rules.items()}))
        )
    note_weights(run, "rank", *files)
    return found


def ranking_csv(found: Ranking) -> str:
    """All devices as CSV with a header line; areas in m^2."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["part", "device", "number", "output_error", "share", "area_m2"])
    for one in found.table:
        writer.writerow([one.part, one.device, one.count, one.error, one.share, one.area])
    return text.getvalue()
