"""Our own neurons in every form that is measured: generated kernel, eager step, compiled step, and the loop by hand."""

import ctypes
import hashlib
from collections.abc import Callable
from importlib.resources import files
from pathlib import Path

import torch

from benchmarks.measurement import Candidate, Shape
from conductance.kernels import compiler
from conductance.kernels.cache import find
from conductance.layers import NeuronLayer
from conductance.neurons import adlif, lif, low_pass, mtc, qif

DT = 0.2
NEURONS = {"MTC": mtc, "LIF": lif, "QIF": qif, "AdLIF": adlif, "low-pass": low_pass}
Run = Callable[[], object]
FROZEN = "generated C, parameters frozen"
"""As the peers' neurons are: they give the input's gradient alone."""
CHUNK = 10
"""Steps that torch.compile gets at a time: longer pieces compile for minutes and run no faster."""


def layer_of(neuron: str, width: int, backend: str, **changes: object) -> NeuronLayer:
    """A layer that trains every parameter."""
    made = NEURONS[neuron]()
    # the exact rule of QIF neurons reads no peak
    trainable = [parameter.name for parameter in made.parameters if parameter.name != "V_peak"]
    return NeuronLayer(made, width, dt=DT, backend=backend, **{"trainable": trainable, **changes})


def runs(layer: torch.nn.Module, shape: Shape) -> tuple[Run, Run]:
    """A forward run without gradients; forward and backward to the input and to every parameter."""
    inputs, seeds = drawn(shape)
    leaf = inputs.clone().requires_grad_()
    parameters = list(layer.parameters())

    def forward() -> object:
        with torch.no_grad():
            return layer(inputs)[0]

    def training() -> object:
        return torch.autograd.grad(layer(leaf)[0], [leaf, *parameters], seeds)

    return forward, training


def drawn(shape: Shape) -> tuple[torch.Tensor, torch.Tensor]:
    """Input around the neurons' thresholds and a seed for the backward pass, the same for every form."""
    generator = torch.Generator().manual_seed(0)
    size = (shape.steps, shape.batch, shape.width)
    return 3 * torch.rand(size, generator=generator) - 1.5, torch.randn(size, generator=generator)


class Chunks(torch.nn.Module):
    """The eager layer through torch.compile, a few steps at a time, as the peers' users do it."""

    def __init__(self, layer: NeuronLayer) -> None:
        super().__init__()
        self.layer = layer
        self._fast = torch.compile(layer, dynamic=False)

    def forward(self, inputs: torch.Tensor) -> tuple[torch.Tensor, object]:
        """(time, batch, neuron) to the same and the final state."""
        state = tuple(s.contiguous() for s in self.layer.initial_state(inputs.shape[1]))
        outputs = []
        for piece in inputs.split(CHUNK):
            output, state = self._fast(piece, state)
            outputs.append(output)
        return torch.cat(outputs), state


def by_hand(shape: Shape) -> tuple[Run, Run]:
    """The loop of mtc_by_hand.c on buffers that are made once, which no library with tensors as results can have."""
    loop = HandLoop(shape, mtc_numbers(layer_of("MTC", shape.width, "eager")))
    loop.inputs, loop.seeds = drawn(shape)
    return loop.forward, loop.training


def mtc_numbers(layer: NeuronLayer) -> torch.Tensor:
    """The fifteen numbers per neuron of mtc_by_hand.c, (15, neuron), differentiable to the layer's parameters."""
    v = layer.values()
    rate = layer.dt / v["tau_m"]
    gain = v["R"] * rate
    return torch.stack([
        1 - rate, v["U_rest"] * rate, gain,
        v["alpha_f_minus"] * gain, -v["alpha_s_plus"] * gain, v["alpha_s_minus"] * gain, -v["alpha_us_plus"] * gain,
        v["delta_f_minus"], v["delta_s_plus"], v["delta_s_minus"], v["delta_us_plus"],
        layer.dt / v["tau_s"], layer.dt / v["tau_us"],
        1 / (v["U_sat"] - v["U_th"]), -v["U_th"] / (v["U_sat"] - v["U_th"]),
    ])  # fmt: skip


