"""Networks in files: every declaration and every number comes back, and a bad file is refused in words."""

import errno
import json
import os
import subprocess
import sys
from pathlib import Path

import declared
import numpy as np
import pytest
import sympy
import torch
from declared import dt_of
from safetensors.torch import load_file, save_file

from conductance.elements import linear, quadratic, tabulated, tanh
from conductance.elements.base import Element, Law, V
from conductance.layers import NeuronLayer, Projection
from conductance.networks import Network
from conductance.neurons import Neuron, adlif, lif, low_pass, mtc, qif
from conductance.parameter import Parameter
from conductance.storage import (
    StorageError,
    decode_neuron,
    encode_neuron,
    load_network,
    save_network,
    write_whole,
)

VOLTAGES = np.linspace(-2, 2, 7)

OWN_GAIN = Parameter(
    name="gain", default=0.3, lower=0.0, lower_open=True, transform="softplus", meaning="own gain"
)
OWN_LAW = Law(
    name="own",
    parameters=(OWN_GAIN,),
    current=OWN_GAIN.symbol * sympy.sinh(V) / 7,
    meaning="a law of the test's own",
)

NEURONS = {
    "mtc": mtc(),
    "slewing mtc": mtc(filter_limit=2.0, leak_limit=5.0, tau_f=1.0),
    "lif": lif(),
    "adlif": adlif(),
    "qif": qif(),
    "low_pass": low_pass(order=3),
    "own elements": mtc(
        [
            tanh("fast", -2.0),
            linear("fast", 0.1, 0.2, name="shunt"),
            quadratic("slow", 0.05, name="parabola"),
            tabulated("ultraslow", VOLTAGES, np.tanh(VOLTAGES), gain=1.3, offset=0.1, name="measured"),
            Element(law=OWN_LAW, timescale="slow", sign=1, values={"gain": 0.1}, name="own"),
        ],
        name="mine",
    ),
}


def network(neuron: Neuron, method: str = "forward_euler") -> Network:
    """Two inputs, three neurons of unequal parameters, one output."""
    generator = torch.Generator().manual_seed(3)
    first, dt = neuron.parameters[0], dt_of(neuron, method, 0.2)
    values = {first.name: first.default * torch.tensor([1.0, 1.1, 1.2])}
    return Network(
        {
            "encoder": Projection(2, 3, generator=generator),
            "hidden": NeuronLayer(neuron, 3, dt=dt, method=method, values=values, trainable=[first.name]),
            "readout": Projection(3, 1, generator=generator),
            "filter": NeuronLayer(low_pass(), 1, dt=1.0 if neuron.is_map else dt, method="exponential_euler"),
        }
    )


@pytest.mark.parametrize("name", NEURONS | declared.NEURONS)
def test_declaration_comes_back_equal(name):
    """A declaration written as JSON and read back is equal to the first, with its laws, bounds and constraints."""
    neuron = (NEURONS | declared.NEURONS)[name]
    assert decode_neuron(json.loads(json.dumps(encode_neuron(neuron)))) == neuron


@pytest.mark.parametrize("name", NEURONS)
def test_network_comes_back_bit_by_bit(name, tmp_path):
    """A loaded network has the same outputs, the same trained parameters and the same structure."""
    before = network(NEURONS[name])
    save_network(before, tmp_path)
    after = load_network(tmp_path)
    inputs = torch.randn(30, 2, 2)
    assert torch.equal(before(inputs)[0], after(inputs)[0])
    assert dict(before.named_parameters()).keys() == dict(after.named_parameters()).keys()
    assert [type(layer) for layer in before.layers.values()] == [
        type(layer) for layer in after.layers.values()
    ]


