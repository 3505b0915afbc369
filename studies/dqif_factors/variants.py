"""The twins of the study of DQIF, each with one thing changed."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType

from conductance.deep.neurons import NeuronOptions
from conductance.neurons import dlif, dqif
from conductance.neurons.base import DeclarationError, Neuron


@dataclass(frozen=True, kw_only=True)
class Variant:
    """A neuron with one thing changed.

    Attributes:
        twin: `dqif` or `dlif`, whose usual form it is compared with.
        words: what is changed.
        options: the neuron as deep networks take it.
    """

    twin: str
    words: str
    options: NeuronOptions


def with_reset_gradient(neuron: Neuron) -> Neuron:
    """The same map, whose reset has the slope of its spike; usually a reset is a constant to the gradient."""
    if neuron.event is None:
        raise DeclarationError(f"neuron {neuron.name}: it has no spike, so no reset either")
    return replace(neuron, event=replace(neuron.event, reset_gradient=True))


def _dqif(words: str, **changes: object) -> Variant:
    return Variant(twin="dqif", words=words, options=NeuronOptions(**changes))  # type: ignore[arg-type]


def _dlif(words: str, **changes: object) -> Variant:
    given = {"neuron": dlif(), "window": "fixed", **changes}
    return Variant(twin="dlif", words=words, options=NeuronOptions(**given))  # type: ignore[arg-type]


VARIANTS: Mapping[str, Variant] = MappingProxyType(
    {
        "dqif": _dqif("nothing: u_th 0.5, alpha 1, analytic window"),
        "dlif": _dlif("nothing: u_th 0.5, alpha 1, decay 0.5, fixed window 0.5"),
        "dqif-fixed": _dqif("fixed window 0.5, as the twin has", window="fixed"),
        "dlif-decay-0": _dlif("decay 0: no memory", neuron=dlif(decay=0.0)),
        "dlif-analytic": _dlif("analytic window, as DQIF has", window="analytic"),
        "dqif-threshold-0.25": _dqif("u_th 0.25", neuron=dqif(u_th=0.25)),
        "dqif-threshold-1": _dqif("u_th 1", neuron=dqif(u_th=1.0)),
        "dqif-alpha-0.5": _dqif("alpha 0.5", alpha=0.5),
        "dqif-alpha-2": _dqif("alpha 2", alpha=2.0),
        "dqif-reset": _dqif("the reset has a gradient", neuron=with_reset_gradient(dqif())),
        "dlif-decay-0.25": _dlif("decay 0.25", neuron=dlif(decay=0.25)),
        "dlif-decay-0.75": _dlif("decay 0.75", neuron=dlif(decay=0.75)),
        "dlif-threshold-1": _dlif("u_th 1", neuron=dlif(u_th=1.0)),
        "dlif-alpha-0.5": _dlif("alpha 0.5", alpha=0.5),
        "dlif-alpha-2": _dlif("alpha 2", alpha=2.0),
        "dlif-reset": _dlif("the reset has a gradient", neuron=with_reset_gradient(dlif())),
    }
)
"""By name; the two without a change come first."""
