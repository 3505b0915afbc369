"""Measures the peers and prints a table; `--json FILE` also keeps the rows."""

import argparse
import json
from pathlib import Path

from benchmarks.measurement import Shape, as_row, table
from benchmarks.peers import ADAPTERS, PYTHON, measure_peers


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "peers", nargs="*", default=ADAPTERS, help=f"of {', '.join(ADAPTERS)}; all of them if none"
    )
    parser.add_argument("--json", type=Path, help="file for the rows")
    parser.add_argument("--python", type=Path, default=PYTHON, help="interpreter of the peers' environment")
    for name, default in {"threads": 2, "repeats": 5, "steps": 500, "batch": 128, "width": 256}.items():
        parser.add_argument(f"--{name}", type=int, default=default)
    options = parser.parse_args()
    shape = Shape(steps=options.steps, batch=options.batch, width=options.width)
    rows = measure_peers(
        shape, threads=options.threads, repeats=options.repeats, adapters=tuple(options.peers), python=options.python,
    )  # fmt: skip
    print(table(rows), end="")
    if options.json:
        options.json.write_text(json.dumps([as_row(row) for row in rows], indent=1) + "\n", "utf-8")


if __name__ == "__main__":
    main()
