"""kT/C of sampled circuits: the law, ngspice's `.noise` of the phases, the model, and both on one realisation."""

import dataclasses
import math

import numpy as np
import pytest
import torch

from circuits import CircuitError
from circuits.data.circuit import GROUND, Circuit, CurrentSource, Instance, Resistor, Subcircuit, Switch
from circuits.data.clock import SCALING
from circuits.networks.sampled import sampled_network_circuit
from circuits.noise import circuit_noise, noisy_network, silent_network
from circuits.noise.sampling import SAMPLING_POWER, sampled_share, sampling_power
from circuits.realisations.sampled import HOLD, SAMPLE, sampled
from circuits.technologies import technology
from conductance import NeuronLayer
from conductance.elements.base import DeclarationError
from conductance.layers import Projection
from conductance.networks import Network
from conductance.neurons import accumulator, dqif
from conductance.neurons.clocked_lif import clocked_lif
from conductance.neurons.noisy import noisy, silent
from conductance.storage.declarations import decode_neuron, encode_neuron
from excitable.ladder.maps import SampledOptions, simulate_sampled
from netlists import Noise, Tolerances, simulate, write_netlist

GENERIC = technology("generic_180nm")
KT = 1.380649e-23 * 300.15
MAPS = {"clocked_lif": clocked_lif(gain=0.5), "dqif": dqif(), "accumulator": accumulator(keep=0.8)}
TOLERANCES = Tolerances.scaled(
    voltage_unit=SCALING.voltage_unit, current_unit=SCALING.current_unit, capacitance=SCALING.capacitance,
    relative=1e-6,
)  # fmt: skip


def network() -> Network:
    """Two inputs, three neurons, two accumulators."""
    torch.manual_seed(0)
    return Network(
        {
            "weights": Projection(2, 3), "hidden": NeuronLayer(clocked_lif(), 3, dt=1.0),
            "readout": Projection(3, 2), "sums": NeuronLayer(accumulator(keep=0.8), 2, dt=1.0),
        }
    )  # fmt: skip


@pytest.mark.parametrize(("name", "share"), [("clocked_lif", 1.125), ("dqif", 2.0), ("accumulator", 1.5)])
def test_what_is_sampled_is_counted_in_kt_over_c(name, share):
    """One of the switch, half of the sum's resistor times the squared gain, half of the multiplier's."""
    neuron = MAPS[name]
    values = neuron.substitutions()
    assert float(sampled_share(neuron, neuron.membrane).subs(values)) == pytest.approx(share)
    own = circuit_noise(neuron, GENERIC, scaling=SCALING)
    expected = KT / (SCALING.capacitance * SCALING.voltage_unit**2)
    assert sampling_power(SCALING, 27.0) == pytest.approx(expected, rel=1e-6)
    assert float(own.membrane.diffusion.subs(own.substitutions())) ** 2 == pytest.approx(
        (1 + share) * expected, rel=1e-6
    )
    assert silent(own) == neuron
    assert decode_neuron(encode_neuron(own)) == own
    assert "draw" in repr(own)


def in_phase(cell: Subcircuit, phase: str) -> Subcircuit:
    """The cell with each switch as the resistor that it is in a phase: ngspice opens switches for `.noise`."""
    devices = [
        Resistor(
            name=f"r_{device.name}", positive=device.positive, negative=device.negative,
            resistance=device.on_resistance if device.sense_positive == phase else device.off_resistance,
        )
        if isinstance(device, Switch)
        else device
        for device in cell.devices
    ]  # fmt: skip
    return dataclasses.replace(cell, devices=tuple(devices))


