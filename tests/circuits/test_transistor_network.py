"""A network's layers at their levels: which parts are built, and that they make the same network."""

import numpy as np
import pytest
import torch

from circuits.data.circuit import CircuitError, Instance, Mosfet, Transconductance
from circuits.networks.continuous import network_circuit
from circuits.technologies import technology
from conductance.elements import tanh
from conductance.layers import NeuronLayer, Projection
from conductance.networks import Network
from conductance.neurons import low_pass, mtc
from netlists.analyses import Tolerances, Transient
from netlists.simulation import simulate
from netlists.writing import write_netlist

IDEAL, GENERIC = technology("ideal"), technology("generic_180nm")
DT = 0.5
INPUTS = np.where(np.arange(160) < 80, 0.5, 0.2)[:, None]
ELEMENTS = (tanh("fast", -2.0), tanh("slow", 2.0))
READOUT = (1.5, -0.5, 0.75)


def network(**values) -> Network:
    """One input, three neurons of different gains, one filtered output."""
    gains = {"alpha_f_minus": torch.tensor([1.8, 2.0, 3.5])} | values
    chain = Network(
        {
            "encoder": Projection(1, 3),
            "hidden": NeuronLayer(mtc(ELEMENTS, filter_limit=1.0, leak_limit=4.0), 3, dt=DT, values=gains),
            "readout": Projection(3, 1),
            "filter": NeuronLayer(low_pass(), 1, dt=DT, method="exponential_euler"),
        }
    )
    with torch.no_grad():
        chain.layers["encoder"].weight.copy_(torch.tensor([[1.0], [1.5], [-0.5]]))
        chain.layers["encoder"].bias.copy_(torch.tensor([-1.0, -1.2, -0.3]))
        chain.layers["readout"].weight.copy_(torch.tensor([READOUT]))
        chain.layers["readout"].bias.fill_(0.1)
    return chain


def build(levels, chosen, net=None):
    return network_circuit(
        net or network(), INPUTS, dt=DT, scaling=IDEAL.scaling() if chosen is IDEAL else chosen.scaling(),
        levels=levels, technology=chosen,
    )  # fmt: skip


def output(built, chosen, relative):
    """The network's output in V0, on a grid."""
    scaling = chosen.scaling()
    unit = scaling.time_unit
    tolerances = Tolerances.scaled(
        voltage_unit=scaling.voltage_unit, current_unit=scaling.current_unit, capacitance=scaling.capacitance,
        relative=relative,
    )  # fmt: skip
    analysis = Transient(stop=built.duration, max_step=0.5 * unit)
    found = simulate(write_netlist(built.circuit, analysis, tolerances)).require()
    voltage = found["voltage"].sel(node=built.outputs[0]).to_numpy() / scaling.voltage_unit
    return np.interp(np.arange(0, 80, 0.25), found["time"].to_numpy() / unit, voltage)


def test_synapses_replace_transconductances_behind_amplifiers():
    """Readout weights become synapses of their sign; encoder weights, which read ideal sources, do not."""
    devices = {d.name: d for d in build("transistor", GENERIC).circuit.devices}
    signs = ["excitatory" if weight > 0 else "inhibitory" for weight in READOUT]
    for index, sign in enumerate(signs):
        assert devices[f"x_filter_0_y1_hidden_{index}_out"].subcircuit.startswith(f"synapse_{sign}_")
    read = {d.sense_positive for d in devices.values() if isinstance(d, Transconductance)}
    assert read == {"x0"}


def test_levels_by_label():
    """A layer left out is behavioural; an unknown label is answered by the known ones."""
    built = build({"filter": "behavioural"}, GENERIC)
    assert not built.circuit.models
    built = build({"hidden": "transistor"}, GENERIC)
    assert {model.polarity for model in built.circuit.models} == {"nmos", "pmos"}
    with pytest.raises(CircuitError, match="no neuron layer hiden; known are hidden, filter"):
        build({"hiden": "transistor"}, GENERIC)


def test_one_neuron_of_a_layer_in_transistors():
    """It alone has amplifiers and a mirror synapse; the others keep their sources and transconductances."""
    devices = {d.name: d for d in build({"hidden_1": "transistor"}, GENERIC).circuit.devices}
    kinds = [devices[f"xhidden_{index}"].subcircuit for index in range(3)]
    assert kinds == ["mtc_behavioural", "mtc_transistor", "mtc_behavioural"]
    assert devices["x_filter_0_y1_hidden_1_out"].subcircuit.startswith("synapse_inhibitory_")
    assert isinstance(devices["g_filter_0_y1_hidden_0_out"], Transconductance)
    with pytest.raises(CircuitError, match=r"no neuron layer hidden_3; .* by its number"):
        build({"hidden_3": "transistor"}, GENERIC)


def test_transistors_are_made_for_the_largest_gain_of_the_layer():
    """Widths follow the largest bias current of all neurons, 3.5 I0, not that of the declaration."""
    subcircuits = {s.name: s for s in build("transistor", GENERIC).circuit.subcircuits}
    pairs = [d for d in subcircuits["ota10"].devices if isinstance(d, Mosfet) and d.model == "pch"]
    assert {d.width for d in pairs} == {GENERIC.width("pmos", 3.5e-9)}
    small = network(alpha_f_minus=torch.full((3,), 2.0), alpha_s_plus=torch.full((3,), 60.0))
    assert GENERIC.width("pmos", 60e-9) > GENERIC.width("pmos", 3.5e-9)
    subcircuits = {s.name: s for s in build("transistor", GENERIC, small).circuit.subcircuits}
    pairs = [d for d in subcircuits["ota10"].devices if isinstance(d, Mosfet) and d.model == "pch"]
    assert {d.width for d in pairs} == {GENERIC.width("pmos", 60e-9)}


def test_neurons_of_one_layer_share_their_pairs():
    """A leak limit that the layer was trained to is built; one for each neuron is refused by name."""
    wide = build("macromodel", IDEAL, network(leak_limit=torch.full((3,), 5.0)))
    neuron = next(s for s in wide.circuit.subcircuits if s.name == "mtc")
    narrow = next(s for s in build("macromodel", IDEAL).circuit.subcircuits if s.name == "mtc")
    leaks = [sum(isinstance(d, Instance) and "leak" in d.name for d in s.devices) for s in (neuron, narrow)]
    assert neuron != narrow and min(leaks) > 3
    with pytest.raises(CircuitError, match=r"layer hidden: leak_limit decides.*runs from 3 to 5"):
        build("macromodel", IDEAL, network(leak_limit=torch.tensor([3.0, 4.0, 5.0])))


@pytest.mark.simulator
def test_network_of_perfect_amplifiers_is_the_behavioural_one():
    """Outputs differ by 3 % rms of their range: staggered leaks, and an output stage whose pair bends by 1.6 %."""
    sources = output(build("behavioural", IDEAL), IDEAL, 1e-7)
    amplifiers = output(build("macromodel", IDEAL), IDEAL, 1e-6)
    assert np.ptp(sources) > 0.5
    assert np.sqrt(np.mean((amplifiers - sources) ** 2)) < 0.03 * np.ptp(sources)


@pytest.mark.simulator
def test_network_of_transistors_follows():
    """Untrimmed transistors: the output keeps its shape, correlation above 0.97."""
    sources = output(build("behavioural", GENERIC), GENERIC, 1e-6)
    transistors = output(build("transistor", GENERIC), GENERIC, 1e-4)
    assert np.corrcoef(sources, transistors)[0, 1] > 0.97
