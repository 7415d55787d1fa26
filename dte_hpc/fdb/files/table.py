"""What are the columns of many segments, put together?

A `Table` is a snapshot of one database: rows in the order of masking (toc order, then archive order).
A column is made when first asked for and grows with the table. In every keyword's column code 0 is the
absent value, the empty text.
"""

from collections.abc import Callable, Sequence
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dte_hpc.codecs.layout import LAYOUT
from dte_hpc.fdb.files.segment import PLAIN_FACTS, Segment
from dte_hpc.fdb.naming.kinds import ValueType
from dte_hpc.fdb.writing.pending import SCALE_BIAS

Codes = NDArray[np.int32]
U64 = NDArray[np.uint64]
Column = tuple[int, NDArray[np.integer] | None]
"""A base, and what is added to it for each field (None: nothing)."""
FILE, GRID, TABLES = "\0file", "\0grid", "\0tables"


class Words:
    """The different values of a column, numbered; grows, never changes."""

    __slots__ = ("_array", "_forms", "list", "numbers")

    def __init__(self, words: Sequence[str] = ("",)) -> None:
        self.list: list[str] = list(words)
        self.numbers: dict[str, int] = {word: number for number, word in enumerate(words)}
        self._array: NDArray[np.str_] | None = None
        self._forms: dict[str, tuple[int, dict[str, list[int]]]] = {}

    def number(self, word: str) -> int:
        """Return the number of a word, a new one if it is new."""
        found = self.numbers.get(word)
        if found is None:
            found = self.numbers[word] = len(self.list)
            self.list.append(word)
        return found

    def array(self) -> NDArray[np.str_]:
        """Return all words as an array of text."""
        if self._array is None or len(self._array) != len(self.list):
            self._array = np.array(self.list)
        return self._array

    def by_form(self, kind: ValueType) -> dict[str, list[int]]:
        """Return the numbers of the words of each form, short words first."""
        n_words, forms = self._forms.get(kind.name, (0, {}))
        if n_words != len(self.list):
            forms = {}
            for number in sorted(range(len(self.list)), key=lambda n: (len(self.list[n]), self.list[n])):
                forms.setdefault(kind.form(self.list[number]), []).append(number)
            self._forms[kind.name] = (len(self.list), forms)
        return forms


