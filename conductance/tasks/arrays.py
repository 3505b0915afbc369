"""Data of your own: series of any length made into splits that are padded, masked and standardised."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from conductance.loading.lazy import torch
from conductance.tasks.arguments import check_arguments, names_of, series_in
from conductance.tasks.baselines import autoregression
from conductance.tasks.decisions import Decision, evidence, labels
from conductance.tasks.metrics import nrmse, wrong_share
from conductance.tasks.options import TaskError
from conductance.tasks.splits import SPLITS, Split, Standardisation

if TYPE_CHECKING:
    from torch import Tensor

    from conductance.tasks.base import TaskData

BASELINE_LAGS = range(24)
"""Delays in samples of the linear baseline of series that say nothing of their own time."""


@dataclass(frozen=True, kw_only=True)
class Series:
    """One series, in its own units.

    Attributes:
        name: what the user calls it, for errors.
        inputs: (time, input feature), finite.
        targets: (time, target feature), finite where they count.
        counted: (time,), bool, where loss and error count.
    """

    name: str
    inputs: np.ndarray
    targets: np.ndarray
    counted: np.ndarray


@dataclass(frozen=True, kw_only=True, eq=False)
class Given:
    """The task of data that say all themselves: nrmse of a regression, share of wrong decisions of classes."""

    name: ClassVar[str] = "given"
    data: TaskData

    @property
    def error_name(self) -> str:
        """Name of the error."""
        return "share of wrong decisions" if self.data.classes else "nrmse"

    def generate(self, seed: int = 0) -> TaskData:
        """The data; they were drawn before."""
        return self.data

    def error(self, prediction: Tensor, split: Split) -> float:
        """Error of a prediction, see `error_name`."""
        return error_of(self.data.classes, self.data.decision, prediction, split)

    def baselines(self, data: TaskData, split: Split) -> Mapping[str, float]:
        """Error of predictors without a network: see `baselines_of`."""
        return baselines_of(data, split)


def error_of(classes: Sequence[str], decision: Decision, prediction: Tensor, split: Split) -> float:
    """Share of wrong decisions where there are classes, else nrmse."""
    if classes:
        shown = evidence(prediction, split.mask, decision)
        return wrong_share(shown, labels(split.targets, split.mask))
    return nrmse(prediction, split.targets, split.mask)


def baselines_of(data: TaskData, split: Split) -> Mapping[str, float]:
    """The error of the train mean (or the most frequent class) and of a linear map of the last 24 samples."""
    lags = [lag for lag in BASELINE_LAGS if lag < data.train.samples]
    linear = autoregression(data.train, split, lags=lags)
    counted = data.train.targets[data.train.mask]
    middle = counted.mean(0).expand_as(split.targets)
    predictions = {"most frequent class" if data.classes else "mean": middle, "linear, 24 samples": linear}
    return {
        name: error_of(data.classes, data.decision, prediction, split)
        for name, prediction in predictions.items()
    }


def assembled(
    parts: Mapping[str, Sequence[Series]],
    *,
    name: str,
    input_names: Sequence[str],
    target_names: Sequence[str],
    classes: Sequence[str] = (),
    decision: Decision = "mean",
    standardise: bool = True,
    one_scale: bool = False,
    warm_up: int = 0,
    sample_step: float = 1.0,
    time_unit: str = "sample",
    remarks: Sequence[str] = (),
    digest: str = "",
    seed: int = 0,
) -> dict[str, Any]:
    """The fields of `TaskData` of series, as float32: padded, masked, in units of the train split's spread.

    With `one_scale` the targets have the scale of the inputs, as they are the same columns later on.

    Raises:
        TaskError: an empty split, a constant feature, a series in which nothing counts, or one of a class that the
            train split lacks.
    """
    for split in SPLITS:
        if not parts.get(split):
            raise TaskError(
                f"task {name}: the {split} split has no series; give it a larger share or more series."
            )
    if classes:
        _check_known(parts, classes, name)
    kept = [series for series in parts["train"]]
    inputs = np.concatenate([series.inputs for series in kept])
    targets = np.concatenate([series.targets[series.counted] for series in kept])
    scale = _scale(inputs, input_names, "input", name) if standardise else _unit(len(input_names))
    target_scale = None
    if not classes and not one_scale:
        target_scale = (
            _scale(targets, target_names, "target", name) if standardise else _unit(len(target_names))
        )
    used = scale if one_scale else target_scale
    splits = {split: _padded(parts[split], scale, used, warm_up, f"task {name}, {split}") for split in SPLITS}
    return dict(
        name=name, train=splits["train"], validation=splits["validation"], test=splits["test"],
        held_out=splits["held_out"], scale=scale, sample_step=sample_step, time_unit=time_unit,
        sample=f"one sample every {sample_step:g} {time_unit}, held for one model step",
        input_names=tuple(input_names), target_names=tuple(target_names), seed=seed, target_scale=target_scale,
        classes=tuple(classes), decision=decision, remarks=tuple(remarks), digest=digest,
    )  # fmt: skip


def _check_known(parts: Mapping[str, Sequence[Series]], classes: Sequence[str], owner: str) -> None:
    """Raise `TaskError` for the first series of a class that training does not see: nothing can decide for it."""
    trained = {int(series.targets[0].argmax()) for series in parts["train"]}
    for split in SPLITS:
        for series in parts[split]:
            if (label := int(series.targets[0].argmax())) not in trained:
                raise TaskError(
                    f"task {owner}, {split}: {series.name} has the label {classes[label]!r}, which no series of the "
                    f"train split has ({', '.join(classes[k] for k in sorted(trained))}); give more series of it, or "
                    f"leave it out."
                )


def _unit(features: int) -> Standardisation:
    return Standardisation(mean=(0.0,) * features, std=(1.0,) * features)


def _scale(values: np.ndarray, names: Sequence[str], kind: str, owner: str) -> Standardisation:
    mean, std = values.mean(0), values.std(0)
    still = [name for name, m, s in zip(names, mean, std, strict=True) if s <= 1e-9 * abs(m)]
    if still:
        raise TaskError(
            f"task {owner}: {kind} {', '.join(still)} does not change in the train split, so it cannot be "
            f"standardised; leave it out, or set standardise = false."
        )
    return Standardisation(mean=tuple(mean.tolist()), std=tuple(std.tolist()))


def _padded(
    series: Sequence[Series], scale: Standardisation, target_scale: Standardisation | None, warm_up: int, owner: str
) -> Split:  # fmt: skip
    """One split: after the end of a series its inputs are 0, the mean, and nothing counts."""
    longest = max(len(one.inputs) for one in series)
    inputs = torch.zeros(longest, len(series), series[0].inputs.shape[1])
    targets = torch.zeros(longest, len(series), series[0].targets.shape[1])
    mask = torch.zeros(longest, len(series), dtype=torch.bool)
    for place, one in enumerate(series):
        length = len(one.inputs)
        inputs[:length, place] = scale.apply(torch.from_numpy(one.inputs)).float()
        wanted = torch.from_numpy(np.where(one.counted[:, None], one.targets, 0.0))
        targets[:length, place] = (wanted if target_scale is None else target_scale.apply(wanted)).float()
        mask[:length, place] = torch.from_numpy(one.counted)
        mask[:warm_up, place] = False
        if not bool(mask[:, place].any()):
            raise TaskError(
                f"{owner}: {one.name} has {length} samples and none that counts after the warm-up of {warm_up} and "
                f"without gaps; shorten the warm-up, leave the series out, or fill its gaps."
            )
    targets[~mask] = 0.0
    return Split(inputs=inputs, targets=targets, mask=mask)


def shared_out(
    count: int, *, validation: float, test: float, seed: int, groups: Sequence[int] | None = None, held_out: int = 1
) -> dict[str, list[int]]:  # fmt: skip
    """Which of `count` series each split gets, at random, the same share of every group.

    Args:
        count: number of series.
        validation: share of the validation split.
        test: share of the test split; 0 where the test split is given.
        seed: of the draw.
        groups: the class of each series.
        held_out: series that are put aside for the circuit, first.

    Raises:
        TaskError: too few series for the shares.
    """
    order = np.random.default_rng(seed).permutation(count)
    chosen: dict[str, list[int]] = {split: [] for split in SPLITS}
    chosen["held_out"] = order[:held_out].tolist()
    rest = order[held_out:]
    kinds = np.zeros(count, int) if groups is None else np.asarray(groups)
    for kind in np.unique(kinds[rest]):
        own = [int(index) for index in rest if kinds[index] == kind]
        tested, validated = round(test * len(own)), round(validation * len(own))
        chosen["test"] += own[:tested]
        chosen["validation"] += own[tested : tested + validated]
        chosen["train"] += own[tested + validated :]
    needed = ["train", "validation", *(["test"] if test else [])]
    empty = [split for split in needed if not chosen[split]]
    if empty:
        raise TaskError(
            f"{count} series cannot be shared out: {', '.join(empty)} gets none at validation = {validation:g} and "
            f"test = {test:g}; give more series or larger shares."
        )
    return {split: sorted(found) for split, found in chosen.items()}


def one_hot(label: int, classes: int, steps: int) -> np.ndarray:
    """Targets of one series of a class, (steps, class)."""
    targets = np.zeros((steps, classes))
    targets[:, label] = 1.0
    return targets


def from_arrays(
    x: Any,
    y: Any,
    *,
    validation: float = 0.15,
    test: float = 0.15,
    warm_up: int = 0,
    standardise: bool = True,
    decision: Decision = "mean",
    sample_step: float = 1.0,
    time_unit: str = "sample",
    input_names: Sequence[str] | None = None,
    target_names: Sequence[str] | None = None,
    name: str = "arrays",
    seed: int = 0,
) -> dict[str, Any]:
    """The fields of `TaskData` of arrays, shared out at random between the splits.

    Args:
        x: (time, series, feature), or a list of (time, feature) arrays of unequal lengths.
        y: targets in the same form, or one label per series (whole numbers or names): then it is a classification.
        validation: share of the series for the validation split.
        test: share for the test split. One series more is held out for the circuit.
        warm_up: first samples of each series that do not count.
        standardise: bring every feature to zero mean and unit spread in the train split.
        decision: how a classifier decides, see `conductance.tasks.decisions`.
        sample_step: time between two samples, in `time_unit`; in "s" it fixes the circuit's time.
        time_unit: of `sample_step`.
        input_names: one per feature.
        target_names: one per target.
        name: of the task.
        seed: of the draw.

    Raises:
        TaskError: arrays that do not fit each other, or numbers that are not finite.

    >>> from conductance.tasks import TaskData
    >>> x, y = torch.randn(50, 20, 2), torch.arange(20) % 2
    >>> data = TaskData.from_arrays(x, y)
    >>> data.train.series, data.test.series, data.classes
    (13, 3, ('0', '1'))
    """
    check_arguments(
        name, warm_up=warm_up, sample_step=sample_step, time_unit=time_unit, validation=validation, test=test,
        seed=seed, standardise=standardise,
    )  # fmt: skip
    inputs, y = _listed(x, "x", name), series_in(y, "y", name)
    classes: tuple[str, ...] = ()
    groups: list[int] | None = None
    if len(y) and all(np.ndim(label) == 0 for label in y):
        classes, groups = _labelled(y, name)
        targets = [one_hot(group, len(classes), len(one)) for group, one in zip(groups, inputs, strict=False)]
    else:
        targets = _listed(y, "y", name)
    _check_pairs(inputs, targets, len(y) if classes else len(targets), name)
    names = names_of(input_names, inputs[0].shape[1], "input_names", "x", name)
    outputs = classes or names_of(target_names, targets[0].shape[1], "target_names", "y", name)
    places = shared_out(len(inputs), validation=validation, test=test, seed=seed, groups=groups)
    series = [
        Series(name=f"series {k}", inputs=a, targets=b, counted=np.ones(len(a), bool))
        for k, (a, b) in enumerate(zip(inputs, targets, strict=True))
    ]
    return assembled(
        {split: [series[k] for k in chosen] for split, chosen in places.items()},
        name=name, input_names=names, target_names=outputs, classes=classes, decision=decision,
        standardise=standardise, warm_up=warm_up, sample_step=sample_step, time_unit=time_unit, seed=seed,
    )  # fmt: skip


def _check_pairs(inputs: list[np.ndarray], targets: list[np.ndarray], labels: int, name: str) -> None:
    """Raise unless each series has its target, of its own length."""
    if len(inputs) != labels:
        raise TaskError(
            f"task {name}: x has {len(inputs)} series and y {labels}; give one target, or one label, for each."
        )
    for place, (a, b) in enumerate(zip(inputs, targets, strict=True)):
        if len(a) != len(b):
            raise TaskError(
                f"task {name}: series {place} has {len(a)} samples and its targets {len(b)}, they differ in length; "
                f"give a target for each sample."
            )


def _labelled(y: Sequence[Any], name: str) -> tuple[tuple[str, ...], list[int]]:
    """The classes of one label per series, in their natural order, and each series' place among them."""
    values = [label.item() if hasattr(label, "item") else label for label in y]
    if missing := [k for k, value in enumerate(values) if value is None or value != value]:
        raise TaskError(
            f"task {name}: the label of series {missing[0]} is {values[missing[0]]}; each has one."
        )
    found = [str(value) for value in values]
    classes = tuple(sorted(set(found), key=natural))
    check_classes(classes, name)
    return classes, [classes.index(label) for label in found]


