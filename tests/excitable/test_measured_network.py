"""A measured network: layers stepped by the law of their circuits, and what is refused."""

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from circuits.data.scaling import Scaling
from circuits.measured import Element, Fixed, MeasureError, Swept, measured_neuron
from circuits.measured.relaxation import TIMES
from circuits.measured.sweeps import COARSE, RADIAN, VOLTAGES, Follower, Line, Slow
from circuits.realisations import Trim
from circuits.realisations.parts.leak import LEAK
from circuits.technologies import technology
from conductance.elements import tanh
from conductance.layers import NeuronLayer, Projection
from conductance.layers.neurons.reach import outside
from conductance.networks import Network
from conductance.neurons import lif, mtc
from conductance.neurons.limits import clamped, limited
from conductance.parameter import ParameterError
from conductance.storage import load_network, save_network
from conductance.training.activity import (
    above_threshold,
    activity,
    layer_outputs,
    layers_under_laws,
    spiking_layers,
)
from conductance.variation import Mismatch, draw_deviations, varied_state
from excitable.ladder.measured import (
    Kept,
    MeasuredLayer,
    declared_network,
    measure_network,
    measured_network,
    measured_rung,
)
from excitable.ladder.measured.kept import read_swept
from excitable.ladder.measured.network import check_reach
from excitable.ladder.options import CircuitOptions
from excitable.ladder.rungs import discrete_rung
from excitable.ladder.series import simulate

TONIC = mtc((tanh("fast", -2.0), tanh("slow", 2.0)))
DT = 0.2


def ideal_swept(neuron, gains=(1.0, 4.0), follower=None):
    """The sweeps that parts without any fault would give: the declared currents, and no capacitance."""
    none = np.zeros((COARSE.size, RADIAN.size), complex)
    gains, zero = np.array(gains), np.zeros_like(VOLTAGES)
    elements = {}
    for element in neuron.elements:
        state = next(s.name for s in neuron.states if neuron.membrane.currents[element.name].has(s.symbol))
        base = -element.sign * gains[:, None] * np.tanh(VOLTAGES - element.values["delta"])
        elements[element.name] = Element(reads=state, gains=gains, base=base, slope=0 * base, residual=0.0)
    slow = Slow(gates=zero, transfer=zero, follower=follower)
    return Swept(
        fixed=Fixed(current=-VOLTAGES, output=np.clip(VOLTAGES, 0, 1)),
        elements=elements,
        slow={state.name: slow for state in neuron.states[1:]},
        admittance=none,
        lag=0.5,
    )


def small_network(neuron=TONIC, size=3, **values):
    """A projection, neurons with gains of their own, a readout."""
    torch.manual_seed(4)
    encoder, readout = Projection(1, size), Projection(size, 1)
    with torch.no_grad():
        encoder.bias.copy_(torch.linspace(-0.6, -0.3, size))
    given = {"alpha_f_minus": torch.linspace(1.8, 2.3, size), "delta_s_plus": torch.linspace(-0.1, 0.1, size)}
    layer = NeuronLayer(neuron, size, dt=DT, method="heun", values={**given, **values}, trainable=list(given))
    return Network({"encoder": encoder, "hidden": layer, "readout": readout})


def ideal_layer(network):
    """What sweeps of faultless parts say of its hidden layer."""
    neuron = network.chain["hidden"].neuron
    law = measured_neuron(neuron, ideal_swept(neuron))
    return MeasuredLayer(label="hidden", law=law, gains={"alpha_f_minus": (1.0, 4.0)})


INPUTS = 0.3 * np.sin(np.arange(400) / 30.0)[:, None]


def test_faultless_parts_give_the_declared_network():
    """Gains between two sweeps, offsets, resistance and rest act on the tables as they act in the equation."""
    network = small_network(R=1.1, U_rest=0.05)
    made = measured_network(network, (ideal_layer(network),))
    declared = discrete_rung(network, INPUTS, dt=DT)
    measured = discrete_rung(made, INPUTS, dt=DT)
    assert np.ptp(declared.membrane) > 3
    # 7e-4 was measured: a cubic table of tanh at every 0.05 V0, over two spikes
    assert np.abs(measured.membrane - declared.membrane).max() < 5e-3


