"""What have a key and metadata in common? Both are frozen mappings that can be put in sets."""

from collections.abc import Iterator, Mapping
from typing import Generic, TypeVar

Value = TypeVar("Value")


class Pairs(Mapping[str, Value], Generic[Value]):
    """An immutable, hashable, ordered mapping from keyword to value.

    Two of one kind are equal when they hold the same pairs, whatever their order.
    """

    __slots__ = ("_hash", "_pairs")

    def __init__(self, pairs: dict[str, Value]) -> None:
        self._pairs = pairs
        self._hash: int | None = None

    def __getitem__(self, keyword: str) -> Value:
        return self._pairs[keyword]

    def __iter__(self) -> Iterator[str]:
        return iter(self._pairs)

    def __len__(self) -> int:
        return len(self._pairs)

    def __hash__(self) -> int:
        if self._hash is None:
            self._hash = hash(frozenset(self._pairs.items()))
        return self._hash

    def __eq__(self, other: object) -> bool:
        if isinstance(other, type(self)):
            return self._pairs == other._pairs
        return NotImplemented

    def __repr__(self) -> str:
        return ",".join(f"{keyword}={value}" for keyword, value in self._pairs.items())
