"""The translinear squarer: out = in^2/iu by the alternating loop of four transistors.

Pair one carries iu at the constant gate and the input at its own diode's gate; pair two the input at the constant gate,
so that its other side must carry in^2/iu. One quadrant: the input current is positive.
"""

from circuits.data.circuit import Param, Pin, Subcircuit
from circuits.realisations.cells.cell import VDD, VSS
from circuits.realisations.cells.translinear import UNIT_GATE, Block, Loops
from circuits.technologies import Technology

IN, OUT = "in", "out"
REACH = 3.0
"""The input may be up to this many unit currents."""
WEAKER = 8.0
"""The law bends with inversion, so transistors are sized for this many times the largest current."""


def translinear_squarer(technology: Technology, unit: float = 1e-9, *, name: str = "squarer") -> Block:
    """The squarer for inputs from unit/REACH to unit REACH, a decade.

    Args:
        technology: of the transistors.
        unit: the unit current in A, the default of the parameter `iu`.
        name: of the subcircuit.

    Raises:
        TechnologyError: a technology without transistors.
    """
    loops = Loops(technology=technology, current=WEAKER * unit * REACH**2)
    loops.unit()
    loops.mirror("m_in", IN, IN, note="input, mirror's input")
    loops.mirror("m_in_diode", IN, "in_gate", note="input into pair one")
    loops.mirror("m_in_forced", IN, "two", note="input into pair two")
    loops.mirror("m_unit_forced", "unit", "one", note="unit current into pair one")
    loops.pair("one", forced=(UNIT_GATE, "one"), free=("in_gate", "in_gate"), source="source_one")
    loops.pair("two", forced=(UNIT_GATE, "two"), free=("in_gate", OUT), source="source_two")
    return Block(
        subcircuit=Subcircuit(
            name=name,
            title=f"translinear squarer, {technology.title}",
            pins=(
                Pin(name=IN, meaning="input current, drawn out of here"),
                Pin(name=OUT, meaning="output current in^2/iu, drawn in here"),
                Pin(name=VDD, meaning="positive supply"),
                Pin(name=VSS, meaning="negative supply"),
            ),
            parameters=(Param(name="iu", value=unit, unit="A", meaning="unit current"),),
            devices=tuple(loops.devices),
        ),
        models=technology.model_cards(),
    )
