"""Event-based layers: spikes in, spikes out, exact gradients through the spike times."""

import warnings
from collections.abc import Callable, Collection
from typing import Any

import torch
from torch import nn

from conductance.derivation import moebius
from conductance.errors import refuse_truth_values
from conductance.events import compiled
from conductance.events.backend import Backend, check_backend, is_compiled
from conductance.events.exact.engines import Pair, QuadraticEngine, engine_of
from conductance.events.exact.recurrent import respond_recurrent
from conductance.events.exact.sharpness import SHARPNESS
from conductance.events.spikes import EventError, Spikes, merged
from conductance.events.together import together
from conductance.layers.base import refuse_half
from conductance.neurons.base import Neuron

STATES = ("weight", "recurrent_weight", "initial_voltage", "initial_current")
TRAINABLE = (*STATES, "delay")
MOST_SPIKES = 1 << 20
"""Of a trial of a recurrent layer without a capacity: more mean that its spikes never end."""


class EventLayer(nn.Module):
    """`size` neurons of one declaration that receive the spikes of `inputs` neurons through weights.

    Args:
        neuron: the declaration: `qif`, `theta` or `synaptic_lif`.
        inputs: number of neurons of the layer below.
        size: number of neurons.
        weight: initial weights, (size, inputs); drawn as normal(mean, spread) where not given.
        mean, spread: of the drawn weights, both divided by sqrt(inputs).
        recurrent: whether the layer's spikes come back to it, after its delay, through `recurrent_weight`.
        initial_voltage, initial_current: at time 0, a number or one per neuron.
        delay: from a spike below to its arrival, a number, (inputs,), or (size, inputs) for one per synapse.
        recurrent_delay: from a spike of the layer to its arrival in the layer.
        trainable: which of weight, recurrent_weight, initial_voltage, initial_current, delay training changes.
            A trained delay is positive and trained by its logarithm.
        pseudospikes: per neuron; where a neuron is silent they carry its gradient. Leaky neurons have none.
        sharpness: how fast a QIF neuron's pseudospikes move away with inhibition, see `pseudospikes.held_drive`.
        capacity: the most spikes a trial may have in this layer; None for any number.
        generator: source of the drawn weights.
        backend: "auto", "torch" or "c", the compiled event loop. The loop runs layers on a CPU whose delays are
            not one per synapse; "auto" takes it where it can be had.

    The weights of a layer of QIF neurons are currents in V0/R, of theta neurons voltages in V0.

    Raises:
        EventError: a neuron without exact form or that never spikes, a wrong shape, an unknown name.
    """

    weight: torch.Tensor
    recurrent_weight: torch.Tensor | None
    initial_voltage: torch.Tensor
    initial_current: torch.Tensor
    fixed_delay: torch.Tensor

    def __init__(
        self,
        neuron: Neuron,
        inputs: int,
        size: int,
        *,
        weight: torch.Tensor | None = None,
        mean: float = 2.0,
        spread: float = 2.0,
        recurrent: bool = False,
        recurrent_weight: torch.Tensor | None = None,
        initial_voltage: float | torch.Tensor = 0.0,
        initial_current: float | torch.Tensor = 0.0,
        delay: float | torch.Tensor = 0.0,
        recurrent_delay: float = 0.0,
        trainable: Collection[str] = ("weight", "recurrent_weight"),
        pseudospikes: int = 1,
        sharpness: float = SHARPNESS,
        capacity: int | None = None,
        generator: torch.Generator | None = None,
        backend: Backend = "auto",
    ) -> None:
        super().__init__()
        self.owner = f"event layer {neuron.name}, {inputs} to {size}"
        check_backend(backend, self.owner)
        refuse_truth_values(
            self.owner, inputs=inputs, size=size, mean=mean, spread=spread, initial_voltage=initial_voltage,
            initial_current=initial_current, delay=delay, recurrent_delay=recurrent_delay,
            pseudospikes=pseudospikes, sharpness=sharpness, capacity=capacity,
        )  # fmt: skip
        self.backend, self.room = backend, 2 * size
        if isinstance(trainable, str):
            raise EventError(
                f"{self.owner}: trainable = {trainable!r} is a text, read letter by letter; give a list: "
                f"trainable=[{trainable!r}]"
            )
        unknown = sorted(set(trainable) - set(TRAINABLE))
        if unknown:
            raise EventError(
                f"{self.owner}: cannot train {', '.join(unknown)}; allowed are {', '.join(TRAINABLE)}"
            )
        if inputs < 1 or size < 1 or pseudospikes < 1 or (capacity is not None and capacity < 1):
            raise EventError(f"{self.owner}: inputs, size, pseudospikes and capacity must be at least 1")
        if not recurrent_delay >= 0:
            raise EventError(
                f"{self.owner}: recurrent_delay = {recurrent_delay} is a time and must not be negative"
            )
        self.neuron, self.inputs, self.size = neuron, inputs, size
        self.pseudospikes, self.capacity, self.recurrent_delay = pseudospikes, capacity, recurrent_delay
        self.engine = engine_of(neuron, sharpness=sharpness)
        if self.engine.silence():
            raise EventError(f"{self.owner}: {self.engine.silence()}")
        if words := moebius.missing_peak(neuron):
            warnings.warn(f"{self.owner}: {words}", moebius.PeakWarning, stacklevel=2)
        if weight is None:
            weight = (mean + spread * torch.randn(size, inputs, generator=generator)) / inputs**0.5
        self._keep("weight", weight, (size, inputs), trainable)
        if recurrent and recurrent_weight is None:
            recurrent_weight = torch.randn(size, size, generator=generator) / size**0.5
        if recurrent_weight is None:
            self.register_parameter("recurrent_weight", None)
        else:
            self._keep("recurrent_weight", recurrent_weight, (size, size), trainable)
        self._keep("initial_voltage", initial_voltage, (size,), trainable)
        self._keep("initial_current", initial_current, (size,), trainable)
        self._keep_delay(delay, "delay" in trainable)

    def _apply(self, fn: Callable[[torch.Tensor], torch.Tensor], *args: Any, **kwargs: Any) -> "EventLayer":
        refuse_half(fn, self.weight, self.owner)
        return super()._apply(fn, *args, **kwargs)

    def _keep(
        self, name: str, value: float | torch.Tensor, shape: tuple[int, ...], trainable: Collection[str]
    ) -> None:
        tensor = value if torch.is_tensor(value) else torch.tensor(value, dtype=torch.get_default_dtype())
        if tensor.shape not in ((), torch.Size(shape)):
            raise EventError(f"{self.owner}: {name} has shape {tuple(tensor.shape)}; give {shape}")
        tensor = tensor.detach().expand(shape).clone()
        if name in trainable:
            self.register_parameter(name, nn.Parameter(tensor))
        else:
            self.register_buffer(name, tensor)

    def _keep_delay(self, value: float | torch.Tensor, trained: bool) -> None:
        tensor = torch.as_tensor(value, dtype=self.weight.dtype)
        if tensor.shape not in ((), (self.inputs,), (self.size, self.inputs)):
            raise EventError(
                f"{self.owner}: delay has shape {tuple(tensor.shape)}; give a number, ({self.inputs},) or "
                f"({self.size}, {self.inputs})"
            )
        if not bool((tensor >= 0).all()) or (trained and not bool((tensor > 0).all())):
            need = "positive, since it is trained by its logarithm" if trained else "at least 0"
            raise EventError(
                f"{self.owner}: delay {float(tensor.min()):g} is not allowed; a delay must be {need}"
            )
        self._trained_delay = trained
        if trained:
            shape = tensor.shape or (self.inputs,)
            self.raw_delay = nn.Parameter(tensor.expand(shape).log().clone())
        else:
            self.register_buffer("fixed_delay", tensor.clone())

    @property
    def delay(self) -> torch.Tensor:
        """The delays, in units of time: a number, (inputs,) or (size, inputs)."""
        return self.raw_delay.exp() if self._trained_delay else self.fixed_delay

    def forward(self, spikes: Spikes) -> Spikes:
        """The layer's spikes under the spikes of the layer below.

        Raises:
            EventError: the spikes are not those of `inputs` neurons, a weight is not finite, or a trial has more
                spikes than `capacity`.
        """
        self._check(spikes)
        shape = (spikes.batch, self.size)
        start = self.engine.start(self.initial_voltage.expand(shape), self.initial_current.expand(shape))
        if is_compiled(self.backend, self.engine.flow, self.weight, self._obstacle(), self.owner):
            result, state, push = self._by_loop(spikes, start)
        else:
            result, state, push = self._by_torch(spikes, start)
        self._check_capacity(result)
        return self._with_later(result, state, push)

    def is_plain(self) -> bool:
        """Whether it has no delay, no recurrence, no capacity, and weights that move currents."""
        delayed = self._trained_delay or bool(self.fixed_delay.any())
        steady = isinstance(self.engine, QuadraticEngine) and self.engine.flow.on_voltage
        return self.recurrent_weight is None and self.capacity is None and not delayed and not steady

    def _obstacle(self) -> str:
        """Why the compiled loop cannot run this layer, in words; empty if it can."""
        if self.delay.dim() == 2:
            return "the layer has one delay per synapse; give one per input"
        return ""

    def _by_loop(self, spikes: Spikes, start: Pair) -> tuple[Spikes, Pair, torch.Tensor]:
        times, neurons, mask, push = self._shared_arrivals(spikes)
        arrivals = together(times, neurons, mask, self.weight)
        found = compiled.respond(
            self.engine.flow, *arrivals, start, spikes.end, room=self.room, recurrence=self._recurrence()
        )
        self.room = max(self.room, found.mask.shape[0])
        result = Spikes(
            times=found.times, neurons=found.neurons, mask=found.mask, size=self.size, end=spikes.end
        )
        if self.recurrent_weight is not None:
            places = torch.arange(found.mask.shape[0])[:, None]
            under_way = found.mask & (places >= found.returned)
            late = push.new_zeros(push.shape).scatter_add_(1, found.neurons.T, under_way.T.to(push.dtype))
            push = push + late @ self.recurrent_weight.T
        return result, found.state, push

    def _recurrence(self) -> compiled.Recurrence | None:
        if self.recurrent_weight is None:
            return None
        limit = self.capacity or MOST_SPIKES
        return compiled.Recurrence(weight=self.recurrent_weight, delay=self.recurrent_delay, limit=limit)

    def _by_torch(self, spikes: Spikes, start: Pair) -> tuple[Spikes, Pair, torch.Tensor]:
        times, charges, push = self._arrivals(spikes)
        if self.recurrent_weight is None:
            found, places, state = self.engine.respond(times, charges, start, spikes.end)
            trials, neurons = places // self.size % spikes.batch, places % self.size
        else:
            found, trials, neurons, state, returning = respond_recurrent(
                self.engine, times, charges, start, spikes.end, self.recurrent_weight, self.recurrent_delay,
                limit=self.capacity,
            )  # fmt: skip
            push = push + returning
        result = merged(found, trials, neurons, batch=spikes.batch, size=self.size, end=spikes.end)
        return result, state, push

    def _with_later(self, result: Spikes, state: Pair, push: torch.Tensor) -> Spikes:
        after = self.engine.later(state, push, end=result.end, number=self.pseudospikes)
        if after is None:
            return result
        return Spikes(
            times=result.times, neurons=result.neurons, mask=result.mask, size=result.size, end=result.end,
            later=after[0], rates=after[1],
        )  # fmt: skip

    def _arrivals(self, spikes: Spikes) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """Arrival times and charges of the spikes below, and the charge that is still to come at the end."""
        if self.delay.dim() < 2:
            times, neurons, mask, push = self._shared_arrivals(spikes)
            charges = nn.functional.embedding(neurons, self.weight.T) * mask[:, :, None]
            return times[:, :, None], charges, push
        charges = nn.functional.embedding(spikes.neurons, self.weight.T) * spikes.mask[:, :, None]
        times = spikes.times[:, :, None] + nn.functional.embedding(spikes.neurons, self.delay.T)
        inside = (times < spikes.end) & spikes.mask[:, :, None]
        push = self._later_charge(spikes) + (charges * ~inside).sum(0)
        times = torch.where(inside, times, torch.full_like(times, spikes.end))
        times, order = times.sort(dim=0, stable=True)
        return times, (charges * inside).gather(0, order), push

    def _shared_arrivals(
        self, spikes: Spikes
    ) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor, torch.Tensor]:
        """Times, neurons and mask of the spikes below where they arrive at all neurons at once, (event, batch), and
        the charge (batch, neuron) that is still to come at the end.
        """
        push = self._later_charge(spikes)
        if not self._trained_delay and not bool(self.delay.any()):
            return spikes.times, spikes.neurons, spikes.mask, push
        times = spikes.times + self.delay.expand(self.inputs)[spikes.neurons]
        inside = (times < spikes.end) & spikes.mask
        late = times.new_zeros(spikes.batch, self.inputs)
        late.scatter_add_(1, spikes.neurons.T, (spikes.mask & ~inside).T.to(times.dtype))
        times, order = torch.where(inside, times, torch.full_like(times, spikes.end)).sort(dim=0, stable=True)
        return times, spikes.neurons.gather(0, order), inside.gather(0, order), push + late @ self.weight.T

    def _later_charge(self, spikes: Spikes) -> torch.Tensor:
        """The charge of the pseudospikes below, (batch, neuron)."""
        if spikes.rates is None:
            return self.weight.new_zeros(spikes.batch, self.size)
        return spikes.rates @ self.weight.T

    def _check(self, spikes: Spikes) -> None:
        if not isinstance(spikes, Spikes):
            raise EventError(
                f"{self.owner}: its input is a {type(spikes).__name__}; give Spikes (Spikes.of_binned makes them)"
            )
        if spikes.size != self.inputs:
            raise EventError(
                f"{self.owner}: the spikes are of {spikes.size} neurons, {self.inputs} are needed"
            )
        if spikes.times.dtype != self.weight.dtype:
            raise EventError(
                f"{self.owner}: spike times are {spikes.times.dtype} and weights {self.weight.dtype}; convert one"
            )
        self.check_finite()

    def check_finite(self) -> None:
        """Raise `EventError` for the first parameter that is not finite."""
        for name in TRAINABLE:
            value: torch.Tensor | None = getattr(self, name)
            if value is not None and not bool(torch.isfinite(value).all()):
                place = tuple((~torch.isfinite(value)).nonzero()[0].tolist())
                raise EventError(
                    f"{self.owner}: {name}{list(place)} = {float(value.detach()[place])} is not finite; lower the "
                    f"learning rate, or clip the gradient, which grows like exp(t/tau) for late spikes"
                )

    def _check_capacity(self, spikes: Spikes) -> None:
        if self.capacity is None or spikes.mask.shape[0] <= self.capacity:
            return
        counts = spikes.mask.sum(0)
        trial = int(counts.argmax())
        raise EventError(
            f"{self.owner}: trial {trial} has {int(counts[trial])} spikes and capacity is {self.capacity}; "
            f"raise capacity, or lower the weights"
        )
