"""Our own JAX form of the public algorithm: the whole network goes from event to event in one scan over all spikes.

At every step the next spike of each neuron is computed in closed form, the earliest event is taken, all neurons move
there; gradients are JAX's through the scan. So is spikegd's loop (arXiv 2309.14523) built. The step is compiled once,
and an epoch is one call.
"""

from collections.abc import Callable
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import optax

FAR = 1e6
"""The voltage that stands for infinity."""
TINY = 1e-9


def forms() -> dict[tuple[str, str], Callable]:
    """The same loop in both precisions."""
    names = {
        "float32": f"loop as a scan in JAX {jax.__version__}, float32",
        "float64": f"loop as a scan in JAX {jax.__version__}, float64",
    }
    return {(name, "QIF"): partial(_build, dtype=dtype) for dtype, name in names.items()}


def _build(data: dict, dtype: str) -> Callable[[], float]:
    jax.config.update("jax_enable_x64", dtype == "float64")
    times, labels = jnp.asarray(data["times"], dtype), jnp.asarray(data["labels"])
    hidden, inputs = data["hidden"].shape
    outputs = data["output"].shape[0]
    events, batch, end = int(data["events"]), int(data["batch"]), float(data["end"])
    batches = (times.reshape(-1, batch, inputs), labels.reshape(-1, batch))
    weights = {name: jnp.asarray(data[name], dtype) for name in ("hidden", "output")}
    weights["voltage"] = jnp.zeros(hidden + outputs, dtype)
    optimiser = optax.chain(
        optax.clip_by_global_norm(float(data["clip"])), optax.adam(float(data["learning_rate"]))
    )
    trial = partial(_first_spikes, events=events, end=end)
    loss = partial(_loss, trial, end=end, tau=float(data["loss_tau"]), regulariser=float(data["regulariser"]))

    @jax.jit
    def epoch(state: tuple, batches: tuple) -> tuple:
        def step(state: tuple, batch: tuple) -> tuple:
            weights, memory = state
            value, slopes = jax.value_and_grad(loss)(weights, batch)
            change, memory = optimiser.update(slopes, memory)
            return (optax.apply_updates(weights, change), memory), value

        return jax.lax.scan(step, state, batches)

    state = (weights, optimiser.init(weights))

    def run() -> float:
        nonlocal state
        state, losses = epoch(state, batches)
        return float(np.mean(np.asarray(losses)))

    return run


def _loss(
    trial: Callable, weights: dict, batch: tuple, *, end: float, tau: float, regulariser: float
) -> jax.Array:
    times, labels = batch
    first = jax.vmap(partial(trial, weights))(times)
    right = jnp.take_along_axis(first, labels[:, None], 1)[:, 0]
    entropy = optax.softmax_cross_entropy_with_integer_labels(-first / tau, labels)
    return jnp.mean(entropy + regulariser * jnp.expm1(right / end))


def _first_spikes(weights: dict, times: jax.Array, *, events: int, end: float) -> jax.Array:
    """First spike or pseudospike of each output neuron."""
    hidden, outputs = weights["hidden"].shape[0], weights["output"].shape[0]
    size = hidden + outputs
    order = jnp.argsort(times)
    arrivals = jnp.append(times[order], jnp.inf)
    inward = jnp.concatenate([weights["hidden"], jnp.zeros((outputs, len(times)), times.dtype)])[:, order]
    inward = jnp.concatenate([inward, jnp.zeros((size, 1), times.dtype)], 1)
    inside = jnp.zeros((size, size), times.dtype).at[hidden:, :hidden].set(weights["output"])

    def step(state: tuple, _: None) -> tuple:
        now, voltage, current, pointer = state
        waits = _wait(voltage, current)
        spiking = jnp.argmin(waits)
        arrival = arrivals[pointer] - now
        own = waits[spiking] <= arrival
        until = jnp.minimum(jnp.where(own, waits[spiking], arrival), end - now)
        happens = now + until < end
        voltage, current = _flow(voltage, current, until)
        spike = own & happens
        voltage = jnp.where(spike & (jnp.arange(size) == spiking), -FAR, voltage)
        charge = jnp.where(own, inside[:, spiking], inward[:, pointer])
        current = current + jnp.where(happens, charge, 0.0)
        pointer = pointer + (~own & happens)
        now = now + until
        return (now, voltage, current, pointer), (now, jnp.where(spike, spiking, -1))

    start = (jnp.zeros((), times.dtype), weights["voltage"], jnp.zeros(size, times.dtype), 0)
    (_, voltage, current, _), (spikes, senders) = jax.lax.scan(step, start, None, length=events)
    late, rates = _later(voltage[:hidden], current[:hidden], end)
    late, _ = _later(voltage[hidden:], current[hidden:] + weights["output"] @ rates, end)
    mine = senders[:, None] == jnp.arange(hidden, size)
    first = jnp.min(jnp.where(mine, spikes[:, None], jnp.inf), 0)
    return jnp.where(jnp.isfinite(first), first, late)


def _wait(voltage: jax.Array, current: jax.Array) -> jax.Array:
    up, down = jnp.sqrt(jnp.maximum(current, TINY)), jnp.sqrt(jnp.maximum(-current, TINY))
    turning = (jnp.pi / 2 - jnp.arctan(voltage / up)) / up
    ratio = jnp.clip(down / jnp.maximum(voltage, TINY), 0, 1 - 1e-6)
    place = jnp.where(current > 0, turning, jnp.arctanh(ratio) / down)
    there = (place < 1) & ((current > 0) | (voltage > down))
    return jnp.where(there, -jnp.log1p(-jnp.where(there, place, 0.5)), jnp.inf)


def _flow(voltage: jax.Array, current: jax.Array, duration: jax.Array) -> tuple[jax.Array, jax.Array]:
    shrink, span = jnp.exp(-duration), -jnp.expm1(-duration)
    up, down = jnp.sqrt(jnp.maximum(current, TINY)), jnp.sqrt(jnp.maximum(-current, TINY))
    cosine = jnp.where(current > 0, jnp.cos(up * span), jnp.cosh(down * span))
    sine = jnp.where(current > 0, jnp.sin(up * span) / up, jnp.sinh(down * span) / down)
    below = cosine - sine * voltage
    below = jnp.where(jnp.abs(below) < TINY, TINY, below)
    moved = shrink * (cosine * voltage + current * sine) / below
    return jnp.clip(moved, -FAR, FAR), current * shrink**2


def _later(voltage: jax.Array, current: jax.Array, end: float) -> tuple[jax.Array, jax.Array]:
    root = jnp.sqrt(jax.nn.softplus(current))
    phase = (jnp.arctan((voltage - 0.5) / root) + jnp.pi / 2) / root
    return end + jnp.pi / root - phase, phase * root / jnp.pi
