"""The leak that does not run away: a follower of the resting voltage, wide enough to hold the membrane.

A pair with one diode of degeneration saturates at 2.43 units, and elements of 3.5 units then drive the membrane to
a rail; saturation at 5 units behaves (docs/models.md, section 4). It is built as a multi-tanh of staggered pairs: for a
declared `leak_limit` they follow its tanh, without one they are linear up to 4.5 units.
"""

from collections.abc import Iterator
from dataclasses import replace
from functools import partial

import sympy

from circuits.data.circuit import Device
from circuits.realisations.cells.noise import FIVE_TRANSISTORS
from circuits.realisations.forms import Current, Transfer
from circuits.realisations.interface import I0
from circuits.realisations.parts.base import Part, Site
from circuits.realisations.parts.transconductor import settling, shape_of, transconductor

LEAK = "leak"
"""Name of the leak's current, and of its own trim, which undoes what all amplifiers at a membrane add up to."""


def leak(current: Current) -> Part | None:
    """A form whose minus input is the state that it charges, against a reference: a leak, or an element like one."""
    form = current.transfer
    if form is None or form.minus != current.state.symbol or form.plus in current.all_states:
        return None
    # pairs that are staggered have no common time constant
    made = Part(
        current=current, build=partial(_build, current, form), generators=FIVE_TRANSISTORS, **shape_of(form)
    )
    return replace(made, timescale=partial(_settling, current, form)) if form.width == 1 else made


def _settling(current: Current, form: Transfer, site: Site) -> sympy.Expr:
    return settling(current, form, site, site.kit.follower)


def _build(current: Current, form: Transfer, site: Site) -> Iterator[Device]:
    """The pairs, corrected by the trim of the amplifier and that of all amplifiers at the node together."""
    cell, node = site.kit.follower, current.state.name
    trim, membrane = site.kit.trim(cell), site.kit.named_trim(LEAK)
    both = replace(trim, gain=trim.gain * membrane.gain, offset=trim.offset + membrane.offset)
    return transconductor(
        f"x_{current.label}", cell, plus=site.terminal(form.plus), minus=node, out=node,
        slope=I0 * form.slope.xreplace(site.numbers), width=form.width, references=site.references, trim=both,
        note="leak",
    )  # fmt: skip
