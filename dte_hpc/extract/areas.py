"""How much of the Earth does each grid point stand for?

On a grid of rows a point's cell reaches half way to its neighbours: in latitude to the rows beside it (the
outermost as far outward as inward, or to a pole that is nearer than a row), in longitude half a spacing to
both sides. All HEALPix cells are alike.
"""

import numpy as np
from numpy.typing import NDArray

from dte_hpc.base.errors import InvalidRequest
from dte_hpc.extract.ranges import Int64s
from dte_hpc.grids import Grid, RowGrid

Float64s = NDArray[np.float64]


def cell_areas(grid: Grid, indices: Int64s) -> Float64s:
    """Return the area of each point's cell, in steradians.

    Raises
    ------
    InvalidRequest
        For a grid whose cells are not known.
    """
    if grid.kind.startswith("healpix"):
        return np.full(indices.size, 4 * np.pi / grid.n_points)
    if not isinstance(grid, RowGrid):
        raise InvalidRequest(
            f'$.reduce.weights: the areas of the cells of grid {grid.name} are not known; expected "none"',
            place="$.reduce.weights",
            grid=grid.name,
        )
    row = grid.row_of(grid.to_row_order(indices))
    areas: Float64s = (_bands(grid.latitudes) * np.radians(grid.spacing))[row]
    return areas


def _bands(latitudes: Float64s) -> Float64s:
    """Return how much of the sine of latitude each row takes, from the north."""
    if latitudes.size == 1:
        return np.ones(1)
    between = (latitudes[:-1] + latitudes[1:]) / 2
    north, south = latitudes[0] - latitudes[1], latitudes[-2] - latitudes[-1]
    first = 90.0 if latitudes[0] + north >= 90 else latitudes[0] + north / 2
    last = -90.0 if latitudes[-1] - south <= -90 else latitudes[-1] - south / 2
    edges = np.sin(np.radians(np.concatenate([[first], between, [last]])))
    bands: Float64s = edges[:-1] - edges[1:]
    return bands
