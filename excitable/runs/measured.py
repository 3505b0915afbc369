"""A run's network on the measured law of its circuit, for training."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from circuits.measured.composition import check_measurable
from conductance.layers import NeuronLayer
from conductance.networks import Network
from excitable.ladder.calibration import calibrated, read_fits
from excitable.ladder.measured import Kept, MeasuredLayer, declared_network, measure_network, measured_network
from excitable.ladder.options import CircuitOptions
from excitable.runs.folder import CALIBRATION, START, SWEEPS

if TYPE_CHECKING:
    from excitable.runs.series import SeriesRun

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


def on_measured_law(run: "SeriesRun", network: Network, level: str, *, margin: float) -> OnLaw:
    """A network stepped by the law of its calibrated circuit's cells.

    The sweeps are kept in the run's folder, so that a training that goes on has the same law.

    Args:
        run: the open run.
        network: declared; it is changed by `OnLaw.declared` alone.
        level: macromodel or transistor.
        margin: gains are swept this factor beyond the network's own.

    Raises:
        MeasureError: a neuron that has no measured law.
        SimulatorMissing, SimulationFailed: of the simulator.
    """
    for layer in network.chain.values():
        if isinstance(layer, NeuronLayer):
            check_measurable(layer.neuron)
    options, _ = calibrated(
        network, CircuitOptions.configured(run.built, level), read_fits(run.path / CALIBRATION)
    )
    placed = options.placed(network)
    laws = measure_network(placed, options, kept=Kept(folder=run.path / START / SWEEPS), margin=margin)
    return OnLaw(network=measured_network(placed, laws), laws=laws, own=network)
