"""A table becomes splits without leaks, on the model's steps, and says by file, line and column what is wrong."""

import numpy as np
import pytest
import torch

from conductance.tasks import TaskData, TaskError
from conductance.tasks.table import Table


def written(path, header, rows, delimiter=","):
    lines = [delimiter.join(header), *(delimiter.join(map(str, row)) for row in rows)]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return str(path)


@pytest.fixture
def wave(tmp_path):
    """x rises by 1 a row, y = x + 100: every value says where it comes from."""
    return written(tmp_path / "wave.csv", ["x", "y"], [(k, 100 + k) for k in range(100)])


@pytest.fixture
def eight(tmp_path):
    """Twenty sequences of unequal length in one file, two classes, with a column that says the split."""
    rows = []
    for k in range(20):
        split = "test" if k >= 14 else "train"
        rows += [(k, "ab"[k % 2], split, 10 * k + t, -t) for t in range(5 + k)]
    return written(tmp_path / "eight.csv", ["who", "kind", "part", "u", "v"], rows)


def raw(data, split, scale):
    return scale.invert(data.splits[split].inputs.double())


def test_a_split_by_time_goes_forward_and_no_target_comes_from_another_split(wave):
    """Train lies before validation, test and held out; the target lies the horizon ahead in the same split."""
    data = Table(path=wave, inputs=["x"], targets=["y"], horizon_steps=3).generate()
    seen = {}
    for split in ("train", "validation", "test", "held_out"):
        x = data.scale.invert(data.splits[split].inputs.double())[:, 0, 0].round()
        y = data.target_scale.invert(data.splits[split].targets.double())[:, 0, 0].round()
        torch.testing.assert_close(y, x + 103)
        assert torch.equal(x, torch.arange(float(x[0]), float(x[0]) + len(x), dtype=torch.float64))
        seen[split] = (float(x[0]), float(y[-1]) - 100)
    order = [edge for pair in seen.values() for edge in pair]
    assert order == sorted(order) and order[0] == 0 and order[-1] == 99


def test_standardisation_knows_the_train_split_alone(wave):
    """Mean 0 and spread 1 in the train split, with population statistics; later values lie outside."""
    data = Table(path=wave, inputs=["x", "y"], targets=["x"]).generate()
    torch.testing.assert_close(data.train.inputs.mean((0, 1)), torch.zeros(2), atol=1e-6, rtol=0)
    torch.testing.assert_close(data.train.inputs.std((0, 1), correction=0), torch.ones(2))
    assert float(data.test.inputs.min()) > float(data.train.inputs.max())
    length = data.train.samples
    assert data.scale.mean[0] == pytest.approx((length - 1) / 2)
    assert data.scale.std[0] == pytest.approx(np.sqrt((length**2 - 1) / 12))


def test_windows_cut_the_train_part_without_overlap(wave):
    """Windows of 20 steps: consecutive, whole, and the first five of each do not count."""
    data = Table(path=wave, inputs=["x"], targets=["y"], window=10, warm_up=5).generate()
    x = data.scale.invert(data.train.inputs.double())[:, :, 0].round()
    assert x.shape == (10, 6) and torch.equal(x[0], torch.arange(0.0, 60, 10, dtype=torch.float64))
    assert not bool(data.train.mask[:5].any()) and bool(data.train.mask[5:].all())


def test_sequences_of_unequal_length_are_padded_with_the_mean_and_masked(eight):
    """A series counts as long as it is; what follows is 0 and does not count; the label is one-hot."""
    data = Table(path=eight, label="kind", sequence="who", split="part", inputs=["u", "v"]).generate(seed=3)
    assert data.classes == ("a", "b") and data.test.series == 6
    lengths = data.test.mask.sum(0)
    assert lengths.tolist() == [5 + k for k in range(14, 20)]
    for place, length in enumerate(lengths.tolist()):
        assert bool((data.test.inputs[length:, place] == 0).all())
        assert data.test.targets[:length, place].sum(1).eq(1).all() and data.test.targets[length:].sum() >= 0
        assert bool((data.test.targets[length:, place] == 0).all())
    everything = [data.splits[split].series for split in ("train", "validation", "held_out")]
    assert sum(everything) == 14 and everything[2] == 1