def test_network_comes_back_in_a_fresh_process(tmp_path):
    """A network with elements of one's own is read by a process that has never seen their code."""
    before = network(NEURONS["own elements"])
    save_network(before, tmp_path)
    inputs = torch.linspace(-1, 1, 40).reshape(20, 1, 2)
    program = (
        "import sys, torch; from pathlib import Path; from conductance.storage import load_network;"
        "torch.set_num_threads(1); x = torch.linspace(-1, 1, 40).reshape(20, 1, 2);"
        "print(load_network(Path(sys.argv[1]))(x)[0].detach().flatten().tolist())"
    )
    answer = subprocess.run(
        [sys.executable, "-c", program, str(tmp_path)], capture_output=True, text=True, check=True
    )
    assert json.loads(answer.stdout) == before(inputs)[0].detach().flatten().tolist()


def test_double_precision_and_method_are_kept(tmp_path):
    """The floating-point type and the update rule belong to the model."""
    before = network(lif(), "exponential_euler").double()
    save_network(before, tmp_path)
    after = load_network(tmp_path)
    assert after.layers["hidden"].rule.method == "exponential_euler"
    inputs = torch.randn(10, 1, 2, dtype=torch.float64)
    assert torch.equal(before(inputs)[0], after(inputs)[0])


def test_loading_moves_no_random_numbers(tmp_path):
    """Reading a file leaves the caller's random numbers where they were."""
    save_network(network(lif()), tmp_path)
    torch.manual_seed(5)
    expected = torch.rand(1)
    torch.manual_seed(5)
    load_network(tmp_path)
    assert torch.equal(torch.rand(1), expected)


@pytest.fixture
def folder(tmp_path):
    save_network(network(mtc()), tmp_path)
    return tmp_path


def test_structure_and_weights_of_two_networks_do_not_pass_as_one(folder, tmp_path_factory):
    """Of one form and with legal numbers, so that only their common digest tells them apart."""
    other = tmp_path_factory.mktemp("other")
    changed = network(mtc())
    with torch.no_grad():
        changed.layers["readout"].weight += 0.125
    save_network(changed, other)
    assert load_network(folder) is not None
    (folder / "model.safetensors").write_bytes((other / "model.safetensors").read_bytes())
    with pytest.raises(StorageError, match=r"model\.json and model\.safetensors do not belong together"):
        load_network(folder)
    (folder / "model.json").write_bytes((other / "model.json").read_bytes())
    assert torch.equal(load_network(folder).layers["readout"].weight, changed.layers["readout"].weight)


def test_nan_in_the_weights_names_layer_parameter_and_neuron(folder):
    """A weight that is NaN is refused, with file, layer, parameter and neuron."""
    weights = load_file(folder / "model.safetensors")
    weights["layers.hidden.raw_alpha_f_minus"][1] = torch.nan
    save_file(weights, folder / "model.safetensors")
    with pytest.raises(StorageError, match=r"model.safetensors: layer hidden, alpha_f_minus\[1\] is nan"):
        load_network(folder)


