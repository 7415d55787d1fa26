"""How are the indexes of one database read into segments?

All indexes of the same kind, key and keywords are read together, their entries one after another in one
array, and become one `Fdb5Segment`: a flush of one field costs a read of 4 KiB and a few calls.
"""

import os
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from dte_hpc.base.errors import CorruptData
from dte_hpc.fdb.fdb5.btree import KINDS, Entries, in_order, read_tree, search_tree
from dte_hpc.fdb.fdb5.fingerprints import coded_columns
from dte_hpc.fdb.fdb5.segment import Codes, Fdb5Segment
from dte_hpc.fdb.fdb5.toc import Index
from dte_hpc.fdb.files.disk import OpenFile

UNKNOWN_BYTES = 1 << 40
MAX_INDEX_BYTES = 1 << 32
Placed = tuple[Fdb5Segment, str, int]
Keywords = Callable[[Index], tuple[dict[str, str], tuple[str, ...]]]
Sought = tuple[Index, Sequence[bytes] | None]


class IndexReader:
    """Reads the indexes of a database.

    Parameters
    ----------
    where : str
        The database's directory.
    opened : callable
        From the name of a file to the file.
    keywords : callable
        From an index to the database's key, and the keywords of fingerprints in order.
    report : callable
        Told where something is passed over, and why.
    """

    def __init__(
        self,
        where: str,
        opened: Callable[[str], OpenFile],
        keywords: Keywords,
        report: Callable[[str, str], None],
    ) -> None:
        self.where = where
        self._opened = opened
        self._keywords = keywords
        self._report = report

    def everything(self, indexes: Iterable[Index]) -> list[Placed]:
        """Return the fields of some indexes; what is damaged is reported and left out."""
        segments: list[Placed] = []
        for group in _groups((index, None) for index in indexes):
            last = group[-1][0]
            try:
                segment = self._segment(group)
            except CorruptData as error:
                self._report(self._place(group[0][0]), str(error))
                continue
            if segment is not None:
                segments.append((segment, last.file, last.offset))
        return segments

    def some(self, sought: Iterable[Sought]) -> list[Placed]:
        """Return the fields of some indexes that have some fingerprints; CorruptData if any is damaged."""
        found = [(self._segment(group), group[-1][0]) for group in _groups(sought)]
        return [(segment, last.file, last.offset) for segment, last in found if segment is not None]

    def _segment(self, group: Sequence[Sought]) -> Fdb5Segment | None:
        indexes = [index for index, _ in group]
        key, order = self._keywords(indexes[0])
        parts, which = self._entries(group)
        if not len(which):
            return None
        entries = np.concatenate(parts)
        axes = [_union(index.axes[keyword] for index in indexes) for keyword in order]
        codes, good = coded_columns(entries["key"], axes)
        names, files = _file_codes(indexes, which, entries["file"])
        good &= in_order(entries["key"], which) & (files >= 0)
        self._tell_bad(group, which[~good])
        if not good.any():
            return None
        files = files[good]
        sizes = np.array([self._size(name) for name in names], np.uint64)[files]
        times = np.array([index.time for index in indexes], np.uint64)
        return Fdb5Segment(
            self._place(indexes[-1]),
            {**key, **indexes[0].key},
            {k: (axis, column[good]) for k, axis, column in zip(order, axes, codes, strict=True)},
            (names, files),
            {
                "offset": np.minimum(entries["offset"][good], sizes),
                "length": np.minimum(entries["length"][good], sizes + np.uint64(1)),
                "time": times[which[good]],
            },
        )

    def _entries(self, group: Sequence[Sought]) -> tuple[list[Entries], NDArray[np.int64]]:
        """Return the entries of some indexes in pieces, and of which index each entry is."""
        parts: list[Entries] = []
        counts = np.zeros(len(group), np.int64)
        sizes: dict[str, int] = {}
        for number, (index, keys) in enumerate(group):
            try:
                found, wrong = self._read(index, keys, sizes)
            except CorruptData as error:
                if keys is not None:
                    raise
                found, wrong = [], [str(error)]
            for reason in wrong:
                self._report(self._place(index), reason)
            parts += found
            counts[number] = sum(map(len, found))
        return parts, np.repeat(np.arange(len(group)), counts)

    def _read(
        self, index: Index, keys: Sequence[bytes] | None, sizes: dict[str, int]
    ) -> tuple[list[Entries], list[str]]:
        where = f"{self.where}/{index.file}"
        kind = KINDS.get(index.kind)
        if kind is None:
            raise CorruptData(f"its type, {index.kind!r}, is not known", where=where)
        fd = self._opened(index.file).fd
        size = sizes.get(index.file)
        if size is None:
            size = sizes[index.file] = os.fstat(fd).st_size
        if size > MAX_INDEX_BYTES:
            raise CorruptData(f"it has {size} bytes, and its offsets are cut to 32 bits", where=where)
        if keys is not None:
            return search_tree(fd, size, kind, index.offset, where, keys), []
        return read_tree(fd, size, kind, index.offset, where)

    def _tell_bad(self, group: Sequence[Sought], bad: NDArray[np.int64]) -> None:
        """Report entries that cannot be trusted; CorruptData if they were sought."""
        for number in np.unique(bad).tolist():
            index, keys = group[number]
            n_bad = int((bad == number).sum())
            reason = f"entries that contradict one another or the axes of their index: {n_bad}"
            if keys is not None:
                raise CorruptData(reason, where=self._place(index))
            self._report(self._place(index), reason)

    def _size(self, name: str) -> int:
        """Return the bytes of a data file, a large number when it cannot be looked at."""
        try:
            return os.lstat(Path(self.where, name)).st_size
        except (OSError, ValueError):
            return UNKNOWN_BYTES

    def _place(self, index: Index) -> str:
        return f"{self.where}/{index.file}, byte {index.offset}"


def _groups(sought: Iterable[Sought]) -> list[list[Sought]]:
    """Return indexes put together that have the same kind, key and keywords, in their order."""
    groups: dict[tuple[object, ...], list[Sought]] = {}
    for index, keys in sought:
        like = (index.kind, *index.key.items(), *index.axes)
        groups.setdefault(like, []).append((index, keys))
    return list(groups.values())


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
