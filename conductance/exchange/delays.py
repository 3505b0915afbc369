"""NIR's Delay, in seconds, as a whole number of steps."""

from typing import Any

import numpy as np

from conductance.exchange.conventions import ExchangeError
from conductance.layers.fixed import Delay, FixedLayer
from conductance.layers.fixed.delay import LONGEST

WHOLE = 1e-4
"""Largest distance from a whole number of steps, in steps: files in single precision have rounded seconds."""


def delay_node(nir: Any, name: str, layer: FixedLayer, dt: float) -> Any:
    """A Delay as NIR's, in s.

    Raises:
        ExchangeError: another layer without weights.
    """
    if not isinstance(layer, Delay):
        raise ExchangeError(
            f"layer {name}: {type(layer).__name__} is not written as NIR; keep the network as model.json and "
            f"model.safetensors (save_network)"
        )
    return nir.Delay(delay=np.array(layer.steps, float) * dt)


def delay_of(name: str, node: Any, width: int, dt: float) -> Delay:
    """NIR's Delay in steps of dt seconds.

    Raises:
        ExchangeError: another number of delays than signals, or one that is no whole number of steps.
    """
    given = np.asarray(node.delay, float).ravel()
    if given.size not in (1, width):
        raise ExchangeError(f"node {name}: delay has {given.size} numbers, and {width} signals come in")
    with np.errstate(invalid="ignore", over="ignore", divide="ignore"):
        steps = given / dt
        off = ~(np.abs(steps - np.round(steps)) <= WHOLE) | ~(np.round(steps) >= 0) | (steps > LONGEST)
    if off.any():
        place = int(np.argmax(off))
        raise ExchangeError(
            f"node {name}: delay[{place}] is {given[place]:g} s, which is {steps[place]:g} steps of dt = {dt:g} s; it "
            f"must be a whole number of 0 to {LONGEST} steps: give a dt that divides it"
        )
    return Delay(width, np.broadcast_to(np.round(steps).astype(int), width).tolist())
