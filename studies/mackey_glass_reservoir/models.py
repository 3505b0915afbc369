"""What is compared: reservoirs of MTC neurons and of an echo state network, whose readout is solved, and a GRU."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType

import torch
from torch import Tensor

from conductance.layers import NeuronLayer, Projection, Recurrence
from conductance.layers.weights.recurrence import spectral_radius_of
from conductance.networks import Network, Spread
from conductance.neurons import Neuron, mtc

MTC, SPIKING, UNCOUPLED, ESN, GRU = "mtc", "mtc_spiking", "mtc_uncoupled", "esn", "gru"
DT = 0.2
WIDE = 4.0
"""Bound of the biases of graded neurons, in current units."""
Axes = tuple[str, str, str]


@dataclass(frozen=True, kw_only=True)
class Kind:
    """A kind of reservoir and the grid of its search.

    Attributes:
        meaning: in a sentence.
        grid: by axis, the values that are tried.
    """

    meaning: str
    grid: Mapping[str, tuple[float, ...]]


_RADII, _GAINS = (0.1, 0.3, 0.6), (2.5, 5.0, 10.0)
KINDS: Mapping[str, Kind] = MappingProxyType(
    {
        MTC: Kind(
            meaning="MTC neurons whose fast gain lies below the leak's, so that most are graded; fixed random weights "
            "from slow voltage to input current; read at their slow voltages",
            grid={"spectral radius": _RADII, "input gain": _GAINS, "slow gain": (3.0, 5.0)},
        ),
        SPIKING: Kind(
            meaning="the same with every neuron's gains in the bursting set's spread (fast gain 1.6 to 2.4)",
            grid={"spectral radius": _RADII, "input gain": _GAINS, "slow gain": (3.0, 5.0)},
        ),
        ESN: Kind(
            meaning="echo state network of leaky tanh units (Jaeger 2001), read at their states",
            grid={"spectral radius": (0.5, 0.9, 1.2), "input gain": (0.5, 1.0, 2.0), "leak": (0.03, 0.1)},
        ),
        GRU: Kind(
            meaning="gated recurrent units, all trained by Adam with cosine annealing on the same series, of which "
            "its search has all",
            grid={"learning rate": (0.01, 0.03)},
        ),
    }
)  # fmt: skip

GRADED: Mapping[str, Spread] = MappingProxyType(
    {
        "alpha_f_minus": Spread(lower=0.0, upper=0.8), "delta_f_minus": Spread(lower=-2.0, upper=2.0),
        "delta_s_plus": Spread(lower=-2.0, upper=2.0), "alpha_s_minus": Spread(lower=0.0, upper=0.8),
        "alpha_us_plus": Spread(lower=0.0, upper=0.01),
        "tau_s": Spread(lower=8.0, upper=20.0, logarithmic=True),
    }
)  # fmt: skip
"""Where graded neurons differ from the bursting ones; the upper bound of the slow gain is an axis of the grid."""
BURSTING: Mapping[str, Spread] = MappingProxyType(
    {
        "alpha_f_minus": Spread(lower=1.6, upper=2.4), "delta_f_minus": Spread(lower=-0.3, upper=0.3),
        "delta_s_plus": Spread(lower=-0.3, upper=0.3), "alpha_s_minus": Spread(lower=1.2, upper=1.8),
        "alpha_us_plus": Spread(lower=1.2, upper=1.8),
        "tau_s": Spread(lower=8.0, upper=50.0, logarithmic=True),
    }
)  # fmt: skip
"""The spreads of the package's own recipe."""
COMMON: Mapping[str, Spread] = MappingProxyType(
    {
        "delta_s_minus": Spread(lower=-1.1, upper=-0.7), "delta_us_plus": Spread(lower=-1.1, upper=-0.7),
        "tau_us": Spread(lower=160.0, upper=1000.0, logarithmic=True),
    }
)  # fmt: skip


def read_at(neuron: Neuron, state: str) -> Neuron:
    """The same neuron with a state as its output, where a readout's synapses can be connected as well."""
    symbols = {one.name: one.symbol for one in neuron.states}
    return replace(neuron, output=symbols[state])


def mtc_reservoir(
    kind: str, setting: Mapping[str, float], *, neurons: int, seed: int, state: str = "us"
) -> Network:
    """Input weights, recurrent MTC neurons and a readout; only the readout is to be solved.

    Args:
        kind: `mtc`, `mtc_spiking` or `mtc_uncoupled`.
        setting: spectral radius, input gain (weights are drawn evenly from +- it) and upper bound of the slow gain.
        neurons: how many.
        seed: of everything that is drawn.
        state: at which the readout reads, a state's name or `output`.
    """
    generator = torch.Generator().manual_seed(seed)
    spiking = kind == SPIKING
    slow = Spread(lower=1.6 if spiking else 0.0, upper=setting["slow gain"])
    spreads = {**COMMON, **(BURSTING if spiking else GRADED), "alpha_s_plus": slow}
    values = {name: spread.draw(neurons, generator) for name, spread in sorted(spreads.items())}
    loop = Recurrence.random(
        neurons, spectral_radius=setting["spectral radius"], source="us", generator=generator
    )
    encoder, readout = Projection(1, neurons), Projection(neurons, 1)
    bias = Spread(lower=-2.0, upper=0.0) if spiking else Spread(lower=-WIDE, upper=WIDE)
    with torch.no_grad():
        span = Spread(lower=-setting["input gain"], upper=setting["input gain"])
        encoder.weight.copy_(span.draw(neurons, generator)[:, None])
        encoder.bias.copy_(bias.draw(neurons, generator))
    coupled = None if kind == UNCOUPLED else loop
    neuron = mtc() if state == "output" else read_at(mtc(), state)
    hidden = NeuronLayer(neuron, neurons, dt=DT, method="forward_euler", values=values, recurrent=coupled)
    return Network({"encoder": encoder, "hidden": hidden, "readout": readout})


@torch.no_grad()
def echo_states(inputs: Tensor, setting: Mapping[str, float], *, units: int, seed: int) -> Tensor:
    """x' = (1 - leak) x + leak tanh(W x + w u + b) from x = 0, (time, batch, unit), of inputs (time, batch, 1).

    W is normal and scaled to the spectral radius; w and b are even in +- input gain and +- 1.
    """
    generator = torch.Generator().manual_seed(seed)
    weights = torch.randn(units, units, generator=generator)
    weights = weights * (setting["spectral radius"] / spectral_radius_of(weights))
    drive = Spread(lower=-setting["input gain"], upper=setting["input gain"]).draw(units, generator)
    bias = Spread(lower=-1.0, upper=1.0).draw(units, generator)
    state = torch.zeros(inputs.shape[1], units)
    states = torch.empty(*inputs.shape[:2], units)
    for step, value in enumerate(inputs):
        target = torch.tanh(state @ weights.T + value * drive + bias)
        state = torch.lerp(state, target, setting["leak"])
        states[step] = state
    return states


class Gated(torch.nn.Module):
    """A GRU layer of one input with one bias each gate, and a linear readout: 687 parameters with 14 units."""

    def __init__(self, units: int, seed: int) -> None:
        super().__init__()
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            self.cell = torch.nn.GRU(1, units)
            self.readout = torch.nn.Linear(units, 1)
        # torch has two biases of each gate where one says all
        for name, parameter in self.cell.named_parameters():
            if name == "bias_ih_l0":
                torch.nn.init.zeros_(parameter).requires_grad_(False)

    def forward(self, inputs: Tensor) -> Tensor:
        """(time, batch, 1) to the same."""
        shown: Tensor = self.readout(self.cell(inputs)[0])
        return shown
