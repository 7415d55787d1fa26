"""Which reference sample intervals hold the wanted values of compressed fields, and what are these values?

Fields that are packed alike and wanted at the same points have the same `Stretches`; only the bits at
which their intervals begin differ. Many fields at many sets of points are `Sets` of them: one call of the
kernel, no object a field or a block.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dte_hpc.base.compiled import frozen
from dte_hpc.base.errors import InvalidMessage
from dte_hpc.codecs import aec, decompress
from dte_hpc.codecs.layout import Layout

Int64s = NDArray[np.int64]
Float64s = NDArray[np.float64]
BEHIND_BYTES = 16


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Stretches:
    """Runs of intervals that hold ranges of packed values, each decoded once from its start.

    Attributes
    ----------
    start, stop : int64, shape (n_ranges,)
        The packed values wanted; sorted, disjoint.
    first_rsi, last_rsi : int64, shape (n_stretches,)
        Intervals, the last included.
    first_range : int64, shape (n_stretches + 1,)
        Stretch s holds the ranges ``first_range[s]`` to ``first_range[s + 1] - 1``.
    n_decoded : int
        How many values decoding makes: from a stretch's start to the last value wanted of it.
    as_kernel_has_them : tuple of int64 arrays
        First sample of each stretch, `first_range`, `start` and `stop`, read-only.
    """

    start: Int64s
    stop: Int64s
    first_rsi: Int64s
    last_rsi: Int64s
    first_range: Int64s
    n_decoded: int
    as_kernel_has_them: tuple[Int64s, Int64s, Int64s, Int64s]

    @classmethod
    def of(cls, layout: Layout, start: Int64s, stop: Int64s) -> "Stretches":
        """Return the stretches of sorted, disjoint ranges of packed values; there is at least one."""
        size = layout.block_size * layout.rsi
        first, last = start // size, (stop - 1) // size
        heads = np.flatnonzero(np.concatenate([[True], first[1:] > last[:-1]]))
        tails = np.append(heads[1:], start.size) - 1
        first_range = np.append(heads, start.size)
        return cls(
            start=start,
            stop=stop,
            first_rsi=first[heads],
            last_rsi=last[tails],
            first_range=first_range,
            n_decoded=int((stop[tails] - first[heads] * size).sum()),
            as_kernel_has_them=(
                frozen(first[heads] * size),
                frozen(first_range),
                frozen(start),
                frozen(stop),
            ),
        )


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Sets:
    """The stretches of several sets of points, each with a packing of its own, one set after another.

    Attributes
    ----------
    set_start : int64, shape (n_sets + 1,)
        Set p has the stretches ``set_start[p]`` to ``set_start[p + 1] - 1``.
    first_rsi, last_rsi, first_sample : int64, shape (n_stretches,)
        Intervals, the last included, and the number of the first packed value of the first one.
    first_range : int64, shape (n_stretches + 1,)
        Stretch s holds the ranges ``first_range[s]`` to ``first_range[s + 1] - 1``.
    start, stop : int64, shape (n_ranges,)
        The packed values wanted; of each set sorted and disjoint.
    n_points, n_decoded, n_intervals : int64, shape (n_sets,)
        Values wanted of a field; values that decoding makes of it; intervals it has in all.
    facts : int64, shape (n_sets, 5)
        Bits a value, bits of an identifier, block size, blocks an interval, whether preprocessed.
    """

    set_start: Int64s
    first_rsi: Int64s
    last_rsi: Int64s
    first_sample: Int64s
    first_range: Int64s
    start: Int64s
    stop: Int64s
    n_points: Int64s
    n_decoded: Int64s
    n_intervals: Int64s
    facts: Int64s

    @classmethod
    def of(cls, layouts: Sequence[Layout], starts: Sequence[Int64s], stops: Sequence[Int64s]) -> "Sets":
        """Return the stretches of sets of sorted, disjoint ranges; each has at least one."""
        facts = np.array([_facts(layout) for layout in layouts], np.int64)
        start, stop = np.concatenate(starts), np.concatenate(stops)
        counts = np.array([each.size for each in starts])
        begin = np.cumsum(counts) - counts
        sizes = facts[:, 2] * facts[:, 3]
        size = np.repeat(sizes, counts)
        first, last = start // size, (stop - 1) // size
        is_head = np.concatenate([[True], first[1:] > last[:-1]])
        is_head[begin] = True
        heads = np.flatnonzero(is_head)
        tails = np.append(heads[1:], start.size) - 1
        first_sample = first[heads] * size[heads]
        set_start = np.searchsorted(heads, np.append(begin, start.size))
        return cls(
            set_start=frozen(set_start),
            first_rsi=first[heads],
            last_rsi=last[tails],
            first_sample=frozen(first_sample),
            first_range=frozen(np.append(heads, start.size)),
            start=frozen(start),
            stop=frozen(stop),
            n_points=frozen(np.add.reduceat(stop - start, begin)),
            n_decoded=np.add.reduceat(stop[tails] - first_sample, set_start[:-1]),
            n_intervals=-(-np.array([layout.n_packed for layout in layouts], np.int64) // sizes),
            facts=frozen(facts),
        )


def _facts(layout: Layout) -> tuple[int, int, int, int, bool]:
    preprocessed = bool(layout.ccsds_flags & aec.PREPROCESS)
    return layout.bits, id_bits(layout), layout.block_size, layout.rsi, preprocessed


def joined_tables(
    n_expected: Int64s, tables: Iterable[NDArray[np.uint64]], data_length: Int64s
) -> tuple[Int64s, Int64s]:
    """Return the offsets of many messages' intervals one after another, and where each message's begin.

    Parameters
    ----------
    n_expected : int64, shape (n_fields,)
        Intervals of each.
    tables : iterable of uint64 arrays
    data_length : int64, shape (n_fields,)
        Bytes of packed data of each.

    Returns
    -------
    offsets : int64
        Behind each message's own stands the bit at which its packed data end.
    begin : int64, shape (n_fields,)

    Raises
    ------
    InvalidMessage
        If they cannot be those of messages packed like this.
    """
    ends = np.cumsum(n_expected + 1) - 1
    begin = ends - n_expected
    offsets = np.empty(int(ends[-1]) + 1, np.int64)
    for table, first, last in zip(tables, begin.tolist(), ends.tolist(), strict=True):
        if table.size != last - first:
            raise _wrong_count(table.size, last - first)
        offsets[first:last] = table
    offsets[ends] = 8 * data_length
    increases = offsets[1:] > offsets[:-1]
    increases[ends[:-1]] = True
    if not increases.all() or (offsets[begin] < 0).any():
        raise _out_of_order()
    return offsets, begin


def checked_offsets(layout: Layout, offsets: NDArray[np.uint64], data_length: Int64s) -> Int64s:
    """Return the offsets of some messages' intervals as int64, shape (n_fields, n_intervals).

    Parameters
    ----------
    layout : Layout
        Of any of them.
    data_length : int64, shape (n_fields,)
        Bytes of packed data of each.

    Raises
    ------
    InvalidMessage
        If they cannot be those of messages packed like this.
    """
    n_expected = -(-layout.n_packed // (layout.block_size * layout.rsi))
    if offsets.shape[1] != n_expected:
        raise _wrong_count(offsets.shape[1], n_expected)
    signed = offsets.astype(np.int64)
    if n_expected and (
        (signed[:, 1:] <= signed[:, :-1]).any()
        or (signed[:, 0] < 0).any()
        or (signed[:, -1] >= 8 * data_length).any()
    ):
        raise _out_of_order()
    return signed


def _wrong_count(n_offsets: int, n_expected: int) -> InvalidMessage:
    return InvalidMessage(f"the CCSDS message came with {n_offsets} block offsets; expected {n_expected}")


def _out_of_order() -> InvalidMessage:
    return InvalidMessage("the offsets of the CCSDS message's blocks do not increase inside its data section")


def byte_ranges(offsets: Int64s, data_length: Int64s, stretches: Stretches) -> tuple[Int64s, Int64s]:
    """Return begin and end of each stretch of each field, bytes from the start of the packed data.

    Parameters
    ----------
    offsets : int64, shape (n_fields, n_intervals)
        As `checked_offsets` returns them.
    data_length : int64, shape (n_fields,)
        Bytes of packed data of each field.

    Returns
    -------
    int64, shape (n_fields, n_stretches)
        Neighbours may share a byte.
    """
    behind, n_intervals = stretches.last_rsi + 1, offsets.shape[1]
    end = offsets[:, np.minimum(behind, n_intervals - 1)]
    end = np.where(behind < n_intervals, end, 8 * data_length[:, None])
    return offsets[:, stretches.first_rsi] >> 3, (end + 7) >> 3


def decode(
    layout: Layout,
    stretches: Stretches,
    data: NDArray[np.uint8],
    first_bit: Int64s,
    end_bit: Int64s,
    formula: tuple[float, float, float],
    out: Float64s,
) -> None:
    """Write one field's wanted values.

    Parameters
    ----------
    layout : Layout
        Of the field, or of one that is packed alike.
    data : uint8
        Its last `BEHIND_BYTES` are beyond what was read.
    first_bit, end_bit : int64, shape (n_stretches,), read-only
        Bits of `data` at which each stretch begins and at which what was read of it ends.
    formula : tuple of float
        Step, reference and factor: a value is ``(X * step + reference) * factor``.
    out : float64
        As many as are wanted.

    Raises
    ------
    InvalidMessage
        If the bytes are not such intervals.
    """
    _refuse_outside(data, first_bit, end_bit)
    code = decompress.decode_ccsds(
        data.ctypes.data,
        first_bit,
        end_bit,
        *stretches.as_kernel_has_them,
        layout.bits,
        id_bits(layout),
        layout.block_size,
        layout.rsi,
        bool(layout.ccsds_flags & aec.PREPROCESS),
        *formula,
        out,
    )
    if code:
        raise _wrong(code)


def decode_fields(
    sets: Sets,
    set_of_field: Int64s,
    data: NDArray[np.uint8],
    first_bit: Int64s,
    end_bit: Int64s,
    formulas: Float64s,
    target: Int64s,
    out: Float64s,
) -> None:
    """Write the wanted values of many fields.

    Parameters
    ----------
    set_of_field : int64, shape (n_fields,)
        Which of the sets is wanted of each.
    data : uint8
        Its last `BEHIND_BYTES` are beyond what was read.
    first_bit, end_bit : int64
        As `decode` has them, one field's after another's.
    formulas : float64, shape (n_fields, 3)
        Step, reference and factor of each.
    target : int64, shape (n_fields,)
        Where in `out` each field's values begin.

    Raises
    ------
    InvalidMessage
        If the bytes are not such intervals.
    """
    _refuse_outside(data, first_bit, end_bit)
    counts = np.diff(sets.set_start)[set_of_field]
    code = decompress.decode_fields(
        data.ctypes.data,
        frozen(np.concatenate([np.zeros(1, np.int64), np.cumsum(counts)])),
        frozen(first_bit),
        frozen(end_bit),
        frozen(set_of_field),
        sets.set_start,
        sets.first_sample,
        sets.first_range,
        sets.start,
        sets.stop,
        sets.facts,
        frozen(formulas),
        frozen(target),
        sets.n_points,
        out,
    )
    if code:
        raise _wrong(code)


def _refuse_outside(data: NDArray[np.uint8], first_bit: Int64s, end_bit: Int64s) -> None:
    if int(first_bit.min()) < 0 or int(end_bit.max()) > 8 * (data.size - BEHIND_BYTES):
        raise InvalidMessage("an interval of a CCSDS message lies outside of what was read of it")


def find(layout: Layout, data: NDArray[np.uint8]) -> NDArray[np.uint64]:
    """Return where each interval begins in the packed data of a message, bits.

    Raises
    ------
    InvalidMessage
        If the data do not hold the layout's values.
    """
    if not is_decoded_alone(layout):
        return aec.find_offsets(
            data, layout.n_packed, layout.bits, layout.block_size, layout.rsi, layout.ccsds_flags
        )
    offsets = np.zeros(-(-layout.n_packed // (layout.block_size * layout.rsi)), np.uint64)
    padded = np.concatenate([data, np.zeros(BEHIND_BYTES, np.uint8)])
    code = decompress.find_ccsds(
        padded.ctypes.data,
        8 * data.size,
        layout.n_packed,
        layout.bits,
        id_bits(layout),
        layout.block_size,
        layout.rsi,
        bool(layout.ccsds_flags & aec.PREPROCESS),
        offsets,
    )
    if code:
        raise _wrong(code)
    return offsets


def _wrong(code: int) -> InvalidMessage:
    return InvalidMessage(f"the CCSDS data {decompress.WRONG[code]}; expected CCSDS 121.0-B data", code=code)


def is_decoded_alone(layout: Layout) -> bool:
    """Whether single intervals of a CCSDS message can be decoded here.

    All but those of signed samples and those filled up to whole bytes, which libaec 1.1.6 cannot read
    back itself; ecCodes writes neither.
    """
    return not layout.ccsds_flags & (aec.SIGNED | aec.PAD_RSI) and layout.block_size % 2 == 0


def id_bits(layout: Layout) -> int:
    """Return the bits of an option's identifier (CCSDS 121.0-B-3, table 5-1)."""
    if layout.ccsds_flags & aec.RESTRICTED and layout.bits <= 4:
        return 1 if layout.bits <= 2 else 2
    return 3 if layout.bits <= 8 else 4 if layout.bits <= 16 else 5


def warm() -> None:
    """Compile, or load from numba's cache, what decoding uses."""
    none, one = frozen(np.empty(0, np.int64)), frozen(np.zeros(1, np.int64))
    decompress.decode_ccsds(
        0, none, none, none, one, none, none, 8, 3, 8, 1, True, 1.0, 0.0, 1.0, np.empty(0)
    )
    facts, formulas = frozen(np.empty((0, 5), np.int64)), frozen(np.empty((0, 3)))
    decompress.decode_fields(
        0, one, none, none, none, one, none, one, none, none, facts, formulas, none, none, np.empty(0)
    )
    decompress.find_ccsds(0, 0, 0, 8, 3, 8, 1, True, np.empty(0, np.uint64))
