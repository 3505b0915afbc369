"""How fast the rules converge under noise: errors along paths and on average over the step, on the same paths."""

import math

import numpy as np
import sympy
import torch

from conductance import derive, mtc
from conductance.derivation.printers.torch import compiled
from conductance.elements import tanh
from conductance.neurons.base import INPUT, Neuron, State
from conductance.neurons.noisy import noisy
from excitable.trials import Result

PATHS = 20_000
KINDS = ("additive", "state-dependent")
HALVINGS = {False: 6, True: 9}
"""Of the finest step, where noise depends on the state or not: its strong order is that of short steps."""
FINER = 8
"""The truth of additive noise is the rule itself, with steps this much shorter than the finest that is judged."""
SEED = 3


def proportional() -> Neuron:
    """dv = -v dt + v dW, whose solution from 1 is exp(-3 t/2 + W)."""
    v = sympy.Symbol("v", real=True)
    state = State(
        name="v", symbol=v, meaning="voltage", currents={"leak": -v, "input": INPUT}, noise={"leak": v},
        initial=sympy.S.One,
    )  # fmt: skip
    return Neuron(name="proportional", meaning="a membrane", parameters=(), states=(state,), output=v)


def ends(neuron: Neuron, draws: torch.Tensor, dt: float) -> torch.Tensor:
    """(path,) of the membrane at the end of the rule's steps under draws (step, path)."""
    rule = derive(neuron, "forward_euler")
    step, prelude = compiled(rule.body, "step"), compiled(rule.prelude, "constants")
    values = [torch.tensor(value, dtype=torch.float64) for value in (*neuron.defaults.values(), dt)]
    constants = prelude(*values)
    state = tuple(torch.full_like(draws[0], start) for start in neuron.initial_state())
    still = torch.zeros_like(draws[0])
    for draw in draws:
        *state, _ = step(*state, still, *constants, draw)  # type: ignore[assignment]
    return state[0]


def orders(kind: str) -> Result:
    """Errors of one of `KINDS` after one tau_m over the step, along paths (mean size) and on average (mean, square)."""
    state_dependent = kind == KINDS[1]
    finer = 1 if state_dependent else FINER
    finest = 2 ** HALVINGS[state_dependent]
    fine = 1.0 / (finest * finer)
    random = torch.Generator().manual_seed(SEED)
    draws = torch.randn(finest * finer, PATHS, generator=random, dtype=torch.float64)
    if state_dependent:
        neuron, power = proportional(), 1
        truth = torch.exp(-1.5 + draws.sum(0) * math.sqrt(fine))
    else:
        neuron = noisy(mtc((tanh("fast", -0.8),)), {"leak": 0.4}).with_values(U_rest=0.5)
        power, truth = 2, ends(neuron, draws, fine)
    steps, strong, weak = [], [], []
    dt = fine
    while len(draws) > 2:
        if len(draws) <= finest:
            found = ends(neuron, draws, dt)
            steps.append(dt)
            strong.append(float((found - truth).abs().mean()))
            weak.append(abs(float((found**power - truth**power).mean())))
        draws, dt = (draws[0::2] + draws[1::2]) / math.sqrt(2), 2 * dt
    along = np.polyfit(np.log(steps[:4]), np.log(strong[:4]), 1)[0]
    average = np.polyfit(np.log(steps[-4:]), np.log(weak[-4:]), 1)[0]
    return {"steps": steps, "strong": strong, "weak": weak, "orders": [float(along), float(average)]}
