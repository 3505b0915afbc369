"""Any other law of one voltage: staggered pairs that follow it, and a constant current. The last part that is asked."""

import warnings
from collections.abc import Iterator
from functools import partial

import sympy

from circuits.data.circuit import GROUND, BehaviouralCurrent, CircuitError, Device
from circuits.realisations.forms import Current
from circuits.realisations.interface import I0
from circuits.realisations.parts.base import Part, Site
from circuits.realisations.parts.staggered import TOLERANCE, WARNED, Staggered, span, staggered
from circuits.realisations.parts.transconductor import transconductor


def any_law(current: Current) -> Part:
    """A law of its own: as many pairs as it takes, and a bias current for its constant."""
    neuron = current.neuron
    form = staggered(current.expression, neuron, span(neuron, current.state))
    if form is None:
        return Part(current=current, build=partial(_refuse, current))
    return Part(
        current=current,
        build=partial(_build, current, form),
        slope=form.slope,
        pairs=lambda: form.pairs,
        width_parameters=form.width_parameters,
    )


def _refuse(current: Current, _: Site) -> Iterator[Device]:
    raise CircuitError(
        f"neuron {current.neuron.name}, current {current.name}: no amplifier has the law {current.expression}; "
        f"use a tanh element, or keep this one as a behavioural source: ideal=['{current.name}']"
    )


def _build(current: Current, form: Staggered, site: Site) -> Iterator[Device]:
    """The pairs at their references, and the constant."""
    name, label, out = current.name, current.label, current.state.name
    if form.residual > TOLERANCE:
        low, high = span(current.neuron, current.state)
        raise CircuitError(
            f"neuron {current.neuron.name}, current {name}: differential pairs follow its law within "
            f"{form.residual:.1%} only, from {low:g} to {high:g} V0, and {TOLERANCE:.0%} is allowed; smooth its "
            f"table, or keep it as a behavioural source: ideal=['{name}']"
        )
    _warn_of_cancellation(current, form, site)
    cell, factor = site.kit.element, I0 * form.factor.xreplace(site.numbers)
    node, lag = site.nodes[form.state], site.lag(form.state)
    for index, (reference, weight) in enumerate(zip(form.references, form.weights, strict=True)):
        held = site.terminal(sympy.Float(reference), lag)
        plus, minus = (node, held) if weight > 0 else (held, node)
        yield from transconductor(
            f"x_{label}_{index}", cell, plus=plus, minus=minus, out=out, slope=factor * abs(weight), width=1.0,
            references=site.references, trim=site.kit.trim(cell),
            note=f"{name}, followed within {form.residual:.1%}",
        )  # fmt: skip
    yield BehaviouralCurrent(
        name=f"b_{label}_constant", source=GROUND, sink=out, current=factor * form.constant,
        note=f"bias of {name}",
    )  # fmt: skip


def _warn_of_cancellation(current: Current, form: Staggered, site: Site) -> None:
    """Say so where the pairs' own errors, magnified by weights that cancel, spoil the law."""
    if not site.kit.technology.amplifier.rails:
        return
    calibrated = site.kit.element.subcircuit.name in site.kit.trims
    error = form.expected_error(calibrated=calibrated)
    if error <= WARNED:
        return
    fix = (
        "" if calibrated else f"calibrate the amplifiers ({form.expected_error(calibrated=True):.0%} then), "
    )
    warnings.warn(
        f"neuron {current.neuron.name}, current {current.name}: {len(form.weights)} pairs whose currents cancel carry "
        f"{form.cancellation:.1f} times its largest current, so the circuit is expected to be off by {error:.0%} "
        f"of it, and {WARNED:.0%} passes in silence; {fix}use a tanh element, a law that bends less, or keep this "
        f"one as a behavioural source: ideal=['{current.name}']",
        stacklevel=2,
    )
