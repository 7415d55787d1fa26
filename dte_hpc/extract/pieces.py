"""Where is a query cut, so that no piece is large or long?

A piece is a stretch of the values that are read (`Query.read_start`): some whole fields, or some points of
one field that is too much for one piece. A field is cut only where that costs nothing: its points in the
grid's own order, packed so that they can be read alone, and not reduced to one. What is reduced over the time
is one piece.
"""

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from dte_hpc.codecs.layout import CCSDS, CONSTANT, SIMPLE
from dte_hpc.extract.batches import cut
from dte_hpc.extract.cost import seconds_of_fields
from dte_hpc.extract.query import Query
from dte_hpc.extract.ranges import Ranges

Int64s = NDArray[np.int64]
PIECE_BYTES = 4 * 1024 * 1024
PIECE_SECONDS = 0.02
VALUE_BYTES = 8


def pieces(query: Query, n_bytes: int = PIECE_BYTES, seconds: float = PIECE_SECONDS) -> Int64s:
    """Return where each piece begins among the values read, and where the last ends.

    Parameters
    ----------
    n_bytes : int
        The most of values in one piece; a field that cannot be cut may have more.
    seconds : float
        The most it should take to read one, by `cost.seconds_of_fields`.

    Returns
    -------
    int64, shape (n_pieces + 1,), ascending
    """
    begin = query.read_start()
    if query.reduction is not None and query.reduction.over == "time":
        return begin[[0, -1]]
    weight = np.maximum(np.diff(begin) * (VALUE_BYTES / n_bytes), seconds_of_fields(query) / seconds)
    if weight.sum() <= 1:
        return begin[[0, -1]]
    return np.array([0, *_cuts(begin, weight, _can_be_cut(query))], np.int64)


def seconds_of_pieces(query: Query, bounds: Int64s) -> NDArray[np.float64]:
    """Return about how long each piece takes to read: float64, shape (n_pieces,)."""
    begin = query.read_start()
    spent = np.concatenate([[0.0], np.cumsum(seconds_of_fields(query))])
    return np.diff(np.interp(bounds, begin, spent))


def _can_be_cut(query: Query) -> NDArray[np.bool_]:
    layout = query.fields.layout
    is_alike = query.reduction is None
    in_order = np.array([is_alike and place.order is None for place in query.places])[query.place_of_field]
    alone = np.isin(layout["packing"], (SIMPLE, CCSDS, CONSTANT)) & (layout["bitmap_offset"] == 0)
    both: NDArray[np.bool_] = in_order & alone & (query.reduction is None)
    return both


def _cuts(begin: Int64s, weight: NDArray[np.float64], cuttable: NDArray[np.bool_]) -> Iterator[int]:
    """Yield the end of each piece."""
    total = np.concatenate([[0.0], np.cumsum(weight)])
    row, n_rows = 0, weight.size
    while row < n_rows:
        after = int(np.searchsorted(total, total[row] + 1, side="right")) - 1
        if after > row:
            row = after
            yield int(begin[row])
            continue
        first, count = int(begin[row]), int(begin[row + 1] - begin[row])
        n = min(int(np.ceil(weight[row])), count) if cuttable[row] else 1
        yield from (first + count * (k + 1) // n for k in range(n))
        row += 1


def piece_of(query: Query, first: int, last: int) -> tuple[Query, int, int, Int64s]:
    """Return a piece as a query of its own, its first field and point, and its places' numbers."""
    begin = query.read_start()
    row = int(np.searchsorted(begin, first, side="right")) - 1
    end = int(np.searchsorted(begin, last, side="left"))
    rows = np.arange(row, end)
    numbers, place_of_field = np.unique(query.place_of_field[rows], return_inverse=True)
    places = tuple(query.places[number] for number in numbers.tolist())
    low, high = first - int(begin[row]), last - int(begin[row])
    if rows.size == 1 and high - low < places[0].n_read:
        start, stop = cut(places[0].ranges, low, high)
        places = (replace(places[0], ranges=Ranges(start=start, stop=stop)),)
    some = replace(query, chosen=query.chosen.select(rows), places=places, place_of_field=place_of_field)
    return some, row, low, numbers.astype(np.int64)
