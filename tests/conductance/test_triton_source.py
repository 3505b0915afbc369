"""The Triton text of every rule, and its file; none of these tests needs Triton."""

import ast
import importlib.util

import pytest
import sympy
import torch
from declared import CASES, NEURONS

from conductance.derivation.printers.base import PrintError
from conductance.derivation.printers.triton import TritonPrinter
from conductance.derivation.rules import derive
from conductance.kernels.library import register
from conductance.kernels.source import Gradients
from conductance.kernels.triton import library
from conductance.kernels.triton.source import segment_length, source

CURRENT = sympy.Symbol("I_in", real=True)


def every_gradient(rule) -> Gradients:
    return Gradients(input=True, start=True, constants=tuple(range(len(rule.constants))))


@pytest.mark.parametrize(("name", "method"), CASES)
def test_every_rule_has_one_kernel_each_way(name, method):
    """The text is Python, forwards alone or both ways, and has no function of libm or torch in it."""
    rule = derive(NEURONS[name], method)
    for gradients, wanted in ((None, {"forward"}), (every_gradient(rule), {"forward", "backward"})):
        tree = ast.parse(source(rule, "float32", gradients))
        functions = {part.name for part in tree.body if isinstance(part, ast.FunctionDef)}
        assert functions & {"forward", "backward"} == wanted
        attributes = (part.value for part in ast.walk(tree) if isinstance(part, ast.Attribute))
        used = {value.id for value in attributes if isinstance(value, ast.Name)}
        assert not used & {"math", "torch", "numpy"}


def test_no_text_of_a_declaration_reaches_the_kernel():
    """A symbol's name becomes letters, digits and underscores behind a number of ours."""
    printer = TritonPrinter()
    assert printer.name(sympy.Symbol("x); import os  #")) == "v0_ximportos"


@pytest.mark.parametrize("expression", [sympy.erf(CURRENT), CURRENT + sympy.oo, sympy.zoo * CURRENT])
def test_what_has_no_form_is_named(expression):
    """A function or number that Triton lacks is refused while printing, not on the GPU."""
    with pytest.raises(PrintError, match="Triton form"):
        TritonPrinter().doprint(expression)


def test_larger_rules_have_shorter_segments():
    """The text, and with it the compiler's time, stays bounded; float64 takes twice the registers."""
    small, middle, large = (
        derive(NEURONS[name], method)
        for name, method in (("lif", "forward_euler"), ("mtc", "forward_euler"), ("mtc", "heun"))
    )
    assert [segment_length(rule, "float32") for rule in (small, middle, large)] == [8, 4, 2]
    assert [segment_length(rule, "float64") for rule in (small, middle, large)] == [4, 2, 2]


def test_the_file_is_private_whole_and_renewed_when_changed(tmp_path, monkeypatch):
    """A file that was cut short or altered is written anew; nobody else may read the folder."""
    monkeypatch.setenv("EXCITABLE_CACHE", str(tmp_path / "cache"))
    text = source(derive(NEURONS["lif"]), "float64", None)
    path = library._file(text)
    assert path.read_text() == text
    assert path.parent.stat().st_mode & 0o077 == 0 and path.stat().st_mode & 0o077 == 0
    for change in (text[:100], text + "\nimport os\n"):
        path.write_text(change)
        assert library._file(text) == path and path.read_text() == text
    assert [file.name for file in path.parent.iterdir()] == [path.name]


def test_what_is_missing_is_said_in_words(monkeypatch):
    """No GPU, no fitting dtype, no Triton: each has its own sentence with the mend."""
    name = register(derive(NEURONS["lif"]))
    monkeypatch.delenv("TRITON_INTERPRET", raising=False)
    assert ".to('cuda')" in library.problem(name, torch.float32, (), torch.device("cpu"))
    monkeypatch.setenv("TRITON_INTERPRET", "1")
    assert "torch.float64" in library.problem(name, torch.float16, (), torch.device("cpu"))
    monkeypatch.setattr(importlib.util, "find_spec", lambda _: None)
    with pytest.raises(library.TritonError, match="pip install"):
        library.load("")


def test_a_number_is_computed_before_it_is_printed():
    """pi**2 in an adjoint is 9.87, not a power, which only blocks have."""
    assert TritonPrinter().block(sympy.pi**2) == "splat(9.869604401089358, current)"
