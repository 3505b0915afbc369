"""What a run folder holds: everything the report shows is read here, and what is missing is named with its command."""

import json
import os
import shlex
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import torch
import xarray as xr

from conductance.errors import ExcitableError, extra
from conductance.layers import NeuronLayer
from conductance.networks import Network
from conductance.neurons.spiking import is_spiking
from conductance.storage import load_network
from conductance.tasks import nrmse
from conductance.training.metrics import read_metrics
from excitable.chips.sweep import SWEEP, read_sweep
from excitable.chips.yields import Sweep
from excitable.config import Configuration, ConfigurationError, parse_configuration
from excitable.config.own import Code
from excitable.config.series import SeriesConfiguration
from excitable.ladder.calibration import LevelFit, read_fits
from excitable.ladder.rungs import CIRCUIT_RUNGS, Waveforms, load_waveforms
from excitable.runs.energy import ENERGY, EnergyReport, read_energy
from excitable.runs.folder import (
    CALIBRATION,
    COMPARISON,
    CONFIGURATION,
    ENVIRONMENT,
    MODEL,
    NETLISTS,
    RUNS,
    WAVEFORMS,
)
from excitable.runs.origin import BEFORE, Origin, Update, read_origin, read_updates
from excitable.runs.stages.belonging import stale_results
from excitable.runs.stages.series import TASK_GROUP, netlist_name
from netlists.comparison import Ladder

OF_WEIGHTS: Mapping[str, Mapping[str, Any]] = {
    WAVEFORMS: {"rungs": (), "task": None, "ladder": None},
    COMPARISON: {"ladder": None},
    NETLISTS: {"netlists": {}, "schematics": {}, "biases": {}},
    SWEEP: {"sweep": None},
    ENERGY: {"energy": None},
}
"""What of the evidence each result gives, as it is where there is none."""
MODEL_RUNGS = ("discrete", "continuous")
"""Rungs that are computed without a circuit."""


class ReportError(ExcitableError):
    """A report cannot be made from what a folder holds."""


@dataclass(frozen=True, kw_only=True)
class TaskSeries:
    """The held-out series, one entry for each model step.

    Attributes:
        time: (step,), end of each step in tau_m.
        inputs: (step, feature).
        targets: (step, feature): the truth.
        mask: (step,): where errors count.
        about: what the file says of the task besides, as text.
    """

    time: np.ndarray
    inputs: np.ndarray
    targets: np.ndarray
    mask: np.ndarray
    about: Mapping[str, str] = field(default_factory=dict)

    @property
    def dt(self) -> float:
        """The model's step in tau_m."""
        return float(self.time[-1] / len(self.time))

    @property
    def truth(self) -> np.ndarray:
        """(step, feature): the targets where errors count, NaN elsewhere, where a task may have none."""
        return np.where(self.mask[:, None], self.targets, np.nan)

    def prediction(self, rung: Waveforms) -> np.ndarray:
        """What a rung predicts at the end of each step, (step, feature)."""
        return rung.prediction(self.dt, len(self.time))

    def error(self, prediction: np.ndarray) -> float:
        """Normalised rms error of a prediction (step, feature) where errors count: 1 for the mean of the truth."""
        predicted, truth = (torch.as_tensor(values)[:, None] for values in (prediction, self.targets))
        return nrmse(predicted, truth, torch.as_tensor(self.mask)[:, None])

    @property
    def aims(self) -> bool:
        """Whether there is something that the network is to give: a free run has a target that never changes."""
        return bool(np.ptp(self.targets) > 0)

    @property
    def persistence(self) -> float | None:
        """Error of repeating the present input; None where input and target are not the same quantities."""
        same = self.about.get("repeats", "1") == "1" and self.inputs.shape == self.targets.shape
        return self.error(self.inputs) if same else None


@dataclass(frozen=True, kw_only=True)
class Stage:
    """One step of the loop: what it makes, whether that is there, and how to make it."""

    name: str
    makes: str
    done: bool
    command: str
    hindrance: str = ""


