"""The generated kernels through Triton's real compiler down to the code of a GPU; no GPU is needed for that."""

import pytest
import torch
from declared import NEURONS

from conductance.derivation.rules import derive
from conductance.kernels.source import Gradients
from conductance.kernels.triton.library import OPTIONS, load
from conductance.kernels.triton.source import source
from conductance.neurons.noisy import noisy

triton = pytest.importorskip("triton", reason="triton is missing: `make test-triton` installs it")

SIZES = ("steps", "count", "neurons")
HOPPER = 90
"""Compute capability 9.0 of the H100 and H200."""


DECLARED = {**NEURONS, "noisy lif": noisy(NEURONS["lif"], {"leak": 0.1})}
CASES = [
    ("noisy lif", "forward_euler", torch.float32),
    ("lif", "forward_euler", torch.float32),
    ("adlif", "symplectic_euler", torch.float64),
    ("qif", "moebius", torch.float32),
]


@pytest.mark.parametrize(("name", "method", "dtype"), CASES)
def test_the_compiler_accepts_both_kernels(name, method, dtype, tmp_path, monkeypatch):
    """One entry point each, in the machine's code, with its values in registers."""
    from triton.backends.compiler import GPUTarget
    from triton.compiler import ASTSource

    monkeypatch.delenv("TRITON_INTERPRET", raising=False)
    monkeypatch.setenv("EXCITABLE_CACHE", str(tmp_path))
    monkeypatch.setenv("TRITON_CACHE_DIR", str(tmp_path / "triton"))
    rule = derive(DECLARED[name], method)
    gradients = Gradients(input=True, start=True, constants=tuple(range(len(rule.constants))))
    module = load(source(rule, str(dtype).removeprefix("torch."), gradients))
    pointer = "*fp32" if dtype == torch.float32 else "*fp64"
    for kernel, flags in ((module.forward, {"BLOCK": 64, "KEEP": True}), (module.backward, {"BLOCK": 64})):
        types = {
            name: {**dict.fromkeys(SIZES, "i32"), "seed": "i64", **dict.fromkeys(flags, "constexpr")}.get(
                name, pointer
            )
            for name in kernel.arg_names
        }
        built = triton.compile(
            ASTSource(fn=kernel, signature=types, constexprs=flags),
            target=GPUTarget("cuda", HOPPER, 32),
            options=dict(OPTIONS),
        )
        assert built.asm["ptx"].count(".visible .entry") == 1
        assert built.asm["cubin"]
        # the sine of a large angle takes a table
        assert method == "moebius" or ".local .align" not in built.asm["ptx"]
