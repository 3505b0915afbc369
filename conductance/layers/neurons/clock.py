"""The clock of a layer: its step and rule, kept beside its numbers, and how long the step may be."""

import json
import math
from collections.abc import Mapping
from numbers import Real

import torch

from conductance.derivation.rules import Rule, derive
from conductance.layers.draws import beyond_band
from conductance.neurons.base import Neuron
from conductance.parameter import ParameterError
from conductance.shaping.step_check import check_step

CLOCK = "_extra_state"
"""The entry of a layer's state_dict that holds its dt and method."""


class StepError(ParameterError):
    """A layer's time step is too long for its rule, or not the one that its numbers were trained with."""


def checked_step(neuron: Neuron, dt: object) -> float:
    """A positive number in tau_m, or `ParameterError`; that of a map is 1, or `StepError`."""
    if isinstance(dt, bool) or not isinstance(dt, Real) or not 0 < float(dt) < math.inf:
        raise ParameterError(f"layer {neuron.name}: dt = {dt!r} must be a positive number, in units of tau_m")
    if neuron.is_map and dt != 1:
        raise StepError(
            f"layer {neuron.name}: dt = {dt:g}, but {neuron.name} is a map, which knows no time: give dt=1"
        )
    return float(dt)


def clock_bytes(dt: float, method: str) -> torch.Tensor:
    """dt and method as (byte,) uint8, so that every format of tensors can hold them."""
    return torch.tensor(list(json.dumps({"dt": dt, "method": method}).encode()), dtype=torch.uint8)


def check_clock(state: torch.Tensor, dt: float, method: str, owner: str) -> None:
    """Raise `StepError` unless `clock_bytes` made the state of this dt and method."""
    try:
        clock = json.loads(bytes(state.to(torch.uint8).tolist()))
        given = float(clock["dt"]), str(clock["method"])
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise StepError(f"{owner}: the state's clock cannot be read ({error!r})") from None
    if given != (dt, method):
        raise StepError(
            f"{owner}: the state was made with dt = {given[0]:g} and method {given[1]}, and this layer has "
            f"dt = {dt:g} and {method}; build the layer with dt={given[0]:g}, method={given[1]!r}"
        )


def check_length(rule: Rule, values: Mapping[str, torch.Tensor], dt: float, owner: str) -> None:
    """Raise `StepError` for the first neuron for which dt is above the largest stable step of the rule.

    Flicker noise whose band goes beyond half the sampling rate is refused, too.

    Args:
        rule: of the layer.
        values: (neuron,) of every parameter.
        dt: in tau_m.
        owner: the layer, as `layer lif`.
    """
    numbers = {name: value.detach().double().cpu().numpy() for name, value in values.items()}
    if (beyond := beyond_band(numbers, dt)) is not None:
        neuron, highest = beyond
        raise StepError(
            f"{owner}, neuron {neuron}: its flicker noise goes up to {highest:.4g}/tau_m, and steps of dt = {dt:g} "
            f"hold none above 1/(2 dt) = {0.5 / dt:.4g}/tau_m; end the band there or below, or use "
            f"dt <= {0.5 / highest:.4g}"
        )
    found = check_step(rule, numbers, dt)
    if found is None:
        return
    neuron, limit = found
    where = "after the reset, at" if limit.after_reset else "at"
    raise StepError(
        f"{owner}, neuron {neuron}: dt = {dt:g} is too long for the rule {rule.method}, which is stable up to "
        f"{limit.dt:.4g} ({where} {limit.voltage:.4g} V0 a longer step grows what should decay). Use "
        f"dt <= {limit.dt:.3g}, or another method (the default is {derive(rule.neuron).method})"
    )
