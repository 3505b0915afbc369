"""The page: all that is shown, handed to the template as data, every text escaped."""

import base64
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from conductance.errors import extra
from conductance.layers import NeuronLayer
from conductance.layers.fixed import FixedLayer
from excitable.chips.yields import RATIO
from excitable.config import ConfigurationError
from excitable.config.series import SeriesConfiguration
from excitable.ladder.options import CircuitOptions
from excitable.ladder.reach import reach_warning
from excitable.ladder.rungs import CIRCUIT_RUNGS
from excitable.ladder.steps import called, steps, total_rms, whole_way
from excitable.report import verdict as judged
from excitable.report.circuits import bias_excerpt, bias_files, changes
from excitable.report.costs import cost_rows, silicon_rows
from excitable.report.evidence import Evidence
from excitable.report.figures import Drawing, NeuronCurves
from excitable.report.figures.prediction import shown_part
from excitable.report.figures.training import rows
from excitable.report.style import inline_svg, variables
from excitable.report.words import GLOSSARY, own_choices, settings
from excitable.runs.environment import VERSION

with extra("report"):
    import jinja2
    from markupsafe import Markup, escape

TEMPLATES = Path(__file__).parent / "templates"
LARGEST_DOWNLOAD = 1_500_000
"""Bytes of a file that is put into the page; larger ones are named with their place in the run folder."""
EXCERPT_LINES = 90


@dataclass(frozen=True, kw_only=True)
class Download:
    """A file of the run that the page carries; `link` is empty where it is too large."""

    name: str
    place: str
    size: str
    link: str


@dataclass(frozen=True, kw_only=True)
class Block:
    """A layer as a box of the block diagram."""

    name: str
    what: str
    detail: str


def build_page(evidence: Evidence, drawings: Mapping[str, Drawing], curves: tuple[NeuronCurves, ...]) -> str:
    """The whole page as text; nothing in it refers to anything outside, but for links to the run's own files."""
    plots = {
        name: Markup(
            inline_svg(drawing.svg, prefix=name, title=drawing.title, description=drawing.description)
        )
        for name, drawing in drawings.items()
    }
    ladder = evidence.ladder
    persistence = None if evidence.task is None else evidence.task.persistence
    return templates().get_template("report.html.j2").render(
        evidence=evidence,
        part=shown_part(evidence),
        program=f"excitable {VERSION}",
        variables={theme: Markup(variables(theme)) for theme in ("light", "dark")},
        plots=plots,
        curves=curves,
        cards=_cards(evidence, persistence),
        verdict=() if ladder is None else judged.verdict(ladder, persistence),
        beyond=_beyond_supply(evidence),
        steps=() if ladder is None else steps(ladder),
        way=None if ladder is None else whole_way(ladder),
        way_rms=None if ladder is None else total_rms(whole_way(ladder)),
        persistence=persistence,
        blocks=_blocks(evidence),
        built=_built(evidence),
        measured=_measured(evidence),
        downloads=_downloads(evidence),
        bench=next((name for name in evidence.netlists if name.endswith("_bench.cir")), ""),
        excerpt=_excerpt(evidence),
        schematics={name: _picture(svg) for name, svg in evidence.schematics.items()},
        settings=settings(evidence),
        faults=str(evidence.configuration) if isinstance(evidence.configuration, ConfigurationError) else "",
        environment=list(_flat(evidence.environment)),
        glossary=GLOSSARY,
        choices=own_choices(evidence),
        called=called,
        changes=changes(evidence),
        bias=bias_excerpt(evidence),
        costs=() if evidence.energy is None else tuple(cost_rows(evidence.energy)),
        silicon=tuple(silicon_rows()),
        yield_ratio=RATIO,
    )  # fmt: skip


