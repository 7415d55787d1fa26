"""What are the keys of a listing's fields, level by level, without an object a field?

Fields that have the same keywords, in one database, have one shape: the key of the database, and which
keywords are the index's and the datum's. Keys of indexes are made once for each different one; a datum's
values are columns. What is left to do for a field is to make the dictionaries it shows.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from dte_hpc.base.key import Key
from dte_hpc.fdb.finding.listing import Listing
from dte_hpc.fdb.finding.matching import key_numbers
from dte_hpc.fdb.naming.levels import Levels, Names

Texts = dict[str, str]


class Rows:
    """The elements that pyfdb lists: what one shows is asked for by its number.

    Attributes
    ----------
    listing : Listing or None
        The fields; None where elements are whole databases or indexes.
    """

    listing: Listing | None = None

    def __len__(self) -> int:
        raise NotImplementedError

    def keys(self, number: int) -> list[Texts]:
        """Return the key of an element in three dictionaries, one a level, each in alphabetical order."""
        raise NotImplementedError

    def combined_key(self, number: int) -> Texts:
        """Return the key of an element in alphabetical order."""
        merged = {keyword: value for level in self.keys(number) for keyword, value in level.items()}
        return dict(sorted(merged.items()))

    def text(self, number: int) -> str:
        """Return an element as ECMWF's tools show it."""
        raise NotImplementedError


class LevelRows(Rows):
    """Elements of level 1 or 2: the different keys down to there.

    Parameters
    ----------
    keys : sequence of sequence of Key
        For each element, the key of each level.
    """

    def __init__(self, keys: Sequence[Sequence[Key]]) -> None:
        self._keys = keys

    def __len__(self) -> int:
        return len(self._keys)

    def keys(self, number: int) -> list[Texts]:
        """As in `Rows`; the levels that are not shown are empty."""
        levels = [dict(sorted(key.items())) for key in self._keys[number]]
        return [*levels, *({} for _ in range(3 - len(levels)))]

    def text(self, number: int) -> str:
        """As in `Rows`."""
        return "".join(_braced(key) for key in self._keys[number]) + ",length=0,timestamp=0"


@dataclass(frozen=True, slots=True)
class _Shape:
    """What fields with the same keywords in one database have in common."""

    key: Key
    names: Names
    database: Texts
    columns: tuple[tuple[str, list[str]], ...]


