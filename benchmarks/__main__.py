"""All benchmarks, one after another; their tables and numbers go to `benchmarks/results`."""

import subprocess
import sys
from pathlib import Path

RESULTS = Path(__file__).resolve().parent / "results"
PARTS = {
    "kernels": ["--json", str(RESULTS / "kernels.json")],
    "events": ["--json", str(RESULTS / "events.json")],
    "deep": ["--json", str(RESULTS / "deep.json")],
    "studio": ["--json", str(RESULTS / "studio.json")],
    "scale": ["--json", str(RESULTS / "scale.json")],
    "coupled": ["--json", str(RESULTS / "coupled.json")],
    "overlay": ["--json", str(RESULTS / "overlay.json")],
    "witnesses": ["--json", str(RESULTS / "witnesses.json")],
    "threads": ["--json", str(RESULTS / "threads.json")],
    "measured": ["--json", str(RESULTS / "measured.json")],
    "measured_cost": ["--json", str(RESULTS / "measured_cost.json")],
    "measured_gradients": ["--json", str(RESULTS / "measured_gradients.json")],
    "noise": ["--json", str(RESULTS / "noise.json")],
    "levels": ["--output", str(RESULTS / "levels.md")],
}
"""Benchmark modules and where each leaves its results."""


def main() -> int:
    """Run each benchmark in a process of its own; the number of those that failed is returned."""
    RESULTS.mkdir(exist_ok=True)
    failures = 0
    for name, arguments in PARTS.items():
        print(f"benchmarks.{name}", flush=True)
        failures += (
            subprocess.run([sys.executable, "-m", f"benchmarks.{name}", *arguments], check=False).returncode
            != 0
        )
    return failures


if __name__ == "__main__":
    sys.exit(main())
