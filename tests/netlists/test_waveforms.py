"""Raw files are read whole or refused; waveforms are labelled, resampled, and survive the disk."""

import errno
import os

import numpy as np
import pytest
import xarray as xr

from netlists.analyses import Transient
from netlists.errors import WaveformError
from netlists.waveforms import check_complete, join, label, load, resample, save
from netlists.waveforms.raw import Plot, read_raw

KINDS = {"v(": "voltage", "i(": "current"}


def raw_bytes(values, names, kind="real", plot="Transient Analysis"):
    """A raw file as ngspice writes it."""
    lines = [
        "Title: * Variables: and Binary: in a title",
        "Date: today",
        f"Plotname: {plot}",
        f"Flags: {kind}",
    ]
    lines += [f"No. Variables: {len(names)}", f"No. Points: {len(values)}     ", "Variables:"]
    lines += [f"\t{k}\t{name}\t{KINDS.get(name[:2], 'time')}" for k, name in enumerate(names)]
    return ("\n".join(lines) + "\nBinary:\n").encode() + np.ascontiguousarray(values).tobytes()


def ramp(nodes=("a", "b")):
    """Waveforms that are straight lines between uneven times."""
    times = np.array([0.0, 0.1, 0.4, 1.0])
    values = np.stack([times, 2 * times, -1 + times], axis=-1)
    plot = Plot(
        name="Transient Analysis",
        title="",
        variables=("time", "v(a)", "v(b)"),
        kinds=("time", "voltage", "voltage"),
        values=values,
    )
    return label(plot, dict(zip(nodes, ("a", "b"), strict=True)))


@pytest.mark.parametrize("kind", ["real", "complex"])
def test_raw_files_read_back_exactly(tmp_path, kind):
    """Two plots in one file, of real or complex numbers, come back bit for bit."""
    rng = np.random.default_rng(0)
    first, second = rng.standard_normal((7, 3)), rng.standard_normal((1, 2))
    if kind == "complex":
        first, second = first + 1j * first[::-1], second * 1j
    path = tmp_path / "a.raw"
    path.write_bytes(
        raw_bytes(first, ["time", "v(a)", "v(x.b)"], kind) + raw_bytes(second, ["v(a)", "i(v1)"], kind)
    )
    plots = read_raw(path)
    assert [plot.variables for plot in plots] == [("time", "v(a)", "v(x.b)"), ("v(a)", "i(v1)")]
    assert [plot.kinds for plot in plots] == [("time", "voltage", "voltage"), ("voltage", "current")]
    np.testing.assert_array_equal(plots[0].values, first)
    np.testing.assert_array_equal(plots[1].values, second)


def test_a_raw_file_cut_anywhere_is_refused(tmp_path):
    """Every proper beginning of a raw file is an error, never a shorter answer."""
    data = raw_bytes(np.arange(12.0).reshape(4, 3), ["time", "v(a)", "v(b)"])
    path = tmp_path / "cut.raw"
    for length in range(len(data)):
        path.write_bytes(data[:length])
        with pytest.raises(WaveformError):
            read_raw(path)
    path.write_bytes(data)
    assert read_raw(path)[0].values.shape == (4, 3)


@pytest.mark.parametrize(
    ("old", "new", "word"),
    [
        (b"No. Points: 4", b"No. Points: 0", "no points"),
        (b"No. Points: 4", b"No. Points: x", "damaged"),
        (b"No. Variables: 3", b"No. Variables: -3", "number of variables"),
        (b"No. Variables: 3", b"No. Variables: 99999", "damaged"),
        (b"Flags: real", b"Phlags: real", "damaged"),
        (b"Binary:", b"Values:", "text form"),
    ],
)
def test_a_damaged_header_is_refused(tmp_path, old, new, word):
    """What the header says must be whole and possible."""
    data = raw_bytes(np.zeros((4, 3)), ["time", "v(a)", "v(b)"])
    head, mark, tail = data.rpartition(old)
    path = tmp_path / "damaged.raw"
    path.write_bytes(head + new + tail)
    assert mark
    with pytest.raises(WaveformError, match=word):
        read_raw(path)


