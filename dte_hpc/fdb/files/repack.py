"""How do rows of many segments become the rows of one?

The messages stay where they are: the new segment names the same data files. Block offset tables stay too,
or are copied behind the new segment when the index files that hold them are to go.
"""

from collections.abc import Callable, Sequence
from typing import NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

from dte_hpc.fdb.files.segment import NUMBERS, U64, Packed, Words, pack_segment, reference_bits
from dte_hpc.fdb.files.table import FILE, GRID, Table

Rows = NDArray[np.int64]


class Places(NamedTuple):
    """Where messages lie: data files, the number of each message's, and its first byte there."""

    files: Sequence[str]
    codes: NDArray[np.integer]
    offsets: U64


TableReader: TypeAlias = Callable[[str, int, int], bytes]
"""Returns the bytes of a block offset table, none to go without; told index file, byte and length."""


def repacked(
    table: Table,
    rows: Rows,
    index: str,
    *,
    read_table: TableReader | None = None,
    places: Places | None = None,
) -> Packed:
    """Return some rows of a database as one segment.

    Parameters
    ----------
    table : Table
        A snapshot of the database.
    rows : ndarray of int64, shape (n,), n > 0
        Of the table, in the order of masking.
    index : str
        The index file that the segment is for.
    read_table : callable, optional
        Reads block offset tables, to be copied; without it they are referred to where they are.
    places : Places, optional
        Where the messages lie, when some were moved.
    """
    own = index.removesuffix("index") + "data"
    names, codes, offsets = places or places_of(table, rows)
    files = ["" if name == own else name for name in names], codes
    numbers = {name: table.number(name)[rows] for name in NUMBERS if name not in ("gap", "reference")}
    numbers["reference"] = reference_bits(table.number("reference")[rows].view(np.float64))
    numbers["gap"] = _gaps(offsets, numbers["length"])
    tables, numbers["table_at"] = table.table_places(rows)
    body = b""
    if read_table is not None:
        copies = _copied(read_table, tables, numbers["table_at"], numbers["table"])
        numbers["table"] = np.array([len(copy) for copy in copies], np.uint64)
        body = b"".join(copies)
        tables = [""], np.zeros(len(rows), np.int32)
        numbers["table_at"] = np.zeros(len(rows), np.uint64)
    keywords = {keyword: _used(table, keyword, rows) for keyword in table.keywords}
    columns = {keyword: column for keyword, column in keywords.items() if list(column[0]) != [""]}
    segment = pack_segment(
        columns, files, _used(table, GRID, rows), tables, numbers, int(offsets[0]), len(body)
    )
    return Packed(len(rows), segment, body)


def places_of(table: Table, rows: Rows) -> Places:
    """Return where the messages of some rows lie."""
    return Places(*_used(table, FILE, rows), table.number("offset")[rows])


def _used(table: Table, keyword: str, rows: Rows) -> Words:
    """Return the words that some rows use, and the number of each row's."""
    codes, words = table.codes(keyword)[rows], table.words_of(keyword).list
    is_used = np.zeros(len(words), np.bool_)
    is_used[codes] = True
    numbers = np.cumsum(is_used) - 1
    return [word for word, used in zip(words, is_used.tolist(), strict=True) if used], numbers[codes]


def _gaps(offsets: U64, lengths: U64) -> U64:
    gaps = np.zeros(len(offsets), np.uint64)
    gaps[1:] = offsets[1:] - offsets[:-1] - lengths[:-1]
    return gaps


def _copied(read_table: TableReader, tables: Words, offsets: U64, lengths: U64) -> list[bytes]:
    """Return of each row the bytes of its block offset table."""
    names, codes = tables
    return [
        read_table(names[int(code)], int(offset), int(length)) if length else b""
        for code, offset, length in zip(codes, offsets, lengths, strict=True)
    ]
