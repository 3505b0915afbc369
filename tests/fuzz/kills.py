"""Breaks commands off at random moments, half by SIGTERM and half by kill -9, and runs them again: `make kills`.

What a repeated command leaves must be, byte for byte, what an unbroken one leaves. After SIGTERM nothing that it
started lives and no temporary file is left; after kill -9 neither once two seconds and the next command have passed.
"""

import argparse
import hashlib
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

CONFIGURATION = """
name = "small"
seed = 3
[task]
sample_step = 1.0
horizon = 20.0
series_samples = 120
warm_up = 20
train_series = 8
validation_series = 2
test_series = 2
held_out_samples = 120
transient = 100.0
[network]
hidden = 8
dt = 0.5
[training]
steps = 150
batch = 4
evaluate_every = 2
learning_rate = 0.002
[simulation]
samples = 100
workers = 2
"""
COMMANDS: dict[str, tuple[str, tuple[str, ...]]] = {
    "train": ("empty", ("train", "{configuration}", "--run", "{run}")),
    "simulate": ("trained", ("simulate", "{run}")),
    "sweep": ("trained", ("sweep", "{run}", "--level", "behavioural", "--chips", "4", "--samples", "40")),
    "report": ("compared", ("report", "{run}")),
    "export": ("trained", ("export", "{run}")),
    "demo": ("empty", ("demo", "{configuration}", "--run", "{run}")),
}
"""What each command begins with, and its arguments."""
TIMES = re.compile(
    r'"(?:seconds|created)": ("[^"]*"|[-+.e0-9]+),?|[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9:]{8}[+][0-9:]{5}'
)
"""What files say of when, or for how long, something ran: they are compared without it."""
PRESENT = ("tensorboard",)
"""Folders full of such times: they are compared by their presence."""
GRACE = 2.0


@dataclass
class Kills:
    """Where things lie, and how long an unbroken command takes."""

    place: Path
    python: str = sys.executable
    seconds: dict[str, float] = field(default_factory=dict)
    right: dict[str, dict[str, str]] = field(default_factory=dict)

    @property
    def temporary(self) -> Path:
        """The folder of temporary files of all commands."""
        return self.place / "temporary"

    def arguments(self, command: str, run: Path) -> list[str]:
        """The command line."""
        given = {"configuration": str(self.place / "small.toml"), "run": str(run)}
        return [self.python, "-m", "excitable", *(part.format(**given) for part in COMMANDS[command][1])]

    def start(self, command: str, run: Path) -> subprocess.Popen[str]:
        """Begin the command."""
        environment = {
            **os.environ, "TMPDIR": str(self.temporary), "EXCITABLE_CACHE": str(self.place / "cache"),
            "TORCHINDUCTOR_CACHE_DIR": str(self.place / "cache"),  # torch's own, which it keeps in TMPDIR
            "OMP_NUM_THREADS": "1", "MPLBACKEND": "agg", "SOURCE_DATE_EPOCH": "0",
        }  # fmt: skip
        return subprocess.Popen(
            self.arguments(command, run), env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
            start_new_session=True,
        )  # fmt: skip

    def finish(self, command: str, run: Path) -> None:
        """Run the command to its end."""
        process = self.start(command, run)
        said, _ = process.communicate()
        if process.returncode:
            raise SystemExit(f"{command} failed:\n{said}")

    def prepare(self) -> None:
        """The folders that commands begin with, and what each leaves when it is not broken off."""
        self.temporary.mkdir(parents=True)
        (self.place / "small.toml").write_text(CONFIGURATION)
        trained, compared = self.place / "trained", self.place / "compared"
        self.finish("train", trained)
        shutil.copytree(trained, compared)
        self.finish("simulate", compared)
        subprocess.run(
            [self.python, "-m", "excitable", "compare", str(compared)], check=True, capture_output=True
        )
        for command in COMMANDS:
            run = self.fresh(command)
            began = time.monotonic()
            self.finish(command, run)
            self.seconds[command] = time.monotonic() - began
            self.right[command] = contents(run)

    def fresh(self, command: str) -> Path:
        """A folder as the command finds it; always at the same place, which some files name."""
        run = self.place / "runs" / "small"
        shutil.rmtree(run, ignore_errors=True)
        begins = COMMANDS[command][0]
        if begins != "empty":
            shutil.copytree(self.place / begins, run)
        return run


