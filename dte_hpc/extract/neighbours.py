"""Which k points of a grid are nearest to each of many places?

Circles around the places, wide enough for k points where the grid is even, are cut out of the grid all at
once; those that hold fewer than k points grow. Of a row no more than the k points on either side of the
place are looked at, so that a pole of a regular grid costs no more than elsewhere. Lists of points, and
places outside a projected grid, have a tree instead (`sphere_index`).
"""

import numpy as np

from dte_hpc.extract.great_circle import Float64s, angle_between, unit_vectors
from dte_hpc.extract.ranges import Int64s
from dte_hpc.grids import Grid, RowGrid
from dte_hpc.grids.conic import ConicGrid
from dte_hpc.grids.rotated import RotatedGrid
from dte_hpc.grids.sector import circle_boxes
from dte_hpc.grids.spans import expand, spans_of
from dte_hpc.grids.sphere_index import SphereIndex
from dte_hpc.grids.unstructured import PointGrid

_WIDER = 1.5
_SLACK = 1e-9  # degrees
_EARTH_RADIUS = 6_371_229.0  # metres
_AT_ONCE = 1 << 13  # numbers of neighbours

Pairs = tuple[Int64s, Int64s]


def nearest_k(grid: Grid, latitude: Float64s, longitude: Float64s, k: int) -> tuple[Int64s, Float64s]:
    """Return the k grid points nearest to each place, nearest first; of equally far ones the first first.

    Parameters
    ----------
    grid : Grid
        Of at least k points.
    latitude, longitude : float64, shape (n,)
        Degrees.

    Returns
    -------
    index : int64, shape (n, k)
        In the grid's own order.
    angle : float64, shape (n, k)
        From the place, radians.

    Notes
    -----
    Costs 10 to 35 microseconds a place for four points (process time, a thousand places). A grid of another
    package's family is asked for its candidates place by place.
    """
    index, angle = np.empty((latitude.size, k), np.int64), np.empty((latitude.size, k))
    many = max(_AT_ONCE // k, 1)
    for start in range(0, latitude.size, many):
        part = slice(start, start + many)
        if isinstance(grid, PointGrid):
            found = _of_tree(grid, grid.index, latitude[part], longitude[part], k)
        else:
            found = _of_circles(grid, latitude[part], longitude[part], k)
        index[part], angle[part] = found
    return index, angle


def _of_tree(
    grid: Grid, tree: SphereIndex, latitude: Float64s, longitude: Float64s, k: int
) -> tuple[Int64s, Float64s]:
    index = tree.nearest_k(latitude, longitude, k)
    owner = np.repeat(np.arange(latitude.size), k)
    return _first_k(owner, index.ravel(), _angles(grid, owner, index.ravel(), latitude, longitude), k)


def _of_circles(grid: Grid, latitude: Float64s, longitude: Float64s, k: int) -> tuple[Int64s, Float64s]:
    index, angle = np.empty((latitude.size, k), np.int64), np.empty((latitude.size, k))
    first = grid.nearest(latitude, longitude)
    near = _angles(grid, np.arange(first.size), first, latitude, longitude)
    extra = _usual(grid, first, k)
    left = np.arange(latitude.size)
    if isinstance(grid, ConicGrid) and (outside := near > extra).any():
        index[outside], angle[outside] = _of_tree(
            grid, grid.all_points, latitude[outside], longitude[outside], k
        )
        left = left[~outside]
    while left.size:
        radius = np.minimum(near + extra, np.pi)[left]
        lat, lon = latitude[left], longitude[left]
        owner, found = _around(grid, lat, lon, np.degrees(radius) + _SLACK, k)
        away = _angles(grid, owner, found, lat, lon)
        inside = (away <= radius[owner]) | (radius[owner] >= np.pi)
        owner, found, away = _once(owner[inside], found[inside], away[inside])
        enough = np.bincount(owner, minlength=left.size) >= k
        kept = enough[owner]
        index[left[enough]], angle[left[enough]] = _first_k(owner[kept], found[kept], away[kept], k)
        left = left[~enough]
        extra[left] = _WIDER * extra[left]
    return index, angle


def _angles(grid: Grid, owner: Int64s, index: Int64s, latitude: Float64s, longitude: Float64s) -> Float64s:
    """Return how far points are from the places that own them, radians."""
    return angle_between(unit_vectors(*grid.coordinates_of(index)), unit_vectors(latitude, longitude)[owner])


def _once(owner: Int64s, index: Int64s, away: Float64s) -> tuple[Int64s, Int64s, Float64s]:
    """Return the pairs of a place and a point, each once."""
    order = np.lexsort((index, owner))
    owner, index = owner[order], index[order]
    new = (np.diff(owner, prepend=-1) > 0) | (np.diff(index, prepend=-1) > 0)
    return owner[new], index[new], away[order][new]


def _first_k(owner: Int64s, index: Int64s, away: Float64s, k: int) -> tuple[Int64s, Float64s]:
    """Return the k nearest points of each place that owns any, of which it owns k or more."""
    order = np.lexsort((index, away, owner))
    first = np.flatnonzero(np.diff(owner[order], prepend=-1) > 0)
    chosen = order[first[:, None] + np.arange(k)]
    return index[chosen], away[chosen]


def _usual(grid: Grid, at: Int64s, k: int) -> Float64s:
    """Return the radius, radians, of a disc around a point that should hold k points and some more."""
    many = (k + 2 * np.sqrt(k) + 2) / np.pi
    base = grid.base if isinstance(grid, RotatedGrid) else grid
    if isinstance(base, RowGrid):
        row = base.row_of(base.to_row_order(at))
        along = base.spacing[row] * np.cos(np.radians(base.latitudes[row]))
        gap = -np.gradient(base.latitudes)[row] if base.n_rows > 1 else along
        usual: Float64s = np.radians(np.sqrt(many * gap * np.maximum(along, gap / 8)))
        return usual
    share = 4 * np.pi / grid.n_points
    if isinstance(grid, ConicGrid):
        share = min(share, grid.spacing_x * grid.spacing_y / _EARTH_RADIUS**2)
    return np.full(at.size, np.sqrt(many * share))


def _around(grid: Grid, latitude: Float64s, longitude: Float64s, reach: Float64s, k: int) -> Pairs:
    """Return the points in circles, or all of them that can be among the k nearest, and perhaps some more."""
    if isinstance(grid, RowGrid):
        return _around_in_rows(grid, latitude, longitude, reach, k)
    if isinstance(grid, RotatedGrid):
        return _around_in_rows(grid.base, *grid.to_rotated(latitude, longitude), reach, k)
    if isinstance(grid, ConicGrid):
        return grid.around(latitude, longitude, reach)
    boxes = np.stack(circle_boxes(latitude, longitude, reach), axis=1).tolist()
    found = [grid.candidates(*box) for box in boxes]
    owner = np.repeat(np.arange(len(found)), [one.size for one in found])
    return owner, np.concatenate(found)


def _around_in_rows(grid: RowGrid, latitude: Float64s, longitude: Float64s, reach: Float64s, k: int) -> Pairs:
    southward = -grid.latitudes
    first = np.searchsorted(southward, -latitude - reach)
    place, row = expand(first, np.searchsorted(southward, -latitude + reach, side="right"))
    lat, across = np.radians(latitude[place]), np.radians(grid.latitudes[row])
    spare = np.sin(np.radians(reach[place]) / 2) ** 2 - np.sin((lat - across) / 2) ** 2
    scale = np.maximum(np.cos(lat) * np.cos(across), 1e-30)
    sine = np.sqrt(np.clip(spare / scale, 0, 1))
    half = np.where(reach[place] >= 180, 180.0, np.degrees(2 * np.arcsin(sine)) * (1 + _SLACK) + _SLACK)
    if grid.wraps:
        half = np.minimum(half, (k + 1) * grid.spacing[row])
    middle = longitude[place]
    owner, start, stop = spans_of(grid, row, middle - half, middle + half)
    of_range, found = expand(start, stop)
    return place[owner[of_range]], grid.from_row_order(found)