def test_a_chip_of_the_declared_network_is_one_of_the_measured():
    """Deviations are drawn for the declared neurons, and move the tables' gains and inputs as they move its own."""
    network = small_network()
    made = measured_network(network, (ideal_layer(network),))
    drawn = draw_deviations(network, Mismatch(current=0.02, offset=0.05), seed=1)
    inputs = torch.as_tensor(INPUTS, dtype=torch.float32)[:, None]
    voltages = []
    for each in (network, made):
        course = {}
        torch.func.functional_call(each, varied_state(each, drawn), (inputs,), {"voltages": course})
        voltages.append(course["hidden"].detach())
    plain = {}
    network(inputs, voltages=plain)
    assert (voltages[0] - plain["hidden"]).abs().max() > 0.5
    assert (voltages[1] - voltages[0]).abs().max() < 0.02


def test_training_moves_the_declared_numbers():
    """Gradients reach weights, gains and offsets, and what was trained goes back into the declared network."""
    network = small_network()
    made = measured_network(network, (ideal_layer(network),))
    before = network.chain["hidden"].values()["alpha_f_minus"].detach().clone()
    output, _ = made(torch.as_tensor(INPUTS, dtype=torch.float32)[:, None])
    output.square().mean().backward()
    assert all(p.grad is not None and p.grad.abs().max() > 0 for p in made.parameters())
    with torch.no_grad():
        made.chain["hidden"].raw_alpha_f_minus.add_(0.1)
    back = declared_network(made, network)
    assert back.chain["hidden"].rule.method == "heun"
    assert back.chain["hidden"].law is TONIC
    assert (back.chain["hidden"].values()["alpha_f_minus"] > before).all()


@pytest.mark.slow
def test_a_follower_passes_charges_from_the_membrane():
    """What a follower passes at once and with a delay moves its state by the charge, and it settles as before."""
    neuron = mtc((tanh("fast", -0.5), tanh("slow", 0.5)), filter_limit=1.0)
    current = Line(base=np.tanh(VOLTAGES), slope=0 * VOLTAGES, residual=0.0)
    w = 1j * RADIAN
    charge = -0.5 * w - 0.5 * w / (1 + w * TIMES[1])
    states = []
    for passed in (0.0, 1.0):
        admittance = np.tile(1.0 + passed * charge, (COARSE.size, 1))
        follower = Follower(current=current, admittance=admittance)
        law = measured_neuron(neuron, ideal_swept(neuron, follower=follower)).neuron
        layer = NeuronLayer(neuron, 1, dt=0.05, method="heun", law=law)
        record = []
        layer(torch.full((4000, 1, 1), 1.0), record=record)
        states.append(np.array([[float(s[0, 0]) for s in row[:2]] for row in record]))
    held, moved = states
    # the membrane rises by u, so the state, of capacitance tau_s = 10, is behind by about u/10 soon after
    soon = 100
    assert (held - moved)[soon, 1] == pytest.approx(moved[soon, 0] / neuron.defaults["tau_s"], rel=0.35)
    assert np.abs(held - moved)[-1].max() < 5e-3


@pytest.mark.simulator
@pytest.mark.parametrize("level", ["macromodel", pytest.param("transistor", marks=pytest.mark.slow)])
def test_the_measured_network_does_what_its_circuit_does(level, tmp_path):
    """Neurons of different gains, offsets and drawn capacitors, swept once, follow their circuit; others miss it."""
    chosen = technology("generic_180nm")
    network = small_network()
    trims = {LEAK: Trim(capacitance=1e-13)}
    options = CircuitOptions(scaling=chosen.scaling(), levels=level, technology=chosen, trims=trims)
    kept = Kept(folder=tmp_path / "sweeps")
    measured = measure_network(network, options, kept=kept)
    law = measured_rung(network, INPUTS, dt=DT, measured=measured)
    circuit = simulate(network, INPUTS, dt=DT, options=options)
    declared = discrete_rung(network, INPUTS, dt=DT)
    rms = np.sqrt(np.mean((law.membrane - circuit.membrane) ** 2, axis=0))
    plain = np.sqrt(np.mean((declared.membrane - circuit.membrane[::4]) ** 2, axis=0))
    assert np.ptp(circuit.membrane) > 3
    assert rms.max() < 0.03
    assert (rms < 0.2 * plain).all()
    # and what was swept is read again
    again = measure_network(network, options, kept=Kept(folder=kept.folder))
    np.testing.assert_array_equal(
        measured_rung(network, INPUTS, dt=DT, measured=again).membrane, law.membrane
    )


