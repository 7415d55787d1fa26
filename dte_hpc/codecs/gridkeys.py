"""By which ecCodes keys is a grid written into the section 3 of a GRIB2 message?"""

import math
from typing import Any

import numpy as np

from dte_hpc.base.errors import InvalidPart
from dte_hpc.grids import Grid, RowGrid
from dte_hpc.grids.conic import ConicGrid
from dte_hpc.grids.earth import Earth
from dte_hpc.grids.reduced import facts_of_name
from dte_hpc.grids.rotated import RotatedGrid
from dte_hpc.grids.scanned import ALTERNATING, BY_COLUMNS, NORTHWARD, WESTWARD, ScannedGrid
from dte_hpc.grids.unstructured import OF_MESSAGE

UNSTRUCTURED = {"gridType": "unstructured_grid"}
EARTHS = {"6371229": 6, "6367470": 0, "6371200": 8, "6378160x6356775": 2, "6378137x6356752.314": 5}


def grid_keys(grid: Grid | None, n_values: int) -> dict[str, Any]:
    """Return the ecCodes keys of a grid's section 3, in the order they must be set in.

    Without a grid it is said to be unstructured (template 3.101): the message then says nothing of where
    its points are.

    Raises
    ------
    InvalidPart
        When the field has not as many values as the grid has points, or GRIB2 has no template for the grid.
    """
    if grid is None:
        return dict(UNSTRUCTURED)
    if grid.n_points != n_values:
        raise InvalidPart(
            f"the field has {n_values} values; expected {grid.n_points}, as grid {grid.name} has points",
            grid=grid.name,
        )
    if isinstance(grid, RotatedGrid):
        return _rotated(grid)
    if isinstance(grid, ConicGrid):
        return _conic(grid)
    if isinstance(grid, RowGrid):
        return _of_rows(grid)
    if OF_MESSAGE.fullmatch(grid.name):
        _, uuid, reference = grid.name.split("-")
        return {**UNSTRUCTURED, "numberOfGridInReference": int(reference), "uuidOfHGrid": uuid}
    return dict(UNSTRUCTURED)


def _of_rows(grid: RowGrid) -> dict[str, Any]:
    known = {
        "healpix_ring": _healpix,
        "healpix_nested": _healpix,
        "regular_ll": _regular,
        "octahedral": _gaussian,
        "reduced_gaussian": _gaussian,
        "regular_gaussian": _gaussian,
        "reduced_ll": _reduced_ll,
        "mercator": _mercator,
    }
    if grid.kind not in known:
        raise InvalidPart(
            f"grid {grid.name} is {grid.kind}, for which GRIB2 has no template here; expected one of "
            + ", ".join(known),
            grid=grid.name,
        )
    return known[grid.kind](grid)


