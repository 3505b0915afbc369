"""Run folders: everything about one run in one place, every file whole, one writer at a time."""

import errno
import fcntl
import os
import warnings
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext, suppress
from functools import cached_property
from pathlib import Path
from typing import Any, Self, TypeVar

from conductance.errors import ExcitableError
from conductance.files import StorageError, cannot_write, readable_json, typed, write_whole
from conductance.system.scratch import sweep
from excitable.config import Configuration, parse_configuration
from excitable.config.own import Code, own_files
from excitable.runs.environment import environment
from excitable.runs.inside.code import KEPT, changed_since, keep_code, other_code, run_code
from excitable.runs.inside.links import check_links, tidy

RUNS = Path("runs")
"""Where runs are made and looked for, below the current folder."""
CONFIGURATION = "config.toml"
TRAINED_WITH = "trained.toml"
"""The configuration as it was when training began: what was trained belongs to it."""
ENVIRONMENT = "environment.json"
MODEL = "model.json"
WEIGHTS = "model.safetensors"
SWEEPS = "sweeps"
"""Folder of what was swept of a network's cells for the measured law."""
START = "start"
"""Folder of what a training begins with: a retrained run's network, the sweeps of a measured law."""
CALIBRATION = "calibration.json"
WAVEFORMS = "waveforms.nc"
COMPARISON = "comparison.json"
REPORT = "report.html"
NETLISTS = "netlists"
CHECKPOINTS = "checkpoints"
LOCK = ".lock"
TRAINED = (MODEL, WEIGHTS, f"{CHECKPOINTS}/*.safetensors", "last.safetensors")
"""What training leaves in a folder, from its first checkpoint on."""
Settings = TypeVar("Settings", bound=Configuration)

_held: set[Path] = set()
"""Folders locked by this process: the system's lock does not tell one of its openings from another."""


class RunError(ExcitableError):
    """A run folder is not there, is in use, or belongs to something else."""


class CodeWarning(UserWarning):
    """Code that a run was trained with has changed since."""


