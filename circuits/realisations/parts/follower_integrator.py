"""The slow filter: an amplifier whose output charges the capacitor that its minus input reads.

C_x dU_x/dt = I_b tanh((U_m - U_x)/V0): it follows its input, and slews at I_b/C_x. tau_x = C_x V0/I_b.
"""

from collections.abc import Iterator
from functools import partial

import sympy

from circuits.data.circuit import Device
from circuits.realisations.cells.noise import FIVE_TRANSISTORS
from circuits.realisations.forms import Current, Transfer
from circuits.realisations.interface import I0
from circuits.realisations.parts.base import Part, Site
from circuits.realisations.parts.transconductor import settling, shape_of, transconductor


def follower_integrator(current: Current) -> Part | None:
    """A form whose minus input is the state that it charges, and whose plus input is another one.

    It has no reference to trim, so its state settles at U_m - offset.
    """
    form = current.transfer
    if form is None or form.minus != current.state.symbol or form.plus not in current.all_states:
        return None
    return Part(
        current=current,
        build=partial(_build, current, form),
        lag=lambda kit: kit.trim(kit.filter).offset,
        timescale=partial(_settling, current, form),
        generators=FIVE_TRANSISTORS,
        is_filter=True,
        **shape_of(form),
    )


def _build(current: Current, form: Transfer, site: Site) -> Iterator[Device]:
    """The amplifier between the node that it follows and its own output."""
    node, follows, cell = current.state.name, site.nodes[form.plus], site.kit.filter
    return transconductor(
        f"x_{current.label}", cell, plus=follows, minus=node, out=node,
        slope=I0 * form.slope.xreplace(site.numbers), width=form.width, references=site.references,
        trim=site.kit.trim(cell), note=f"follower-integrator of {follows}",
    )  # fmt: skip


def _settling(current: Current, form: Transfer, site: Site) -> sympy.Expr:
    return settling(current, form, site, site.kit.filter)
