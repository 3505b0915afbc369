"""The studio's one ES module, and the self-contained page around it."""

import base64
import json
import zlib
from collections.abc import Mapping
from dataclasses import replace
from functools import cache, lru_cache
from importlib import resources
from pathlib import Path
from typing import Any

from circuits.data.circuit import CircuitError
from circuits.data.scaling import Scaling
from circuits.networks.single import neuron_circuit
from circuits.schematic import draw, plan, scope_at
from conductance.errors import extra
from conductance.files import write_whole
from conductance.neurons.base import Neuron
from conductance.shaping.figures.palette import PALETTE
from conductance.stimulus import Stimulus
from excitable.studio.catalogue import Catalogue, Example, catalogue
from excitable.studio.models import model_source, parameter_facts, rules_data, script_data
from excitable.studio.texts import templates

with extra("studio"):
    import jinja2

PARTS = (
    "numerics.js",
    "state.js",
    "drawing.js",
    "views.js",
    "controls.js",
    "texts.js",
    "studio.js",
)
NETWORK = "network.js"
"""Only where a program stands behind the page: without one there is no run to open."""


ROOTS = ":root, .excitable-studio"
"""Where the palette is declared: in a notebook the widget lives in a shadow tree, which has no :root."""


@lru_cache(maxsize=4)
def module(offered: Catalogue, *, served: bool = False) -> str:
    """The ES module: printed neurons first, then the page's own code; it exports anywidget's `render`.

    Args:
        offered: what it shows.
        served: whether a program answers it; else it brings along what it would ask for.
    """
    known: dict[str, int] = {}
    models = []
    for key, neuron in offered.models.items():
        facts = [script_data(each) for each in parameter_facts(neuron)]
        places = [known.setdefault(fact, len(known)) for fact in facts]
        models.append(f"{script_data(key)}: {model_source(neuron, places)}")
    lines, texts = shared_lines({key: templates(neuron) for key, neuron in offered.models.items()})
    examples = [_example(*pair) for pair in zip(offered.examples, offered.keys, strict=True)]
    data = [
        f"const PARAMETERS = [{','.join(known)}];",
        "const MODELS = {\n" + ",\n".join(models) + "\n};",
        f"const EXAMPLES = {script_data(examples)};",
        f"const RULES = {script_data(rules_data())};",
        f"const LINES = {script_data(packed(lines))};",
        f"const TEMPLATES = {script_data(texts)};",
        f"const STYLE = {script_data(style())};",
        f"const SCHEMATICS = {script_data('' if served else packed(named_schematics(offered)))};",
    ]
    parts = (NETWORK, *PARTS) if served else PARTS
    return compact("\n".join([*data, *(asset(part) for part in parts)]))


def packed(data: Any) -> str:
    """Data as JSON, deflated, in base 64: schematics have a tenth of their size, texts a third."""
    return base64.b64encode(zlib.compress(json.dumps(data).encode(), 9)).decode()


def named_schematics(offered: Catalogue) -> dict[str, str]:
    """The schematics by the key of their model."""
    return {key: text for key, neuron in offered.models.items() if (text := named_schematic(neuron))}


def named_schematic(neuron: Neuron) -> str:
    """The neuron's circuit with the names of its parts and no values, which the page knows; empty without a circuit."""
    try:
        circuit = neuron_circuit(neuron, Stimulus.constant(0.0), scaling=Scaling())
        scope, values = scope_at(circuit, "xn")
        rows = plan(circuit, scope, values)
    except CircuitError:
        return ""
    named = [
        replace(row, parts=tuple(replace(part, caption=part.caption[:1]) for part in row.parts))
        for row in rows
    ]
    return draw(named, title=scope.title or scope.name, units={})


def shared_lines(
    texts: Mapping[str, Mapping[str, str]],
) -> tuple[list[str], dict[str, dict[str, list[int]]]]:
    """The texts as places in one list of lines: neurons have most of their lines in common."""
    places: dict[str, int] = {}
    indexed = {
        key: {
            name: [places.setdefault(line, len(places)) for line in text.split("\n")]
            for name, text in each.items()
        }
        for key, each in texts.items()
    }
    return list(places), indexed


def compact(script: str) -> str:
    """The script without indentation, empty lines and lines that only comment: a page is sent, not read."""
    lines = (line.strip() for line in script.splitlines())
    return "\n".join(line for line in lines if line and not line.startswith("//"))


def style() -> str:
    """The style sheet with the project's palette, for light and dark."""

    def variables(ground: str) -> str:
        return "".join(f"--{role}: {getattr(colour, ground)}; " for role, colour in PALETTE.items())

    return (
        f"{ROOTS} {{ color-scheme: light dark; {variables('light')}}}\n"
        f"@media (prefers-color-scheme: dark) {{ {ROOTS} {{ {variables('dark')}}} }}\n" + asset("style.css")
    )


def page(offered: Catalogue | None = None, *, token: str | None = None) -> str:
    """The whole page as text.

    Args:
        offered: what it shows; the catalogue of the package where not given.
        token: of the program that serves it; None makes a page that works from disk, on its own.
    """
    options: dict[str, Any] = {"address": True}
    if token is not None:
        options["server"] = {"token": token}
    return _template().render(
        module=module(offered or catalogue(), served=token is not None),
        options=script_data(options),
        connect="'self'" if token else "'none'",
    )


def export(path: Path, offered: Catalogue | None = None) -> Path:
    """Write the page that works from disk."""
    write_whole(path, page(offered))
    return path


@cache
def asset(name: str) -> str:
    """A file of the studio's own code."""
    return resources.files("excitable.studio").joinpath("assets", name).read_text(encoding="utf-8")


def _template() -> jinja2.Template:
    return jinja2.Environment(autoescape=False, undefined=jinja2.StrictUndefined).from_string(
        asset("page.html.j2")
    )


def _example(example: Example, key: str) -> dict[str, Any]:
    neuron = example.neuron
    return {
        "name": example.name,
        "model": key,
        "values": list(neuron.defaults.values()),
        "start": list(example.start or neuron.initial_state()),
        "duration": example.duration,
        "stimulus": {
            "shape": example.shape,
            "current": example.current,
            "before": example.before,
            "onset": example.onset,
            "amplitude": example.amplitude,
            "width": example.width,
        },
    }
