"""Runs a measuring program in another environment and reads the JSON lines that it prints."""

import json
import subprocess
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


def rows_of(python: Path, arguments: list[str], *, seconds: float) -> tuple[list[dict], str]:
    """What `python arguments` printed, a dictionary for each line of JSON, and why it ended early, or ''.

    Lines that were printed before an error or the time limit are kept.
    """
    output, problem = "", ""
    try:
        done = subprocess.run(
            [str(python), *arguments], cwd=ROOT, capture_output=True, text=True, timeout=seconds, check=False
        )
        output = done.stdout
        if done.returncode:
            problem = (done.stderr.strip().splitlines() or ["no message"])[-1]
    except subprocess.TimeoutExpired as late:
        output = late.stdout.decode() if isinstance(late.stdout, bytes) else late.stdout or ""
        problem = f"took longer than {seconds:.0f} s"
    except OSError as error:
        problem = f"{python} does not run: {error.strerror}"
    return [json.loads(line) for line in output.splitlines() if line.startswith("{")], problem[:300]
