"""Which strips of a grid's rows, at which levels and steps, does a swept box or ellipsoid touch?

Of a segment from s to s + d, the point p is within the swept box exactly when the intervals of t in [0, 1] in
which |p_i - s_i - t d_i| <= r_i have a common t. So a segment is taken axis by axis: the steps it reaches, in
each the levels that are reached at those t, in each of these the rows; what is left of t says how far east
and west the strip goes. The work is that of what is touched, not of the product of the axes.

For the ellipsoid the same intervals bound t. With A(t) the sum of ((p_i - s_i - t d_i) / r_i)^2 over the axes
but longitude, a parabola, the strip is the range of s_x + t d_x ± r_x sqrt(1 - A(t)) over t where A(t) <= 1;
each side is concave or convex in t, and its extreme has a closed form.
"""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from dte_hpc.extract.ranges import Int64s
from dte_hpc.extract.shapes import Path
from dte_hpc.extract.strips import Float64s, Rows, Strips, expand_strips
from dte_hpc.grids.spans import TOLERANCE


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Cells:
    """Combinations of a segment with a value of each axis taken so far, and the t that are left.

    Attributes
    ----------
    segment : int64, shape (n,)
    chosen : dict of int64, shape (n,)
        Of each axis taken, the position of its value.
    low, high : float64, shape (n,)
        The interval of t.
    parabola : float64, shape (3, n)
        a, b, c of A(t) = a t² - 2 b t + c, over the axes taken.
    """

    segment: Int64s
    chosen: dict[str, Int64s]
    low: Float64s
    high: Float64s
    parabola: Float64s


def path_strips(path: Path, rows: Rows, values: dict[str, Float64s]) -> tuple[Strips, dict[str, Int64s]]:
    """Return the strips a path touches, and of each the position of its level and step.

    Parameters
    ----------
    path : Path
        Its longitudes are unrolled.
    rows : Rows
        Where there are points.
    values : dict of float64
        Ascending values of every axis of the path besides latitude and longitude.

    Raises
    ------
    InvalidRequest
        When the path is cut into too many pieces.
    """
    n_segments = max(len(path.points) - 1, 1)
    cells = Cells(
        segment=np.arange(n_segments),
        chosen={},
        low=np.zeros(n_segments),
        high=np.ones(n_segments),
        parabola=np.zeros((3, n_segments)),
    )
    for axis in ("step", "levelist"):
        if axis in path.axes:
            cells = _taken(cells, path, axis, values[axis])
    cells = _taken(cells, path, "latitude", rows.latitudes[::-1])
    row = rows.n_rows - 1 - cells.chosen["latitude"]
    west, east = _swept_box(cells, path) if path.inflate == "box" else _swept_ellipsoid(cells, path)
    return Strips(row=row, west=west, east=east), cells.chosen


def _segments(path: Path, axis: str) -> tuple[Float64s, Float64s]:
    values = path.column(axis)
    return values[: max(len(values) - 1, 1)], np.diff(values) if len(values) > 1 else np.zeros(1)


def _taken(cells: Cells, path: Path, axis: str, values: Float64s) -> Cells:
    """Return the cells split by one more axis, without those that are empty."""
    starts, differences = _segments(path, axis)
    reach = path.half_width(axis) + TOLERANCE
    start, difference = starts[cells.segment], differences[cells.segment]
    ends = np.stack([start + cells.low * difference, start + cells.high * difference])
    first = np.searchsorted(values, ends.min(axis=0) - reach)
    stop = np.searchsorted(values, ends.max(axis=0) + reach, side="right")
    cell, chosen = expand_strips(first, stop)
    gap, difference = values[chosen] - start[cell], difference[cell]
    low, high = _times(gap, difference, reach)
    parabola = np.stack([difference * difference, gap * difference, gap * gap]) / (reach * reach)
    split = Cells(
        segment=cells.segment[cell],
        chosen={**{name: at[cell] for name, at in cells.chosen.items()}, axis: chosen},
        low=np.maximum(low, cells.low[cell]),
        high=np.minimum(high, cells.high[cell]),
        parabola=cells.parabola[:, cell] + parabola,
    )
    return _kept(split, split.low <= split.high)


def _times(gap: Float64s, difference: Float64s, reach: float) -> tuple[Float64s, Float64s]:
    """Return the interval of t in which |gap - t difference| <= reach."""
    moving = difference != 0
    near, far = (
        np.divide(gap + side, difference, out=np.full_like(gap, unmoved), where=moving)
        for side, unmoved in ((-reach, -np.inf), (reach, np.inf))
    )
    low, high = np.minimum(near, far), np.maximum(near, far)
    return low, np.where(~moving & (np.abs(gap) > reach), -np.inf, high)


def _kept(cells: Cells, kept: NDArray[np.bool_]) -> Cells:
    return replace(
        cells,
        segment=cells.segment[kept],
        chosen={name: at[kept] for name, at in cells.chosen.items()},
        low=cells.low[kept],
        high=cells.high[kept],
        parabola=cells.parabola[:, kept],
    )


def _swept_box(cells: Cells, path: Path) -> tuple[Float64s, Float64s]:
    starts, differences = _segments(path, "longitude")
    start, difference = starts[cells.segment], differences[cells.segment]
    ends = np.stack([start + cells.low * difference, start + cells.high * difference])
    width = path.half_width("longitude")
    return ends.min(axis=0) - width, ends.max(axis=0) + width


def _swept_ellipsoid(cells: Cells, path: Path) -> tuple[Float64s, Float64s]:
    starts, differences = _segments(path, "longitude")
    start, difference = starts[cells.segment], differences[cells.segment]
    width = path.half_width("longitude") + TOLERANCE
    a, b, c = cells.parabola
    moving = a > 0
    centre = np.divide(b, a, out=np.zeros_like(a), where=moving)
    room = 1 - (c - b * centre)  # 1 - A at its least; A(t) = 1 - room + a (t - centre)²
    spread = np.sqrt(np.divide(np.maximum(room, 0), a, out=np.zeros_like(a), where=moving))
    low = np.where(moving, np.maximum(cells.low, centre - spread), cells.low)
    high = np.where(moving, np.minimum(cells.high, centre + spread), cells.high)
    empty = (room < 0) | (low > high)
    lean = np.hypot(np.sqrt(a) * width, difference)
    offset = np.where(difference > 0, np.inf, np.where(difference < 0, -np.inf, 0.0))
    offset = np.divide(difference * spread, lean, out=offset, where=moving)
    sides = []
    for sign in (-1, 1):
        t = np.clip(centre + sign * offset, low, high)
        left = np.sqrt(np.clip(room - a * (t - centre) ** 2, 0, None))
        sides.append(start + t * difference + sign * width * left)
    return np.where(empty, 1.0, sides[0]), np.where(empty, 0.0, sides[1])