def test_a_split_at_random_keeps_the_shares_of_the_classes(eight):
    """Stratified: each class gives the same number to test and validation, up to rounding."""
    data = Table(path=eight, label="kind", sequence="who", test=0.2, validation=0.2, inputs=["u"]).generate(
        seed=1
    )
    for split in (data.test, data.validation):
        counts = split.targets.amax(0).sum(0)
        assert abs(float(counts[0] - counts[1])) <= 1
    other = Table(path=eight, label="kind", sequence="who", inputs=["u"]).generate(seed=2)
    assert other.train.inputs.shape[1] + other.validation.series + other.test.series == 19


def test_files_of_a_folder_are_sequences_and_their_folder_can_be_the_label(tmp_path):
    """Each file is one sequence; its class is the name of its folder."""
    for kind in ("calm", "wild"):
        (tmp_path / kind).mkdir()
        for k in range(8):
            np.save(tmp_path / kind / f"{k}.npy", np.random.default_rng(k).normal(size=(10 + k, 3)))
    data = Table(path=str(tmp_path), label="@folder").generate()
    assert data.classes == ("calm", "wild") and data.input_names == ("0", "1", "2")
    assert sum(split.series for split in data.splits.values()) == 16


def test_every_kind_of_file_gives_the_same_numbers(tmp_path):
    """CSV, semicolons, TSV with a byte-order mark, NPZ and a structured NPY hold the same table."""
    x = np.random.default_rng(0).normal(size=80)
    rows = [(repr(float(a)), repr(float(2 * a))) for a in x]
    paths = [
        written(tmp_path / "a.csv", ["x", "y"], rows),
        written(tmp_path / "b.csv", ["x", "y"], rows, ";"),
        written(tmp_path / "c.tsv", ["\ufeffx", "y"], rows, "\t"),
        str(tmp_path / "d.npz"),
        str(tmp_path / "e.npy"),
    ]
    np.savez(paths[3], x=x, y=2 * x)
    structured = np.zeros(80, dtype=[("x", float), ("y", float)])
    structured["x"], structured["y"] = x, 2 * x
    np.save(paths[4], structured)
    first, *others = [Table(path=path, inputs=["x"], targets=["y"]).generate() for path in paths]
    for other in others:
        assert torch.equal(first.train.inputs, other.train.inputs)
        assert torch.equal(first.test.targets, other.test.targets)


def test_seconds_fix_the_model_step(tmp_path):
    """100 Hz samples on steps of 2.5 ms are held for four steps; the horizon in seconds is whole steps."""
    path = written(tmp_path / "t.csv", ["t", "x"], [(k / 100, k % 7) for k in range(200)])
    data = Table(path=path, time="t", model_step=2.5e-3, horizon=0.03).generate()
    assert data.seconds == pytest.approx(2.5e-3) and data.input_names == ("x",)
    x = data.train.inputs[:, 0, 0]
    assert data.target_scale is None  # a forecast of the inputs is in their scale
    assert torch.equal(x[0::4][:50], x[3::4][:50]) and not torch.equal(x[0:200], x[4:204])
    torch.testing.assert_close(data.train.targets[:-12, 0, 0], x[12:])


