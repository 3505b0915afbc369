"""The amplifier cell: the interface that a macromodel and a transistor circuit share, so that each part exists once."""

from dataclasses import dataclass

import sympy

from circuits.data.circuit import CircuitError, Device, Instance, ModelCard, Param, Pin, Subcircuit

PLUS, MINUS, OUT, VDD, VSS = "plus", "minus", "out", "vdd", "vss"
BIAS = sympy.Symbol("ib", positive=True)

PINS = (
    Pin(name=PLUS, meaning="input: its rise injects current into out"),
    Pin(name=MINUS, meaning="input: its rise draws current out of out"),
    Pin(name=OUT, meaning="output current, ib tanh((plus - minus)/v0)"),
    Pin(name=VDD, meaning="positive supply"),
    Pin(name=VSS, meaning="negative supply"),
)


def bias_parameter(bias: float) -> Param:
    """The bias current of a cell."""
    return Param(name="ib", value=bias, unit="A", meaning="bias current")


@dataclass(frozen=True, kw_only=True)
class Trim:
    """What a DC sweep found of a cell, to be put right by its bias current and its references.

    `gain` divides the bias current; `offset` (V) is added to the reference, where the cell has one; `imbalance`, the
    output current of a pair at balance over its largest one, is drawn from its output. `capacitance` (F) is left out
    of the capacitor at the node.
    """

    gain: float = 1.0
    offset: float = 0.0
    imbalance: float = 0.0
    capacitance: float = 0.0

    def __post_init__(self) -> None:
        if not self.gain > 0:
            raise CircuitError(f"trim: gain = {self.gain!r} must be greater than zero")


@dataclass(frozen=True, kw_only=True)
class Cell:
    """An amplifier subcircuit with the pins `PINS` and the bias current `ib`, and the cards its transistors need."""

    subcircuit: Subcircuit
    models: tuple[ModelCard, ...] = ()

    def place(
        self, name: str, *, plus: str, minus: str, out: str, bias: sympy.Expr, note: str = ""
    ) -> Device:
        """The cell between these nodes, at this bias current (A); supplies are the nodes vdd and vss."""
        return Instance(
            name=name,
            subcircuit=self.subcircuit.name,
            connections={PLUS: plus, MINUS: minus, OUT: out, VDD: VDD, VSS: VSS},
            parameters={"ib": bias},
            note=note,
        )
