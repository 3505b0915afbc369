"""A sheet: symbols in their places, wires between drains and to the rails, and a name at every other end."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import count

from netlists.writing.expressions import print_number

LABEL = "devices/lab_pin.sym"


@dataclass(kw_only=True)
class Sheet:
    """The lines of a `.sch` file, in the order of their making; lengths in xschem's units, y downwards."""

    wires: list[str] = field(default_factory=list)
    symbols: list[str] = field(default_factory=list)
    numbers: Iterator[int] = field(default_factory=lambda: count(1))

    def place(
        self, symbol: str, x: int, y: int, values: dict[str, str], *, turn: int = 0, flip: bool = False
    ) -> None:
        """A symbol with its values; `turn` in quarters clockwise."""
        given = " ".join(f"{key}={value}" for key, value in values.items())
        self.symbols.append(f"C {{{symbol}}} {x} {y} {turn} {int(flip)} {{{given}}}")

    def label(self, net: str, x: int, y: int, side: str = "left") -> None:
        """The name of a net at a place, written towards a side."""
        turn, flip = {"left": (0, False), "right": (0, True), "up": (3, True), "down": (3, False)}[side]
        values = {"name": f"l{next(self.numbers)}", "sig_type": "std_logic", "lab": net}
        self.place(LABEL, x, y, values, turn=turn, flip=flip)

    def pin(self, net: str, x: int, y: int) -> None:
        """A pin of the sheet."""
        self.place("devices/iopin.sym", x, y, {"name": f"p{next(self.numbers)}", "lab": net})

    def wire(self, net: str, x: int, y: int, to_x: int, to_y: int) -> None:
        """A straight piece of a net."""
        (a, b), (c, d) = sorted([(x, y), (to_x, to_y)])
        self.wires.append(f"N {a} {b} {c} {d} {{lab={net}}}")

    @property
    def text(self) -> str:
        """The file."""
        return "\n".join(["G {}", "V {}", "S {}", "E {}", *self.wires, *self.symbols]) + "\n"


def number(value: object) -> str:
    """A size as xschem hands it on."""
    return print_number(float(value))  # type: ignore[arg-type]
