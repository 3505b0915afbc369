"""What the documentation shows is computed when it is built: `{{ name argument ... }}` in a page calls a function here.

Equations are printed from the declarations as MathML, which browsers show without a script.
"""

import inspect
import json
import math
import re
import runpy
from collections.abc import Callable, Iterable, Mapping
from html import escape, unescape
from pathlib import Path
from typing import Any, get_args

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
from conductance.tasks import EVENT_TASKS, SERIES_TASKS
from excitable.cli import app
from excitable.config import KINDS, Configuration, example, schema
from excitable.config.declared import Section
from excitable.config.kinds import model_of, models

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


def configuration_keys() -> str:
    """Every section of every kind of run as a table of its keys; a section that several kinds share stands once."""
    parts: list[str] = []
    seen: set[type] = set()
    for kind, meaning in KINDS.items():
        found = [model for model in models() if model.kind == kind]
        plain = {key: field for key, field in found[0].model_fields.items() if not _sections(field)}
        parts += [
            f"### Runs on {kind}",
            "",
            f"{meaning[0].upper()}{meaning[1:]}.",
            "",
            *_key_table(plain),
            "",
        ]
        for model in found:
            for key, field in model.model_fields.items():
                task = f' with `name = "{_task_name(model)}"`' if key == "task" else ""
                parts += _unseen(f"`[{key}]`{task}", key, field, seen)
    return "\n".join(parts)


def _unseen(title: str, path: str, field: Any, seen: set[type]) -> list[str]:
    """The tables of a field's sections that were not shown yet, and of those inside them."""
    lines: list[str] = []
    for section in [one for one in _sections(field) if one not in seen]:
        seen.add(section)
        lines += [f"{title}: {_first(section)}", "", *_key_table(section.model_fields), ""]
        for key, inner in section.model_fields.items():
            lines += _unseen(f"`{path}.{key}`", f"{path}.{key}", inner, seen)
    return lines


def _sections(field: Any) -> list[type[Section]]:
    """The sections that a field's value may be, or holds."""
    waiting, found = [field.annotation], []
    while waiting:
        one = waiting.pop()
        if isinstance(one, type) and issubclass(one, Section):
            found.append(one)
        waiting += [part for part in get_args(one) if part is not None]
    return found


def _task_name(model: type[Configuration]) -> str:
    """The name of the task that a configuration class is for."""
    tasks = {"series": SERIES_TASKS, "events": EVENT_TASKS}.get(model.kind, {})
    return next((name for name in tasks if model is model_of(model.kind, name)), "FILE.py:NAME")


def _key_table(fields: Mapping[str, Any]) -> list[str]:
    rows = []
    for key, field in fields.items():
        if field.is_required():
            default = "must be given"
        else:
            value = field.get_default(call_default_factory=True)
            empty = value is None or value in ({}, [], "")
            default = "none" if empty or isinstance(value, Section) else f"`{_default(value)}`"
        rows.append(f"| `{key}` | {default} | {_cell(field.description or '')} |")
    return ["| key | default | meaning |", "|---|---|---|", *rows]


def _default(value: Any) -> str:
    return json.dumps(value) if isinstance(value, str | bool | list) else f"{value}"


def _first(section: type) -> str:
    """The first line of a section's docstring."""
    return (inspect.getdoc(section) or "").splitlines()[0]


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
        neuron, rule, parameters, conventions, presets, configuration_example, configuration_keys, configuration_schema,
        commands, include, toml, journey,
    )
}  # fmt: skip
