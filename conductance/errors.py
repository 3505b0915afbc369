"""Errors that users see: each names the user's object, what was received, what is allowed and the fix."""

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from difflib import get_close_matches
from typing import Any


class ExcitableError(ValueError):
    """Base of every error this distribution raises for bad input or a failed tool."""


def nearest(name: str, known: Iterable[str]) -> str:
    """A question for an error about an unknown name: the most similar known one; empty where none is.

    >>> nearest("foward_euler", ["forward_euler", "heun"])
    'did you mean forward_euler? '
    """
    close = get_close_matches(str(name), list(known), n=1, cutoff=0.5)
    return f"did you mean {close[0]}? " if close else ""


def refuse_truth_values(owner: str, **given: Any) -> None:
    """Refuse True and False where numbers are wanted, which Python and numpy take for 1 and 0.

    Args:
        owner: whose arguments they are, as `layer lif`.
        given: arguments by name: one value, or a list, mapping or array of them.

    Raises:
        ExcitableError: one of them is a truth value.

    >>> refuse_truth_values("layer lif", dt=0.1, size=True)
    Traceback (most recent call last):
    conductance.errors.ExcitableError: layer lif: size = True is a truth value; give a number
    """
    for name, value in given.items():
        if _holds_truth_value(value):
            raise ExcitableError(f"{owner}: {name} = {value!r} is a truth value; give a number")


def _holds_truth_value(value: Any) -> bool:
    if isinstance(value, bool) or str(getattr(value, "dtype", "")).endswith("bool"):
        return True
    if isinstance(value, Mapping):
        value = tuple(value.values())
    return isinstance(value, list | tuple) and any(map(_holds_truth_value, value))


class MissingExtra(ExcitableError, ImportError):
    """A library of an extra that is not installed; the message is the command that installs it."""


@contextmanager
def extra(name: str) -> Iterator[None]:
    """Around imports of an extra's libraries, at a module's head or in a function.

    >>> with extra("studio"):
    ...     import no_such_library
    Traceback (most recent call last):
    conductance.errors.MissingExtra: no_such_library is not installed: pip install 'excitable[studio]'

    Args:
        name: of the extra in pyproject.toml.

    Raises:
        MissingExtra: a library is not there.
    """
    try:
        yield
    except ModuleNotFoundError as error:
        library = (error.name or "a library").partition(".")[0]
        raise MissingExtra(f"{library} is not installed: pip install 'excitable[{name}]'") from None