def test_nan_is_not_saved(tmp_path):
    """A network with a number that is not finite is not written at all."""
    broken = network(mtc())
    with torch.no_grad():
        broken.layers["readout"].weight[0, 2] = torch.inf
    with pytest.raises(StorageError, match=r"layer readout, weight\[0, 2\] is inf"):
        save_network(broken, tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_timescales_out_of_order_are_refused_by_the_declaration(folder):
    """Numbers that break a constraint of the declaration are refused with the neuron's index."""
    weights = load_file(folder / "model.safetensors")
    weights["layers.hidden.raw_tau_s"][2] = 9.0
    save_file(weights, folder / "model.safetensors")
    with pytest.raises(StorageError, match=r"layer hidden: .*neuron 2: timescales must be ordered"):
        load_network(folder)


def test_weights_that_do_not_fit_are_all_named(folder):
    """Missing, unknown and misshapen numbers are listed together."""
    weights = load_file(folder / "model.safetensors")
    weights["extra"] = weights.pop("layers.encoder.bias")
    weights["layers.readout.weight"] = torch.zeros(2, 3)
    save_file(weights, folder / "model.safetensors")
    with pytest.raises(StorageError) as caught:
        load_network(folder)
    for words in ("layers.encoder.bias is missing", "extra is unknown", "layers.readout.weight is", "(2, 3)"):
        assert words in str(caught.value)


@pytest.mark.parametrize("size", [0, 5, 300])
def test_truncated_weights_are_one_clear_error(folder, size):
    """A file cut short is called damaged, with its name and the fix."""
    path = folder / "model.safetensors"
    path.write_bytes(path.read_bytes()[:size])
    with pytest.raises(StorageError, match=r"model.safetensors: the file is damaged .* train again"):
        load_network(folder)


def edited(folder: Path, change) -> None:
    data = json.loads((folder / "model.json").read_text())
    change(data)
    (folder / "model.json").write_text(json.dumps(data))


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda data: data.update(version=2), "version 2 .* reads version 1"),
        (lambda data: data.update(surprise=1), "surprise: Extra inputs"),
        (lambda data: data["layers"][1].update(size=0), "size: .* greater than or equal to 1"),
        (lambda data: data["layers"][1].update(dt=-0.2), "dt: .* greater than 0"),
        (lambda data: data["layers"][1].update(method="magic"), "layer hidden: .*unknown method 'magic'"),
        (lambda data: data["layers"][1]["neuron"].update(output=["__import__", "os"]), "__import__. is unknown"),
        (lambda data: data["layers"][1]["neuron"].update(output="V_secret"), "symbol 'V_secret' is not declared"),
        (lambda data: data["layers"][1]["neuron"]["parameters"][0].update(default=-1.0), "tau_m = -1 is not allowed"),
        (lambda data: data["layers"][2].update(name="hidden"), "two layers are named hidden"),
        (lambda data: data["layers"][2].update(inputs=4), "layer readout takes 4 inputs and gets 3"),
    ],
)  # fmt: skip
def test_bad_structure_is_one_clear_error(folder, change, words):
    """A model.json that says something impossible is refused in words that name the place."""
    edited(folder, change)
    with pytest.raises(StorageError, match=words):
        load_network(folder)


def test_deep_expression_is_refused(folder):
    """A tree nested without end is data, not a crash."""
    tree = "U_m"
    for _ in range(300):
        tree = ["tanh", tree]
    edited(folder, lambda data: data["layers"][1]["neuron"].update(output=tree))
    with pytest.raises(StorageError, match="nested deeper"):
        load_network(folder)


def test_symbols_with_other_assumptions_are_refused():
    """An assumption that the file would lose is refused when writing."""
    neuron = low_pass(order=1)
    symbol = sympy.Symbol("y_1", positive=True)
    state = neuron.states[0]
    other = type(state)(name="y1", symbol=symbol, capacity=1, currents={"leak": -symbol}, meaning="state")
    with pytest.raises(StorageError, match="real=True"):
        encode_neuron(Neuron(name="n", meaning="m", parameters=(), states=(other,), output=symbol))


def test_a_value_on_its_bound_comes_back(tmp_path):
    """A gain of exactly its lower bound is legal and is kept, although its free number may be infinite."""
    layer = NeuronLayer(adlif(a=0.0), 1, dt=0.5, method="symplectic_euler", trainable=["a"])
    save_network(Network({"hidden": layer}), tmp_path)
    assert load_network(tmp_path).layers["hidden"].values()["a"].tolist() == [0.0]


def test_a_full_disk_leaves_the_old_file(tmp_path, monkeypatch):
    """When the disk is full the old file stays, nothing half-written is left, and the error says so."""
    path = tmp_path / "model.json"
    write_whole(path, "old")

    def full(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(StorageError, match=r"model.json: the disk is full"):
        write_whole(path, "new")
    assert path.read_text() == "old"
    assert [entry.name for entry in tmp_path.iterdir()] == ["model.json"]


def test_a_missing_folder_is_named(tmp_path):
    """A file in a folder that does not exist is refused with the folder's name."""
    with pytest.raises(StorageError, match="nowhere"):
        write_whole(tmp_path / "nowhere" / "model.json", "text")
    with pytest.raises(StorageError, match="train the network first"):
        load_network(tmp_path / "nowhere")