@dataclass(frozen=True, kw_only=True)
class Evidence:
    """All that a run folder holds, each part as its own package reads it; a part that is not there is None or empty."""

    folder: Path
    config_text: str
    environment: Mapping[str, Any]
    network: Network | None
    metrics: tuple[Mapping[str, Any], ...]
    rungs: tuple[Waveforms, ...]
    task: TaskSeries | None
    ladder: Ladder | None
    netlists: Mapping[str, str]
    schematics: Mapping[str, str] = field(default_factory=dict)
    biases: Mapping[str, str] = field(default_factory=dict)
    fits: tuple[LevelFit, ...] = ()
    origin: Origin | None = None
    before: Ladder | None = None
    updates: tuple[Update, ...] = ()
    sweep: Sweep | None = None
    energy: EnergyReport | None = None
    stale: str = ""
    """What is in the folder, but of other weights, and so not in this; empty where nothing is."""

    @property
    def name(self) -> str:
        """The name of the run."""
        return self.folder.name

    @cached_property
    def configuration(self) -> Configuration | ConfigurationError | None:
        """The configuration, checked; its faults where it has some, None where there is no file."""
        if not self.config_text:
            return None
        try:
            return parse_configuration(self.config_text, source=CONFIGURATION, code=Code(trusted=False))
        except ConfigurationError as faults:
            return faults

    @property
    def as_drawn(self) -> bool:
        """Whether nothing of the network is trained."""
        found = self.configuration
        return isinstance(found, SeriesConfiguration) and found.training.trained == "none"

    @property
    def errors(self) -> dict[str, float]:
        """The task's error of each rung: as compared, or measured here where nothing has been compared yet."""
        if self.ladder is not None:
            return {rung.name: rung.task_error for rung in self.ladder.rungs if rung.task_error is not None}
        if self.task is None:
            return {}
        return {rung.rung: self.task.error(self.task.prediction(rung)) for rung in self.rungs}

    @property
    def hidden(self) -> Mapping[str, NeuronLayer]:
        """The spiking layers by name, those with a reset included."""
        chain = {} if self.network is None else self.network.chain
        layers = {name: layer for name, layer in chain.items() if isinstance(layer, NeuronLayer)}
        return {name: layer for name, layer in layers.items() if is_spiking(layer.neuron)}

    def locate(self, neuron: str) -> tuple[NeuronLayer, int] | None:
        """The layer and index of a neuron named `<layer>_<index>`."""
        label, _, index = neuron.rpartition("_")
        layer = self.hidden.get(label)
        return (
            None
            if layer is None or not index.isdecimal() or int(index) >= layer.size
            else (layer, int(index))
        )

    @cached_property
    def stages(self) -> tuple[Stage, ...]:
        """The loop's steps in order."""
        with_event = [layer.neuron.name for layer in self.hidden.values() if layer.neuron.event is not None]
        hindrance = (
            f"no circuit exists yet for neurons with a reset ({', '.join(with_event)})" if with_event else ""
        )
        circuit = [rung for rung in self.rungs if rung.rung not in MODEL_RUNGS]
        return (
            _stage(
                "train",
                self,
                "the network" if self.as_drawn else "the trained network",
                self.network is not None,
            ),
            _stage("export", self, "the netlist", bool(self.netlists), hindrance),
            _stage("simulate", self, "the waveforms of model and circuit", bool(circuit), hindrance),
            _stage(
                "compare", self, "the comparison of model and circuit", self.ladder is not None, hindrance
            ),
        )

    @property
    def missing(self) -> tuple[Stage, ...]:
        """The steps whose results are not in the folder."""
        return tuple(stage for stage in self.stages if not stage.done)


def _stage(verb: str, evidence: "Evidence", makes: str, done: bool, hindrance: str = "") -> Stage:
    target = shlex.quote(_typed(evidence.folder))
    arguments = f"CONFIG --run {target}" if verb == "train" else target
    return Stage(
        name=verb,
        makes=makes,
        done=done,
        command=f"excitable {verb} {arguments}",
        hindrance="" if done else hindrance,
    )


def _typed(folder: Path) -> str:
    """What a user types for a run: its name below `runs/`, else its path from here. No page shows a longer path."""
    if folder.parent.name == RUNS.name:
        return folder.name
    path = os.path.relpath(folder)
    return folder.name if path.startswith("..") else path


def read_run(folder: Path, levels: Collection[str] = ()) -> Evidence:
    """Read a run folder.

    Args:
        folder: of the run.
        levels: of the circuit, those that are wanted; all that are there where none are given.

    Raises:
        ReportError: there is no such folder, there is nothing in it to report, or a file of it is damaged.
        ExcitableError: a package cannot read its own file.
    """
    folder = Path(folder).resolve()
    if not folder.is_dir():
        raise ReportError(f"{folder}: there is no such run folder; `excitable train` makes one")
    waveforms = folder / WAVEFORMS
    evidence = Evidence(
        folder=folder,
        config_text=_read(folder / CONFIGURATION, Path.read_text, ""),
        environment=_read(folder / ENVIRONMENT, _json_object, {}),
        network=load_network(folder) if (folder / MODEL).exists() else None,
        metrics=tuple(read_metrics(folder / "metrics.jsonl")),
        rungs=tuple(_read(waveforms, load_waveforms, [])),
        task=_read(waveforms, _task_series, None),
        ladder=_read(folder / COMPARISON, lambda path: Ladder.from_json(path.read_bytes()), None),
        biases=_biases(folder / NETLISTS),
        fits=read_fits(folder / CALIBRATION),
        origin=read_origin(folder),
        before=_read(folder / BEFORE, lambda path: Ladder.from_json(path.read_bytes()), None),
        updates=tuple(read_updates(folder)),
        netlists=_netlists(folder / NETLISTS),
        schematics=_schematics(folder / NETLISTS),
        sweep=_read(folder / SWEEP, lambda path: read_sweep(path.read_bytes(), source=str(path)), None),
        energy=_read(folder / ENERGY, lambda path: read_energy(path.read_bytes(), source=str(path)), None),
    )
    if evidence.network is None and not evidence.metrics and not evidence.rungs:
        raise ReportError(
            f"{folder}: there is nothing to report yet; train a network first: `excitable train`"
        )
    evidence = _belonging(evidence)
    return _only(evidence, levels) if levels else evidence


