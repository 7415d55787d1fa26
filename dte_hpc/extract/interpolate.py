"""Which grid points make the value at a place between them, and with what weights?

``bilinear``: the two rows around the place, in each the two points around its longitude; beyond the last row
towards a pole, the points of that row alone. ``idw``: the k nearest points by great circle, weighted by
1 / distance^power; a point within a metre counts alone. A missing value is left out and the other weights
grow; when more than half of the weight is missing, so is the value.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from dte_hpc.base.errors import InvalidRequest
from dte_hpc.extract.neighbours import nearest_k
from dte_hpc.extract.ranges import Int64s
from dte_hpc.extract.shapes import EARTH_RADIUS_KM
from dte_hpc.extract.written import number, refused
from dte_hpc.grids import Grid, RowGrid

Float64s = NDArray[np.float64]
METHODS = ("nearest", "bilinear", "idw")
MAX_NEIGHBOURS = 256
_TOUCHING = 1e-3 / EARTH_RADIUS_KM  # radians: a metre
_PRESENT = 0.5 - 1e-9


@dataclass(frozen=True, slots=True, kw_only=True)
class Interpolation:
    """How values between grid points are made.

    Attributes
    ----------
    method : "nearest", "bilinear" or "idw"
    k : int
        Neighbours of ``idw``.
    power : float
        Of the distance, for ``idw``.
    """

    method: Literal["nearest", "bilinear", "idw"] = "nearest"
    k: int = 4
    power: float = 2.0


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Stencil:
    """The grid points and weights of each place.

    Attributes
    ----------
    index : int64, shape (n_places, n_neighbours)
        In the grid's own order; the nearest point's first where that is asked for alone.
    weight : float64, shape (n_places, n_neighbours)
        Of each place, adding up to 1.
    latitude, longitude : float64, shape (n_places,)
        The places themselves, degrees.
    """

    index: Int64s
    weight: Float64s
    latitude: Float64s
    longitude: Float64s

    def values(self, neighbours: Float64s) -> Float64s:
        """Return the values at the places from their neighbours', shape (..., n_places, n_neighbours)."""
        present = ~np.isnan(neighbours)
        if present.all():
            plain: Float64s = np.einsum("...pn,pn->...p", neighbours, self.weight)
            return plain
        weight = np.where(present, self.weight, 0.0)
        total = weight.sum(axis=-1)
        sums = np.einsum("...pn,...pn->...p", np.where(present, neighbours, 0.0), weight)
        some: Float64s = np.divide(sums, total, out=np.full_like(sums, np.nan), where=total >= _PRESENT)
        return some


def parse_interpolation(node: Any, place: str) -> Interpolation | None:
    """Return what ``interpolation`` of a feature asks for; None for the nearest grid point.

    Raises
    ------
    InvalidRequest
        When it is no method's name and no mapping of method, k and power.
    """
    given = {"method": node} if isinstance(node, str) else node
    if not isinstance(given, Mapping) or not {"method"} <= set(given) <= {"method", "k", "power"}:
        raise refused(place, node, f"one of {', '.join(METHODS)}, or a mapping of method, k and power")
    method: Any = given["method"]
    k = given.get("k", 4)
    if method not in METHODS:
        raise refused(f"{place}.method", method, "one of " + ", ".join(METHODS))
    if method != "idw" and len(given) > 1:
        raise refused(place, node, f"k and power for idw alone, not for {method}")
    if isinstance(k, bool) or not isinstance(k, int) or not 1 <= k <= MAX_NEIGHBOURS:
        raise refused(f"{place}.k", k, f"a whole number from 1 to {MAX_NEIGHBOURS}")
    power = number(f"{place}.power", given.get("power", 2.0))
    if not 0 < power <= 16:
        raise refused(f"{place}.power", power, "more than 0, and at most 16")
    return None if method == "nearest" else Interpolation(method=method, k=k, power=power)


def stencil(interpolation: Interpolation, grid: Grid, latitude: Float64s, longitude: Float64s) -> Stencil:
    """Return the grid points and weights of some places.

    Raises
    ------
    InvalidRequest
        For ``bilinear`` on a grid that has no rows.
    """
    if interpolation.method == "idw":
        index, weight = _inverse_distance(interpolation, grid, latitude, longitude)
    elif isinstance(grid, RowGrid):
        index, weight = _bilinear(grid, latitude, longitude)
    else:
        raise InvalidRequest(
            f"$.feature.interpolation: found bilinear for grid {grid.name}, which has no rows; expected idw",
            place="$.feature.interpolation",
        )
    return Stencil(index=index, weight=weight, latitude=latitude, longitude=longitude)


def _bilinear(grid: RowGrid, latitude: Float64s, longitude: Float64s) -> tuple[Int64s, Float64s]:
    south = np.clip(np.searchsorted(-grid.latitudes, -latitude), 0, grid.n_rows - 1)
    north = np.maximum(south - 1, 0)
    beyond = (latitude >= grid.latitudes[0]) | (latitude <= grid.latitudes[-1])
    north = np.where(beyond & (latitude <= grid.latitudes[-1]), south, north)
    south = np.where(beyond & (latitude >= grid.latitudes[0]), north, south)
    gap = grid.latitudes[north] - grid.latitudes[south]
    share = np.divide(latitude - grid.latitudes[south], gap, out=np.ones_like(latitude), where=gap > 0)
    indices, weights = [], []
    for row, of_row in ((north, share), (south, 1 - share)):
        west, east, eastward = _around(grid, row, longitude)
        indices += [grid.row_start[row] + west, grid.row_start[row] + east]
        weights += [of_row * (1 - eastward), of_row * eastward]
    return grid.from_row_order(np.stack(indices, axis=1)), np.stack(weights, axis=1)


def _around(grid: RowGrid, row: Int64s, longitude: Float64s) -> tuple[Int64s, Int64s, Float64s]:
    """Return the columns to the west and east of a longitude, and how far it is from the one to the other."""
    length = grid.row_start[row + 1] - grid.row_start[row]
    steps = np.mod(longitude - grid.first_longitude[row], 360.0) / grid.spacing[row]
    if not grid.wraps:
        outside = steps > length - 1
        turn = 360.0 / grid.spacing[row]
        steps = np.where(outside, np.where(turn - steps < steps - (length - 1), 0.0, length - 1.0), steps)
    west = np.minimum(np.floor(steps).astype(np.int64), length - 1)
    east = np.where(west + 1 < length, west + 1, 0 if grid.wraps else length - 1)
    return west, east, steps - west


def _inverse_distance(
    interpolation: Interpolation, grid: Grid, latitude: Float64s, longitude: Float64s
) -> tuple[Int64s, Float64s]:
    k = min(interpolation.k, grid.n_points)
    index, angle = nearest_k(grid, latitude, longitude, k)
    touching = angle[:, :1] <= _TOUCHING
    weight = np.where(touching, angle <= _TOUCHING, 1.0 / np.maximum(angle, _TOUCHING) ** interpolation.power)
    return index, weight / weight.sum(axis=1, keepdims=True)
