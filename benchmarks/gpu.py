"""MTC on a GPU: time per neuron-step of kernel and eager step, and the kernel's share of the memory's speed."""

import statistics
import time

import torch

from benchmarks.forms import drawn, layer_of
from benchmarks.measurement import Shape

SHAPE = Shape(steps=500, batch=512, width=1024)
BYTES = 5 * 4
"""Moved per neuron-step of training: input twice, output, its gradient and the input's, in float32."""


def gpu(repeats: int) -> dict | None:
    """What was measured, None without a GPU."""
    if not torch.cuda.is_available():
        return None
    return compared("cuda", ("triton", "eager"), SHAPE, repeats)


def compared(device: str, backends: tuple[str, ...], shape: Shape, repeats: int) -> dict:
    """Training of MTC by each back end on `device` in ns per neuron-step, and the rate of a plain copy in GB/s."""
    inputs, seeds = (tensor.to(device) for tensor in drawn(shape))
    leaf = inputs.clone().requires_grad_()
    copy = torch.empty_like(inputs)
    found: dict = {"device": device, "steps": shape.steps, "batch": shape.batch, "neurons": shape.width}
    seconds = _median(lambda: copy.copy_(inputs), device, repeats)
    found["copy_rate"] = 2 * inputs.numel() * inputs.element_size() / seconds / 1e9
    for backend in backends:
        layer = layer_of("MTC", shape.width, backend).to(device)
        wanted = [leaf, *layer.parameters()]
        seconds = _median(
            lambda layer=layer, wanted=wanted: torch.autograd.grad(layer(leaf)[0], wanted, seeds),
            device,
            repeats,
        )
        found[backend] = seconds * 1e9 / shape.neuron_steps
    found["share_of_copy_rate"] = BYTES / found[backends[0]] / found["copy_rate"]
    return found


def paragraph(found: dict | None) -> str:
    """One sentence for the page."""
    if found is None:
        return (
            "GPU: none at hand. The Triton kernels were run in Triton's interpreter alone (`make test-triton`); "
            "nothing is said here about their speed."
        )
    return (
        f"GPU, T = {found['steps']}, batch {found['batch']}, {found['neurons']} neurons: {found['triton']:.4f} ns per "
        f"neuron-step of training, {found['eager'] / found['triton']:.0f} times faster than eager (goal 100), "
        f"{100 * found['share_of_copy_rate']:.0f} % of the rate of a copy (goal 70)."
    )


def _median(run: object, device: str, repeats: int) -> float:
    durations = []
    for _ in range(repeats + 2):
        _wait(device)
        begin = time.perf_counter()
        run()
        _wait(device)
        durations.append(time.perf_counter() - begin)
    return statistics.median(durations[2:])


def _wait(device: str) -> None:
    if device == "cuda":
        torch.cuda.synchronize()
