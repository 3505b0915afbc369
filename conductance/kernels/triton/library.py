"""Triton kernels by rule, dtype and wanted gradients: written once as a module file, kept for the process.

Triton reads a kernel's text from its file. The file is named by the SHA-256 of that text in the folder of compiled
kernels, and compared with it before it is loaded: one that was cut short or changed is written anew.
"""

import contextlib
import hashlib
import importlib
import importlib.util
import os
import subprocess
import tempfile
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from types import MappingProxyType, ModuleType
from typing import Any

import torch

from conductance.derivation.rules import Rule
from conductance.errors import ExcitableError
from conductance.kernels import cache as store
from conductance.kernels import library
from conductance.kernels.source import Gradients
from conductance.kernels.triton.source import segment_length, source

BLOCK = 64
"""Lanes of one program: two warps, so that a small layer still reaches every multiprocessor."""
OPTIONS = MappingProxyType({"num_warps": BLOCK // 32, "enable_fp_fusion": True})
"""A lane for each thread; products and sums in one instruction, as in the C kernels."""
INSTALL = "triton is not installed; run: pip install triton"


class TritonError(ExcitableError):
    """Triton is missing, or does not run here."""


@dataclass(frozen=True, kw_only=True)
class TritonKernel:
    """The time loop of one rule; `backward` is None where no gradients were asked for."""

    rule: Rule
    forward: Any
    backward: Any

    def step(
        self, inputs: torch.Tensor, start: torch.Tensor, table: torch.Tensor, checkpoints: torch.Tensor, seed: int,
    ) -> tuple[torch.Tensor, torch.Tensor]:  # fmt: skip
        """Outputs like `inputs` and final states like `start`; fills `checkpoints` unless it is empty."""
        outputs, final = torch.empty_like(inputs), torch.empty_like(start)
        self._launch(
            self.forward, (inputs, start, table, outputs, checkpoints, final), inputs, seed,
            KEEP=checkpoints.numel() > 0,
        )  # fmt: skip
        return outputs, final

    def reverse(
        self, inputs: torch.Tensor, table: torch.Tensor, checkpoints: torch.Tensor, output_bars: torch.Tensor,
        final_bars: torch.Tensor, gradients: Gradients, seed: int,
    ) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:  # fmt: skip
        """Adjoints of inputs and start (empty if not wanted) and, summed over the batch, of the constants."""
        _, batch, neurons = inputs.shape
        input_bars = torch.empty_like(inputs) if gradients.input else inputs.new_empty(0)
        start_bars = torch.empty_like(final_bars) if gradients.start else final_bars.new_empty(0)
        lane_sums = table.new_empty(len(gradients.constants), batch, neurons)
        arguments = (
            inputs, table, checkpoints, output_bars, final_bars, input_bars, start_bars, lane_sums,
        )  # fmt: skip
        self._launch(self.backward, arguments, inputs, seed)
        return input_bars, start_bars, lane_sums.sum(1, dtype=torch.float64).to(table.dtype)

    def _launch(
        self, kernel: Any, arguments: tuple[torch.Tensor, ...], inputs: torch.Tensor, seed: int, **flags: bool
    ) -> None:
        steps, batch, neurons = inputs.shape
        count = batch * neurons
        here = torch.cuda.device(inputs.device) if inputs.is_cuda else contextlib.nullcontext()
        with here:
            kernel[(-(-count // BLOCK),)](
                *arguments, steps, count, neurons, seed, BLOCK=BLOCK, **OPTIONS, **flags
            )


def interpreted() -> bool:
    """Whether Triton is asked to run its kernels as Python on the CPU, which is slow and meant for tests."""
    return os.environ.get("TRITON_INTERPRET") == "1"


def kernel(name: str, dtype: torch.dtype, wanted: tuple[int, ...]) -> TritonKernel:
    """The kernel of a rule registered by `conductance.kernels.library.register`.

    Args:
        name: of the rule.
        dtype: torch.float32 or torch.float64.
        wanted: `Gradients.encoded`; empty for a kernel that only steps forwards.

    Raises:
        TritonError, PrintError, CacheError: it cannot be made; the message says what to do.
    """
    return _kernel(name, dtype, wanted, interpreted())


@cache
def _kernel(name: str, dtype: torch.dtype, wanted: tuple[int, ...], as_python: bool) -> TritonKernel:
    rule, dtype_name = library.rule_of(name), library.DTYPES[dtype]
    module = load(source(rule, dtype_name, Gradients.decoded(wanted)))
    return TritonKernel(
        rule=rule,
        forward=module.forward,
        backward=module.backward if wanted else None,
    )


@cache
def segment(name: str, dtype: torch.dtype) -> int:
    """Steps between two checkpoints of a registered rule."""
    return segment_length(library.rule_of(name), library.DTYPES[dtype])


def load(text: str) -> ModuleType:
    """The text as a module, from its file in the cache folder.

    Raises:
        TritonError: triton is not installed.
        CacheError: the file cannot be written.
    """
    if importlib.util.find_spec("triton") is None:
        raise TritonError(INSTALL)
    path = _file(text)
    spec = importlib.util.spec_from_file_location(f"excitable_{path.stem}", path)
    if spec is None or spec.loader is None:
        raise TritonError(f"kernel {path} cannot be loaded; set {store.VARIABLE} to another folder")
    module = importlib.util.module_from_spec(spec)
    # from the text, not from the file: nothing else is ever run
    exec(compile(text, str(path), "exec"), module.__dict__)
    return module


def _file(text: str) -> Path:
    content = text.encode()
    path = store.folder() / f"triton_{hashlib.sha256(content).hexdigest()[:32]}.py"
    with contextlib.suppress(OSError):
        if path.read_bytes() == content:
            return path
    try:
        handle, written = tempfile.mkstemp(dir=path.parent, prefix="build-", suffix=".py")
        with os.fdopen(handle, "wb") as file:
            file.write(content)
        Path(written).replace(path)
    except OSError as error:
        raise store.CacheError(
            f"kernel {path} cannot be written ({error.strerror}); set {store.VARIABLE} to a folder with space"
        ) from None
    return path


def problem(name: str, dtype: torch.dtype, wanted: tuple[int, ...], device: torch.device) -> str:
    """Why the kernel cannot run on `device`, in words; empty if it can. The first call compiles it."""
    if device.type != "cuda" and not interpreted():
        return f"the input is on {device.type}; move layer and input to a GPU: .to('cuda')"
    if dtype not in library.DTYPES:
        return f"the input is {dtype}; allowed are {', '.join(map(str, library.DTYPES))}"
    return _problem(name, dtype, wanted, device, interpreted())


@cache
def _problem(
    name: str, dtype: torch.dtype, wanted: tuple[int, ...], device: torch.device, as_python: bool
) -> str:
    try:
        _run_once(kernel(name, dtype, wanted), dtype, wanted, device)
    except ExcitableError as error:
        return str(error)
    except (RuntimeError, OSError, ImportError, subprocess.SubprocessError) as error:
        return f"Triton fails here ({type(error).__name__}: {error}); its own page says what it needs"
    return ""


def _run_once(found: TritonKernel, dtype: torch.dtype, wanted: tuple[int, ...], device: torch.device) -> None:
    """One step of one neuron: Triton compiles at the first launch, for any size."""
    one = torch.ones(1, 1, 1, dtype=dtype, device=device)
    start = one.expand(len(found.rule.neuron.states), 1, 1).contiguous()
    table = one[0].expand(len(found.rule.constants), 1).contiguous()
    checkpoints = one.new_zeros((1 if wanted else 0, *start.shape))
    found.step(one, start, table, checkpoints, 0)
    if gradients := Gradients.decoded(wanted):
        found.reverse(one, table, checkpoints, one, start, gradients, 0)
