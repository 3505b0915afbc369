"""The bench in which a neuron's transistors are looked at: its membrane is held, its output drives synapses."""

from collections.abc import Mapping
from dataclasses import replace
from types import MappingProxyType

from circuits.calibration.membrane import DRIVE, membrane_bench
from circuits.data.circuit import Circuit, Instance
from circuits.data.scaling import Scaling
from circuits.headroom.points import observed
from circuits.realisations import Realisation
from circuits.realisations.cells.synapse import AXON
from circuits.realisations.interface import parameter_name
from conductance.neurons.base import Neuron

WEIGHTS = {"excitatory": 1.0, "inhibitory": -1.0}
"""Of the synapses that the neuron's output drives; they flow into the source that holds the membrane."""


def headroom_bench(
    neuron: Neuron, built: Realisation, scaling: Scaling, values: Mapping[str, float] = MappingProxyType({})
) -> Circuit:
    """A neuron whose source `v_drive` holds the membrane, a synapse of each sign beside; all transistors inspected.

    `values` are those of the neuron's parameters that differ from the realisation's own.
    """
    bench = membrane_bench(neuron, built, scaling, name="headroom_bench")
    if values:
        given = {parameter_name(name): value for name, value in values.items()}
        placed_neuron = [
            replace(device, parameters={**device.parameters, **given})
            if isinstance(device, Instance)
            else device
            for device in bench.devices
        ]
        bench = replace(bench, devices=tuple(placed_neuron))
    if built.synapses is not None and built.axon == AXON:
        placed = [
            built.synapses.place(f"x_{name}", axon=AXON, out=DRIVE, weight=weight)
            for name, weight in WEIGHTS.items()
        ]
        made = [synapse for synapse in placed if synapse is not None]
        bench = replace(
            bench,
            subcircuits=(*bench.subcircuits, *(synapse.subcircuit for synapse in made)),
            devices=(*bench.devices, *(synapse.instance for synapse in made)),
        )
    return replace(bench, inspected=tuple(one.path for one in observed(bench)))