def from_dataset(dataset: Any, **options: Any) -> dict[str, Any]:
    """The fields of `TaskData` of a torch Dataset whose items are (series, label) or (series, targets).

    Args:
        dataset: with a length; item k is ((time, feature), label or (time, target)).
        **options: those of `from_arrays`.

    Raises:
        TaskError: items that are no pairs, and as `from_arrays`.
    """
    name = options.get("name", "arrays")
    items = [dataset[k] for k in range(len(series_in(dataset, "the data set", name)))]
    for place, item in enumerate(items):
        if not isinstance(item, tuple | list) or len(item) != 2:
            raise TaskError(
                f"task {name}: item {place} of the data set is a {type(item).__name__}; give (series, label) or "
                f"(series, targets)."
            )
    return from_arrays([item[0] for item in items], [item[1] for item in items], **options)


def natural(label: str) -> tuple[int, float, str]:
    """Numbers in their order, before words in theirs."""
    try:
        return (0, float(label), label)
    except ValueError:
        return (1, 0.0, label)


def check_classes(classes: Sequence[str], owner: str) -> None:
    """Raise `TaskError` unless there are at least two classes."""
    if len(classes) < 2:
        raise TaskError(
            f"task {owner}: all labels are {', '.join(classes) or 'missing'}; a classification needs at least two."
        )


