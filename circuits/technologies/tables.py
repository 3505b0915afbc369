"""What all tables of a technology's file share: numbers with their bounds, and that nothing unknown is read."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from circuits.data.values import CircuitError

Positive = Annotated[float, Field(gt=0, allow_inf_nan=False)]
NotNegative = Annotated[float, Field(ge=0, allow_inf_nan=False)]


class Table(BaseModel):
    """A table of the file: unknown keys are refused, values cannot be changed."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=False)


class TechnologyError(CircuitError):
    """A technology file contradicts itself, or lacks what a circuit needs."""