class FieldRows(Rows):
    """Elements of level 3: the fields of a listing.

    Parameters
    ----------
    listing : Listing
        The fields.
    levels_of : callable
        From the number of one of the listing's databases to the levels of its keys.
    """

    def __init__(self, listing: Listing, levels_of: Callable[[int], Levels]) -> None:
        self.listing: Listing = listing
        self._levels_of = levels_of

    def __len__(self) -> int:
        return len(self.listing)

    def keys(self, number: int) -> list[Texts]:
        """As in `Rows`. Cost: a microsecond, after the columns were made."""
        shape = self._shapes[self._shape_of[number]]
        datum = {keyword: column[number] for keyword, column in shape.columns}
        return [shape.database.copy(), self._indexes[self._index_of[number]].copy(), datum]

    def combined_key(self, number: int) -> Texts:
        """As in `Rows`: a copy of the index's, in which the datum's keywords have their places."""
        combined = self._combined[self._index_of[number]].copy()
        for keyword, column in self._shapes[self._shape_of[number]].columns:
            combined[keyword] = column[number]
        return combined

    def index_rows(self) -> LevelRows:
        """Return the different indexes of the fields, in the order in which they come."""
        return LevelRows([self._split(number)[:2] for number in np.sort(self._indexed[0]).tolist()])

    def axes(self, level: int) -> dict[str, list[str]]:
        """Return the values of each keyword of the first levels in text order; "" where one is left out."""
        axes: dict[str, set[str]] = {}
        for shape, number in zip(self._shapes, self._grouped[0].tolist(), strict=True):
            for keyword in (keyword for part in shape.names[:level] for keyword in part):
                axes.setdefault(keyword, set())
            rule = self._levels_of(int(self.listing.part[number])).rule(shape.key)
            for predicate in (p for part in (rule.levels[:level] if rule else ()) for p in part):
                if predicate.stored_as not in shape.key:
                    axes.setdefault(predicate.stored_as, set()).add("")
        for keyword in axes.keys() & set(self.listing.keywords):
            codes, words = self.listing.codes(keyword)
            axes[keyword].update(words.list[code] for code in np.unique(codes).tolist() if code)
        return {keyword: sorted(axes[keyword]) for keyword in sorted(axes)}

    def text(self, number: int) -> str:
        """As in `Rows`."""
        listing = self.listing
        braced = "".join(_braced(key) for key in self._split(number))
        length = int(listing.length[number])
        return (
            f"{braced},TocFieldLocation[uri=URI[scheme=file,name={listing.path(number)}],"
            f"offset={int(listing.offset[number])},length={length},remapKey={{}}],"
            f"length={length},timestamp={int(listing.time[number])}"
        )

    def _split(self, number: int) -> list[Key]:
        key = self.listing.key(number)
        names = self._shapes[self._shape_of[number]].names
        return [Key.of_checked({k: key[k] for k in level}) for level in names]

    @cached_property
    def _grouped(self) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Return for each shape a field of it, and for each field the number of its shape."""
        listing = self.listing
        if len(listing) == 1:  # inspected alone: an eighth of the time
            return np.zeros(1, np.int64), np.zeros(1, np.int64)
        columns = [listing.part]
        tested = {k for n in range(len(listing.databases)) for k in self._levels_of(n).tested}
        for keyword in listing.keywords:
            codes, _ = listing.codes(keyword)
            columns.append(codes if keyword in tested else (codes > 0).astype(np.int32))
        ids, _ = key_numbers(columns, np.arange(len(listing)))
        _, first, inverse = np.unique(ids, return_index=True, return_inverse=True)
        return first, inverse

    @cached_property
    def _shape_of(self) -> list[int]:
        numbers: list[int] = self._grouped[1].tolist()
        return numbers

    @cached_property
    def _shapes(self) -> list[_Shape]:
        return [self._shape(number) for number in self._grouped[0].tolist()]

    def _shape(self, number: int) -> _Shape:
        key = self.listing.key(number)
        names = self._levels_of(int(self.listing.part[number])).names(key)
        columns = tuple((keyword, self._column(keyword)) for keyword in sorted(names[2]))
        return _Shape(key, names, {k: key[k] for k in sorted(names[0])}, columns)

    def _column(self, keyword: str) -> list[str]:
        """Return a keyword's value of each field; equal values are one object."""
        found = self._columns.get(keyword)
        if found is None:
            codes, words = self.listing.codes(keyword)
            found = self._columns[keyword] = list(map(words.list.__getitem__, codes.tolist()))
        return found

    @cached_property
    def _columns(self) -> dict[str, list[str]]:
        return {}

    @cached_property
    def _indexed(self) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Return for each index a field of it, and for each field the number of its index."""
        listing, (_, shape_of) = self.listing, self._grouped
        if len(listing) == 1:
            return self._grouped
        keywords = dict.fromkeys(keyword for shape in self._shapes for keyword in shape.names[1])
        columns = [shape_of.astype(np.int32), *(listing.codes(keyword)[0] for keyword in keywords)]
        ids, _ = key_numbers(columns, np.arange(len(listing)))
        _, first, inverse = np.unique(ids, return_index=True, return_inverse=True)
        return first, inverse

    @cached_property
    def _combined(self) -> list[Texts]:
        """Return for each index a key in alphabetical order, its datum that of one field."""
        return [dict(sorted(self.listing.key(number).items())) for number in self._indexed[0].tolist()]

    @cached_property
    def _indexes(self) -> list[Texts]:
        found = []
        for number, key in zip(self._indexed[0].tolist(), self._combined, strict=True):
            names = self._shapes[self._shape_of[number]].names[1]
            found.append({keyword: key[keyword] for keyword in sorted(names)})
        return found

    @cached_property
    def _index_of(self) -> list[int]:
        numbers: list[int] = self._indexed[1].tolist()
        return numbers


def _braced(key: Key) -> str:
    return "{" + ",".join(f"{keyword}={value}" for keyword, value in key.items()) + "}"
