"""What the documentation shows is computed when it is built: `{{ name argument ... }}` in a page calls a function here.

Equations are printed from the declarations as MathML, which browsers show without a script.
"""

import inspect
import json
import math
import re
import runpy
from collections.abc import Callable, Iterable
from html import escape, unescape
from pathlib import Path
from typing import Any

import typer
from latex2mathml.converter import convert

import conductance
from conductance.derivation import derive, latex
from conductance.events import synaptic_lif, theta
from conductance.layers.conventions import Conventions
from conductance.layers.conventions import conventions as conventions_of
from conductance.neurons.base import Neuron
from conductance.neurons.declared import declared_neurons
from conductance.neurons.presets import PRESETS
from excitable.cli import app
from excitable.config import example, schema

ROOT = Path(__file__).resolve().parent.parent
SHIM = "https://unpkg.com/iframe-worker/shim"
"""What the theme's offline mode loads so that the search works from disk."""
CALL = re.compile(r"\{\{ (\w+)((?: [\w./-]+)*) \}\}")
FORMULA = re.compile(
    r"(?P<code>^```.*?^```|`[^`\n]*`)|\$\$(?P<block>[^$]+)\$\$|\$(?P<inline>[^$]+)\$",
    re.DOTALL | re.MULTILINE,
)
KEPT = re.compile(r'<span class="formula" data-display="(?P<display>\w+)" title="(?P<source>[^"]*)"></span>')


def on_page_markdown(markdown: str, **_: Any) -> str:
    """Called by mkdocs for each page."""
    return formulas(CALL.sub(lambda found: MACROS[found[1]](*found[2].split()), markdown))


def on_page_content(html: str, **_: Any) -> str:
    """Called by mkdocs for the text of each page, made of its Markdown."""
    return printed_formulas(html)


def formulas(markdown: str) -> str:
    """Formulas between dollars, as $x$ in a line and $$x$$ by themselves, kept from Markdown; code stays as it is."""

    def kept(found: re.Match[str]) -> str:
        if found["code"]:
            return found["code"]
        alone = found["block"] is not None
        source = " ".join((found["block"] or found["inline"]).split())
        return f'<span class="formula" data-display="{"block" if alone else "inline"}" title="{escape(source)}"></span>'

    return FORMULA.sub(kept, markdown)


def printed_formulas(html: str) -> str:
    """The kept formulas as MathML."""
    return KEPT.sub(lambda found: convert(unescape(found["source"]), display=found["display"]), html)


def on_post_page(output: str, page: Any, **_: Any) -> str:
    """Called by mkdocs for each finished page: the theme asks another host for a script; ours stands in for it."""
    above = "../" * page.url.count("/")
    return output.replace(SHIM, f"{above}from_disk.js")


def on_post_template(output_content: str, **_: Any) -> str:
    """Called by mkdocs for pages without a text, as that of an address that does not exist."""
    return output_content.replace(SHIM, "from_disk.js")


def neuron(name: str) -> str:
    """The equations of a neuron, with its default elements."""
    return _equations(latex.neuron_equations(_declared(name)))


def rule(name: str, method: str) -> str:
    """The update rule of a neuron by a method."""
    return _equations(latex.rule_equations(derive(_declared(name), method)))


def parameters(name: str) -> str:
    """The parameters of a neuron as a table."""
    rows = [
        f"| `{p.name}` | {p.default:g} | {p.unit} | {_bounds(p)} | {p.meaning} |"
        for p in _declared(name).parameters
    ]
    return "\n".join(["| parameter | default | unit | allowed | meaning |", "|---|---|---|---|---|", *rows])


def conventions() -> str:
    """The conventions of every neuron as a table, each read from its declaration and its default rule."""
    rows = [
        f"| `{c.neuron}` | `{c.method}` | {_code(c.threshold)} | {c.reset or '-'} | {c.gradient or '-'} | {_step(c)} |"
        for c in map(conventions_of, (*declared_neurons(), theta(), synaptic_lif()))
    ]
    head = "| neuron | default rule | spikes where | reset | gradient through the reset | largest stable dt / tau_m |"
    return "\n".join([head, "|---|---|---|---|---|---|", *rows])


def presets() -> str:
    """The parameter sets with known answers as a table."""
    rows = [
        f"| {p.name} | {p.regime} | {_elements(p.neuron)} | {p.current:g} | {p.trust} |"
        for p in PRESETS.values()
    ]
    head = ["| set | regime | elements (gain, offset, timescale) | input | trust |", "|---|---|---|---|---|"]
    return "\n".join([*head, *rows])


def configuration_example() -> str:
    """A configuration file with every key."""
    return f"```toml\n{example()}```"


def configuration_schema() -> str:
    """The JSON schema of configuration files, folded."""
    return f"<details><summary>JSON schema</summary><pre>{escape(json.dumps(schema(), indent=1))}</pre></details>"


def commands() -> str:
    """Every command with its arguments and options."""
    root = typer.main.get_command(app)
    parts = []
    for name, command in root.commands.items():  # type: ignore[attr-defined]
        rows = [f"| `{_spelling(p)}` | {_cell(getattr(p, 'help', '') or '')} |" for p in command.params]
        table = ["| argument or option | meaning |", "|---|---|", *rows] if rows else []
        parts += [f"## excitable {name}", "", inspect.cleandoc(command.help or ""), "", *table, ""]
    return "\n".join(parts)


def include(path: str) -> str:
    """A page that a program wrote elsewhere in the project, without its title."""
    text = (ROOT / path).read_text("utf-8")
    return re.sub(r"\A# .*\n", "", text)


def toml(path: str) -> str:
    """A TOML file of the project."""
    return f"```toml\n{(ROOT / path).read_text('utf-8').strip()}\n```"


def journey(name: str) -> str:
    """A way through the packages, measured by following the calls."""
    told: str = runpy.run_path(str(ROOT / "scripts" / "journeys.py"))["told"](name)
    return told


def _code(text: str) -> str:
    return f"`{text}`" if text else "-"


def _step(found: Conventions) -> str:
    """A largest step: any where all are stable, none of a map."""
    if math.isnan(found.largest_dt):
        return "a map: no time"
    return "any" if math.isinf(found.largest_dt) else f"{found.largest_dt:.3g}"


def _declared(name: str) -> Neuron:
    return getattr(conductance, name)()


def _bounds(parameter: Any) -> str:
    low = "(" if parameter.lower_open or parameter.lower == float("-inf") else "["
    high = ")" if parameter.upper_open or parameter.upper == float("inf") else "]"
    return f"{low}{parameter.lower:g}, {parameter.upper:g}{high}"


def _elements(declared: Neuron) -> str:
    return " ".join(
        f"({e.sign * e.values['alpha']:g}, {e.values['delta']:g}, {e.timescale})" for e in declared.elements
    )


def _equations(lines: Iterable[str]) -> str:
    shown = "".join(convert(line, display="block") for line in lines)
    return f'<div class="equations">{shown}</div>'


def _spelling(parameter: Any) -> str:
    if parameter.param_type_name == "argument":
        return (parameter.metavar or parameter.name).upper()
    return ", ".join(parameter.opts)


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ")


MACROS: dict[str, Callable[..., str]] = {
    function.__name__: function
    for function in (
        neuron, rule, parameters, conventions, presets, configuration_example, configuration_schema, commands, include,
        toml, journey,
    )
}  # fmt: skip