def test_samples_become_steps_by_mean_or_on_a_line(tmp_path):
    """Down by three with means; up by two on the line between samples of a ramp, which stays a ramp."""
    path = written(tmp_path / "r.csv", ["x"], [(k,) for k in range(300)])
    down = Table(path=path, steps_per_sample=1 / 3, between="mean").generate()
    steps = down.scale.invert(down.train.inputs.double())[:, 0, 0]
    torch.testing.assert_close(
        steps[:5], torch.tensor([1.0, 4, 7, 10, 13], dtype=torch.float64), rtol=0, atol=1e-4
    )
    up = Table(path=path, steps_per_sample=2, between="linear").generate()
    steps = up.scale.invert(up.train.inputs.double())[:, 0, 0]
    torch.testing.assert_close(steps.diff(), torch.full_like(steps[1:], 0.5), rtol=0, atol=1e-4)


@pytest.fixture
def holes(tmp_path):
    rows = [("" if k in (10, 11, 40) else k,) for k in range(100)]
    return written(tmp_path / "holes.csv", ["x"], rows)


def test_gaps_are_refused_filled_or_masked_and_counted(holes):
    """A ramp's gap is refused by line; interpolation restores the ramp; a mask holds the value and does not count."""
    with pytest.raises(
        TaskError, match=r"holes\.csv, line 12, column x: the value is missing, and so are 2 more"
    ):
        Table(path=holes).generate()
    line = Table(path=holes, gaps="interpolate").generate()
    x = line.scale.invert(line.train.inputs.double())[:, 0, 0]
    torch.testing.assert_close(x, torch.arange(60.0, dtype=torch.float64), rtol=0, atol=1e-4)
    assert line.remarks == ("3 missing values in 2 gaps were interpolated",)
    held = Table(path=holes, gaps="mask").generate()
    x = held.scale.invert(held.train.inputs.double())[:, 0, 0]
    torch.testing.assert_close(x[10:12], torch.tensor([9.0, 9.0], dtype=torch.float64), rtol=0, atol=1e-4)
    assert torch.nonzero(~held.train.mask[:, 0]).ravel().tolist() == [10, 11, 40]


BAD = {
    "a column that is not there": (dict(inputs=["x", "z"]), r"inputs: .*t\.csv has no column 'z'; .*it has x, y, k, s"),
    "text among numbers": (dict(inputs=["y"]), r"t\.csv, line 4, column y: 'oops' is no number"),
    "one class only": (dict(inputs=["x"], label="k", sequence="s"), r"all labels are a; .* at least two"),
    "a label that changes": (dict(inputs=["x"], label="s"), r"line 6, column s: the label changes from '0' to '1'"),
    "an unknown split": (dict(inputs=["x"], sequence="s", split="k"), r"column k says 'a'; allowed are train"),
    "a long horizon": (dict(inputs=["x"], horizon_steps=30), r"train part: it has 12 steps and the horizon is 30"),
    "a long window": (dict(inputs=["x"], window=30), r"it has 12 steps and window = 30"),
    "a step that does not divide": (dict(inputs=["x"], sample_step=0.01, model_step=0.007), r"a sample lasts 1\.4285"),
    "no time": (dict(inputs=["x"], model_step=0.1), r"model_step = 0\.1 s: the samples have no time"),
    "no time for a horizon": (dict(inputs=["x"], horizon=0.1), r"horizon = 0\.1 s: the samples have no time"),
    "a horizon between steps": (
        dict(inputs=["x"], sample_step=0.01, horizon=0.015), r"the horizon is 1\.5 steps of the model"
    ),
    "an uneven time": (dict(inputs=["x"], time="u"), r"line 5, column u: the time goes on by 7 s"),
    "a constant column": (dict(inputs=["c"]), r"input c does not change in the train split"),
    "targets and label": (dict(targets=["x"], label="k"), r"targets and label are both given"),
    "an unknown way with gaps": (dict(gaps="ignore"), r"gaps = 'ignore': allowed are refuse, interpolate, mask"),
    "an unknown decision": (dict(decision="vote"), r"decision = 'vote' is unknown"),
    "shares of everything": (dict(test=0.6, validation=0.5), r"leave nothing to train on"),
}  # fmt: skip