def test_sweeps_come_back_from_their_file(tmp_path):
    """Of the same digest they are read, of another they are made anew, and a damaged file is named."""
    follower = Follower(
        current=Line(base=VOLTAGES, slope=0 * VOLTAGES, residual=0.1),
        admittance=np.ones((COARSE.size, RADIAN.size), complex),
    )
    swept = replace(ideal_swept(TONIC, follower=follower), left_out=0.1, corner=0.9)
    kept = Kept(folder=tmp_path)
    assert kept.get("hidden", "one", lambda: swept) is swept
    found = kept.get("hidden", "one", lambda: pytest.fail("swept again"))
    assert (found.lag, found.corner, found.left_out) == (swept.lag, 0.9, 0.1)
    assert list(found.elements) == list(swept.elements)
    for name, element in swept.elements.items():
        np.testing.assert_array_equal(found.elements[name].base, element.base)
    np.testing.assert_array_equal(found.slow["us"].follower.current.base, VOLTAGES)
    path = tmp_path / "hidden.npz"
    assert read_swept(path, "two") is None
    path.write_bytes(path.read_bytes()[:100])
    with pytest.raises(MeasureError, match=r"hidden\.npz.*delete the file"):
        read_swept(path, "one")


def test_gains_beyond_the_sweeps_are_refused():
    """The sentence names the layer, the parameter, and both ranges."""
    network = small_network(alpha_f_minus=torch.tensor([1.8, 2.0, 4.5]))
    with pytest.raises(
        MeasureError, match=r"layer hidden: alpha_f_minus goes from 1\.8 to 4\.5.*from 1 to 4"
    ):
        measured_network(network, (ideal_layer(network),))


def test_voltages_outside_the_tables_are_counted_and_refused_past_a_share():
    """One in a thousand passes and is counted; one in ten is refused, with the layer and both ranges."""
    network = small_network()
    layer = measured_network(network, (ideal_layer(network),)).chain["hidden"]
    voltages = torch.zeros(1000)
    voltages[0] = 11.0
    assert outside("hidden", layer, voltages).share == pytest.approx(0.001)
    check_reach("hidden", layer, voltages)
    voltages[:100] = -10.5
    with pytest.raises(
        MeasureError,
        match=r"layer hidden: 10\.0 % of its membrane voltages, from -10\.5 to 0 V0.*-10 to 10 V0",
    ):
        check_reach("hidden", layer, voltages)
    assert outside("hidden", network.chain["hidden"], voltages) is None


def test_a_clamp_is_inside_the_tables():
    """Driven by 9 I0, a saturating leak and a clamp at 8 V0 hold the membrane as the equation says, both ways."""
    neuron = clamped(limited(TONIC, leak_limit=5.0), voltage=8.0, current=4.0)
    swept = ideal_swept(neuron)
    swept = replace(swept, fixed=replace(swept.fixed, current=-5 * np.tanh(VOLTAGES / 5)))
    law = measured_neuron(neuron, swept).neuron
    ends = []
    for own in (None, law):
        layer = NeuronLayer(neuron, 2, dt=0.05, method="heun", law=own, backend="eager")
        voltages = []
        layer(torch.tensor([-9.0, 9.0]).expand(800, 1, 2), voltages=voltages)
        ends.append(voltages[0][-1, 0].detach())
    assert ends[0][1] > 7
    assert (ends[0] - ends[1]).abs().max() < 1e-3
    assert outside("hidden", layer, voltages[0]).share == 0


