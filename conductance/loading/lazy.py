"""Names of a package that are imported when they are first asked for, so that importing the package loads nothing."""

import ast
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any


def lazily(package: str, file: str) -> tuple[Callable[[str], Any], Callable[[], list[str]], list[str]]:
    """`__getattr__`, `__dir__` and `__all__` of a package whose names stand in its block `if TYPE_CHECKING:`.

    The block is what a type checker reads; it is read here as well, so that each name is written once.

    Args:
        package: its `__name__`.
        file: its `__file__`.
    """
    homes = _named(file)

    def get(name: str) -> Any:
        if name not in homes:
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        return getattr(import_module(homes[name]), name)

    return get, lambda: list(homes), list(homes)


def _named(file: str) -> dict[str, str]:
    """The module of each name that the block imports."""
    tree = ast.parse(Path(file).read_text("utf-8"))
    blocks = [
        node for node in tree.body if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"
    ]
    lines = [line for block in blocks for line in block.body if isinstance(line, ast.ImportFrom)]
    return dict(sorted((alias.name, line.module or "") for line in lines for alias in line.names))


class Deferred:
    """A module, or something in it, that is imported when it is first used.

    Args:
        module: its name.
        member: what is meant of it; the module itself where empty.
    """

    def __init__(self, module: str, member: str = "") -> None:
        self._module, self._member = module, member

    def __getattr__(self, name: str) -> Any:
        return getattr(self._found(), name)

    def __call__(self, *arguments: Any, **options: Any) -> Any:
        """Call what is meant."""
        return self._found()(*arguments, **options)

    def _found(self) -> Any:
        module = import_module(self._module)
        return getattr(module, self._member) if self._member else module


if TYPE_CHECKING:
    import torch as torch
else:
    torch = Deferred("torch")
    """For files that mostly declare: it takes seconds to import, and checking a configuration needs none of it."""