class HandLoop:
    """mtc_by_hand.c on tensors of one shape; `sums` are the gradients of the numbers, `bars` those of the input."""

    def __init__(self, shape: Shape, numbers: torch.Tensor) -> None:
        lanes = shape.batch * shape.width
        if lanes % 128 or shape.width % 16:
            raise ValueError(f"the loop by hand steps 16 neurons and 128 lanes at once; this is {shape}")
        text = (files("conductance.kernels") / "vectors.h").read_text("utf-8")
        text += Path(__file__).with_name("mtc_by_hand.c").read_text("utf-8")
        key = hashlib.sha256((text + compiler.identity(compiler.find_compiler())).encode()).hexdigest()[:32]
        self._library = compiler.load(find(key) or compiler.build(text, key))
        self._shape, self._lanes = shape, lanes
        self._table = numbers.detach().contiguous()
        self.inputs = self.seeds = torch.zeros(shape.steps, shape.batch, shape.width)
        self.start, self.final_bars = torch.zeros(3, lanes), torch.zeros(3, lanes)
        self.outputs, self.bars = aligned(self.inputs.shape), aligned(self.inputs.shape)
        self.final, self.start_bars = torch.empty(3, lanes), torch.empty(3, lanes)
        self.sums = torch.empty(15, shape.width)
        self._lane_sums = torch.empty(15, lanes)
        self._checkpoints = torch.empty(-(-shape.steps // 32), 3, lanes)

    def _call(self, name: str, *tensors: torch.Tensor | None) -> None:
        self._library[name](
            ctypes.c_long(self._shape.steps), ctypes.c_long(self._lanes), ctypes.c_long(self._shape.width),
            ctypes.c_int(torch.get_num_threads()),
            *(ctypes.c_void_p(None if tensor is None else tensor.data_ptr()) for tensor in tensors),
        )  # fmt: skip

    def forward(self, *, keep: bool = False) -> None:
        """Outputs and final states."""
        self._call(
            "forward", self.inputs, self.start, self._table, self.outputs,
            self._checkpoints if keep else None, self.final,
        )  # fmt: skip

    def training(self) -> None:
        """Forward and backward."""
        self.forward(keep=True)
        self._call(
            "backward", self.inputs, self._table, self._checkpoints, self.seeds, self.final_bars, self.bars,
            self.start_bars, self._lane_sums, self.sums,
        )  # fmt: skip


def aligned(shape: torch.Size) -> torch.Tensor:
    """Uninitialised, at the start of a cache line."""
    memory = torch.empty(shape.numel() + 16)
    skip = (-memory.data_ptr() % 64) // 4
    return memory[skip : skip + shape.numel()].view(shape)


def candidates(*, slow: bool) -> list[Candidate]:
    """Our forms; `slow` adds torch.compile, which compiles for a minute or two."""
    found = [Candidate(name="generated C", neuron=neuron, build=_kernel(neuron, "c")) for neuron in NEURONS]
    found += [
        Candidate(
            name=FROZEN,
            neuron=neuron,
            build=lambda shape, neuron=neuron: runs(layer_of(neuron, shape.width, "c", trainable=()), shape),
        )
        for neuron in ("LIF", "QIF")
    ]
    found.insert(1, Candidate(name="C by hand, the limit", neuron="MTC", build=by_hand))
    found += [
        Candidate(name="eager torch", neuron=neuron, build=_kernel(neuron, "eager"))
        for neuron in ("MTC", "LIF", "QIF")
    ]
    if slow:
        found.append(
            Candidate(
                name=f"torch.compile, {CHUNK} steps at a time", neuron="MTC",
                build=lambda shape: runs(Chunks(layer_of("MTC", shape.width, "eager")), shape),
            )
        )  # fmt: skip
    return found


def _kernel(neuron: str, backend: str) -> Callable[[Shape], tuple[Run, Run]]:
    return lambda shape: runs(layer_of(neuron, shape.width, backend), shape)
