"""Run folders: everything about one run in one place, every file whole, one writer at a time."""

import errno
import fcntl
import os
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from functools import cached_property
from pathlib import Path
from typing import Any

from conductance.errors import ExcitableError
from conductance.files import UNFINISHED, cannot_write, readable_json
from conductance.networks import Network
from conductance.storage import load_network, save_network, write_whole
from conductance.storage.checkpoints import CHECKPOINT
from conductance.tasks import Task, TaskData
from excitable.config import Configuration, parse_configuration
from excitable.runs.environment import environment

RUNS = Path("runs")
"""Where runs are made and looked for, below the current folder."""
CONFIGURATION = "config.toml"
ENVIRONMENT = "environment.json"
MODEL = "model.json"
WEIGHTS = "model.safetensors"
CALIBRATION = "calibration.json"
WAVEFORMS = "waveforms.nc"
COMPARISON = "comparison.json"
REPORT = "report.html"
NETLISTS = "netlists"
LOCK = ".lock"

_held: set[Path] = set()
"""Folders locked by this process: the system's lock does not tell one of its openings from another."""


class RunError(ExcitableError):
    """A run folder is not there, is in use, or belongs to something else."""


class RunFolder:
    """A run folder that holds a configuration.

    Args:
        path: the folder.

    Raises:
        RunError: there is no run in it.

    Its files: `config.toml`, `environment.json`, `model.json`, `model.safetensors`, `metrics.jsonl`, `checkpoints/`,
    `tensorboard/`, `calibration.json`, `netlists/`, `waveforms.nc`, `comparison.json`, `report.html` and figures.
    """

    def __init__(self, path: Path) -> None:
        self.path = Path(path)
        if not (self.path / CONFIGURATION).is_file():
            raise RunError(
                f"{self.path}: there is no run here; `excitable train CONFIG --run {self.path}` makes one"
            )

    @classmethod
    def find(cls, name: str | Path) -> "RunFolder":
        """The run of that name in `runs/`, or in that folder."""
        path = Path(name)
        return cls(path if (path / CONFIGURATION).is_file() else located(path))

    @cached_property
    def configuration(self) -> Configuration:
        """The run's configuration."""
        path = self.path / CONFIGURATION
        try:
            text = path.read_text(encoding="utf-8")
        except UnicodeDecodeError as error:
            raise RunError(f"{path}: the file is damaged ({error}); take it from a copy") from None
        return parse_configuration(text, source=str(path))

    @cached_property
    def task(self) -> Task:
        """The run's task."""
        return self.configuration.task.build()

    @cached_property
    def data(self) -> TaskData:
        """The task's data, drawn anew from the run's seed: the same numbers each time."""
        return self.task.generate(self.configuration.seed)

    def network(self) -> Network:
        """The trained network.

        Raises:
            RunError: nothing has been trained yet. StorageError: its files are damaged.
        """
        if not (self.path / MODEL).is_file():
            raise RunError(
                f"{self.path}: the network is not trained yet; `excitable train {self.path / CONFIGURATION} "
                f"--run {self.path}` does it"
            )
        return load_network(self.path)

    def save_network(self, network: Network) -> None:
        """Write the trained network."""
        save_network(network, self.path)

    def file(self, name: str) -> Path:
        """The path of a file of the run; its folder is made."""
        path = self.path / name
        _make(path.parent)
        return path

    def write(self, name: str, content: bytes | str) -> Path:
        """Write a file of the run, whole or not at all; the path is returned."""
        path = self.file(name)
        write_whole(path, content)
        return path

    def write_json(self, name: str, data: Any) -> Path:
        """Write data as JSON, whole or not at all; the path is returned."""
        return self.write(name, readable_json(data) + "\n")

    def locked(self) -> AbstractContextManager[None]:
        """Be the only process that writes to this run, see `locked`."""
        return locked(self.path)


def located(run: str | Path) -> Path:
    """The folder of a run: a bare name is below `runs/`, anything with a slash is a path."""
    path = Path(run)
    return path if path.is_absolute() or len(path.parts) != 1 else RUNS / path


@contextmanager
def begun(path: Path, text: str, *, source: str) -> Iterator[RunFolder]:
    """A run folder with this configuration, made or opened again, locked until the end of the block.

    Args:
        path: the folder.
        text: the configuration as given.
        source: where it was read, for errors.

    Raises:
        ConfigurationError: the configuration has faults.
        RunError: the folder holds a run trained with another configuration, or is in use.
        StorageError: the folder cannot be written to.
    """
    wanted = parse_configuration(text, source=source)
    _make(path)
    with locked(path):
        if (path / CONFIGURATION).is_file() and _is_trained(path):
            present = RunFolder(path).configuration
            differences = present.training_differences(wanted)
            if differences:
                raise RunError(
                    f"{path}: this run was trained with another configuration ({'; '.join(differences)}); "
                    f"give the new one another name or --run, or delete the folder"
                )
        write_whole(path / CONFIGURATION, text)
        run = RunFolder(path)
        run.write_json(ENVIRONMENT, environment(seed=wanted.seed))
        yield run


def _is_trained(path: Path) -> bool:
    return (path / CHECKPOINT).exists() or (path / MODEL).exists()


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Be the only process that writes to a folder; what a killed one left half-written is removed.

    The lock ends with its process, however that ends.

    Raises:
        RunError: another process holds it.
        StorageError: the folder cannot be written to.
    """
    resolved = Path(path).resolve()
    if resolved in _held:
        raise RunError(f"{path}: this process is already working on this run")
    try:
        # a record lock, which workers forked from this process do not inherit and so cannot keep
        handle = os.open(resolved / LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666)
    except OSError as error:
        raise cannot_write(path / LOCK, error) from error
    try:
        _take(handle, path)
        _held.add(resolved)
        _tidy(resolved)
        yield
    finally:
        _held.discard(resolved)
        os.close(handle)


def _take(handle: int, path: Path) -> None:
    try:
        fcntl.lockf(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        if error.errno not in (errno.EACCES, errno.EAGAIN):
            raise cannot_write(path / LOCK, error) from error
        owner = os.read(handle, 100).decode(errors="replace").strip() or "it has just started"
        raise RunError(
            f"{path}: another process is working on this run ({owner}); wait for it, end it, or use another --run"
        ) from None
    with suppress(OSError):  # a full disk is the business of the file that matters
        os.ftruncate(handle, 0)
        os.pwrite(handle, f"process {os.getpid()}\n".encode(), 0)


def _tidy(path: Path) -> None:
    for folder in (path, path / CHECKPOINT.parent, path / NETLISTS):
        for leftover in folder.glob(UNFINISHED):
            leftover.unlink(missing_ok=True)


def _make(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise cannot_write(folder, error) from error
