"""A network on the measured law of its circuit, for training."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from circuits.measured.composition import check_measurable
from conductance.layers import NeuronLayer
from conductance.networks import Network
from excitable.ladder.calibration import calibrated, read_fits
from excitable.ladder.measured.kept import Kept
from excitable.ladder.measured.network import (
    MeasuredLayer,
    declared_network,
    measure_network,
    measured_network,
)
from excitable.ladder.options import CircuitOptions

if TYPE_CHECKING:
    from excitable.config.series import SeriesConfiguration

MARGIN = 1.5
"""Gains of a network that was trained before are swept this factor beyond its own."""
WIDE_MARGIN = 2.0
"""Those of an untrained one: two octaves, over which a line in the logarithm of the gain keeps within 8e-4 I0."""


@dataclass(frozen=True, kw_only=True)
class OnLaw:
    """A network that is trained on a measured law.

    Attributes:
        network: stepped by the law; its projections are the declared network's own.
        laws: what was measured of its layers.
        own: the declared network.
    """

    network: Network
    laws: tuple[MeasuredLayer, ...]
    own: Network

    def declared(self) -> Network:
        """The declared network with the numbers of the trained one; warns where gains have left the sweeps."""
        network = declared_network(self.network, self.own)
        for law in self.laws:
            law.tell(network)
        return network


def on_measured_law(
    network: Network,
    built: "SeriesConfiguration",
    level: str,
    *,
    calibration: Path,
    sweeps: Path,
    margin: float,
) -> OnLaw:
    """A network stepped by the law of its calibrated circuit's cells.

    The sweeps are kept in a folder, so that a training that goes on has the same law.

    Args:
        network: declared; it is changed by `OnLaw.declared` alone.
        built: says how its circuit is made.
        level: macromodel or transistor.
        calibration: the file of its calibration; it is made anew where there is none.
        sweeps: the folder.
        margin: gains are swept this factor beyond the network's own.

    Raises:
        MeasureError: a neuron that has no measured law.
        SimulatorMissing, SimulationFailed: of the simulator.
    """
    for layer in network.chain.values():
        if isinstance(layer, NeuronLayer):
            check_measurable(layer.neuron)
    options, _ = calibrated(network, CircuitOptions.configured(built, level), read_fits(calibration))
    placed = options.placed(network)
    laws = measure_network(placed, options, kept=Kept(folder=sweeps), margin=margin)
    return OnLaw(network=measured_network(placed, laws), laws=laws, own=network)
