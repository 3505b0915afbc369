"""xschem's files: a sheet and a symbol for each subcircuit that is drawn, from the cells to the whole circuit.

They are those of the netlist `lvs`: biases and references are pins. xschem reads them from their own folder beside its
own library, and netlists them back to the same devices.
"""

from collections.abc import Mapping, Sequence

from circuits.data.circuit import Capacitor, Circuit, Device, Instance, Mosfet, Resistor
from netlists.analyses import Analysis, Measure, Tolerances
from netlists.netlist import Netlist
from netlists.writing.drawn import drawn_netlist, drawn_of
from netlists.writing.names import card_name
from netlists.writing.seam import Dialect
from netlists.xschem.sheet import Sheet, number
from netlists.xschem.symbols import Box, box_of, symbol_text
from netlists.xschem.transistors import place_transistors

LETTER = 11
"""Width of a letter of a net's name on a sheet."""
WIDEST = 2400
"""A row of symbols that would be longer goes on in another one."""
PIN = 30
"""Between the pins of a sheet."""
APART = 120


def write(
    circuit: Circuit, analysis: Analysis, tolerances: Tolerances, measures: tuple[Measure, ...]
) -> Netlist:
    """`<name>_top.sch`, which holds one symbol of the whole circuit, and the sheets and symbols below it.

    Raises:
        NetlistError: what no dialect can write. CircuitError: nothing of the circuit is drawn.
    """
    drawn, top = drawn_of(circuit, analysis, measures), f"{circuit.name}_top.sch"
    boxes = {subcircuit.name: box_of(subcircuit) for subcircuit in drawn.subcircuits}
    polarity = {model.name: model.polarity for model in drawn.models}
    files = {top: _sheet(drawn.devices, (), boxes, polarity)}
    for subcircuit in drawn.subcircuits:
        pins = [pin.name for pin in subcircuit.pins]
        files[f"{subcircuit.name}.sch"] = _sheet(subcircuit.devices, pins, boxes, polarity)
        files[f"{subcircuit.name}.sym"] = symbol_text(subcircuit)
    return drawn_netlist(drawn, files, top, analysis, DIALECT.name)


def _sheet(
    devices: Sequence[Device], pins: Sequence[str], boxes: Mapping[str, Box], polarity: Mapping[str, str]
) -> str:
    """Pins on the left, transistors beside them, below these capacitors and resistors, then subcircuits."""
    sheet = Sheet()
    for place, pin in enumerate(pins):
        sheet.pin(pin, -APART - LETTER * max(map(len, pins)), PIN * place)
    transistors = [device for device in devices if isinstance(device, Mosfet)]
    bottom = place_transistors(sheet, transistors, polarity, APART)
    y = bottom + APART if transistors else 0
    small = [device for device in devices if isinstance(device, Capacitor | Resistor)]
    x = APART
    for device in small:
        _two_ends(sheet, device, x, y)
        x += APART + LETTER * max(map(len, device.terminals))
    _boxes(sheet, [d for d in devices if isinstance(d, Instance)], boxes, y + (2 * APART if small else 0))
    return sheet.text


def _two_ends(sheet: Sheet, device: Capacitor | Resistor, x: int, y: int) -> None:
    symbol, value = (
        ("capa", device.capacitance) if isinstance(device, Capacitor) else ("res", device.resistance)
    )
    sheet.place(f"devices/{symbol}.sym", x, y, {"name": card_name(device), "m": "1", "value": number(value)})
    sheet.label(device.positive, x, y - 30, "right")
    sheet.label(device.negative, x, y + 30, "right")


def _boxes(sheet: Sheet, instances: Sequence[Instance], boxes: Mapping[str, Box], top: int) -> None:
    """Symbols of subcircuits in rows, each end with the name of its net."""
    x, y, tallest = APART, top, 0
    for instance in instances:
        box = boxes[instance.subcircuit]
        names = LETTER * max(map(len, instance.connections.values()))
        half = box.half_width + 20 + names
        if x > APART and x + 2 * half > WIDEST:
            x, y, tallest = APART, y + tallest + APART, 0
        at = (x + half) // 10 * 10, (y + box.half_height + 40) // 10 * 10
        sheet.place(f"{instance.subcircuit}.sym", *at, {"name": card_name(instance)})
        for pin, (pin_x, pin_y, side) in box.places.items():
            sheet.label(instance.connections[pin], at[0] + pin_x, at[1] + pin_y, side)
        x, tallest = x + 2 * half + APART // 2, max(tallest, 2 * box.half_height + 80)


DIALECT = Dialect(name="xschem", reader="xschem 2.8 and later", write=write)
