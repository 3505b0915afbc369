"""Transistor model cards as plain data."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, get_args

from circuits.data.values import CircuitError, check_name, check_value

Polarity = Literal["nmos", "pmos"]


@dataclass(frozen=True, kw_only=True)
class ModelBin:
    """A card's numbers for lengths from `shortest` up to `longest`, widths from `narrowest` up to `widest`, in m.

    `mismatch` is the sigma of each number that the process varies from device to device, times sqrt(W L) in m.
    """

    shortest: float
    longest: float
    narrowest: float
    widest: float
    parameters: Mapping[str, float]
    mismatch: Mapping[str, float] = field(default_factory=dict)

    def holds(self, width: float, length: float) -> bool:
        """Whether a transistor of this size is in the bin; lower bounds are, upper ones are not."""
        return self.shortest <= length < self.longest and self.narrowest <= width < self.widest


@dataclass(frozen=True, kw_only=True)
class ModelCard:
    """The card of a MOS transistor: `level` says which model, `parameters` are its numbers under its names.

    Level 8 is BSIM3, level 14 BSIM4, level 103 PSP103. Parameters that are not given take the model's own defaults,
    which do not describe one real process: a card without oxide thickness, doping, `voff` and `nfactor` has no meaning
    below threshold. `source` says where the numbers come from. Where there are `bins`, each transistor gets the numbers
    of the one that holds its size, and `parameters` and `mismatch` are those of the technology's usual size.
    """

    name: str
    polarity: Polarity
    level: int
    parameters: Mapping[str, float]
    version: str = ""
    source: str = ""
    bins: tuple[ModelBin, ...] = ()
    mismatch: Mapping[str, float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        owner = f"model {self.name!r}"
        check_name(self.name, owner)
        if self.polarity not in get_args(Polarity):
            raise CircuitError(f"{owner}: polarity {self.polarity!r} is unknown; allowed are nmos and pmos")
        if not isinstance(self.level, int) or self.level < 1:
            raise CircuitError(f"{owner}: level = {self.level!r}; give ngspice's number, e.g. 8 for BSIM3")
        if not all(part.isdigit() for part in self.version.split(".") if self.version):
            raise CircuitError(f"{owner}: version {self.version!r}; give numbers and points, e.g. 3.3.0")
        tables = [self.parameters, *(size.parameters for size in self.bins)]
        for name, value in (pair for table in tables for pair in table.items()):
            check_name(name, f"{owner}, parameter {name!r}")
            check_value(value, f"{owner}, {name}")
        object.__setattr__(self, "parameters", dict(self.parameters))
        object.__setattr__(self, "mismatch", dict(self.mismatch))

    def at_size(self, width: float, length: float) -> ModelBin:
        """The numbers for a transistor of this size in m; `CircuitError` where no bin holds it."""
        if not self.bins:
            return ModelBin(
                shortest=0.0, longest=math.inf, narrowest=0.0, widest=math.inf, parameters=self.parameters,
                mismatch=self.mismatch,
            )  # fmt: skip
        for size in self.bins:
            if size.holds(width, length):
                return size
        raise CircuitError(
            f"model {self.name} has no bin for W = {1e6 * width:.4g} um, L = {1e6 * length:.4g} um"
        )
