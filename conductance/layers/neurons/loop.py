"""The loop of a layer over time: a generated kernel where one can be had, the eager step of torch elsewhere."""

from collections.abc import Callable
from dataclasses import dataclass

import torch

from conductance.derivation.rules import Rule
from conductance.kernels.backend import kernel_name, recurrent_kernel_name, run, used
from conductance.kernels.recurrent.operator import run_recurrent
from conductance.layers.draws import draws
from conductance.layers.weights.recurrence import Recurrence

MEMBRANE = 0
"""The place of the membrane among a neuron's states."""

States = tuple[torch.Tensor, ...]


@dataclass(frozen=True, kw_only=True)
class Loop:
    """What a layer's steps are made of.

    Attributes:
        rule: of the layer.
        step: its body as a function of states, input, constants and draws.
        backend: that was asked for.
        constants: (neuron,) each, functions of the parameters and dt.
        dt: in tau_m.
        recurrent: weights back to the layer's own neurons; None for none.
    """

    rule: Rule
    step: Callable[..., States]
    backend: str
    constants: States
    dt: float
    recurrent: Recurrence | None = None

    def __call__(
        self, inputs: torch.Tensor, state: States, seed: int, record: list | None, voltages: list | None
    ) -> tuple[torch.Tensor, States]:
        """Step through time.

        Args:
            inputs: (time, batch, neuron).
            state: (batch, neuron) each; of a recurrent layer the last is what arrives.
            seed: of the noise.
            record: receives the states after every step; None for none, and then a kernel may step.
            voltages: receives the membrane after every step, (time, batch, neuron); None for none.

        Returns:
            The outputs (time, batch, neuron), and the final states.
        """
        if record is None:
            name = self._kernel(inputs, state, None if voltages is None else MEMBRANE)
            if name:
                return _told(self._by_kernel(name, inputs, state, seed), voltages)
        return self._by_torch(inputs, state, seed, record, voltages)

    def used(self, inputs: torch.Tensor, state: States) -> str:
        """The back end of such a call, "c", "triton" or "eager"."""
        return used(self._kernel(inputs, state, None))

    def _kernel(self, inputs: torch.Tensor, state: States, course: int | None) -> str:
        if self.recurrent is None:
            return kernel_name(self.backend, self.rule, inputs, state, self.constants, course)
        weights = self.recurrent.weights()
        return recurrent_kernel_name(self.backend, self.rule, inputs, state, self.constants, weights, course)

    def _by_kernel(
        self, name: str, inputs: torch.Tensor, state: States, seed: int
    ) -> tuple[torch.Tensor, States]:
        own = self.recurrent
        if own is None:
            return run(name, inputs, state, self.constants, seed)
        return run_recurrent(
            name, inputs, state, self.constants, own.weights(), share=own.share(self.dt),
            place=own.state_index(self.rule.neuron), seed=seed,
        )  # fmt: skip

    def _by_torch(
        self, inputs: torch.Tensor, state: States, seed: int, record: list | None, voltages: list | None
    ) -> tuple[torch.Tensor, States]:
        own, neuron = self.recurrent, self.rule.neuron
        states, arriving = list(state[: len(neuron.states)]), state[len(neuron.states) :]
        if own is not None:
            weights, share, place = own.weights(), own.share(self.dt), own.state_index(neuron)
        outputs, course = [], []
        # unbind, never inputs[t]: the backward pass of an index writes the whole tensor at every step
        for given, noise in zip(inputs.unbind(0), draws(neuron, inputs, seed), strict=True):
            current = given if own is None else given + arriving[0] @ weights.T
            *states, output = self.step(*states, current, *self.constants, *noise)
            if own is not None:
                source = output if place is None else states[place]
                arriving = (source if own.tau is None else arriving[0] + share * (source - arriving[0]),)
            outputs.append(output)
            if voltages is not None:
                course.append(states[MEMBRANE])
            if record is not None:
                record.append(tuple(states))
        if voltages is not None:
            voltages.append(torch.stack(course))
        return torch.stack(outputs), (*states, *arriving)


def _told(found: tuple, voltages: list | None) -> tuple[torch.Tensor, States]:
    """What a kernel found, with the voltages behind its outputs put where they are wanted."""
    if voltages is None:
        return found
    (outputs, course), state = found
    voltages.append(course)
    return outputs, state
