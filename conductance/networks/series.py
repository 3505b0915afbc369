"""Networks for series: projection, layers of neurons, linear readout, low-pass filter."""

from collections.abc import Collection, Mapping, Sequence

import torch

from conductance.errors import ExcitableError
from conductance.layers import NeuronLayer, Projection, Recurrence
from conductance.networks.chain import Network
from conductance.networks.plans import GivenLoop, LayerPlan, RandomLoop, Start
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
    values: Mapping[str, Start] | None = None,
    backend: str = "auto",
    generator: torch.Generator | None = None,
    loop: RandomLoop | GivenLoop | None = None,
    initial: Mapping[str, float | Sequence[float]] | None = None,
    input_gain: float | None = None,
    bias: float | Spread | None = None,
) -> Network:
    """The layers `encoder`, `hidden`, `readout` and `filter`, started by a recipe.

    That the readout is linear and the filter of order 4 is published (digests of arXiv 2605.11835).

    Args:
        recipe: see `LayerPlan`.
        inputs: input features.
        hidden: hidden neurons.
        outputs: output features.
        dt: time step, and time for which an input is held, in tau_m.
        low_pass_tau: time constant of each of the filter's four sections, in tau_m.
        method: see `LayerPlan`.
        trainable: see `LayerPlan`.
        values: see `LayerPlan`.
        backend: what steps the neurons, see `NeuronLayer`.
        generator: source of all random numbers.
        loop: recurrent weights of the hidden layer.
        initial: see `LayerPlan`.
        input_gain: see `LayerPlan`.
        bias: see `LayerPlan`.

    Raises:
        ExcitableError: a parameter the neuron lacks, or a value outside its bounds.
    """
    if not isinstance(recipe, Recipe):
        raise ExcitableError(
            f"series_network takes a recipe, received {recipe!r}; write RECIPES[name], or recipe_of(neuron) for a "
            f"neuron of your own"
        )
    plan = LayerPlan(
        name="hidden",
        recipe=recipe,
        size=hidden,
        method=method,
        trainable=trainable,
        values=values or {},
        loop=loop,
        initial=initial or {},
        input_gain=input_gain,
        bias=bias,
    )
    return layered_network(
        [plan], inputs=inputs, outputs=outputs, dt=dt, low_pass_tau=low_pass_tau, backend=backend, generator=generator
    )  # fmt: skip


def layered_network(
    plans: Sequence[LayerPlan],
    *,
    inputs: int,
    outputs: int,
    dt: float,
    low_pass_tau: float,
    backend: str = "auto",
    generator: torch.Generator | None = None,
) -> Network:
    """The layers `encoder`, each plan's with the projection `to_<name>` before it, `readout` and `filter`.

    The encoder's bias is the neurons' resting current, the readout and the filter are linear, and the last layer's
    output is the prediction: (time, batch, inputs) to (time, batch, outputs).

    Args:
        plans: the layers of neurons in depth, at least one.
        inputs: input features.
        outputs: output features.
        dt: time step, and time for which an input is held, in tau_m.
        low_pass_tau: time constant of each of the filter's four sections, in tau_m.
        backend: what steps the neurons, see `NeuronLayer`.
        generator: source of all random numbers.

    Raises:
        ExcitableError: no layer, two of a name, a parameter a neuron lacks, or a value outside its bounds.
    """
    layers: dict[str, Projection | NeuronLayer] = {}
    width = inputs
    for place, plan in enumerate(plans):
        weights, neurons = _layer(plan, width, dt=dt, backend=backend, generator=generator)
        for name, layer in (("encoder" if place == 0 else f"to_{plan.name}", weights), (plan.name, neurons)):
            if name in layers:
                raise ExcitableError(f"network: two layers are named {name}; rename one")
            layers[name] = layer
        width = plan.size
    if not layers:
        raise ExcitableError("network: it has no layer of neurons; give at least one")
    readout = Projection(width, outputs, generator=generator)
    smoothing = low_pass(order=FILTER_ORDER, tau=low_pass_tau)
    filtering = NeuronLayer(smoothing, outputs, dt=dt, method=FILTER_METHOD, backend=backend)
    return Network({**layers, "readout": readout, "filter": filtering})


def _layer(
    plan: LayerPlan, inputs: int, *, dt: float, backend: str, generator: torch.Generator | None
) -> tuple[Projection, NeuronLayer]:
    """A layer's weights and its neurons."""
    recipe, size = plan.recipe, plan.size
    weights = Projection(inputs, size, generator=generator)
    start = {**recipe.start, **plan.values}
    drawn = {name: v.draw(size, generator) if isinstance(v, Spread) else v for name, v in start.items()}
    with torch.no_grad():
        weights.weight.mul_(recipe.input_gain if plan.input_gain is None else plan.input_gain)
        weights.bias.copy_(_bias(plan).draw(size, generator))
    # a map takes one step per input, however long that is
    step = 1.0 if recipe.neuron.is_map else dt
    neurons = NeuronLayer(
        recipe.neuron, size, dt=step, method=recipe.method if plan.method is None else plan.method, values=drawn,
        trainable=recipe.trainable if plan.trainable is None else plan.trainable, backend=backend,
        recurrent=_recurrence(plan.loop, size, generator), initial=plan.initial,
    )  # fmt: skip
    return weights, neurons


def _bias(plan: LayerPlan) -> Spread:
    """Where each neuron draws its resting current from."""
    if plan.bias is None:
        return plan.recipe.bias
    return plan.bias if isinstance(plan.bias, Spread) else Spread(lower=plan.bias, upper=plan.bias)


def _recurrence(
    loop: RandomLoop | GivenLoop | None, size: int, generator: torch.Generator | None
) -> Recurrence | None:
    """The weights of a loop, drawn or given."""
    if loop is None:
        return None
    if isinstance(loop, GivenLoop):
        weights = torch.tensor(loop.weights, dtype=torch.get_default_dtype())
        return Recurrence(weights, source=loop.source, tau=loop.tau, trainable=loop.trainable)
    return Recurrence.random(
        size, spectral_radius=loop.spectral_radius, density=loop.density, source=loop.source, tau=loop.tau,
        trainable=loop.trainable, generator=generator,
    )  # fmt: skip
