"""Which strips of a grid's rows lie in a polygon? By scan line.

Every edge is crossed with the rows it spans, the crossings of a row are sorted along the circle of longitudes
and taken in pairs (even-odd). Whether the circle's origin lies inside is the parity of the whole turns of a
row's crossings, so that a polygon may lie across the seam, its rings on different turns, or round a pole.
Edges own the row of their southern end and not that of their northern; what this leaves out of the
border (northern tips, edges along a row) is added as strips of its own.

Tolerance: a vertex within `strips.TOLERANCE` of a row's latitude is taken to be on it, and a point within
`strips.TOLERANCE` of longitude from an edge, along its row, to be inside.
"""

import numpy as np

from dte_hpc.extract.ranges import Int64s
from dte_hpc.extract.shapes import Polygon, unrolled
from dte_hpc.extract.strips import TOLERANCE, Float64s, Strips, expand_strips
from dte_hpc.grids import RowGrid


def polygon_strips(polygon: Polygon, grid: RowGrid) -> Strips:
    """Return the strips of a polygon; costs its edges plus the rows each of them spans."""
    rings = [(part, closed_ring(ring)) for part, rings in enumerate(polygon.polygons) for ring in rings]
    part = np.repeat([part for part, _ in rings], [len(ring) - 1 for _, ring in rings])
    start = np.concatenate([ring[:-1] for _, ring in rings])
    end = np.concatenate([ring[1:] for _, ring in rings])
    start[:, 0], end[:, 0] = _snapped(start[:, 0], grid), _snapped(end[:, 0], grid)
    group, longitude = _crossings(part, start, end, grid)
    pieces = [_paired(group, longitude, _caps(rings, grid)), _border(start, end, grid)]
    row, west, east = (np.concatenate(columns) for columns in zip(*pieces, strict=True))
    return Strips(row=row % grid.n_rows, west=west, east=east)


def closed_ring(ring: Float64s) -> Float64s:
    """Return a ring with its first vertex repeated, and longitudes unrolled.

    Where the longitude does not come back to the first, the ring goes round a pole. A ring that unrolling
    would flatten to nothing by taking steps of exactly 360 degrees for none (the box of the whole circle) is
    returned as it is written.
    """
    closed = np.concatenate([ring, ring[:1]])
    turned = np.column_stack([closed[:, 0], unrolled(closed[:, 1])])
    step = np.abs(np.diff(closed[:, 1]))
    if np.all((step <= 180) | (step == 360)) and not _area(turned) and _area(closed):
        return closed
    return turned


def _area(ring: Float64s) -> float:
    lat, lon = (ring - ring[0]).T
    return round(float(np.sum(lon[:-1] * lat[1:] - lon[1:] * lat[:-1])) / 2, 9)


def _caps(rings: list[tuple[int, Float64s]], grid: RowGrid) -> Int64s:
    """Return part and row (as one number) where a ring round a pole swaps what is inside at longitude 0.

    These are the rows from the ring's first vertex to its pole: those that a seam between the two would cross.
    """
    groups = [np.empty(0, np.int64)]
    for part, ring in rings:
        if round(float(ring[-1, 1] - ring[0, 1]) / 360) % 2:
            at = np.searchsorted(-grid.latitudes, -_snapped(ring[:1, 0], grid), side="right")[0]
            rows = np.arange(at) if ring[:-1, 0].sum() >= 0 else np.arange(at, grid.n_rows)
            groups.append(part * grid.n_rows + rows)
    group, count = np.unique(np.concatenate(groups), return_counts=True)
    odd: Int64s = group[count % 2 == 1]
    return odd


def _snapped(latitude: Float64s, grid: RowGrid) -> Float64s:
    at = np.searchsorted(-grid.latitudes, -latitude - TOLERANCE)
    near = grid.latitudes[np.minimum(at, grid.n_rows - 1)]
    return np.where(np.abs(near - latitude) <= TOLERANCE, near, latitude)


def _crossings(part: Int64s, start: Float64s, end: Float64s, grid: RowGrid) -> tuple[Int64s, Float64s]:
    """Return part and row (as one number) and the longitude of every crossing of an edge and a row."""
    southward = -grid.latitudes
    first = np.searchsorted(southward, -np.maximum(start[:, 0], end[:, 0]), side="right")
    stop = np.searchsorted(southward, -np.minimum(start[:, 0], end[:, 0]), side="right")
    edge, row = expand_strips(first, stop)
    slope = (end[edge, 1] - start[edge, 1]) / (end[edge, 0] - start[edge, 0])
    longitude = start[edge, 1] + (grid.latitudes[row] - start[edge, 0]) * slope
    return part[edge] * grid.n_rows + row, longitude


def _paired(group: Int64s, longitude: Float64s, caps: Int64s) -> tuple[Int64s, Float64s, Float64s]:
    """Return the strips between the crossings of each group, by the even-odd rule on the circle."""
    turn = np.floor(longitude / 360.0)
    around = longitude - 360.0 * turn
    order = np.lexsort((around, group))
    group, around, turn = group[order], around[order], turn[order].astype(np.int64)
    begin = np.flatnonzero(np.diff(group, prepend=-1))
    count = np.diff(begin, append=group.size)
    turns = np.add.reduceat(turn, begin) if begin.size else turn
    origin_inside = (turns + np.isin(group[begin], caps)) % 2
    place = np.arange(group.size) - np.repeat(begin, count)
    west = np.flatnonzero((place + np.repeat(origin_inside, count)) % 2 == 0)
    is_last = np.repeat(begin + count - 1, count)[west] == west
    east = np.where(is_last, np.repeat(begin, count)[west], west + 1)
    whole = np.setdiff1d(caps, group[begin])
    return (
        np.concatenate([group[west], whole]),
        np.concatenate([around[west], np.zeros(whole.size)]),
        np.concatenate([around[east] + 360.0 * is_last, np.full(whole.size, 360.0)]),
    )


def _border(start: Float64s, end: Float64s, grid: RowGrid) -> tuple[Int64s, Float64s, Float64s]:
    row = np.minimum(np.searchsorted(-grid.latitudes, -start[:, 0]), grid.n_rows - 1)
    on_row = grid.latitudes[row] == start[:, 0]
    along = end[:, 0] == start[:, 0]
    far = np.where(along, end[:, 1], start[:, 1])
    west, east = np.minimum(start[:, 1], far), np.maximum(start[:, 1], far)
    return row[on_row], west[on_row], east[on_row]
