"""Numbers with SI prefixes and units in configuration files: 72e-3, "72m" and "72 mV" are the same."""

import math
import re
from dataclasses import dataclass
from types import MappingProxyType
from typing import Annotated, Any

from pydantic import AfterValidator, BeforeValidator, WithJsonSchema

from circuits.data.scaling import RANGES

PREFIXES = MappingProxyType(
    {
        **{
            "": 1.0,
            "a": 1e-18,
            "f": 1e-15,
            "p": 1e-12,
            "n": 1e-9,
            "u": 1e-6,
            "µ": 1e-6,
            "μ": 1e-6,
            "m": 1e-3,
        },
        **{"k": 1e3, "K": 1e3, "meg": 1e6, "M": 1e6, "G": 1e9, "T": 1e12, "P": 1e15},
    }
)
"""SI's, and `meg` as in SPICE; capital and small letters differ, unlike there."""

_NUMBER = re.compile(r"([+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?)\s*(.*)", re.ASCII | re.DOTALL)
_COMMA = re.compile(r"\d\s*,\s*\d")


@dataclass(frozen=True, kw_only=True)
class Quantities:
    """A physical quantity of configuration files: its unit, and between which values it can be meant."""

    unit: str
    lowest: float
    highest: float

    def check(self, value: float) -> float:
        """The value itself, or `ValueError` with the range and a question."""
        if not self.lowest <= value <= self.highest:
            from quantiphy import Quantity  # for messages only

            least, most = (Quantity(end, self.unit).render() for end in (self.lowest, self.highest))
            received = (
                "" if not math.isfinite(value) or not value else f"is {Quantity(value, self.unit).render()}: "
            )
            raise ValueError(f"{received}must be from {least} to {most}{self._question(value)}")
        return value

    def _question(self, value: float) -> str:
        """What may have been meant: the same number with a prefix that puts it into the range."""
        for factor, meant in (
            (1e-27, "p (P is 1e15)"),
            (1e-9, "m (M is 1e6)"),
            (1e9, "M or meg (m is 1e-3)"),
        ):
            if self.lowest <= value * factor <= self.highest:
                return f"; was the prefix {meant} meant?"
        return f"; did you forget a prefix, as in 1 m{self.unit}?" if value > self.highest else ""


def si_number(value: Any, *, unit: str) -> Any:
    """A number in SI from a number or a text; what is neither is left for pydantic to refuse.

    Raises:
        ValueError: a text that is no number, has a decimal comma, or has another unit.

    >>> si_number("72 mV", unit="V")
    0.072
    """
    if not isinstance(value, str):
        return value
    if _COMMA.search(value):
        raise ValueError(f"has a comma inside the number; write a point, as in '1.5 n{unit}'")
    found = _NUMBER.fullmatch(value.strip())
    if found is None:
        raise ValueError(f"is no number; write it as 1e-3, '1m' or '1 m{unit}'")
    number, word = found.groups()
    prefix = word.removesuffix(unit)
    if prefix.strip() in PREFIXES and (prefix == prefix.strip() or not prefix.strip()):
        # as one decimal text, so that "72 mV" is the float 0.072 and not 72 times 0.001
        exponent = round(math.log10(PREFIXES[prefix.strip()]))
        mantissa, _, power = number.lower().partition("e")
        return float(f"{mantissa}e{int(power or 0) + exponent}")
    other = next((known for known in sorted(PREFIXES, key=len, reverse=True) if word.startswith(known)), "")
    if word and word != unit and word.removeprefix(other).isalpha():
        raise ValueError(
            f"has the unit {word.removeprefix(other) or word}; it must be in {unit}, as in '1 m{unit}'"
        )
    raise ValueError(f"is no number; write it as 1e-3, '1m' or '1 m{unit}'")


def _quantity(unit: str, lowest: float, highest: float) -> Any:
    known = Quantities(unit=unit, lowest=lowest, highest=highest)
    schema = {
        "anyOf": [{"type": "number", "minimum": lowest, "maximum": highest}, {"type": "string"}],
        "unit": unit,
    }
    return Annotated[
        float,
        BeforeValidator(lambda value: si_number(value, unit=unit)),
        AfterValidator(known.check),
        WithJsonSchema(schema),
    ]


Volts = _quantity(*RANGES["voltage_unit"])
"""One unit of voltage."""
Amperes = _quantity(*RANGES["current_unit"])
"""One unit of current."""
Farads = _quantity(*RANGES["capacitance"])
"""A capacitance."""
Seconds = _quantity("s", 1e-3, 1e7)
"""A limit of wall-clock time: up to four months."""
TimeConstants = _quantity("s", 1e-12, 1e4)
"""A membrane's time constant: from that of a gate's capacitance to hours; 72 us at 1 pF and 1 nA."""