def _beyond_supply(evidence: Evidence) -> str:
    """The warning of membranes that leave their circuits' supply; empty where none does or where it is not known."""
    model = next((rung for rung in evidence.rungs if rung.rung == "discrete"), None)
    if (
        model is None
        or evidence.network is None
        or not isinstance(evidence.configuration, SeriesConfiguration)
    ):
        return ""
    circuits = [rung.rung for rung in evidence.rungs if rung.rung in CIRCUIT_RUNGS]
    options = [CircuitOptions.configured(evidence.configuration, level) for level in circuits]
    return reach_warning(evidence.network, model, options)


@lru_cache(maxsize=1)
def templates() -> jinja2.Environment:
    """The pages' templates, in which every text is escaped."""
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {"code": _code, "number": _number, "share": _share, "physics": _physics}
    return environment


def _number(value: float | None, digits: int = 3) -> Markup:
    """A number as people read it, with its exact value for programs."""
    if value is None:
        return Markup('<span class="none">none</span>')
    return Markup('<data value="{}">{}</data>').format(repr(value), judged.number(value, digits))


def _code(text: str) -> Markup:
    """Our own sentences with what stands between backticks as code."""
    return Markup(re.sub(r"`([^`]*)`", r"<code>\1</code>", str(escape(text))))  # escaped here


def _share(value: float) -> str:
    return judged.short(judged.percent(value))


SIGNS = (
    (r"\btau_(\w+)\b", r"τ<sub>\1</sub>"),
    (r"\bU_(\w+)\b", r"U<sub>\1</sub>"),
    (r"\b([VI])0\b", r"\1<sub>0</sub>"),
    (r"(?<![\w.])-(?=\d)", "−"),
)


def _physics(text: str) -> Markup:
    """Our own sentences with indices and minus signs as they are printed: tau_m, V0, I0, U_th, -1."""
    safe = str(escape(text))
    for pattern, shown in SIGNS:
        safe = re.sub(pattern, shown, safe)
    return Markup(safe)  # escaped above


def _cards(evidence: Evidence, persistence: float | None) -> list[dict[str, Any]]:
    """The four numbers: model, circuit, persistence, mean; of a network without an aim the first two."""
    errors = evidence.errors
    rungs = (
        [rung.name for rung in evidence.ladder.rungs] if evidence.ladder else [r.rung for r in evidence.rungs]
    )
    model = errors.get(rungs[0]) if rungs else None
    note = network = "the network, nothing of it trained" if evidence.as_drawn else "the trained network"
    if model is None and (tested := rows(evidence.metrics, "test") or rows(evidence.metrics, "validation")):
        model, note = tested[-1]["error"], f"{network}, on the {tested[-1]['split']} split"
    circuit = errors.get(rungs[-1]) if len(rungs) > 1 and evidence.stages[2].done else None
    missing = "" if circuit is not None else "not simulated yet"
    hindered = evidence.stages[2].hindrance
    cards = [
        {"role": "model", "name": "model", "value": model, "note": note},
        {"role": "circuit", "name": "circuit", "value": circuit,
         "note": (missing and (hindered or missing)) or "the netlist in ngspice"},
    ]  # fmt: skip
    if evidence.task is not None and not evidence.task.aims:
        return cards
    return [
        *cards,
        {"role": "truth", "name": "persistence", "value": persistence,
         "note": _persistence_note(evidence, persistence)},
        {"role": "truth", "name": "mean", "value": 1.0, "note": "predicts the mean: 1 by definition"},
    ]  # fmt: skip


def _persistence_note(evidence: Evidence, persistence: float | None) -> str:
    if persistence is not None:
        return "repeats the present value"
    return "not measured yet" if evidence.task is None else "none: the target is not among the inputs"


