"""A network's mismatch by its transistors: the sensitivities of its cells are measured, and every device is a row."""

from circuits.data.levels import Level
from circuits.data.values import CircuitError
from circuits.mismatch.chips import DeviceMismatch
from circuits.networks.continuous import level_biases, neuron_levels
from conductance.networks import Network
from excitable.ladder.calibration import typical_neuron
from excitable.ladder.options import CircuitOptions
from excitable.mismatch.sensitivities import measured_sensitivities

LEVEL: Level = "transistor"


def device_mismatch(network: Network, options: CircuitOptions) -> DeviceMismatch:
    """The mismatch of a network's transistors, whatever level it is simulated at.

    Raises:
        SimulatorMissing, SimulationFailed: the simulator. CircuitError: a network that has no circuit of transistors.
        TechnologyError: a technology without any.
    """
    if options.ideal == "none":
        raise CircuitError(
            "mismatch of devices: draws of single transistors do not know the generators of biases and references that "
            'ideal = "none" adds; take [circuit] ideal = "some"'
        )
    network = options.placed(network)
    levels = neuron_levels(network, LEVEL)
    technology, scaling = options.made_of, options.scaling
    largest = float(level_biases(network, scaling, levels)[LEVEL][-1])
    sensitivities = measured_sensitivities(
        typical_neuron(network, levels, LEVEL), technology, scaling, largest, simulator=options.simulator
    )
    return DeviceMismatch.of(network, technology, scaling, sensitivities)
