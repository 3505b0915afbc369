"""Run ngspice in a private folder; what comes back is a value, also when it failed.

PySpice's own runners are not used: with a netlist that does not load, its shared library silently returns the
waveforms of the previous circuit, and its subprocess mode does not read the output of current ngspice.
"""

import contextlib
import os
import re
import shutil
import signal
import subprocess
import tempfile
import time
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import xarray as xr

from netlists.errors import NetlistError, SimulationFailed, SimulatorMissing, WaveformError
from netlists.netlist import Netlist
from netlists.ngspice.raw import read_raw
from netlists.waveforms import check_complete, label

OLDEST_VERSION = 36
DEFAULT_TIME_LIMIT = 600.0

_INSTALL = (
    "install ngspice: `apt install ngspice` (Debian, Ubuntu), `dnf install ngspice` (Fedora), "
    "`brew install ngspice` (macOS) or `conda install -c conda-forge ngspice`"
)
# One thread: a small circuit gains nothing from more, and two processes would fight for the cores.
# ng_nomodcheck: ngspice repeats its check of model cards for every instance.
_SPICEINIT = "set num_threads=1\nset ng_nomodcheck\nset filetype=binary\n"
_RAW, _LOG = "output.raw", "ngspice.log"
_KEPT_LOG = 200_000
_KLU = "Using KLU as Direct Linear Solver"
_COMPLAINT = re.compile(
    r"error|fatal|singular|timestep too small|no such|not found|undefined|unknown|aborted|cannot|can't",
    re.IGNORECASE,
)
_NOISE = re.compile(r"^(Reference value|Warning: Further gmin|Note:|Trying gmin|Supplies reduced)")


@dataclass(frozen=True, kw_only=True)
class Simulator:
    """An ngspice that answers: where it is, and its version."""

    path: str
    version: int


@dataclass(frozen=True, kw_only=True)
class Run:
    """What became of one simulation.

    `reason` is empty where it succeeded; `log` has the simulator's words; `waveforms` are whole or None;
    `seconds` of wall-clock time were spent.
    """

    name: str
    ok: bool
    reason: str = ""
    log: str = ""
    waveforms: xr.Dataset | None = None
    seconds: float = 0.0

    def require(self) -> xr.Dataset:
        """The waveforms, or `SimulationFailed` with the reason and the simulator's words."""
        if self.waveforms is None:
            raise SimulationFailed(f"simulation {self.name}: {self.reason}")
        return self.waveforms


def find_ngspice() -> Simulator:
    """The ngspice on the search path; `SimulatorMissing` says how to install one."""
    path = shutil.which("ngspice")
    if path is None:
        raise SimulatorMissing(f"there is no ngspice on the search path; {_INSTALL}")
    simulator = Simulator(path=path, version=_version(path))
    if simulator.version < OLDEST_VERSION:
        raise SimulatorMissing(
            f"{path} is ngspice {simulator.version}; version {OLDEST_VERSION} or later is needed; {_INSTALL}"
        )
    return simulator


@lru_cache(maxsize=8)
def _version(path: str) -> int:
    try:
        answer = subprocess.run([path, "--version"], capture_output=True, text=True, timeout=30, check=False)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise SimulatorMissing(f"{path} does not start: {error}; {_INSTALL}") from error
    found = re.search(r"ngspice-(\d+)", answer.stdout + answer.stderr)
    if not found:
        raise SimulatorMissing(f"{path} does not say that it is ngspice; {_INSTALL}")
    return int(found[1])


def simulate(
    netlist: Netlist, *, time_limit: float = DEFAULT_TIME_LIMIT, keep: Path | str | None = None
) -> Run:
    """Simulate a netlist with a limit on wall-clock time (s).

    All files live in a private folder that is gone afterwards; `keep` names a folder that receives a copy
    (netlist, raw file, log) of a successful run. Only `SimulatorMissing` is raised; every other failure is in
    the `Run`.
    """
    simulator = find_ngspice()
    start = time.monotonic()
    try:
        with tempfile.TemporaryDirectory(prefix="ngspice_") as folder:
            outcome = _simulate_in(Path(folder), simulator, netlist, time_limit)
            if outcome.ok and keep is not None:
                # the netlist last: what lies beside it is then never older than it
                _keep(Path(folder), Path(keep), [_RAW, _LOG, *netlist.files])
    except OSError as error:
        outcome = Run(name=netlist.name, ok=False, reason=_disk_words(error))
    except NetlistError as error:
        outcome = Run(name=netlist.name, ok=False, reason=str(error))
    seconds = time.monotonic() - start
    return Run(
        name=netlist.name,
        ok=outcome.ok,
        reason=outcome.reason,
        log=outcome.log,
        waveforms=outcome.waveforms,
        seconds=seconds,
    )