def _listed(values: Any, argument: str, owner: str) -> list[np.ndarray]:
    """Series as float64 (time, feature) arrays; one array is (time, series, feature)."""
    if isinstance(values, torch.Tensor | np.ndarray):
        if values.ndim != 3:
            raise TaskError(
                f"task {owner}: {argument} has shape {tuple(values.shape)}; give (time, series, feature), a list of "
                f"(time, feature) arrays, or for y one label per series."
            )
        values = [values[:, k] for k in range(values.shape[1])]
    listed: list[np.ndarray] = []
    for place, one in enumerate(series_in(values, argument, owner)):
        array = np.asarray(one.detach().cpu() if isinstance(one, torch.Tensor) else one)
        if array.ndim != 2 or array.dtype.kind not in "fiu" or not len(array):
            raise TaskError(
                f"task {owner}: {argument}[{place}] has shape {array.shape} and type {array.dtype}; "
                f"give numbers of shape (time, feature)."
            )
        array = array.astype(float)
        if not np.isfinite(array).all():
            row, column = np.argwhere(~np.isfinite(array))[0]
            raise TaskError(
                f"task {owner}: {argument}[{place}] is {array[row, column]} at time {row}, feature {column}; "
                f"fill or leave out what is missing, or read it as a table, which knows of gaps."
            )
        if listed and array.shape[1] != listed[0].shape[1]:
            raise TaskError(
                f"task {owner}: {argument}[{place}] has {array.shape[1]} features and {argument}[0] has "
                f"{listed[0].shape[1]}; give all the same."
            )
        listed.append(array)
    if not listed:
        raise TaskError(f"task {owner}: {argument} holds no series.")
    return listed
