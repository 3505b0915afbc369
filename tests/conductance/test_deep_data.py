"""Data of deep networks: files in the published formats, made small here; damage is named; nothing is executed."""

import os
import pickle
import struct

import numpy as np
import pytest
import torch

from conductance.deep.data.arrays import digits, generated, generated_pixels
from conductance.deep.data.augment import Crop, Cutout, Flip, ResizedCrop, Roll, centre
from conductance.deep.data.base import DataError, EpochSampler, Images, collate, split_places
from conductance.deep.data.dvs import cifar10_dvs, frames_of, read_events
from conductance.deep.data.files import CIFAR10_SCALE, cifar10, cifar100, imagenet, mnist
from conductance.deep.data.pickled import read_pickled
from conductance.deep.data.policies import AutoAugment

GENERATOR = np.random.default_rng(0)


def written_by_python_2(pixels: np.ndarray, labels: list[int]) -> bytes:
    """A batch as Python 2 and an old numpy pickled it, operation by operation (protocol 2), as CIFAR's files are."""

    def text(value: bytes) -> bytes:
        return b"U" + bytes([len(value)]) + value

    def array(values: np.ndarray) -> bytes:
        content = values.tobytes()
        return (
            b"cnumpy.core.multiarray\n_reconstruct\ncnumpy\nndarray\nK\x00\x85" + text(b"b") + b"\x87R("
            b"K\x01" + struct.pack("<cI", b"J", values.shape[0]) + struct.pack("<cI", b"J", values.shape[1]) + b"\x86"
            b"cnumpy\ndtype\n" + text(b"u1") + b"K\x00K\x01\x87R(K\x03" + text(b"|") + b"NNN" + b"J\xff\xff\xff\xff" * 2
            + b"K\x00tb\x89" + struct.pack("<cI", b"T", len(content)) + content + b"tb"
        )  # fmt: skip

    numbers = b"](" + b"".join(b"K" + bytes([label]) for label in labels) + b"e"
    items = text(b"data") + array(pixels) + text(b"labels") + numbers + text(b"batch_label") + text(b"one")
    return b"\x80\x02}q\x01(" + items + b"u."


def batch(count: int, classes: int = 10) -> tuple[np.ndarray, list[int]]:
    return GENERATOR.integers(0, 256, (count, 3072), np.uint8), GENERATOR.integers(0, classes, count).tolist()


def write_cifar10(folder, count=12):
    made = {}
    for name in [*(f"data_batch_{number}" for number in range(1, 6)), "test_batch"]:
        pixels, labels = batch(count)
        made[name] = pixels, labels
        (folder / name).write_bytes(written_by_python_2(pixels, labels))
    return made


def test_the_stand_in_for_the_published_files_is_a_pickle():
    """Python's own reader finds the same in it, so the format is right."""
    pixels, labels = batch(3)
    read = pickle.loads(written_by_python_2(pixels, labels), encoding="bytes")
    assert np.array_equal(read[b"data"], pixels)
    assert read[b"labels"] == labels


@pytest.mark.parametrize("protocol", [0, 2, 3, 4])
def test_batches_are_read_without_unpickling(tmp_path, protocol):
    """As Python 2 wrote them and as Python 3 does: data, labels and text are those that were written."""
    pixels, labels = batch(4)
    path = tmp_path / "batch"
    data = {"data": pixels, "labels": labels, "filenames": [b"a.png"] * 4}
    path.write_bytes(pickle.dumps(data, protocol) if protocol else written_by_python_2(pixels, labels))
    found = read_pickled(path)
    assert np.array_equal(found["data"], pixels)
    assert found["labels"] == labels


