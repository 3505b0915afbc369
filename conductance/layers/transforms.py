"""How a bounded parameter is trained: the map between its value and the free number that the optimiser moves."""

import math

import torch

from conductance.parameter import Parameter


def constrained(raw: torch.Tensor, parameter: Parameter) -> torch.Tensor:
    """The value of a parameter from its free number: never outside its bounds, and with a gradient everywhere.

    A bound without a transform holds by the nearest legal value; the gradient passes as if the value had moved.
    """
    if parameter.transform == "softplus":
        return torch.nn.functional.softplus(raw) + parameter.lower
    if parameter.transform == "log":
        return torch.exp(raw) + parameter.lower
    if parameter.lower == -math.inf and parameter.upper == math.inf:
        return raw
    lower, upper = (raw.detach().new_tensor(bound) for bound in (parameter.lower, parameter.upper))
    if parameter.lower_open:
        lower = torch.nextafter(lower, upper)
    if parameter.upper_open:
        upper = torch.nextafter(upper, lower)
    inside = torch.where(raw < lower, lower, torch.where(raw > upper, upper, raw)).detach()
    return torch.where(inside == raw, raw, inside + (raw - raw.detach()))


def unconstrained(value: torch.Tensor, parameter: Parameter) -> torch.Tensor:
    """The free number of a value, the inverse of `constrained`.

    Raises:
        ParameterError: a value outside the bounds, or NaN.
    """
    for number in value.detach().flatten().tolist():
        parameter.check(number, owner="initial value")
    above = value - parameter.lower if parameter.transform != "identity" else value
    if parameter.transform == "softplus":
        return above + torch.log(-torch.expm1(-above))
    if parameter.transform == "log":
        return torch.log(above)
    return value
