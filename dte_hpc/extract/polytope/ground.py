"""Where are the points of a grid whose latitude and longitude are two axes of a datacube?

A grid mapper of the options names a grid of the grids room. Longitudes are a circle when the grid's rows
close on themselves, whatever the options say of it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dte_hpc.base.errors import InvalidGrid
from dte_hpc.extract.bounds import Bounds
from dte_hpc.extract.neighbours import nearest_k
from dte_hpc.extract.polytope.axis import Axis
from dte_hpc.extract.polytope.errors import BadGridError, PolytopeError
from dte_hpc.extract.scattered import PointRows, point_rows
from dte_hpc.extract.strips import TOLERANCE, expand_strips
from dte_hpc.grids import Grid, RowGrid
from dte_hpc.grids import grid as grid_of_name
from dte_hpc.grids.scanned import NORTHWARD, scanned
from dte_hpc.grids.unstructured import points as point_grid

Float64s = NDArray[np.float64]
Int64s = NDArray[np.int64]

GLOBE = Bounds(-90.0, 90.0, 0.0, 360.0)
_NAMES = {
    "octahedral": "O{0}",
    "reduced_gaussian": "N{0}",
    "regular_gaussian": "F{0}",
    "healpix": "H{0}",
    "healpix_nested": "H{0}n",
}
KNOWN = (*_NAMES, "regular", "local_regular", "unstructured")


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Ground:
    """A grid as two axes.

    Attributes
    ----------
    grid : Grid
    latitude, longitude : str
        The axes' names.
    """

    grid: Grid
    latitude: str = "latitude"
    longitude: str = "longitude"

    @property
    def axes(self) -> tuple[str, str]:
        """The names of both axes, in the order in which they are cut."""
        return (self.latitude, self.longitude)

    def as_axes(self) -> dict[str, Axis]:
        """Return the names of both as axes of numbers, without values: those depend on where a shape is."""
        none, nowhere = np.empty(0), np.empty(0, np.int64)
        return {
            axis: Axis(name=axis, values=none, shown=none, order=nowhere, kind="number") for axis in self.axes
        }

    def rows(self, boxes: Sequence[Bounds]) -> RowGrid | PointRows:
        """Return the rows on which the grid's points in some boxes lie."""
        return self.grid if isinstance(self.grid, RowGrid) else point_rows(self.grid, list(boxes))

    def row_axis(self, rows: RowGrid | PointRows) -> Axis:
        """Return the latitudes of rows as an axis: position 0 is the southernmost row."""
        latitudes = rows.latitudes[::-1]
        order = np.arange(latitudes.size)[::-1].copy()
        return Axis(name=self.latitude, values=latitudes, shown=latitudes, order=order, kind="number")

    def nearest(self, latitude: Float64s, longitude: Float64s, k: int) -> Float64s:
        """Return where the k grid points nearest to each place are, by great circle: float64, (n * k, 2)."""
        if k == 1:
            found = self.grid.nearest(latitude, longitude)
        else:
            found = nearest_k(self.grid, latitude, longitude, min(k, self.grid.n_points))[0].ravel()
        return np.stack(self.grid.coordinates_of(found), axis=1)

    def around(self, low: Float64s, high: Float64s) -> tuple[Int64s, Float64s, Float64s]:
        """Return boxes of the rows around ranges, and in each the points around: of which range, and corners.

        Parameters
        ----------
        low, high : float64, shape (n, 2)
            Latitude and longitude.
        """
        if not isinstance(self.grid, RowGrid):
            raise PolytopeError(f"grid {self.grid.name} has no rows; expected the method 'nearest'")
        rows = self.grid.latitudes[::-1]
        first = np.maximum(np.searchsorted(rows, low[:, 0] - TOLERANCE) - 1, 0)
        stop = np.minimum(np.searchsorted(rows, high[:, 0] + TOLERANCE, side="right") + 1, rows.size)
        owner, row = expand_strips(first, stop)
        place = rows.size - 1 - row
        begin, spacing = self.grid.first_longitude[place], self.grid.spacing[place]
        west = np.ceil((low[owner, 1] - begin - TOLERANCE) / spacing) - 1
        east = np.floor((high[owner, 1] - begin + TOLERANCE) / spacing) + 1
        lower = np.stack([rows[row], begin + west * spacing], axis=1)
        return owner, lower, np.stack([rows[row], begin + east * spacing], axis=1)


def ground_of_mapper(options: Mapping[str, Any], n_points: int | None, place: str) -> Ground:
    """Return the ground a mapper's options describe.

    Parameters
    ----------
    options : mapping
        Of a transformation named ``mapper``: type, resolution, axes, local, axis_reversed.
    n_points : int or None
        How many values the datacube has, which tells a regular grid with its last row from one without.
    place : str
        Of the options, for errors.
    """
    latitude, longitude = options["axes"]
    kind, resolution = options["type"], options["resolution"]
    try:
        grid: Grid
        if kind in _NAMES:
            grid = grid_of_name(_NAMES[kind].format(resolution))
        elif kind == "unstructured" and options["points"] is not None:
            grid = point_grid("points", *np.array(options["points"], np.float64).reshape(-1, 2).T)
        elif kind in ("regular", "local_regular"):
            grid = _regular(options, n_points)
        else:
            raise BadGridError(f"{place}.type: found {kind!r}; expected one of {', '.join(KNOWN)}")
    except (InvalidGrid, TypeError) as error:
        raise BadGridError(f"{place}: {kind} of resolution {resolution} is no grid: {error}") from error
    if n_points is not None and grid.n_points != n_points:
        raise BadGridError(
            f"{place}: {kind} of resolution {resolution} has {grid.n_points} points; "
            f"expected the data's {n_points}"
        )
    return Ground(grid=grid, latitude=latitude, longitude=longitude)


def _regular(options: Mapping[str, Any], n_points: int | None) -> RowGrid:
    """Return a global grid of 90/resolution degrees, or resolution steps over an area."""
    is_local = options["type"] == "local_regular"
    resolution = options["resolution"]
    steps = resolution if isinstance(resolution, list) else [resolution, resolution]
    local = options["local"] or ([] if is_local else [-90.0, 90.0, 0.0, 360.0])
    south, north, west, east = (float(edge) for edge in local)
    if is_local:
        lats, n_columns = np.linspace(north, south, steps[0] + 1), steps[1] + 1
        spacing = (east - west) / steps[1]
    else:
        lats, n_columns = np.linspace(north, south, 2 * steps[0] + 1), 4 * steps[0]
        spacing = 360 / n_columns
    from_north = (options["axis_reversed"] or {options["axes"][0]: not is_local})[options["axes"][0]]
    if not is_local and n_points == (lats.size - 1) * n_columns:
        lats = lats[:-1] if from_north else lats[1:]
    grid = RowGrid(
        name=f"{options['type']} {resolution}",
        kind="regular_ll",
        latitudes=lats,
        row_start=np.arange(lats.size + 1, dtype=np.int64) * n_columns,
        first_longitude=np.full(lats.size, west),
        spacing=np.full(lats.size, spacing),
        wraps=abs(n_columns * spacing - 360) < 1e-9,
    )
    return grid if from_north else scanned(grid, NORTHWARD)
