"""What has been archived and not yet flushed?

Rows are kept as lists while they come, because a list takes a row in a microsecond, and become the
columns of one segment at the flush.
"""

from collections.abc import Iterable, Sequence
from operator import attrgetter

import numpy as np
from numpy.typing import NDArray

from dte_hpc.codecs.layout import LAYOUT, Layout
from dte_hpc.fdb.files.segment import PLAIN_FACTS, U64, Words, pack_segment, reference_bits
from dte_hpc.fdb.files.tables import pack_table

_FACTS = attrgetter(*(LAYOUT.names or ()))
_NO_FACTS = np.zeros(1, LAYOUT)[0].item()
SCALE_BIAS = 1 << 15


class Rows:
    """The rows of unflushed fields, in the order in which their messages were written."""

    __slots__ = ("checksums", "grids", "layouts", "lengths", "names", "offsets", "values")

    def __init__(self) -> None:
        self.names: list[tuple[str, ...]] = []
        self.values: list[tuple[str, ...]] = []
        self.lengths: list[int] = []
        self.checksums: list[int] = []
        self.layouts: list[Layout | None] = []
        self.grids: list[str] = []
        self.offsets: list[NDArray[np.uint64] | None] = []

    def __len__(self) -> int:
        return len(self.lengths)

    def add(
        self,
        names: tuple[str, ...],
        values: tuple[str, ...],
        length: int,
        digest: int,
        layout: Layout | None,
        grid: str,
        offsets: NDArray[np.uint64] | None,
    ) -> None:
        """Take one field: its key, its message's length and checksum, and what its packing is."""
        self.names.append(names)
        self.values.append(values)
        self.lengths.append(length)
        self.checksums.append(digest)
        self.layouts.append(layout)
        self.grids.append(grid)
        self.offsets.append(offsets)

    def extend(
        self,
        names: Iterable[tuple[str, ...]],
        values: Iterable[tuple[str, ...]],
        lengths: Sequence[int],
        digests: Iterable[int],
        layouts: Iterable[Layout | None],
        grids: Iterable[str],
    ) -> None:
        """Take several fields without block offset tables."""
        self.names.extend(names)
        self.values.extend(values)
        self.lengths.extend(lengths)
        self.checksums.extend(digests)
        self.layouts.extend(layouts)
        self.grids.extend(grids)
        self.offsets.extend([None] * len(lengths))

    def drop(self, numbers: Iterable[int]) -> None:
        """Forget some rows."""
        for number in sorted(numbers, reverse=True):
            for name in self.__slots__:
                del getattr(self, name)[number]

    def segment(self, index: str, runs: Sequence[tuple[str, int, int]]) -> tuple[bytes, bytes]:
        """Return the segment of all rows and the block offset tables that follow it.

        Parameters
        ----------
        index : str
            Name of the index file.
        runs : sequence of (data file, start, count)
            Where the messages lie: `count` of them, one after another, from byte `start`.
        """
        tables = [pack_table(offsets) for offsets in self.offsets if offsets is not None]
        numbers, start = self._places(runs)
        numbers["time"] = numbers["table_at"] = np.zeros(len(self), np.uint64)
        numbers["table"] = np.zeros(len(self), np.uint64)
        if tables:
            has_table = np.array([offsets is not None for offsets in self.offsets])
            numbers["table"][has_table] = [len(table) for table in tables]
        numbers.update(self._packing(numbers["length"]))
        own = index.removesuffix("index") + "data"
        files, of_run = coded(["" if name == own else name for name, _, _ in runs])
        body = b"".join(tables)
        return (
            pack_segment(
                self._keys(),
                (files, np.repeat(of_run, [count for _, _, count in runs])),
                coded(self.grids),
                ([""], np.zeros(len(self), np.uint32)),
                numbers,
                start,
                len(body),
            ),
            body,
        )

    def _places(self, runs: Sequence[tuple[str, int, int]]) -> tuple[dict[str, U64], int]:
        lengths = np.array(self.lengths, np.uint64)
        starts, at = np.empty(len(lengths), np.uint64), 0
        for _, start, count in runs:
            ends = np.cumsum(lengths[at : at + count], dtype=np.uint64)
            starts[at : at + count] = np.uint64(start) + ends - lengths[at : at + count]
            at += count
        gaps = np.zeros(len(lengths), np.uint64)
        gaps[1:] = starts[1:] - starts[:-1] - lengths[:-1]
        return {
            "gap": gaps,
            "length": lengths,
            "checksum": np.array(self.checksums, np.uint64),
        }, int(starts[0])

    def _packing(self, lengths: U64) -> dict[str, U64]:
        records = np.zeros(len(self), LAYOUT)
        if self.layouts.count(None) < len(self):
            facts = [_NO_FACTS if layout is None else _FACTS(layout) for layout in self.layouts]
            records = np.array(facts, LAYOUT)
        numbers = {name: records[name].astype(np.uint64) for name in PLAIN_FACTS}
        for name in ("binary_scale", "decimal_scale"):
            numbers[name] = (records[name].astype(np.int64) + SCALE_BIAS).astype(np.uint64)
        numbers["reference"] = reference_bits(np.ascontiguousarray(records["reference"]))
        numbers["n_absent"] = numbers["n_values"] - records["n_packed"].astype(np.uint64)
        numbers["trailer"] = lengths - numbers["data_offset"] - records["data_length"].astype(np.uint64)
        return numbers

    def _keys(self) -> dict[str, Words]:
        first = self.names[0]
        if all(names is first for names in self.names):
            return {
                name: coded(column)
                for name, column in zip(first, zip(*self.values, strict=True), strict=True)
            }
        union = dict.fromkeys(name for names in dict.fromkeys(self.names) for name in names)
        rows = [
            dict(zip(names, values, strict=True))
            for names, values in zip(self.names, self.values, strict=True)
        ]
        return {name: coded([row.get(name, "") for row in rows]) for name in union}


def coded(words: Sequence[str]) -> Words:
    """Return the different words in the order of their first appearance, and each one's number."""
    numbers = {word: number for number, word in enumerate(dict.fromkeys(words))}
    if len(numbers) == 1:
        return list(numbers), np.zeros(len(words), np.uint32)
    return list(numbers), np.fromiter(map(numbers.__getitem__, words), np.uint32, len(words))
