"""What is read of compressed fields?

Their block offset tables become one array and their intervals' bytes one list of reads, whatever points
are wanted of each, so that a flight through thirty fields costs hardly more than one field.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dte_hpc.codecs.intervals import Sets, joined_tables
from dte_hpc.extract.batches import Batch, ReadPolicy
from dte_hpc.grids.spans import expand

Int64s = NDArray[np.int64]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class FieldReads:
    """Which bytes of some fields hold stretches of them.

    Attributes
    ----------
    field, offset, length : int64, shape (n_reads,)
        Which of the fields, and bytes from the start of its packed data; by field, ascending.
    first_bit, end_bit : int64, shape (n_stretches of all fields,)
        Where in the bytes that are read, one piece after another, each stretch begins and its piece ends.
    least : int
        Bytes of the stretches alone.
    """

    field: Int64s
    offset: Int64s
    length: Int64s
    first_bit: Int64s
    end_bit: Int64s
    least: int

    @property
    def n_bytes(self) -> int:
        """Bytes of all reads."""
        return int(self.length.sum())


def plan_fields(
    policy: ReadPolicy,
    sets: Sets,
    set_of_field: Int64s,
    data_length: Int64s,
    tables: Iterable[NDArray[np.uint64]],
) -> FieldReads:
    """Return what to read of some fields.

    Parameters
    ----------
    set_of_field : int64, shape (n_fields,)
        Which of the sets of points is wanted of each.
    data_length : int64, shape (n_fields,)
        Bytes of packed data of each.
    tables : iterable of ndarray of uint64
        Their block offsets.

    Raises
    ------
    InvalidMessage
        If a table cannot be that of its field.
    """
    offsets, table_start = joined_tables(sets.n_intervals[set_of_field], tables, data_length)
    field, stretch = expand(sets.set_start[set_of_field], sets.set_start[set_of_field + 1])
    table = table_start[field]
    first_bit = offsets[table + sets.first_rsi[stretch]]
    begin, end = first_bit >> 3, (offsets[table + sets.last_rsi[stretch] + 1] + 7) >> 3
    is_same = field[1:] == field[:-1]
    least = int((end - begin).sum() - (is_same & (end[:-1] > begin[1:])).sum())
    is_most = np.bincount(field, end - begin) > policy.whole_share * data_length
    is_near = is_same & ((begin[1:] - end[:-1] <= policy.gap_bytes) | is_most[field[1:]])
    heads, tails = np.concatenate([[True], ~is_near]), np.concatenate([~is_near, [True]])
    offset, length = begin[heads], end[tails] - begin[heads]
    place = np.cumsum(length) - length
    read = np.cumsum(heads) - 1
    return FieldReads(
        field=field[heads],
        offset=offset,
        length=length,
        first_bit=first_bit + (8 * (place - offset))[read],
        end_bit=8 * (place + length)[read],
        least=least,
    )


def memory_of(batches: Sequence[Batch], sets: Sets) -> Int64s:
    """Return about how many bytes reading a field of each batch takes."""
    counts = np.add.reduceat(sets.last_rsi - sets.first_rsi + 1, sets.set_start[:-1])
    lengths = np.array([batch.layout.data_length for batch in batches], np.int64)
    needed: Int64s = lengths * counts // sets.n_intervals + 8 * sets.n_intervals
    needed += 64 * np.diff(sets.set_start)
    return needed


def shares(needed: Int64s, most: int) -> Iterator[slice]:
    """Yield runs of fields that together need no more than `most` bytes, or are one field."""
    ends, first = np.cumsum(needed), 0
    while first < ends.size:
        before = int(ends[first] - needed[first])
        last = max(first + 1, int(np.searchsorted(ends, before + most, side="right")))
        yield slice(first, last)
        first = last
