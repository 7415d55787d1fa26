"""Where are the points of a grid whose poles were moved?

``0.5/0.5/20/-20/-20/20/south-pole/-30/15`` is that local grid, drawn about a south pole at 30 degrees south
and 15 east (GRIB2 templates 3.1 and 3.41). Great circles stay what they are in a rotation: the nearest point
is the base grid's nearest to the rotated place.
"""

import re
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import ArrayLike

from dte_hpc.base.errors import InvalidGrid
from dte_hpc.grids.families import grid
from dte_hpc.grids.nearest import checked_places
from dte_hpc.grids.numbers import NUMBER, degrees_text, refuse_off_sphere
from dte_hpc.grids.protocol import Float64s, Int64s
from dte_hpc.grids.rows import RowGrid

_NAME = re.compile(rf"(.+)/south-pole/({NUMBER})/({NUMBER})", re.IGNORECASE)


def from_name(name: str) -> "RotatedGrid | None":
    """O32/south-pole/-30/15: any grid of rows, rotated so that its south pole lies at 30 south, 15 east.

    Returns None for a name of another family.
    """
    match = _NAME.fullmatch(name.strip())
    if match is None:
        return None
    latitude, longitude = float(match[2]), float(match[3])
    refuse_off_sphere(name, latitudes=(latitude,), longitudes=(longitude,))
    base = grid(match[1])
    if not isinstance(base, RowGrid):
        raise InvalidGrid(f"grid {base.name} cannot be rotated; expected a grid of rows", name=name)
    longitude = (longitude + 180) % 360 - 180
    return RotatedGrid(base=base, pole_latitude=round(latitude, 6), pole_longitude=round(longitude, 6))


@dataclass(frozen=True, kw_only=True, eq=False)
class RotatedGrid:
    """A grid of rows whose south pole lies elsewhere.

    Attributes
    ----------
    base : RowGrid
        Where the points are in the rotated frame.
    pole_latitude, pole_longitude : float
        Of the south pole of the rotated frame, degrees.
    """

    base: RowGrid
    pole_latitude: float
    pole_longitude: float
    name: str = field(init=False)

    def __post_init__(self) -> None:
        pole = f"{degrees_text(self.pole_latitude)}/{degrees_text(self.pole_longitude)}"
        object.__setattr__(self, "name", f"{self.base.name}/south-pole/{pole}")

    def __repr__(self) -> str:
        return f"RotatedGrid({self.name}, {self.n_points} points)"

    @property
    def kind(self) -> str:
        """rotated, and the base grid's."""
        return f"rotated_{self.base.kind}"

    @property
    def n_points(self) -> int:
        """How many points the grid has."""
        return self.base.n_points

    def coordinates(self) -> tuple[Float64s, Float64s]:
        """Return latitude and longitude (from 0 up to 360) of every point, degrees, in the own order."""
        return self.from_rotated(*self.base.coordinates())

    def coordinates_of(self, indices: ArrayLike) -> tuple[Float64s, Float64s]:
        """Return latitude and longitude of some points, as `coordinates` has them."""
        return self.from_rotated(*self.base.coordinates_of(indices))

    def nearest(self, latitude: ArrayLike, longitude: ArrayLike) -> Int64s:
        """Return the index of the point nearest to each place, by great circle; see `RowGrid.nearest`."""
        return self.base.nearest(*self.to_rotated(*checked_places(latitude, longitude)))

    def candidates(self, south: float, north: float, west: float, east: float) -> Int64s:
        """Return the points of a box of the base grid around the box; see `protocol.Grid`."""
        middle = (south + north) / 2
        width = np.radians((east - west) / 2) * np.cos(np.radians(middle))
        reach = (north - south) / 2 + float(np.degrees(width)) + 1e-8  # a way along the meridian, and the row
        lat, lon = (float(x) for x in self.to_rotated(np.array(middle), np.array((west + east) / 2)))
        half = 180.0
        if abs(lat) + reach < 90:
            half = float(np.degrees(np.arcsin(np.sin(np.radians(reach)) / np.cos(np.radians(lat))))) + 1e-8
        box = max(lat - reach, -90.0), min(lat + reach, 90.0), lon - half, lon + half
        return self.base.candidates(*box)

    def to_rotated(self, latitude: Float64s, longitude: Float64s) -> tuple[Float64s, Float64s]:
        """Return places of the Earth in the rotated frame, degrees."""
        tilt = np.radians(90 + self.pole_latitude)
        x, y, z = unit_vectors(latitude, longitude - self.pole_longitude)
        return places_of(x * np.cos(tilt) + z * np.sin(tilt), y, z * np.cos(tilt) - x * np.sin(tilt))

    def from_rotated(self, latitude: Float64s, longitude: Float64s) -> tuple[Float64s, Float64s]:
        """Return places of the rotated frame on the Earth, degrees."""
        tilt = np.radians(90 + self.pole_latitude)
        x, y, z = unit_vectors(latitude, longitude)
        lat, lon = places_of(x * np.cos(tilt) - z * np.sin(tilt), y, z * np.cos(tilt) + x * np.sin(tilt))
        lon = np.mod(lon + self.pole_longitude, 360.0)
        return lat, np.where(lon >= 360.0, 0.0, lon)


def unit_vectors(latitude: Float64s, longitude: Float64s) -> tuple[Float64s, Float64s, Float64s]:
    """Return x, y, z of places on the unit sphere."""
    lat, lon = np.radians(latitude), np.radians(longitude)
    return np.cos(lat) * np.cos(lon), np.cos(lat) * np.sin(lon), np.sin(lat)


def places_of(x: Float64s, y: Float64s, z: Float64s) -> tuple[Float64s, Float64s]:
    """Return latitude and longitude of vectors, degrees."""
    latitude: Float64s = np.degrees(np.arctan2(z, np.hypot(x, y)))
    longitude: Float64s = np.degrees(np.arctan2(y, x))
    return latitude, longitude
