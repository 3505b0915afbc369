"""What a layer needs of its neuron: the response to given input spikes, and single steps for recurrent layers."""

from dataclasses import dataclass
from functools import cache
from typing import Any, Protocol, TypeVar

import torch

from conductance.derivation.leaky import LeakyFlow, leaky_flow
from conductance.derivation.projective import ProjectiveFlow, quadratic_flow
from conductance.events.exact.leaky import leaky_forms, respond_leaky
from conductance.events.exact.pseudospikes import held_drive, later_spikes
from conductance.events.exact.response import FlowForms, forms, respond
from conductance.events.exact.sharpness import SHARPNESS
from conductance.events.spikes import EventError
from conductance.neurons.base import Neuron

AnyFlow = TypeVar("AnyFlow", ProjectiveFlow, LeakyFlow)
Pair = tuple[torch.Tensor, torch.Tensor]


class Engine(Protocol):
    """A neuron between input spikes. Its state is a pair (batch, neuron): one for the voltage, and the current."""

    def start(self, voltage: torch.Tensor, current: torch.Tensor) -> Pair:
        """The state of a voltage and a current."""

    def respond(
        self, times: torch.Tensor, charges: torch.Tensor, state: Pair, end: float
    ) -> tuple[torch.Tensor, torch.Tensor, Pair]:
        """All spike times (spike,), their flat indices (interval, batch, neuron), and the state at the end."""

    def wait(self, state: Pair) -> torch.Tensor:
        """Time until the next spike without further input, (batch, neuron), inf where none comes."""

    def advance(self, state: Pair, duration: torch.Tensor) -> Pair:
        """The state after a duration without spike or input."""

    def arrive(self, state: Pair, charge: torch.Tensor) -> Pair:
        """The state after an input spike."""

    def reset(self, state: Pair, spiking: torch.Tensor) -> Pair:
        """The state after a spike of the neurons where the mask is True."""

    def later(self, state: Pair, push: torch.Tensor, *, end: float, number: int) -> Pair | None:
        """Pseudospike times and rates, or None where the neuron has none."""

    def silence(self) -> str:
        """Why the neuron can never spike, or an empty string."""


@dataclass(frozen=True)
class QuadraticEngine:
    """QIF neurons; the state is atan(V) and I."""

    flow: ProjectiveFlow
    tau: float
    sharpness: float = SHARPNESS

    @property
    def forms(self) -> FlowForms:
        """The torch forms of the flow."""
        return forms(self.flow)

    def start(self, voltage: torch.Tensor, current: torch.Tensor) -> Pair:
        """The state of a voltage and a current."""
        return torch.atan(voltage), current

    def respond(
        self, times: torch.Tensor, charges: torch.Tensor, state: Pair, end: float
    ) -> tuple[torch.Tensor, torch.Tensor, Pair]:
        """See `conductance.events.exact.response.respond`."""
        found, places, angle, current = respond(self.flow, times, charges, *state, end)
        return found, places, (angle, current)

    def wait(self, state: Pair) -> torch.Tensor:
        """Time until the next spike."""
        return _Wait.apply(self.forms, *state)

    def advance(self, state: Pair, duration: torch.Tensor) -> Pair:
        """The state after a duration without spike."""
        return _Advance.apply(self.forms, *state, duration)

    def arrive(self, state: Pair, charge: torch.Tensor) -> Pair:
        """An input spike moves I, or V under delta coupling."""
        angle, current = state
        if not self.flow.on_voltage:
            return angle, current + charge
        p, q = torch.sin(angle), torch.cos(angle)
        return torch.atan2(p + charge * q, q), current

    def reset(self, state: Pair, spiking: torch.Tensor) -> Pair:
        """V = -inf, whatever it was."""
        return torch.where(spiking, torch.full_like(state[0], -torch.pi / 2), state[0]), state[1]

    def later(self, state: Pair, push: torch.Tensor, *, end: float, number: int) -> Pair | None:
        """Pseudospikes; `push` is the charge of the layer below that is still to come."""
        if self.flow.on_voltage:
            angle, current = self.arrive(state, push)
            drive = torch.full_like(current, float(self.flow.curvature))
        else:
            angle, drive = state[0], held_drive(state[1] + push, self.sharpness)
        return later_spikes(angle, drive, end=end, tau=self.tau, number=number)

    def silence(self) -> str:
        """Only an oscillating neuron with too small a current is silent by its parameters."""
        if self.flow.on_voltage and self.flow.curvature <= 0:
            return "its constant current must be above 1/4, or it never spikes by itself; raise I_0"
        return ""


