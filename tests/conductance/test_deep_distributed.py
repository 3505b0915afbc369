"""Several processes train as one: the same gradients and statistics; and the larger networks learn."""

import json
import subprocess
import sys

import pytest
import torch
import torch.distributed as processes
import torch.multiprocessing as spawner

from conductance.deep.data.arrays import generated_pixels
from conductance.deep.losses import tet_loss
from conductance.deep.networks import digits_network, resnet19, vgg_snn
from conductance.deep.neurons import NeuronOptions

IMAGES = 8


def example() -> tuple[torch.nn.Module, torch.Tensor, torch.Tensor]:
    """The same network, with trained maps, and the same batch in every process, in float64."""
    torch.set_default_dtype(torch.float64)
    torch.manual_seed(0)
    network = digits_network(NeuronOptions(trainable=("a", "u2"), sharing="channel"), steps=3)
    return network, torch.randn(IMAGES, 1, 8, 8), torch.arange(IMAGES)


def gradients(network, images, labels) -> dict[str, torch.Tensor]:
    tet_loss(network(images), labels).backward()
    found = {name: parameter.grad.clone() for name, parameter in network.named_parameters()}
    return found | {name: value for name, value in network.named_buffers() if "running" in name}


def process(rank: int, folder: str) -> None:
    """One of two processes: half of the batch each."""
    torch.set_num_threads(1)
    processes.init_process_group("gloo", init_method=f"file://{folder}/meeting", rank=rank, world_size=2)
    network, images, labels = example()
    shared = torch.nn.parallel.DistributedDataParallel(network)
    half = slice(rank * IMAGES // 2, (rank + 1) * IMAGES // 2)
    tet_loss(shared(images[half]), labels[half]).backward()
    found = {name: parameter.grad for name, parameter in network.named_parameters()}
    found |= {name: value for name, value in network.named_buffers() if "running" in name}
    torch.save(found, f"{folder}/{rank}.pt")
    processes.destroy_process_group()


@pytest.mark.slow
def test_two_processes_have_the_gradients_of_one(tmp_path):
    """Two gloo processes with half of a batch each: every gradient and statistic is that of the whole batch in one."""
    spawner.spawn(process, (str(tmp_path),), nprocs=2)
    try:
        wanted = gradients(*example())
    finally:
        torch.set_default_dtype(torch.float32)
    assert any("raw_a" in name for name in wanted)
    for rank in range(2):
        found = torch.load(tmp_path / f"{rank}.pt", weights_only=True)
        assert set(found) == set(wanted)
        for name, tensor in wanted.items():
            assert torch.allclose(found[name], tensor, rtol=1e-9, atol=1e-12), name


@pytest.mark.slow
def test_the_command_trains_with_two_processes(tmp_path):
    """`processes = 2` on the CPU: Lightning starts the second one, and the run ends with its files."""
    (tmp_path / "two.toml").write_text(
        'name = "two"\n[data]\nname = "digits"\n[network]\nname = "digits"\nsteps = 2\n'
        '[training]\nepochs = 1\nbatch = 64\nprocesses = 2\noptimiser = "adam"\nlearning_rate = 0.003\n'
    )
    command = [sys.executable, "-m", "excitable", "train-images", "two.toml", "--run", "run"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=900, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    assert json.loads((tmp_path / "run" / "result.json").read_text())["epochs"] == 1


@pytest.mark.slow
@pytest.mark.parametrize(("build", "size"), [(resnet19, 16), (vgg_snn, 32)], ids=["resnet19", "vgg_snn"])
def test_the_large_networks_learn_on_the_generated_images(build, size):
    """Fourteen updates on one batch of the generated set, forward and backward: the loss falls by a third."""
    pixels, labels = generated_pixels(4, size=size)
    images = (torch.from_numpy(pixels).float() - 128) / 40
    network = build(NeuronOptions(), channels=3, steps=2)
    optimiser = torch.optim.SGD(network.parameters(), lr=0.05, momentum=0.9)
    losses = []
    for _ in range(14):
        loss = tet_loss(network(images), torch.from_numpy(labels))
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        network.settle()
        losses.append(float(loss.detach()))
    assert losses[-1] < 0.67 * losses[0]