def _blocks(evidence: Evidence) -> list[Block]:
    """The network from input to output."""
    if evidence.network is None:
        return []
    found = []
    for name, layer in evidence.network.chain.items():
        if isinstance(layer, NeuronLayer):
            detail = (
                f"{layer.rule.method.replace('_', ' ').replace('euler', 'Euler')}, dt = {layer.dt:g} tau_m"
            )
            found.append(Block(name=name, what=f"{layer.size} × {layer.neuron.name}", detail=detail))
        elif isinstance(layer, FixedLayer):
            found.append(Block(name=name, what=str(layer), detail="nothing to train"))
        else:
            weights = judged.plural(layer.weight.numel(), "weight")
            detail = f"{weights}, {judged.plural(layer.outputs, 'bias', 'biases')}"
            found.append(Block(name=name, what=f"{layer.inputs} → {layer.outputs}", detail=detail))
    return found


def _built(evidence: Evidence) -> str:
    """What was built, in a sentence."""
    if not evidence.hidden:
        return "A run of excitable."
    neurons = " and ".join(
        f"{layer.size} {layer.neuron.meaning if layer.size == 1 else layer.neuron.meaning + 's'}"
        for layer in evidence.hidden.values()
    )
    trained = sum(p.numel() for p in evidence.network.parameters()) if evidence.network else 0
    circuit = ", built as a circuit" if evidence.netlists else ""
    numbers = "none of whose numbers is trained" if evidence.as_drawn else f"{trained} trained numbers"
    return f"A network of {neurons}, {numbers}{circuit}."


def _measured(evidence: Evidence) -> Mapping[str, Any] | None:
    """The last activity that training measured on data it does not learn from."""
    found = [
        row for split in ("validation", "test") for row in rows(evidence.metrics, split) if "spikes" in row
    ]
    return found[-1] if found else None


def _downloads(evidence: Evidence) -> list[Download]:
    files = {f"netlists/{name}": text for name, text in evidence.netlists.items()} | dict(
        bias_files(evidence)
    )
    if evidence.ladder is not None:
        files["comparison.json"] = evidence.ladder.to_json()
    if evidence.config_text:
        files["config.toml"] = evidence.config_text
    found = []
    for place, text in files.items():
        data = text.encode()
        link = "data:text/plain;charset=utf-8;base64," + base64.b64encode(data).decode()
        found.append(
            Download(
                name=place.rsplit("/", 1)[-1],
                place=place,
                size=f"{max(1, round(len(data) / 1000))} kB",
                link=link if len(data) <= LARGEST_DOWNLOAD else "",
            )
        )
    return found


def _picture(svg: str) -> str:
    """The address of an SVG inside the page; as a picture, nothing in it is executed."""
    return "data:image/svg+xml;base64," + base64.b64encode(svg.encode()).decode()


def _excerpt(evidence: Evidence) -> str:
    """The neuron's subcircuit as written, with its pins, but without the long list of what its parameters mean."""
    for name, text in evidence.netlists.items():
        lines = text.splitlines()
        starts = [k for k, line in enumerate(lines) if line.lower().startswith(".subckt")]
        if not name.endswith(".lib") or not starts:
            continue
        comment = starts[0]
        while comment > 0 and lines[comment - 1].startswith("*"):
            comment -= 1
        header = lines[comment : starts[0]]
        pins = header[
            : next((k for k, line in enumerate(header) if line.startswith("* parameters")), len(header))
        ]
        stop = next(
            (k for k in range(starts[0], len(lines)) if lines[k].lower().startswith(".ends")), len(lines)
        )
        part = [*pins, *lines[starts[0] : stop + 1]]
        return "\n".join(part if len(part) <= EXCERPT_LINES else [*part[:EXCERPT_LINES], "* ..."])
    return ""


def _flat(data: Mapping[str, Any], path: str = "") -> Iterator[tuple[str, str]]:
    """Nested data as rows of a table."""
    for key, value in data.items():
        place = f"{path}.{key}" if path else str(key)
        if isinstance(value, dict):
            yield from _flat(value, place)
        else:
            yield place, ", ".join(map(str, value)) if isinstance(value, list) else str(value)
