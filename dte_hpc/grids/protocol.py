"""What can every grid say, whatever it is made of?"""

from typing import Protocol

import numpy as np
from numpy.typing import ArrayLike, NDArray

from dte_hpc.base.errors import InvalidGrid

Float64s = NDArray[np.float64]
Int64s = NDArray[np.int64]

MAX_POINTS = 2**40


class Grid(Protocol):
    """The points of a field, in the order in which its values stand.

    Of a grid that is a `rows.RowGrid` shapes are cut by scan lines; of every other they are looked for among
    its candidates.
    """

    @property
    def name(self) -> str:
        """The canonical name, which `grid` understands."""

    @property
    def kind(self) -> str:
        """Which family the grid is of."""

    @property
    def n_points(self) -> int:
        """How many points the grid has."""

    def coordinates(self) -> tuple[Float64s, Float64s]:
        """Return latitude and longitude of every point, degrees, in the grid's own order."""

    def coordinates_of(self, indices: ArrayLike) -> tuple[Float64s, Float64s]:
        """Return latitude and longitude of some points, degrees."""

    def nearest(self, latitude: ArrayLike, longitude: ArrayLike) -> Int64s:
        """Return the index of the point nearest to each place, by great circle."""

    def candidates(self, south: float, north: float, west: float, east: float) -> Int64s:
        """Return the points that may lie in a box, ascending: all that do, and perhaps some that do not.

        The box runs eastward from `west` to `east`, which is not less; longitudes are of any turn.
        """


def checked_indices(grid: Grid, indices: ArrayLike) -> Int64s:
    """Return indices as int64; InvalidGrid when one is outside the grid, or is no integer."""
    array = np.asarray(indices)
    if array.dtype.kind not in "iu" and array.size:
        raise InvalidGrid(
            f"points of grid {grid.name} were given as {array.dtype}; expected integers", name=grid.name
        )
    array = array.astype(np.int64, copy=False)
    if array.size and (array.min() < 0 or array.max() >= grid.n_points):
        wrong = array.max() if array.max() >= grid.n_points else array.min()
        raise InvalidGrid(
            f"grid {grid.name} has no point {wrong}; expected 0 to {grid.n_points - 1}",
            name=grid.name,
            index=int(wrong),
        )
    return array