class Table:
    """A snapshot of a database's fields, masked ones included.

    Parameters
    ----------
    segments : sequence of (Segment, index file, byte)
        In toc order.
    older : Table, optional
        A snapshot whose segments these ones begin with; its columns are reused.
    """

    def __init__(self, segments: Sequence[tuple[Segment, str, int]], older: "Table | None" = None) -> None:
        self.segments = tuple(segments)
        counts = np.array([segment.n_fields for segment, _, _ in self.segments], np.int64)
        self.starts = np.concatenate(([0], np.cumsum(counts)))
        self.n_rows = int(self.starts[-1])
        self.keywords: dict[str, None] = {}
        self.words: dict[str, Words] = {}
        self._codes: dict[str, Codes] = {}
        self._numbers: dict[str, U64] = {}
        self._first = 0
        if older is not None:
            self._first, self.words = len(older.segments), older.words
            self.keywords.update(older.keywords)
        for segment, _, _ in self.segments[self._first :]:
            self.keywords.update(dict.fromkeys(segment.keywords))
        if older is not None:
            self._extend(older)

    def _extend(self, older: "Table") -> None:
        """Make the columns that an older snapshot had, reading only what is new."""
        self._codes = {k: np.concatenate((old, self._new_codes(k))) for k, old in older._codes.items()}
        self._numbers = {n: np.concatenate((old, self._new_numbers(n))) for n, old in older._numbers.items()}
        self._first = 0

    def codes(self, keyword: str) -> Codes:
        """Return the number of each row's word in ``self.words[keyword]``, shape (n_rows,)."""
        found = self._codes.get(keyword)
        if found is None:
            found = self._codes[keyword] = self._new_codes(keyword)
        return found

    def words_of(self, keyword: str) -> Words:
        """Return the words of a keyword's column."""
        self.codes(keyword)
        return self.words[keyword]

    def number(self, name: str) -> U64:
        """Return a column of numbers (`dte_hpc.fdb.files.segment.NUMBERS`, or offset), shape (n_rows,)."""
        found = self._numbers.get(name)
        if found is None:
            found = self._numbers[name] = self._new_numbers(name)
        return found

    def number_at(self, name: str, row: int) -> int:
        """Return one row's offset, length or checksum, from its segment while there is no column of it."""
        found = self._numbers.get(name)
        if found is not None:
            return int(found[row])
        segment, _, at = self._place(row)
        if name != "offset":
            base, values = segment.number(name)
            return base if values is None else (base + int(values[at])) % (1 << 64)
        before = _summed(segment.number("gap"), at + 1) + _summed(segment.number("length"), at)
        return int(segment.start + before) % (1 << 64)

    def word_at(self, keyword: str, row: int) -> str:
        """Return one row's word of a column, from its segment while there is no such column."""
        column = self._codes.get(keyword)
        if column is not None:
            return self.words[keyword].list[int(column[row])]
        segment, index, at = self._place(row)
        words, codes = segment.words(keyword) or ([""], None)
        word = words[0 if codes is None else int(codes[at])]
        return _data_file(index) if keyword == FILE and not word else word

    def _place(self, row: int) -> tuple[Segment, str, int]:
        """Return the segment of a row, its index file, and the row's number in it."""
        which = int(np.searchsorted(self.starts, row, side="right")) - 1
        segment, index, _ = self.segments[which]
        return segment, index, row - int(self.starts[which])

    def fields(self, rows: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return of some rows those that are fields, not the deletion of one."""
        if all(segment.number("length")[0] > 0 for segment, _, _ in self.segments):
            return rows
        found: NDArray[np.int64] = rows[self.number("length")[rows] > 0]
        return found

    def layout(self, rows: NDArray[np.int64]) -> NDArray[np.void]:
        """Return the packing facts of some rows, dtype `LAYOUT`."""
        records = np.zeros(len(rows), LAYOUT)
        for name in PLAIN_FACTS:
            records[name] = self.number(name)[rows]
        for name in ("binary_scale", "decimal_scale"):
            records[name] = self.number(name)[rows].astype(np.int64) - SCALE_BIAS
        records["reference"] = self.number("reference")[rows].view(np.float64)
        records["n_packed"] = records["n_values"] - self.number("n_absent")[rows]
        after = self.number("data_offset")[rows] + self.number("trailer")[rows]
        records["data_length"] = self.number("length")[rows] - after
        return records

    def grid_name(self, row: int) -> str:
        """Return the name of the grid a row's field lies on, empty when it is not known."""
        return self.words_of(GRID).list[int(self.codes(GRID)[row])]

    def table_place(self, row: int) -> tuple[str, int, int]:
        """Return index file, byte and length of a row's block offset table."""
        length = int(self.number("table")[row])
        if length == 0:
            return "", 0, 0
        (names, codes), offsets = self.table_places(np.array([row]))
        return names[int(codes[0])], int(offsets[0]), length

    def table_places(self, rows: NDArray[np.int64]) -> tuple[tuple[list[str], Codes], U64]:
        """Return the index files (names, and the number of each row's) and bytes of block offset tables.

        A row without a table has the file ``""`` and the byte 0.
        """
        has = self.number("table")[rows] > 0
        if not has.any():
            return ([""], np.zeros(len(rows), np.int32)), np.zeros(len(rows), np.uint64)
        elsewhere = self.codes(TABLES)
        before = self._tables_before
        which = np.searchsorted(self.starts, rows, side="right") - 1
        first = np.array([offset + segment.length for segment, _, offset in self.segments], np.uint64)
        own = first[which] + before[rows] - before[self.starts[which]]
        names = Words(self.words_of(TABLES).list)
        of_segment = np.array([names.number(index) for _, index, _ in self.segments], np.int32)
        codes = np.where(elsewhere[rows] == 0, of_segment[which], elsewhere[rows])
        offsets = np.where(elsewhere[rows] == 0, own, self.number("table_at")[rows])
        used, codes = np.unique(np.where(has, codes, 0), return_inverse=True)
        words = [names.list[number] for number in used.tolist()]
        return (words, codes.astype(np.int32)), np.where(has, offsets, np.uint64(0))

    @cached_property
    def _tables_before(self) -> U64:
        """Bytes of block offset tables behind segments, of all rows before each, shape (n_rows + 1,)."""
        behind = np.where(self.codes(TABLES) == 0, self.number("table"), np.uint64(0))
        return np.concatenate((np.zeros(1, np.uint64), np.cumsum(behind, dtype=np.uint64)))

    def _new_codes(self, keyword: str) -> Codes:
        words = self.words.setdefault(keyword, Words())

        def column(segment: Segment, index: str) -> Column:
            found = segment.words(keyword)
            if found is None:
                return 0, None
            local, codes = found
            if keyword == FILE:
                local = [word or _data_file(index) for word in local]
            if codes is None:
                return words.number(local[0]), None
            return 0, np.array([words.number(word) for word in local], np.int32)[codes]

        codes: Codes = self._gather(column, np.dtype(np.int32))
        return codes

    def _new_numbers(self, name: str) -> U64:
        if name == "offset":
            return self._new_offsets()

        def column(segment: Segment, _index: str) -> Column:
            base, values = segment.number(name)
            if name == "reference" and segment.reference_is_single():
                return _double_bits(base, values)
            if name == "time" and base == 0:
                return segment.time, None
            return base, values

        numbers: U64 = self._gather(column, np.dtype(np.uint64))
        return numbers

    def _new_offsets(self) -> U64:
        def column(segment: Segment, _index: str) -> Column:
            if segment.n_fields == 1:
                return segment.start, None
            lengths = _filled(segment.number("length"), segment.n_fields)
            gaps = _filled(segment.number("gap"), segment.n_fields)
            return segment.start, np.cumsum(
                gaps + np.concatenate((gaps[:1] * 0, lengths[:-1])), dtype=np.uint64
            )

        numbers: U64 = self._gather(column, np.dtype(np.uint64))
        return numbers

    def _gather(
        self,
        column: Callable[[Segment, str], Column],
        dtype: np.dtype[np.int32] | np.dtype[np.uint64],
    ) -> Any:
        """Put one column of all new segments together: a base for each, and values where there are some."""
        new = self.segments[self._first :]
        bases = np.empty(len(new), dtype)
        varying: list[tuple[int, NDArray[np.integer]]] = []
        for number, (segment, index, _) in enumerate(new):
            bases[number], values = column(segment, index)
            if values is not None:
                varying.append((number, values))
        starts = self.starts[self._first :] - self.starts[self._first]
        gathered = np.repeat(bases, np.diff(starts))
        for number, values in varying:
            gathered[starts[number] : starts[number + 1]] += values.astype(dtype)
        return gathered


def _data_file(index: str) -> str:
    """Return the data file of the writer that wrote an index file."""
    return index.removesuffix("index") + "data"


def _summed(column: Column, n_rows: int) -> int:
    """Return the sum of a column's first rows."""
    base, values = column
    return base * n_rows + (0 if values is None else int(values[:n_rows].sum(dtype=np.uint64)))


def _filled(column: Column, n_fields: int) -> U64:
    base, values = column
    if values is None:
        return np.full(n_fields, base, np.uint64)
    return np.uint64(base) + values.astype(np.uint64)


def _double_bits(base: int, values: NDArray[np.integer] | None) -> tuple[int, U64 | None]:
    """Return float32 bits as float64 bits."""
    bits = np.uint32(base) + (np.zeros(1, np.uint32) if values is None else values.astype(np.uint32))
    doubles = bits.view(np.float32).astype(np.float64).view(np.uint64)
    return (int(doubles[0]), None) if values is None else (0, doubles)
