"""Deep training from configuration files: what is shipped, what is refused, and that a broken run goes on."""

import json

import pytest
import torch
from safetensors.torch import load_file

from conductance.deep.data.arrays import digits
from conductance.deep.networks import digits_network
from conductance.deep.neurons import DeepError, ImageNeurons, NeuronOptions
from conductance.deep.training import ImageTrainingOptions, train_images
from conductance.deep.training.fit import CHECKPOINT, KIND
from conductance.storage.checkpoints import read_checkpoint, write_checkpoint
from excitable.config import (
    ConfigurationError,
    parse_configuration,
    read_configuration,
    shipped_configurations,
)
from excitable.runs.folder import RunError
from excitable.runs.images import ImageRun, image_data, train_on_images, untrained_network

PUBLISHED = {
    "cifar10-resnet19-t4": ("cifar10", "resnet19", 4, 10),
    "cifar10-resnet19-t2": ("cifar10", "resnet19", 2, 10),
    "cifar100-resnet19-t4": ("cifar100", "resnet19", 4, 100),
    "cifar100-resnet19-t2": ("cifar100", "resnet19", 2, 100),
    "cifar10-dvs-resnet19": ("cifar10_dvs", "resnet19", 10, 10),
    "cifar10-dvs-vgg": ("cifar10_dvs", "vgg_snn", 10, 10),
    "imagenet-resnet34-t4": ("imagenet", "resnet34", 4, 1000),
}
"""Every result of the paper: data, network, steps, classes."""
SMALL = """
name = "small"
[data]
name = "digits"
[network]
name = "digits"
steps = 2
[training]
epochs = 2
batch = 64
optimiser = "adam"
learning_rate = 0.003
"""


def test_every_published_result_has_a_configuration():
    """Each file is valid and describes the published data, network and number of steps, with DQIF and TET."""
    assert set(shipped_configurations("images")) == {
        *PUBLISHED, "digits-dense", "digits-dqif", "fashion-dqif", "fashion-dlif",
    }  # fmt: skip
    for name, (data, network, steps, _) in PUBLISHED.items():
        found = read_configuration(name)
        assert (found.data.name, found.network.name, found.network.steps) == (data, network, steps)
        assert (found.network.neuron, found.network.window, found.training.loss) == (
            "dqif",
            "analytic",
            "tet",
        )
        assert found.name == name
        found.training.build()


def test_faults_are_named_with_their_lines():
    """Unknown keys, values out of bounds and wrong words, all at once."""
    text = SMALL.replace('"digits"\nsteps = 2', '"lenet"\nsteps = 0').replace("batch = 64", "bach = 64")
    with pytest.raises(ConfigurationError) as caught:
        parse_configuration(text, source="my.toml")
    said = str(caught.value)
    assert "my.toml: 3 faults" in said
    assert "did you mean batch" in said
    assert "network.steps = 0" in said
    with pytest.raises(ConfigurationError, match="digits-dqif"):
        read_configuration("no-such-file.toml")


def test_data_without_a_folder_are_refused():
    """Nothing is downloaded."""
    with pytest.raises(DeepError, match="--data FOLDER"):
        image_data(read_configuration("cifar10-resnet19-t4"), None)


def test_a_run_leaves_its_files_and_is_not_mixed_with_another(tmp_path):
    """Configuration, metrics of each epoch, weights and the test accuracy; another configuration is refused."""
    configuration = parse_configuration(SMALL)
    images = image_data(configuration, None)
    with ImageRun.begun(tmp_path / "run", SMALL, source="small.toml") as run:
        result = train_on_images(run, images)
    lines = [json.loads(line) for line in (run.path / "metrics.jsonl").read_text().splitlines()]
    assert [line["epoch"] for line in lines] == [1, 2]
    assert lines[1]["loss"] < lines[0]["loss"]
    assert json.loads((run.path / "result.json").read_text())["test_accuracy"] == result.test == run.test
    weights = load_file(run.path / "model.safetensors")
    for name, tensor in run.network().state_dict().items():
        assert tensor.equal(weights[name])
    assert (
        not untrained_network(configuration, images)
        .state_dict()["body.5.layer.weight"]
        .equal(weights["body.5.layer.weight"])
    )
    other = ImageRun.begun(run.path, SMALL.replace("batch = 64", "batch = 32"), source="small.toml")
    with pytest.raises(RunError, match=r"another configuration \(training.batch: 64 -> 32\)"), other:
        pass


