"""Which points of a datacube are in some convex polytopes?

Axis by axis: on each, every polytope has its bounds for every combination of values before (`solids`), and
the values between them make the next combinations. On the last axis they stay ranges; where the last two are
a grid, latitudes are its rows and the bounds of longitude are strips of them (`strips`). The work is that of
the rows touched, not of the points, nor of the datacube.
"""

import numpy as np
from numpy.typing import NDArray

from dte_hpc.extract.bounds import MAX_PIECES, Bounds
from dte_hpc.extract.polytope.axis import Axis
from dte_hpc.extract.polytope.cube import Datacube
from dte_hpc.extract.polytope.factor import Factor
from dte_hpc.extract.polytope.ground import GLOBE, Ground
from dte_hpc.extract.polytope.solids import Solids
from dte_hpc.extract.ranges import merged
from dte_hpc.extract.scattered import indices_by_group
from dte_hpc.extract.strips import Strips, ranges_by_group
from dte_hpc.grids import RowGrid

Float64s = NDArray[np.float64]
Int64s = NDArray[np.int64]


def slice_solids(solids: Solids, cube: Datacube) -> Factor:
    """Return the points of a datacube that are in any of some polytopes, each once."""
    if len(solids.axes) == 1:
        return _one_axis(solids, cube.axes[solids.axes[0]])
    ground = cube.ground if cube.ground is not None and cube.ground.longitude in solids.axes else None
    leading = [cube.axes[axis] for axis in solids.axes[: -2 if ground else -1]]
    solid, before = np.arange(len(solids)), np.empty((len(solids), 0))
    key = np.zeros(len(solids), np.int64)
    combinations = np.empty((1, 0), np.int64)
    for axis in leading:
        cell, position, before = _next(solids, solid, before, axis)
        solid = solid[cell]
        combinations, key = _combined(combinations, key[cell], position, len(axis))
    if ground is None:
        key, start, stop = _ranges(solids, solid, before, key, cube.axes[solids.axes[-1]])
    else:
        key, start, stop = _points(solids, solid, before, key, ground)
    used, row = np.unique(key, return_inverse=True)
    return Factor(
        axes=solids.axes,
        is_on_ground=ground is not None,
        rows=combinations[used],
        row=row.astype(np.int64),
        start=start,
        stop=stop,
    )


def _one_axis(solids: Solids, axis: Axis) -> Factor:
    """Return the values of one axis in any of some ranges."""
    _, start, stop, _ = axis.ranges(solids.lower[0][:, 0, 0], solids.upper[0][:, 0, 0])
    start, stop = merged(start, stop)
    return Factor(
        axes=solids.axes,
        is_on_ground=False,
        rows=np.empty((1, 0), np.int64),
        row=np.zeros(start.size, np.int64),
        start=start,
        stop=stop,
    )


def _next(solids: Solids, solid: Int64s, before: Float64s, axis: Axis) -> tuple[Int64s, Int64s, Float64s]:
    """Return the combinations with every value of one more axis: of which cell, its position, and all values.

    A value may lie outside by the tolerance; cutting goes on from the polytope's own nearest.
    """
    low, high = solids.bounds(solid, before)
    cell, position, value = axis.between(low, high)
    inside = np.minimum(np.maximum(value, low[cell]), high[cell])
    return cell, position, np.concatenate([before[cell], inside[:, None]], axis=1)


def _combined(combinations: Int64s, key: Int64s, position: Int64s, size: int) -> tuple[Int64s, Int64s]:
    """Return the different combinations with one more position, ascending, and which of them each cell is."""
    different, key = np.unique(key * size + position, return_inverse=True)
    old, new = np.divmod(different, max(size, 1))
    return np.concatenate([combinations[old], new[:, None]], axis=1), key.astype(np.int64)


def _ranges(
    solids: Solids, solid: Int64s, before: Float64s, key: Int64s, axis: Axis
) -> tuple[Int64s, Int64s, Int64s]:
    low, high = solids.bounds(solid, before)
    owner, start, stop, _ = axis.ranges(low, high)
    length = len(axis) + 1
    base = key[owner] * length
    start, stop = merged(start + base, stop + base)
    key = start // length
    return key, start - key * length, stop - key * length


def _points(
    solids: Solids, solid: Int64s, before: Float64s, key: Int64s, ground: Ground
) -> tuple[Int64s, Int64s, Int64s]:
    rows = ground.rows(_boxes(solids, ground))
    cell, position, before = _next(solids, solid, before, ground.row_axis(rows))
    west, east = solids.bounds(solid[cell], before)
    endless = ~(np.isfinite(west) & np.isfinite(east))
    strips = Strips(
        row=rows.n_rows - 1 - position,
        west=np.where(endless, 0.0, west),
        east=np.where(endless, 360.0, east),
    )
    group = key[cell]
    if isinstance(rows, RowGrid):
        found = ranges_by_group(strips, group, rows)
    else:
        found = indices_by_group(strips, group, rows)
    if not found:
        return (np.empty(0, np.int64),) * 3
    return (
        np.repeat(np.array([group for group, _ in found]), [len(ranges) for _, ranges in found]),
        np.concatenate([ranges.start for _, ranges in found]),
        np.concatenate([ranges.stop for _, ranges in found]),
    )


def _boxes(solids: Solids, ground: Ground) -> list[Bounds]:
    """Return boxes around the polytopes, in degrees: one each when they are few."""
    (south, north), (west, east) = (solids.extent(axis) for axis in ground.axes)
    south, north = np.clip(south, -90, 90), np.clip(north, -90, 90)
    if not np.isfinite(np.concatenate([west, east])).all():
        return [GLOBE]
    if len(solids) > MAX_PIECES:
        south, north, west, east = south.min(initial=90.0), north.max(initial=-90.0), west.min(), east.max()
    edges = np.stack(np.atleast_1d(south, north, west, east), axis=1).tolist()
    return [Bounds(s, n, w, min(e, w + 360)) for s, n, w, e in edges]
