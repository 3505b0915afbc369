"""The network for series: projection, a hidden layer of neurons, linear readout, low-pass filter."""

from collections.abc import Collection, Mapping

import torch

from conductance.layers import NeuronLayer, Projection
from conductance.networks.chain import Network
from conductance.networks.recipes import Recipe, Spread
from conductance.neurons import low_pass

FILTER_ORDER = 4
FILTER_METHOD = "alternating_euler"
"""Stable at every step, and without a net delay between the hidden layer and the filter's output. With all sections
advancing at once the output came one step late, which cost the circuit 9 % of the task's error."""


def series_network(
    recipe: Recipe,
    *,
    inputs: int,
    hidden: int,
    outputs: int,
    dt: float,
    low_pass_tau: float,
    method: str | None = None,
    trainable: Collection[str] | None = None,
    values: Mapping[str, float | torch.Tensor | Spread] | None = None,
    backend: str = "auto",
    generator: torch.Generator | None = None,
) -> Network:
    """The layers `encoder`, `hidden`, `readout` and `filter`, started by a recipe.

    The encoder's bias is the neurons' resting current, the readout and the filter are linear, and the last layer's
    output is the prediction: (time, batch, inputs) to (time, batch, outputs).
    That the readout is linear and the filter of order 4 is published (digests of arXiv 2605.11835).

    Args:
        recipe: the hidden neuron, its start and what is trained; `RECIPES` holds those of the package. For a neuron
            of your own: `recipe_of(neuron)`, `Recipe(neuron=..., ...)`, or
            `dataclasses.replace(RECIPES["mtc"], neuron=mtc(...))`.
        inputs: input features.
        hidden: hidden neurons.
        outputs: output features.
        dt: time step, and time for which an input is held, in tau_m.
        low_pass_tau: time constant of each of the filter's four sections, in tau_m.
        method: update rule of the hidden layer; None is the recipe's.
        trainable: parameters of the hidden neurons to train; None is the recipe's.
        values: start of parameters, replacing the recipe's: one number, one per neuron, or a spread.
        backend: what steps the neurons, see `NeuronLayer`.
        generator: source of all random numbers.

    Raises:
        ExcitableError: a parameter the neuron lacks, or a value outside its bounds.
    """
    encoder = Projection(inputs, hidden, generator=generator)
    start = {**recipe.start, **(values or {})}
    drawn = {name: v.draw(hidden, generator) if isinstance(v, Spread) else v for name, v in start.items()}
    with torch.no_grad():
        encoder.weight.mul_(recipe.input_gain)
        encoder.bias.copy_(recipe.bias.draw(hidden, generator))
    neurons = NeuronLayer(
        recipe.neuron, hidden, dt=dt, method=recipe.method if method is None else method, values=drawn,
        trainable=recipe.trainable if trainable is None else trainable, backend=backend,
    )  # fmt: skip
    readout = Projection(hidden, outputs, generator=generator)
    smoothing = low_pass(order=FILTER_ORDER, tau=low_pass_tau)
    filtering = NeuronLayer(smoothing, outputs, dt=dt, method=FILTER_METHOD, backend=backend)
    return Network({"encoder": encoder, "hidden": neurons, "readout": readout, "filter": filtering})
