"""Transistor model cards as plain data."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, get_args

from circuits.devices import CircuitError, check_name, check_value

Polarity = Literal["nmos", "pmos"]


@dataclass(frozen=True, kw_only=True)
class ModelCard:
    """The card of a MOS transistor: `level` says which model, `parameters` are its numbers under its names.

    Level 8 is BSIM3, level 14 BSIM4. Parameters that are not given take the model's own defaults, which do not
    describe one real process: a card without oxide thickness, doping, `voff` and `nfactor` has no meaning below
    threshold. `source` says where the numbers come from.
    """

    name: str
    polarity: Polarity
    level: int
    parameters: Mapping[str, float]
    version: str = ""
    source: str = ""

    def __post_init__(self) -> None:
        owner = f"model {self.name!r}"
        check_name(self.name, owner)
        if self.polarity not in get_args(Polarity):
            raise CircuitError(f"{owner}: polarity {self.polarity!r} is unknown; allowed are nmos and pmos")
        if not isinstance(self.level, int) or self.level < 1:
            raise CircuitError(f"{owner}: level = {self.level!r}; give ngspice's number, e.g. 8 for BSIM3")
        if not all(part.isdigit() for part in self.version.split(".") if self.version):
            raise CircuitError(f"{owner}: version {self.version!r}; give numbers and points, e.g. 3.3.0")
        for name, value in self.parameters.items():
            check_name(name, f"{owner}, parameter {name!r}")
            check_value(value, f"{owner}, {name}")
        object.__setattr__(self, "parameters", dict(self.parameters))
