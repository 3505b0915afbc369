"""The set-up: four packages on their floors, and two commands that install what is missing."""

import ast
import os
import re
import runpy
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path

import pytest

import excitable

ROOT = Path(__file__).resolve().parent.parent
FLOORS = ("conductance", "circuits", "netlists", "excitable")
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]


def tracked_files() -> list[Path]:
    """Every file of the repository that git knows."""
    if shutil.which("git") is None or not (ROOT / ".git").exists():
        pytest.skip("not a git checkout")
    listing = subprocess.run(
        ["git", "-C", str(ROOT), "ls-files", "-z"], check=True, capture_output=True, text=True
    )
    return [ROOT / name for name in listing.stdout.split("\0") if name and (ROOT / name).is_file()]


def imports(package: str) -> Iterator[tuple[str, str]]:
    """Each import of a package: where it stands, and the top-level module it names."""
    for path in sorted((ROOT / package).rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(), str(path))):
            if isinstance(node, ast.Import):
                modules = [alias.name for alias in node.names]
            elif isinstance(node, ast.ImportFrom) and node.level == 0:
                modules = [node.module or ""]
            else:
                continue
            where = f"{path.relative_to(ROOT)}:{node.lineno}"
            yield from ((where, module.partition(".")[0]) for module in modules)


# The packages


@pytest.mark.parametrize("package", FLOORS)
def test_imports_point_downwards(package: str) -> None:
    """A package imports its own floor and those below it, never one above, and never the tests."""
    above = {*FLOORS[FLOORS.index(package) + 1 :], "tests", "benchmarks", "notebooks", "studies"}
    assert [(where, module) for where, module in imports(package) if module in above] == []


@pytest.mark.parametrize("package", ["conductance", "circuits"])
def test_only_netlists_and_above_know_pyspice(package: str) -> None:
    """What a neuron is and how it is built is said without SPICE."""
    assert [where for where, module in imports(package) if module == "PySpice"] == []


def test_version_is_that_of_the_distribution() -> None:
    """One version, written in pyproject.toml; an editable installation that is out of date shows here."""
    assert excitable.__version__ == PROJECT["version"] == version("excitable")


# The repository


def test_no_file_names_a_machine() -> None:
    """No tracked file holds a path that exists on its author's machine only."""
    path_of_a_machine = re.compile(rb"(?<![\w./:])/(?:root|work|home|Users|opt)/\w")
    assert [str(path) for path in tracked_files() if path_of_a_machine.search(path.read_bytes())] == []


def test_readme_names_targets_that_exist() -> None:
    """Each `make ...` of the README is a target, `make demo` and `make test` among them."""
    named = set(re.findall(r"(?:^|`)make ([a-z-]+)", (ROOT / "README.md").read_text(), re.MULTILINE))
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    assert {"demo", "test"} <= named <= targets


def test_continuous_integration_runs_targets_only() -> None:
    """`.ci/run` decides by `make check`, `make test` and `make test-triton`, which a developer runs as well."""
    lines = (ROOT / ".ci" / "run").read_text().splitlines()
    commands = [line for line in lines if line and not line.startswith(("#", "set ", "cd "))]
    assert commands == ["make check", "make test", "make test-triton"]


def test_citation_and_changelog_are_of_this_version() -> None:
    """The version to be cited is that of the distribution; the changelog has a place for what comes next."""
    assert f"\nversion: {PROJECT['version']}\n" in (ROOT / "CITATION.cff").read_text()
    assert "\n## Unreleased\n" in (ROOT / "CHANGELOG.md").read_text()


def test_a_commit_is_checked_by_what_make_check_runs() -> None:
    """The pre-commit hook has no list of tools of its own, which would drift."""
    lines = (ROOT / ".pre-commit-config.yaml").read_text().splitlines()
    assert [line.split(": ")[1] for line in lines if line.strip().startswith("entry:")] == ["make check"]


def test_links_of_the_pages_at_the_root_exist() -> None:
    """Every relative link of README and CONTRIBUTING leads to a file."""
    for name in ("README.md", "CONTRIBUTING.md"):
        links = re.findall(r"\]\((?!http|#)([^)#]+)", (ROOT / name).read_text())
        assert links
        assert [link for link in links if not (ROOT / link).exists()] == []


# The scripts


