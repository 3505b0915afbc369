"""Compiling and keeping kernels: a private cache that trusts nothing it did not check, and a machine without tools."""

import errno
import os
import platform
import stat
import subprocess
import sys
import warnings

import pytest
import torch
from declared import trained

from conductance.derivation.rules import derive
from conductance.kernels import (
    BackendError,
    CacheError,
    CompilerError,
    KernelWarning,
    cache,
    compiler,
    library,
)
from conductance.layers import NeuronLayer
from conductance.networks import RECIPES, series_network
from conductance.neurons import adlif, lif, mtc, qif
from conductance.tasks import MackeyGlass
from conductance.training import TrainingOptions, train

TRAINING = """
import sys, torch
from conductance.layers import NeuronLayer
from conductance.neurons import lif
sys.stdin.readline()
layer = NeuronLayer(lif(), 3, dt=0.2, trainable=["theta"], backend="c")
layer(torch.ones(5, 2, 3))[0].sum().backward()
print(layer.backend_used, layer.raw_theta.grad.tolist())
"""


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    """A cache of its own for every test, and a process that has no kernel yet."""
    monkeypatch.setenv(cache.VARIABLE, str(tmp_path / "cache"))
    for memory in (library.kernel, library.problem, library.warn_once):
        memory.cache_clear()
    yield tmp_path / "cache" / "kernels"
    for memory in (library.kernel, library.problem, library.warn_once):
        memory.cache_clear()


def build() -> None:
    """Kernel of a LIF layer, past the memory of the process."""
    library.kernel.cache_clear()
    library.kernel(library.register(derive(lif())), torch.float32, ())


def stored(folder):
    return sorted(folder.glob("*.so"))


def test_a_kernel_is_compiled_once(folder, monkeypatch):
    """The second time the library on disk is loaded and no compiler is called; nothing else is left there."""
    build()
    (path,) = stored(folder)
    monkeypatch.setattr(compiler, "build", None)
    build()
    assert stored(folder) == [path]
    assert not [entry for entry in folder.iterdir() if entry != path]


def test_another_rule_dtype_compiler_or_processor_is_another_kernel(folder, monkeypatch):
    """What the numbers depend on is in the key."""
    build()
    library.kernel(library.register(derive(lif())), torch.float64, ())
    library.kernel(library.register(derive(lif())), torch.float32, (1, 0))
    library.kernel(library.register(derive(lif(), "heun")), torch.float32, ())
    assert len(stored(folder)) == 4
    monkeypatch.setattr(compiler, "_processor", lambda: "another")
    build()
    assert len(stored(folder)) == 5


def test_equal_rules_share_a_kernel(folder):
    """The digest is of the expressions, so another object with the same equations compiles nothing."""
    assert library.register(derive(lif())) == library.register(derive(lif(name="other")))
    assert library.register(derive(lif())) != library.register(derive(mtc()))


@pytest.mark.parametrize(
    "spoil", [lambda p: p.write_bytes(p.read_bytes()[:-1000]), lambda p: p.write_bytes(b""),
              lambda p: p.write_bytes(p.read_bytes()[:-1] + b"\\x7f")],
    ids=["truncated", "empty", "one byte changed"],
)  # fmt: skip
def test_a_spoiled_file_is_compiled_again(folder, spoil):
    """A library whose content is not what its name says is removed, never loaded."""
    build()
    (path,) = stored(folder)
    whole = path.read_bytes()
    path.unlink()
    path.write_bytes(whole)
    spoil(path)
    spoiled = path.read_bytes()
    build()
    (again,) = stored(folder)
    assert again.read_bytes() != spoiled
    assert cache.find(path.name.split("-")[0]) == again


def test_the_folder_is_private(folder):
    """Folder and files belong to the user alone."""
    build()
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert stat.S_IMODE(stored(folder)[0].stat().st_mode) == 0o600


@pytest.mark.parametrize("mode", [0o777, 0o770, 0o755])
def test_a_folder_open_to_others_is_refused(folder, mode):
    """Who can write there could put code there; the message is the command that mends it."""
    folder.mkdir(parents=True)
    folder.chmod(mode)
    with pytest.raises(CacheError, match=f"chmod 700 '{folder}'"):
        cache.folder()


