"""Run a simulator in a private folder; what comes back is a value, also when it failed."""

import errno
import re
import shutil
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from circuits.data.circuit import Circuit
from conductance.errors import refuse_truth_values
from conductance.system.scratch import scratch_folder
from netlists.analyses import Analysis, Tolerances
from netlists.errors import NetlistError, WaveformError
from netlists.netlist import Netlist
from netlists.simulation.answer import answer
from netlists.simulation.base import Program, Run, Simulator
from netlists.simulation.choice import known_simulator, reader_of
from netlists.simulation.process import execute, read_log
from netlists.writing import write_netlist

DEFAULT_TIME_LIMIT = 600.0

_COMPLAINT = re.compile(
    r"error|fatal|singular|timestep too small|no such|not found|undefined|unknown|aborted|cannot|can't",
    re.IGNORECASE,
)
_NOISE = re.compile(
    r"^(This is vacask|Reference value|Warning: Further gmin|Note:|Trying gmin|Supplies reduced)"
)


def simulate(
    netlist: Netlist,
    *,
    simulator: str | Simulator | None = None,
    time_limit: float = DEFAULT_TIME_LIMIT,
    keep: Path | str | None = None,
) -> Run:
    """Simulate a netlist with a limit on wall-clock time (s).

    All files live in a private folder that is gone afterwards; `keep` names a folder that receives a copy
    (netlist, raw file, log) of a successful run. `simulator` is a name of `SIMULATORS` or one of your own; where none
    is given, the one that reads the netlist's dialect.

    Raises:
        SimulatorMissing: it is not on this machine; every other failure is in the `Run`.
        NetlistError: it does not read this netlist.
    """
    refuse_truth_values(f"simulation of {netlist.name}", time_limit=time_limit)
    chosen = reader_of(netlist, simulator)
    program = chosen.find()

    def run() -> Run:
        with scratch_folder() as folder:
            outcome = _simulate_in(folder, chosen, program, netlist, time_limit)
            if outcome.ok and keep is not None:
                # the netlist last: what lies beside it is then never older than it
                _keep(folder, Path(keep), [chosen.raw, chosen.log, *netlist.files], chosen.raw)
            return outcome

    return timed(run, netlist)


def timed(simulation: Callable[[], Run], netlist: Netlist) -> Run:
    """What became of a simulation, with its time; what stood in its way is a value, too."""
    start = time.monotonic()
    try:
        outcome = simulation()
    except OSError as error:
        outcome = Run(name=netlist.name, ok=False, reason=_disk_words(error))
    except NetlistError as error:
        outcome = Run(name=netlist.name, ok=False, reason=str(error))
    return replace(outcome, seconds=time.monotonic() - start)


def solve(
    circuit: Circuit,
    analysis: Analysis,
    tolerances: Tolerances,
    *,
    simulator: str = "ngspice",
    time_limit: float = DEFAULT_TIME_LIMIT,
) -> Run:
    """Write a circuit in a simulator's dialect and simulate it.

    Raises:
        NetlistError: the circuit cannot be written. SimulatorMissing: the simulator is not on this machine.
    """
    netlist = write_netlist(circuit, analysis, tolerances, dialect=known_simulator(simulator).dialect)
    return simulate(netlist, simulator=simulator, time_limit=time_limit)


def kept_run(netlist: Netlist, folder: Path | str, *, simulator: str | Simulator | None = None) -> Run | None:
    """The run that `simulate` kept in a folder; None where there is none of exactly this netlist."""
    chosen = reader_of(netlist, simulator)
    place = Path(folder)
    try:
        if any((place / name).read_text(encoding="utf-8") != text for name, text in netlist.files.items()):
            return None
        waveforms = answer(chosen.read(place / chosen.raw), netlist)
        return Run(name=netlist.name, ok=True, log=read_log(place / chosen.log), waveforms=waveforms)
    except (OSError, UnicodeDecodeError, WaveformError):
        return None


def _simulate_in(
    folder: Path, simulator: Simulator, program: Program, netlist: Netlist, time_limit: float
) -> Run:
    write_files(folder, netlist)
    command = simulator.prepare(folder, netlist, program)
    failure = execute(folder, command, time_limit, name=simulator.name, log=simulator.log)
    return outcome_in(folder, simulator, program, netlist, failure)


def write_files(folder: Path, netlist: Netlist) -> None:
    """Write a netlist's files, plainly: nobody else reads this folder, and no power cut makes it of use."""
    for name, text in netlist.files.items():
        (folder / name).write_text(text, encoding="ascii")


def outcome_in(folder: Path, simulator: Simulator, program: Program, netlist: Netlist, failure: str) -> Run:
    """What a program left in a folder, as the answer to a netlist; `failure` says why it ended badly."""
    log = read_log(folder / simulator.log)
    if failure:
        return Run(name=netlist.name, ok=False, reason=_with_complaints(failure, log, simulator), log=log)
    try:
        if not (folder / simulator.raw).exists():
            raise WaveformError(f"{simulator.name} wrote no waveforms")
        waveforms = answer(simulator.read(folder / simulator.raw), netlist)
    except WaveformError as error:
        full = "; the disk is full" if shutil.disk_usage(folder).free < 1 << 20 else ""
        reason = _with_complaints(f"{error}{full}", log, simulator)
        return Run(name=netlist.name, ok=False, reason=reason, log=log)
    waveforms.attrs["simulator"] = f"{simulator.name} {program.version}"
    waveforms.attrs.update(simulator.describe(log))
    return Run(name=netlist.name, ok=True, log=log, waveforms=waveforms)


def _with_complaints(reason: str, log: str, simulator: Simulator) -> str:
    """The reason, followed by up to six different lines in which the simulator complains."""
    lines = [line.strip() for line in log.splitlines()]
    found = [line for line in lines if _COMPLAINT.search(line) and not _NOISE.match(line)]
    words = list(dict.fromkeys(found))
    words = words if len(words) <= 6 else [*words[:3], *words[-3:]]
    return f"{reason}; {simulator.name} says: " + " | ".join(words) if words else reason


def _disk_words(error: OSError) -> str:
    where = f" ({error.filename})" if error.filename else ""
    full = error.errno in (errno.ENOSPC, errno.EDQUOT)
    words = "the disk is full" if full else error.strerror or str(error)
    return f"the files of the simulation cannot be written{where}: {words}; make room or set TMPDIR"


def _keep(folder: Path, target: Path, names: list[str], raw: str) -> None:
    """Copy the named files to `target`, each whole or not at all."""
    target.mkdir(parents=True, exist_ok=True)
    with scratch_folder(inside=target) as staging:
        for name in names:
            shutil.copyfile(folder / name, staging / name)
        # waveforms go first and come last, so that a kill never leaves them beside another netlist's text
        (target / raw).unlink(missing_ok=True)
        for name in sorted(names, key=lambda name: name == raw):
            (staging / name).replace(target / name)
