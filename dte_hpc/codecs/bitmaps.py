"""Which points of a field with a bitmap are present, and the how-many-th are they, without reading all of it?

Where a packed value lies depends on how many points before it are present. Counted once, these numbers stand
in a directory, one for each `STEP` points (13 kB for 6.6 million); with it a point costs the few bytes of
the bitmap between the last entry and the point itself.
"""

import numpy as np
from numpy.typing import NDArray

from dte_hpc.base.errors import InvalidMessage
from dte_hpc.codecs.layout import Layout

Int64s = NDArray[np.int64]
STEP_BYTES = 256
STEP = 8 * STEP_BYTES


def directory_of(layout: Layout, bitmap: NDArray[np.uint8]) -> Int64s:
    """Return how many points are present before each step of a whole bitmap: int64, shape (n_steps + 1,).

    Raises
    ------
    InvalidMessage
        If as many are present as the message does not have packed values.
    """
    whole = bitmap[: (layout.n_values + 7) // 8].copy()
    if layout.n_values % 8:
        whole[-1] &= 0xFF << (8 - layout.n_values % 8) & 0xFF
    counts = np.bitwise_count(np.concatenate([whole, np.zeros(-whole.size % STEP_BYTES, np.uint8)]))
    steps = counts.reshape(-1, STEP_BYTES).sum(axis=1, dtype=np.int64)
    directory = np.concatenate([[0], np.cumsum(steps)])
    if directory[-1] != layout.n_packed:
        raise InvalidMessage(
            f"the message's bitmap has {directory[-1]} points present; expected {layout.n_packed}, its values"
        )
    return directory


def bitmap_reads(start: Int64s, stop: Int64s) -> tuple[Int64s, Int64s]:
    """Return offset and length, bytes of the bitmap, of what is needed for ranges of points.

    Sorted and disjoint; each begins with a step of the directory.
    """
    begin, end = start // STEP * STEP_BYTES, (stop + 7) >> 3
    reach = np.maximum.accumulate(end)
    heads = np.flatnonzero(np.concatenate([[True], begin[1:] > reach[:-1]]))
    tails = np.append(heads[1:], begin.size) - 1
    return begin[heads], reach[tails] - begin[heads]


def present_in_reads(
    directory: Int64s,
    offset: Int64s,
    length: Int64s,
    data: NDArray[np.uint8],
    start: Int64s,
    stop: Int64s,
) -> tuple[NDArray[np.bool_], Int64s, Int64s]:
    """Return which points of ranges are present, and the ranges of packed values they are.

    Parameters
    ----------
    directory : int64
        As `directory_of` returns it.
    offset, length : int64, shape (n_reads,)
        As `bitmap_reads` returns them.
    data : uint8
        The bytes of all reads, one after another.

    Returns
    -------
    present : bool, shape (number of points,)
    first, last : int64, shape (n_ranges,)
        Packed values of each range, ``last`` excluded; equal where none is present.
    """
    shift = np.cumsum(length) - length - offset
    read = np.searchsorted(offset, start >> 3, side="right") - 1
    before = np.concatenate([[0], np.cumsum(np.bitwise_count(data), dtype=np.int64)])

    def rank(edges: Int64s) -> Int64s:
        step, byte, bit = edges // STEP, (edges >> 3) + shift[read], edges & 7
        inside = data[np.minimum(byte, data.size - 1)] & ~(0xFF >> bit).astype(np.uint8)
        partly = np.where(bit > 0, np.bitwise_count(inside), 0)
        ranks: Int64s = directory[step] + before[byte] - before[step * STEP_BYTES + shift[read]] + partly
        return ranks

    first, last = rank(start), rank(stop)
    counts = stop - start
    points = np.arange(int(counts.sum())) + np.repeat(start - (np.cumsum(counts) - counts), counts)
    place = (points >> 3) + np.repeat(shift[read], counts)
    present = (data[place] >> (7 - (points & 7)).astype(np.uint8)) & 1
    return present.astype(np.bool_), first, last
