"""The back ends of a layer on a time grid, by name."""

from typing import Literal

Backend = Literal["auto", "eager", "c", "triton"]
"""The fastest that works, the eager step of torch, or a generated kernel for CPU or GPU."""
