"""Numbers with SI prefixes and units in configuration files: 72e-3, "72m" and "72 mV" are the same."""

from functools import partial
from typing import Annotated, Any

from pydantic import BeforeValidator, Field, WithJsonSchema
from quantiphy import QuantiPhyError, Quantity


def si_number(value: Any, *, unit: str) -> Any:
    """A number in SI from a number or a text; what is neither is left for pydantic to refuse.

    Raises:
        ValueError: a text that is no number, or has another unit.

    >>> si_number("72 mV", unit="V")
    0.072
    """
    if not isinstance(value, str):
        return value
    try:
        quantity = Quantity(value)
    except QuantiPhyError:
        raise ValueError(f"is no number; write it as 1e-3, '1m' or '1 m{unit}'") from None
    if quantity.units not in ("", unit):
        raise ValueError(f"has the unit {quantity.units}; it must be in {unit}, as in '1 m{unit}'")
    return float(quantity)


def _positive(unit: str) -> Any:
    schema = {"anyOf": [{"type": "number", "exclusiveMinimum": 0}, {"type": "string"}], "unit": unit}
    return Annotated[
        float,
        BeforeValidator(partial(si_number, unit=unit)),
        Field(gt=0, allow_inf_nan=False),
        WithJsonSchema(schema),
    ]


Volts = _positive("V")
Amperes = _positive("A")
Farads = _positive("F")
Seconds = _positive("s")
