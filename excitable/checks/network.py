"""One network, checked: its equation and its circuit on the same inputs, neuron by neuron, and at the output."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from matplotlib.figure import Figure

from circuits.data.circuit import CircuitError
from circuits.data.levels import check_level
from circuits.realisations import Level, Trim
from circuits.technologies import Technology, default_technology
from conductance.networks import Network
from conductance.shaping.figures.palette import colour
from excitable.ladder.accuracy import accuracy, chosen_simulator
from excitable.ladder.calibration import calibrated
from excitable.ladder.options import CircuitOptions
from excitable.ladder.rungs import Waveforms, continuous_rung, layer_threshold, spiking_layers
from excitable.ladder.series import WINDOW, simulate
from netlists.comparison import Rung, RungComparison, WaveformError, compare, waveform_error

DRAWN = 5
"""Neurons that a figure shows."""


@dataclass(frozen=True, kw_only=True)
class NetworkCheck:
    """A network by its equation and by its circuit.

    Attributes:
        equation: membranes and outputs of the differential equations.
        circuit: those of the netlist, on the same time points.
        comparison: of every neuron: rms error, spike counts, matched spikes and their time errors.
        output: errors of the network's outputs.
        simulator: which simulated the circuit.
    """

    equation: Waveforms
    circuit: Waveforms
    comparison: RungComparison
    output: WaveformError
    simulator: str = "ngspice"

    def __str__(self) -> str:
        found = self.comparison
        return (
            f"{len(found.neurons)} neurons: {found.matched} spikes matched, {found.missing} missing, {found.extra} "
            f"extra; voltages differ by up to {found.worst_rms_v0:.2g} V0 rms, outputs by up to "
            f"{self.output.rms.max():.2g}"
        )

    def figure(self) -> Figure:
        """Both, over time: the neurons that differ most, and the outputs below."""
        worst = sorted(range(len(self.equation.neurons)), key=lambda k: -self.comparison.neurons[k].rms_v0)
        rows = [
            (self.equation.neurons[k], self.equation.membrane[:, k], self.circuit.membrane[:, k])
            for k in worst[:DRAWN]
        ]
        rows += [
            (f"output {k}", self.equation.output[:, k], self.circuit.output[:, k])
            for k in range(min(DRAWN, self.equation.output.shape[1]))
        ]
        figure = Figure(figsize=(8, 1.5 * len(rows) + 1), layout="constrained")
        grid = figure.subplots(len(rows), 1, sharex=True, squeeze=False)[:, 0]
        for axes, (name, model, circuit) in zip(grid, rows, strict=True):
            axes.plot(
                self.equation.time, model, color=colour("model"), linewidth=2.5, alpha=0.5, label="equation"
            )
            axes.plot(
                self.circuit.time,
                circuit,
                color=colour("circuit"),
                linewidth=0.9,
                label=f"circuit ({self.simulator})",
            )
            axes.set(ylabel=name)
            axes.spines[["top", "right"]].set_visible(False)
        grid[0].legend(loc="upper right", frameon=False, ncols=2)
        grid[-1].set(xlabel="time / tau_m")
        figure.suptitle(str(self), fontsize="small")
        return figure


def check_network(
    network: Network, inputs: np.ndarray, *, level: Level = "behavioural",
    technology: Technology | None = None, trims: Mapping[str, Trim] | None = None, simulator: str = "ngspice",
) -> NetworkCheck:  # fmt: skip
    """Simulate a network's circuit in ngspice beside its differential equations.

    Args:
        network: projections and event-free neuron layers, as trained.
        inputs: (time, feature), dimensionless; each is held for the network's own time step.
        level: behavioural, macromodel or transistor, of all neurons.
        technology: of the amplifiers; where none is given `generic_180nm` for transistors, else `ideal`.
        trims: of a calibration; where none are given, amplifiers are calibrated first, as `excitable simulate` does.
        simulator: ngspice, vacask, or auto.

    Raises:
        CircuitError: the network has no circuit, or inputs of another width.
        SimulatorMissing, SimulationFailed: ngspice.
    """
    check_level(level)
    layers = spiking_layers(network)
    if not layers:
        raise CircuitError("the network has no layer of spiking neurons, so there is nothing to compare")
    first = next(iter(layers.values()))
    dt = first.dt
    chosen = technology or default_technology(level)
    program = chosen_simulator(simulator, level)
    tight = accuracy(program, level, tight=True)
    options = CircuitOptions(
        scaling=chosen.scaling(), levels=level, technology=chosen, trims=trims or {}, simulator=program,
        relative=tight.relative, max_step=tight.max_step,
    )  # fmt: skip
    if trims is None:
        options, _ = calibrated(network, options)
    circuit = simulate(network, inputs, dt=dt, options=options)
    equation = continuous_rung(network, inputs, dt=dt)
    rungs = [
        Rung(name=rung.rung, time=rung.time, voltage=rung.membrane, neurons=rung.neurons, again=rung.again)
        for rung in (equation, circuit)
    ]
    (comparison,) = compare(rungs, window=WINDOW, step=dt, threshold=layer_threshold(first)).comparisons
    output = waveform_error(equation.time, equation.output, circuit.time, circuit.output)
    return NetworkCheck(
        equation=equation, circuit=circuit, comparison=comparison, output=output, simulator=program
    )
