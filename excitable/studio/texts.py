"""A neuron as Python, TOML, LaTeX and SPICE: texts with places like {{tau_s}} that the page fills with its numbers."""

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

import conductance.neurons
from circuits.data.scaling import Scaling
from circuits.data.values import CircuitError
from circuits.networks.single import neuron_circuit
from circuits.realisations.interface import parameter_name
from conductance.derivation.latex import latex, neuron_equations
from conductance.elements.tanh import TANH, tanh
from conductance.networks.recipes import RECIPES
from conductance.neurons.base import Neuron
from conductance.neurons.mtc import mtc
from conductance.stimulus import Stimulus
from excitable.studio.catalogue import declared, signature
from netlists.analyses import Tolerances, Transient
from netlists.writing import write_netlist

MTC_OPTIONS = ("tau_f", "tau_s", "tau_us", "filter_limit", "leak_limit")


def templates(neuron: Neuron) -> dict[str, str]:
    """The four texts by the name of their tab, in lower case."""
    return {
        "python": python(neuron),
        "toml": toml(neuron),
        "latex": equations(neuron),
        "spice": spice(neuron),
    }


def place(name: str) -> str:
    """What the page replaces by a number."""
    return "{{" + name + "}}"


def python(neuron: Neuron) -> str:
    """The declaration, and how it is checked in ngspice."""
    call, names = _declaration(neuron)
    lines = [
        f"from conductance import Stimulus, {', '.join(names)}"
        if names
        else "from conductance import Stimulus"
    ]
    checked = neuron.event is None
    if checked:
        lines.append("from excitable import check_circuit")
    lines += ["", call]
    if checked:
        lines += [
            "stimulus = Stimulus({{times}}, {{values}})  # held from each time (tau_m) to the next",
            "check = check_circuit(neuron, stimulus, {{duration}}, start={{start}})",
            "print(check)",
        ]
    return "\n".join(lines) + "\n"


def _declaration(neuron: Neuron) -> tuple[str, tuple[str, ...]]:
    """The statement that declares the neuron, and the names that it needs."""
    if neuron.elements and all(element.law is TANH for element in neuron.elements):
        named = [name for name in MTC_OPTIONS if name in neuron.defaults]
        options: dict[str, Any] = {name: neuron.defaults[name] for name in named}
        if signature(mtc(neuron.elements, **options)) == signature(neuron):
            return _mtc(neuron, named), ("mtc", "tanh")
    values = ", ".join(f"{parameter.name}={place(parameter.name)}" for parameter in neuron.parameters)
    for made in declared():
        if signature(made) == signature(neuron) and hasattr(conductance.neurons, made.name):
            return f"neuron = {made.name}().with_values({values})", (made.name,)
    return f"neuron = neuron.with_values({values})  # `neuron` is your own declaration", ()


def _mtc(neuron: Neuron, named: Sequence[str]) -> str:
    lines = ["elements = ("]
    taken = set(named)
    for element in neuron.elements:
        gain, offset = (parameter.name for parameter in element.parameters)
        taken |= {gain, offset}
        sign = "-" if element.sign < 0 else ""
        usual = tanh(element.timescale, element.sign).name
        named_so = "" if element.name == usual else f', name="{element.name}"'
        lines.append(f'    tanh("{element.timescale}", {sign}{place(gain)}, {place(offset)}{named_so}),')
    lines.append(")")
    arguments = "".join(f", {name}={place(name)}" for name in named)
    rest = ", ".join(f"{p.name}={place(p.name)}" for p in neuron.parameters if p.name not in taken)
    return "\n".join([*lines, f"neuron = mtc(elements{arguments}).with_values({rest})"])


def toml(neuron: Neuron) -> str:
    """The hidden neurons of a network's configuration, each started at these values."""
    values = [f"{parameter.name} = {place(parameter.name)}" for parameter in neuron.parameters]
    for name, recipe in RECIPES.items():
        if signature(recipe.neuron) == signature(neuron):
            head = ["[network]", f"neuron = {json.dumps(name)}", "", "[network.values]"]
            return "\n".join([*head, *values]) + "\n"
    note = f"# A configuration has networks of {', '.join(RECIPES)}; this structure is declared in Python."
    return "\n".join([note, "", f"[{neuron.name}]", *values]) + "\n"


def equations(neuron: Neuron) -> str:
    """The equations of the declaration, and the values."""
    lines = [
        r"\begin{align*}",
        *(f"  & {line} \\\\" for line in neuron_equations(neuron)),
        r"\end{align*}",
        "",
    ]
    values = [f"${latex(parameter.symbol)} = {place(parameter.name)}$" for parameter in neuron.parameters]
    return "\n".join(lines) + ",\n".join(values) + "\n"


def spice(neuron: Neuron) -> str:
    """The subcircuit and its instance, or in words why there is none."""
    units = Scaling()
    try:
        circuit = neuron_circuit(neuron, Stimulus.constant(0.0), scaling=units)
    except CircuitError as error:
        return f"* {error}\n"
    analysis = Transient(stop=units.time_unit, max_step=units.time_unit)
    tolerances = Tolerances.scaled(
        voltage_unit=units.voltage_unit, current_unit=units.current_unit, capacitance=units.capacitance
    )
    files = write_netlist(circuit, analysis, tolerances).files
    shown = [text for name, text in files.items() if not name.endswith("_bench.cir")]
    names = {parameter_name(parameter.name): parameter.name for parameter in neuron.parameters}
    names |= {name: name for name in ("v0", "i0", "c0")}
    return "\n".join(_with_places(text, names) for text in shown)


def _with_places(text: str, names: Mapping[str, str]) -> str:
    """Numbers of parameters replaced by their places; expressions have names, not numbers, so they stay."""
    number = r"[-+0-9.e]+"
    for spelled, name in names.items():
        text = re.sub(rf"(?<![\w.]){re.escape(spelled)}={number}", f"{spelled}={place(name)}", text)
        text = re.sub(rf"(?m)^\*   {re.escape(spelled)} = \S+ ", f"*   {spelled} = {place(name)} ", text)
    return text
