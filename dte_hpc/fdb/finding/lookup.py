"""Which row is the one field that a request names?

The general road (`matching`) compares columns with what is wanted. When a request gives every keyword
one value, the row is found by a number instead: a `Lookup` numbers the keys of one snapshot, and keeps
the newest row of each. It pays after some requests, so for the first ones of a snapshot its segments
are looked through (`seek`). Whatever has not exactly one answer takes the general road.
"""

from collections.abc import Collection
from dataclasses import dataclass, field
from weakref import WeakKeyDictionary

import numpy as np

from dte_hpc.fdb.files.table import Table, Words
from dte_hpc.fdb.finding.matching import DENSE_KEYS, NO_WORDS, Rows, Wanted, WantedValue, answers, key_numbers
from dte_hpc.fdb.finding.seek import ABSENT, UNSURE, seek

MAX_CHOICES = 16
MAX_REMEMBERED = 100_000
N_SOUGHT = 4  # requests a snapshot, at least, that do without a Lookup
ROWS_A_REQUEST = 4096  # of a snapshot, that a Lookup numbers in the time one request takes without it
MAX_NUMBERS = 1 << 62


@dataclass(slots=True, eq=False)
class _Column:
    """A keyword of the snapshot: its words, and the range of its codes.

    Attributes
    ----------
    keyword, words : str, Words
    low, size : int
        The codes are from ``low`` to ``low + size - 1``.
    hits : dict of WantedValue to tuple of int
        Codes that answer a value, the best first, less ``low``, of those the snapshot has.
    """

    keyword: str
    words: Words
    low: int
    size: int
    hits: dict[WantedValue, tuple[int, ...]] = field(default_factory=dict)

    def answers(self, value: WantedValue) -> tuple[int, ...]:
        """Return the codes that answer a value, remembered."""
        found = self.hits.get(value)
        if found is None:
            if len(self.hits) >= MAX_REMEMBERED:
                self.hits.clear()
            codes = (code - self.low for code in answers((value,), self.words)[0])
            found = self.hits[value] = tuple(code for code in codes if 0 <= code < self.size)
        return found


class Lookup:
    """The newest row of each key of a snapshot, for requests that name the same keywords.

    Parameters
    ----------
    table : Table
        The snapshot; it has rows.
    keywords : collection of str
        That the requests give one value; rows that differ in others only are left to the general road.
    """

    def __init__(self, table: Table, keywords: Collection[str]) -> None:
        columns = [self._column(table, keyword) for keyword in table.keywords]
        self._constant = [c for c in columns if c.size == 1]
        self._varying = [c for c in columns if c.size > 1 and c.keyword in keywords]
        self._others = [c.keyword for c in columns if c.size > 1 and c.keyword not in keywords]
        self._known = frozenset(table.keywords)
        n_numbers = 1
        for column in self._varying:
            n_numbers *= column.size
        self._numbers: Rows | None = None
        self._rows = np.empty(0, np.int64)
        self.is_useful = n_numbers < MAX_NUMBERS
        if self.is_useful:
            self._number(table, n_numbers)

    @staticmethod
    def _column(table: Table, keyword: str) -> _Column:
        codes = table.codes(keyword)
        low, high = int(codes.min()), int(codes.max())
        return _Column(keyword, table.words_of(keyword), low, high - low + 1)

    def _number(self, table: Table, n_numbers: int) -> None:
        """Note the newest row of each number; UNSURE where rows of one number differ otherwise."""
        ids = np.zeros(table.n_rows, np.int64)
        for column in self._varying:
            ids = ids * column.size + (table.codes(column.keyword) - column.low)
        if n_numbers > max(DENSE_KEYS >> 4, 4 * table.n_rows):
            self._numbers, ids = np.unique(ids, return_inverse=True)
            n_numbers = len(self._numbers)
        rows = np.full(n_numbers, ABSENT, np.int64)
        rows[ids] = np.arange(table.n_rows)
        if self._others:
            others, _ = key_numbers(map(table.codes, self._others), np.arange(table.n_rows))
            rows[ids[others != others[rows[ids]]]] = UNSURE
        deleted = (rows >= 0) & (table.number("length")[rows] == 0)
        for name in ("offset", "checksum"):  # which every message read needs
            table.number(name)
        rows[deleted] = ABSENT
        self._rows = rows

    def row(self, wanted: Wanted, hidden: Collection[str]) -> int:
        """Return the row of a request's one field; ABSENT, or UNSURE where the general road must look.

        Parameters
        ----------
        wanted : Wanted
            The value of each of the lookup's keywords; others may have several (defaults).
        hidden : collection of str
            Keywords of which the empty value answers too.
        """
        for keyword in wanted:
            if keyword not in self._known and keyword not in hidden and not _may_be_empty(wanted[keyword]):
                return ABSENT
        for column in self._constant:
            values = wanted.get(column.keyword)
            if values is None or (column.low == 0 and column.keyword in hidden):
                continue
            if not any(map(column.answers, values)):
                return ABSENT
        return self._best(wanted, hidden)

    def _best(self, wanted: Wanted, hidden: Collection[str]) -> int:
        choices = [(0, 0)]
        for column in self._varying:
            if column.keyword in hidden:
                return UNSURE
            hits = column.answers(wanted[column.keyword][0])
            choices = [
                (rank + worse, number * column.size + code)
                for rank, number in choices
                for worse, code in enumerate(hits)
            ]
            if len(choices) > MAX_CHOICES:
                return UNSURE
        found = sorted((rank, row) for rank, number in choices if (row := self._row_of(number)) != ABSENT)
        if len(found) > 1 and (self._others or found[0][0] == found[1][0]):
            return UNSURE
        return found[0][1] if found else ABSENT

    def _row_of(self, number: int) -> int:
        if self._numbers is not None:
            place = int(np.searchsorted(self._numbers, number))
            if place == len(self._numbers) or self._numbers[place] != number:
                return ABSENT
            number = place
        return int(self._rows[number])


def _may_be_empty(values: tuple[WantedValue, ...]) -> bool:
    return any(answers(values, NO_WORDS))


class Lookups:
    """The lookups of a handle's snapshots, made when they begin to pay. Not for two threads at once."""

    def __init__(self) -> None:
        self._of_table: WeakKeyDictionary[Table, dict[frozenset[str], Lookup | int]] = WeakKeyDictionary()

    def row(self, table: Table, wanted: Wanted, keywords: frozenset[str], hidden: Collection[str]) -> int:
        """Return as `Lookup.row`, for the keywords that have one value."""
        lookups = self._of_table.setdefault(table, {})
        found = lookups.get(keywords, 0)
        if isinstance(found, int):
            found += 1
            if (found - N_SOUGHT) * ROWS_A_REQUEST >= table.n_rows:
                found = Lookup(table, keywords)
            lookups[keywords] = found
        if isinstance(found, int):
            return seek(table, wanted, keywords, hidden)
        return found.row(wanted, hidden) if found.is_useful else UNSURE
