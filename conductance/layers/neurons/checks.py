"""What a layer of neurons checks of the names and values that it is given."""

from collections.abc import Collection, Mapping

import sympy
import torch

from conductance.derivation.rules import Rule
from conductance.neurons.base import Neuron
from conductance.parameter import ParameterError


def check_declared(given: object) -> None:
    """Raise `ParameterError` for what is no declared neuron."""
    if not isinstance(given, Neuron):
        shown = repr(given) if isinstance(given, str) else getattr(given, "__name__", "an object")
        raise ParameterError(
            f"layer: the neuron is {shown}, a {type(given).__name__}; give a declared neuron, as lif() or mtc()"
        )


def checked_law(neuron: Neuron, law: Neuron) -> Neuron:
    """The law, where it is one of the neuron: no other parameters, and the neuron's states before its own."""
    check_declared(law)
    if unknown := sorted({p.name for p in law.parameters} - {p.name for p in neuron.parameters}):
        raise ParameterError(
            f"layer {neuron.name}: the law {law.name} has parameters {', '.join(unknown)}, which the neuron lacks; a "
            f"law's parameters are some of its neuron's"
        )
    own = [state.name for state in neuron.states]
    if (found := [state.name for state in law.states][: len(own)]) != own:
        raise ParameterError(
            f"layer {neuron.name}: the law {law.name} begins with the states {', '.join(found)}; it must begin with "
            f"the neuron's, {', '.join(own)}"
        )
    return law


def check_names(neuron: Neuron, rule: Rule, values: object, trainable: object) -> None:
    """Raise `ParameterError` for values and names that are none of the neuron's, or that its rule does not use."""
    owner = f"layer {neuron.name}"
    if values is not None and not isinstance(values, Mapping):
        raise ParameterError(
            f"{owner}: values are a {type(values).__name__}; give a mapping, as {{'tau_m': 2.0}}"
        )
    if isinstance(trainable, str):
        raise ParameterError(
            f"{owner}: trainable = {trainable!r} is a text, whose letters would be read as names; give a list: "
            f"trainable=[{trainable!r}]"
        )
    if not isinstance(trainable, Collection):
        raise ParameterError(
            f"{owner}: trainable is a {type(trainable).__name__}; give a list of parameter names"
        )
    for name in (*(values or {}), *trainable):
        neuron.parameter(name)
    used = set().union(*(sympy.sympify(value).free_symbols for _, value in rule.constants))
    used |= set().union(*(sympy.sympify(value).free_symbols for value in rule.body.outputs))
    idle = [name for name in trainable if neuron.parameter(name).symbol not in used]
    if idle:
        raise ParameterError(
            f"{owner}: {', '.join(idle)} cannot be trained, because the rule {rule.method} does not use it; leave it "
            f"out, or choose another method"
        )


def per_neuron(value: float | torch.Tensor, name: str, size: int, owner: str) -> torch.Tensor:
    """A parameter's value as (neuron,), or `ParameterError` where it is neither one number nor one per neuron."""
    try:
        tensor = torch.as_tensor(value, dtype=torch.get_default_dtype())
    except (TypeError, ValueError, RuntimeError):
        raise ParameterError(f"{owner}: parameter {name} is {value!r}; give one number or {size}") from None
    if tensor.shape not in ((), (size,)):
        raise ParameterError(
            f"{owner}: parameter {name} has shape {tuple(tensor.shape)}; give one number or {size}"
        )
    return tensor.expand(size).clone()
