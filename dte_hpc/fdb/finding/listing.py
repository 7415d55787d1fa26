"""Which fields are these, and where do their bytes lie?

A `Listing` is columns, not objects: 100,000 fields are some arrays. A column is put together when it is
first asked for. It is a snapshot: what is flushed later is not in it, and what is masked later stays
readable through it as long as its files exist.
"""

import os
from collections.abc import Iterator, Sequence
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dte_hpc.base.checksum import ByteLike, checksum
from dte_hpc.base.errors import CorruptData, InvalidKey
from dte_hpc.base.key import Key
from dte_hpc.codecs.layout import LAYOUT
from dte_hpc.fdb.files.database import Database
from dte_hpc.fdb.files.disk import OpenFile, read_exactly
from dte_hpc.fdb.files.table import FILE, Codes, Table, Words
from dte_hpc.fdb.files.tables import unpack_table, unpack_tables

Part = tuple[Database, Table]
KEYS_AT_ONCE = 65_536


class Listing:
    """Fields of a store, in an order.

    Parameters
    ----------
    parts : sequence of (Database, Table)
        Where the fields come from.
    part : ndarray of int32, shape (n,)
        For each field, which part it is of.
    rows : ndarray of int64, shape (n,)
        For each field, its row there.
    order : sequence of str
        All keywords a field may have, in the order they are shown.

    Attributes
    ----------
    missing : tuple of dict
        Of a listing by `FDB.inspect` with ``missing="report"``: the first combinations of values that were
        asked for and are not stored.
    n_missing : int
        How many there are.
    """

    def __init__(
        self, parts: Sequence[Part], part: NDArray[np.int32], rows: NDArray[np.int64], order: Sequence[str]
    ) -> None:
        self._parts = tuple(parts)
        self._part = part
        self._rows = rows
        self._order = tuple(order)
        self._files: dict[tuple[int, str], OpenFile] = {}
        self._columns: dict[str, tuple[Codes, Words]] = {}
        self.missing: tuple[dict[str, str], ...] = ()
        self.n_missing = 0

    def __len__(self) -> int:
        return len(self._rows)

    def __repr__(self) -> str:
        return f"<Listing of {len(self)} fields by {', '.join(self.keywords)}>"

    @cached_property
    def keywords(self) -> tuple[str, ...]:
        """The keywords that any of the fields' databases has, in schema order."""
        present = {keyword for _, table in self._parts for keyword in table.keywords}
        return (*(k for k in self._order if k in present), *sorted(present - set(self._order)))

    def column(self, keyword: str) -> NDArray[np.str_]:
        """Return one keyword's values, shape (n,); the empty text where a field has none.

        Raises
        ------
        InvalidKey
            For a keyword that no field of the store could have.
        """
        if keyword not in self._order and keyword not in self.keywords:
            raise InvalidKey(
                f"the store has no keyword {keyword!r}; expected one of {', '.join(self._order)}",
                keyword=keyword,
            )
        codes, words = self.codes(keyword)
        return words.array()[codes]

    def codes(self, keyword: str) -> tuple[Codes, Words]:
        """Return one keyword's column dictionary-coded: a number for each field, and the words they mean."""
        found = self._columns.get(keyword)
        if found is None:
            found = self._columns[keyword] = self._merged(keyword)
        return found

    def columns(self) -> dict[str, NDArray[Any]]:
        """Return everything as columns, for instance for ``pandas.DataFrame``.

        Returns
        -------
        dict of str to ndarray, shape (n,)
            Each keyword's values (text objects, shared by the fields that have them; empty where a field has
            none), then ``path``, ``offset``, ``length`` and ``checksum``. Dictionary-coded columns, as Arrow
            and categorical types have them, are `codes` and `locations`.
        """
        of_file, paths = self.locations()
        columns: dict[str, NDArray[Any]] = {keyword: self._texts(keyword) for keyword in self.keywords}
        columns["path"] = np.array(paths, object)[of_file] if paths else np.empty(0, object)
        return columns | {"offset": self.offset, "length": self.length, "checksum": self.checksum}

    def keys(self) -> Iterator[Key]:
        """Yield the key of each field; keywords without a value are left out."""
        keywords = self.keywords
        coded = [self.codes(keyword) for keyword in keywords]
        has_all = all("" not in words.numbers or (codes != words.numbers[""]).all() for codes, words in coded)
        for start in range(0, len(self), KEYS_AT_ONCE):
            columns = [self._texts(keyword, start) for keyword in keywords]
            for values in zip(*(column.tolist() for column in columns), strict=True):
                pairs = zip(keywords, values, strict=True)
                yield Key.of_checked(dict(pairs) if has_all else {k: value for k, value in pairs if value})

    def _texts(self, keyword: str, start: int | None = None) -> NDArray[np.object_]:
        """Return one keyword's values as text objects; from a field on, only `KEYS_AT_ONCE` of them."""
        codes, words = self.codes(keyword)
        part = codes if start is None else codes[start : start + KEYS_AT_ONCE]
        found: NDArray[np.object_] = np.array(words.list, object)[part]
        return found

    def key(self, number: int) -> Key:
        """Return the key of one field."""
        _, table = self._parts[self._part[number]]
        row = self._rows[number]
        pairs = {k: table.words_of(k).list[table.codes(k)[row]] for k in self.keywords if k in table.keywords}
        return Key({keyword: value for keyword, value in pairs.items() if value})

    def select(self, which: NDArray[np.bool_] | NDArray[np.integer] | Sequence[int] | slice) -> "Listing":
        """Return some of the fields: a mask, numbers in any order, or a slice."""
        chosen = which if isinstance(which, slice) else np.asarray(which)
        if isinstance(chosen, np.ndarray) and chosen.size == 0:
            chosen = np.empty(0, np.int64)
        return Listing(self._parts, self._part[chosen], self._rows[chosen], self._order)

    @cached_property
    def offset(self) -> NDArray[np.uint64]:
        """First byte of each message in its data file."""
        return self._gathered("offset")

    @cached_property
    def length(self) -> NDArray[np.uint64]:
        """Bytes of each message."""
        return self._gathered("length")

    @cached_property
    def checksum(self) -> NDArray[np.uint64]:
        """The xxh3-64 of each message; 0 in databases that keep none (`Database.has_checksums`)."""
        return self._gathered("checksum")

    @cached_property
    def time(self) -> NDArray[np.uint64]:
        """Second since 1970 of the flush that made each field visible."""
        return self._gathered("time")

    @property
    def databases(self) -> tuple[Database, ...]:
        """The databases in which was looked."""
        return tuple(database for database, _ in self._parts)

    @property
    def part(self) -> NDArray[np.int32]:
        """For each field, the number of its database in `databases`, shape (n,)."""
        return self._part

    @cached_property
    def layout(self) -> NDArray[np.void]:
        """How each message's values are packed, dtype `dte_hpc.codecs.layout.LAYOUT`."""
        layout = np.zeros(len(self), LAYOUT)
        for number, places in self._places:
            layout[places] = self._parts[number][1].layout(self._rows[places])
        return layout

    def grid_name(self, number: int) -> str:
        """Return the name of the grid a field lies on, empty when it is not known."""
        name: str = self._parts[self._part[number]][1].grid_name(int(self._rows[number]))
        return name

    def path(self, number: int) -> str:
        """Return the path of the data file that holds a field."""
        return _path_of(self._parts[self._part[number]][0], self._word(FILE, number))

    def fd(self, number: int) -> int:
        """Return a descriptor of the data file that holds a field, to read from while this Listing lives."""
        place = (int(self._part[number]), self._word(FILE, number))
        file = self._files.get(place)
        if file is None:
            file = self._files[place] = self._parts[place[0]][0].file(place[1])
        return file.fd

    def read_at(self, number: int, offset: int, length: int) -> bytes:
        """Return bytes of one message, read alone and not compared with its checksum.

        Raises
        ------
        IndexError
            If they do not lie inside the message.
        CorruptData
            If the file ends before them.
        """
        size = self._number("length", number)
        if offset < 0 or length < 0 or offset + length > size:
            raise IndexError(f"bytes {offset} to {offset + length} are not inside a message of {size} bytes")
        start = self._number("offset", number)
        return read_exactly(self.fd(number), length, start + offset, self.path(number))

    def message(self, number: int) -> bytes:
        """Return one whole message; CorruptData if it is not what was archived, see `checked`."""
        message = self.read_at(number, 0, self._number("length", number))
        self.checked(number, message)
        return message

    def checked(self, number: int, message: ByteLike) -> ByteLike:
        """Return the bytes of one message if they match its checksum, else raise CorruptData.

        Where the database keeps no checksums there is nothing to compare: the bytes are returned as read.
        """
        if not self._parts[self._part[number]][0].has_checksums:
            return message
        if checksum(message) != self._number("checksum", number):
            raise CorruptData(
                f"the field {self.key(number)} does not match its checksum: {self.path(number)}, "
                f"byte {int(self.offset[number])}",
                path=self.path(number),
                offset=int(self.offset[number]),
            )
        return message

    def block_offsets(self, number: int) -> NDArray[np.uint64] | None:
        """Return the bit at which each reference sample interval of a CCSDS field begins, None if not known.

        Cost: one read of the field's own table.
        """
        database, table = self._parts[self._part[number]]
        index, offset, length = table.table_place(int(self._rows[number]))
        if length == 0:
            return None
        return unpack_table(
            database.read_table(index, offset, length), f"{database.where}/{index}, byte {offset}"
        )

    def block_tables(self, numbers: NDArray[np.int64]) -> list[NDArray[np.uint64] | None]:
        """Return what `block_offsets` returns of some fields, at a cost of one read of a table each."""
        tables: list[NDArray[np.uint64] | None] = [None] * len(numbers)
        parts = self._part[numbers]
        for part in np.unique(parts).tolist():
            database, table = self._parts[part]
            places = np.flatnonzero(parts == part)
            rows = self._rows[numbers[places]]
            (names, codes), offsets = table.table_places(rows)
            lengths = table.number("table")[rows]
            places = places[lengths > 0]
            found = [
                (names[code], offset, length)
                for code, offset, length in zip(
                    codes.tolist(), offsets.tolist(), lengths.tolist(), strict=True
                )
                if length
            ]

            def where(number: int, database: Database = database, found: list[Any] = found) -> str:
                return f"{database.where}/{found[number][0]}, byte {found[number][1]}"

            fds = {name: database.file(name) for name in {name for name, _, _ in found}}
            data = [read_exactly(fds[name].fd, length, offset, name) for name, offset, length in found]
            unpacked = unpack_tables(data, where)
            for place, offsets_of_blocks in zip(places.tolist(), unpacked, strict=True):
                tables[place] = offsets_of_blocks
        return tables

    def locations(self) -> tuple[Codes, tuple[str, ...]]:
        """Return for each field the number of its data file, and the files' paths."""
        codes = np.zeros(len(self), np.int32)
        paths: dict[str, int] = {}
        for number, places in self._places:
            database, table = self._parts[number]
            of_row = table.codes(FILE)[self._rows[places]]
            words = table.words[FILE].list
            local = np.zeros(len(words), np.int32)
            for code in np.unique(of_row).tolist():
                local[code] = paths.setdefault(_path_of(database, words[code]), len(paths))
            codes[places] = local[of_row]
        return codes, tuple(paths)

    @cached_property
    def _places(self) -> list[tuple[int, NDArray[np.int64]]]:
        """For each part that has any, the fields that are of it."""
        if len(self._parts) == 1 and len(self):
            return [(0, np.arange(len(self)))]
        order = np.argsort(self._part, kind="stable")
        ends = np.cumsum(np.bincount(self._part, minlength=len(self._parts)))
        starts = np.concatenate(([0], ends[:-1]))
        return [(n, order[starts[n] : ends[n]]) for n in range(len(self._parts)) if ends[n] > starts[n]]

    def _number(self, name: str, number: int) -> int:
        """Return one field's number of a column, without putting the whole column together."""
        if len(self) > 1 or name in self.__dict__:
            return int(getattr(self, name)[number])
        table: Table = self._parts[self._part[number]][1]
        return table.number_at(name, int(self._rows[number]))

    def _gathered(self, name: str) -> NDArray[np.uint64]:
        found = np.zeros(len(self), np.uint64)
        for number, places in self._places:
            found[places] = self._parts[number][1].number(name)[self._rows[places]]
        return found

    def _merged(self, keyword: str) -> tuple[Codes, Words]:
        if len(self._parts) == 1 and keyword in self._parts[0][1].keywords:
            table = self._parts[0][1]
            return table.codes(keyword)[self._rows], table.words_of(keyword)
        codes, words = np.zeros(len(self), np.int32), Words()
        for number, places in self._places:
            table = self._parts[number][1]
            if keyword in table.keywords:
                local = np.array([words.number(word) for word in table.words_of(keyword).list], np.int32)
                codes[places] = local[table.codes(keyword)[self._rows[places]]]
        return codes, words

    def _word(self, column: str, number: int) -> str:
        table: Table = self._parts[self._part[number]][1]
        row = int(self._rows[number])
        if len(self) == 1:
            return table.word_at(column, row)
        return table.words_of(column).list[int(table.codes(column)[row])]


def _path_of(database: Database, name: str) -> str:
    """Return the path of a data file: in the database's directories, unless its name is a path itself."""
    return name if name.startswith("/") else database.path(name)


def read_into(fd: int, target: memoryview, offset: int, where: str) -> None:
    """Fill a buffer from a file; CorruptData if the file ends too early."""
    while len(target):
        got = os.preadv(fd, [target], offset)
        if got == 0:
            raise CorruptData(
                f"{where} ends at byte {offset}; expected {len(target)} bytes more", where=where
            )
        target, offset = target[got:], offset + got