@pytest.mark.simulator
@pytest.mark.parametrize("name", MAPS)
@pytest.mark.parametrize("phase", [SAMPLE, HOLD])
def test_ngspice_has_the_noise_of_each_phase(name, phase):
    """`.noise` of the cell in one phase, integrated over all frequencies: kT/C times what the law counts."""
    neuron = MAPS[name]
    cell = in_phase(sampled(neuron, SCALING), phase)
    state = neuron.membrane.name
    pins = {pin.name: pin.name for pin in cell.pins} | {SAMPLE: GROUND, HOLD: GROUND}
    node = f"xn.{state}_sampled" if phase == SAMPLE else f"{state}_held"
    circuit = Circuit(
        name="phase", title="one phase of a sampled neuron", subcircuits=(cell,), probes=(node,),
        devices=(
            CurrentSource(name="i_in", source=GROUND, sink="entry", waveform=0.0, small_signal=1.0),
            Instance(name="xn", subcircuit=cell.name, connections=pins),
        ),
    )  # fmt: skip
    corner = 1 / (2 * math.pi * SCALING.time_unit)
    analysis = Noise(node=node, source="i_in", start=1e-4 * corner, stop=1e4 * corner, points=40)
    found = simulate(write_netlist(circuit, analysis, TOLERANCES)).require()
    frequency = found["frequency"].to_numpy()
    variance = np.trapezoid(found["density"].to_numpy() * frequency, np.log(frequency))
    share = (
        float(sampled_share(neuron, neuron.membrane).subs(neuron.substitutions())) if phase == SAMPLE else 1.0
    )
    assert variance == pytest.approx(share * KT / SCALING.capacitance, rel=2e-3)


def test_the_model_has_the_variance_of_its_steps():
    """An accumulator that keeps 0.8: share kT/C/(1 - 0.64); kernel and eager step draw the same."""
    neuron = circuit_noise(accumulator(keep=0.8), GENERIC, scaling=SCALING)
    layer = NeuronLayer(neuron, 200, dt=1.0)
    values, _ = layer(torch.zeros(600, 5, 200), seed=2)
    power = neuron.defaults[SAMPLING_POWER]
    assert float(values[50:].double().var()) == pytest.approx(2.5 * power / 0.36, rel=0.02)
    eager = NeuronLayer(neuron, 3, dt=1.0, backend="eager")
    eager_values, _ = eager(torch.zeros(20, 2, 3), seed=2)
    fast, _ = NeuronLayer(neuron, 3, dt=1.0)(torch.zeros(20, 2, 3), seed=2)
    assert float((eager_values - fast).abs().max()) < 1e-7


@pytest.mark.simulator
def test_the_circuit_sees_the_models_draws():
    """A network at 100 times its noise: outputs of model and circuit agree to 1e-3 where silence is 0.05 away."""
    own = network()
    loud = noisy_network(own, GENERIC, scaling=SCALING, power=100.0)
    inputs = 1.5 * torch.rand(10, 2, 2)
    with torch.no_grad():
        outputs, _ = loud(inputs, seed=3)
        silence, _ = own(inputs)
    found = simulate_sampled(loud, inputs.numpy(), SampledOptions(noise_seed=3)).outputs["sums"]
    assert np.abs(found - outputs.numpy()).max() < 1e-3
    assert np.abs(found - silence.numpy()).max() > 0.05
    assert silent_network(loud).chain["hidden"].neuron == clocked_lif()


@pytest.mark.parametrize(
    ("error", "match", "make"),
    [
        (CircuitError, "say which draws it sees by noise_seed", lambda: sampled_network_circuit(
            noisy_network(network(), GENERIC), np.zeros((3, 2)), clock=SampledOptions().clock)),
        (CircuitError, "none of its layers has noise", lambda: sampled_network_circuit(
            network(), np.zeros((3, 2)), clock=SampledOptions().clock, noise_seed=1)),
        (CircuitError, "leave flicker out", lambda: circuit_noise(dqif(), GENERIC, flicker=(1.0, 1e3))),
        (DeclarationError, "its only noise is that of 'sampling'", lambda: noisy(dqif(), {"leak": 0.1})),
    ],
)  # fmt: skip
def test_what_a_sampled_circuit_cannot_do_is_refused(error, match, make):
    """One error names what was asked, and what is there."""
    with pytest.raises(error, match=match):
        make()