@pytest.mark.parametrize("case", BAD)
def test_what_is_wrong_is_said_in_one_sentence_with_its_place(tmp_path, case):
    """File, line and column, what was received, what is allowed."""
    options, message = BAD[case]
    rows = [
        (k, "oops" if k == 2 else k, "a", int(k >= 4), [0, 1, 2, 9, 10, 11][k] if k < 6 else 6 + k, 5)
        for k in range(20)
    ]
    path = written(tmp_path / "t.csv", ["x", "y", "k", "s", "u", "c"], rows)
    with pytest.raises(TaskError, match=message) as caught:
        Table(path=path, **options).generate()
    assert str(caught.value).count("\n") == 0


FILES = {
    "no header": ("1,2\n3,4\n", r"line 1: it holds numbers \(1, 2\)"),
    "a short row": ("a,b\n1,2\n3\n", r"line 3: the row has 1 values and the header 2 names"),
    "a column twice": ("a,a\n1,2\n", r"line 1: column 'a' is there twice"),
    "nothing": ("", r"is empty"),
    "a header alone": ("a,b\n", r"has a header and no rows"),
    "infinity": ("a\n1\ninf\n", r"line 3, column a: the number is infinite"),
}


@pytest.mark.parametrize("case", FILES)
def test_a_broken_file_is_named_with_its_line(tmp_path, case):
    text, message = FILES[case]
    (tmp_path / "f.csv").write_text(text)
    with pytest.raises(TaskError, match=message):
        Table(path=str(tmp_path / "f.csv")).generate()


def test_files_that_are_missing_unknown_or_unequal_are_named(tmp_path):
    """A missing file, an unknown suffix, pickled objects, arrays of unequal length, an empty folder."""
    with pytest.raises(TaskError, match=r"nowhere\.csv cannot be read"):
        Table(path=str(tmp_path / "nowhere.csv")).generate()
    with pytest.raises(TaskError, match=r"suffix '\.xlsx'; allowed are \.csv"):
        Table(path=str(tmp_path / "a.xlsx")).generate()
    np.save(tmp_path / "o.npy", np.array([{}, {}]), allow_pickle=True)
    with pytest.raises(TaskError, match="save plain numbers"):
        Table(path=str(tmp_path / "o.npy")).generate()
    np.savez(tmp_path / "u.npz", a=np.zeros(3), b=np.zeros(4))
    with pytest.raises(TaskError, match=r"unequal length \(a 3, b 4\)"):
        Table(path=str(tmp_path / "u.npz")).generate()
    (tmp_path / "empty").mkdir()
    with pytest.raises(TaskError, match="has no file with the suffix"):
        Table(path=str(tmp_path / "empty")).generate()


def test_a_gap_longer_than_the_longest_that_is_filled_is_refused_where_it_begins(tmp_path):
    rows = [("" if 20 <= k < 45 else k,) for k in range(100)]
    path = written(tmp_path / "g.csv", ["x"], rows)
    with pytest.raises(
        TaskError, match=r"g\.csv, line 22, column x: a gap of 25 rows begins here, and longest_gap is 10"
    ):
        Table(path=path, gaps="mask").generate()
    with pytest.raises(
        TaskError,
        match=r"g\.csv, line 22, column x: a gap of 25 rows begins here, in which a whole window of 10 steps",
    ):
        Table(path=path, gaps="mask", longest_gap=30, window=10).generate()
    short = written(tmp_path / "s.csv", ["x"], [("" if 20 <= k < 32 else k,) for k in range(100)])
    with pytest.raises(TaskError, match=r"the window from step 20 on lies in a gap"):
        Table(path=short, gaps="mask", longest_gap=30, window=10).generate()


