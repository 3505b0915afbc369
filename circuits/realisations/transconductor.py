"""The transconductor of an element, a leak or a filter: a differential pair, or several where it must be wide."""

from collections.abc import Iterator
from dataclasses import dataclass, field

import sympy

from circuits.data.circuit import GROUND, BehaviouralCurrent, BehaviouralVoltage, CircuitError, Device
from circuits.realisations.cell import Cell
from circuits.realisations.multi_tanh import multi_tanh


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


@dataclass(kw_only=True)
class References:
    """The reference voltages of one subcircuit: one node for each different value."""

    devices: list[Device] = field(default_factory=list)
    nodes: dict[sympy.Expr, str] = field(default_factory=dict)

    def node(self, voltage: sympy.Expr, note: str) -> str:
        """The node that holds `voltage` (V, an expression of parameters); zero is ground."""
        value = sympy.sympify(voltage)
        if value == 0:
            return GROUND
        if value not in self.nodes:
            name = f"ref{len(self.nodes)}"
            self.nodes[value] = name
            self.devices.append(
                BehaviouralVoltage(name=f"b_{name}", positive=name, negative=GROUND, voltage=value, note=note)
            )
        return self.nodes[value]


def transconductor(
    name: str,
    cell: Cell,
    *,
    plus: str | sympy.Expr,
    minus: str | sympy.Expr,
    out: str,
    slope: sympy.Expr,
    width: float,
    unit: sympy.Expr,
    references: References,
    trim: Trim,
    note: str = "",
) -> Iterator[Device]:
    """The current slope width tanh((plus - minus)/(width unit)) into `out`; slope (plus - minus)/unit where it is wide.

    A sign is a matter of which input is which: a negative conductance reads the state at `plus` (its own rise drives
    current into the membrane), a positive one at `minus`.

    Args:
        name: of the first instance; the others get a number.
        cell: the amplifier.
        plus: a node, or a reference voltage in V.
        minus: the same; a wide transconductor needs one of the two to be a reference, or else a pair's own offset.
        out: the node into which the current flows.
        slope: current per voltage unit in A; the bias current of a single pair.
        width: in voltage units; 1 is a single pair, infinity a linear law.
        unit: the voltage unit in V.
        references: where reference nodes are kept.
        trim: from calibration.
        note: for the reader.

    Raises:
        CircuitError: a wide transconductor between two states, which staggered references cannot make.
    """
    shape = multi_tanh(width)
    if len(shape.references) > 1 and isinstance(plus, str) and isinstance(minus, str):
        raise CircuitError(
            f"{name}: a filter of width {width:g} V0 has no circuit of differential pairs, because both of its "
            f"inputs move; use filter_limit = 1, or none for an ideal resistor"
        )
    for index, (shift, weight) in enumerate(zip(shape.references, shape.weights, strict=True)):
        label = name if len(shape.references) == 1 else f"{name}_{index}"
        # a pair is centred where plus - minus = shift: the reference on the plus side falls by it
        ends = []
        for end, sign in ((plus, -1), (minus, 1)):
            if isinstance(end, str):
                ends.append(end)
            else:
                ends.append(
                    references.node(end + sign * (shift * unit - trim.offset), f"reference of {name}")
                )
        bias = slope if weight == trim.gain else slope * (weight / trim.gain)
        yield cell.place(label, plus=ends[0], minus=ends[1], out=out, bias=bias, note=note)
    if trim.imbalance:
        yield BehaviouralCurrent(
            name=f"b_{name.removeprefix('x_')}_balance", source=out, sink=GROUND,
            current=slope * (sum(shape.weights) * trim.imbalance), note=f"balances {note or name}",
        )  # fmt: skip
