"""A mapping that never changes: unlike `types.MappingProxyType`, it can be copied and pickled."""

from collections.abc import Iterator, Mapping
from typing import TypeVar

from conductance.errors import ExcitableError, nearest

Key = TypeVar("Key")
Value = TypeVar("Value", covariant=True)


class FrozenMapping(Mapping[Key, Value]):
    """The entries of another mapping, taken once.

    >>> FrozenMapping({"alpha": 2.0})
    {'alpha': 2.0}
    """

    __slots__ = ("_entries",)

    def __init__(self, entries: Mapping[Key, Value]) -> None:
        self._entries = dict(entries)

    def __getitem__(self, key: Key) -> Value:
        return self._entries[key]

    def __iter__(self) -> Iterator[Key]:
        return iter(self._entries)

    def __len__(self) -> int:
        return len(self._entries)

    def __repr__(self) -> str:
        return repr(self._entries)

    def __hash__(self) -> int:
        return hash(frozenset(self._entries.items()))


class UnknownName(ExcitableError, KeyError):
    """A catalogue has nothing of that name."""

    __str__ = Exception.__str__


class Catalogue(FrozenMapping[str, Value]):
    """Things by their names; an unknown name is an error that lists them."""

    __slots__ = ("_kind",)

    def __init__(self, kind: str, entries: Mapping[str, Value]) -> None:
        super().__init__(entries)
        self._kind = kind

    def __getitem__(self, key: str) -> Value:
        if key not in self._entries:
            raise UnknownName(
                f"{self._kind} {key!r} is unknown; {nearest(key, self)}known are {', '.join(self)}"
            )
        return self._entries[key]

    def __contains__(self, key: object) -> bool:
        return key in self._entries
