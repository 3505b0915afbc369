"""What the commands of the benchmarks share."""

import argparse
from pathlib import Path


def arguments(about: str | None) -> argparse.ArgumentParser:
    """A command's arguments: the file of its numbers, beside which the page goes."""
    parser = argparse.ArgumentParser(description=about, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument(
        "--json", type=Path, required=True, help="file for the numbers; the page goes beside it"
    )
    return parser
