"""Which points does a plan want fields on? A grid, part of one, or a list of points.

An area is cut as MIR does it (``repres/regular`` of ecmwf/mir, and measured): rows and columns of a
latitude-longitude grid are counted from the area's south-west corner, and none lies outside it; of any
other grid the points inside are taken, as a list. A list of points has a name made of its points,
``unstructured-HEX-1``, which GRIB can carry (template 3.101).
"""

import hashlib
import math
import os
import re
from pathlib import Path

import numpy as np
from numpy.typing import ArrayLike

from dte_hpc.base.errors import InvalidGrid
from dte_hpc.grids import Grid, grid
from dte_hpc.grids.numbers import degrees_text
from dte_hpc.grids.unstructured import PointGrid, remember

MAX_LISTED_POINTS = 10_000_000
MAX_LISTED_BYTES = 1 << 30
INSIDE = 1e-6  # degrees: what a grid's name can say
_NESTED = re.compile(r"(H\d+)_(nested|ring)", re.IGNORECASE)
_SPECTRAL = re.compile(r"(TCO|TL|T)([1-9]\d*)", re.IGNORECASE)


def plain_name(name: str) -> str:
    """Return a grid's name as this house says it, from MultIO's: ``H32_nested``, ``TCO319``, ``TL159``.

    A truncation stands for the grid its model computes on (TCO319: O320; TL159: N80): values are points.
    Sources: ecmwf/multio ``action/interpolate/HEALPix.cc``; Malardel and others 2016, ECMWF Newsletter 146.
    """
    if match := _NESTED.fullmatch(name):
        return match[1].upper() + ("n" if match[2].lower() == "nested" else "")
    match = _SPECTRAL.fullmatch(name)
    if match is None:
        return name
    kind, number = match[1].upper(), int(match[2]) + 1
    if kind == "T" or (kind == "TL" and number % 2):
        raise InvalidGrid(
            f"{name} names spectral coefficients; expected the grid of the field's points, as O320", name=name
        )
    return f"O{number}" if kind == "TCO" else f"N{number // 2}"


def name_of(node: str | tuple[float, ...]) -> str:
    """Return the grid's name that a plan wrote as text or as a list of numbers."""
    return plain_name(node) if isinstance(node, str) else "/".join(degrees_text(n) for n in node)


def cut(name: str, area: tuple[float, float, float, float]) -> Grid:
    """Return the part of a grid inside north, west, south, east; InvalidGrid when there is none."""
    north, west, south, east = area
    if not (-90 <= south <= north <= 90 and -360 <= west <= 360 and -360 <= east <= 720):
        raise InvalidGrid(f"the area is {_text(area)}; expected north/west/south/east in degrees", name=name)
    if east < west:  # over the meridian 0: from the west of it
        west, east = west - 360, east if east >= west - 360 else east + 360
    steps = name.split("/")
    if len(steps) == 2:
        return grid(_cut_regular(float(steps[0]), float(steps[1]), north, west, south, east))
    whole = grid(name)
    latitude, longitude = whole.coordinates()
    turned = west + (longitude - west + INSIDE) % 360.0 - INSIDE
    inside = (latitude <= north + INSIDE) & (latitude >= south - INSIDE) & (turned <= east + INSIDE)
    if not inside.any():
        raise InvalidGrid(f"no point of {whole.name} lies in {_text(area)}", name=whole.name)
    return listed(latitude[inside], turned[inside])


def _cut_regular(dx: float, dy: float, north: float, west: float, south: float, east: float) -> str:
    n_rows = math.floor((north - south) / dy + INSIDE) + 1
    n_columns = min(math.floor((east - west) / dx + INSIDE) + 1, math.floor(360 / dx + INSIDE))
    edges = (south + (n_rows - 1) * dy, west, south, west + (n_columns - 1) * dx)
    return f"{degrees_text(dx)}/{degrees_text(dy)}/{_text(edges)}"


def listed(latitude: ArrayLike, longitude: ArrayLike) -> PointGrid:
    """Return the grid of a list of points, named after them; `grids.grid` finds it by that name."""
    points = np.array([latitude, longitude], dtype="<f8")
    digest = hashlib.blake2b(points.tobytes(), digest_size=16).hexdigest()
    return remember(PointGrid(name=f"unstructured-{digest}-1", latitudes=points[0], longitudes=points[1]))


def read_listed(path: str | os.PathLike[str]) -> PointGrid:
    """Return the points of a file: text lines of latitude and longitude, or NumPy's of shape (2, n)."""
    path = Path(path).expanduser()
    try:
        if path.stat().st_size > MAX_LISTED_BYTES:
            raise InvalidGrid(f"{path} is larger than {MAX_LISTED_BYTES} bytes", path=str(path))
        if path.suffix == ".npy":
            points = np.load(path, allow_pickle=False)
        else:
            lines = path.read_text(encoding="utf-8").replace(",", " ").splitlines()
            points = np.loadtxt(lines, ndmin=2, dtype=np.float64).T
    except (OSError, ValueError) as error:
        raise InvalidGrid(f"{path} holds no list of points: {error}", path=str(path)) from error
    if points.ndim != 2 or points.shape[0] != 2 or not 0 < points.shape[1] <= MAX_LISTED_POINTS:
        raise InvalidGrid(
            f"{path} holds numbers of shape {points.T.shape}; expected latitude and longitude of each of "
            f"1 to {MAX_LISTED_POINTS} points",
            path=str(path),
        )
    return listed(*points)


def _text(numbers: tuple[float, ...]) -> str:
    return "/".join(map(degrees_text, numbers))
