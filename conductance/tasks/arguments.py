"""What is asked of arrays that become a task: one sentence for each argument that would be taken for something else."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from numbers import Real
from typing import Any

from conductance.tasks.options import TaskError


def check_arguments(
    name: Any, *, warm_up: Any, sample_step: Any, time_unit: Any, validation: Any, test: Any, seed: Any,
    standardise: Any,
) -> None:  # fmt: skip
    """Refuse what would count other samples, share them out otherwise, or give the circuit another time.

    Raises:
        TaskError: with the argument, what was received and what is allowed.
    """
    if not isinstance(name, str) or not name:
        raise TaskError(f'task: name = {name!r}; give a text, as "sensor".')
    faults = []
    if isinstance(warm_up, bool) or not isinstance(warm_up, int) or warm_up < 0:
        faults.append(f"warm_up = {warm_up!r}; give a whole number of samples, 0 or more")
    if (
        isinstance(sample_step, bool)
        or not isinstance(sample_step, Real)
        or not 0 < float(sample_step) < math.inf
    ):
        faults.append(f"sample_step = {sample_step!r}; give a positive number of `time_unit`")
    if not isinstance(time_unit, str) or not time_unit:
        faults.append(f'time_unit = {time_unit!r}; give its name, as "s"')
    shares = {"validation": validation, "test": test}
    for key, share in shares.items():
        if isinstance(share, bool) or not isinstance(share, Real) or not 0 < float(share) < 1:
            faults.append(f"{key} = {share!r}; give a share of the series between 0 and 1")
    if not faults and validation + test >= 1:
        faults.append(
            f"validation = {validation:g} and test = {test:g} leave nothing to train on; lower them"
        )
    if isinstance(seed, bool) or not isinstance(seed, int) or seed < 0:
        faults.append(f"seed = {seed!r}; give a whole number, 0 or more")
    if not isinstance(standardise, bool):
        faults.append(f"standardise = {standardise!r}; give True or False")
    if faults:
        raise TaskError(f"task {name}: {'; '.join(faults)}.")


def names_of(given: Any, count: int, argument: str, letter: str, owner: str) -> tuple[str, ...]:
    """The given names, one for each of `count` features; `letter` and a number where none are given.

    Raises:
        TaskError: a single text, whose letters would be the names, another number of them, names that are no text, or
            one that comes twice.
    """
    if given is None:
        return tuple(f"{letter}{k}" for k in range(count))
    names = list(given) if isinstance(given, Iterable) and not isinstance(given, str) else None
    if names is None or not all(isinstance(one, str) and one for one in names):
        raise TaskError(
            f"task {owner}: {argument} = {given!r}; give a list of {count} texts, one for each feature."
        )
    if len(names) != count:
        raise TaskError(
            f"task {owner}: {argument} has {len(names)} names, {', '.join(names)}, and there are {count} features; "
            f"give as many."
        )
    if twice := [one for one in names if names.count(one) > 1]:
        raise TaskError(f"task {owner}: {argument} has {twice[0]} twice; rename one.")
    return tuple(names)


def series_in(values: Any, argument: str, owner: str) -> Sequence[Any]:
    """What holds series, or labels: anything with a length.

    Raises:
        TaskError: it has none.
    """
    if isinstance(values, str) or not hasattr(values, "__len__") or not hasattr(values, "__getitem__"):
        labels = ", or one label per series" if argument == "y" else ""
        raise TaskError(
            f"task {owner}: {argument} is a {type(values).__name__}; give an array (time, series, feature), or a list "
            f"of (time, feature) arrays{labels}."
        )
    if isinstance(values, dict):
        raise TaskError(f"task {owner}: {argument} is a dict; give its arrays as a list.")
    found: Sequence[Any] = values
    return found