class RunFolder:
    """A run folder that holds a configuration, of whatever kind; `SeriesRun` and the others know what is trained in it.

    Args:
        path: the folder.
        trust: whether code is run that the configuration names. A run may come from elsewhere, so it is not; but a
            training runs what the configuration names that it is given.

    Raises:
        RunError: there is no run in it.

    Its files: `config.toml`, `trained.toml`, `code.json`, `code/`, `environment.json`, `model.json`,
    `model.safetensors`, `start.json`, `metrics.jsonl`, `metrics.csv`, `checkpoints/`, `tensorboard/`,
    `calibration.json`, `netlists/`, `waveforms.nc`, `comparison.json`, `report.html` and figures.
    """

    def __init__(self, path: Path, *, trust: bool = False) -> None:
        self.path, self.trust = Path(path), trust
        if not (self.path / CONFIGURATION).is_file():
            raise RunError(
                f"{self.path}: there is no run here; `excitable train CONFIG --run {typed(self.path)}` makes one"
            )

    @classmethod
    def find(cls, name: str | Path, *, trust: bool = False) -> Self:
        """The run of that name in `runs/`, or in that folder; code that has changed since its training is said."""
        path = Path(name)
        found = cls(path if (path / CONFIGURATION).is_file() else located(path), trust=trust)
        check_links(found.path)
        for remark in changed_since(found.path):
            warnings.warn(remark, CodeWarning, stacklevel=2)
        return found

    @classmethod
    @contextmanager
    def begun(cls, path: Path, text: str, *, source: str, code: Code | None = None) -> Iterator[Self]:
        """A run folder with this configuration, made or opened again, locked until the end of the block.

        Args:
            path: the folder.
            text: the configuration as given.
            source: where it was read, for errors.
            code: of the files that it names; those themselves where not given. They are copied into the folder.

        Raises:
            ConfigurationError: the configuration has faults.
            RunError: the folder holds a run trained with another configuration, or is in use.
            StorageError: the folder cannot be written to.
        """
        code = code or Code()
        wanted = parse_configuration(text, source=source, code=code)
        own = list(own_files(wanted))
        _make(path)
        # further processes of one training are started by Lightning with this variable, while the first holds the lock
        with nullcontext() if "LOCAL_RANK" in os.environ else locked(path):
            longer = False
            if (path / CONFIGURATION).is_file() and is_begun(path):
                known = RunFolder(path)
                configured = known.configuration  # a damaged one is told of, not written over
                trained = known.trained_with() or configured
                longer = trained.continued_by(wanted)
                differences = [] if longer else trained.training_differences(wanted)
                if differences := differences + other_code(path, own, code):
                    raise RunError(
                        f"{path}: this run was trained with another configuration ({'; '.join(differences)}); "
                        f"give the new one another name or --run, or delete the folder"
                    )
            if longer or not is_begun(path) or not (path / TRAINED_WITH).is_file():
                write_whole(path / TRAINED_WITH, text)
            if not is_begun(path) or not (path / KEPT).is_file():
                keep_code(path, own, code)
            write_whole(path / CONFIGURATION, text)
            run = cls(path, trust=code.trusted)
            run.write_json(ENVIRONMENT, environment(seed=wanted.seed, folder=path))
            yield run

    @property
    def code(self) -> Code:
        """How the code is run that the configuration names."""
        return run_code(self.path, trust=self.trust)

    @cached_property
    def configuration(self) -> Configuration:
        """The run's configuration."""
        path = self.path / CONFIGURATION
        return parse_configuration(_text(path), source=str(path), code=self.code)

    def trained_with(self) -> Configuration | None:
        """The configuration with which training began; None of a run that does not say so."""
        path = self.path / TRAINED_WITH
        return parse_configuration(_text(path), source=str(path), code=self.code) if path.is_file() else None

    def configured(self, model: type[Settings]) -> Settings:
        """The run's configuration as one of this kind, which what was trained belongs to.

        Raises:
            RunError: it is of another kind, or something that training rests on was changed since.
        """
        found, trained = RunFolder(self.path, trust=self.trust).configuration, self.trained_with()
        if not isinstance(found, model):
            raise RunError(f"{self.path}: this is a run on {found.kind}, not on {model.kind}")
        differences = (
            trained.training_differences(found) if trained is not None and is_begun(self.path) else []
        )
        if differences:
            raise RunError(
                f"{self.path / CONFIGURATION}: the network was trained with another configuration "
                f"({'; '.join(differences)}); undo the change, which {TRAINED_WITH} shows, or train it under another "
                f"name or --run"
            )
        return found

    def unfitting(self, name: str, error: Exception) -> StorageError:
        """What to tell of a file that cannot be read, or holds something else than the run needs."""
        return StorageError(
            f"{self.path / name}: the file does not fit the run ({error}); take it from a copy, or delete the folder "
            f"and train again"
        )

    def check_trained(self, last: str) -> None:
        """Raise `RunError` where the last file that training writes is not there."""
        if not (self.path / last).is_file():
            raise RunError(
                f"{self.path}: the network is not trained yet; `excitable train {typed(self.path / CONFIGURATION)} "
                f"--run {typed(self.path)}` does it"
            )

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


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise RunError(f"{path}: the file is damaged ({error}); take it from a copy") from None
    except OSError as error:
        raise RunError(f"{path}: the file cannot be read ({error.strerror}); take it from a copy") from None


def located(run: str | Path) -> Path:
    """The folder of a run: a bare name is below `runs/`, anything with a slash is a path."""
    path = Path(run)
    return path if path.is_absolute() or len(path.parts) != 1 else RUNS / path


def is_begun(path: Path) -> bool:
    """Whether training has left something in a folder: a checkpoint or a network."""
    return any(next(path.glob(place), None) is not None for place in TRAINED)


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Be the only process that writes to a folder; what killed ones left half-written or temporary is removed.

    The lock ends with its process, however that ends.

    Raises:
        RunError: another process holds it.
        OutsideError: a link inside leads out of the folder.
        StorageError: the folder cannot be written to.
    """
    resolved = Path(path).resolve()
    if resolved in _held:
        raise RunError(f"{path}: this process is already working on this run")
    check_links(path)
    try:
        # a record lock, which workers forked from this process do not inherit and so cannot keep
        handle = os.open(resolved / LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o666)
    except OSError as error:
        raise cannot_write(path / LOCK, error) from error
    try:
        _take(handle, path)
        _held.add(resolved)
        tidy(resolved)
        sweep()
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


def _make(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise cannot_write(folder, error) from error
