"""How do the wanted values come out of the store?

Fields that are packed alike and wanted at the same points are one batch: their byte ranges are worked
out once, read with one call of the reader, and unpacked together, so that a field of a time series
costs microseconds. All compressed batches are read and decoded together, block by block, each block once.
A whole data section is read when the pieces come near its size.

A single value cannot be checked against the message's checksum: what is checked is that offsets and
sizes fit the message, and that no read is short.
"""

from collections.abc import Iterator
from functools import cached_property, lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dte_hpc.base.compiled import frozen
from dte_hpc.base.errors import CorruptData
from dte_hpc.codecs import intervals, packing
from dte_hpc.codecs.bitmaps import bitmap_reads, directory_of, present_in_reads
from dte_hpc.codecs.decode import decode, step_and_factor
from dte_hpc.codecs.intervals import BEHIND_BYTES, Sets, decode_fields, is_decoded_alone
from dte_hpc.codecs.layout import CCSDS, OTHER, SIMPLE, Layout
from dte_hpc.codecs.points import ReadPlan, decode_reads, find_block_offsets, simple_byte_ranges
from dte_hpc.extract.account import Account
from dte_hpc.extract.batches import Batch, ReadPolicy, Wanted, batches, choose_plan
from dte_hpc.extract.compressed import memory_of, plan_fields, shares
from dte_hpc.extract.kept import Kept
from dte_hpc.extract.mapped import MappedReader
from dte_hpc.extract.pread import PreadReader, Reader
from dte_hpc.extract.ranges import Ranges
from dte_hpc.extract.store import Fields

Int64s = NDArray[np.int64]
Float64s = NDArray[np.float64]
COMPRESSED_BYTES = (
    4 * 1024 * 1024
)  # what is decoded at once stays in a cache and in memory that is there already
TABLE_BYTES = 256 * 1024  # unpacked at once: malloc gives megabytes back, and each page then faults again
_step_and_factor = lru_cache(step_and_factor)
MAPPED, KEPT = MappedReader(), Kept()  # of the process: what they keep is for all queries


def read_values(
    query: Wanted,
    first: int,
    last: int,
    account: Account,
    *,
    reader: Reader | None = None,
    policy: ReadPolicy | None = None,
) -> Float64s:
    """Return the values read for a query from position `first` to `last` of them all.

    Parameters
    ----------
    first, last : int
        Positions in the values of all fields, one after another, each point of a field once (see
        `Query.read_start`); a rank's share of the work.
    account : Account
        Bytes, reads and decoded values are added to it.

    Returns
    -------
    float64, shape (last - first,)
        NaN where missing.

    Raises
    ------
    CorruptData
        When a file ends too early, or a field does not fit its grid.
    """
    out = np.empty(last - first)
    policy = policy or ReadPolicy()
    reader = reader or (MAPPED if policy.map_files else PreadReader())
    work = _Work(query.fields, out, account, reader, policy)
    compressed: list[Batch] = []
    for batch in batches(query, first, last):
        if _is_by_intervals(batch.layout):
            compressed.append(batch)
        else:
            work.read(batch)
    if compressed:
        work.compressed(compressed)
    return out


def warm() -> None:
    """Load or compile what reading runs, before somebody waits for it."""
    none, one = np.empty(0, np.int64), frozen(np.zeros(1, np.int64))
    PreadReader().read(np.empty(0, np.int32), none, none, np.empty(0, np.uint8))
    data, formulas, out = frozen(np.zeros(1, np.uint8)), frozen(np.ones((1, 3))), np.empty(1)
    packing.unpack_ranges(data, one, one, one, 16, 1.0, 0.0, 1.0, out)
    packing.unpack_fields(data, 1, one, one, one, 16, formulas, one, 1, out)
    intervals.warm()


