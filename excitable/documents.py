"""Results that a run keeps as JSON, read again."""

from pathlib import Path
from typing import TypeVar

from pydantic import TypeAdapter, ValidationError

from conductance.storage import StorageError

Kind = TypeVar("Kind")


def read_document(adapter: TypeAdapter[Kind], text: bytes | str, *, source: str | Path, command: str) -> Kind:
    """A document of one type from its JSON.

    Args:
        adapter: of the type.
        text: of the file.
        source: its name, for the error.
        command: of excitable that makes the file.

    Raises:
        StorageError: the file is damaged; the first fault and the command are named.
    """
    try:
        return adapter.validate_json(text)
    except ValidationError as error:
        fault = error.errors()[0]
        where = ".".join(map(str, fault["loc"])) or "file"
        raise StorageError(
            f"{source}: {where}: {fault['msg']}; delete the file, and `excitable {command}` makes it anew"
        ) from None
