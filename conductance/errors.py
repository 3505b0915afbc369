"""Errors that users see: each names the user's object, what was received, what is allowed and the fix."""

from collections.abc import Iterable
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
