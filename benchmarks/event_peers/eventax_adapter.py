"""eventax: QIF neurons, integrated by a solver with event detection, at its default step."""

from collections.abc import Callable
from functools import partial
from importlib.metadata import version

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import optax
from eventax.evnn import FFEvNN
from eventax.neuron_models import QIF


def forms() -> dict[tuple[str, str], Callable]:
    """Its QIF network."""
    return {(f"eventax {version('eventax')}, Euler steps of 0.01 tau", "QIF"): _build}


def _build(data: dict) -> Callable[[], float]:
    hidden, inputs = data["hidden"].shape
    outputs, batch, end = data["output"].shape[0], int(data["batch"]), float(data["end"])
    weights = np.zeros((hidden + outputs + inputs, hidden + outputs), dtype="float32")
    weights[:hidden, hidden:] = data["output"].T
    weights[hidden + outputs :, :hidden] = data["hidden"].T
    network = FFEvNN(
        [hidden, outputs], inputs, QIF, max_solver_time=end, key=jax.random.PRNGKey(0), solver_stepsize=0.01,
        max_event_steps=int(data["events"]) + 8, output_no_spike_value=end, tmem=1.0, tsyn=0.5,
        init_weights=jnp.asarray(weights), init_bias=0.0,
    )  # fmt: skip
    times, labels = jnp.asarray(data["times"], "float32")[:, :, None], jnp.asarray(data["labels"])
    batches = [(times[k : k + batch], labels[k : k + batch]) for k in range(0, len(labels), batch)]
    optimiser = optax.chain(
        optax.clip_by_global_norm(float(data["clip"])), optax.adam(float(data["learning_rate"]))
    )
    memory = optimiser.init(eqx.filter(network, eqx.is_inexact_array))
    loss = partial(_loss, tau=float(data["loss_tau"]))

    @eqx.filter_jit
    def step(network: FFEvNN, memory: tuple, batch: tuple) -> tuple:
        value, slopes = eqx.filter_value_and_grad(loss)(network, batch)
        change, memory = optimiser.update(slopes, memory)
        return eqx.apply_updates(network, change), memory, value

    def run() -> float:
        nonlocal network, memory
        losses = []
        for part in batches:
            network, memory, value = step(network, memory, part)
            losses.append(value)
        return float(np.mean(np.asarray(losses)))

    return run


def _loss(network: FFEvNN, batch: tuple, *, tau: float) -> jax.Array:
    times, labels = batch
    first = jax.vmap(network.ttfs)(times)
    return jnp.mean(optax.softmax_cross_entropy_with_integer_labels(-first / tau, labels))