def trained(folder, epochs, network=None):
    torch.manual_seed(1)
    network = network or digits_network(
        NeuronOptions(trainable=("a", "u2"), sharing="channel", window="measured"), steps=2
    )
    options = ImageTrainingOptions(
        epochs=epochs, batch=128, optimiser="adam", learning_rate=0.003, accumulate=2
    )
    return train_images(network, digits(), options, seed=4, folder=folder), network


def test_a_run_that_is_broken_off_goes_on_as_if_it_were_not(tmp_path, monkeypatch):
    """Three epochs in one go and with a break after the second: the same weights, windows and history, bit by bit."""
    (tmp_path / "whole").mkdir()
    (tmp_path / "broken").mkdir()
    result, whole = trained(tmp_path / "whole", 3)
    from conductance.deep.training.module import ImageModule

    begin = ImageModule.on_train_epoch_start

    def stop(self):
        if self.current_epoch == 2:
            raise KeyError("killed")
        begin(self)

    with monkeypatch.context() as patch, pytest.raises(KeyError, match="killed"):
        patch.setattr(ImageModule, "on_train_epoch_start", stop)
        trained(tmp_path / "broken", 3)
    again, resumed = trained(tmp_path / "broken", 3)
    assert again.history == result.history
    for name, tensor in whole.state_dict().items():
        assert torch.equal(resumed.state_dict()[name], tensor), name


def test_checkpoints_of_another_seed_and_damaged_ones_are_refused(tmp_path):
    """The error names the checkpoint."""
    trained(tmp_path, 1)
    options = ImageTrainingOptions(epochs=2, batch=128)
    network = digits_network(
        NeuronOptions(trainable=("a", "u2"), sharing="channel", window="measured"), steps=2
    )
    with pytest.raises(DeepError, match="seed 4, but seed 5"):
        train_images(network, digits(), options, seed=5, folder=tmp_path)
    path = tmp_path / CHECKPOINT
    sound, whole = read_checkpoint(path, KIND), path.read_bytes()
    for change, words in (
        ({"epoch": -1}, "damaged .epoch = -1"),
        ({"global_step": 1.5}, "damaged .global_step = 1.5"),
        ({"state_dict": {}}, "damaged, or one of another network"),
        (
            {"state_dict": {name: value[:0] for name, value in sound["state_dict"].items() if value.ndim}},
            "damaged",
        ),
    ):
        write_checkpoint(path, KIND, {**sound, **change})
        with pytest.raises(DeepError, match=words):
            train_images(network, digits(), options, seed=4, folder=tmp_path)
    path.write_bytes(whole[:1000])
    with pytest.raises(DeepError, match="damaged"):
        train_images(network, digits(), options, seed=4, folder=tmp_path)


def test_trained_maps_stay_in_the_stable_region():
    """With a rate so high that a, u1 and u2 run away, every neuron still has legal parameters after training."""
    network = digits_network(NeuronOptions(trainable=("a", "u1", "u2", "u_th")), steps=2)
    options = ImageTrainingOptions(epochs=2, batch=64, optimiser="adam", learning_rate=0.3)
    train_images(network, digits(), options)
    layers = [module.layer for module in network.modules() if isinstance(module, ImageNeurons)]
    assert len(layers) == 3
    for layer in layers:
        layer.check_values()
        assert float((layer.values()["u2"] - 0.5).abs().max().detach()) > 0.2


def test_options_out_of_bounds_are_all_named():
    """Numbers and words."""
    with pytest.raises(DeepError, match=r"epochs = 0.*loss = 'mse'"):
        ImageTrainingOptions(epochs=0, loss="mse")
