"""Threads wait without spinning, a resume takes the number that it began with, kernels give equal bits."""

import json
import os
import re
import subprocess
import sys
from contextlib import contextmanager, suppress

import pytest
import torch
from declared import trained
from echo_task import Echo, small_network
from safetensors.torch import save_file

from conductance.layers import NeuronLayer
from conductance.loading.threads import ROUNDS, VARIABLES
from conductance.neurons import adlif, dqif, lif, low_pass, mtc, qif
from conductance.storage.checkpoints import CHECKPOINT, KEY, recorded_threads, threads_of
from conductance.training import TrainingOptions, train


def shown(program: str, **given: str) -> dict[str, str]:
    """The settings that GNU's OpenMP library says it runs with; empty where torch comes with another one."""
    kept = {name: value for name, value in os.environ.items() if name not in VARIABLES}
    run = subprocess.run(
        [sys.executable, "-c", program], env={**kept, **given, "OMP_DISPLAY_ENV": "verbose"},
        check=True, capture_output=True, text=True,
    )  # fmt: skip
    return dict(re.findall(r"(GOMP_SPINCOUNT|OMP_WAIT_POLICY) = '(\w+)'", run.stderr))


@pytest.mark.parametrize(
    ("program", "given", "rounds"),
    [
        ("import conductance, torch", {}, str(ROUNDS)),
        ("from conductance import NeuronLayer", {}, str(ROUNDS)),
        ("import conductance, torch", {"GOMP_SPINCOUNT": "77"}, "77"),
        ("import conductance, torch", {"OMP_WAIT_POLICY": "passive"}, "0"),
    ],
)
def test_openmp_reads_what_is_set(program, given, rounds):
    """The library itself says for how many rounds its threads look before they sleep."""
    found = shown(program, **given)
    if not found:
        pytest.skip("torch does not come with GNU's OpenMP library here")
    assert found["GOMP_SPINCOUNT"] == rounds


def test_children_wait_alike():
    """A process that a search or a sweep starts finds the setting."""
    program = (
        "import subprocess, sys, conductance\n"
        "child = 'import os; print(os.environ[\"GOMP_SPINCOUNT\"])'\n"
        "print(subprocess.run([sys.executable, '-c', child], check=True, capture_output=True, text=True).stdout)\n"
    )
    kept = {name: value for name, value in os.environ.items() if name not in VARIABLES}
    run = subprocess.run(
        [sys.executable, "-c", program], env=kept, check=True, capture_output=True, text=True
    )
    assert run.stdout.strip() == str(ROUNDS)


@contextmanager
def threads(count):
    """So many threads of torch inside."""
    kept = torch.get_num_threads()
    torch.set_num_threads(count)
    try:
        yield
    finally:
        torch.set_num_threads(kept)


class BrokenOffError(RuntimeError):
    """Stands for the kill of a process."""


def trained_with(folder, count, *, stop_at=None):
    """The network of a training in a process of so many threads, and the number of them in each of its steps."""
    seen = []

    def report(record):
        seen.append(torch.get_num_threads())
        if record.split == "train" and record.step == stop_at:
            raise BrokenOffError

    folder.mkdir(exist_ok=True)
    network, task = small_network(hidden=4), Echo(samples=30)
    options = TrainingOptions(steps=4, batch=8, learning_rate=0.05, evaluate_every=2)
    with threads(count):
        with suppress(BrokenOffError):
            train(network, task, task.generate(0), options, folder=folder, report=report)
        assert torch.get_num_threads() == count
    return network, set(seen)


@pytest.mark.parametrize(("begun", "resumed"), [(2, 1), (1, 3)])
def test_a_resume_takes_the_threads_that_it_began_with(tmp_path, begun, resumed):
    """Broken off with one number of threads and resumed in a process of another: every step has the first number, the
    weights are those of the unbroken bit by bit, the number stays in the checkpoint, and the process has its own back.
    """
    whole, _ = trained_with(tmp_path / "whole", begun)
    trained_with(tmp_path / "broken", begun, stop_at=3)
    assert recorded_threads(tmp_path / "broken" / CHECKPOINT) == begun
    ended, seen = trained_with(tmp_path / "broken", resumed)
    assert seen == {begun}
    assert recorded_threads(tmp_path / "broken" / CHECKPOINT) == begun
    for name, tensor in whole.state_dict().items():
        assert torch.equal(tensor, ended.state_dict()[name]), name


def test_a_checkpoint_without_a_number_leaves_the_process_as_it_is(tmp_path):
    """None, an absurd one, or no checkpoint at all: what the process has."""
    path = tmp_path / "last.safetensors"
    assert recorded_threads(path) is None
    for wrong in (0, -1, 10**9, "two", None):
        header = {KEY: json.dumps({"version": "2", "kind": "series", "threads": wrong, "state": {}})}
        save_file({"x": torch.zeros(1)}, path, metadata=header)
        with threads_of(path):
            assert torch.get_num_threads() == 1


@pytest.mark.parametrize("make", [mtc, lif, adlif, qif, dqif, low_pass])
def test_kernels_give_the_same_bits_for_any_number_of_threads(make):
    """Outputs, states and every gradient, parameters' sums over the batch among them, with 1, 2, 3 and 5 threads."""
    neuron = make()
    layer = NeuronLayer(neuron, 37, dt=1.0 if neuron.is_map else 0.2, trainable=trained(neuron), backend="c")
    inputs = 3 * torch.randn(80, 41, 37, generator=torch.Generator().manual_seed(0)).requires_grad_()

    def everything():
        outputs, states = layer(inputs)
        total = (outputs.sin() + sum(states)).sum()
        return [
            outputs,
            *states,
            *torch.autograd.grad(total, [inputs, *layer.parameters()], allow_unused=True),
        ]

    with threads(1):
        one = everything()
    for count in (2, 3, 5):
        with threads(count):
            several = everything()
        for left, right in zip(one, several, strict=True):
            assert (left is None and right is None) or torch.equal(left, right)
