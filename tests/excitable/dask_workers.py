"""A dask scheduler with two workers on this machine, for tests that kill one of them."""

import os
import signal
import socket
import subprocess
import sys
import time
from contextlib import contextmanager
from pathlib import Path

from excitable.chips.sweep import SweepError, executor_of


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@contextmanager
def started(*command, cwd):
    """A command in a process group of its own, ended with all that it started."""
    log = open(cwd / f"{command[1]}-{time.monotonic_ns()}.log", "wb")  # noqa: SIM115
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "DASK_DISTRIBUTED__WORKER__DAEMON": "False"}
    process = subprocess.Popen(
        command, cwd=cwd, stdout=log, stderr=subprocess.STDOUT, start_new_session=True, env=environment
    )
    try:
        yield process
    finally:
        for number in (signal.SIGTERM, signal.SIGKILL):
            try:
                os.killpg(process.pid, number)
            except ProcessLookupError:
                break
            try:
                process.wait(timeout=10)
            except subprocess.TimeoutExpired:
                continue
        log.close()


@contextmanager
def dask_workers(folder: Path):
    """The scheduler's address, and the first of its two workers as a process, once somebody answers there."""
    dask, address = str(Path(sys.executable).with_name("dask")), f"tcp://127.0.0.1:{free_port()}"
    port = address.rsplit(":", 1)[1]
    scheduler = (dask, "scheduler", "--host", "127.0.0.1", "--port", port, "--no-dashboard")
    worker = (dask, "worker", address, "--nthreads", "1", "--no-dashboard", "--local-directory", str(folder))
    with started(*scheduler, cwd=folder), started(*worker, cwd=folder) as first, started(*worker, cwd=folder):
        deadline = time.monotonic() + 120
        while True:
            try:
                with executor_of(address, None):
                    break
            except SweepError:
                if time.monotonic() > deadline:
                    raise
        yield address, first
