"""A run's transistors: every neuron over its swing on the held-out series, the worst of each device kept."""

import csv
import io
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace

import numpy as np

from circuits.data.circuit import CircuitError
from circuits.headroom.points import Point, renamed, worst_of
from circuits.headroom.stability import least_stable, loaded
from circuits.measures.chips import Conditions
from circuits.networks.builder import layer_values, with_shared_widths
from circuits.networks.continuous import level_biases, neuron_levels
from circuits.realisations import Realisation, realise
from conductance.networks import Network
from conductance.neurons.base import Neuron
from conductance.neurons.noisy import silent
from excitable.headroom.neuron import Headroom, operating_points, phase_margins
from excitable.ladder.options import CircuitOptions
from excitable.ladder.rungs import discrete_rung, spiking_layers
from excitable.ladder.series import held_out
from excitable.runs.series import SeriesRun
from excitable.runs.stages.belonging import note_weights
from netlists.simulation import available_cores

HEADROOM = "headroom.csv"


def check_run(
    run: SeriesRun,
    conditions: Conditions | None = None,
    *,
    samples: int | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> Headroom:
    """Look at the transistors of all neurons of a run, and write `headroom.csv`.

    Args:
        run: a trained run.
        conditions: corner, temperature and supply; those of its configuration where none are given.
        samples: of the held-out series, over which a neuron's swing is taken; the configuration's where not given.
        progress: called with (done, all) neurons.

    Raises:
        CircuitError: a network without a circuit of transistors. SimulatorMissing, SimulationFailed: ngspice.
    """
    options = CircuitOptions.configured(run.built, "transistor")
    options = replace(options, technology=(conditions or Conditions()).technology(options.made_of))
    split = held_out(run.data.held_out, samples or run.configuration.simulation.samples)
    found = check_network_headroom(run.network(), split.inputs[:, 0].numpy(), options, progress=progress)
    note_weights(run, "check", run.write(HEADROOM, headroom_csv(found)))
    return found


def check_network_headroom(
    network: Network, inputs: np.ndarray, options: CircuitOptions,
    *, progress: Callable[[int, int], None] | None = None,
) -> Headroom:  # fmt: skip
    """The transistors of all spiking neurons of a network.

    Args:
        network: as trained.
        inputs: (time, feature), dimensionless, over which each neuron's swing is taken from the model.
        options: technology and units.
        progress: called with (done, all) neurons.
    """
    placed, made_of = options.placed(network), options.made_of
    biases = level_biases(placed, options.scaling, neuron_levels(placed, "transistor"))
    rung = discrete_rung(network, inputs, dt=network.clock(None))
    swings = dict(zip(rung.neurons, rung.membrane.T, strict=True))
    every = list(_neurons(placed, options, float(biases["transistor"][-1])))
    if not every:
        raise CircuitError("the network has no spiking neurons, so there are no transistors to look at")

    def looked(one: _Neuron) -> list[Point]:
        course = swings[one.name]
        swing = (float(course.min()), float(course.max()))
        found = operating_points(
            one.neuron, one.built, made_of, options.scaling, swing=swing, rest=float(np.median(course)),
            values=one.values,
        )  # fmt: skip
        return renamed(found, f"x{one.name}", "xn")

    points: list[Point] = []
    with ThreadPoolExecutor(available_cores()) as threads:  # which wait for ngspice
        for done, found in enumerate(threads.map(looked, every), start=1):
            points += found
            if progress is not None:
                progress(done, len(every))
    layers: dict[str, list[_Neuron]] = {}
    for one in every:
        layers.setdefault(one.label, []).append(one)
    margins = [
        margin
        for group in layers.values()
        for margin in phase_margins(
            least_stable(amplifier for one in group for amplifier in loaded(one.built, one.values)),
            group[0].built, made_of, options.scaling,
        )
    ]  # fmt: skip
    return Headroom(
        technology=made_of, scaling=options.scaling, points=tuple(worst_of(points)), margins=tuple(margins)
    )


@dataclass(frozen=True, kw_only=True)
class _Neuron:
    """A neuron of a layer: its name, the layer's declaration and circuit, and its own values."""

    name: str
    label: str
    neuron: Neuron
    built: Realisation
    values: Mapping[str, float]


def _neurons(network: Network, options: CircuitOptions, bias: float) -> Iterator[_Neuron]:
    """The spiking neurons of a network; those of a layer share their circuit."""
    for label, layer in spiking_layers(network).items():
        columns = layer_values(layer)
        neuron = silent(with_shared_widths(label, layer.neuron, columns))
        built = realise(
            neuron,
            "transistor",
            technology=options.made_of,
            scaling=options.scaling,
            trims=options.trims,
            bias=bias,
        )
        for index in range(layer.size):
            own = {name: float(column[index]) for name, column in columns.items()}
            yield _Neuron(name=f"{label}_{index}", label=label, neuron=neuron, built=built, values=own)


def headroom_csv(found: Headroom) -> str:
    """All transistors as CSV with a header line; SI units, margins in U_T."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(
        ["device", "part", "role", "polarity", "saturates", "current_A", "inversion", "vds_V", "margin_UT",
         "membrane_V", "margin_at_rest_UT", "vgs_V"]
    )  # fmt: skip
    for point in found.points:
        one, on = point.of, point.current > 0
        numbers = [
            point.current,
            point.inversion,
            point.drain,
            point.margin,
            point.where,
            point.resting,
            point.gate,
        ]
        writer.writerow(
            [one.path, one.part, one.role, one.polarity, one.saturates]
            + ["" if value is None or not on else value for value in numbers]
        )
    return text.getvalue()