def test_a_link_or_a_file_in_the_folders_place_is_refused(folder, tmp_path):
    """The folder itself is looked at, not what a link points to."""
    (tmp_path / "elsewhere").mkdir(mode=0o700)
    folder.parent.mkdir()
    folder.symlink_to(tmp_path / "elsewhere")
    with pytest.raises(CacheError, match="is a link"):
        cache.folder()
    folder.unlink()
    folder.write_text("a file")
    with pytest.raises(CacheError, match=cache.VARIABLE):
        cache.folder()


def test_a_folder_of_another_user_is_refused(folder, monkeypatch):
    """Its owner is compared with who runs the process."""
    folder.mkdir(parents=True, mode=0o700)
    monkeypatch.setattr(os, "getuid", lambda: 12345)
    with pytest.raises(CacheError, match="belongs to user"):
        cache.folder()


def layer_steps() -> NeuronLayer:
    layer = NeuronLayer(lif(), 3, dt=0.2, trainable=["theta"])
    layer(torch.ones(5, 2, 3))[0].sum().backward()
    return layer


def scripted(folder, text: bytes) -> str:
    """A compiler of ours; $real is the true one."""
    script = folder / "cc"
    script.write_bytes(b"#!/bin/sh\nreal=%s\n%s\n" % (compiler.find_compiler()[0].encode(), text))
    script.chmod(0o700)
    return str(script)


FAULTS = {
    "fails": (b"echo the disk is on fire >&2; exit 1", "the disk is on fire"),
    "words in no encoding": (b"printf 'f\\374r \\377' >&2; exit 1", "failed; install a working one"),
    "killed": (b"kill -9 $$", "failed; install a working one"),
    "says that it is done": (b"exit 0", "failed; install a working one"),
    "writes nonsense": (
        b'for a in "$@"; do case $a in *.so) echo nonsense > $a;; esac; done',
        "cannot be loaded",
    ),
    "leaves the function out": (
        b'for a in "$@"; do case $a in *.so) out=$a;; esac; done; echo "int x;" > e.c; exec $real -shared -o $out e.c',
        "has no function forward",
    ),
}
"""What a compiler can do, and a word of the sentence about it."""


@pytest.mark.parametrize("fault", ["no compiler", "CC", "quote", "cache", "full", *FAULTS])
def test_without_tools_layers_step_eagerly_and_say_so_once(fault, monkeypatch, tmp_path):
    """One warning for any number of layers, with the way out; `backend='c'` is an error with the same words."""
    if fault == "no compiler":
        monkeypatch.setenv("PATH", "")
        monkeypatch.delenv("CC", raising=False)
        words = "apt-get install gcc"
    elif fault == "CC":
        monkeypatch.setenv("CC", "/does/not/exist -O1")
        words = "CC names"
    elif fault == "quote":
        monkeypatch.setenv("CC", 'gcc "-O1')
        words = "is no command"
    elif fault == "full":
        monkeypatch.setattr(cache, "put", full_disk)
        words = "make room there"
    elif fault in FAULTS:
        text, words = FAULTS[fault]
        monkeypatch.setenv("CC", scripted(tmp_path, text))
    else:
        (tmp_path / "cache").write_text("not a folder")
        words = cache.VARIABLE
    with pytest.warns(KernelWarning, match=words) as caught:
        layers = [layer_steps() for _ in range(3)]
    assert len(caught) == 1
    assert str(caught[0].message).startswith("layers run on the eager step, about 20 times slower: ")
    assert layers[0].backend_used == "eager"
    assert layers[0].raw_theta.grad is not None
    layers[0].backend = "c"
    with pytest.raises(BackendError, match=words):
        layers[0](torch.ones(5, 2, 3))


def test_a_compiler_without_its_options_still_makes_kernels(folder, monkeypatch, tmp_path):
    """Where OpenMP or -march=native is unknown, plainer options are tried."""
    real = compiler.find_compiler()[0]
    script = tmp_path / "cc"
    script.write_text(
        f'#!/bin/sh\ncase "$*" in *-fopenmp*|*native*) echo unknown option >&2; exit 1;; esac\nexec {real} "$@"\n'
    )
    script.chmod(0o700)
    monkeypatch.setenv("CC", str(script))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert layer_steps().backend_used == "c"


