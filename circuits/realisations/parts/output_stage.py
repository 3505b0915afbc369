"""The saturating output stage: out = V0 clip((u - lower)/(upper - lower), 0, 1), the model's clipped ReLU.

A pair centred between the two thresholds gives a current that runs from 0 to I0 between them; a current mirror
passes only its positive part, a second one takes away what exceeds I0, and a resistor V0/I0 turns the rest into the
output voltage. Inside the thresholds the pair bends by 1.6 % of I0 at most where they are one voltage unit apart.
"""

from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial

import numpy as np
import sympy

from circuits.data.circuit import (
    GROUND,
    BehaviouralCurrent,
    BehaviouralVoltage,
    CircuitError,
    Device,
    Pin,
    Resistor,
    voltage,
)
from circuits.realisations.cells.cell import OUT, VDD, VSS
from circuits.realisations.cells.ota import Transistors
from circuits.realisations.cells.synapse import AXON
from circuits.realisations.cells.units import UNITS
from circuits.realisations.forms import Clipped, clipped_form
from circuits.realisations.interface import I0, V0
from circuits.realisations.parts.base import Output, Site
from circuits.realisations.parts.transconductor import transconductor
from conductance.neurons.base import Neuron

LINE = "line"
STAGE = "output_stage"
"""Name of the stage's own trim, which undoes what its mirrors add to the trimmed amplifier."""


def output_stage(neuron: Neuron) -> Output | None:
    """The stage of an output that is a clipped line of one state."""
    form = clipped_form(neuron)
    if form is None:
        return None
    axon = Pin(name=AXON, meaning="gate of the output mirror, for synapses")
    return Output(
        build=partial(_build, form),
        initial=lambda kit: {LINE: 0.0} if kit.transistors is None else {},
        pins=lambda kit: () if kit.transistors is None else (axon,),
        is_current=True,
    )


def _build(form: Clipped, site: Site) -> Iterator[Device]:
    """The pair, and what clips its current."""
    yield from line_current(form, site)
    yield from (
        macromodel_output() if site.kit.transistors is None else transistor_output(site.kit.transistors)
    )


def line_current(form: Clipped, site: Site) -> Iterator[Device]:
    """The current that runs from 0 to I0 between the thresholds (V0), into the node `LINE`.

    The trims are that of the amplifier, and that of the stage, of all that follows it.
    """
    cell = site.kit.element
    stage, trim = site.kit.named_trim(STAGE), site.kit.trim(cell)
    lower, upper = form.lower.xreplace(site.numbers), form.upper.xreplace(site.numbers)
    half = (upper - lower) / 2
    # 1.0 leaves the expression as it is
    largest = I0 if stage.gain == 1 else I0 / stage.gain
    slope = largest / (2 * sympy.tanh(half))
    yield from transconductor(
        "x_out", cell, plus=site.nodes[form.state], minus=V0 * (lower + half), out=LINE, slope=slope, width=1.0,
        references=site.references, trim=replace(trim, offset=trim.offset + stage.offset), note="output",
    )  # fmt: skip
    yield BehaviouralCurrent(
        name="b_out_half",
        source=VDD,
        sink=LINE,
        current=largest / 2,
        note="half of the largest output current",
    )


def line_law(neuron: Neuron) -> Callable[[np.ndarray], np.ndarray]:
    """What the stage should give at a membrane voltage (V0), in I0: the pair's line, cut off at 0 and 1.

    Raises:
        CircuitError: the neuron's output is no clipped line.
    """
    form = clipped_form(neuron)
    if form is None:
        raise CircuitError(f"neuron {neuron.name}: its output {neuron.output} is no clipped line")
    numbers = neuron.substitutions()
    lower, upper = float(form.lower.subs(numbers)), float(form.upper.subs(numbers))
    half = (upper - lower) / 2
    return lambda u: np.clip(0.5 + np.tanh(u - lower - half) / (2 * np.tanh(half)), 0, 1)


def macromodel_output() -> Iterator[Device]:
    """Rectifier and limiter as one source: sharp corners."""
    yield Resistor(name="r_line", positive=LINE, negative=GROUND, resistance=V0 / I0)
    clipped = sympy.Min(sympy.Max(voltage(LINE), 0), V0)
    yield BehaviouralVoltage(name="b_out", positive=OUT, negative=GROUND, voltage=clipped, note="output")


def transistor_output(place: Transistors) -> Iterator[Device]:
    """Rectifier and limiter of current mirrors: out = I - max(I - I0, 0), I = max(line, 0)."""
    yield place.nmos("m_line", LINE, LINE, note="passes positive currents")
    yield place.nmos("m_copy", "excess", LINE, note="copy for the limiter")
    yield place.nmos("m_take", AXON, LINE, note="copy for the output")
    yield BehaviouralCurrent(
        name="b_limit", source="ceiling", sink=VSS, current=I0, note="largest output current"
    )
    yield place.pmos("m_limit", "ceiling", "ceiling", note="mirror of the limit, input")
    # below the limit it gives what is asked of it, less than it could
    yield replace(
        place.pmos("m_allow", "excess", "ceiling", note="mirror of the limit, output"), saturates=False
    )
    yield place.pmos("m_excess", "excess", "excess", note="what exceeds the limit")
    yield place.pmos("m_give", AXON, "excess", note="gives it back")
    yield place.unit_pmos("m_net", AXON, AXON, multiplicity=UNITS, note="output mirror, input")
    yield place.unit_pmos("m_out", OUT, AXON, multiplicity=UNITS, note="output mirror, output")
    yield Resistor(name="r_out", positive=OUT, negative=GROUND, resistance=V0 / I0, note="V0/I0")