def _healpix(grid: RowGrid) -> dict[str, Any]:
    return {
        "gridType": "healpix",
        "Nside": math.isqrt(grid.n_points // 12),
        "longitudeOfFirstGridPointInDegrees": 45,
        "orderingConvention": "ring" if grid.kind == "healpix_ring" else "nested",
    }


def _regular(grid: RowGrid) -> dict[str, Any]:
    n_rows, spacing = grid.n_rows, float(grid.spacing[0])
    north, south = float(grid.latitudes[0]), float(grid.latitudes[-1])
    return {
        "gridType": "regular_ll",
        "Ni": int(grid.row_lengths[0]),
        "Nj": n_rows,
        **_edges(grid, _last_longitude(grid)),
        "iDirectionIncrement": _microdegrees(spacing),
        "jDirectionIncrement": _microdegrees((north - south) / (n_rows - 1) if n_rows > 1 else spacing),
    }


def _gaussian(grid: RowGrid) -> dict[str, Any]:
    longest = int(grid.row_lengths.max())
    if grid.kind != "regular_gaussian":
        keys: dict[str, Any] = {"gridType": "reduced_gg", "pl": grid.row_lengths.astype(np.int64)}
        number, last = grid.n_rows // 2, 360 - 360 / longest
        return keys | {"Nj": grid.n_rows, "N": number, **_edges(grid, last)}
    number = int(grid.name.partition("/")[0][1:])
    keys = {"gridType": "regular_gg", "Ni": longest, "Nj": grid.n_rows, "N": number}
    return keys | {
        **_edges(grid, _last_longitude(grid)),
        "iDirectionIncrement": _microdegrees(float(grid.spacing[0])),
    }


def _reduced_ll(grid: RowGrid) -> dict[str, Any]:
    north, west, south, east, lengths = facts_of_name(_base_name(grid))
    last = 360 - 360 / lengths.max() if grid.wraps else east
    flags = _flags(grid)
    corners = (south, north) if flags & NORTHWARD else (north, south)
    return {
        "gridType": "reduced_ll",
        "Nj": lengths.size,
        "pl": lengths[::-1] if flags & NORTHWARD else lengths,
        "latitudeOfFirstGridPoint": _microdegrees(corners[0]),
        "longitudeOfFirstGridPoint": _microdegrees(west % 360),
        "latitudeOfLastGridPoint": _microdegrees(corners[1]),
        "longitudeOfLastGridPoint": _microdegrees(last % 360),
        "jDirectionIncrement": _microdegrees((north - south) / max(lengths.size - 1, 1)),
        **_scan_keys(flags),
    }


def _mercator(grid: RowGrid) -> dict[str, Any]:
    _, shape, dx, dy, _, _, true_at, earth = _base_name(grid).split("/")
    columns, rows = shape.split("x")
    keys = {"gridType": "mercator", **_earth(earth), "Ni": int(columns), "Nj": int(rows)}
    keys |= {"DiInMetres": float(dx), "DjInMetres": float(dy), "LaDInDegrees": float(true_at)}
    return keys | {"orientationOfTheGridInDegrees": 0, **_edges(grid, _last_longitude(grid))}


def _rotated(grid: RotatedGrid) -> dict[str, Any]:
    keys = _of_rows(grid.base)
    if keys["gridType"] not in ("regular_ll", "reduced_ll", "regular_gg", "reduced_gg"):
        raise InvalidPart(
            f"grid {grid.name} is a rotated {grid.base.kind}, for which GRIB2 has no template", grid=grid.name
        )
    prefix, _, rest = keys["gridType"].rpartition("_")
    keys["gridType"] = "reduced_rotated_gg" if prefix == "reduced" and rest == "gg" else f"rotated_{rest}"
    return keys | {
        "latitudeOfSouthernPole": _microdegrees(grid.pole_latitude),
        "longitudeOfSouthernPole": _microdegrees(grid.pole_longitude % 360),
        "angleOfRotation": 0,
    }


def _conic(grid: ConicGrid) -> dict[str, Any]:
    words = grid.name.split("/")
    keys: dict[str, Any] = {
        "gridType": grid.kind,
        **_earth(words[{"lambert": 9, "polar_stereographic": 8}[grid.kind]]),
        "Nx": grid.n_columns,
        "Ny": grid.n_rows,
        "latitudeOfFirstGridPoint": _microdegrees(grid.first_latitude),
        "longitudeOfFirstGridPoint": _microdegrees(grid.first_longitude % 360),
        "DxInMetres": grid.spacing_x,
        "DyInMetres": grid.spacing_y,
        "projectionCentreFlag": 0 if grid.cone > 0 else 128,
        **_scan_keys(grid.flags),
    }
    turned = grid.orientation % 360
    if grid.kind == "lambert":
        cuts = [float(word) for word in words[7:9]]
        keys |= {"LoVInDegrees": turned, "LaDInDegrees": cuts[0]}
        return keys | {"Latin1InDegrees": cuts[0], "Latin2InDegrees": cuts[1]}
    return keys | {"orientationOfTheGridInDegrees": turned, "LaDInDegrees": float(words[7])}


def _earth(text: str) -> dict[str, Any]:
    if text in EARTHS:
        return {"shapeOfTheEarth": EARTHS[text]}
    earth = Earth.of_text(text)
    if earth.major_metres == earth.minor_metres:
        return {
            "shapeOfTheEarth": 1,
            "scaleFactorOfRadiusOfSphericalEarth": 2,
            "scaledValueOfRadiusOfSphericalEarth": round(earth.major_metres * 100),
        }
    keys: dict[str, Any] = {"shapeOfTheEarth": 7}
    for axis, metres in (("Major", earth.major_metres), ("Minor", earth.minor_metres)):
        keys[f"scaleFactorOfEarth{axis}Axis"] = 2
        keys[f"scaledValueOfEarth{axis}Axis"] = round(metres * 100)
    return keys


def _edges(grid: RowGrid, last_longitude: float) -> dict[str, Any]:
    """Return the keys of the first and last point, and the scanning mode unless it is the usual one."""
    flags = _flags(grid)
    latitudes = [float(grid.latitudes[0]), float(grid.latitudes[-1])]
    longitudes = [float(grid.first_longitude[0]), last_longitude]
    first_lat, last_lat = latitudes[::-1] if flags & NORTHWARD else latitudes
    first_lon, last_lon = longitudes[::-1] if flags & WESTWARD else longitudes
    return {
        "latitudeOfFirstGridPoint": _microdegrees(first_lat),
        "longitudeOfFirstGridPoint": _microdegrees(first_lon % 360),
        "latitudeOfLastGridPoint": _microdegrees(last_lat),
        "longitudeOfLastGridPoint": _microdegrees(last_lon % 360),
        **(_scan_keys(flags) if flags else {}),
    }


def _flags(grid: RowGrid) -> int:
    return grid.flags if isinstance(grid, ScannedGrid) else 0


def _base_name(grid: RowGrid) -> str:
    return grid.base_name if isinstance(grid, ScannedGrid) else grid.name


def _scan_keys(flags: int) -> dict[str, int]:
    return {
        "iScansNegatively": int(bool(flags & WESTWARD)),
        "jScansPositively": int(bool(flags & NORTHWARD)),
        "jPointsAreConsecutive": int(bool(flags & BY_COLUMNS)),
        "alternativeRowScanning": int(bool(flags & ALTERNATING)),
    }


def _last_longitude(grid: RowGrid) -> float:
    return float(grid.first_longitude[0]) + (int(grid.row_lengths[0]) - 1) * float(grid.spacing[0])


def _microdegrees(degrees: float) -> int:
    return round(degrees * 1_000_000)
