"""How is a database read that ECMWF's FDB 5 wrote?

A `Fdb5Database` answers as a `Database` of our own does: its table holds whole columns, made of the
B-trees that its toc and sub-tocs name. Reading again costs one lstat a toc when nothing was flushed;
otherwise the new records and their trees are read, or all of them when what is new does not count last.

Nothing there carries a checksum. What can be seen to be wrong (records, pages, entries that contradict
themselves, their index's axes or one another) is reported to the listener, once, and passed over. A
field that reaches beyond the end of its data file is listed, and reading it is `CorruptData`.
"""

import os
from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from dte_hpc.base.errors import CorruptData
from dte_hpc.base.events import Listener
from dte_hpc.fdb.database import Database
from dte_hpc.fdb.disk import OpenFile, OpenFiles
from dte_hpc.fdb.fdb5.btree import KINDS, Entries, in_order, read_tree
from dte_hpc.fdb.fdb5.fingerprints import coded_columns
from dte_hpc.fdb.fdb5.rules import key_of_name, names, rule_of
from dte_hpc.fdb.fdb5.segment import Codes, Fdb5Segment
from dte_hpc.fdb.fdb5.table import Fdb5Table
from dte_hpc.fdb.fdb5.toc import Index
from dte_hpc.fdb.fdb5.tocs import Tocs
from dte_hpc.fdb.toc import TocRecord

UNKNOWN_BYTES = 1 << 40
Placed = tuple[Fdb5Segment, str, int]