class Machine:
    """A machine whose programs are recording stand-ins; nothing of the real one is found but `cat` and `env`."""

    def __init__(self, folder: Path) -> None:
        self.programs = folder / "programs"
        self.programs.mkdir()
        self.log = folder / "log"
        self.log.touch()
        for name in ("cat", "env"):
            (self.programs / name).symlink_to(shutil.which(name))
        self.add("id", "echo 0")

    def add(self, name: str, body: str) -> None:
        """Add a program that writes its command line to the log and then runs `body`."""
        program = self.programs / name
        program.write_text(f'#!/bin/sh\necho "{name} $*" >> "{self.log}"\n{body}\n')
        program.chmod(0o755)

    def add_manager(self, name: str) -> None:
        """Add a package manager that can install ngspice."""
        ngspice = self.programs / "ngspice"
        chmod = shutil.which("chmod")
        self.add(name, f'case "$*" in *install*) : > "{ngspice}"; {chmod} +x "{ngspice}" ;; esac')

    def install(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run the installer of system packages here, without a terminal."""
        script = str(ROOT / "scripts" / "install_system_package.sh")
        return subprocess.run(
            ["/bin/sh", script, *arguments],
            env={"PATH": str(self.programs)},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=60,
        )

    def calls(self) -> list[str]:
        """The command lines so far, without those that only ask who runs them."""
        return [line for line in self.log.read_text().splitlines() if not line.startswith("id")]


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    return Machine(tmp_path)


def test_nothing_is_installed_over_an_ngspice(machine: Machine) -> None:
    """Where ngspice is on PATH no package manager is called."""
    machine.add_manager("apt-get")
    machine.add("ngspice", "")
    assert machine.install("ngspice").returncode == 0
    assert machine.calls() == []


def test_root_installs_without_sudo_and_without_updating_the_lists(machine: Machine) -> None:
    """As root one apt-get call is enough."""
    machine.add_manager("apt-get")
    machine.add_manager("sudo")
    assert machine.install("ngspice").returncode == 0
    assert len(machine.calls()) == 1
    assert re.fullmatch(r"apt-get .*install .*ngspice", machine.calls()[0])


def test_package_lists_are_updated_where_the_package_is_not_found(machine: Machine) -> None:
    """apt-get install fails before apt-get update on a machine whose lists are empty, and works after."""
    machine.add_manager("apt-get")
    program = machine.programs / "apt-get"
    updated = machine.programs / "updated"
    first, log, body = program.read_text().split("\n", 2)
    program.write_text(
        f'{first}\n{log}\ncase "$*" in *update*) : > "{updated}" ;; esac\n[ -e "{updated}" ] || exit 100\n{body}'
    )
    assert machine.install("ngspice").returncode == 0
    assert [re.search(r"install|update", call).group() for call in machine.calls()] == [
        "install",
        "update",
        "install",
    ]


def test_sudo_is_announced(machine: Machine) -> None:
    """A user who isn't root is told what sudo is about to run."""
    machine.add("id", "echo 1000")
    machine.add("sudo", '"$@"')
    (machine.programs / "sudo").write_text('#!/bin/sh\n[ "$1" = -n ] && shift\n[ "$1" = true ] || "$@"\n')
    machine.add_manager("apt-get")
    run = machine.install("ngspice")
    assert run.returncode == 0
    assert "sudo may ask for your password: sudo env" in run.stderr


@pytest.mark.parametrize("manager", ["dnf", "brew", "mamba", "conda"])
def test_other_package_managers(machine: Machine, manager: str) -> None:
    """Fedora's, Homebrew's and conda's managers install ngspice as well."""
    machine.add_manager(manager)
    assert machine.install("ngspice").returncode == 0
    assert len(machine.calls()) == 1
    assert re.fullmatch(rf"{manager} install .*ngspice|{manager} install ngspice", machine.calls()[0])


@pytest.mark.parametrize("manager", ["apt-get", "dnf"])
def test_conda_serves_a_user_without_rights(machine: Machine, manager: str) -> None:
    """Without root and without sudo the system's manager is left alone and conda asked."""
    machine.add("id", "echo 1000")
    machine.add_manager(manager)
    machine.add_manager("conda")
    assert machine.install("ngspice").returncode == 0
    assert machine.calls() == ["conda install -y -c conda-forge ngspice"]


@pytest.mark.parametrize("broken", [None, "apt-get", "brew"])
def test_message_names_the_package_for_each_manager(machine: Machine, broken: str | None) -> None:
    """With no package manager, or one that fails, the user reads what to install and the run fails."""
    if broken:
        machine.add(broken, "exit 1")
    run = machine.install("ngspice")
    assert run.returncode == 1
    for line in (
        "apt-get install ngspice",
        "dnf install ngspice",
        "brew install ngspice",
        "conda-forge ngspice",
    ):
        assert line in run.stderr


def test_message_names_the_package_with_the_venv_module(machine: Machine) -> None:
    """A Python without venv, as Debian ships it, is completed or explained."""
    machine.add("python3", 'case "$*" in *ensurepip*) exit 1 ;; esac; echo python3.11-venv')
    run = machine.install("venv", "python3")
    assert run.returncode == 1
    assert "sudo apt-get install python3-venv" in run.stderr
    machine.add("apt-get", "exit 1")
    machine.install("venv", "python3")
    assert any(
        call.endswith("install -y --no-install-recommends python3.11-venv") for call in machine.calls()
    )


def make_environment(machine: Machine, folder: Path, **variables: str) -> subprocess.CompletedProcess[str]:
    """Run a copy of the environment's script in `folder`."""
    machine.programs.joinpath("dirname").symlink_to(shutil.which("dirname"))
    scripts = folder / "copy" / "scripts"
    scripts.mkdir(parents=True)
    shutil.copy(ROOT / "scripts" / "make_environment.sh", scripts)
    return subprocess.run(
        ["/bin/sh", str(scripts / "make_environment.sh")],
        env={"PATH": str(machine.programs), **variables},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=60,
    )


def test_old_python_is_refused_with_its_version(machine: Machine, tmp_path: Path) -> None:
    """A Python before 3.11 is named, with the ways to a newer one."""
    machine.add("python3", 'case "$*" in --version) echo Python 3.9.2 ;; *) exit 1 ;; esac')
    run = make_environment(machine, tmp_path)
    assert run.returncode != 0
    assert "Python 3.11 or later is needed" in run.stderr
    assert "Python 3.9.2" in run.stderr


def test_named_python_is_not_replaced_by_another(machine: Machine, tmp_path: Path) -> None:
    """A PYTHON that doesn't fit is an error, though another interpreter would."""
    machine.add("old", "exit 1")
    machine.add("python3", "exit 0")
    run = make_environment(machine, tmp_path, PYTHON="old")
    assert run.returncode != 0
    assert "PYTHON=old" in run.stderr


# The installer of Python packages


@pytest.fixture(scope="module")
def installer() -> dict:
    """The names that scripts/install_packages.py defines."""
    return runpy.run_path(str(ROOT / "scripts" / "install_packages.py"))


@pytest.mark.parametrize(
    ("version", "system", "has_gpu", "expected"),
    [
        ("2.13.0", "Linux", False, True),
        ("2.13.0+cu130", "Linux", False, True),
        ("2.13.0+cpu", "Linux", False, False),
        ("2.13.0", "Linux", True, False),
        ("2.13.0", "Darwin", False, False),
        (None, "Linux", False, False),
    ],
)
def test_pytorchs_index_is_asked_only_against_useless_cuda(
    installer: dict, version: str | None, system: str, has_gpu: bool, expected: bool
) -> None:
    """A local build for the CPU, a GPU, macOS, or an installed torch each make a second index needless."""
    assert installer["is_cuda_in_vain"](version, system, has_gpu) is expected


def test_uv_looks_where_pip_looks(installer: dict) -> None:
    """The settings of pip, the environment over the command's section over the global one, reach uv."""
    listing = (
        ":env:.find-links='wheels more'\n"
        "global.extra-index-url='file:///a file:///b'\n"
        "global.find-links='unused'\n"
        "global.index-url='https://one.example/simple'\n"
        "install.index-url='https://two.example/simple'\n"
        "list.format='columns'\n"
    )
    variables = installer["uv_environment"](installer["pip_settings"](listing))
    assert variables == {
        "UV_DEFAULT_INDEX": "https://two.example/simple",
        "UV_FIND_LINKS": "wheels,more",
        "UV_INDEX": "file:///a file:///b",
        "UV_INDEX_STRATEGY": "unsafe-best-match",
    }


# The tests themselves


@pytest.mark.parametrize(("ci", "expected"), [("", "skipped=1"), ("true", "error=1")])
def test_missing_simulator_skips_locally_and_fails_in_continuous_integration(
    tmp_path: Path, ci: str, expected: str
) -> None:
    """The absence of ngspice is said once, and is never a success where nobody reads it."""
    shutil.copy(ROOT / "tests" / "conftest.py", tmp_path)
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    (tmp_path / "test_one.py").write_text("import pytest\n\n@pytest.mark.simulator\ndef test_one(): pass\n")
    run = subprocess.run(
        [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", str(tmp_path / "test_one.py")],
        cwd=tmp_path,
        env={**os.environ, "CI": ci, "PATH": str(tmp_path)},
        capture_output=True,
        text=True,
        timeout=120,
    )
    word, count = expected.split("=")
    assert f"{count} {word}" in run.stdout
    assert "make ngspice" in run.stdout
    assert run.returncode == (1 if ci else 0)