def _belonging(evidence: Evidence) -> Evidence:
    """The same without what is of other weights than the network, which `stale` then names."""
    stale = stale_results(evidence.folder, shlex.quote(_typed(evidence.folder)))
    empty: dict[str, Any] = {}
    for name in stale.names:
        empty |= OF_WEIGHTS.get(name.partition("/")[0], {})
    return replace(evidence, **empty, stale=str(stale))


def _only(evidence: Evidence, levels: Collection[str]) -> Evidence:
    """The same with these rungs of the circuit only."""
    there = {rung.rung for rung in evidence.rungs}
    missing = sorted(set(levels) - there)
    if missing:
        raise ReportError(
            f"{evidence.folder.name}: level {missing[0]} is not simulated; it has "
            f"{', '.join(sorted(there - set(MODEL_RUNGS))) or 'no circuit yet'}"
            + (f" ({evidence.stale})" if evidence.stale else "")
        )
    names = (*MODEL_RUNGS, *levels)
    ladder = evidence.ladder
    known = ladder is not None and {rung.name for rung in ladder.rungs} >= set(levels)
    return replace(
        evidence,
        rungs=tuple(rung for rung in evidence.rungs if rung.rung in names),
        ladder=ladder.of(names) if ladder is not None and known else None,
        biases={rung: text for rung, text in evidence.biases.items() if rung in levels},
        fits=tuple(fit for fit in evidence.fits if fit.level in levels),
    )


def _read(path: Path, reader: Callable[[Path], Any], absent: Any) -> Any:
    """What the reader makes of a file; `absent` where there is none."""
    if not path.exists():
        return absent
    try:
        return reader(path)
    except ExcitableError:
        raise
    except (OSError, ValueError, KeyError, RecursionError) as error:
        raise ReportError(
            f"{path}: the file is damaged ({error}); delete it and make it again with the command that made it"
        ) from error


def _json_object(path: Path) -> dict[str, Any]:
    data = json.loads(path.read_bytes())
    if not isinstance(data, dict):
        raise ValueError("it holds no object")
    return data


def _task_series(path: Path) -> TaskSeries | None:
    with extra("report"):
        import h5netcdf

    with h5netcdf.File(path, "r") as file:
        if TASK_GROUP not in file.groups:
            return None
    data = xr.load_dataset(path, group=TASK_GROUP, engine="h5netcdf")
    for name in ("time", "input", "target"):
        if not np.isfinite(data[name].to_numpy().astype(float)).all():
            raise ValueError(f"its series {name!r} is not finite everywhere")
    if not data["mask"].to_numpy().any():
        raise ValueError("its mask leaves no sample that counts")
    return TaskSeries(
        time=data["time"].to_numpy().astype(float),
        inputs=data["input"].to_numpy().astype(float),
        targets=data["target"].to_numpy().astype(float),
        mask=data["mask"].to_numpy().astype(bool),
        about={str(key): str(value) for key, value in data.attrs.items()},
    )


def _biases(folder: Path) -> dict[str, str]:
    """The bias tables by level, in the order of the ladder."""
    places = {level: folder / f"{netlist_name(level)}_bias.csv" for level in CIRCUIT_RUNGS}
    return {
        rung: path.read_text(encoding="utf-8", errors="replace")
        for rung, path in places.items()
        if path.is_file()
    }


def _netlists(folder: Path) -> dict[str, str]:
    """The netlist's files by name: library, circuit, bench; parts and results of simulations are left out."""
    if not folder.is_dir():
        return {}
    order = {".lib": 0, ".cir": 1}
    paths = [path for path in folder.iterdir() if path.is_file() and path.suffix in order]
    paths.sort(key=lambda path: (order[path.suffix], path.stem))
    return {path.name: path.read_text(encoding="utf-8", errors="replace") for path in paths}


def _schematics(folder: Path) -> dict[str, str]:
    """The schematics' SVG by file name."""
    paths = sorted(folder.glob("*.svg")) if folder.is_dir() else []
    return {path.name: path.read_text(encoding="utf-8", errors="replace") for path in paths}