class Attack:
    """Creates a file when it is unpickled."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return os.mkdir, (str(self.path),)


@pytest.mark.parametrize("protocol", [1, 2, 4])
def test_a_file_that_calls_something_is_refused_and_nothing_runs(tmp_path, protocol):
    """The function is named in the error and not called."""
    path, trap = tmp_path / "batch", tmp_path / "trap"
    path.write_bytes(pickle.dumps({"data": Attack(trap)}, protocol))
    with pytest.raises(DataError, match=r"mkdir"):
        read_pickled(path)
    assert not trap.exists()


def test_cifar10_from_its_six_files(tmp_path):
    """Five batches for training, of which a tenth is held back; red, green and blue planes, standardised."""
    made = write_cifar10(tmp_path)
    data = cifar10(tmp_path)
    assert (len(data.train), len(data.validation), len(data.test)) == (54, 6, 12)
    image, label = data.test[3]
    pixels, labels = made["test_batch"]
    assert label == labels[3]
    mean, std = (torch.tensor(values).view(3, 1, 1) for values in CIFAR10_SCALE)
    wanted = torch.from_numpy(pixels[3].reshape(3, 32, 32).astype(np.float32)) / 255
    assert torch.allclose(image * std + mean, wanted, atol=1e-6)
    held = {round(float(image.sum()), 3) for image, _ in data.validation}
    assert len(held) == 6


def test_cifar100_has_fine_labels(tmp_path):
    """`train` and `test` with labels of 100 classes."""
    for name in ("train", "test"):
        pixels, labels = batch(10, classes=100)
        (tmp_path / name).write_bytes(
            pickle.dumps({b"data": pixels, b"fine_labels": labels, b"coarse_labels": labels})
        )
    data = cifar100(tmp_path)
    assert len(data.classes) == 100
    assert data.train[0][0].shape == (3, 32, 32)


@pytest.mark.parametrize(
    ("damage", "says"),
    [
        (lambda content: content[: len(content) // 2], "no whole batch"),
        (lambda content: content[:-1], "no whole batch"),
        (lambda _: b"", "no whole batch"),
        (lambda _: pickle.dumps([1, 2], 2), "a dictionary is needed"),
        (lambda _: pickle.dumps({"data": np.zeros((2, 5), np.uint8), "labels": [0, 1]}, 2), r"data are \(2, 5\)"),
        (lambda _: pickle.dumps({"data": np.zeros((2, 3072), np.uint8), "labels": [0]}, 2), "1 labels for 2 images"),
        (lambda _: pickle.dumps({"data": np.zeros((1, 3072), np.uint8), "labels": [11]}, 2), "from 0 to 9"),
        (lambda _: pickle.dumps({"data": np.zeros((1, 3072)), "labels": [1]}, 2), "calls numpy.dtype"),
    ],
)  # fmt: skip
def test_damaged_batches_are_named(tmp_path, damage, says):
    """Cut off, empty, of another kind, of another shape: the error names the file and what is wrong."""
    write_cifar10(tmp_path)
    path = tmp_path / "data_batch_2"
    path.write_bytes(damage(path.read_bytes()))
    with pytest.raises(DataError, match=says) as caught:
        cifar10(tmp_path)
    assert "data_batch_2" in str(caught.value)


def test_mnist_from_idx_files(tmp_path):
    """Images (1, 28, 28) from the four published files."""
    for part, count in (("train", 20), ("t10k", 5)):
        pixels = GENERATOR.integers(0, 256, (count, 28, 28), np.uint8)
        head = struct.pack(">4B3I", 0, 0, 8, 3, *pixels.shape)
        (tmp_path / f"{part}-images-idx3-ubyte").write_bytes(head + pixels.tobytes())
        labels = bytes(range(count))[:count] if count < 10 else bytes(n % 10 for n in range(count))
        (tmp_path / f"{part}-labels-idx1-ubyte").write_bytes(struct.pack(">4BI", 0, 0, 8, 1, count) + labels)
    data = mnist(tmp_path)
    assert (len(data.train), len(data.validation), len(data.test)) == (18, 2, 5)
    assert data.train[0][0].shape == (1, 28, 28)


def recording(path, events, header=b"#!AER-DAT2.0\r\n# made here\r\n"):
    """An AEDAT 2.0 file of a DVS128 from (time, row, column from the right, polarity)."""
    records = [
        struct.pack(">II", row << 8 | column << 1 | polarity, time) for time, row, column, polarity in events
    ]
    path.write_bytes(header + b"".join(records))


def test_events_of_aedat_files(tmp_path):
    """Big-endian address and time; columns count from the right; marks of the camera itself are left out."""
    path = tmp_path / "a.aedat"
    recording(path, [(5, 3, 0, 1), (7, 127, 127, 0)])
    path.write_bytes(path.read_bytes() + struct.pack(">II", 0x8000, 9))
    events = read_events(path)
    assert events.tolist() == [(5, 3, 127, 1), (7, 127, 0, 0)]


def test_frames_have_equally_many_events():
    """Ten events in five frames: two in each, at their pixel and polarity; resizing keeps the mean."""
    kind = [("time", np.int64), ("row", np.int64), ("column", np.int64), ("polarity", np.int64)]
    events = np.array([(t * t, t, 2 * t, t % 2) for t in range(10)], kind)
    frames = frames_of(events, frames=5, size=128)
    assert frames.shape == (5, 2, 128, 128)
    assert frames.sum((1, 2, 3)).tolist() == [2] * 5
    assert frames[2, 0, 4, 8] == 1
    assert frames[2, 1, 5, 10] == 1
    smaller = frames_of(events, frames=5, size=64)
    assert smaller.mean((2, 3)) * 64**2 == pytest.approx(frames.mean((2, 3)) * 64**2, rel=0.3)


def test_cifar10_dvs_from_folders_of_classes(tmp_path):
    """Nine tenths of each class are for training; a batch is (time, batch, polarity, row, column)."""
    for name in ("airplane", "bird"):
        (tmp_path / name).mkdir()
        for number in range(10):
            drawn = GENERATOR.integers(0, 128, (200, 2)).tolist()
            recording(
                tmp_path / name / f"{number}.aedat", [(t, *place, t % 2) for t, place in enumerate(drawn)]
            )
    data = cifar10_dvs(tmp_path, frames=4, size=16, validation_share=0.2)
    assert (len(data.train), len(data.validation), len(data.test)) == (14, 4, 2)
    frames, labels = collate([data.train[0, place] for place in range(3)])
    assert frames.shape == (4, 3, 2, 16, 16)
    assert labels.shape == (3,)


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"#!AER-DAT2.0\r\n" + b"\0" * 12, "cut off"),
        (b"#!AER-DAT2.0\r\n", "no events"),
        (b"#!AER-DAT2.0", "ends in its header"),
        (b"RIFF", "no AEDAT 2.0 file"),
    ],
)
def test_damaged_recordings_are_named(tmp_path, content, says):
    """Cut off inside a record or the header, empty, of another kind."""
    path = tmp_path / "x.aedat"
    path.write_bytes(content)
    with pytest.raises(DataError, match=says):
        read_events(path)


def test_imagenet_from_folders(tmp_path):
    """Classes by the names of their folders; 224 x 224, cropped at random for training and in the middle for tests."""
    image = pytest.importorskip("PIL.Image")
    for part, count in (("train", 6), ("val", 2)):
        for name in ("n01", "n02"):
            (tmp_path / part / name).mkdir(parents=True)
            for number in range(count):
                pixels = GENERATOR.integers(0, 256, (300, 260, 3), np.uint8)
                image.fromarray(pixels).save(tmp_path / part / name / f"{number}.JPEG")
    data = imagenet(tmp_path, validation_share=0.25)
    assert (len(data.train), len(data.validation), len(data.test)) == (9, 3, 4)
    assert all(images[0][0].shape == (3, 224, 224) for images in (data.train, data.validation, data.test))
    assert not torch.equal(data.train[0, 1][0], data.train[1, 1][0])
    (tmp_path / "val" / "n01" / "0.JPEG").write_bytes(b"\xff\xd8 broken")
    with pytest.raises(DataError, match=r"0\.JPEG: the image is damaged"):
        data.test[0]
    with pytest.raises(DataError, match="no such folder"):
        imagenet(tmp_path / "nowhere")


def test_the_middle_of_an_image():
    """The shorter side becomes `shorter`, then a square is taken from the middle."""
    image = torch.arange(100.0).repeat(3, 50, 1)
    found = centre(image, 40, 50)
    assert found.shape == (3, 40, 40)
    assert found[0, 0].tolist() == list(range(30, 70))


def test_augmentations_do_what_they_say():
    """A crop shifts with a black border, a flip mirrors half of the images, cutout blackens a square, a roll turns."""
    generator = torch.Generator().manual_seed(0)
    image = torch.arange(1.0, 65).view(1, 8, 8)
    flips = [torch.equal(Flip()(image, generator), image) for _ in range(200)]
    assert 70 < sum(flips) < 130
    crops = [Crop(border=2)(image, generator) for _ in range(200)]
    assert {float(crop[0, 4, 4]) for crop in crops} == {
        float(image[0, 4 + row, 4 + column]) for row in range(-2, 3) for column in range(-2, 3)
    }
    cut = [Cutout(size=4)(image, generator) for _ in range(50)]
    assert all(4 <= int((one == 0).sum()) <= 16 for one in cut)
    rolled = Roll(pixels=3)(image, generator)
    assert sorted(rolled.flatten().tolist()) == sorted(image.flatten().tolist())
    assert ResizedCrop(size=5)(image, generator).shape == (1, 5, 5)


def test_augmentation_is_a_function_of_seed_epoch_and_place():
    """The same image in the same epoch is changed the same way in any order; another epoch changes it differently."""
    images = Images(lambda _: torch.rand(1, 9, 9, generator=torch.Generator().manual_seed(1)), [0] * 4,
                    augmentations=(Crop(border=4),), seed=5)  # fmt: skip
    first = [images[1, place][0] for place in range(4)]
    again = [images[1, place][0] for place in (3, 2, 1, 0)][::-1]
    assert all(torch.equal(one, other) for one, other in zip(first, again, strict=True))
    assert any(not torch.equal(images[2, place][0], first[place]) for place in range(4))
    assert any(not torch.equal(first[0], other) for other in first[1:])


def test_auto_augment_is_a_function_of_its_generator():
    """Same generator, same change; the global stream stays; bytes stay bytes; some of 60 images are untouched."""
    mean, std = (torch.tensor(values).view(3, 1, 1) for values in CIFAR10_SCALE)
    pixels, _ = generated_pixels(1, seed=1)
    image = (torch.from_numpy(pixels[0]).float() / 255 - mean) / std
    change = AutoAugment(mean=CIFAR10_SCALE[0], std=CIFAR10_SCALE[1])
    before = torch.get_rng_state()
    first, again = ([change(image, torch.Generator().manual_seed(n)) for n in range(60)] for _ in range(2))
    assert all(torch.equal(one, other) for one, other in zip(first, again, strict=True))
    assert torch.equal(torch.get_rng_state(), before)
    found = torch.stack(first) * std * 255 + mean * 255
    assert torch.allclose(found, found.round(), atol=1e-3)
    untouched = [bool((one - image).abs().max() < 1e-5) for one in first]
    assert 0 < sum(untouched) < 30
    assert len({tuple(one.flatten()[::97].tolist()) for one in first}) > 25


def test_processes_share_the_images_of_an_epoch():
    """Together two samplers see every image once, in an order that the epoch decides."""
    samplers = [EpochSampler(10, seed=3, rank=rank, processes=2) for rank in range(2)]
    seen = [key for sampler in samplers for key in sampler]
    assert sorted(place for _, place in seen) == list(range(10))
    samplers[0].set_epoch(1)
    assert [place for _, place in samplers[0]] != [place for _, place in seen[:5]]
    assert sum(map(len, split_places(11, (0.5, 0.2), 0))) == 11


def test_digits_and_generated_images():
    """Digits are split without overlap; a generated class is its direction, which the autocorrelation shows."""
    data = digits()
    assert (len(data.train), len(data.validation), len(data.test)) == (1168, 180, 449)
    assert data.train[0, 0][0].shape == (1, 8, 8)
    pixels, labels = generated_pixels(400, seed=1)
    assert (pixels.shape, pixels.dtype) == ((400, 3, 32, 32), np.uint8)
    power = np.abs(np.fft.fft2(pixels.mean(1) - pixels.mean((1, 2, 3))[:, None, None])) ** 2
    frequency = np.fft.fftfreq(32)
    row, column = np.meshgrid(frequency, frequency, indexing="ij")
    peaks = power.reshape(400, -1).argmax(1)
    angles = np.arctan2(row.ravel()[peaks], column.ravel()[peaks]) % np.pi
    distance = np.abs((angles - labels * np.pi / 10 + np.pi / 2) % np.pi - np.pi / 2)
    assert np.median(distance) < 0.15
    assert len(generated(100).train) == 70
