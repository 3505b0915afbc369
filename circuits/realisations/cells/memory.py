"""The memory of codes: a shift register of static flip-flops, one a bit, that is loaded once through one pin.

A stage is two latches of transmission gates: the first follows its input while the clock is low, the second takes it
over while it is high. All transistors have the smallest width and the length of the analogue ones, which leak least.
A network's register is not simulated with it, since nothing in it moves after loading: its size is counted
(`circuits.measures.memory`), and its leakage is that of one stage, simulated alone.
"""

from collections.abc import Iterator
from dataclasses import replace

from circuits.data.circuit import Device, Mosfet, Pin, Subcircuit
from circuits.realisations.cells.cell import VDD, VSS
from circuits.realisations.cells.ota import Transistors

STAGE = "code_bit"
DATA, CLOCK, INVERTED, HELD = "d", "clk", "nclk", "q"
_INVERTERS = (("m", "mb"), ("mb", "mf"), ("s", HELD), (HELD, "sf"))
"""From node to node: of the first latch forward and back, and of the second."""
_GATES = (
    (DATA, "m", INVERTED, CLOCK),
    ("mf", "m", CLOCK, INVERTED),
    ("mb", "s", CLOCK, INVERTED),
    ("sf", "s", INVERTED, CLOCK),
)
"""Between two nodes: the gates of the n- and the p-channel transistor."""


def code_bit(place: Transistors) -> Subcircuit:
    """One stage: sixteen transistors; `q` is what was at `d` when the clock rose."""
    return Subcircuit(
        name=STAGE,
        title="one bit of a code: a stage of a shift register",
        pins=(
            Pin(name=DATA, meaning="the bit of the stage before"),
            Pin(name=CLOCK, meaning="clock of loading, low afterwards"),
            Pin(name=INVERTED, meaning="the same, inverted"),
            Pin(name=HELD, meaning="the bit that is held"),
            Pin(name=VDD, meaning="positive supply"),
            Pin(name=VSS, meaning="negative supply"),
        ),
        devices=tuple(_stage(place)),
    )


def _stage(place: Transistors) -> Iterator[Device]:
    for index, (entry, out) in enumerate(_INVERTERS):
        yield _smallest(place, place.nmos(f"m_down_{index}", out, entry, note="inverter"))
        yield _smallest(place, place.pmos(f"m_up_{index}", out, entry, note="inverter"))
    for index, (first, second, on, off) in enumerate(_GATES):
        yield _smallest(place, place.nmos(f"m_pass_{index}", second, on, first, note="transmission gate"))
        yield _smallest(place, place.pmos(f"m_pull_{index}", second, off, first, note="transmission gate"))


def _smallest(place: Transistors, device: Mosfet) -> Mosfet:
    made_of = place.technology
    kind = made_of.nmos if device.bulk == VSS else made_of.pmos
    return device if kind is None else replace(device, width=made_of.on_grid(kind.width))
