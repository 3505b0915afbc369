"""Three ways through the packages, measured by following the calls: `python -m scripts.journeys` prints them.

A way is what a reader follows: at each moment that matters (a key is read, an element is declared, its current is
recognised, its device is made, its card is printed) the files of ours on the call stack, from the outermost to the
innermost. A climb is a call from a lower package or room to a higher one.
"""

import re
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import redirect_stdout
from dataclasses import dataclass, field
from io import StringIO
from itertools import pairwise
from pathlib import Path
from tempfile import TemporaryDirectory
from types import FrameType
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
PACKAGES = ("conductance", "circuits", "netlists", "excitable")
ELEMENT, LINE = "f_minus", "x_um_f_minus"


@dataclass(frozen=True, kw_only=True)
class Moment:
    """Something that happens in a function of a file, where `when` holds of its arguments."""

    what: str
    file: str
    function: str
    when: Callable[[dict[str, Any]], bool] = field(default=lambda _: True)


def followed(moments: Sequence[Moment], act: Callable[[], object]) -> dict[str, list[str]]:
    """The files on the stack at the first occurrence of each moment while something is done."""
    found: dict[str, list[str]] = {}
    waiting = {(moment.file, moment.function): moment for moment in moments}
    others = [moment for moment in moments if waiting[moment.file, moment.function] is not moment]
    if others:
        raise ValueError(f"{others[0].what}: another moment is of the same function")

    def called(frame: FrameType, event: str, _: Any) -> None:
        if event != "call":
            return
        place = own_file(frame)
        moment = None if place is None else waiting.get((place, frame.f_code.co_name))
        if moment is not None and moment.what not in found and moment.when(frame.f_locals):
            found[moment.what] = list(stack(frame))

    sys.setprofile(called)
    try:
        act()
    finally:
        sys.setprofile(None)
    missing = [moment.what for moment in moments if moment.what not in found]
    if missing:
        raise ValueError(
            f"it never happened: {', '.join(missing)}; the function has another name or place by now"
        )
    return {moment.what: found[moment.what] for moment in moments}


def own_file(frame: FrameType) -> str | None:
    """The frame's file below the root, where it is one of the packages'."""
    path = frame.f_code.co_filename
    if not path.startswith(f"{ROOT}/"):
        return None
    own = path.removeprefix(f"{ROOT}/")
    return own if own.partition("/")[0] in PACKAGES else None


def stack(frame: FrameType | None) -> Iterator[str]:
    """The files of ours on the stack, the outermost first, neighbours of one file once."""
    places: list[str] = []
    while frame is not None:
        own = own_file(frame)
        if own is not None and (not places or places[-1] != own):
            places.append(own)
        frame = frame.f_back
    return reversed(places)


def climbs(places: Sequence[str]) -> int:
    """Calls along a stack that go up."""
    heights = [PACKAGES.index(place.partition("/")[0]) for place in places]
    return sum(after > before for before, after in pairwise(heights))


def declaration_to_line() -> dict[str, list[str]]:
    """From `mtc([tanh("fast", -2)])` to the line of its element in a netlist of transistors."""
    from circuits.networks.single import neuron_circuit
    from circuits.realisations import realise
    from circuits.technologies import technology
    from conductance import mtc, tanh
    from conductance.stimulus import Stimulus
    from netlists import write_netlist
    from netlists.analyses import Tolerances, Transient

    generic = technology("generic_180nm")
    units = generic.scaling()
    tolerances = Tolerances.scaled(
        voltage_unit=units.voltage_unit,
        current_unit=units.current_unit,
        capacitance=units.capacitance,
        relative=1e-3,
    )

    def act() -> None:
        neuron = mtc([tanh("fast", -2.0)], filter_limit=1.0, leak_limit=5.0, name="followed")
        built = realise(neuron, "transistor", technology=generic, scaling=units)
        circuit = neuron_circuit(neuron, Stimulus.constant(-1.0), scaling=units, realisation=built)
        write_netlist(circuit, Transient(stop=1e-6, max_step=1e-8), tolerances)

    moments = (
        Moment(what="the element is declared", file="conductance/elements/base.py", function="signed"),
        Moment(what="its current joins the membrane", file="conductance/neurons/membrane.py", function="membrane"),
        Moment(
            what="its form is recognised", file="circuits/realisations/parts/transconductor.py", function="element",
            when=lambda given: given["current"].name == ELEMENT,
        ),
        Moment(what="its law is read", file="circuits/realisations/forms.py", function="_transfer"),
        Moment(
            what="its amplifier is placed", file="circuits/realisations/cells/cell.py", function="place",
            when=lambda given: given["name"] == LINE,
        ),
        Moment(
            what="its card is printed", file="netlists/ngspice/passes/elements.py", function="card",
            when=lambda given: getattr(given["device"], "name", "") == LINE,
        ),
        Moment(
            what="its bias current is printed", file="netlists/ngspice/expressions.py", function="print_value",
            when=lambda given: ELEMENT in str(given["value"]),
        ),
    )  # fmt: skip
    return followed(moments, act)


