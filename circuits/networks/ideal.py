"""The words for whether a circuit of transistors has ideal parts."""

from typing import Literal

Ideal = Literal["some", "none"]
"""`some`: linear filters, biases, references and weights without codes are; `none`: all on the chip is devices."""
