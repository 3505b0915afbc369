"""A coded weight in transistors: a current-steering converter of unit transistors, which a code switches on.

A mirror whose input is `into` unit transistors hands one `into`-th of its current to each unit of its outputs. The
output of a weight has groups of `each`, 2 `each`, 4 `each`, ... units, one per bit of the magnitude, each with a switch
to a common node; two more switches lead it to the output (positive) or through a mirror that turns it round (negative).
So a code makes code each/into of the current, with parallel units alone: no chain in series, whose current BSIM has
wrong, and no width or length but the unit's. A weight of zero has all switches open.

The switches are p-channel and closed by a low gate, which a memory holds (`memory.py`): pins `b0`, `b1`, ... are the
bits, least first, `pos` and `neg` the sign.
"""

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from circuits.data.circuit import CircuitError, Device, Instance, Mosfet, Pin, Subcircuit
from circuits.realisations.cells.cell import OUT, VDD, VSS
from circuits.realisations.cells.ota import Transistors
from circuits.realisations.cells.units import UNITS

GATE, AXON = "gate", "axon"
POSITIVE, NEGATIVE = "pos", "neg"
DRIVER, ENTRY = "coded_driver", "coded_entry"
"""The two ways of a current to a weight, and their trims."""
CONVERTER = "coded_synapse"
EXACT = 0.005
"""How far a ratio of units may be from the unit weight that it stands for."""
MOST_EACH = 8
"""Most units of the least bit."""
_SUPPLIES = (Pin(name=VDD, meaning="positive supply"), Pin(name=VSS, meaning="negative supply"))


@dataclass(frozen=True, kw_only=True)
class Ratio:
    """A unit weight as numbers of unit transistors: `each` of one step of a code, `into` of the mirror's input."""

    each: int
    into: int

    @property
    def weight(self) -> float:
        """The weight of code 1."""
        return self.each / self.into

    @classmethod
    def of(cls, unit: float) -> "Ratio":
        """The fewest units within `EXACT` of a positive unit weight, or the nearest.

        >>> Ratio.of(1 / 31)
        Ratio(each=1, into=31)
        """
        if not (math.isfinite(unit) and unit > 0):
            raise CircuitError(f"unit weight {unit!r} of codes must be positive and finite")
        found = [
            cls(each=each, into=max(1, round(each / unit)))
            for each in range(1, MOST_EACH * max(1, math.ceil(unit)) + 1)
        ]
        near = [ratio for ratio in found if abs(ratio.weight / unit - 1) <= EXACT]
        return near[0] if near else min(found, key=lambda ratio: abs(ratio.weight / unit - 1))


@dataclass(frozen=True, kw_only=True)
class CodedCells:
    """The cells of coded weights of one technology, made of the unit transistors of its synapses."""

    place: Transistors

    def driver(self, into: int) -> Subcircuit:
        """From a neuron's output mirror to the weights': two mirrors, so that each layer has a unit of its own."""
        place = self.place
        return Subcircuit(
            name=f"{DRIVER}_{into}",
            title=f"current of an output mirror, handed on to a mirror of {into} units",
            pins=(
                Pin(name=AXON, meaning="gate of the neuron's output mirror"),
                Pin(name=GATE, meaning="gate of the weights' mirror"),
                *_SUPPLIES,
            ),
            devices=(
                place.unit_pmos("m_copy", "down", AXON, multiplicity=UNITS, note="copy of the output current"),
                place.nmos("m_down", "down", "down", note="turns it round, input"),
                place.nmos("m_sink", GATE, "down", note="turns it round, output"),
                self._diode(into),
            ),
        )  # fmt: skip

    def entry(self, into: int) -> Subcircuit:
        """The input of a weight's mirror alone: a current drawn from its gate is what weights copy."""
        return Subcircuit(
            name=f"{ENTRY}_{into}",
            title=f"input mirror of {into} units",
            pins=(
                Pin(name=GATE, meaning="gate of the weights' mirror; its current is drawn here"),
                *_SUPPLIES,
            ),
            devices=(self._diode(into),),
        )

    def _diode(self, into: int) -> Mosfet:
        return self.place.unit_pmos("m_in", GATE, GATE, multiplicity=into, note="the weights' mirror, input")

    def synapse(self, bits: int, each: int) -> Subcircuit:
        """The converter of all codes of `bits`, sign included, each step of `each` units."""
        digits = range(bits - 1)
        return Subcircuit(
            name=f"{CONVERTER}_{bits}_{each}",
            title=f"weight of {bits} bits, {each} units a step",
            pins=(
                Pin(name=GATE, meaning="gate of the weights' mirror"),
                Pin(name=OUT, meaning="the current flows in here"),
                *(Pin(name=f"b{digit}", meaning=f"bit of {2**digit}, low is on") for digit in digits),
                Pin(name=POSITIVE, meaning="low sends the current to the output"),
                Pin(name=NEGATIVE, meaning="low turns it round before"),
                *_SUPPLIES,
            ),
            devices=tuple(self._converter(digits, each)),
        )

    def _converter(self, digits: range, each: int) -> Iterator[Device]:
        place = self.place
        for digit in digits:
            yield place.unit_pmos(
                f"m_{digit}", f"drain{digit}", GATE, multiplicity=each * 2**digit, note=f"bit of {2**digit}"
            )
            yield place.switch(f"m_on_{digit}", "sum", f"b{digit}", f"drain{digit}", note="its switch")
        yield place.switch("m_pos", OUT, POSITIVE, "sum", note="to the output")
        yield place.switch("m_neg", "fold", NEGATIVE, "sum", note="to the mirror that turns it round")
        yield place.nmos("m_fold", "fold", "fold", note="turns the current round, input")
        yield place.nmos("m_turned", OUT, "fold", note="turns the current round, output")

    def weight(self, name: str, *, gate: str, out: str, code: int, bits: int, each: int) -> Instance:
        """A weight in place: its bits are tied to the supplies as its memory holds them."""
        return Instance(
            name=name,
            subcircuit=f"{CONVERTER}_{bits}_{each}",
            connections={GATE: gate, OUT: out, **tied(code, bits), VDD: VDD, VSS: VSS},
            note=f"code {code} of {2 ** (bits - 1) - 1}",
            code=code,
        )


def tied(code: int, bits: int) -> Mapping[str, str]:
    """To which supply each pin of a code is held.

    >>> tied(-2, 3)
    {'b0': 'vdd', 'b1': 'vss', 'pos': 'vdd', 'neg': 'vss'}
    """
    if abs(code) > 2 ** (bits - 1) - 1:
        raise CircuitError(f"code {code} does not fit into {bits} bits, sign included")
    low = {f"b{digit}": bool(abs(code) >> digit & 1) for digit in range(bits - 1)}
    low |= {POSITIVE: code > 0, NEGATIVE: code < 0}
    return {pin: VSS if closed else VDD for pin, closed in low.items()}