def test_spikes_under_a_law_are_crossings_of_the_declared_threshold():
    """A measured stage leaves a little at its output at rest: no neuron is always active, nor all are silent."""
    network = small_network()
    neuron = network.chain["hidden"].neuron
    swept = ideal_swept(neuron)
    swept = replace(swept, fixed=replace(swept.fixed, output=swept.fixed.output + 0.01))
    law = MeasuredLayer(label="hidden", law=measured_neuron(neuron, swept), gains={})
    made = measured_network(network, (law,))
    inputs = torch.as_tensor(INPUTS, dtype=torch.float32)[:, None]
    found = []
    for one in (network, made):
        voltages = {}
        with torch.no_grad(), layer_outputs(one) as outputs:
            one(inputs, voltages=voltages)
        for label, layer in layers_under_laws(one).items():
            assert (outputs[label] > 0).all()
            outputs[label] = above_threshold(layer, voltages[label])
        found.append(activity(spiking_layers(one), outputs, torch.ones(len(INPUTS), 1, dtype=torch.bool)))
    declared, measured = found
    assert declared.spikes > 0
    assert measured.spikes == declared.spikes
    assert measured.silent_neurons == declared.silent_neurons == 0
    assert measured.duty_cycle == pytest.approx(declared.duty_cycle, abs=0.01)


@pytest.mark.parametrize(
    ("levels", "message"),
    [
        ("behavioural", "no amplifiers to measure"),
        ({"hidden_0": "transistor"}, "hidden: its neurons have the levels"),
    ],
)
def test_levels_that_cannot_be_measured_are_refused(levels, message):
    """A circuit without amplifiers, and a layer of several levels."""
    chosen = technology("generic_180nm")
    options = CircuitOptions(scaling=chosen.scaling(), levels=levels, technology=chosen)
    with pytest.raises(MeasureError, match=message):
        measure_network(small_network(), options)


def test_a_law_of_another_neuron_is_refused():
    """Parameters and states are held against the neuron's."""
    law = ideal_layer(small_network()).law.neuron
    with pytest.raises(ParameterError, match=r"has parameters .*which the neuron lacks"):
        NeuronLayer(mtc((tanh("fast", -2.0),)), 1, dt=DT, method="heun", law=law)
    with pytest.raises(ParameterError, match="it must begin with the neuron's, um, us"):
        NeuronLayer(TONIC, 1, dt=DT, method="heun", law=mtc((tanh("fast", -2.0),)))
    with pytest.raises(ParameterError, match="law"):
        NeuronLayer(TONIC, 1, dt=DT, law=lif())


def test_a_network_under_a_law_is_stored_with_it(tmp_path):
    """What is read again steps as what was saved, tables and all."""
    network = small_network()
    made = measured_network(network, (ideal_layer(network),))
    save_network(made, tmp_path)
    inputs = torch.as_tensor(INPUTS[:50], dtype=torch.float32)[:, None]
    with torch.no_grad():
        torch.testing.assert_close(load_network(tmp_path)(inputs)[0], made(inputs)[0])


def test_the_scaling_of_a_law_is_that_of_its_circuit():
    """Sweeps of other units have another digest."""
    from excitable.ladder.measured.kept import digest_of

    bare = SimpleNamespace(subcircuit=0, cells=(), models=(), temperature=27.0, corner="tt", supplies={})
    one = digest_of(Scaling(voltage_unit=0.07, current_unit=1e-9, capacitance=1e-12), (TONIC, bare))
    two = digest_of(Scaling(voltage_unit=0.07, current_unit=2e-9, capacitance=1e-12), (TONIC, bare))
    hot = digest_of(
        Scaling(voltage_unit=0.07, current_unit=1e-9, capacitance=1e-12),
        (TONIC, SimpleNamespace(**{**vars(bare), "temperature": 85.0})),
    )
    assert len({one, two, hot}) == 3
