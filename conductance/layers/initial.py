"""States at the beginning that a layer is given."""

from collections.abc import Mapping, Sequence

import torch

from conductance.errors import nearest
from conductance.neurons.base import Neuron
from conductance.parameter import ParameterError

BEGIN = "begin_"
"""What the buffers of a layer begin with that hold the given states."""


def initial_columns(
    neuron: Neuron, size: int, given: Mapping[str, float | Sequence[float] | torch.Tensor]
) -> dict[str, torch.Tensor]:
    """The given states at the beginning, each (neuron,).

    Args:
        neuron: of the layer.
        size: number of neurons.
        given: by state, a number or one per neuron, in V0.

    Raises:
        ParameterError: a state that the neuron lacks, a number that is not finite, a wrong length, or a map's state,
            which begins where it is declared.
    """
    owner = f"layer {neuron.name}"
    if not isinstance(given, Mapping):
        raise ParameterError(
            f"{owner}: initial is a {type(given).__name__}; give a mapping, as {{'um': -1.9}}"
        )
    names = [state.name for state in neuron.states]
    if given and neuron.is_map:
        raise ParameterError(
            f"{owner}: initial = {dict(given)!r}, but {neuron.name} is a map, whose circuit begins where its states "
            f"are declared; leave it out"
        )
    found = {}
    for name, value in given.items():
        if name not in names:
            raise ParameterError(
                f"{owner}: initial {name!r} is no state; {nearest(str(name), names)}allowed are {', '.join(names)}"
            )
        try:
            column = torch.as_tensor(value, dtype=torch.get_default_dtype())
        except (TypeError, ValueError, RuntimeError):
            column = torch.tensor([[]])
        if (
            column.dim() > 1
            or (column.dim() == 1 and len(column) != size)
            or not bool(column.isfinite().all())
        ):
            raise ParameterError(
                f"{owner}: initial {name} is {value!r}; give one finite number, or {size}, one per neuron, in V0"
            )
        found[name] = column.expand(size).clone()
    return found
