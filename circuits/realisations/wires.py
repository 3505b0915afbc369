"""Capacitance of the wires: one to ground at every net of a subcircuit, as a technology's layout says."""

from collections.abc import Collection
from dataclasses import replace

from circuits.data.circuit import GROUND, Capacitor, Subcircuit


def with_wires(subcircuit: Subcircuit, capacitance: float, *, outside: Collection[str] = ()) -> Subcircuit:
    """The subcircuit with the capacitance of its wires; the same one where they have none.

    Args:
        subcircuit: whose nets are meant.
        capacitance: of one net, in F.
        outside: nets that are not its own: supplies, and pins that belong to whatever it is placed in.
    """
    nets = sorted(subcircuit.nodes - {GROUND, *outside})
    if not capacitance or not nets:
        return subcircuit
    wires = (
        Capacitor(
            name=f"c_wire_{net}",
            positive=net,
            negative=GROUND,
            capacitance=capacitance,
            parasitic=True,
            note="wire",
        )
        for net in nets
    )
    return replace(subcircuit, devices=(*subcircuit.devices, *wires))
