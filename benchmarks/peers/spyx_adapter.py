"""spyx: its LIF neuron in a JAX scan, compiled by XLA; with and without rematerialisation."""

import jax
import jax.numpy as jnp
import spyx.nn as snn
from flax import nnx

from benchmarks.measurement import Candidate, Shape


def candidates() -> list[Candidate]:
    """LIF with the default surrogate."""
    return [
        Candidate(name="scan", neuron="LIF", build=lambda shape: _build(shape, remat=False)),
        Candidate(name="scan, rematerialised", neuron="LIF", build=lambda shape: _build(shape, remat=True)),
    ]


def _build(shape: Shape, *, remat: bool):
    neuron = snn.LIF((shape.width,), beta=0.9, rngs=nnx.Rngs(0))
    keys = jax.random.split(jax.random.key(0), 2)
    inputs, seeds = (jax.random.uniform(key, (shape.steps, shape.batch, shape.width)) for key in keys)
    start = jnp.zeros((shape.batch, shape.width))

    def step(voltage, current):
        spikes, voltage = neuron(current, voltage)
        return voltage, spikes

    chosen = jax.checkpoint(step) if remat else step

    def run(x):
        return jax.lax.scan(chosen, start, x)[1]

    def both(x, seed):
        _, back = jax.vjp(run, x)
        return back(seed)[0]

    forward, training = jax.jit(run), jax.jit(both)
    return (
        lambda: forward(inputs).block_until_ready(),
        lambda: training(inputs, seeds).block_until_ready(),
    )
