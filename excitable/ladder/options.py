"""How a network of a time grid is built and simulated: one value that every rung of a circuit is made from."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from circuits.data.levels import MIXED, Biases, Ideal, check_level
from circuits.data.scaling import Scaling
from circuits.mismatch.circuit import drawn_circuit
from circuits.networks.continuous import Levels, NetworkCircuit, network_circuit
from circuits.networks.noise import CircuitDraws
from circuits.realisations import Trim
from circuits.realisations.filters import check_filter_current, network_with_filter_current
from circuits.technologies import Technology, default_technology
from conductance.networks import Network
from excitable.config.series import SeriesConfiguration
from excitable.ladder.accuracy import LONGEST_EDGE, Accuracy, accuracy, chosen_simulator
from netlists.analyses import Tolerances, Transient
from netlists.simulation import known_simulator


@dataclass(frozen=True, kw_only=True)
class CircuitOptions:
    """How a network is built and simulated.

    Args:
        scaling: the SI units.
        levels: behavioural, macromodel or transistor for the whole network, or by the name of a layer or of a neuron
            (`hidden`, `hidden_3`); what is not named is behavioural.
        technology: of the amplifiers, at its corner and temperature; `default_technology` where none is given.
        trims: what calibration found, by the name of the amplifier.
        simulator: ngspice or vacask.
        relative: the simulator's relative tolerance; that of `accuracy` where none is given.
        max_step: largest time step in tau_m; likewise.
        edge: duration of a step of the input, as a share of the time for which a value is held; likewise.
        time_limit: of one simulation, in s of wall-clock time.
        monolithic: simulate the whole network as one netlist instead of parts of a few neurons.
        time_unit: tau_m in s that is kept whatever unit of voltage calibration finds: the capacitor follows. None keeps
            the capacitor.
        biases: of the generator over temperature, see `under`.
        chip: seed of the chip whose every transistor and capacitor is off by its own draw; None draws none.
        ideal: none makes biases, references and outputs of transistors of devices, too.
        noise_seed: of the noise of a noisy network: its netlists see what the model draws with it.
        filter_current: bias current of the slow filters in A; the unit of current where none is given.
    """

    scaling: Scaling
    levels: Levels = "behavioural"
    technology: Technology | None = None
    trims: Mapping[str, Trim] = field(default_factory=dict)
    simulator: str = "ngspice"
    relative: float | None = None
    max_step: float | None = None
    edge: float | None = None
    time_limit: float = 600.0
    monolithic: bool = False
    time_unit: float | None = None
    noise_seed: int | None = None
    ideal: Ideal = "some"
    filter_current: float | None = None
    biases: Biases = "constant"
    chip: int | None = None

    @classmethod
    def configured(
        cls, configuration: SeriesConfiguration, level: str = "behavioural", simulator: str | None = None
    ) -> "CircuitOptions":
        """How a configuration's circuit is built and simulated at a level, before any calibration.

        Args:
            configuration: its sections `circuit` and `simulation` decide.
            level: behavioural, mixed, macromodel or transistor.
            simulator: that of a run that began with it; the configuration's where none is given.
        """
        ideal, circuit, simulation = level == "behavioural", configuration.circuit, configuration.simulation
        return cls(
            scaling=circuit.scaling(level),
            levels=dict(circuit.mixed) if level == MIXED else check_level(level),
            technology=None if ideal else circuit.built_in(),
            ideal=circuit.ideal if level == "transistor" else "some",
            simulator=chosen_simulator(simulator or simulation.simulator, level),
            relative=simulation.relative if ideal else simulation.amplifier_relative,
            max_step=simulation.max_step if ideal else simulation.amplifier_max_step,
            time_limit=simulation.time_limit,
            monolithic=simulation.monolithic,
            time_unit=None if circuit.given_capacitor else circuit.tau_m,
            filter_current=circuit.filter_current,
            biases=circuit.biases,
        )

    def with_voltage_unit(self, unit: float) -> "CircuitOptions":
        """The same with another unit of voltage in V."""
        made = replace(self.scaling, voltage_unit=unit)
        if self.time_unit is not None:
            made = replace(made, capacitance=self.time_unit * made.current_unit / unit)
        return replace(self, scaling=made)

    def under(self, technology: Technology) -> "CircuitOptions":
        """The same circuit, as it is drawn, where the technology is at another corner, temperature or supply.

        Constant biases and references stay. Proportional to absolute temperature (ptat), both are those of the design
        times the ratio of the temperatures, which is that of the pairs' V0.
        """
        if self.biases == "constant":
            return replace(self, technology=technology)
        ratio = technology.thermal_voltage / self.made_of.thermal_voltage
        made = replace(
            self.scaling, current_unit=ratio * self.scaling.current_unit,
            voltage_unit=ratio * self.scaling.voltage_unit,
        )  # fmt: skip
        filters = None if self.filter_current is None else ratio * self.filter_current
        return replace(self, technology=technology, scaling=made, filter_current=filters)

    def placed(self, network: Network) -> Network:
        """The network as the circuit is made of it: the same equations, its slow filters at their own bias current.

        Raises:
            CircuitError: no neuron has slow filters, or they leak away at the technology's temperature.
        """
        if self.filter_current is None:
            return network
        check_filter_current(self.filter_current, self.made_of)
        return network_with_filter_current(network, self.filter_current / self.scaling.current_unit)

    @property
    def level(self) -> str:
        """At which level the network is drawn, or `mixed`; the rung of this name is that circuit."""
        return self.levels if isinstance(self.levels, str) else MIXED

    @property
    def accuracy(self) -> Accuracy:
        """How exactly it is simulated: what is given, and the level's own where nothing is."""
        own = accuracy(self.simulator, self.level)
        return replace(
            own,
            relative=own.relative if self.relative is None else self.relative,
            max_step=own.max_step if self.max_step is None else self.max_step,
            edge=own.edge if self.edge is None else self.edge,
        )

    @property
    def dialect(self) -> str:
        """Of the netlists that the simulator reads."""
        return known_simulator(self.simulator).dialect

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
        built = network_circuit(
            self.placed(network), inputs, dt=dt, scaling=self.scaling, name=name, neurons=neurons,
            provenance=provenance, levels=self.levels, technology=self.technology, trims=self.trims, ideal=self.ideal,
            edge=min(self.accuracy.edge, LONGEST_EDGE / dt),
            noise=None
            if self.noise_seed is None
            else CircuitDraws(seed=self.noise_seed, dt=dt, steps=len(inputs)),
        )  # fmt: skip
        if self.chip is None:
            return built
        return replace(built, circuit=drawn_circuit(built.circuit, self.made_of, seed=self.chip))

    def analysis(self, duration: float) -> Transient:
        """The transient of that duration in s."""
        unit = self.scaling.time_unit
        step = self.accuracy.max_step * unit
        return Transient(stop=duration, max_step=step, step=step)

    def tolerances(self) -> Tolerances:
        """Tolerances scaled to the circuit's units."""
        return Tolerances.scaled(
            voltage_unit=self.scaling.voltage_unit,
            current_unit=self.scaling.current_unit,
            capacitance=self.scaling.capacitance,
            relative=self.accuracy.relative,
        )
