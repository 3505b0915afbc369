"""Training under the noise of the circuit's transistors, from a configuration file."""

import pytest
from test_config import SMALL

from circuits.data.scaling import ELEMENTARY_CHARGE
from circuits.data.values import CircuitError
from circuits.noise import noisy_network
from conductance import Network, NeuronLayer
from conductance.neurons import low_pass
from excitable.config import ConfigurationError, parse_configuration
from excitable.runs.series import SeriesRun, train_run, under_noise, untrained_network

NOISY = SMALL.replace("steps = 2", "steps = 2\nnoise = 1e4")


def trained(tmp_path, text, name):
    """The bytes of the model that a configuration gives, and its network."""
    with SeriesRun.begun(tmp_path / name, text, source="noisy.toml") as run:
        train_run(run)
    return (run.path / "model.safetensors").read_bytes(), run.network()


@pytest.mark.slow
def test_a_run_learns_under_noise_and_keeps_none(tmp_path):
    """The same bytes again, other ones than without noise, and neurons of the plain declaration."""
    first, network = trained(tmp_path, NOISY, "first")
    again, _ = trained(tmp_path, NOISY, "again")
    plain, silent = trained(tmp_path, SMALL, "plain")
    assert first == again != plain
    hidden = [layer.neuron for layer in network.chain.values() if isinstance(layer, NeuronLayer)]
    assert hidden == [layer.neuron for layer in silent.chain.values() if isinstance(layer, NeuronLayer)]


def test_noise_is_that_of_the_runs_circuit(tmp_path):
    """Its power follows the capacitor of [circuit]: a quarter of it has four times the noise."""
    powers = []
    for farads in ("1p", "0.25p"):
        text = NOISY + f'[circuit]\ncapacitance = "{farads}F"\n'
        configuration = parse_configuration(text)
        with SeriesRun.begun(tmp_path / farads, text, source="noisy.toml") as run:
            network = under_noise(untrained_network(configuration, run.data), run)
        layer = next(
            each for each in network.chain.values() if isinstance(each, NeuronLayer) and each.neuron.noisy
        )
        powers.append(float(layer.values()["noise_power"][0]))
    assert powers[1] == pytest.approx(4 * powers[0], rel=1e-5)
    own = parse_configuration(NOISY).circuit.scaling("transistor")
    assert powers[0] == pytest.approx(1e4 * ELEMENTARY_CHARGE / (1e-12 * own.voltage_unit), rel=1e-5)


def test_what_has_no_noise_is_refused():
    """A negative power in the file; a network of ideal filters."""
    with pytest.raises(ConfigurationError, match=r"training.noise = -1"):
        parse_configuration(NOISY.replace("1e4", "-1"))
    network = Network({"filter": NeuronLayer(low_pass(), 3, dt=0.1)})
    with pytest.raises(CircuitError, match=r"none of its layers \(filter\) has noise"):
        noisy_network(network)