def test_a_missing_raw_file_is_one_error(tmp_path):
    """No file, no traceback of the operating system."""
    with pytest.raises(WaveformError, match="cannot be read"):
        read_raw(tmp_path / "nothing.raw")


def test_labels_follow_the_probes_not_the_order_of_the_file():
    """Columns are found by name: swapped probes swap the columns."""
    plot = Plot(
        name="Operating Point",
        title="",
        variables=("v(x1.b)", "v(a)"),
        kinds=("voltage", "voltage"),
        values=np.array([[1.0, 2.0]]),
    )
    labelled = label(plot, {"a": "a", "one.b": "x1.b"})
    assert labelled["voltage"].sel(node="a") == 2.0
    assert labelled["voltage"].sel(node="one.b") == 1.0
    with pytest.raises(WaveformError, match="did not keep node c"):
        label(plot, {"c": "c"})


def test_values_that_are_not_finite_name_their_node():
    """NaN in a waveform is an error that says where."""
    broken = ramp()
    broken["voltage"].values[2, 1] = np.nan
    with pytest.raises(WaveformError, match="node b is not finite"):
        check_complete(broken, Transient(stop=1.0, max_step=0.1))


def test_resampling_interpolates_lines_exactly():
    """Straight lines stay straight, also beyond one step; times outside are refused."""
    wanted = np.array([0.0, 0.05, 0.3, 0.4, 0.99, 1.0])
    found = resample(ramp(), wanted)
    np.testing.assert_allclose(found["voltage"].sel(node="a"), 2 * wanted, atol=1e-15)
    np.testing.assert_allclose(found["voltage"].sel(node="b"), wanted - 1, atol=1e-15)
    for bad in ([-0.1], [1.1], [], [np.nan]):
        with pytest.raises(WaveformError, match="resample"):
            resample(ramp(), bad)


def test_joined_parts_may_not_share_nodes():
    """A node that occurs twice, or nothing to join, is an error."""
    with pytest.raises(WaveformError, match="node a, b occurs"):
        join([ramp(), ramp()], [0.0, 1.0])
    with pytest.raises(WaveformError, match="no waveforms"):
        join([], [0.0])


def test_waveforms_survive_the_disk(tmp_path):
    """A saved dataset loads identically: values, labels, units; saving again replaces it."""
    path = tmp_path / "w.nc"
    save(ramp(nodes=("first", "xh0.us")), path)
    save(ramp(nodes=("out", "xh0.us")), path)
    xr.testing.assert_identical(load(path), ramp(nodes=("out", "xh0.us")))
    assert os.listdir(tmp_path) == ["w.nc"]


def test_a_failed_save_leaves_the_old_file(tmp_path, monkeypatch):
    """On a full disk the old waveforms stay, nothing half-written is beside them, and the error says why."""
    path = tmp_path / "w.nc"
    save(ramp(), path)

    def full(*_args, **_named):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(xr.Dataset, "to_netcdf", full)
    with pytest.raises(WaveformError, match="No space left"):
        save(ramp(nodes=("c", "d")), path)
    assert os.listdir(tmp_path) == ["w.nc"]
    assert load(path)["node"].values.tolist() == ["a", "b"]
    with pytest.raises(WaveformError, match="cannot be written"):
        save(ramp(), tmp_path / "nowhere" / "w.nc")


def test_a_file_of_something_else_is_refused(tmp_path):
    """A missing, damaged or foreign file is one clear error."""
    path = tmp_path / "w.nc"
    with pytest.raises(WaveformError, match="there is no file"):
        load(path)
    save(ramp(), path)
    path.write_bytes(path.read_bytes()[:500])
    with pytest.raises(WaveformError, match="damaged"):
        load(path)
    path.write_text("words")
    with pytest.raises(WaveformError, match="damaged"):
        load(path)
    xr.Dataset({"other": ("x", [1.0])}).to_netcdf(path, engine="h5netcdf")
    with pytest.raises(WaveformError, match="no node voltages"):
        load(path)
