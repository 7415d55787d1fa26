"""Which points of a row grid lie between two longitudes of a row?

Longitudes are of any turn. A point counts as between when it is within `TOLERANCE` of it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from dte_hpc.grids.rows import RowGrid

Float64s = NDArray[np.float64]
Int64s = NDArray[np.int64]

TOLERANCE = 1e-9  # degrees: 0.1 mm on the ground; coordinates are good to about 1e-12


def spans_of(grid: RowGrid, row: Int64s, west: Float64s, east: Float64s) -> tuple[Int64s, Int64s, Int64s]:
    """Return the points on closed intervals of rows, as ranges of row-order indices.

    Parameters
    ----------
    row : int64, shape (n,)
    west, east : float64, shape (n,)
        ``east - west`` of 360 or more is the whole row, of less than 0 nothing.

    Returns
    -------
    owner, start, stop : int64, shape (n_ranges,)
        Which interval each range is of, its first point, and the one after its last. None is empty.
    """
    owner, at, first, last = (_on_circle if grid.wraps else _on_arc)(grid, row, west, east)
    kept = last >= first
    begin = grid.row_start[at[kept]]
    return owner[kept], begin + first[kept], begin + last[kept] + 1


def expand(start: Int64s, stop: Int64s) -> tuple[Int64s, Int64s]:
    """Return, for every index of every range in turn, which range it is of and the index itself.

    Ranges may be empty, overlap, and stand in any order. Both results are int64, as long as all ranges
    together.
    """
    length = np.maximum(stop - start, 0)
    owner = np.repeat(np.arange(length.size), length)
    index = np.arange(owner.size) + np.repeat(start - (np.cumsum(length) - length), length)
    return owner, index


def once_each(indices: Int64s) -> Int64s:
    """Return indices ascending, each once.

    NumPy's own unique takes whole numbers through a hash table since 2.3, which costs twenty times a sort.
    """
    flat = indices.ravel()
    steps = np.diff(flat)
    if np.all(steps > 0):
        return flat
    flat = np.sort(flat)
    return flat[np.diff(flat, prepend=flat[0] - 1) > 0]


def runs(indices: Int64s) -> tuple[Int64s, Int64s]:
    """Return the ranges that hold exactly these indices, sorted: start and stop."""
    unique = once_each(indices)
    gaps = np.flatnonzero(np.diff(unique) > 1)
    edges = np.concatenate([[0], gaps + 1, [unique.size]]) if unique.size else np.zeros(1, np.int64)
    return unique[edges[:-1]], unique[edges[1:] - 1] + 1


def _on_circle(
    grid: RowGrid, row: Int64s, west: Float64s, east: Float64s
) -> tuple[Int64s, Int64s, Int64s, Int64s]:
    owner = np.arange(row.size)
    first, last = _columns(grid, row, west, east)
    length = grid.row_start[row + 1] - grid.row_start[row]
    count = np.minimum(last - first + 1, length)
    first = np.where(count == length, 0, first % length)
    last = first + count - 1
    over = np.flatnonzero(last >= length)
    rest = last[over] - length[over]
    return (
        np.concatenate([owner, over]),
        np.concatenate([row, row[over]]),
        np.concatenate([first, np.zeros_like(over)]),
        np.concatenate([np.minimum(last, length - 1), rest]),
    )


def _on_arc(
    grid: RowGrid, row: Int64s, west: Float64s, east: Float64s
) -> tuple[Int64s, Int64s, Int64s, Int64s]:
    begin = grid.first_longitude[row]
    length = grid.row_start[row + 1] - grid.row_start[row]
    end = begin + (length - 1) * grid.spacing[row]
    first_turn = np.ceil((begin - east - TOLERANCE) / 360).astype(np.int64)
    last_turn = np.floor((end - west + TOLERANCE) / 360).astype(np.int64)
    owner, turn = expand(first_turn, last_turn + 1)
    at = row[owner]
    first, last = _columns(grid, at, west[owner] + 360.0 * turn, east[owner] + 360.0 * turn)
    return owner, at, np.maximum(first, 0), np.minimum(last, length[owner] - 1)


def _columns(grid: RowGrid, row: Int64s, west: Float64s, east: Float64s) -> tuple[Int64s, Int64s]:
    begin, spacing = grid.first_longitude[row], grid.spacing[row]
    first = np.ceil((west - begin - TOLERANCE) / spacing).astype(np.int64)
    return first, np.floor((east - begin + TOLERANCE) / spacing).astype(np.int64)
