"""The house: rooms on floors, imports that point downwards, no circle, and folders that can be taken in at a glance."""

import ast
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent

FLOORS = {
    "conductance": (
        ("errors", "grid", "loading"),
        ("files", "frozen", "parameter", "stimulus", "surrogates", "system", "tables"),
        ("elements",),
        ("neurons",),
        ("derivation",),
        ("kernels", "shaping"),
        ("layers",),
        ("events", "networks"),
        ("storage", "tasks", "variation"),
        ("deep", "exchange", "training"),
        ("landscapes",),
    ),
    "circuits": (
        ("data",),
        ("technologies",),
        ("realisations",),
        ("networks",),
        ("calibration", "hierarchy", "measured", "measures", "noise", "schematic"),
        ("mismatch",),
        ("headroom",),
    ),
    "netlists": (
        ("comparison", "errors"),
        ("analyses", "partition"),
        ("netlist", "waveforms"),
        ("writing",),
        ("reading", "simulation", "spice", "verilog_a"),
        ("ltspice", "lvs", "ngspice", "vacask", "xschem", "xyce"),
    ),
    "excitable": (
        ("config", "documents", "pytest_plugin", "trials"),
        ("ladder",),
        ("checks", "runs"),
        ("headroom", "mismatch"),
        ("chips", "search", "studio"),
        ("conditions",),
        ("report",),
        ("cli",),
    ),
}
"""The rooms of each package from the ground up: a room imports rooms of floors below its own, and itself."""

CATALOGUES = {
    "circuits/technologies": "technology",
    "circuits/realisations/parts": "part",
    "conductance/elements": "element",
    "conductance/neurons": "neuron",
    "conductance/tasks": "task",
    "excitable/cli": "command",
    "netlists/ngspice/passes": "pass",
}
"""Folders in which each file is one of a kind, of which there may be any number."""

LOOSE = 8
FILES = 14


