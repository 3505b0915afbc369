"""Errors that users see: each names the user's object, what was received, what is allowed and the fix."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from difflib import get_close_matches


class ExcitableError(ValueError):
    """Base of every error this distribution raises for bad input or a failed tool."""


def nearest(name: str, known: Iterable[str]) -> str:
    """A question for an error about an unknown name: the most similar known one; empty where none is.

    >>> nearest("foward_euler", ["forward_euler", "heun"])
    'did you mean forward_euler? '
    """
    close = get_close_matches(str(name), list(known), n=1, cutoff=0.5)
    return f"did you mean {close[0]}? " if close else ""


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
