"""A subcircuit's symbol: a box with its name and its pins, supplies above and below."""

from collections.abc import Sequence
from dataclasses import dataclass

from circuits.data.circuit import Pin, Subcircuit

PITCH = 20
"""Between two pins of a side."""
LETTER = 8
"""Width of a letter of a pin's name."""
ABOVE, BELOW = ("vdd",), ("vss",)


@dataclass(frozen=True, kw_only=True)
class Box:
    """Where the pins of a symbol are, in the order of the subcircuit's.

    Attributes:
        half_width, half_height: of the box around 0, 0.
        places: of each pin by its name: x, y and the side, left, right, up or down.
    """

    half_width: int
    half_height: int
    places: dict[str, tuple[int, int, str]]


def box_of(subcircuit: Subcircuit) -> Box:
    """The box of a subcircuit: the first half of its pins on the left, the others on the right."""
    ends = [pin.name for pin in subcircuit.pins if pin.name not in (*ABOVE, *BELOW)]
    left, right = ends[: (len(ends) + 1) // 2], ends[(len(ends) + 1) // 2 :]
    longest = max(map(len, [*ends, subcircuit.name, ""]))
    width = _rounded(LETTER * (longest + 2) if not right else LETTER * (2 * longest + 4) // 2)
    height = _rounded(PITCH * (max(len(left), len(right), 1) + 1) // 2 + 10)
    places: dict[str, tuple[int, int, str]] = {}
    for side, x, names in (("left", -width - PITCH, left), ("right", width + PITCH, right)):
        for place, name in enumerate(names):
            places[name] = x, -height + PITCH * (place + 1), side
    for pin in subcircuit.pins:
        if pin.name in ABOVE:
            places[pin.name] = 0, -height - PITCH, "up"
        elif pin.name in BELOW:
            places[pin.name] = 0, height + PITCH, "down"
    return Box(half_width=width, half_height=height, places=places)


def symbol_text(subcircuit: Subcircuit) -> str:
    """The `.sym` file; xschem netlists its pins in the order of the subcircuit's."""
    box = box_of(subcircuit)
    w, h = box.half_width, box.half_height
    lines = [
        'G {type=subcircuit\nformat="@name @pinlist @symname"\ntemplate="name=x1"}',
        "V {}",
        "S {}",
        "E {}",
        *(_line(*ends) for ends in ((-w, -h, w, -h), (w, -h, w, h), (w, h, -w, h), (-w, h, -w, -h))),
    ]
    for pin in subcircuit.pins:
        lines += _pin(pin, *box.places[pin.name])
    lines += [
        f"T {{@symname}} {-w + 5} {h + 5} 0 0 0.2 0.2 {{}}",
        f"T {{@name}} {-w + 5} {-h - 18} 0 0 0.2 0.2 {{}}",
    ]
    return "\n".join(lines) + "\n"


def _pin(pin: Pin, x: int, y: int, side: str) -> Sequence[str]:
    """The square that connects, its line to the box, and its name inside."""
    inwards = {"left": (PITCH, 0), "right": (-PITCH, 0), "up": (0, PITCH), "down": (0, -PITCH)}[side]
    edge = x + inwards[0], y + inwards[1]
    text = {
        "left": f"{edge[0] + 5} {y - 6} 0 0",
        "right": f"{edge[0] - 5} {y - 6} 0 1",
        "up": f"{x + 5} {edge[1] + 3} 0 0",
        "down": f"{x + 5} {edge[1] - 15} 0 0",
    }[side]
    return (
        _line(x, y, *edge),
        f"B 5 {x - 2.5} {y - 2.5} {x + 2.5} {y + 2.5} {{name={pin.name} dir=inout}}",
        f"T {{{pin.name}}} {text} 0.2 0.2 {{}}",
    )


def _line(x: int, y: int, to_x: int, to_y: int) -> str:
    # the file keeps the ends of a line in the order of their coordinates
    (a, b), (c, d) = sorted([(x, y), (to_x, to_y)])
    return f"L 4 {a} {b} {c} {d} {{}}"


def _rounded(length: int) -> int:
    return -(-length // PITCH) * PITCH