@cache
def modules(package: str) -> dict[str, Path]:
    """The files of a package by the name of their module."""
    found = {}
    for path in sorted((ROOT / package).rglob("*.py")):
        parts = path.relative_to(ROOT).with_suffix("").parts
        found[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    return found


def statements(node: ast.AST) -> Iterator[ast.AST]:
    """Everything in a syntax tree but what only a type checker reads."""
    yield node
    for child in ast.iter_child_nodes(node):
        if not (isinstance(child, ast.If) and ast.unparse(child.test) == "TYPE_CHECKING"):
            yield from statements(child)


@cache
def imports(package: str) -> tuple[tuple[str, str, str], ...]:
    """Each import inside a package, also within functions: from, to, and where it stands."""
    known, found = modules(package), []
    for name, path in known.items():
        for node in statements(ast.parse(path.read_text("utf-8"))):
            targets: list[str] = []
            if isinstance(node, ast.Import):
                targets = [alias.name for alias in node.names]
            elif isinstance(node, ast.ImportFrom) and node.module:
                inner = [f"{node.module}.{alias.name}" for alias in node.names]
                targets = [target if target in known else node.module for target in inner]
            where = f"{path.relative_to(ROOT)}:{getattr(node, 'lineno', 0)}"
            found += [(name, target, where) for target in targets if target in known and target != name]
    return tuple(found)


def room(module: str) -> str:
    """The room of a module; empty for the package itself, which shows names of all rooms."""
    return (*module.split("."), "")[1]


def rooms(package: str) -> set[str]:
    """The folders and loose modules of a package."""
    return {room(module) for module in modules(package)} - {"", "__main__"}


def circles(edges: dict[str, set[str]]) -> Iterator[list[str]]:
    """A walk back to its start from every node that has one."""
    for start in edges:
        ways, seen = [[start]], {start}
        while ways:
            way = ways.pop()
            for following in edges.get(way[-1], ()):
                if following == start:
                    yield [*way, start]
                    ways = []
                    break
                if following not in seen:
                    seen.add(following)
                    ways.append([*way, following])


@pytest.mark.parametrize("package", FLOORS)
def test_every_room_has_a_floor(package: str) -> None:
    """A room that is new is put on a floor; one that is gone leaves the list."""
    declared = [name for floor in FLOORS[package] for name in floor]
    assert len(declared) == len(set(declared))
    assert set(declared) == rooms(package)


@pytest.mark.parametrize("package", FLOORS)
def test_no_import_climbs(package: str) -> None:
    """A room imports what lies below it, never what lies above or beside it, also not within a function."""
    floor = {name: height for height, names in enumerate(FLOORS[package]) for name in names}
    climbing = [
        f"{where}: {source} -> {target}"
        for source, target, where in imports(package)
        if room(source) in floor
        and room(target) not in ("", room(source))
        and floor.get(room(target), len(floor)) >= floor[room(source)]
    ]
    assert climbing == []


@pytest.mark.parametrize("package", FLOORS)
def test_no_imports_in_a_circle(package: str) -> None:
    """From no module do imports lead back to it, the rooms inside a room included."""
    edges: dict[str, set[str]] = {}
    for source, target, _ in imports(package):
        edges.setdefault(source, set()).add(target)
    assert list(circles(edges)) == []


@pytest.mark.parametrize("package", FLOORS)
def test_few_modules_stand_loose(package: str) -> None:
    """At most eight modules lie outside the rooms."""
    loose = [p.name for p in (ROOT / package).glob("*.py") if p.stem not in ("__init__", "__main__")]
    assert len(loose) <= LOOSE, loose


@pytest.mark.parametrize("package", FLOORS)
def test_no_folder_is_crowded(package: str) -> None:
    """At most fourteen files a folder, except in catalogues."""
    counts: dict[str, int] = {}
    for path in (ROOT / package).rglob("*"):
        folder = str(path.parent.relative_to(ROOT))
        if path.is_file() and path.suffix != ".pyc" and folder not in CATALOGUES:
            counts[folder] = counts.get(folder, 0) + 1
    assert {folder: count for folder, count in counts.items() if count > FILES} == {}


def test_catalogues_exist() -> None:
    """A catalogue that is no more leaves the list."""
    assert [name for name in CATALOGUES if not (ROOT / name).is_dir()] == []


def test_a_circle_is_found() -> None:
    """The search finds circles of two and three, and none in a diamond."""
    assert list(circles({"a": {"b", "c"}, "b": {"d"}, "c": {"d"}})) == []
    assert ["a", "b", "a"] in list(circles({"a": {"b"}, "b": {"a"}}))
    assert len(list(circles({"a": {"b"}, "b": {"c"}, "c": {"a"}, "d": {"a"}}))) == 3


# The front door


@pytest.mark.parametrize("package", ["conductance", "circuits"])
def test_a_package_that_is_named_loads_nothing(package: str) -> None:
    """`import conductance` alone loads neither torch nor sympy nor numpy; its names come when they are asked for."""
    program = (
        f"import sys, {package}\n"
        f"assert not {{'torch', 'sympy', 'numpy', 'scipy'}} & set(sys.modules), sorted(sys.modules)\n"
        f"assert set({package}.__all__) == set(dir({package}))\n"
        f"for name in {package}.__all__: getattr({package}, name)\n"
        f"assert not hasattr({package}, 'nonsense')\n"
    )
    subprocess.run([sys.executable, "-c", program], check=True, cwd=ROOT)


def test_declaring_and_deriving_need_no_torch() -> None:
    """A neuron, its rule, curves and trajectory come without torch."""
    program = (
        "import sys\n"
        "from conductance import curves, derive, integrate, mtc\n"
        "derive(mtc()), curves(mtc()), integrate(mtc(), -1.0, 5.0)\n"
        "assert 'torch' not in sys.modules\n"
    )
    subprocess.run([sys.executable, "-c", program], check=True, cwd=ROOT)


def test_names_for_users_are_flat() -> None:
    """What a first script needs is imported from the package itself."""
    from circuits import network_circuit
    from conductance import EventLayer, Network, NeuronLayer, Projection, train

    assert all(map(callable, (EventLayer, Network, NeuronLayer, Projection, train, network_circuit)))