class Fdb5Database(Database):
    """One database of a store that ECMWF's FDB 5 wrote; read only.

    Parameters
    ----------
    root : Path
        The root directory.
    name : str
        The database's directory: values joined by ``:``, not encoded.
    files : OpenFiles
        Through which index and data files are read.
    listener : Listener
        Told of damage.
    data_roots : iterable of Path
        Other roots in which the same database may have data files (``storeRoots``).
    """

    has_checksums = False

    def __init__(
        self,
        root: Path,
        name: str,
        files: OpenFiles,
        listener: Listener,
        data_roots: Iterable[Path] = (),
    ) -> None:
        super().__init__(root, name, files, listener)
        self._data_roots = {root, *data_roots}
        self._reported: set[tuple[str, str]] = set()
        self._tocs = Tocs(root, name, self._report)
        self._indexes: list[tuple[str, int]] = []
        self._fields = Fdb5Table((), self.file)

    def table(self) -> Fdb5Table:
        """Return a snapshot of everything flushed up to now, by anybody."""
        if self._tocs.changed():
            self._read()
        return self._fields

    def anew(self, listener: Listener) -> "Fdb5Database":
        """Return the same database as if it had just been opened: nothing of it was read or reported."""
        return Fdb5Database(self.root, self.name, OpenFiles(), listener, self._data_roots)

    def every_record(self) -> list[TocRecord]:
        """Return a record for each index of the toc and its sub-tocs, cleared ones included."""
        self._tocs.changed()
        self._tocs.indexes()
        return [
            TocRecord(
                position=0,
                index=index.file,
                sequence=0,
                n_fields=0,
                offset=index.offset,
                length=0,
                checksum=0,
                time_ns=index.time * 1_000_000_000,
            )
            for index in self._tocs.every_index()
        ]

    def toc_bytes(self) -> int:
        """Return the size of the toc and the sub-tocs that are read, 0 when there is none."""
        return self._tocs.n_bytes()

    def file(self, name: str) -> OpenFile:
        """Return one of the database's index or data files; CorruptData for a name that is not one's."""
        path = Path(name)
        if "/" not in name and name not in ("", ".", "..") and "\0" not in name:
            return self._files.get(self.root, self.name, name)
        if path.parent.name == self.name and path.parent.parent in self._data_roots and path.name != "..":
            return self._files.get(path.parent.parent, self.name, path.name)
        raise CorruptData(
            f"{self.where} names {name!r}, which is no file in {self.name} of a configured root",
            where=self.where,
        )

    def _read(self) -> None:
        found = self._tocs.indexes()
        places = [(index.file, index.offset) for index in found]
        older = self._fields if places[: len(self._indexes)] == self._indexes else None
        if older is None:
            self._schema = None
            self._files.forget(self.root, self.name)
        new = found if older is None else found[len(self._indexes) :]
        self._indexes = places
        if new or older is None:
            segments = self._grouped(new)
            self._fields = Fdb5Table([*(older.placed if older else ()), *segments], self.file, older)

    def _grouped(self, indexes: Sequence[Index]) -> list[Placed]:
        """Return the fields of some indexes: a segment for all with the same keywords and key."""
        groups: dict[tuple[object, ...], list[Index]] = {}
        for index in indexes:
            like = (index.kind, *index.key.items(), *index.axes)
            groups.setdefault(like, []).append(index)
        segments = []
        for group in groups.values():
            try:
                segment = self._segment(group)
            except CorruptData as error:
                self._report(f"{self.where}/{group[0].file}, byte {group[0].offset}", str(error))
                continue
            if segment is not None:
                segments.append((segment, group[-1].file, group[-1].offset))
        return segments

    def _segment(self, group: Sequence[Index]) -> Fdb5Segment | None:
        key, order = self._keywords(group[0])
        parts, which = self._entries(group)
        if not len(which):
            return None
        entries = np.concatenate(parts)
        axes = [_union(index.axes[keyword] for index in group) for keyword in order]
        codes, good = coded_columns(entries["key"], axes)
        file_names, file_codes = _file_codes(group, which, entries["file"])
        good &= in_order(entries["key"], which) & (file_codes >= 0)
        for number in np.unique(which[~good]).tolist():
            n_bad = int((which[~good] == number).sum())
            reason = f"{n_bad} entries contradict one another or the axes of their index"
            self._report(f"{self.where}/{group[number].file}, byte {group[number].offset}", reason)
        if not good.any():
            return None
        file_codes = file_codes[good]
        sizes = np.array([self._size(name) for name in file_names], np.uint64)[file_codes]
        times = np.array([index.time for index in group], np.uint64)
        return Fdb5Segment(
            f"{self.where}/{group[-1].file}, byte {group[-1].offset}",
            {**key, **group[0].key},
            {k: (axis, column[good]) for k, axis, column in zip(order, axes, codes, strict=True)},
            (file_names, file_codes),
            {
                "offset": np.minimum(entries["offset"][good], sizes),
                "length": np.minimum(entries["length"][good], sizes + np.uint64(1)),
                "time": times[which[good]],
            },
        )

    def _keywords(self, index: Index) -> tuple[dict[str, str], tuple[str, ...]]:
        """Return the database's key, and the keywords of an index's fields in the order of fingerprints."""
        schema = self.schema()
        if schema is None:
            raise CorruptData(f"{self.where} has no schema, which says what an index holds", where=self.where)
        key = self._tocs.key() or key_of_name(schema, self.name)
        rule = rule_of(schema, key, index.key, index.axes) if key is not None else None
        if key is None or rule is None:
            keywords = ", ".join((*(key or ()), *index.key, *index.axes))
            raise CorruptData(f"{self.where}/schema has no rule for {keywords}", where=self.where)
        return key, names(rule.levels[2])

    def _entries(self, group: Sequence[Index]) -> tuple[list[Entries], NDArray[np.int64]]:
        """Return the entries of some indexes in pieces, and of which index each entry is."""
        parts: list[Entries] = []
        counts = np.zeros(len(group), np.int64)
        sizes: dict[str, int] = {}
        for number, index in enumerate(group):
            where = f"{self.where}/{index.file}"
            try:
                kind = KINDS.get(index.kind)
                if kind is None:
                    raise CorruptData(f"its type, {index.kind!r}, is not known", where=where)
                fd = self.file(index.file).fd
                size = sizes.get(index.file)
                if size is None:
                    size = sizes[index.file] = os.fstat(fd).st_size
                found, wrong = read_tree(fd, size, kind, index.offset, where)
            except CorruptData as error:
                found, wrong = [], [str(error)]
            for reason in wrong:
                self._report(f"{where}, byte {index.offset}", reason)
            parts += found
            counts[number] = sum(map(len, found))
        return parts, np.repeat(np.arange(len(group)), counts)

    def _size(self, name: str) -> int:
        """Return the bytes of a data file, a large number when it cannot be looked at."""
        try:
            return os.lstat(Path(self.where, name)).st_size
        except OSError:
            return UNKNOWN_BYTES

    def _report(self, where: str, reason: str) -> None:
        """Tell the listener what is passed over, unless it was told before."""
        if (where, reason) not in self._reported:
            self._reported.add((where, reason))
            self._skipped(where, reason)


def _union(axes: Iterable[Sequence[str]]) -> list[str]:
    return list(dict.fromkeys(word for axis in axes for word in axis))


def _file_codes(
    group: Sequence[Index], which: NDArray[np.int64], numbers: NDArray[np.uint64]
) -> tuple[list[str], Codes]:
    """Return the data files of some indexes, and the number of each entry's among them, -1 for none."""
    words: dict[str, int] = {}
    codes = np.full(len(which), -1, np.int32)
    starts = np.searchsorted(which, np.arange(len(group) + 1)).tolist()
    for number, index in enumerate(group):
        mine = slice(starts[number], starts[number + 1])
        for file, name in index.files.items():
            code = words.setdefault(name, len(words))
            codes[mine][numbers[mine] == file] = code
    return list(words), codes