def kept_run(netlist: Netlist, folder: Path | str) -> Run | None:
    """The run that `simulate` kept in a folder; None where there is none of exactly this netlist."""
    place = Path(folder)
    try:
        if any((place / name).read_text(encoding="utf-8") != text for name, text in netlist.files.items()):
            return None
        waveforms = label(read_raw(place / _RAW)[-1], netlist.probes, netlist.metered, title=netlist.name)
        check_complete(waveforms, netlist.analysis)
        return Run(name=netlist.name, ok=True, log=_read_log(place / _LOG), waveforms=waveforms)
    except (OSError, UnicodeDecodeError, WaveformError):
        return None


def _simulate_in(folder: Path, simulator: Simulator, netlist: Netlist, time_limit: float) -> Run:
    netlist.write(folder)
    (folder / ".spiceinit").write_text(_SPICEINIT, encoding="ascii")
    failure = _execute(folder, [simulator.path, "-b", "-r", _RAW, netlist.bench], time_limit)
    log = _read_log(folder / _LOG)
    if failure:
        return Run(name=netlist.name, ok=False, reason=_with_complaints(failure, log), log=log)
    try:
        if not (folder / _RAW).exists():
            raise WaveformError("ngspice wrote no waveforms")
        plots = read_raw(folder / _RAW)
        waveforms = label(plots[-1], netlist.probes, netlist.metered, title=netlist.name)
        check_complete(waveforms, netlist.analysis)
    except WaveformError as error:
        full = "; the disk is full" if shutil.disk_usage(folder).free < 1 << 20 else ""
        return Run(name=netlist.name, ok=False, reason=_with_complaints(f"{error}{full}", log), log=log)
    waveforms.attrs["simulator"] = f"ngspice {simulator.version}"
    waveforms.attrs["solver"] = "KLU" if _KLU in log else "sparse"
    return Run(name=netlist.name, ok=True, log=log, waveforms=waveforms)


def _execute(folder: Path, command: list[str], time_limit: float) -> str:
    """Run the command in the folder with its words in the log; empty, or why it failed."""
    environment = {k: v for k, v in os.environ.items() if not k.startswith("SPICE")} | {"LC_ALL": "C"}
    # ngspice 39 looks for its start-up file at home, and dies by SIGSEGV where HOME is not set
    environment.setdefault("HOME", str(folder))
    with (folder / _LOG).open("wb") as log:
        try:
            process = subprocess.Popen(
                command,
                cwd=folder,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        except OSError as error:
            return f"{command[0]} cannot be started: {error.strerror or error}"
        try:
            code = process.wait(timeout=time_limit)
        except subprocess.TimeoutExpired:
            return f"ngspice did not end within the time limit of {time_limit:g} s"
        finally:
            _end(process)
    if code < 0:
        return f"ngspice was killed by {_signal_name(-code)}"
    return f"ngspice ended with code {code}" if code else ""


def _end(process: subprocess.Popen[bytes]) -> None:
    """End the command and what it started, also when Python itself is interrupted."""
    if process.poll() is None:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def _signal_name(number: int) -> str:
    try:
        return f"{signal.Signals(number).name} (signal {number})"
    except ValueError:
        return f"signal {number}"


def _read_log(path: Path) -> str:
    """The words of ngspice; of a very long log, its beginning and its end."""
    with path.open("rb") as file:
        size = file.seek(0, os.SEEK_END)
        file.seek(0)
        if size <= _KEPT_LOG:
            data = file.read()
        else:
            head = file.read(_KEPT_LOG // 2)
            file.seek(-_KEPT_LOG // 2, os.SEEK_END)
            data = head + b"\n[...]\n" + file.read()
    return data.decode("utf-8", errors="replace").replace("\r", "\n")


def _with_complaints(reason: str, log: str) -> str:
    """The reason, followed by up to six different lines in which ngspice complains."""
    lines = [line.strip() for line in log.splitlines()]
    found = [line for line in lines if _COMPLAINT.search(line) and not _NOISE.match(line)]
    words = list(dict.fromkeys(found))
    words = words if len(words) <= 6 else [*words[:3], *words[-3:]]
    return f"{reason}; ngspice says: " + " | ".join(words) if words else reason


def _disk_words(error: OSError) -> str:
    where = f" ({error.filename})" if error.filename else ""
    words = error.strerror or str(error)
    return f"the files of the simulation cannot be written{where}: {words}; make room or set TMPDIR"


def _keep(folder: Path, target: Path, names: list[str]) -> None:
    """Copy the named files to `target`, each whole or not at all."""
    target.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".keep_", dir=target) as staging:
        for name in names:
            shutil.copyfile(folder / name, Path(staging) / name)
        # waveforms go first and come last, so that a kill never leaves them beside another netlist's text
        (target / _RAW).unlink(missing_ok=True)
        for name in sorted(names, key=lambda name: name == _RAW):
            (Path(staging) / name).replace(target / name)
