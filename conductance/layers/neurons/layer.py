"""A layer of independent neurons of one declaration, stepped by a derived rule."""

import warnings
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any, NoReturn

import sympy
import torch
from torch import nn

from conductance.derivation import moebius
from conductance.derivation.printers.torch import compiled
from conductance.derivation.program import Program
from conductance.derivation.rules import EXACT, Rule, derive
from conductance.errors import refuse_truth_values
from conductance.kernels.backend import check_backend
from conductance.layers.base import (
    EXPORT,
    HALF,
    ExportError,
    ShapeError,
    check_input,
    check_states,
    checked_count,
    refuse_half,
    refuse_tracing,
)
from conductance.layers.draws import moved, seed_of
from conductance.layers.initial import BEGIN, initial_columns
from conductance.layers.neurons.checks import check_declared, check_names, checked_law, per_neuron
from conductance.layers.neurons.clock import CLOCK, check_clock, check_length, checked_step, clock_bytes
from conductance.layers.neurons.loop import Loop
from conductance.layers.relations import Relations
from conductance.layers.transforms import constrained, unconstrained
from conductance.layers.weights.recurrence import Recurrence
from conductance.neurons.base import Neuron
from conductance.parameter import ParameterError


class NeuronLayer(nn.Module):
    """`size` neurons of one declaration, each with its own parameter values.

    Args:
        neuron: the declaration.
        size: number of neurons.
        dt: time step in units of time (tau_m = 1), positive, not above the rule's largest stable step for any of the
            neurons (`conductance.shaping.stability`); of a map, which has none, give 1.
        method: name of the update rule, see `conductance.derivation.derive`; the neuron's default where none is given.
        values: initial parameter values, a number or one per neuron; the declaration's defaults elsewhere.
        trainable: names of the parameters that training may change; without any, the layer's values are fixed
            and `layer.parameters()` is empty. `RECIPES["mtc"].trainable` in `conductance.networks` has the names
            that a configuration file trains where it gives none.
        backend: "auto" steps by a generated kernel where one can be had and by torch elsewhere, "c" insists on the
            compiled kernel, "triton" on that for GPUs, "eager" on torch.
        recurrent: weights back to the layer's own neurons; their last source is then one state more.
        initial: states at the beginning by name, a number or one per neuron, in V0; the declared ones elsewhere. The
            equation and the circuit of the layer begin there, too.
        output_only: whether a call returns the outputs alone, without the states, as `nn.Sequential` wants it.
        law: another declaration that steps the layer, as what its circuit was measured to do: its parameters are some
            of the neuron's, its first states the neuron's. What is trained, varied and saved stays the neuron's.

    A parameter is trained through its declared transform, so it never leaves its bounds, and the relations between
    parameters hold in every loop. Read values by `layer.values()`. States and parameters are float32 or float64; inputs
    may be of half precision, and the output has their type. `state_dict()` carries dt and method, and loading another
    layer's is refused.

    Raises:
        ParameterError: an unknown name, a wrong length, a value outside its bounds, a parameter to be trained that the
            rule does not use.
        StepError: a time step above the largest stable one.
    """

    def __init__(
        self,
        neuron: Neuron,
        size: int,
        *,
        dt: float,
        method: str | None = None,
        values: Mapping[str, float | torch.Tensor] | None = None,
        trainable: Collection[str] = (),
        backend: str = "auto",
        recurrent: Recurrence | None = None,
        initial: Mapping[str, float | Sequence[float] | torch.Tensor] | None = None,
        output_only: bool = False,
        law: Neuron | None = None,
    ) -> None:
        super().__init__()
        self.output_only = output_only
        check_declared(neuron)
        check_backend(backend, f"layer {neuron.name}")
        refuse_truth_values(f"layer {neuron.name}", values=values, initial=initial)
        size = checked_count(size, "size", f"layer {neuron.name}")
        self.neuron, self.size, self.backend = neuron, size, backend
        self.dt = checked_step(neuron, dt)
        self.law = checked_law(neuron, neuron if law is None else law)
        self.rule: Rule = derive(self.law, method)
        self._constants = compiled(self.rule.prelude, "constants")
        self._step = compiled(self.rule.body, "step")
        self._start = compiled(
            Program(
                inputs=tuple(parameter.symbol for parameter in self.law.parameters),
                assignments=(),
                outputs=tuple(sympy.sympify(state.initial) for state in self.law.states),
            ),
            "start",
        )
        self._relations = Relations(neuron)
        self.register_forward_pre_hook(refuse_tracing)
        check_names(neuron, self.rule, values, trainable)
        for parameter in neuron.parameters:
            given = (values or {}).get(parameter.name, parameter.default)
            raw = unconstrained(per_neuron(given, parameter.name, size, f"layer {neuron.name}"), parameter)
            if parameter.name in trainable:
                self.register_parameter(f"raw_{parameter.name}", nn.Parameter(raw))
            else:
                self.register_buffer(f"raw_{parameter.name}", raw)
        for name, begin in initial_columns(self.law, size, initial or {}).items():
            self.register_buffer(f"{BEGIN}{name}", begin)
        self._built = {
            f"raw_{p.name}": getattr(self, f"raw_{p.name}").detach().clone() for p in neuron.parameters
        }
        self.recurrent = recurrent
        if recurrent is not None:
            recurrent.check(neuron, size, getattr(self, f"raw_{neuron.parameters[0].name}").dtype)
        self._output = None
        if recurrent is not None and recurrent.state_index(neuron) is None and neuron.event is None:
            known = (*self.law.state_symbols, *(p.symbol for p in self.law.parameters))
            self._output = compiled(
                Program(inputs=known, assignments=(), outputs=(sympy.sympify(self.law.output),)), "output"
            )
        self.check_values()
        self._say_what_is_not_honoured()

    def _say_what_is_not_honoured(self) -> None:
        values = {name: float(value.detach().min()) for name, value in self.values().items()}
        if self.rule.method == EXACT and (words := moebius.missing_peak(self.law, values)):
            warnings.warn(f"layer {self.neuron.name}: {words}", moebius.PeakWarning, stacklevel=4)

    def __prepare_scriptable__(self) -> NoReturn:
        raise ExportError(f"layer {self.neuron.name}: {EXPORT}")

    def _apply(self, fn: Callable[[torch.Tensor], torch.Tensor], *args: Any, **kwargs: Any) -> "NeuronLayer":
        refuse_half(fn, getattr(self, f"raw_{self.neuron.parameters[0].name}"), f"layer {self.neuron.name}")
        return super()._apply(fn, *args, **kwargs)

    def get_extra_state(self) -> torch.Tensor:
        """The clock, dt and method, as bytes, so that every format of tensors can hold it."""
        return clock_bytes(self.dt, self.rule.method)

    def set_extra_state(self, state: torch.Tensor) -> None:
        """Raise `StepError` where the clock, dt and method, is not this layer's."""
        check_clock(state, self.dt, self.rule.method, f"layer {self.neuron.name}")

    def _load_from_state_dict(self, state_dict: dict[str, Any], prefix: str, *args: Any) -> None:
        clock = state_dict.get(prefix + CLOCK)
        if clock is None:
            # numbers alone, or of a time before the clock was part of them
            state_dict[prefix + CLOCK] = self.get_extra_state()
        else:
            self.set_extra_state(clock)  # before any number is taken over
        super()._load_from_state_dict(state_dict, prefix, *args)
        self.check_step()

    def extra_repr(self) -> str:
        """What the layer is made of, for printed networks."""
        trained = ", ".join(p.name for p in self.neuron.parameters if self._is_trained(p.name)) or "nothing"
        return f"{self.neuron.name}, size={self.size}, dt={self.dt:g}, method={self.rule.method}, trainable={trained}"

    def _is_trained(self, name: str) -> bool:
        return f"raw_{name}" in self._parameters

    @property
    def initial(self) -> dict[str, torch.Tensor]:
        """The given states at the beginning by name, (neuron,), in V0; the others are the declared ones."""
        named = ((state.name, f"{BEGIN}{state.name}") for state in self.law.states)
        return {name: getattr(self, key) for name, key in named if key in self._buffers}

    def values(self) -> dict[str, torch.Tensor]:
        """Every parameter as a (neuron,) tensor inside its bounds and relations, differentiable to what is trained."""
        free = {p.name: constrained(getattr(self, f"raw_{p.name}"), p) for p in self.neuron.parameters}
        return self._relations.kept(free, [name for name in free if self._is_trained(name)])

    def _law_values(self) -> dict[str, torch.Tensor]:
        """Those that the law knows, in its order."""
        values = self.values()
        return {parameter.name: values[parameter.name] for parameter in self.law.parameters}

    def check_values(self) -> None:
        """Raise the declaration's error for the first neuron whose values it does not allow (NaN included)."""
        table = {name: value.detach().tolist() for name, value in self.values().items()}
        checked = set()
        for index, row in enumerate(zip(*table.values(), strict=True)):
            if row in checked:
                continue
            self.neuron.check_values(
                dict(zip(table, row, strict=True)), owner=f"layer {self.neuron.name}, neuron {index}"
            )
            checked.add(row)
        self.check_step()

    def check_step(self) -> None:
        """Raise `StepError` for the first neuron for which dt is above the largest stable step of the rule.

        Flicker noise whose band goes beyond half the sampling rate is refused, too.
        """
        check_length(self.rule, self._law_values(), self.dt, f"layer {self.neuron.name}")

    def initial_state(self, batch: int) -> tuple[torch.Tensor, ...]:
        """The states at the beginning, each (batch, neuron); with recurrent weights also what their source is then.

        Processes of flicker noise stand in their middle here; a run begins at draws of its seed around it.
        """
        values = self._law_values()
        like = next(iter(self.values().values()))
        declared = self._start(*values.values())
        columns = (
            getattr(self, f"{BEGIN}{state.name}", torch.as_tensor(each, dtype=like.dtype, device=like.device))
            for state, each in zip(self.law.states, declared, strict=True)
        )
        start = [column.expand(batch, self.size) for column in columns]
        if self.recurrent is not None:
            start.append(self._source(tuple(start), values).expand(batch, self.size))
        return tuple(start)

    def _source(self, state: tuple[torch.Tensor, ...], values: Mapping[str, torch.Tensor]) -> torch.Tensor:
        """The recurrent source of a state at rest: an event neuron gives no spike."""
        index = None if self.recurrent is None else self.recurrent.state_index(self.neuron)
        if index is not None:
            return state[index]
        if self._output is None:
            return torch.zeros_like(state[0])
        (output,) = self._output(*state, *values.values())
        return output

    @torch.no_grad()
    def reset_parameters(self, *, generator: torch.Generator | None = None) -> None:
        """Give parameters the values that the layer was built with, and draw random recurrent weights anew."""
        for name, raw in self._built.items():
            getattr(self, name).copy_(raw)
        if self.recurrent is not None:
            self.recurrent.reset_parameters(generator=generator)

    @property
    def backend_used(self) -> str:
        """The back end of a training step, "c", "triton" or "eager"; a kernel that is missing is built to find out."""
        first = getattr(self, f"raw_{self.neuron.parameters[0].name}")
        inputs = first.new_zeros(2, 1, self.size).requires_grad_()  # one step alone may be eager
        return self._loop(places=1).used(inputs, self.initial_state(1))

    def _loop(self, places: int) -> Loop:
        first = getattr(self, f"raw_{self.neuron.parameters[0].name}")
        constants = self._constants(*self._law_values().values(), first.new_tensor(self.dt))
        if places > 1:
            constants = tuple(constant.expand(self.size).repeat_interleave(places) for constant in constants)
        return Loop(
            rule=self.rule, step=self._step, backend=self.backend, constants=constants, dt=self.dt,
            recurrent=self.recurrent,
        )  # fmt: skip

    def forward(
        self,
        inputs: torch.Tensor,
        state: tuple[torch.Tensor, ...] = (),
        *,
        record: list | None = None,
        voltages: list | None = None,
        places: int = 1,
        seed: int | None = None,
    ) -> Any:
        """Step through time.

        Args:
            inputs: (time, batch, neuron), held over each step.
            state: states at the start, each (batch, neuron); empty means the declared initial states.
            record: a list that receives the states after every step, for figures and comparisons.
            voltages: a list that receives the membrane's voltages after every step, (time, batch, neuron), for a loss
                on them: they have a gradient, and the kernel gives them beside the output.
            places: how many neighbouring columns of the input share each neuron's values, as the pixels of a
                channel do; then `neuron` above is size * places.
            seed: of the neuron's noise, 0 to 2^32 - 1; drawn from torch's generator where not given. Each step, each
                place in the batch and each neuron has its own draw, the same on every back end.

        Returns:
            The outputs (time, batch, neuron), read from the states after each step, in the input's type, and the final
            states, in the layer's; of a layer built with `output_only` the outputs alone.

        Raises:
            ShapeError: an input or a state of another shape, type or device.
        """
        first = getattr(self, f"raw_{self.neuron.parameters[0].name}")
        owner = f"layer {self.neuron.name}"
        for name, wanted in (("record", record), ("voltages", voltages)):
            if wanted is not None and not isinstance(wanted, list):
                raise ParameterError(
                    f"{owner}: {name} is a {type(wanted).__name__}; give an empty list, which the call fills"
                )
        check_input(inputs, self.size * places, first.dtype, owner, also=HALF)
        if inputs.dtype in HALF:
            with torch.autocast(inputs.device.type, enabled=False):
                outputs, state = self._stepped(inputs.to(first.dtype), state, record, voltages, places, seed)
            outputs = outputs.to(inputs.dtype)
        else:
            outputs, state = self._stepped(inputs, state, record, voltages, places, seed)
        return outputs if self.output_only else (outputs, state)

    def _stepped(
        self,
        inputs: torch.Tensor,
        state: tuple[torch.Tensor, ...],
        record: list | None,
        voltages: list | None,
        places: int,
        seed: int | None,
    ) -> tuple[torch.Tensor, tuple[torch.Tensor, ...]]:
        first = getattr(self, f"raw_{self.neuron.parameters[0].name}")
        seed = seed_of(self.law, seed)
        if isinstance(state, tuple | list) and not state:
            wide = (s.repeat_interleave(places, dim=1) for s in self.initial_state(1))
            declared = tuple(s.expand(inputs.shape[1], -1) for s in wide)
            state = moved(self.law, self._law_values(), declared, seed)
        states = len(self.law.states) + (self.recurrent is not None)
        state = check_states(state, inputs, first.dtype, states, f"layer {self.neuron.name}")
        if self.recurrent is not None and places > 1:
            raise ShapeError(
                f"layer {self.neuron.name}: recurrent weights join neurons, not places; give places = 1"
            )
        return self._loop(places)(inputs, state, seed, record, voltages)
