"""Which strips is a polygon in two axes of any kind?

The scan line of polygons on a grid (`scanline`) does it: the first axis' values are its rows, and the
second is drawn onto most of a circle of longitudes, so that edges stay as they are written.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dte_hpc.extract.polytope.axis import Axis
from dte_hpc.extract.polytope.errors import PolytopeError
from dte_hpc.extract.polytope.solids import Solids, boxes
from dte_hpc.extract.scanline import polygon_strips
from dte_hpc.extract.shapes import Polygon

Float64s = NDArray[np.float64]

NORTH, EAST = 80.0, 170.0


def polygon_boxes(axes: tuple[str, ...], rings: Sequence[Float64s], axis: Axis) -> Solids:
    """Return, for each value of a polygon's first axis, the ranges on its second.

    Parameters
    ----------
    rings : sequence of float64, shape (n, 2)
        Even-odd over all of them; borders count as inside.
    axis : Axis
        The first.
    """
    corners = np.concatenate(rings)
    if not np.isfinite(corners).all():
        raise PolytopeError(f"a polygon in {list(axes)} has a corner at infinity; expected numbers")
    low, high = corners.min(axis=0), corners.max(axis=0)
    _, _, values = axis.between(low[:1], high[:1])
    if not values.size:
        return boxes(axes, np.empty((0, 2)), np.empty((0, 2)))
    if low[0] == high[0] or low[1] == high[1]:
        return boxes(axes, low[None], high[None])
    middle, scale = (low + high) / 2, (high - low) / 2 / np.array([NORTH, EAST])
    drawn = [_with_thirds((np.clip(ring, low, high) - middle) / scale) for ring in rings]
    polygon = Polygon(polygons=(tuple(drawn),))
    rows = np.unique(np.clip(values, low[0], high[0]))[::-1]
    drawn_rows = (rows - middle[0]) / scale[0]
    kept = np.diff(drawn_rows, prepend=np.inf) < 0
    strips = polygon_strips(polygon, DrawnRows(drawn_rows[kept]))
    turn = np.round((strips.west + strips.east) / 720) * 360
    at = rows[kept][strips.row]
    ends = [middle[1] + (edge - turn) * scale[1] for edge in (strips.west, strips.east)]
    return boxes(axes, np.stack([at, ends[0]], axis=1), np.stack([at, ends[1]], axis=1))


@dataclass(frozen=True, slots=True, eq=False)
class DrawnRows:
    """Values of an axis as rows of a grid."""

    latitudes: Float64s

    @property
    def n_rows(self) -> int:
        """How many there are."""
        return int(self.latitudes.size)


def _with_thirds(ring: Float64s) -> Float64s:
    """Return a ring whose edges are cut in three, so that none is as long as half the circle."""
    after = np.roll(ring, -1, axis=0)
    return np.stack([ring, ring + (after - ring) / 3, ring + (after - ring) * 2 / 3], axis=1).reshape(-1, 2)
