"""Which name do the numbers of a grid section make? What both editions of GRIB have in common.

Edges are (north or first latitude, first longitude, last latitude, last longitude), in the order in which the
message scans; they become those of the grid in row order, and the scanning mode a word of the name.
"""

import math
from collections.abc import Sequence

import numpy as np

from dte_hpc.grids.gaussian import gaussian_latitudes, reduced_gg_name
from dte_hpc.grids.numbers import degrees_text
from dte_hpc.grids.reduced import reduced_ll_name
from dte_hpc.grids.scanned import NORTHWARD, WESTWARD

DIRECTIONS = 0xF0
WHOLE_ROW = 2.0  # spacings: rows whose ends are this near close on themselves, as they do for ecCodes


def signed(raw: int, bits: int) -> int:
    """Return the number of a sign bit and its magnitude."""
    sign = 1 << (bits - 1)
    return -(raw & (sign - 1)) if raw & sign else raw


def integers(data: bytes, width: int) -> tuple[int, ...]:
    """Return big-endian whole numbers of 1, 2 or 4 bytes."""
    return tuple(np.frombuffer(data, f">u{width}").tolist())


def scanned(name: str | None, flags: int) -> str | None:
    """Return the name of a grid scanned by flags; None when they say more than directions."""
    if name is None or flags & ~DIRECTIONS:
        return None
    return f"{name}/scan/{flags}" if flags else name


def rotated(name: str | None, latitude: float, longitude: float, angle: float) -> str | None:
    """Return the name of a grid with its south pole at a place; None when it is turned about it too."""
    if name is None or angle:
        return None
    return f"{name}/south-pole/{degrees_text(latitude)}/{degrees_text(longitude)}"


def in_row_order(edges: Sequence[float], flags: int) -> tuple[float, float, float, float]:
    """Return north, west, south and east edge, whichever way a message scans."""
    first_lat, first_lon, last_lat, last_lon = edges
    north, south = (last_lat, first_lat) if flags & NORTHWARD else (first_lat, last_lat)
    west, east = (last_lon, first_lon) if flags & WESTWARD else (first_lon, last_lon)
    return north, west, south, east


def regular_ll(
    shape: tuple[int, int], edges: Sequence[float], steps: tuple[float | None, float | None], flags: int
) -> str | None:
    """Return the name of a regular grid: columns and rows, edges, increments (None when not given)."""
    n_columns, n_rows = shape
    north, west, south, east = in_row_order(edges, flags)
    if n_columns == 0 or n_rows == 0 or not -90 <= south <= north <= 90:
        return None
    given = steps[0] if steps[0] else (east - west) % 360 / max(n_columns - 1, 1)
    columns = _step(given, n_columns)
    rows = (north - south) / (n_rows - 1) if n_rows > 1 else steps[1] or columns
    if columns <= 0 or rows <= 0:
        return None
    if math.isclose(columns * n_columns, 360, abs_tol=1e-6) and (north, west, south) == (90, 0, -90):
        return scanned(f"{degrees_text(columns)}/{degrees_text(rows)}", flags)
    west = (west + 180) % 360 - 180
    outline = "/".join(map(degrees_text, (north, west, south, west + (n_columns - 1) * columns)))
    return scanned(f"{degrees_text(columns)}/{degrees_text(rows)}/{outline}", flags)


def _step(step: float, count: int) -> float:
    """Return an increment that was rounded to its unit: the whole circle's, if it is near it."""
    return 360 / count if abs(step * count - 360) < 1e-3 * count else step


def reduced_ll(edges: Sequence[float], lengths: tuple[int, ...], flags: int) -> str | None:
    """Return the name of a reduced latitude-longitude grid."""
    if flags & ~NORTHWARD or not lengths or max(lengths) == 0:
        return None
    north, west, south, east = in_row_order(edges, flags)
    west = (west + 180) % 360 - 180
    width = (east - west) % 360
    if 360 - width < WHOLE_ROW * 360 / max(lengths):
        width = 360.0
    rows = np.array(lengths[::-1] if flags & NORTHWARD else lengths, np.int64)
    return scanned(reduced_ll_name(north, west, south, west + width, rows), flags)


def gaussian(
    number: int, shape: tuple[int, int], edges: Sequence[float], lengths: tuple[int, ...] | None, flags: int
) -> str | None:
    """Return the name of a Gaussian grid; None for a part of a reduced one."""
    n_columns, n_rows = shape
    if number == 0:
        return None
    if lengths is not None:
        if n_rows != 2 * number or edges[1] != 0 or flags or len(lengths) != n_rows:
            return None
        return reduced_gg_name(number, np.array(lengths, np.int64))
    north, west, south, east = in_row_order(edges, flags)
    if n_rows == 2 * number and n_columns == 4 * number and west == 0:
        return scanned(f"F{number}", flags)
    return scanned(_part(number, n_columns, north, west, south, east), flags)


def _part(number: int, n_columns: int, north: float, west: float, south: float, east: float) -> str | None:
    latitudes = gaussian_latitudes(number)
    north, south = (float(latitudes[np.argmin(abs(latitudes - edge))]) for edge in (north, south))
    west = (west + 180) % 360 - 180
    step = _step((east - west) % 360 / max(n_columns - 1, 1), n_columns) or 90 / number
    outline = map(degrees_text, (step, north, west, south, west + (n_columns - 1) * step))
    return "/".join([f"F{number}", *outline])
