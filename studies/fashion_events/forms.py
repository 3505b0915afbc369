"""What is trained: a neuron, how its weights begin, how an image becomes spikes, and the loss."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType

from conductance.events import synaptic_lif, theta
from conductance.neurons import Neuron, qif
from conductance.training.events import EventTraining

OSCILLATING = theta(tau=6 / math.pi, I_0=5 / 4)
"""The neuron of the public code of arXiv 2309.14523 for MNIST: its period is 6, in units in which a trial lasts 2."""


@dataclass(frozen=True, kw_only=True)
class Form:
    """One way to answer the question.

    Attributes:
        words: for tables.
        neuron: of all layers.
        sharpness: of the pseudospikes of a QIF neuron with currents; others have none.
        mean, spread: of the first weights, each divided by sqrt(inputs), before they are multiplied by a drive.
        voltage: at the beginning of a trial.
        levels: of brightness; see `conductance.tasks.Mnist`.
        dark: brightness up to which a pixel is silent.
        late: spike time of the darkest pixel that spikes.
        end: duration of a trial.
        loss_tau, regulariser: of the loss.
    """

    words: str
    neuron: Neuron
    sharpness: float = 1.0
    mean: float = 1.0
    spread: float = 1.0
    voltage: float = 0.0
    levels: int = 16
    dark: float = 0.2
    late: float = 2.0
    end: float = 4.0
    loss_tau: float = EventTraining.loss_tau
    regulariser: float = 0.03


LEAST = math.pi**2 / 4
"""The weight above which one input spike makes a QIF neuron at rest spike; 4 for LIF (docs/models.md, section 2)."""
_QIF = Form(words="QIF, sharpness 0.1", neuron=qif(), sharpness=0.1, mean=LEAST, spread=LEAST)
_SILENT = Form(
    words="as published: oscillating, trial of 2, one spike time, published loss", neuron=OSCILLATING,
    mean=0.0, spread=0.5 / math.sqrt(3), voltage=0.5, levels=1, dark=0.5, late=0.08, end=2.0, loss_tau=1.0,
    regulariser=0.01,
)  # fmt: skip
"""Uniform weights of +-0.5/sqrt(inputs) have this spread; the voltage is that of half a period."""
_CURRENTS = replace(
    _SILENT, words="QIF with currents, sharpness 0.1", neuron=qif(), sharpness=0.1, voltage=0.0,
    spread=LEAST * _SILENT.spread,
)  # fmt: skip

FORMS: Mapping[str, Form] = MappingProxyType(
    {
        "qif": _QIF,
        "qif-1": replace(_QIF, words="QIF, sharpness 1", sharpness=1.0),
        "qif-10": replace(_QIF, words="QIF, sharpness 10", sharpness=10.0),
        "lif": Form(words="LIF", neuron=synaptic_lif(), mean=4.0, spread=4.0),
        "oscillating": Form(
            words="QIF, oscillating", neuron=OSCILLATING, mean=1.0, spread=1.0, voltage=0.5, late=1.9, end=2.0
        ),
    }
)
"""What is compared in accuracy; all see the same 16 levels of brightness as latencies."""
SILENT: Mapping[str, Form] = MappingProxyType(
    {
        "published": _SILENT,
        "code": replace(_SILENT, words="latency code of 16 levels up to 1.9", levels=16, dark=0.2, late=1.9),
        "slow": replace(
            _SILENT, words="slow: I_0 = 0.4, tau = 1, from 0", neuron=theta(I_0=0.4), voltage=0.0
        ),
        "currents": _CURRENTS,
    }
)
"""From silent starts: the published form first, then one thing changed in each; currents change neuron and voltage."""
