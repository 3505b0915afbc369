"""The law of a circuit in the model that is trained for it: what amplifiers do and no bias current puts right.

Gain and offset are put right in the circuit (`Trim`). What stays is the shape: a filter of one pair slews at one unit,
a leak of several pairs saturates, and a pair whose sweep no tanh follows has its own curve. A leak that saturates
holds no membrane against strong inputs, so model and circuit both get a clamp, as far out as pairs still work.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from circuits.calibration.amplifiers import Calibration, measured_element, trimmed
from circuits.data.scaling import Scaling
from circuits.networks.builder import layer_values
from circuits.realisations import Trim
from circuits.realisations.forms import MEASURED
from circuits.realisations.parts.multi_tanh import WIDEST
from circuits.technologies import Technology
from conductance.elements import Element
from conductance.elements.tanh import TANH
from conductance.layers import NeuronLayer
from conductance.layers.rebuilt import of_neuron
from conductance.networks import Network
from conductance.neurons.limits import LIMITED, clamped, limited, with_elements
from conductance.neurons.spiking import is_linear

FILTER_LIMIT = 1.0
"""A follower-integrator is one pair."""
LEAK_LIMIT = 5.0
"""Where the leak of staggered pairs saturates (docs/models.md, section 4)."""
CLAMP_VOLTAGE = WIDEST
"""The clamp holds the membrane where the outermost pairs are, or as far out as the technology's have room for their
tails: at 8 V0 the lower one of sky130 held nothing, and a membrane that was to rest at -5.2 V0 went to -8.4. Without a
clamp, a leak that saturates let the demo's model run to -140 V0, where its circuit stopped at the rail, -12.8 V0."""
CLAMP_CURRENT = 4.0
"""Of each half: with the leak they withstand 11 units of current, and the demo's neurons need 9. Ours, as all four."""
LARGEST_RESIDUAL = 0.02
"""A sweep that deviates more from its tanh replaces it as a table; transistors of the generic process deviate 0.3 %."""


@dataclass(frozen=True, kw_only=True)
class LayerLaw:
    """What a layer's neurons were given.

    Attributes:
        layer: its name.
        filter_limit: of its filters in V0; None where it has none.
        leak_limit: of its leak in V0; None where it has none.
        tabulated: the elements that got the measured law.
        clamp_voltage: where the membrane is held, in V0; None where it is not.
    """

    layer: str
    filter_limit: float | None
    leak_limit: float | None
    tabulated: tuple[str, ...]
    clamp_voltage: float | None = None


def with_circuit_laws(
    network: Network,
    calibrations: Sequence[Calibration],
    trims: Mapping[str, Trim],
    scaling: Scaling,
    *,
    technology: Technology | None = None,
) -> tuple[Network, tuple[LayerLaw, ...]]:
    """The network with the laws of its circuit in every layer that is made of amplifiers, and what they are.

    All numbers that were trained stay; linear layers, which no pairs make, stay as they are.

    Args:
        network: trained on other laws.
        calibrations: the sweeps of the amplifiers, those of the elements first.
        trims: what the circuit puts right.
        scaling: the circuit's units.
        technology: whose room decides where the clamp is; `CLAMP_VOLTAGE` where none is given.

    Raises:
        DeclarationError: a neuron that cannot have them.
    """
    layers, laws = {}, []
    clamp = clamp_voltage(technology, scaling)
    for label, layer in network.chain.items():
        layers[label] = layer
        if not isinstance(layer, NeuronLayer) or is_linear(layer.neuron):
            continue
        tables = _measured(layer, calibrations, trims, scaling)
        slewing = limited(layer.neuron, filter_limit=FILTER_LIMIT, leak_limit=LEAK_LIMIT)
        neuron = clamped(with_elements(slewing, tables), voltage=clamp, current=CLAMP_CURRENT)
        layers[label] = of_neuron(layer, neuron)
        limits = {name: neuron.defaults.get(parameter) for name, (parameter, _) in LIMITED.items()}
        laws.append(
            LayerLaw(
                layer=label,
                filter_limit=limits["filter"],
                leak_limit=limits["leak"],
                tabulated=tuple(tables),
                clamp_voltage=clamp,
            )
        )
    return Network(layers, synapse_noise=network.synapse_noise), tuple(laws)


def clamp_voltage(technology: Technology | None, scaling: Scaling) -> float:
    """Where a membrane is clamped, in V0: as far out as a pair of the technology works, down to a tenth of a unit."""
    if technology is None or technology.nmos is None or technology.pmos is None:
        return CLAMP_VOLTAGE
    return min(CLAMP_VOLTAGE, math.floor(10 * technology.reach() / scaling.voltage_unit) / 10)


def _measured(
    layer: NeuronLayer, calibrations: Sequence[Calibration], trims: Mapping[str, Trim], scaling: Scaling
) -> dict[str, Element]:
    """Measured laws of the layer's pairs, of the sweep whose bias current is the nearest; none where a tanh does.

    Elements of another law (linear, quadratic, tabulated) are no single pair and stay as they are.
    """
    swept = [found for found in calibrations if found.cell == calibrations[0].cell]
    if max(found.residual for found in swept) <= LARGEST_RESIDUAL:
        return {}
    values = layer_values(layer)
    chosen = {}
    for element in (one for one in layer.neuron.elements if one.law.name in (TANH.name, MEASURED)):
        bias = scaling.current_unit * float(np.median(values[f"alpha_{element.name}"]))
        nearest = min(swept, key=lambda found: abs(found.bias - bias))
        chosen[element.name] = measured_element(
            trimmed(nearest, trims.get(nearest.cell, Trim())), element.timescale,
            element.sign * element.values["alpha"], element.values["delta"],
            voltage_unit=scaling.voltage_unit, name=element.name,
        )  # fmt: skip
    return chosen
