"""Where the tests keep their examples; imported before what needs them."""

import sys
from pathlib import Path

TESTS = Path(__file__).resolve().parent.parent
sys.path[:0] = [
    str(TESTS / name) for name in ("fuzz", "excitable", "netlists") if str(TESTS / name) not in sys.path
]
