"""Which draws of noise a circuit sees: the model's own, as voltages of sources."""

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
import sympy

from circuits.data.circuit import GROUND, CircuitError, HeldWaveform, VoltageSource
from circuits.data.scaling import Scaling
from circuits.realisations.noise import noise_pin
from conductance.derivation import derive
from conductance.derivation.methods import EXPONENTIAL_EULER
from conductance.derivation.threefry import LARGEST_SEED, SCALE, start, sums
from conductance.neurons.base import Neuron, State
from conductance.shaping.convergence import stepped


@dataclass(frozen=True, kw_only=True)
class CircuitDraws:
    """The draws of a model's run: what `NeuronLayer` draws in its first series with the same seed and step.

    Attributes:
        seed: of the noise, 0 to 2^32 - 1.
        dt: the model's step in tau_m; a draw holds for it.
        steps: how many there are; after the last one, it stays.
        edge: duration of the change from one draw to the next, as a share of dt. With 1 lines join the middles, whose
            density far below 1/dt is that of steps, and ngspice takes the longest steps of its own.
    """

    seed: int
    dt: float
    steps: int
    edge: float = 1.0

    def __post_init__(self) -> None:
        if (
            isinstance(self.seed, bool)
            or not isinstance(self.seed, int)
            or not 0 <= self.seed <= LARGEST_SEED
        ):
            raise CircuitError(f"noise: seed = {self.seed!r}; allowed are 0 to {LARGEST_SEED}")
        if not (math.isfinite(self.dt) and self.dt > 0):
            raise CircuitError(f"noise: dt = {self.dt!r} tau_m must be positive")
        if isinstance(self.steps, bool) or not isinstance(self.steps, int) or self.steps < 1:
            raise CircuitError(f"noise: steps = {self.steps!r}; there must be at least one")
        if not 0 < self.edge <= 1:
            raise CircuitError(f"noise: edge = {self.edge!r} of a step must lie in (0, 1]")

    def numbers(self, lane: int, source: int) -> np.ndarray:
        """The draws (step,) of variance 1 of a neuron and of one of its states, by its place among the noisy ones."""
        return np.asarray(sums(np.int64(lane), np.arange(self.steps), self.seed, source) * SCALE)

    def process(self, neuron: Neuron, state: State, lane: int, source: int) -> np.ndarray:
        """A random process (step,) of a neuron's declaration as the model's exponential rule steps it."""
        alone = replace(neuron, states=(state,), output=state.symbol, event=None, arrivals={}, elements=())
        values = neuron.substitutions()
        middle, spread = (float(sympy.sympify(each).subs(values)) for each in (state.initial, state.spread))
        begin = middle + spread * float(start(np.int64(lane), self.seed, source))
        rule = derive(alone, EXPONENTIAL_EULER.name)
        path, _ = stepped(
            rule, np.zeros(self.steps), self.dt, start=(begin,), noise=self.numbers(lane, source)[:, None]
        )
        return np.asarray(path[:-1, 0])

    def sources(
        self, neuron: Neuron, scaling: Scaling, *, lane: int = 0, prefix: str = ""
    ) -> Iterator[VoltageSource]:
        """A source for each noisy state of a neuron, at the node of its pin behind `prefix`."""
        hold = self.dt * scaling.time_unit
        times = tuple((hold * np.arange(self.steps)).tolist())
        for source, state in enumerate(neuron.noisy):
            if state in neuron.processes:
                node = prefix + state.name
                values = scaling.voltage_unit * self.process(neuron, state, lane, source)
            else:
                node = prefix + noise_pin(state.name)
                values = self.numbers(lane, source) / math.sqrt(self.dt)
            yield VoltageSource(
                name=f"v_{node}", positive=node, negative=GROUND, note="draws of noise",
                waveform=HeldWaveform(times=times, values=tuple(values.tolist()), edge=self.edge * hold),
            )  # fmt: skip


def needed(draws: CircuitDraws | None, neuron: Neuron) -> CircuitDraws | None:
    """The draws, where the neuron has noise; `CircuitError` where one is there without the other."""
    if draws is None and neuron.noisy:
        raise CircuitError(
            f"neuron {neuron.name}: its currents are declared with noise; say which draws its circuit sees by "
            f"noise=CircuitDraws(...), or build it without: conductance.neurons.noisy.silent(neuron)"
        )
    if draws is not None and not neuron.noisy:
        raise CircuitError(f"neuron {neuron.name}: draws of noise are given, but its currents have none")
    return draws
