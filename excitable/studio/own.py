"""A user's own declaration: a name in a Python file."""

import inspect
import runpy
from collections.abc import Callable
from pathlib import Path

from conductance.neurons.base import Neuron
from excitable.studio.catalogue import CatalogueError


def load_neuron(place: str) -> Neuron:
    """The neuron that FILE.py:NAME names; the file is run.

    Raises:
        CatalogueError: no such file or name, the file fails, or the name is no neuron.
    """
    file, separator, name = place.rpartition(":")
    path = Path(file)
    if not separator or path.suffix != ".py" or not path.is_file():
        raise CatalogueError(f"{place!r} must be FILE.py:NAME, a Python file and the name of a neuron in it")
    try:
        found = runpy.run_path(str(path)).get(name)
    except Exception as error:  # whatever the user's own program raises
        raise CatalogueError(f"{path} failed: {type(error).__name__}: {error}") from error
    if not isinstance(found, Neuron) and callable(found):
        found = _made(found, f"{path}: {name}")
    if not isinstance(found, Neuron):
        what = "nothing" if found is None else f"a {type(found).__name__}"
        raise CatalogueError(f"{path}: {name} is {what}; it must be a Neuron, as mtc(...) makes one")
    return found


def _made(function: Callable[..., object], owner: str) -> object:
    """What a function gives that needs no arguments."""
    try:
        inspect.signature(function).bind()
    except TypeError as error:
        raise CatalogueError(f"{owner} needs arguments ({error}); name a neuron that it made") from None
    try:
        return function()
    except Exception as error:  # whatever the user's own function raises
        raise CatalogueError(f"{owner}() failed: {type(error).__name__}: {error}") from error