class _Work:
    """One call of `read_values`."""

    def __init__(
        self, fields: Fields, out: Float64s, account: Account, reader: Reader, policy: ReadPolicy
    ) -> None:
        self.fields = fields
        self.out = out
        self.account = account
        self.reader = reader
        self.policy = policy

    def read(self, batch: Batch) -> None:
        """Read one batch, of fields that are not read by their intervals."""
        layout = batch.layout
        if layout.packing == OTHER:
            self._each(batch, self._whole)
        elif layout.bitmap_offset or layout.packing == CCSDS:
            self._each(batch, self._one)
        elif layout.packing == SIMPLE:
            self._together(batch)
        else:
            for row, target in zip(batch.rows.tolist(), batch.target.tolist(), strict=True):
                self.out[target : target + batch.n_points] = self.fields.layout["reference"][row]

    def _each(self, batch: Batch, read: Any) -> None:
        for row, target in zip(batch.rows.tolist(), batch.target.tolist(), strict=True):
            self.out[target : target + batch.n_points] = read(row, batch)

    def _whole(self, row: int, batch: Batch) -> Float64s:
        """Return one field's values, decoded as a whole."""
        message = self.fields.message(row)
        self._count(1, len(message), len(message), batch.layout.n_values)
        self.account.fields_decoded_whole += 1
        values = decode(message)
        if values.size != batch.layout.n_values:
            raise CorruptData(
                f"field {row} of the request decodes to {values.size} values; expected the "
                f"{batch.layout.n_values} of its grid"
            )
        return values[Ranges.of(batch.start, batch.stop).indices()]

    def _one(self, row: int, batch: Batch) -> Float64s:
        """Return one field's values, reading what its own bitmap and blocks ask for."""
        layout = Layout.of_record(self.fields.layout[row])
        if layout.packing == CCSDS and not is_decoded_alone(layout):
            return self._whole(row, batch)
        if not layout.bitmap_offset:
            return self._packed(row, layout, batch.start, batch.stop)
        present, first, last = self._present(row, layout, batch)
        some = last > first
        values = np.full(present.size, np.nan)
        values[present] = self._packed(row, layout, first[some], last[some])
        return values

    def _present(self, row: int, layout: Layout, batch: Batch) -> tuple[NDArray[np.bool_], Int64s, Int64s]:
        """Return which points are present and which packed values they are, reading a part of the bitmap."""

        def count() -> Int64s:
            n_bytes = (layout.n_values + 7) // 8
            whole = self._pieces(row, np.array([layout.bitmap_offset]), np.array([n_bytes]))
            self._count(1, n_bytes, n_bytes, 0)
            return directory_of(layout, whole)

        directory = KEPT.get(self.fields, row, "bitmap", count)
        offset, length = bitmap_reads(batch.start, batch.stop)
        bits = self._pieces(row, offset + layout.bitmap_offset, length)
        self._count(offset.size, bits.size, bits.size, 0)
        return present_in_reads(directory, offset, length, bits, batch.start, batch.stop)

    def _packed(self, row: int, layout: Layout, start: Int64s, stop: Int64s) -> Float64s:
        offsets = None
        if layout.packing == CCSDS and start.size:
            offsets = self._table(row, self.fields.block_offsets(row))
        plan, least = choose_plan(self.policy, layout, offsets, start, stop)
        data = self._pieces(row, plan.offset, plan.length)
        self._count(plan.offset.size, least, data.size, plan.n_decoded)
        parts = np.split(data, np.cumsum(plan.length)[:-1]) if plan.length.size else []
        return decode_reads(layout, offsets, plan, parts)

    def _table(self, row: int, table: NDArray[np.uint64] | None) -> NDArray[np.uint64]:
        """Return a field's block offsets: those of the index, or what was worked out of its message."""
        if table is None:

            def find() -> NDArray[np.uint64]:
                message = self.fields.message(row)
                self._count(1, len(message), len(message), 0)
                found = find_block_offsets(message)
                return np.empty(0, np.uint64) if found is None else found

            table = KEPT.get(self.fields, row, "blocks", find)
        self.account.bytes_index += table.nbytes
        return table

    def _together(self, batch: Batch) -> None:
        """Read simply packed fields, as many at once as fit in the batch's memory."""
        plan, least = choose_plan(self.policy, batch.layout, None, batch.start, batch.stop)
        n_bytes = int(plan.length.sum())
        at_once = max(1, self.policy.batch_bytes // (n_bytes + 16 * plan.offset.size + 32 * plan.start.size))
        fds, order = self._in_file_order(batch.rows)
        for some in np.split(order, np.arange(at_once, order.size, at_once)):
            data = self._bytes_of(batch, some, fds, plan)
            self._unpack(batch, some, data, plan)
        n = batch.rows.size
        self._count(n * plan.offset.size, n * least, n * n_bytes, n * plan.n_decoded)

    def compressed(self, batches: list[Batch]) -> None:
        """Read compressed fields, whatever is wanted of each, as many at once as fit in memory."""
        sets = Sets.of(
            [batch.layout for batch in batches],
            [batch.start for batch in batches],
            [batch.stop for batch in batches],
        )
        rows = np.concatenate([batch.rows for batch in batches])
        target = np.concatenate([batch.target for batch in batches])
        which = np.repeat(np.arange(len(batches)), [batch.rows.size for batch in batches])
        fds, order = self._in_file_order(rows)
        fds, rows, target, which = fds[order], rows[order], target[order], which[order]
        most = min(self.policy.batch_bytes, COMPRESSED_BYTES)
        for some in shares(memory_of(batches, sets)[which], most):
            self._decode_some(sets, which[some], rows[some], fds[some], target[some])

    def _decode_some(
        self, sets: Sets, which: Int64s, rows: Int64s, fds: NDArray[np.int32], target: Int64s
    ) -> None:
        """Read and decode some compressed fields, in the order in which they lie in the files."""
        tables = self._tables(rows, 8 * sets.n_intervals[which])
        records = self.fields.layout[rows]
        reads = plan_fields(self.policy, sets, which, records["data_length"].astype(np.int64), tables)
        n_bytes = reads.n_bytes
        data = np.empty(n_bytes + BEHIND_BYTES, np.uint8)
        data[n_bytes:] = 0
        begin = self.fields.offset[rows].astype(np.int64) + records["data_offset"].astype(np.int64)
        self.reader.read(fds[reads.field], begin[reads.field] + reads.offset, reads.length, data[:n_bytes])
        formulas = _formulas(records)
        decode_fields(sets, which, data, reads.first_bit, reads.end_bit, formulas, target, self.out)
        self._count(reads.field.size, reads.least, n_bytes, int(sets.n_decoded[which].sum()))

    def _tables(self, rows: Int64s, n_bytes: Int64s) -> Iterator[NDArray[np.uint64]]:
        """Yield the fields' block offsets, which have about so many bytes."""
        for some in shares(n_bytes, TABLE_BYTES):
            stored = self.fields.block_tables(rows[some])
            for row, table in zip(rows[some].tolist(), stored, strict=True):
                yield self._table(row, table)

    @cached_property
    def _file(self) -> NDArray[np.integer[Any]]:
        return self.fields.locations()[0]

    def _in_file_order(self, rows: Int64s) -> tuple[NDArray[np.int32], Int64s]:
        """Return the rows' descriptors, and the order in which their bytes lie in the files."""
        file = self._file[rows]
        if (file == file[0]).all():
            fds = np.full(rows.size, self.fields.fd(int(rows[0])), np.int32)
            return fds, np.argsort(self.fields.offset[rows], kind="stable")
        files, first, which = np.unique(file, return_index=True, return_inverse=True)
        of_file = np.array([self.fields.fd(int(rows[at])) for at in first], np.int32)
        return of_file[which], np.lexsort((self.fields.offset[rows], files[which]))

    def _bytes_of(
        self, batch: Batch, some: Int64s, fds: NDArray[np.int32], plan: ReadPlan
    ) -> NDArray[np.uint8]:
        """Return the bytes of a plan for some fields of a batch, one field after another."""
        rows = batch.rows[some]
        if plan.length.size and (plan.offset + plan.length)[-1] > self.fields.length[rows].min():
            raise CorruptData("a field's layout reaches beyond the end of its message")
        begin = self.fields.offset[rows].astype(np.int64)
        offsets = (begin[:, None] + plan.offset).ravel()
        lengths = np.tile(plan.length, rows.size)
        data = np.empty(int(lengths.sum()), np.uint8)
        self.reader.read(np.repeat(fds[some], plan.offset.size), offsets, lengths, data)
        return data

    def _unpack(self, batch: Batch, some: Int64s, data: NDArray[np.uint8], plan: ReadPlan) -> None:
        """Write the values of some fields of a batch, in the order of operations of `codecs.decode`."""
        offset, _ = simple_byte_ranges(batch.layout, plan.start, plan.stop)
        read = np.searchsorted(plan.offset, offset, side="right") - 1
        ends = np.cumsum(plan.length)
        packing.unpack_fields(
            frozen(data),
            int(ends[-1]),
            frozen((ends - plan.length - plan.offset)[read] + offset),
            frozen(plan.start * batch.layout.bits & 7),
            frozen(plan.stop - plan.start),
            batch.layout.bits,
            frozen(_formulas(self.fields.layout[batch.rows[some]])),
            frozen(batch.target[some]),
            batch.n_points,
            self.out,
        )

    def _pieces(self, row: int, offset: Int64s, length: Int64s) -> NDArray[np.uint8]:
        """Return pieces of one message, one after another."""
        if offset.size and int((offset + length).max()) > int(self.fields.length[row]):
            raise CorruptData(f"the layout of field {row} reaches beyond the end of its message")
        data = np.empty(int(length.sum()), np.uint8)
        fds = np.full(offset.size, self.fields.fd(row), np.int32)
        self.reader.read(fds, offset + np.int64(self.fields.offset[row]), length, data)
        return data

    def _count(self, reads: int, requested: int, read: int, decoded: int) -> None:
        self.account.reads += reads
        self.account.bytes_requested += requested
        self.account.bytes_read += read
        self.account.bytes_decoded += 8 * decoded


def _is_by_intervals(layout: Layout) -> bool:
    return layout.packing == CCSDS and not layout.bitmap_offset and is_decoded_alone(layout)


def _formulas(records: NDArray[Any]) -> Float64s:
    """Return step, reference and factor of each record, shape (n, 3)."""
    scales = zip(records["binary_scale"].tolist(), records["decimal_scale"].tolist(), strict=True)
    rows = [
        (step, reference, factor)
        for (step, factor), reference in zip(
            (_step_and_factor(*pair) for pair in scales), records["reference"].tolist(), strict=True
        )
    ]
    return np.array(rows, np.float64)