def key_to_effect() -> dict[str, list[str]]:
    """From `[circuit] level` in a configuration to the choice of how a neuron is built, by `excitable export`."""
    from excitable.cli.export import export
    from excitable.config import shipped_text
    from excitable.runs.series import SeriesRun, untrained_network

    smaller = re.sub(r"(?m)^hidden = .*$", "hidden = 2", shipped_text("demo"))
    text = smaller.replace("[circuit]\n", '[circuit]\nlevel = ["behavioural"]\n')
    with TemporaryDirectory() as folder:
        path = Path(folder) / "run"
        with SeriesRun.begun(path, text, source="demo") as run:
            run.save_network(untrained_network(run.configuration, run.data))
        moments = (
            Moment(what="the key is checked", file="excitable/config/circuit.py", function="_level_names"),
            Moment(what="options are made of it", file="excitable/ladder/options.py", function="configured"),
            Moment(
                what="it chooses how a neuron is built",
                file="circuits/realisations/at_level.py",
                function="realise",
            ),
        )
        with redirect_stdout(StringIO()):
            return followed(moments, lambda: export(str(path)))


def batch_to_gradient() -> dict[str, list[str]]:
    """From a batch to the printed kernel, and back through its adjoint."""
    import torch

    from conductance.derivation.rules import derive
    from conductance.kernels import library
    from conductance.layers import NeuronLayer
    from conductance.neurons import mtc

    # a process that has run such a layer has its rule and kernel at hand
    for kept in (derive, library.kernel, library.problem):
        kept.cache_clear()

    def act() -> None:
        layer = NeuronLayer(mtc(name="batched"), 3, dt=0.2, backend="c")
        output, _ = layer(torch.ones(5, 2, 3, requires_grad=True))
        output.sum().backward()

    moments = (
        Moment(what="the rule is derived", file="conductance/derivation/rules.py", function="derive"),
        Moment(what="the kernel is loaded", file="conductance/kernels/library.py", function="kernel"),
        Moment(what="it runs over time", file="conductance/kernels/operator.py", function="_forward"),
        Moment(what="the adjoint runs back", file="conductance/kernels/operator.py", function="_backward"),
    )
    return followed(moments, act)


JOURNEYS: dict[str, Callable[[], dict[str, list[str]]]] = {
    "declaration": declaration_to_line,
    "key": key_to_effect,
    "batch": batch_to_gradient,
}


def told(name: str) -> str:
    """A journey as Markdown: its moments with their files, how many files and climbs there are."""
    way = JOURNEYS[name]()
    files = dict.fromkeys(place for places in way.values() for place in places)
    up = sum(climbs(places) for places in way.values())
    rows = [f"| {what} | {' → '.join(f'`{place}`' for place in places)} |" for what, places in way.items()]
    total = f"{len(files)} files, {up} climbs."
    return "\n".join(["| what happens | files on the call stack |", "|---|---|", *rows, "", total])


if __name__ == "__main__":
    for each in JOURNEYS:
        print(f"## {each}\n\n{told(each)}\n")
