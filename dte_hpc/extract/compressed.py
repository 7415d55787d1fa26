"""How are compressed fields that are wanted at the same points read together?

Their block offset tables become one array, their intervals' bytes one list of reads, and each field is
then one call of the decoder, which writes its values where they belong.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dte_hpc.base.errors import CorruptData
from dte_hpc.codecs import intervals
from dte_hpc.codecs.intervals import BEHIND_BYTES, Stretches
from dte_hpc.codecs.layout import Layout
from dte_hpc.extract.batches import ReadPolicy

Int64s = NDArray[np.int64]
Float64s = NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class FieldReads:
    """Which bytes of some fields hold stretches of them.

    Attributes
    ----------
    field, offset, length : int64, shape (n_reads,)
        Which of the fields, and bytes from the start of its message; by field, ascending.
    first_bit, end_bit : int64, shape (n_fields, n_stretches)
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
    layout: Layout,
    data_length: Int64s,
    tables: list[NDArray[np.uint64]],
    stretches: Stretches,
) -> FieldReads:
    """Return what to read of fields that are packed alike.

    Parameters
    ----------
    layout : Layout
        Of any of the fields.
    data_length : int64, shape (n_fields,)
        Bytes of packed data of each.
    tables : list of ndarray of uint64
        Their block offsets.

    Raises
    ------
    CorruptData
        If a table cannot be that of its field.
    """
    if any(table.size != tables[0].size for table in tables):
        raise CorruptData("the block offset tables of fields that are packed alike differ in length")
    offsets = intervals.checked_offsets(layout, np.stack(tables), data_length)
    begin, end = intervals.byte_ranges(offsets, data_length, stretches)
    least = int((end - begin).sum() - (end[:, :-1] > begin[:, 1:]).sum())
    near = begin[:, 1:] - end[:, :-1] <= policy.gap_bytes
    near[(end - begin).sum(axis=1) > policy.whole_share * data_length] = True
    heads = np.concatenate([np.ones((len(tables), 1), np.bool_), ~near], axis=1)
    tails = np.concatenate([~near, np.ones((len(tables), 1), np.bool_)], axis=1)
    field = np.nonzero(heads)[0]
    offset, length = begin[heads], end[tails] - begin[heads]
    place = np.cumsum(length) - length
    read = np.cumsum(heads).reshape(heads.shape) - 1
    shift = 8 * (place - offset)
    return FieldReads(
        field=field,
        offset=offset + layout.data_offset,
        length=length,
        first_bit=offsets[:, stretches.first_rsi] + shift[read],
        end_bit=8 * (place + length)[read],
        least=least,
    )


def decode_fields(
    layout: Layout,
    stretches: Stretches,
    reads: FieldReads,
    data: NDArray[np.uint8],
    formulas: NDArray[Any],
    targets: list[Float64s],
) -> None:
    """Write the values of some fields.

    Parameters
    ----------
    data : uint8
        The bytes of all reads, and `BEHIND_BYTES` more.
    formulas : float64, shape (n_fields, 3)
        Step, reference and factor of each field.
    targets : list of float64 arrays
        Where each field's values go.
    """
    data[reads.n_bytes : reads.n_bytes + BEHIND_BYTES] = 0
    reads.first_bit.setflags(write=False)
    reads.end_bit.setflags(write=False)
    for first_bit, end_bit, formula, target in zip(
        reads.first_bit, reads.end_bit, formulas.tolist(), targets, strict=True
    ):
        intervals.decode(layout, stretches, data, first_bit, end_bit, formula, target)
