"""Which values next to a place are meant?

``nearest``: the k nearest values of each axis; on latitude and longitude of a grid the k nearest points by
great circle. ``surrounding``: everything between the next value below and the next above, with the place's
own when it is one; on a grid, the rows around and in each of them the points around. Only a range that is one
value has a nearest: a longer one takes what surrounds it.
"""

import numpy as np
from numpy.typing import NDArray

from dte_hpc.extract.polytope.cube import Datacube
from dte_hpc.extract.polytope.errors import PolytopeError
from dte_hpc.extract.polytope.ground import Ground
from dte_hpc.extract.polytope.solids import Solids, boxes

Float64s = NDArray[np.float64]


def snapped(
    axes: tuple[str, ...], low: Float64s, high: Float64s, method: str | None, k: int, cube: Datacube
) -> Solids:
    """Return boxes, or those that a method makes of them.

    Parameters
    ----------
    low, high : float64, shape (n, n_axes)
        Corners.
    method : None, "nearest" or "surrounding"
    k : int
        How many are nearest.
    """
    if method is None:
        return boxes(axes, low, high)
    if k < 1:
        raise PolytopeError(f"a shape in {list(axes)} asks for the {k} nearest; expected 1 or more")
    ground = [] if cube.ground is None else [axis for axis in cube.ground.axes if axis in axes]
    if len(ground) == 1:
        raise PolytopeError(
            f"the method {method!r} is asked for {ground[0]} alone; "
            "expected latitude and longitude in one shape"
        )
    for at, axis in enumerate(axes):
        if axis not in ground:
            low, high = _on_axis(at, axis, low, high, method, k, cube)
    if cube.ground is not None and ground:
        low, high = _on_ground(low, high, method, k, cube.ground)
    return boxes(axes, low, high)


def _on_axis(
    at: int, name: str, low: Float64s, high: Float64s, method: str, k: int, cube: Datacube
) -> tuple[Float64s, Float64s]:
    axis = cube.axes[name]
    if axis.kind == "text":
        return low, high
    if method == "nearest" and np.array_equal(low[:, at], high[:, at]):
        nearest = axis.nearest(low[:, at], k)
        low, high = (np.repeat(corner, nearest.shape[1], axis=0) for corner in (low, high))
        low[:, at] = high[:, at] = nearest.ravel()
        return low, high
    low, high = low.copy(), high.copy()
    low[:, at], high[:, at] = axis.around(low[:, at], high[:, at])
    return low, high


def _on_ground(
    low: Float64s, high: Float64s, method: str, k: int, ground: Ground
) -> tuple[Float64s, Float64s]:
    """Return boxes whose last two columns, latitude and longitude, are those of points of the grid."""
    if not np.isfinite(np.concatenate([low[:, -2:], high[:, -2:]])).all():
        raise PolytopeError("a range without an end has no points around it on a grid; expected numbers")
    if method == "nearest" and np.array_equal(low[:, -2:], high[:, -2:]):
        found = ground.nearest(low[:, -2], low[:, -1], k)
        owner = np.repeat(np.arange(len(low)), len(found) // max(len(low), 1))
        lower = upper = found
    else:
        owner, lower, upper = ground.around(low[:, -2:], high[:, -2:])
    return (
        np.concatenate([low[owner, :-2], lower], axis=1),
        np.concatenate([high[owner, :-2], upper], axis=1),
    )