def full_disk(*_arguments):
    """What every writer meets."""
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def test_a_folder_in_the_place_of_a_library_is_passed_over(folder):
    """It is not loaded and no traceback; the kernel is compiled beside it."""
    build()
    (path,) = stored(folder)
    key = path.name.split("-")[0]
    path.unlink()
    (folder / f"{key}-{'0' * 32}.so").mkdir()
    build()
    assert path in stored(folder)


def test_training_says_that_there_is_no_compiler(monkeypatch, tmp_path):
    """Lightning's remarks are silenced, this is not: it decides the speed and the last bits of the weights."""
    monkeypatch.setenv("PATH", "")
    monkeypatch.delenv("CC", raising=False)
    task = MackeyGlass(
        sample_step=1.0, horizon=20.0, series_samples=60, warm_up=20, train_series=2, validation_series=1,
        test_series=1, held_out_samples=60,
    )  # fmt: skip
    network = series_network(RECIPES["mtc"], inputs=1, hidden=3, outputs=1, dt=1.0, low_pass_tau=2.0)
    with pytest.warns(KernelWarning, match="about 20 times slower: no C compiler"):
        train(network, task, task.generate(0), TrainingOptions(steps=1, batch=1, evaluate_every=1))


def test_a_compiler_that_hangs_is_given_up(folder, monkeypatch, tmp_path):
    """Its time is limited, and the error names it."""
    script = tmp_path / "cc"
    script.write_text("#!/bin/sh\nexec sleep 60\n")
    script.chmod(0o700)
    monkeypatch.setenv("CC", str(script))
    monkeypatch.setattr(compiler, "SECONDS", 0.2)
    with pytest.raises(CompilerError, match=str(script)):
        compiler.build("int x;", "key")
    assert not list(folder.iterdir())


def test_a_library_that_cannot_be_opened_is_an_error_with_a_way_out(tmp_path):
    """As in a folder mounted noexec."""
    path = tmp_path / "kernel.so"
    path.write_bytes(b"no library")
    with pytest.raises(CompilerError, match=cache.VARIABLE):
        compiler.load(path)


@pytest.mark.slow
def test_two_processes_compile_the_same_kernel_at_once(folder):
    """Both finish with the same gradients, and every file they leave is whole."""
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", TRAINING], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        for _ in range(2)
    ]
    for process in processes:
        process.stdin.write("\n")
        process.stdin.flush()
    answers = [process.communicate(timeout=120)[0] for process in processes]
    assert [process.returncode for process in processes] == [0, 0]
    assert answers[0] == answers[1]
    assert answers[0].startswith("c [")
    for path in stored(folder):
        assert cache.find(path.name.split("-")[0]) is not None


@pytest.mark.skipif(platform.machine() not in ("x86_64", "AMD64"), reason="the options are those of x86")
@pytest.mark.parametrize(
    "options", ["-mno-avx512f", "-mno-avx", "-fsanitize=undefined -fno-sanitize-recover=all"]
)
@pytest.mark.parametrize("make", [mtc, adlif, qif], ids=["mtc", "adlif", "qif"])
def test_other_vector_widths_compute_the_same(make, options, monkeypatch):
    """Vectors of 32 and 16 bytes, as older processors have, and code that the compiler watches for undefined steps."""
    monkeypatch.setenv("CC", f"{compiler.find_compiler()[0]} {options}")
    try:
        compiler.build("int number;", "probe")
    except CompilerError as error:
        pytest.skip(f"this compiler lacks the options: {error}")
    neuron = make()
    layer = NeuronLayer(neuron, 7, dt=0.2, trainable=trained(neuron))
    inputs = (2 * torch.randn(40, 3, 7) + 1).requires_grad_()
    found = {}
    for backend in ("eager", "c"):
        layer.backend = backend
        outputs, _ = layer(inputs)
        found[backend] = [outputs, *torch.autograd.grad(outputs[:10].sum(), [inputs, *layer.parameters()])]
    for one, other in zip(found["c"], found["eager"], strict=True):
        assert torch.allclose(one[:10], other[:10], rtol=1e-4, atol=1e-4)
