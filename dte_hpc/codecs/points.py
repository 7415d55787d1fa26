"""How are some values of a message read without the rest of it?

A `ReadPlan` says which bytes of the message hold the wanted points; `decode_reads` makes values of those
bytes. Of grid_simple they are the bytes of each run of points; of grid_ccsds the reference sample intervals
(RSIs) that hold them, each once. A bitmap must be read up to the last point, since it says how
many packed values come before.

Points are given as sorted, disjoint ranges ``start[k] <= index < stop[k]`` in the message's own order.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from dte_hpc.base.checksum import ByteLike
from dte_hpc.base.compiled import frozen
from dte_hpc.base.errors import InvalidMessage, InvalidRequest, UnsupportedPacking
from dte_hpc.codecs import intervals, packing
from dte_hpc.codecs.decode import formula
from dte_hpc.codecs.intervals import BEHIND_BYTES, Stretches, byte_ranges
from dte_hpc.codecs.layout import CCSDS, CONSTANT, OTHER, SIMPLE, Layout, byte_view, read_layout

Int64s = NDArray[np.int64]
Float64s = NDArray[np.float64]
Offsets = NDArray[np.uint64] | None
Read = Callable[[int, int], ByteLike]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ReadPlan:
    """Which bytes of a message are needed for some packed values.

    Attributes
    ----------
    offset, length : int64, shape (n_reads,)
        Bytes, from the start of the message; sorted, disjoint.
    start, stop : int64, shape (n_ranges,)
        The packed values wanted.
    n_decoded : int
        How many values decoding makes, wanted or not.
    """

    offset: Int64s
    length: Int64s
    start: Int64s
    stop: Int64s
    n_decoded: int

    @property
    def n_values(self) -> int:
        """How many values are wanted."""
        return int((self.stop - self.start).sum())


_NONE: Int64s = np.empty(0, np.int64)


def decode_points(
    layout: Layout, block_offsets: Offsets, indices: ArrayLike, read: Read, *, gap_bytes: int = 0
) -> Float64s:
    """Return the values of some points, reading only the bytes that hold them.

    Parameters
    ----------
    layout : Layout
        Of the message.
    block_offsets : ndarray of uint64 or None
        As `EncodedField` has them; needed for CCSDS only.
    indices : int64, shape (n,)
        Strictly increasing.
    read : callable
        ``read(offset_bytes, length_bytes)`` returns those bytes of the message.
    gap_bytes : int
        Runs this near to each other are read as one.

    Returns
    -------
    float64, shape (n,)
        NaN where missing.

    Raises
    ------
    InvalidRequest
        If the indices are not increasing, or outside the message.
    InvalidMessage
        If the bytes are not as many as asked for, or are not what the layout says.
    UnsupportedPacking
        If the message is packed neither simply nor by CCSDS.
    """
    starts, stops = runs_of(indices)
    return decode_ranges(layout, block_offsets, starts, stops, read, gap_bytes=gap_bytes)


def decode_ranges(
    layout: Layout,
    block_offsets: Offsets,
    starts: ArrayLike,
    stops: ArrayLike,
    read: Read,
    *,
    gap_bytes: int = 0,
) -> Float64s:
    """Return the values of ranges of points, one range after the other. See `decode_points`."""
    start, stop = checked_ranges(layout, starts, stops)
    if not layout.bitmap_offset or start.size == 0:
        return _read_packed(layout, block_offsets, start, stop, read, gap_bytes)
    bits = _read_exactly(read, layout.bitmap_offset, (int(stop[-1]) + 7) // 8)
    present, first, last = present_in_ranges(layout, bits, start, stop)
    values = np.full(present.size, np.nan)
    some = last > first
    values[present] = _read_packed(layout, block_offsets, first[some], last[some], read, gap_bytes)
    return values


def runs_of(indices: ArrayLike) -> tuple[Int64s, Int64s]:
    """Return strictly increasing indices as ranges: start and stop, int64, shape (n_ranges,)."""
    array = np.asarray(indices, np.int64)
    if array.size == 0:
        return _NONE, _NONE
    steps = np.diff(array)
    if np.any(steps < 1):
        raise InvalidRequest("points were asked for out of order or twice; expected increasing indices")
    breaks = np.flatnonzero(steps > 1)
    return array[np.concatenate([[0], breaks + 1])], array[np.append(breaks, array.size - 1)] + 1


def checked_ranges(layout: Layout, starts: ArrayLike, stops: ArrayLike) -> tuple[Int64s, Int64s]:
    """Return ranges as int64; InvalidRequest unless they are sorted, disjoint and inside the message."""
    if layout.packing == OTHER:
        raise UnsupportedPacking("the message is packed neither simply nor by CCSDS; decode it as a whole")
    start, stop = np.asarray(starts, np.int64), np.asarray(stops, np.int64)
    ordered = np.all(start < stop) and np.all(stop[:-1] <= start[1:])
    if start.shape != stop.shape or start.ndim != 1 or not ordered:
        raise InvalidRequest(
            "ranges of points are not sorted and disjoint; expected start < stop <= next start"
        )
    if start.size and (start[0] < 0 or stop[-1] > layout.n_values):
        raise InvalidRequest(
            f"points {start[0]} to {stop[-1] - 1} were asked for; expected 0 to {layout.n_values - 1}"
        )
    return start, stop


def present_in_ranges(
    layout: Layout, bitmap: NDArray[np.uint8], start: Int64s, stop: Int64s
) -> tuple[NDArray[np.bool_], Int64s, Int64s]:
    """Return which points of ranges are present, and the ranges of packed values they are.

    Parameters
    ----------
    bitmap : uint8
        At least the bytes up to the last point.

    Returns
    -------
    present : bool, shape (number of points,)
    first, last : int64, shape (n_ranges,)
        Packed values of each range, ``last`` excluded; equal where none is present.
    """
    before = np.concatenate([[0], np.cumsum(np.bitwise_count(bitmap), dtype=np.int64)])
    first, last = (_rank(bitmap, before, edges) for edges in (start, stop))
    if last.size and last[-1] > layout.n_packed:
        raise InvalidMessage(
            f"the message's bitmap has more than {layout.n_packed} points present; expected its packed values"
        )
    points = _members(start, stop)
    present = (bitmap[points >> 3] >> (7 - (points & 7)).astype(np.uint8)) & 1
    return present.astype(np.bool_), first, last


def _rank(bitmap: NDArray[np.uint8], before: Int64s, edges: Int64s) -> Int64s:
    """Return how many points are present before each edge."""
    byte, bit = edges >> 3, edges & 7
    inside = bitmap[np.minimum(byte, bitmap.size - 1)] & ~(0xFF >> bit).astype(np.uint8)
    rank: Int64s = before[byte] + np.where(bit > 0, np.bitwise_count(inside), 0)
    return rank


def _members(start: Int64s, stop: Int64s) -> Int64s:
    """Return every index of ranges, one range after the other."""
    count = stop - start
    skip = np.repeat(start - np.concatenate([[0], np.cumsum(count)[:-1]]), count)
    members: Int64s = np.arange(int(count.sum()), dtype=np.int64) + skip
    return members


def _read_packed(
    layout: Layout, block_offsets: Offsets, start: Int64s, stop: Int64s, read: Read, gap_bytes: int
) -> Float64s:
    plan = plan_reads(layout, block_offsets, start, stop, gap_bytes)
    parts = [_read_exactly(read, int(o), int(n)) for o, n in zip(plan.offset, plan.length, strict=True)]
    return decode_reads(layout, block_offsets, plan, parts)


def _read_exactly(read: Read, offset: int, length: int) -> NDArray[np.uint8]:
    data = np.frombuffer(byte_view(read(offset, length)), np.uint8)
    if data.size != length:
        raise InvalidMessage(
            f"{data.size} bytes were read at byte {offset} of the message; expected {length}", offset=offset
        )
    return data


def plan_reads(
    layout: Layout, block_offsets: Offsets, starts: ArrayLike, stops: ArrayLike, gap_bytes: int = 0
) -> ReadPlan:
    """Return which bytes hold ranges of packed values (the points' own ranges, without a bitmap).

    Parameters
    ----------
    gap_bytes : int
        Reads with at most so many unneeded bytes between them become one.
    """
    start, stop = checked_ranges(layout, starts, stops)
    if start.size and stop[-1] > layout.n_packed:
        raise InvalidRequest(
            f"packed value {stop[-1] - 1} was asked for; expected 0 to {layout.n_packed - 1}"
        )
    if layout.packing == CONSTANT or start.size == 0:
        return ReadPlan(offset=_NONE, length=_NONE, start=start, stop=stop, n_decoded=0)
    if layout.packing == SIMPLE:
        return _plan_simple(layout, start, stop, gap_bytes)
    return _plan_ccsds(layout, block_offsets, start, stop, gap_bytes)


def simple_byte_ranges(layout: Layout, starts: ArrayLike, stops: ArrayLike) -> tuple[Int64s, Int64s]:
    """Return offset and length, bytes from the start of the message, of ranges of simply packed values."""
    start, stop = np.asarray(starts, np.int64), np.asarray(stops, np.int64)
    first, last = start * layout.bits >> 3, (stop * layout.bits + 7) >> 3
    return first + layout.data_offset, last - first


def _merged(offset: Int64s, end: Int64s, gap_bytes: int) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Return the first and last member of each group of ranges that lie near to each other."""
    breaks = np.flatnonzero(offset[1:] > end[:-1] + gap_bytes)
    return np.concatenate([[0], breaks + 1]), np.append(breaks, offset.size - 1)


def _plan_simple(layout: Layout, start: Int64s, stop: Int64s, gap_bytes: int) -> ReadPlan:
    offset, length = simple_byte_ranges(layout, start, stop)
    first, last = _merged(offset, offset + length, gap_bytes)
    begin, end = offset[first], (offset + length)[last]
    return ReadPlan(
        offset=begin,
        length=end - begin,
        start=start,
        stop=stop,
        n_decoded=int((stop - start).sum()),
    )


def rsi_of(layout: Layout, packed: ArrayLike) -> Int64s:
    """Return the reference sample interval that holds each packed value."""
    return np.asarray(packed, np.int64) // (layout.block_size * layout.rsi)


def checked_offsets(layout: Layout, block_offsets: Offsets) -> NDArray[np.uint64]:
    """Return the offsets of a CCSDS message's intervals; InvalidMessage if they cannot be those."""
    if block_offsets is None:
        raise InvalidMessage("the CCSDS message came without the offsets of its blocks; expected them")
    intervals.checked_offsets(layout, block_offsets[None], np.array([layout.data_length]))
    return block_offsets


def find_block_offsets(message: ByteLike) -> Offsets:
    """Return the block offsets of a message that came without them; None unless it is packed by CCSDS.

    For messages made elsewhere. Costs a pass over the compressed data, about 1 ns a value.

    Raises
    ------
    InvalidMessage
        If the bytes are not one whole GRIB message, or its data section does not hold its values.
    """
    layout = read_layout(message)
    if layout.packing != CCSDS or layout.n_packed == 0:
        return None
    data = np.frombuffer(byte_view(message), np.uint8)
    found = intervals.find(layout, data[layout.data_offset : layout.data_offset + layout.data_length])
    return checked_offsets(layout, found)


def _plan_ccsds(
    layout: Layout, block_offsets: Offsets, start: Int64s, stop: Int64s, gap_bytes: int
) -> ReadPlan:
    offsets = checked_offsets(layout, block_offsets).astype(np.int64)[None]
    stretches = Stretches.of(layout, start, stop)
    begin, end = byte_ranges(offsets, np.array([layout.data_length]), stretches)
    # neighbours share a byte, so that adjacent intervals always become one read
    heads, tails = _merged(begin[0], end[0], gap_bytes)
    return ReadPlan(
        offset=layout.data_offset + begin[0, heads],
        length=end[0, tails] - begin[0, heads],
        start=start,
        stop=stop,
        n_decoded=stretches.n_decoded,
    )


def decode_reads(
    layout: Layout, block_offsets: Offsets, plan: ReadPlan, parts: list[NDArray[np.uint8]]
) -> Float64s:
    """Return the packed values a plan wants.

    Parameters
    ----------
    parts : list of uint8 arrays
        The bytes of each of the plan's reads, in its order.
    """
    if [part.size for part in parts] != plan.length.tolist():
        raise InvalidMessage("the bytes that were read are not as many as the plan has; expected all of them")
    out = np.empty(plan.n_values)
    if layout.packing == CONSTANT or out.size == 0:
        out[:] = layout.reference
    elif layout.packing == CCSDS:
        _decode_ccsds(layout, checked_offsets(layout, block_offsets), plan, parts, out)
    else:
        _decode_simple(layout, plan, parts, out)
    return out


def _decode_simple(layout: Layout, plan: ReadPlan, parts: list[NDArray[np.uint8]], out: Float64s) -> None:
    step, factor = formula(layout)
    data = parts[0] if len(parts) == 1 else np.concatenate(parts)
    offset, _ = simple_byte_ranges(layout, plan.start, plan.stop)
    read = np.searchsorted(plan.offset, offset, side="right") - 1
    place = np.cumsum(plan.length) - plan.length
    packing.unpack_ranges(
        frozen(data),
        frozen(place[read] + offset - plan.offset[read]),
        frozen(plan.start * layout.bits & 7),
        frozen(plan.stop - plan.start),
        layout.bits,
        step,
        layout.reference,
        factor,
        out,
    )


def _decode_ccsds(
    layout: Layout,
    block_offsets: NDArray[np.uint64],
    plan: ReadPlan,
    parts: list[NDArray[np.uint8]],
    out: Float64s,
) -> None:
    step, factor = formula(layout)
    stretches = Stretches.of(layout, plan.start, plan.stop)
    first_bit = block_offsets[stretches.first_rsi].astype(np.int64)
    read = np.searchsorted(plan.offset, layout.data_offset + (first_bit >> 3), side="right") - 1
    place = np.cumsum(plan.length) - plan.length
    intervals.decode(
        layout,
        stretches,
        np.concatenate([*parts, np.zeros(BEHIND_BYTES, np.uint8)]),
        frozen(first_bit + 8 * (place[read] - plan.offset[read] + layout.data_offset)),
        frozen(8 * (place + plan.length)[read]),
        (step, layout.reference, factor),
        out,
    )
