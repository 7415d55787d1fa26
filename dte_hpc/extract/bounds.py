"""Which boxes of latitude and longitude hold a shape?

A few boxes, so that a shape of far parts (France and its islands, a long flight) is not looked for in
between.
"""

from typing import NamedTuple

import numpy as np

from dte_hpc.extract.box_circle import eastern_edge
from dte_hpc.extract.scanline import Rings, closed_rings
from dte_hpc.extract.shapes import EARTH_RADIUS_KM, Box, Circle, Path, Polygon
from dte_hpc.extract.strips import Float64s
from dte_hpc.grids.spans import TOLERANCE

MAX_PIECES = 64


class Bounds(NamedTuple):
    """A box that runs eastward from west to east, degrees."""

    south: float
    north: float
    west: float
    east: float


def bounds_of(shape: Box | Circle | Polygon | Path) -> list[Bounds]:
    """Return boxes that together hold all of a shape."""
    match shape:
        case Box():
            return [_widened(shape.south, shape.north, shape.west, eastern_edge(shape))]
        case Circle():
            return [_of_circle(shape)]
        case Polygon():
            return _of_rings(closed_rings(shape))
        case Path():
            return _of_path(shape)


def _widened(south: float, north: float, west: float, east: float) -> Bounds:
    south, north = max(south - TOLERANCE, -90.0), min(north + TOLERANCE, 90.0)
    return Bounds(south, north, west - TOLERANCE, min(east + TOLERANCE, west + 360.0))


def _of_circle(circle: Circle) -> Bounds:
    latitude, longitude = circle.centre
    if circle.metric == "degrees":
        north, east = (min(radius, 180.0) for radius in circle.radii)
        return _widened(latitude - north, latitude + north, longitude - east, longitude + east)
    return _around(latitude, longitude, np.degrees(circle.radii[0] / EARTH_RADIUS_KM))


def _around(latitude: float, longitude: float, reach: float) -> Bounds:
    """Return the box around a circle on the sphere, its radius in degrees."""
    reach = reach * (1 + 1e-12) + 2 * TOLERANCE
    half = 180.0
    if abs(latitude) + reach < 90:
        half = float(np.degrees(np.arcsin(np.sin(np.radians(reach)) / np.cos(np.radians(latitude)))))
        half = half * (1 + 1e-9) + 2 * TOLERANCE
    return _widened(latitude - reach, latitude + reach, longitude - half, longitude + half)


def _of_rings(rings: Rings) -> list[Bounds]:
    """Return a box for each part; a part with a ring round a pole reaches to it, all round."""
    last = rings.begin[1:] - 1
    wound = np.round((rings.vertices[last, 1] - rings.vertices[rings.begin[:-1], 1]) / 360.0) != 0
    ring_of = np.repeat(np.arange(last.size), np.diff(rings.begin))
    part_of = rings.part[ring_of]
    boxes = []
    for part in np.unique(rings.part).tolist():
        inside = part_of == part
        latitude, longitude = rings.vertices[inside].T
        if wound[rings.part == part].any():
            boxes.append(_to_poles(latitude))
        else:
            boxes.append(_widened(latitude.min(), latitude.max(), longitude.min(), longitude.max()))
    return boxes


def _to_poles(latitude: Float64s) -> Bounds:
    south = float(latitude.min()) if latitude.min() > 0 else -90.0
    north = float(latitude.max()) if latitude.max() < 0 else 90.0
    return _widened(south, north, 0.0, 360.0)


def _of_path(path: Path) -> list[Bounds]:
    """Return a box for each of some stretches of a path."""
    latitude, longitude = path.column("latitude"), path.column("longitude")
    north, east = path.half_width("latitude"), path.half_width("longitude")
    n_pieces = min(max(latitude.size - 1, 1), MAX_PIECES)
    edges = np.linspace(0, max(latitude.size - 1, 0), n_pieces + 1).astype(np.int64)
    boxes = []
    for first, last in zip(edges[:-1].tolist(), edges[1:].tolist(), strict=True):
        lat, lon = latitude[first : last + 1], longitude[first : last + 1]
        boxes.append(_widened(lat.min() - north, lat.max() + north, lon.min() - east, lon.max() + east))
    return boxes
