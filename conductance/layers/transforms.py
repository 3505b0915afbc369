"""How a bounded parameter is trained: the map between its value and the free number that the optimiser moves."""

import torch

from conductance.parameter import Parameter


def constrained(raw: torch.Tensor, parameter: Parameter) -> torch.Tensor:
    """The value of a parameter from its free number."""
    if parameter.transform == "softplus":
        return torch.nn.functional.softplus(raw) + parameter.lower
    if parameter.transform == "log":
        return torch.exp(raw) + parameter.lower
    return raw


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