@dataclass(frozen=True)
class LeakyEngine:
    """LIF neurons; the state is V and I."""

    flow: LeakyFlow

    def start(self, voltage: torch.Tensor, current: torch.Tensor) -> Pair:
        """The state of a voltage and a current."""
        threshold = float(self.flow.threshold)
        if bool((voltage.detach() >= threshold).any()):
            raise EventError(
                f"an initial voltage of {float(voltage.detach().max()):g} is not below the threshold {threshold:g}"
            )
        return voltage, current

    def respond(
        self, times: torch.Tensor, charges: torch.Tensor, state: Pair, end: float
    ) -> tuple[torch.Tensor, torch.Tensor, Pair]:
        """See `conductance.events.exact.leaky.respond_leaky`."""
        found, places, voltage, current = respond_leaky(self.flow, times, charges, *state, end)
        return found, places, (voltage, current)

    def wait(self, state: Pair) -> torch.Tensor:
        """Time until the next spike."""
        wait, exists = leaky_forms(self.flow)[1](*state)
        return torch.where((exists > 0) & (wait > 0), wait, torch.full_like(wait, torch.inf))

    def advance(self, state: Pair, duration: torch.Tensor) -> Pair:
        """The state after a duration without spike."""
        voltage, current = leaky_forms(self.flow)[0](*state, duration)
        return voltage, current

    def arrive(self, state: Pair, charge: torch.Tensor) -> Pair:
        """An input spike moves I."""
        return state[0], state[1] + charge

    def reset(self, state: Pair, spiking: torch.Tensor) -> Pair:
        """V = U_reset, whatever it was."""
        return torch.where(spiking, torch.full_like(state[0], float(self.flow.reset)), state[0]), state[1]

    def later(self, state: Pair, push: torch.Tensor, *, end: float, number: int) -> Pair | None:
        """A leaky neuron has none: its spikes appear in the middle of the trial."""
        return None

    def silence(self) -> str:
        """A leaky neuron can always be driven to spike."""
        return ""


def engine_of(neuron: Neuron, *, sharpness: float = SHARPNESS) -> QuadraticEngine | LeakyEngine:
    """The exact engine of a declared neuron at its default parameters; `sharpness` is that of `held_drive`.

    Raises:
        EventError: no exact event-based form is known for the neuron.
    """
    if neuron.noisy:
        raise EventError(
            f"event layer of {neuron.name}: it has noise, and between two events the exact flow has none; use a "
            f"layer on a time grid, or conductance.neurons.noisy.silent(neuron)"
        )
    quadratic = quadratic_flow(neuron)
    if quadratic is not None:
        tau = float(neuron.states[0].capacity.subs(neuron.substitutions()))
        return QuadraticEngine(flow=_shared(quadratic), tau=tau, sharpness=sharpness)
    leaky = leaky_flow(neuron)
    if leaky is not None:
        return LeakyEngine(flow=_shared(leaky))
    raise EventError(
        f"neuron {neuron.name}: no exact event-based form is known for it; allowed are quadratic neurons (qif, theta) "
        f"and synaptic_lif; step any other neuron on a time grid: NeuronLayer, fed by Spikes.binned"
    )


@cache
def _shared(flow: AnyFlow) -> AnyFlow:
    """The first flow that equals this one: flows of layers are compared at every step, and that is quick for one."""
    return flow


class _Wait(torch.autograd.Function):
    @staticmethod
    def forward(context: Any, steps: FlowForms, angle: torch.Tensor, current: torch.Tensor) -> torch.Tensor:
        p, q = torch.sin(angle), torch.cos(angle)
        p, q = torch.where(angle <= -torch.pi / 2, -torch.ones_like(p), p), q.clamp(min=0)
        q = torch.where(angle <= -torch.pi / 2, torch.zeros_like(q), q)
        (wait,) = steps.crossing(p, q, current, torch.zeros_like(p))
        (exists,) = steps.reach(p, q, current)
        wait = torch.where(exists > 0, wait, torch.full_like(wait, torch.inf))
        context.steps = steps
        context.save_for_backward(p, q, current, wait)
        return wait

    @staticmethod
    def backward(context: Any, gradient: torch.Tensor) -> tuple[torch.Tensor | None, ...]:
        p, q, current, wait = context.saved_tensors
        there = wait.isfinite()
        safe = torch.where(there, wait, torch.ones_like(wait))
        slopes = context.steps.crossing_gradient(p, q, current, safe)
        zero = torch.zeros_like(gradient)
        return None, *(torch.where(there, gradient * slope, zero) for slope in slopes)


class _Advance(torch.autograd.Function):
    @staticmethod
    def forward(
        context: Any, steps: FlowForms, angle: torch.Tensor, current: torch.Tensor, duration: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor]:
        p, q = torch.sin(angle), torch.cos(angle)
        a, b, c, d = steps.interval(current, duration)
        above, below = a * p + b * q, c * p + d * q
        flip = torch.where(below < 0, -1.0, 1.0).to(below.dtype)
        (decay,) = steps.decayed(duration)
        context.steps = steps
        context.save_for_backward(p, q, current, duration, torch.as_tensor(decay))
        return torch.atan2(above * flip, below * flip), current * decay

    @staticmethod
    def backward(
        context: Any, to_angle: torch.Tensor, to_current: torch.Tensor
    ) -> tuple[torch.Tensor | None, ...]:
        p, q, current, duration, decay = context.saved_tensors
        turn, push, drag = context.steps.interval_gradient(p, q, current, duration)
        to_duration = to_angle * drag + to_current * current * decay * context.steps.decay_rate
        return None, to_angle * turn, to_current * decay + to_angle * push, to_duration
