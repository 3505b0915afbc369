"""The transconductor of an element: a differential pair, or several where it must be wide."""

from collections.abc import Callable, Iterator
from functools import partial
from typing import TypedDict

import sympy

from circuits.data.circuit import GROUND, BehaviouralCurrent, CircuitError, Device
from circuits.realisations.cells.cell import Cell, Trim
from circuits.realisations.cells.noise import TEN_TRANSISTORS
from circuits.realisations.forms import Current, Transfer
from circuits.realisations.interface import I0, V0
from circuits.realisations.parts.base import Pair, Part, References, Site
from circuits.realisations.parts.multi_tanh import multi_tanh


class Shape(TypedDict):
    """The fields of a part that follow from its form."""

    slope: sympy.Expr
    pairs: Callable[[], tuple[Pair, ...]]
    width_parameters: frozenset[str]
    keeps_volts: bool


def element(current: Current) -> Part | None:
    """A current from one state's voltage against a reference, one tanh or a line, that does not draw its own state."""
    form = current.transfer
    return (
        None
        if form is None
        else Part(
            current=current,
            build=partial(_build, current, form),
            generators=TEN_TRANSISTORS,
            **shape_of(form),
        )
    )


def shape_of(form: Transfer) -> Shape:
    """What a form says of its part, whatever amplifier makes it."""

    def pairs() -> tuple[Pair, ...]:
        made = multi_tanh(form.width)
        return tuple(
            Pair(reference=reference, weight=weight)
            for reference, weight in zip(made.references, made.weights, strict=True)
        )

    return {
        "slope": form.slope,
        "pairs": pairs,
        "width_parameters": form.width_parameters,
        # a single pair goes with temperature, staggered ones are held by their references
        "keeps_volts": form.width != 1,
    }


def _build(current: Current, form: Transfer, site: Site) -> Iterator[Device]:
    """The pairs; an element that reads a moved state is moved with it."""
    lag = site.lag(form.plus) + site.lag(form.minus)
    cell = site.kit.element
    return transconductor(
        f"x_{current.label}", cell, plus=site.terminal(form.plus, lag), minus=site.terminal(form.minus, lag),
        out=current.state.name, slope=I0 * form.slope.xreplace(site.numbers), width=form.width,
        references=site.references, trim=site.kit.trim(cell),
    )  # fmt: skip


def transconductor(
    name: str,
    cell: Cell,
    *,
    plus: str | sympy.Expr,
    minus: str | sympy.Expr,
    out: str,
    slope: sympy.Expr,
    width: float,
    references: References,
    trim: Trim,
    unit: sympy.Expr = V0,
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
        references: where reference nodes are kept.
        trim: from calibration.
        unit: the voltage unit in V.
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


def settling(current: Current, form: Transfer, site: Site, cell: Cell) -> sympy.Expr:
    """The time constant in s of a pair that draws its state to its other input."""
    bias = I0 * form.slope.xreplace(site.numbers) / site.kit.trim(cell).gain
    return site.capacitances[current.state.name] * V0 / bias
