"""A layer of independent neurons of one declaration, stepped by a derived rule."""

from collections.abc import Collection, Mapping

import sympy
import torch
from torch import nn

from conductance.derivation.printers.torch import compiled
from conductance.derivation.program import Program
from conductance.derivation.rules import Rule, derive
from conductance.kernels.backend import check_backend, kernel_name, run, used
from conductance.layers.base import ShapeError, check_input
from conductance.layers.draws import draws, seed_of
from conductance.layers.recurrence import Recurrence
from conductance.layers.transforms import constrained, unconstrained
from conductance.neurons.base import Neuron
from conductance.parameter import ParameterError


class NeuronLayer(nn.Module):
    """`size` neurons of one declaration, each with its own parameter values.

    Args:
        neuron: the declaration.
        size: number of neurons.
        dt: time step in units of time (tau_m = 1), positive; of a map, which has none, give 1.
        method: name of the update rule, see `conductance.derivation.derive`.
        values: initial parameter values, a number or one per neuron; the declaration's defaults elsewhere.
        trainable: names of the parameters that training may change; without any, the layer's values are fixed
            and `layer.parameters()` is empty. `RECIPES["mtc"].trainable` in `conductance.networks` has the names
            that a configuration file trains where it gives none.
        backend: "auto" steps by a generated kernel where one can be had and by torch elsewhere, "c" insists on the
            compiled kernel, "triton" on that for GPUs, "eager" on torch.
        recurrent: weights back to the layer's own neurons; their last source is then one state more.

    A parameter is trained through its declared transform, so it never leaves its bounds. Read values by
    `layer.values()`.

    Raises:
        ParameterError: an unknown name, a wrong length, a value outside its bounds.
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
    ) -> None:
        super().__init__()
        given: object = neuron
        if not isinstance(given, Neuron):
            shown = repr(given) if isinstance(given, str) else getattr(given, "__name__", "an object")
            raise ParameterError(
                f"layer: the neuron is {shown}, a {type(given).__name__}; give a declared neuron, as lif() or mtc()"
            )
        check_backend(backend, f"layer {neuron.name}")
        if not (dt > 0 and dt < float("inf")):
            raise ParameterError(f"layer {neuron.name}: dt = {dt} must be positive, in units of tau_m")
        if size < 1:
            raise ParameterError(f"layer {neuron.name}: size = {size} must be at least 1")
        self.neuron, self.size, self.dt, self.backend = neuron, size, float(dt), backend
        self.rule: Rule = derive(neuron, method)
        self._constants = compiled(self.rule.prelude, "constants")
        self._step = compiled(self.rule.body, "step")
        relations = [constraint.relation for constraint in neuron.constraints]
        self._distances = compiled(
            Program(
                inputs=tuple(parameter.symbol for parameter in neuron.parameters),
                assignments=(),
                outputs=tuple(relation.gts - relation.lts for relation in relations),
            ),
            "distances",
        )
        for name in (*(values or {}), *trainable):
            neuron.parameter(name)
        for parameter in neuron.parameters:
            given = (values or {}).get(parameter.name, parameter.default)
            tensor = self._per_neuron(given, parameter.name)
            raw = unconstrained(tensor, parameter)
            if parameter.name in trainable:
                self.register_parameter(f"raw_{parameter.name}", nn.Parameter(raw))
            else:
                self.register_buffer(f"raw_{parameter.name}", raw)
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

    def extra_repr(self) -> str:
        """What the layer is made of, for printed networks."""
        trained = ", ".join(p.name for p in self.neuron.parameters if self._is_trained(p.name)) or "nothing"
        return f"{self.neuron.name}, size={self.size}, dt={self.dt:g}, method={self.rule.method}, trainable={trained}"

    def _is_trained(self, name: str) -> bool:
        return f"raw_{name}" in self._parameters

    def _per_neuron(self, value: float | torch.Tensor, name: str) -> torch.Tensor:
        tensor = torch.as_tensor(value, dtype=torch.get_default_dtype())
        if tensor.dim() > 1 or (tensor.dim() == 1 and tensor.shape[0] != self.size):
            raise ParameterError(
                f"layer {self.neuron.name}: parameter {name} has shape {tuple(tensor.shape)}; "
                f"give one number or {self.size}"
            )
        return tensor.expand(self.size).clone()

    def values(self) -> dict[str, torch.Tensor]:
        """Every parameter as a (neuron,) tensor, differentiable to what is trained."""
        return {p.name: constrained(getattr(self, f"raw_{p.name}"), p) for p in self.neuron.parameters}

    def distances(self, values: Mapping[str, torch.Tensor]) -> tuple[torch.Tensor, ...]:
        """How far each of the neuron's constraints is from being broken, (neuron,) each; positive where it holds."""
        return self._distances(*(values[parameter.name] for parameter in self.neuron.parameters))

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

    def initial_state(self, batch: int) -> tuple[torch.Tensor, ...]:
        """The declared initial states, each (batch, neuron); with recurrent weights also what their source is then."""
        values = self.values()
        start = []
        for state in self.neuron.states:
            name = str(state.initial)
            column = (
                values[name] if name in values else torch.full_like(next(iter(values.values())), float(name))
            )
            start.append(column.expand(batch, self.size))
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

    @property
    def backend_used(self) -> str:
        """The back end of a training step, "c", "triton" or "eager"; a kernel that is missing is built to find out."""
        values = tuple(self.values().values())
        constants = self._constants(*values, values[0].new_tensor(self.dt))
        inputs = values[0].new_zeros(1, 1, self.size).requires_grad_()
        if self.recurrent is not None:
            return "eager"
        return used(kernel_name(self.backend, self.rule, inputs, self.initial_state(1), constants))

    def forward(
        self,
        inputs: torch.Tensor,
        state: tuple[torch.Tensor, ...] = (),
        *,
        record: list | None = None,
        places: int = 1,
        seed: int | None = None,
    ) -> tuple[torch.Tensor, tuple[torch.Tensor, ...]]:
        """Step through time.

        Args:
            inputs: (time, batch, neuron), held over each step.
            state: states at the start, each (batch, neuron); empty means the declared initial states.
            record: a list that receives the states after every step, for figures and comparisons.
            places: how many neighbouring columns of the input share each neuron's values, as the pixels of a
                channel do; then `neuron` above is size * places.
            seed: of the neuron's noise, 0 to 2^32 - 1; drawn from torch's generator where not given. Each step, each
                place in the batch and each neuron has its own draw, the same on every back end.

        Returns:
            The outputs (time, batch, neuron), read from the states after each step, and the final states.
        """
        first = getattr(self, f"raw_{self.neuron.parameters[0].name}")
        check_input(inputs, self.size * places, first.dtype, f"layer {self.neuron.name}")
        if not state:
            spread = (s.repeat_interleave(places, dim=1) for s in self.initial_state(1))
            state = tuple(s.expand(inputs.shape[1], -1) for s in spread)
        state = tuple(s.expand(inputs.shape[1:]) if s.shape == inputs.shape[2:] else s for s in state)
        states = len(self.neuron.states) + (self.recurrent is not None)
        if len(state) != states or any(s.shape != inputs.shape[1:] for s in state):
            raise ShapeError(
                f"layer {self.neuron.name}: state has shapes {[tuple(s.shape) for s in state]}; "
                f"allowed are {states} of {tuple(inputs.shape[1:])}, or of {tuple(inputs.shape[2:])} for all series"
            )
        seed = seed_of(self.neuron, seed)
        constants = self._constants(*self.values().values(), first.new_tensor(self.dt))
        if places > 1:
            constants = tuple(constant.expand(self.size).repeat_interleave(places) for constant in constants)
        if self.recurrent is not None:
            if places > 1:
                raise ShapeError(
                    f"layer {self.neuron.name}: recurrent weights join neurons, not places; give places = 1"
                )
            return self._recurrent(self.recurrent, inputs, state, constants, record, seed)
        name = kernel_name(self.backend, self.rule, inputs, state, constants) if record is None else ""
        if name:
            return run(name, inputs, state, constants, seed)
        outputs = []
        # unbind, never inputs[t]: the backward pass of an index writes the whole tensor at every step
        for current, noise in zip(inputs.unbind(0), draws(self.neuron, inputs, seed), strict=True):
            *following, output = self._step(*state, current, *constants, *noise)
            state = tuple(following)
            outputs.append(output)
            if record is not None:
                record.append(state)
        return torch.stack(outputs), state

    def _recurrent(
        self,
        recurrent: Recurrence,
        inputs: torch.Tensor,
        state: tuple[torch.Tensor, ...],
        constants: tuple[torch.Tensor, ...],
        record: list | None,
        seed: int,
    ) -> tuple[torch.Tensor, tuple[torch.Tensor, ...]]:
        """Step through time with what the layer's neurons did a step ago added to the input."""
        *own, arriving = state
        weights, share = recurrent.weights().T, recurrent.share(self.dt)
        place = recurrent.state_index(self.neuron)
        outputs = []
        for current, noise in zip(inputs.unbind(0), draws(self.neuron, inputs, seed), strict=True):
            *own, output = self._step(*own, current + arriving @ weights, *constants, *noise)
            source = output if place is None else own[place]
            arriving = source if recurrent.tau is None else arriving + share * (source - arriving)
            outputs.append(output)
            if record is not None:
                record.append(tuple(own))
        return torch.stack(outputs), (*own, arriving)