def test_arrays_and_datasets_become_the_same_data():
    """(time, series, feature) arrays with labels, and a torch Dataset of the same items, are split alike."""
    x = torch.randn(12, 30, 2, generator=torch.Generator().manual_seed(0))
    labels = torch.arange(30) % 3
    ours = TaskData.from_arrays(x, labels, seed=5)
    items = [(x[:, k], int(labels[k])) for k in range(30)]
    theirs = TaskData.from_dataset(items, seed=5)
    assert torch.equal(ours.train.inputs, theirs.train.inputs) and ours.classes == ("0", "1", "2")
    assert ours.task().error(ours.test.targets, ours.test) == 0.0
    wrong = ours.test.targets.roll(1, dims=-1)
    assert ours.task().error(wrong, ours.test) == 1.0


@pytest.mark.parametrize(
    ("x", "y", "message"),
    [
        (torch.zeros(5, 4), torch.zeros(4), r"x has shape \(5, 4\)"),
        (torch.randn(5, 8, 1), torch.zeros(8), "all labels are 0.0"),
        (torch.randn(5, 8, 1), torch.arange(7), r"x has 8 series and y 7"),
        (torch.full((5, 8, 1), torch.nan), torch.arange(8), r"x\[0\] is nan at time 0, feature 0"),
        (torch.randn(5, 8, 1), torch.randn(4, 8, 1), "differ in length"),
    ],
)  # fmt: skip
def test_arrays_that_do_not_fit_are_refused(x, y, message):
    with pytest.raises(TaskError, match=message):
        TaskData.from_arrays(x, y)


def test_a_label_that_training_does_not_see_is_refused(tmp_path):
    """In a table by file and sequence, in arrays by the series: nothing can decide for a class that was never shown."""
    rows = [
        f"{s},{'train' if s < 8 else 'test'},{'c' if s == 11 else 'ab'[s % 2]},{np.sin(k + s):.3f}"
        for s in range(12)
        for k in range(20)
    ]
    (path := tmp_path / "own.csv").write_text("seq,split,label,x\n" + "\n".join(rows) + "\n")
    table = Table(path=str(path), sequence="seq", label="label", split="split", inputs=["x"])
    with pytest.raises(
        TaskError, match=r"own.csv, sequence 11 has the label 'c', which no .* train split has \(a, b\)"
    ):
        table.generate()
    labels = [0] * 10 + [1] * 10
    seed = next(s for s in range(1000) if np.random.default_rng(s).permutation(21)[0] == 20)  # it is held out
    with pytest.raises(
        TaskError, match="series 20 has the label '2', which no series of the train split has"
    ):
        TaskData.from_arrays(torch.randn(9, 21, 1), [*labels, 2], seed=seed)


def test_a_data_set_whose_items_are_no_pairs_is_refused():
    """The first item that is something else is named."""
    with pytest.raises(TaskError, match=r"item 0 of the data set is a int; give \(series, label\)"):
        TaskData.from_dataset([3, 4])
    with pytest.raises(TaskError, match="the data set is a NoneType"):
        TaskData.from_dataset(None)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"warm_up": -1}, "warm_up = -1; give a whole number"),
        ({"warm_up": 1.5}, "warm_up = 1.5"),
        ({"sample_step": 0.0}, "sample_step = 0.0; give a positive number"),
        ({"sample_step": float("nan")}, "sample_step = nan"),
        ({"time_unit": 3}, "time_unit = 3; give its name"),
        ({"y": [0.0, float("nan")] * 10}, "the label of series 1 is nan"),
        ({"y": None}, "y is a NoneType; give an array"),
        ({"x": 3}, "x is a int; give an array"),
        ({"x": {"a": 1}}, "x is a dict; give its arrays"),
        ({"y": [0] * 20}, "all labels are 0"),
        ({"y": [0, 1] * 9}, "x has 20 series and y 18"),
        ({"y": torch.zeros(9, 20, 1)}, "series 0 has 10 samples and its targets 9"),
        ({"input_names": "a"}, "input_names = 'a'; give a list of 1 texts"),
        ({"input_names": ["a", "b"]}, "input_names has 2 names, a, b, and there are 1 features"),
        ({"input_names": [1]}, r"input_names = \[1\]; give a list"),
        ({"y": torch.zeros(10, 20, 2), "target_names": ["a", "a"]}, "target_names has a twice"),
        ({"validation": float("nan")}, "validation = nan; give a share"),
        ({"test": "a"}, "test = 'a'; give a share"),
        ({"validation": 0.6, "test": 0.6}, "leave nothing to train on"),
        ({"seed": -1}, "seed = -1; give a whole number"),
        ({"standardise": "no"}, "standardise = 'no'; give True or False"),
        ({"name": 3}, "name = 3; give a text"),
        ({"warm_up": 100}, "series . has 10 samples and none that counts after the warm-up of 100"),
    ],
)
def test_arguments_of_arrays_that_would_count_otherwise_are_refused(change, words):
    """A negative warm-up counts from the end, a label that is missing is no class of its own."""
    given = {"x": torch.randn(10, 20, 1), "y": [0, 1] * 10} | change
    with pytest.raises(TaskError, match=words):
        TaskData.from_arrays(given.pop("x"), given.pop("y"), **given)


