"""Imports without the search for garbage between them."""

import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def uncollected() -> Iterator[None]:
    """Import large libraries in the block: nothing in it becomes garbage, and each search looks at all there is.

    A million objects come with torch and Lightning, and looking through them again and again takes a fifth of the time.
    What has been imported is left out of later searches as well. A program that collects by itself goes on doing so.
    """
    if not gc.isenabled():
        yield
        return
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        gc.enable()
