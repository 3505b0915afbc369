"""How a network of a time grid is built and simulated: one value that every rung of a circuit is made from."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from circuits.data.scaling import Scaling
from circuits.networks.continuous import AMPLIFIER_EDGE, EDGE, Levels, NetworkCircuit, network_circuit
from circuits.realisations import Trim
from circuits.realisations.levels import MIXED, check_level, default_technology
from circuits.technologies import Technology
from conductance.networks import Network
from excitable.config.series import SeriesConfiguration
from netlists.analyses import Tolerances, Transient


@dataclass(frozen=True, kw_only=True)
class CircuitOptions:
    """How a network is built and simulated.

    Args:
        scaling: the SI units.
        levels: behavioural, macromodel or transistor for the whole network, or by the name of a layer or of a neuron
            (`hidden`, `hidden_3`); what is not named is behavioural.
        technology: of the amplifiers, at its corner and temperature; `default_technology` where none is given.
        trims: what calibration found, by the name of the amplifier.
        relative: ngspice's relative tolerance.
        max_step: largest time step in tau_m.
        edge: duration of a step of the input, as a share of the time for which a value is held.
        time_limit: of one simulation, in s of wall-clock time.
        monolithic: simulate the whole network as one netlist instead of parts of 8 to 16 neurons.
    """

    scaling: Scaling
    levels: Levels = "behavioural"
    technology: Technology | None = None
    trims: Mapping[str, Trim] = field(default_factory=dict)
    relative: float = 1e-6
    max_step: float = 0.2
    edge: float = EDGE
    time_limit: float = 600.0
    monolithic: bool = False

    @classmethod
    def configured(cls, configuration: SeriesConfiguration, rung: str = "behavioural") -> "CircuitOptions":
        """How a configuration's circuit is built and simulated at a rung, before any calibration.

        Args:
            configuration: its sections `circuit` and `simulation` decide.
            rung: behavioural, mixed, macromodel or transistor.
        """
        ideal, circuit, simulation = rung == "behavioural", configuration.circuit, configuration.simulation
        return cls(
            scaling=circuit.scaling(rung),
            levels=dict(circuit.mixed) if rung == MIXED else check_level(rung),
            technology=None if ideal else circuit.built_in(),
            relative=simulation.relative if ideal else simulation.amplifier_relative,
            max_step=simulation.max_step if ideal else simulation.amplifier_max_step,
            edge=EDGE if ideal else AMPLIFIER_EDGE,
            time_limit=simulation.time_limit,
            monolithic=simulation.monolithic,
        )

    @property
    def rung(self) -> str:
        """Name of this circuit on the error ladder: its level, or `mixed`."""
        return self.levels if isinstance(self.levels, str) else MIXED

    @property
    def made_of(self) -> Technology:
        """The technology, also where none is given."""
        levels = (self.levels,) if isinstance(self.levels, str) else tuple(self.levels.values())
        return self.technology or default_technology(*levels)

    def build(
        self, network: Network, inputs: np.ndarray, *, dt: float, name: str,
        neurons: Sequence[int] | None = None, provenance: Mapping[str, str] | None = None,
    ) -> NetworkCircuit:  # fmt: skip
        """The circuit of a network, or of some neurons of its first layer; see `network_circuit`."""
        return network_circuit(
            network, inputs, dt=dt, scaling=self.scaling, name=name, neurons=neurons, provenance=provenance,
            levels=self.levels, technology=self.technology, trims=self.trims, edge=self.edge,
        )  # fmt: skip

    def analysis(self, duration: float) -> Transient:
        """The transient of that duration in s."""
        unit = self.scaling.time_unit
        return Transient(stop=duration, max_step=self.max_step * unit, step=self.max_step * unit)

    def tolerances(self) -> Tolerances:
        """Tolerances scaled to the circuit's units."""
        return Tolerances.scaled(
            voltage_unit=self.scaling.voltage_unit,
            current_unit=self.scaling.current_unit,
            capacitance=self.scaling.capacitance,
            relative=self.relative,
        )
