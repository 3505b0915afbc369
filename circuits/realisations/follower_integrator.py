"""The slow filter: an amplifier whose output charges the capacitor that its minus input reads.

C_x dU_x/dt = I_b tanh((U_m - U_x)/V0): it follows its input, and slews at I_b/C_x. tau_x = C_x V0/I_b.
"""

from collections.abc import Iterator

import sympy

from circuits.data.circuit import Device
from circuits.realisations.cell import Cell
from circuits.realisations.transconductor import References, Trim, transconductor


def follower_integrator(
    name: str,
    cell: Cell,
    *,
    follows: str,
    node: str,
    slope: sympy.Expr,
    width: float,
    unit: sympy.Expr,
    trim: Trim,
) -> Iterator[Device]:
    """The amplifier between the node that it follows and its own output `node`; arguments as in `transconductor`."""
    yield from transconductor(
        name, cell, plus=follows, minus=node, out=node, slope=slope, width=width, unit=unit,
        references=References(), trim=trim, note=f"follower-integrator of {follows}",
    )  # fmt: skip
