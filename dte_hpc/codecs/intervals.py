"""Which reference sample intervals hold the wanted values of compressed fields, and what are these values?

Fields that are packed alike and wanted at the same points have the same `Stretches`; only the bits at
which their intervals begin differ. So everything here is for many fields at once: arrays of shape
(n_fields, n_stretches), one call of the kernel for each field, no object a block.
"""

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
        raise InvalidMessage(
            f"the CCSDS message came with {offsets.shape[1]} block offsets; expected {n_expected}"
        )
    signed = offsets.astype(np.int64)
    if n_expected and (
        (signed[:, 1:] <= signed[:, :-1]).any()
        or (signed[:, 0] < 0).any()
        or (signed[:, -1] >= 8 * data_length).any()
    ):
        raise InvalidMessage(
            "the offsets of the CCSDS message's blocks do not increase inside its data section"
        )
    return signed


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
    if int(first_bit.min()) < 0 or int(end_bit.max()) > 8 * (data.size - BEHIND_BYTES):
        raise InvalidMessage("an interval of a CCSDS message lies outside of what was read of it")
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
    decompress.find_ccsds(0, 0, 0, 8, 3, 8, 1, True, np.empty(0, np.uint64))
