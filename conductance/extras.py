"""Parts of the distribution that are installed on demand: where one is missing, its name is said."""

from collections.abc import Iterator
from contextlib import contextmanager

from conductance.errors import ExcitableError


class MissingExtra(ExcitableError, ImportError):
    """A library of an extra that is not installed; the message is the command that installs it."""


@contextmanager
def extra(name: str) -> Iterator[None]:
    """Around imports of an extra's libraries, at a module's head or in a function.

    >>> with extra("studio"):
    ...     import no_such_library
    Traceback (most recent call last):
    conductance.extras.MissingExtra: no_such_library is not installed: pip install 'excitable[studio]'

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
