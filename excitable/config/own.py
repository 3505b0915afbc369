"""Declarations and tasks of one's own: a name in a Python file, written FILE.py:NAME; the file runs where it may."""

import inspect
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType
from typing import Any

from pydantic import PrivateAttr, ValidationInfo

from conductance.errors import ExcitableError
from conductance.networks import RECIPES, Recipe, recipe_of
from conductance.neurons.base import Neuron
from conductance.tasks import Task
from excitable.config.declared import OneOf, Section, is_own


class OwnError(ExcitableError):
    """A file of the user's does not give what it should."""


class NotTrusted(OwnError):
    """Code that a run folder names is needed and may not be run."""


@dataclass(frozen=True, kw_only=True)
class Code:
    """Whether the Python files that a configuration names are run, and which; no part of what a configuration says.

    Attributes:
        find: the file to run for one that is named; the named one itself where not given.
        trusted: whether it is run.
    """

    find: Callable[[str], Path] = field(default=Path, compare=False)
    trusted: bool = field(default=True, compare=False)


RUNNING = "<own>"
"""The name of the module as which a file of one's own is run."""
CODE = "code"
"""The key of a `Code` in the context with which a configuration is validated."""


def code_of(info: ValidationInfo) -> Code:
    """The code of a validation."""
    return (info.context or {}).get(CODE) or Code()


class OwnSection(Section):
    """Base of sections that may name code: they keep how it is run."""

    _code: Code = PrivateAttr(default_factory=Code)

    def model_post_init(self, context: Any) -> None:
        """Keep the code of the validation."""
        self._code = (context or {}).get(CODE) or Code()


def own_files(section: Section) -> Iterator[str]:
    """The Python files that a section and those inside it name, in their order; some may come twice."""
    for name, declared in type(section).model_fields.items():
        value = getattr(section, name)
        may_be_own = any(isinstance(entry, OneOf) and entry.own for entry in declared.metadata)
        if may_be_own and is_own(value):
            yield value.rpartition(":")[0]
        for part in value if isinstance(value, list) else (value,):
            if isinstance(part, Section):
                yield from own_files(part)


def load_own(place: str, allowed: Callable[[object], bool], what: str, code: Code) -> object:
    """The object that FILE.py:NAME names, or what a function of that name gives; the file is run.

    Args:
        place: FILE.py:NAME.
        allowed: whether an object is of the right kind.
        what: the kind in words.
        code: whether the file is run, and which.

    Raises:
        NotTrusted: it must not be run.
        OwnError: no such file or name, the file fails, or the name is something else.
    """
    file, separator, name = place.rpartition(":")
    path = code.find(file)
    if not code.trusted:
        raise NotTrusted(
            f"{place}: a run may come from elsewhere, so only `excitable train` runs code that its configuration "
            f"names; read {path}, then repeat this with --trust"
        )
    if not separator or path.suffix != ".py" or not path.is_file():
        missing = bool(separator) and path.suffix == ".py"
        absent = f"; there is no file {path}" if missing else ""
        raise OwnError(f"{place!r} must be FILE.py:NAME, a Python file and the name of {what} in it{absent}")
    found = _run(path, file).get(name)
    if callable(found) and (isinstance(found, type) or not allowed(found)):
        found = _made(found, f"{file}: {name}")
    if not allowed(found):
        shown = "nothing" if found is None else f"a {type(found).__name__}"
        raise OwnError(f"{file}: {name} is {shown}; it must be {what}")
    return found


def load_neuron(place: str) -> Neuron:
    """The neuron that FILE.py:NAME names, see `load_own`."""
    found = load_own(
        place, lambda value: isinstance(value, Neuron), "a Neuron, as mtc(...) makes one", Code()
    )
    if not isinstance(found, Neuron):
        raise OwnError(f"{place}: it is no neuron")
    return found


def load_recipe(name: str, code: Code) -> Recipe:
    """The recipe of a neuron of the package by its name, or of one's own by FILE.py:NAME."""
    if not is_own(name):
        return RECIPES[name]
    allowed = "a Neuron, as mtc(...) makes one, or a Recipe"
    found = load_own(name, lambda value: isinstance(value, Neuron | Recipe), allowed, code)
    return found if isinstance(found, Recipe) else recipe_of(found)  # type: ignore[arg-type]


def load_loss(place: str, code: Code) -> Callable[[Any, Any], Any]:
    """The loss that FILE.py:NAME names, from (prediction, split) to a number, see `conductance.training.losses`.

    A class is made first, without arguments. What goes wrong inside it while training is said with its place.
    """
    allowed = "a loss, a function of (prediction, split) that gives a number as a tensor"
    found = load_own(place, lambda value: callable(value) and not isinstance(value, type), allowed, code)
    if not callable(found):
        raise OwnError(f"{place}: it is no loss")
    try:
        inspect.signature(found).bind(None, None)
    except TypeError as error:
        raise OwnError(f"{place}: a loss is called with (prediction, split) ({error})") from None
    except ValueError:
        pass  # no signature is known of what is written in C

    def loss(prediction: Any, split: Any) -> Any:
        try:
            return found(prediction, split)
        except ExcitableError:
            raise
        except Exception as error:  # whatever the user's own function raises
            raise OwnError(f"{place}(prediction, split) failed: {type(error).__name__}: {error}") from error

    return loss


def load_task(place: str, code: Code) -> Task:
    """The task that FILE.py:NAME names: an object with generate, error and baselines, see `conductance.tasks.base`."""
    allowed = "a task, with name, generate, error and baselines"
    found = load_own(place, lambda value: isinstance(value, Task), allowed, code)
    if not isinstance(found, Task):
        raise OwnError(f"{place}: it is no task")
    return found


def _run(path: Path, named: str) -> dict[str, Any]:
    """The names that a program leaves; it is told the file that was named, so that it finds what lies beside that."""
    module = ModuleType(RUNNING)
    module.__file__ = named
    sys.modules[RUNNING] = module  # where dataclasses look for the names of their annotations
    try:
        exec(compile(path.read_bytes(), named, "exec"), module.__dict__)
    except Exception as error:  # whatever the user's own program raises
        raise OwnError(f"{named} failed: {type(error).__name__}: {error}") from error
    finally:
        del sys.modules[RUNNING]
    return module.__dict__


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
