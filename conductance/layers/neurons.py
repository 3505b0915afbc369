"""A layer of independent neurons of one declaration, stepped by a derived rule."""

import json
import warnings
from collections.abc import Callable, Collection, Mapping, Sequence
from numbers import Real
from typing import Any, NoReturn

import sympy
import torch
from torch import nn

from conductance.derivation import moebius
from conductance.derivation.printers.torch import compiled
from conductance.derivation.program import Program
from conductance.derivation.rules import EXACT, Rule, derive
from conductance.kernels.backend import check_backend, kernel_name, recurrent_kernel_name, run, used
from conductance.kernels.recurrent.operator import run_recurrent
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
from conductance.layers.draws import beyond_band, draws, moved, seed_of
from conductance.layers.initial import BEGIN, initial_columns
from conductance.layers.relations import Relations
from conductance.layers.transforms import constrained, unconstrained
from conductance.layers.weights.recurrence import Recurrence
from conductance.neurons.base import Neuron
from conductance.parameter import ParameterError
from conductance.shaping.step_check import check_step

MEMBRANE = 0
"""The place of the membrane among a neuron's states."""
CLOCK = "_extra_state"
"""The entry of a layer's state_dict that holds its dt and method."""


class StepError(ParameterError):
    """A layer's time step is too long for its rule, or not the one that its numbers were trained with."""


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
    ) -> None:
        super().__init__()
        self.output_only = output_only
        _check_declared(neuron)
        check_backend(backend, f"layer {neuron.name}")
        step: object = dt
        if not isinstance(step, Real) or not 0 < dt < float("inf"):
            raise ParameterError(
                f"layer {neuron.name}: dt = {dt!r} must be a positive number, in units of tau_m"
            )
        size = checked_count(size, "size", f"layer {neuron.name}")
        if neuron.is_map and dt != 1:
            raise StepError(
                f"layer {neuron.name}: dt = {dt:g}, but {neuron.name} is a map, which knows no time: give dt=1"
            )
        self.neuron, self.size, self.dt, self.backend = neuron, size, float(dt), backend
        self.rule: Rule = derive(neuron, method)
        self._constants = compiled(self.rule.prelude, "constants")
        self._step = compiled(self.rule.body, "step")
        self._start = compiled(
            Program(
                inputs=tuple(parameter.symbol for parameter in neuron.parameters),
                assignments=(),
                outputs=tuple(sympy.sympify(state.initial) for state in neuron.states),
            ),
            "start",
        )
        self._relations = Relations(neuron)
        self.register_forward_pre_hook(refuse_tracing)
        self._check_names(values, trainable)
        for parameter in neuron.parameters:
            given = (values or {}).get(parameter.name, parameter.default)
            tensor = self._per_neuron(given, parameter.name)
            raw = unconstrained(tensor, parameter)
            if parameter.name in trainable:
                self.register_parameter(f"raw_{parameter.name}", nn.Parameter(raw))
            else:
                self.register_buffer(f"raw_{parameter.name}", raw)
        for name, begin in initial_columns(neuron, size, initial or {}).items():
            self.register_buffer(f"{BEGIN}{name}", begin)
        self._built = {
            f"raw_{p.name}": getattr(self, f"raw_{p.name}").detach().clone() for p in neuron.parameters
        }
        self.recurrent = recurrent
        if recurrent is not None:
            recurrent.check(neuron, size, getattr(self, f"raw_{neuron.parameters[0].name}").dtype)
        self._output = None
        if recurrent is not None and recurrent.state_index(neuron) is None and neuron.event is None:
            known = (*neuron.state_symbols, *(p.symbol for p in neuron.parameters))
            self._output = compiled(
                Program(inputs=known, assignments=(), outputs=(sympy.sympify(neuron.output),)), "output"
            )
        self.check_values()
        self._say_what_is_not_honoured()

    def _check_names(self, values: object, trainable: object) -> None:
        owner = f"layer {self.neuron.name}"
        if values is not None and not isinstance(values, Mapping):
            raise ParameterError(
                f"{owner}: values are a {type(values).__name__}; give a mapping, as {{'tau_m': 2.0}}"
            )
        if isinstance(trainable, str):
            raise ParameterError(
                f"{owner}: trainable = {trainable!r} is a text, whose letters would be read as names; give a list: "
                f"trainable=[{trainable!r}]"
            )
        if not isinstance(trainable, Collection):
            raise ParameterError(
                f"{owner}: trainable is a {type(trainable).__name__}; give a list of parameter names"
            )
        for name in (*(values or {}), *trainable):
            self.neuron.parameter(name)
        used = set().union(*(sympy.sympify(value).free_symbols for _, value in self.rule.constants))
        used |= set().union(*(sympy.sympify(value).free_symbols for value in self.rule.body.outputs))
        idle = [name for name in trainable if self.neuron.parameter(name).symbol not in used]
        if idle:
            raise ParameterError(
                f"{owner}: {', '.join(idle)} cannot be trained, because the rule {self.rule.method} does not use it; "
                f"leave it out, or choose another method"
            )

    def _say_what_is_not_honoured(self) -> None:
        values = {name: float(value.detach().min()) for name, value in self.values().items()}
        if self.rule.method == EXACT and (words := moebius.missing_peak(self.neuron, values)):
            warnings.warn(f"layer {self.neuron.name}: {words}", moebius.PeakWarning, stacklevel=4)

    def __prepare_scriptable__(self) -> NoReturn:
        raise ExportError(f"layer {self.neuron.name}: {EXPORT}")

    def _apply(self, fn: Callable[[torch.Tensor], torch.Tensor], *args: Any, **kwargs: Any) -> "NeuronLayer":
        refuse_half(fn, getattr(self, f"raw_{self.neuron.parameters[0].name}"), f"layer {self.neuron.name}")
        return super()._apply(fn, *args, **kwargs)

    def get_extra_state(self) -> torch.Tensor:
        """The clock, dt and method, as bytes, so that every format of tensors can hold it."""
        text = json.dumps({"dt": self.dt, "method": self.rule.method})
        return torch.tensor(list(text.encode()), dtype=torch.uint8)

    def set_extra_state(self, state: torch.Tensor) -> None:
        """Raise `StepError` where the clock is not this layer's.

        Raises:
            StepError: another dt or method.
        """
        try:
            clock = json.loads(bytes(state.to(torch.uint8).tolist()))
            given = float(clock["dt"]), str(clock["method"])
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            raise StepError(
                f"layer {self.neuron.name}: the state's clock cannot be read ({error!r})"
            ) from None
        if given != (self.dt, self.rule.method):
            raise StepError(
                f"layer {self.neuron.name}: the state was made with dt = {given[0]:g} and method {given[1]}, and this "
                f"layer has dt = {self.dt:g} and {self.rule.method}; build the layer with dt={given[0]:g}, "
                f"method={given[1]!r}"
            )

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

    def _per_neuron(self, value: float | torch.Tensor, name: str) -> torch.Tensor:
        try:
            tensor = torch.as_tensor(value, dtype=torch.get_default_dtype())
        except (TypeError, ValueError, RuntimeError):
            raise ParameterError(
                f"layer {self.neuron.name}: parameter {name} is {value!r}; give one number or {self.size}"
            ) from None
        if tensor.dim() > 1 or (tensor.dim() == 1 and tensor.shape[0] != self.size):
            raise ParameterError(
                f"layer {self.neuron.name}: parameter {name} has shape {tuple(tensor.shape)}; "
                f"give one number or {self.size}"
            )
        return tensor.expand(self.size).clone()

    @property
    def initial(self) -> dict[str, torch.Tensor]:
        """The given states at the beginning by name, (neuron,), in V0; the others are the declared ones."""
        named = ((state.name, f"{BEGIN}{state.name}") for state in self.neuron.states)
        return {name: getattr(self, key) for name, key in named if key in self._buffers}

    def values(self) -> dict[str, torch.Tensor]:
        """Every parameter as a (neuron,) tensor inside its bounds and relations, differentiable to what is trained."""
        free = {p.name: constrained(getattr(self, f"raw_{p.name}"), p) for p in self.neuron.parameters}
        return self._relations.kept(free, [name for name in free if self._is_trained(name)])

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
        values = {name: value.detach().double().cpu().numpy() for name, value in self.values().items()}
        if (beyond := beyond_band(values, self.dt)) is not None:
            neuron, highest = beyond
            raise StepError(
                f"layer {self.neuron.name}, neuron {neuron}: its flicker noise goes up to {highest:.4g}/tau_m, and "
                f"steps of dt = {self.dt:g} hold none above 1/(2 dt) = {0.5 / self.dt:.4g}/tau_m; end the band there "
                f"or below, or use dt <= {0.5 / highest:.4g}"
            )
        found = check_step(self.rule, values, self.dt)
        if found is None:
            return
        neuron, limit = found
        where = "after the reset, at" if limit.after_reset else "at"
        raise StepError(
            f"layer {self.neuron.name}, neuron {neuron}: dt = {self.dt:g} is too long for the rule {self.rule.method}, "
            f"which is stable up to {limit.dt:.4g} ({where} {limit.voltage:.4g} V0 a longer step grows what should "
            f"decay). Use dt <= {limit.dt:.3g}, or another method (the default is {derive(self.neuron).method})"
        )

    def initial_state(self, batch: int) -> tuple[torch.Tensor, ...]:
        """The states at the beginning, each (batch, neuron); with recurrent weights also what their source is then.

        Processes of flicker noise stand in their middle here; a run begins at draws of its seed around it.
        """
        values = self.values()
        like = next(iter(values.values()))
        declared = self._start(*(values[parameter.name] for parameter in self.neuron.parameters))
        columns = (
            getattr(self, f"{BEGIN}{state.name}", torch.as_tensor(each, dtype=like.dtype, device=like.device))
            for state, each in zip(self.neuron.states, declared, strict=True)
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
        values = tuple(self.values().values())
        constants = self._constants(*values, values[0].new_tensor(self.dt))
        inputs = values[0].new_zeros(2, 1, self.size).requires_grad_()  # one step alone may be eager
        state = self.initial_state(1)
        if self.recurrent is not None:
            weight = self.recurrent.weights()
            return used(recurrent_kernel_name(self.backend, self.rule, inputs, state, constants, weight))
        return used(kernel_name(self.backend, self.rule, inputs, state, constants))

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
        seed = seed_of(self.neuron, seed)
        if isinstance(state, tuple | list) and not state:
            wide = (s.repeat_interleave(places, dim=1) for s in self.initial_state(1))
            declared = tuple(s.expand(inputs.shape[1], -1) for s in wide)
            state = moved(self.neuron, self.values(), declared, seed)
        states = len(self.neuron.states) + (self.recurrent is not None)
        state = check_states(state, inputs, first.dtype, states, f"layer {self.neuron.name}")
        constants = self._constants(*self.values().values(), first.new_tensor(self.dt))
        if places > 1:
            constants = tuple(constant.expand(self.size).repeat_interleave(places) for constant in constants)
        if self.recurrent is not None:
            if places > 1:
                raise ShapeError(
                    f"layer {self.neuron.name}: recurrent weights join neurons, not places; give places = 1"
                )
            return self._recurrent(self.recurrent, inputs, state, constants, record, voltages, seed)
        wanted = None if voltages is None else MEMBRANE
        name = (
            kernel_name(self.backend, self.rule, inputs, state, constants, wanted) if record is None else ""
        )
        if name:
            return _told(run(name, inputs, state, constants, seed), voltages)
        outputs, course = [], []
        # unbind, never inputs[t]: the backward pass of an index writes the whole tensor at every step
        for current, noise in zip(inputs.unbind(0), draws(self.neuron, inputs, seed), strict=True):
            *following, output = self._step(*state, current, *constants, *noise)
            state = tuple(following)
            outputs.append(output)
            if voltages is not None:
                course.append(state[MEMBRANE])
            if record is not None:
                record.append(state)
        if voltages is not None:
            voltages.append(torch.stack(course))
        return torch.stack(outputs), state

    def _recurrent(
        self,
        recurrent: Recurrence,
        inputs: torch.Tensor,
        state: tuple[torch.Tensor, ...],
        constants: tuple[torch.Tensor, ...],
        record: list | None,
        voltages: list | None,
        seed: int,
    ) -> tuple[torch.Tensor, tuple[torch.Tensor, ...]]:
        """Step through time with what the layer's neurons did a step ago added to the input."""
        weights, share = recurrent.weights(), recurrent.share(self.dt)
        place = recurrent.state_index(self.neuron)
        if record is None:
            wanted = None if voltages is None else MEMBRANE
            name = recurrent_kernel_name(self.backend, self.rule, inputs, state, constants, weights, wanted)
            if name:
                found = run_recurrent(
                    name, inputs, state, constants, weights, share=share, place=place, seed=seed
                )
                return _told(found, voltages)
        *own, arriving = state
        outputs, course = [], []
        for current, noise in zip(inputs.unbind(0), draws(self.neuron, inputs, seed), strict=True):
            *own, output = self._step(*own, current + arriving @ weights.T, *constants, *noise)
            source = output if place is None else own[place]
            arriving = source if recurrent.tau is None else arriving + share * (source - arriving)
            outputs.append(output)
            if voltages is not None:
                course.append(own[MEMBRANE])
            if record is not None:
                record.append(tuple(own))
        if voltages is not None:
            voltages.append(torch.stack(course))
        return torch.stack(outputs), (*own, arriving)


def _told(
    found: tuple[torch.Tensor, tuple[torch.Tensor, ...]], voltages: list | None
) -> tuple[torch.Tensor, tuple[torch.Tensor, ...]]:
    """What a kernel found, with the voltages behind its outputs put where they are wanted."""
    if voltages is None:
        return found
    (outputs, course), state = found
    voltages.append(course)
    return outputs, state


def _check_declared(given: object) -> None:
    if not isinstance(given, Neuron):
        shown = repr(given) if isinstance(given, str) else getattr(given, "__name__", "an object")
        raise ParameterError(
            f"layer: the neuron is {shown}, a {type(given).__name__}; give a declared neuron, as lif() or mtc()"
        )
