"""Declarations and tasks of one's own: a name in a Python file, written FILE.py:NAME."""

import inspect
import runpy
from collections.abc import Callable
from pathlib import Path

from conductance.errors import ExcitableError
from conductance.networks import RECIPES, Recipe, recipe_of
from conductance.neurons.base import Neuron
from conductance.tasks import Task
from excitable.config.declared import is_own


class OwnError(ExcitableError):
    """A file of the user's does not give what it should."""


def load_own(place: str, allowed: Callable[[object], bool], what: str) -> object:
    """The object that FILE.py:NAME names, or what a function of that name gives; the file is run.

    Args:
        place: FILE.py:NAME.
        allowed: whether an object is of the right kind.
        what: the kind in words.

    Raises:
        OwnError: no such file or name, the file fails, or the name is something else.
    """
    file, separator, name = place.rpartition(":")
    path = Path(file)
    if not separator or path.suffix != ".py" or not path.is_file():
        raise OwnError(f"{place!r} must be FILE.py:NAME, a Python file and the name of {what} in it")
    try:
        found = runpy.run_path(str(path)).get(name)
    except Exception as error:  # whatever the user's own program raises
        raise OwnError(f"{path} failed: {type(error).__name__}: {error}") from error
    if callable(found) and (isinstance(found, type) or not allowed(found)):
        found = _made(found, f"{path}: {name}")
    if not allowed(found):
        shown = "nothing" if found is None else f"a {type(found).__name__}"
        raise OwnError(f"{path}: {name} is {shown}; it must be {what}")
    return found


def load_neuron(place: str) -> Neuron:
    """The neuron that FILE.py:NAME names, see `load_own`."""
    found = load_own(place, lambda value: isinstance(value, Neuron), "a Neuron, as mtc(...) makes one")
    if not isinstance(found, Neuron):
        raise OwnError(f"{place}: it is no neuron")
    return found


def load_recipe(name: str) -> Recipe:
    """The recipe of a neuron of the package by its name, or of one's own by FILE.py:NAME."""
    if not is_own(name):
        return RECIPES[name]
    allowed = "a Neuron, as mtc(...) makes one, or a Recipe"
    found = load_own(name, lambda value: isinstance(value, Neuron | Recipe), allowed)
    return found if isinstance(found, Recipe) else recipe_of(found)  # type: ignore[arg-type]


def load_task(place: str) -> Task:
    """The task that FILE.py:NAME names: an object with generate, error and baselines, see `conductance.tasks.base`."""
    found = load_own(
        place, lambda value: isinstance(value, Task), "a task, with name, generate, error and baselines"
    )
    if not isinstance(found, Task):
        raise OwnError(f"{place}: it is no task")
    return found


def _made(function: Callable[..., object], owner: str) -> object:
    """What a function gives that needs no arguments."""
    try:
        inspect.signature(function).bind()
    except TypeError as error:
        raise OwnError(f"{owner} needs arguments ({error}); name an object that it made") from None
    try:
        return function()
    except Exception as error:  # whatever the user's own function raises
        raise OwnError(f"{owner}() failed: {type(error).__name__}: {error}") from error
