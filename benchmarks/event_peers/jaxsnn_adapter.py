"""jaxsnn: LIF neurons that spike once, as in its own Yin-Yang examples, with its loss and optimiser."""

from collections.abc import Callable
from functools import partial
from importlib.metadata import version

import jax
import jax.numpy as jnp
import numpy as np
import optax
from jaxsnn.event.encode import spatio_temporal_encode, target_temporal_encode
from jaxsnn.event.loss import mse_loss
from jaxsnn.event.modules import LIF, LIFParameters, Linear, Source
from jaxsnn.event.topology import Topology
from jaxsnn.event.training import update
from jaxsnn.event.types import OptState
from jaxsnn.examples.event.utils import loss_wrapper

TAU = 1.0
ON_TIME, LATE = 0.45, 0.55
"""Target times of the right neuron and of the others, in units of TAU, as in its example."""


def forms() -> dict[tuple[str, str], Callable]:
    """Both of its ways to the gradient."""
    code = f"jaxsnn {version('jaxsnn')}"
    return {
        (f"{code}, {method}", "LIF, one spike"): partial(_build, method=method)
        for method in ("analytical", "eventprop")
    }


def _build(data: dict, method: str) -> Callable[[], float]:
    hidden, inputs = data["hidden"].shape
    outputs, batch, end = data["output"].shape[0], int(data["batch"]), float(data["end"])
    neuron = LIFParameters(v_reset=-1000.0, v_th=1.0, tau_syn=TAU / 2, tau_mem=TAU)
    builder = Topology(t_max=end, backprop_method=method)
    builder.add(
        {
            "inp": Source(inputs),
            "lif1": LIF(hidden, hidden + inputs, neuron),
            "lif2": LIF(outputs, hidden + inputs + outputs, neuron),
            "syn1": Linear(mean=3.0, std=1.6, min_delay=0.0),
            "syn2": Linear(mean=0.5, std=0.8, min_delay=0.0),
        }
    )
    builder.connect([("inp", "syn1"), ("syn1", "lif1"), ("lif1", "syn2"), ("syn2", "lif2")])
    draw, apply = builder.done()
    weights = draw(jax.random.PRNGKey(0))
    encode = jax.vmap(partial(spatio_temporal_encode, t_late=1.0, duplication=1, duplicate_neurons=False))
    target = jax.vmap(
        partial(
            target_temporal_encode, n_classes=outputs, correct_target_time=ON_TIME * TAU,
            wrong_target_time=LATE * TAU,
        )
    )  # fmt: skip
    given = ({"inp": encode(jnp.asarray(data["times"], "float32"))}, target(jnp.asarray(data["labels"])))
    batches = jax.tree.map(lambda values: values.reshape(-1, batch, *values.shape[1:]), given)
    optimiser = optax.chain(
        optax.scale(2.0 / TAU), optax.clip(0.01), optax.adam(float(data["learning_rate"]))
    )
    loss = partial(loss_wrapper, apply, mse_loss, TAU, "lif2", outputs)
    epoch = jax.jit(lambda state, batches: jax.lax.scan(partial(update, optimiser, loss), state, batches))
    state = OptState(optimiser.init(weights), weights, jax.random.PRNGKey(1))

    def run() -> float:
        nonlocal state
        state, ((losses, _), _) = epoch(state, batches)
        return float(np.mean(np.asarray(losses)))

    return run