def test_means_of_all_whole_groups_of_samples(tmp_path):
    """300 samples in threes are 100 steps, and 301 as well: what is no whole group is left out."""
    for rows in (300, 301):
        path = written(tmp_path / f"{rows}.csv", ["x"], [(k,) for k in range(rows)])
        data = Table(path=path, steps_per_sample=1 / 3, between="mean").generate()
        last = data.scale.invert(data.held_out.inputs.double())[-1, 0, 0]
        assert float(last) == pytest.approx(298.0, abs=0.01)


def test_sequences_keep_the_order_of_the_file(tmp_path):
    """Sequence 10 that comes before 9 in the file comes before it in the data."""
    rows = [(k, "ab"[k % 2], "test" if k > 6 else "train", 10 * k + t) for k in (3, 1, 2, 5, 4, 6, 10, 9, 11, 8)
            for t in range(4)]  # fmt: skip
    path = written(tmp_path / "order.csv", ["who", "kind", "part", "u"], rows)
    data = Table(
        path=path, label="kind", sequence="who", split="part", inputs=["u"], validation=0.4
    ).generate()
    first = data.scale.invert(data.test.inputs.double())[0, :, 0]
    assert first.round().tolist() == [100.0, 90.0, 110.0, 80.0]


def test_a_horizon_in_samples_is_so_many_samples_of_the_file(tmp_path):
    """Three samples ahead are twelve steps where a sample lasts four."""
    path = written(tmp_path / "h.csv", ["x"], [(k % 7,) for k in range(200)])
    data = Table(path=path, steps_per_sample=4, horizon_steps=3).generate()
    torch.testing.assert_close(data.train.targets[:-12, 0, 0], data.train.inputs[12:, 0, 0])


def test_a_missing_target_does_not_count_where_it_is_asked_for(holes):
    """With a horizon of 3, the target of step 7 is the missing sample 10."""
    data = Table(path=holes, gaps="mask", horizon_steps=3).generate()
    assert torch.nonzero(~data.train.mask[:, 0]).ravel().tolist() == [7, 8, 10, 11, 37, 40]


def test_the_longest_gap_is_filled_and_one_more_is_refused(tmp_path):
    """Ten missing samples in a row are allowed where longest_gap is 10, eleven are not."""
    for length in (10, 11):
        rows = [("" if 20 <= k < 20 + length else k,) for k in range(100)]
        path = written(tmp_path / f"{length}.csv", ["x"], rows)
        if length == 10:
            Table(path=path, gaps="mask", longest_gap=10).generate()
        else:
            with pytest.raises(TaskError, match="a gap of 11 rows"):
                Table(path=path, gaps="mask", longest_gap=10).generate()