def contents(run: Path) -> dict[str, str]:
    """Digest of every file of a run by its name, without the times that it tells."""
    found = {}
    for path in sorted(run.rglob("*")):
        name = str(path.relative_to(run))
        if path.is_file() and name != ".lock":
            there = name.partition("/")[0] in PRESENT or name.endswith((".log", ".raw"))
            content = path.read_bytes()
            if name.endswith((".json", ".jsonl", ".html")):
                content = TIMES.sub("", content.decode()).encode()
            found[name if "tensorboard" not in name else "tensorboard"] = (
                "present" if there else hashlib.sha256(content).hexdigest()
            )
    return found


def orphans(temporary: Path) -> list[int]:
    """Processes of commands that live."""
    found = []
    for entry in Path("/proc").iterdir():
        if not entry.name.isdecimal() or int(entry.name) == os.getpid():
            continue
        try:
            state = (entry / "stat").read_text().rpartition(")")[2].split()[0]
            environment = (entry / "environ").read_bytes()
        except OSError:
            continue
        if state not in "ZX" and f"TMPDIR={temporary}\0".encode() in environment:
            found.append(int(entry.name))
    return found


def litter(kills: Kills, run: Path) -> list[str]:
    """Temporary files and unfinished ones."""
    found = [path.name for path in kills.temporary.iterdir()]
    found += [str(path.relative_to(run)) for path in run.rglob("*") if ".part" in path.name]
    found += [str(path.relative_to(run)) for path in run.rglob("excitable_*")]
    return found


def one(kills: Kills, command: str, number: signal.Signals, share: float) -> list[str] | None:
    """Break one command off at a share of its time, repeat it, and tell what is wrong; None where it ended before."""
    run = kills.fresh(command)
    process = kills.start(command, run)
    time.sleep(share * kills.seconds[command])
    process.send_signal(number)
    said, _ = process.communicate()
    faults = []
    if process.returncode not in (-number, 128 + number):
        return None
    if number == signal.SIGTERM:
        if "Traceback" in said:
            faults.append(f"a traceback: {said[-400:]}")
        if left := orphans(kills.temporary):
            faults.append(f"orphans after SIGTERM: {left}")
        if run.exists() and (left_files := litter(kills, run)):
            faults.append(f"litter after SIGTERM: {left_files}")
    time.sleep(GRACE)
    if left := orphans(kills.temporary):
        faults.append(f"orphans after {GRACE:g} s: {left}")
    kills.finish(command, run)
    if left_files := litter(kills, run):
        faults.append(f"litter after the next command: {left_files}")
    now, right = contents(run), kills.right[command]
    if now != right:
        other = sorted(name for name in {*now, *right} if now.get(name) != right.get(name))
        faults.append(f"other bytes: {other}")
    return faults


def main() -> None:
    """Break off, write the table, and end with status 1 where there is a fault."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--kills", type=int, default=50)
    parser.add_argument("--table", type=Path)
    options = parser.parse_args()
    rng = np.random.default_rng(options.seed)
    counts: Counter[tuple[str, str]] = Counter()
    faults: list[str] = []
    with tempfile.TemporaryDirectory(prefix="kills_") as place:
        kills = Kills(place=Path(place))
        kills.prepare()
        for index in range(options.kills):
            command = list(COMMANDS)[index % len(COMMANDS)]
            number = (signal.SIGTERM, signal.SIGKILL)[(index // len(COMMANDS)) % 2]
            found = None
            while found is None:  # one that ended before was not broken off
                share = float(rng.uniform(0.02, 1.0))
                found = one(kills, command, number, share)
            counts[command, "faults" if found else number.name] += 1
            faults += [f"{command}, {number.name} at {share:.2f} of its time: {fault}" for fault in found]
            print(
                f"{index + 1:>3} {command} {number.name} {share:.2f} {'; '.join(found) or 'same bytes'}",
                flush=True,
            )
    columns = ("SIGTERM", "SIGKILL", "faults")
    lines = [
        "# Commands broken off", "",
        f"Written by `make kills`, seed {options.seed}: {options.kills} commands were broken off at random moments, "
        f"half by SIGTERM and half by kill -9, and run again. The files that they leave are compared byte by byte with "
        f"those of a command that was left alone, but for the times of day and durations that they tell. After SIGTERM "
        f"nothing that the command started lives and no temporary file is left; after kill -9 neither, once "
        f"{GRACE:g} s and the next command have passed. A fault is anything else.", "",
        "| command | same bytes after SIGTERM | same bytes after SIGKILL | faults |", "|---|---|---|---|",
    ]  # fmt: skip
    lines += [
        f"| {command} | " + " | ".join(str(counts[command, column]) for column in columns) + " |"
        for command in COMMANDS
    ]
    text = "\n".join([*lines, *faults]) + "\n"
    if options.table is not None:
        options.table.write_text(text)
    print(text)
    sys.exit(1 if faults else 0)


if __name__ == "__main__":
    main()
