"""Which strips of a grid's rows lie in a polygon? By scan line.

Every edge is crossed with the rows it spans, the crossings of a row are sorted along the circle of longitudes
and taken in pairs (even-odd). Whether the circle's origin lies inside is the parity of the whole turns of a
row's crossings, so that a polygon may lie across the seam, its rings on different turns, or round a pole.
Edges own the row of their southern end and not that of their northern; what this leaves out of the
border (northern tips, edges along a row) is added as strips of its own.

Tolerance: a vertex within `spans.TOLERANCE` of a row's latitude is taken to be on it, and a point within
`spans.TOLERANCE` of longitude from an edge, along its row, to be inside.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dte_hpc.extract.ranges import Int64s
from dte_hpc.extract.shapes import Polygon, unrolled
from dte_hpc.extract.strips import Float64s, Rows, Strips, expand_strips
from dte_hpc.grids.spans import TOLERANCE


def polygon_strips(polygon: Polygon, rows: Rows) -> Strips:
    """Return the strips of a polygon; costs its edges plus the rows each of them spans."""
    rings = closed_rings(polygon)
    on = _on_rows(rings, rows)
    is_edge = np.ones(len(rings.vertices), np.bool_)
    is_edge[rings.begin[1:] - 1] = False
    edge = np.flatnonzero(is_edge)
    part = np.repeat(rings.part, np.diff(rings.begin) - 1)
    group, longitude = _crossings(part, on, edge, rows)
    pieces = [_paired(group, longitude, _caps(rings, on, rows)), _border(on, edge)]
    row, west, east = (np.concatenate(columns) for columns in zip(*pieces, strict=True))
    return Strips(row=row % rows.n_rows, west=west, east=east)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Rings:
    """All rings of a polygon one behind the other, each with its first vertex repeated.

    Attributes
    ----------
    vertices : float64, shape (n, 2)
        Latitude and unrolled longitude.
    begin : int64, shape (n_rings + 1,)
        The first vertex of each ring.
    part : int64, shape (n_rings,)
        Which polygon of the shape each ring is of.
    """

    vertices: Float64s
    begin: Int64s
    part: Int64s


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class OnRows:
    """Where the vertices of a polygon lie among the rows of a grid.

    Attributes
    ----------
    latitude, longitude : float64, shape (n,)
        Degrees; the latitude is exactly the row's when it lies on one.
    row : int64, shape (n,)
        The row it lies on, or the next to the south (n_rows when there is none).
    lies_on : bool, shape (n,)
        Whether it lies on the row.
    """

    latitude: Float64s
    longitude: Float64s
    row: Int64s
    lies_on: NDArray[np.bool_]

    @property
    def below(self) -> Int64s:
        """The first row that lies wholly to the south of each vertex."""
        return self.row + self.lies_on


def _on_rows(rings: Rings, rows: Rows) -> OnRows:
    latitude, longitude = np.ascontiguousarray(rings.vertices.T)
    row = np.searchsorted(-rows.latitudes, -latitude - TOLERANCE)
    near = rows.latitudes[np.minimum(row, rows.n_rows - 1)]
    lies_on = np.abs(near - latitude) <= TOLERANCE
    return OnRows(latitude=np.where(lies_on, near, latitude), longitude=longitude, row=row, lies_on=lies_on)


def closed_rings(polygon: Polygon) -> Rings:
    """Return the rings of a polygon closed, and unrolled as `shapes.unrolled` does.

    Where a longitude does not come back to the first, the ring goes round a pole. A ring that unrolling would
    flatten to nothing, by taking steps of exactly 360 degrees for none (the box of the whole circle), stays
    as it is written; so does such a step along a pole (a cap cut open at the date line).
    """
    rings = [ring for rings in polygon.polygons for ring in rings]
    vertices = np.concatenate([piece for ring in rings for piece in (ring, ring[:1])])
    begin = np.concatenate([[0], np.cumsum([len(ring) + 1 for ring in rings])])
    step = np.diff(vertices[:, 1], prepend=0.0)
    step[begin[:-1]] = 0.0
    turns = np.round(step / 360.0)
    along_pole = (
        (np.abs(step) == 360) & (np.abs(vertices[:, 0]) == 90) & (np.diff(vertices[:, 0], prepend=0.0) == 0)
    )
    turns[along_pole] = 0.0
    for ring in sorted(set((np.searchsorted(begin, np.flatnonzero(turns), side="right") - 1).tolist())):
        here = slice(begin[ring], begin[ring + 1])
        if _is_whole_circle(vertices[here], step[here]):
            turns[here] = 0.0
    total = np.cumsum(turns)
    vertices[:, 1] -= 360.0 * (total - np.repeat(total[begin[:-1]], np.diff(begin)))
    part = np.repeat(np.arange(len(polygon.polygons)), [len(rings) for rings in polygon.polygons])
    return Rings(vertices=vertices, begin=begin, part=part)


def _is_whole_circle(closed: Float64s, step: Float64s) -> bool:
    if np.any((np.abs(step) > 180) & (np.abs(step) != 360)):
        return False
    return not _area(closed[:, 0], unrolled(closed[:, 1])) and bool(_area(closed[:, 0], closed[:, 1]))


def _area(lat: Float64s, lon: Float64s) -> float:
    north, east = lat - lat[0], lon - lon[0]
    return round(float(np.sum(east[:-1] * north[1:] - east[1:] * north[:-1])) / 2, 9)


def _caps(rings: Rings, on: OnRows, rows: Rows) -> Int64s:
    """Return part and row (as one number) where a ring round a pole swaps what is inside at longitude 0.

    These are the rows from the ring's first vertex to its pole: those a seam between the two would cross.
    """
    around = on.longitude[rings.begin[1:] - 1] - on.longitude[rings.begin[:-1]]
    wound = np.flatnonzero(np.round(around / 360.0) % 2).tolist()
    groups = [np.empty(0, np.int64)]
    for ring in wound:
        at = int(on.below[rings.begin[ring]])
        is_northern = on.latitude[rings.begin[ring] : rings.begin[ring + 1] - 1].sum() >= 0
        to_pole = np.arange(at) if is_northern else np.arange(at, rows.n_rows)
        groups.append(rings.part[ring] * rows.n_rows + to_pole)
    if len(wound) < 2:
        return groups[-1]
    group, count = np.unique(np.concatenate(groups), return_counts=True)
    odd: Int64s = group[count % 2 == 1]
    return odd


def _crossings(part: Int64s, on: OnRows, edge: Int64s, rows: Rows) -> tuple[Int64s, Float64s]:
    """Return part and row (as one number) and the longitude of every crossing of an edge and a row."""
    below = on.below
    first, stop = np.minimum(below[edge], below[edge + 1]), np.maximum(below[edge], below[edge + 1])
    crossing, row = expand_strips(first, stop)
    start = edge[crossing]
    lat, lon = on.latitude[start], on.longitude[start]
    slope = (on.longitude[start + 1] - lon) / (on.latitude[start + 1] - lat)
    return part[crossing] * rows.n_rows + row, lon + (rows.latitudes[row] - lat) * slope


def _paired(group: Int64s, longitude: Float64s, caps: Int64s) -> tuple[Int64s, Float64s, Float64s]:
    """Return the strips between the crossings of each group, by the even-odd rule on the circle."""
    turn = np.floor(longitude / 360.0)
    around = longitude - 360.0 * turn
    order = np.lexsort((around, group))
    group, around, turn = group[order], around[order], turn[order].astype(np.int64)
    begin = np.flatnonzero(np.diff(group, prepend=-1))
    count = np.diff(begin, append=group.size)
    turns = np.add.reduceat(turn, begin) if begin.size else turn
    origin_inside = (turns + np.isin(group[begin], caps)) % 2 if caps.size else turns % 2
    place = np.arange(group.size) - np.repeat(begin, count)
    west = np.flatnonzero((place + np.repeat(origin_inside, count)) % 2 == 0)
    is_last = np.repeat(begin + count - 1, count)[west] == west
    east = np.where(is_last, np.repeat(begin, count)[west], west + 1)
    whole = np.setdiff1d(caps, group[begin]) if caps.size else caps
    return (
        np.concatenate([group[west], whole]),
        np.concatenate([around[west], np.zeros(whole.size)]),
        np.concatenate([around[east] + 360.0 * is_last, np.full(whole.size, 360.0)]),
    )


def _border(on: OnRows, edge: Int64s) -> tuple[Int64s, Float64s, Float64s]:
    """Return the strips of the vertices that lie on a row, and of the edges along one."""
    start = edge[on.lies_on[edge]]
    near = on.longitude[start]
    far = np.where(on.latitude[start + 1] == on.latitude[start], on.longitude[start + 1], near)
    return on.row[start], np.minimum(near, far), np.maximum(near, far)
