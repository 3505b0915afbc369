"""Names go through a netlist and back, or are refused in words: of parameters, states, symbols and layers."""

import numpy as np
import pytest
import sympy
import torch

from circuits.data.scaling import Scaling
from circuits.networks.single import neuron_circuit
from conductance.errors import ExcitableError
from conductance.layers import NeuronLayer, Projection
from conductance.networks import Network
from conductance.neurons import Neuron, low_pass, mtc
from conductance.neurons.base import INPUT, State
from conductance.parameter import Parameter
from excitable.checks.network import check_network
from excitable.checks.neuron import check_circuit
from netlists.analyses import Tolerances, Transient
from netlists.writing import write_netlist

CARRIED = [
    "torch", "self", "name", "netlist", "subcircuit_name", "math", "np", "x", "m", "spike_0", "lambda_", "a" * 64,
]  # fmt: skip
"""Words of Python, torch, PySpice and SPICE that mean nothing in a circuit."""
KEPT = ["e", "time", "temper", "params", "gnd", "agauss"]
"""Names that ngspice has for itself; as parameters also the circuit's own units."""
STOP, START = 3.0, 0.4


def leaky(parameter: str = "alpha", state: str = "um", symbol: str = "U") -> Neuron:
    """tau dU/dt = -alpha tanh(U) + I, with these names."""
    gain, tau = (
        Parameter(name=each, default=number, lower=0.0, lower_open=True, transform="softplus", meaning="m")
        for each, number in ((parameter, 0.7), ("tau", 2.0))
    )
    u = sympy.Symbol(symbol, real=True)
    currents = {"leak": -gain.symbol * sympy.tanh(u), "input": INPUT}
    states = (State(name=state, symbol=u, capacity=tau.symbol, currents=currents, meaning="m"),)
    return Neuron(name="named", meaning="m", parameters=(gain, tau), states=states, output=u)


@pytest.fixture(scope="module")
def plain():
    """Without input asinh of sinh(U(0)) exp(-alpha t / tau): the circuit under plain names, which follows it."""
    found = check_circuit(leaky(), 0.0, STOP, start=[START])
    exact = np.arcsinh(np.sinh(START) * np.exp(-0.7 * found.time / 2.0))
    assert np.abs(found.circuit - exact).max() < 1e-4
    return found.circuit


@pytest.mark.simulator
@pytest.mark.parametrize("name", CARRIED)
def test_a_name_goes_through_the_netlist_and_back(name, plain):
    """As a parameter, a state's node and a symbol: ngspice's waveform is that of the same neuron under plain names."""
    for made in (leaky(parameter=name), leaky(state=name), leaky(symbol=name)):
        assert np.abs(check_circuit(made, 0.0, STOP, start=[START]).circuit - plain).max() < 1e-9


@pytest.mark.parametrize("name", [*KEPT, "v0", "i0", "c0"])
def test_a_parameter_that_a_circuit_has_for_itself_is_refused(name):
    """With the name, and what to do, before any simulator is started."""
    with pytest.raises(ExcitableError, match=rf"parameter.* {name}\b.*rename"):
        check_circuit(leaky(parameter=name), 0.0, STOP)


@pytest.mark.parametrize("name", [*KEPT, "E", "Time"])
def test_a_state_that_no_node_can_be_named_after_is_refused(name):
    """A capital letter, too: SPICE does not tell cases apart."""
    with pytest.raises(ExcitableError, match=rf"node.*{name}"):
        check_circuit(leaky(state=name), 0.0, STOP)


@pytest.mark.parametrize(
    ("name", "refused"), [*((each, False) for each in CARRIED), ("table", True), ("real", True)]
)
def test_a_name_goes_into_verilog_a(name, refused):
    """The module has the parameter and its equation uses it; a keyword of Verilog-A is refused with the object."""
    circuit = neuron_circuit(leaky(parameter=name), 0.0, scaling=Scaling())
    analysis = Transient(stop=1e-3, max_step=1e-6)
    tolerances = Tolerances.scaled(voltage_unit=0.072, current_unit=1e-9, capacitance=1e-12)
    if refused:
        with pytest.raises(ExcitableError, match=rf"parameter {name} has a name that Verilog-A keeps"):
            write_netlist(circuit, analysis, tolerances, dialect="verilog-a")
        return
    written = write_netlist(circuit, analysis, tolerances, dialect="verilog-a")
    text = written.files[written.bench]
    assert f"parameter real {name} = 0.7 from (0.0:inf);" in text
    assert f"{name}*" in text or f"*{name}" in text


@pytest.mark.vacask
@pytest.mark.parametrize("name", ["self", "lambda_", "a" * 64])
def test_a_name_goes_through_the_compiler_and_back(name, plain):
    """The compiled module in VACASK gives ngspice's waveform."""
    found = check_circuit(leaky(parameter=name), 0.0, STOP, start=[START], simulator="vacask")
    assert np.abs(found.circuit - plain).max() < 1e-4


def driven(name: str) -> Network:
    random = torch.Generator().manual_seed(0)
    made = Network(
        {
            "encoder": Projection(1, 2, generator=random), name: NeuronLayer(mtc(), 2, dt=0.2),
            "to_" + name[:60]: Projection(2, 1, generator=random), "filter": NeuronLayer(low_pass(), 1, dt=0.2),
        }
    )  # fmt: skip
    with torch.no_grad():
        made.layers["encoder"].weight.copy_(torch.tensor([[-1.0], [2.0]]))
        made.layers["encoder"].bias.zero_()
    return made


@pytest.mark.simulator
@pytest.mark.parametrize("name", ["self", "lambda", "time", "v0", "values_", "a" * 64])
def test_a_layers_name_goes_through_the_netlist_and_back(name):
    """The waveforms come back under the layer's name, and follow the equation."""
    found = check_network(driven(name), np.ones((30, 1)))
    assert found.circuit.neurons == (f"{name}_0", f"{name}_1")
    assert np.ptp(found.circuit.membrane, axis=0).min() > 0.1
    assert max(each.rms_v0 for each in found.compared("equation").neurons) < 1e-4


@pytest.mark.parametrize("name", ["Hidden", "I_in"])
def test_a_layers_name_in_capitals_is_refused_by_its_circuit(name):
    """SPICE would take `Hidden` and `hidden` for the same."""
    with pytest.raises(
        ExcitableError, match=f"layer: the name '{name}' is not allowed; use a lower-case letter"
    ):
        check_network(driven(name), np.ones((3, 1)))
