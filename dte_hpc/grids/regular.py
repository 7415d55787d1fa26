"""Where are the points of a regular latitude-longitude grid, global or local?

Names are increments, then perhaps the area as north/west/south/east: ``1/1``,
``0.25/0.25/58/-10/50/2``. Numbers of a name are taken to a millionth of a degree, which is what GRIB2 can
say; rows and columns are then spread evenly over the area, so that a third of a degree is one.
"""

import re

import numpy as np

from dte_hpc.base.errors import InvalidGrid
from dte_hpc.grids.numbers import degrees_text
from dte_hpc.grids.protocol import MAX_POINTS
from dte_hpc.grids.rows import MAX_ROWS, RowGrid

RESOLUTION = 1e-6
_NUMBER = r"[+-]?(?:\d{1,3}(?:\.\d{0,12})?|\.\d{1,12})"
_NAME = re.compile(rf"{_NUMBER}/{_NUMBER}(?:/{_NUMBER}/{_NUMBER}/{_NUMBER}/{_NUMBER})?")
_GLOBAL = (90.0, 0.0, -90.0)


def from_name(name: str) -> RowGrid | None:
    """1/1 (degrees east/degrees north, global from 90 to -90 and 0 to 360), 0.25/0.25/58/-10/50/2 (with north/west/south/east): regular grids.

    Returns None for a name of another family.
    """  # noqa: E501
    if not _NAME.fullmatch(name.strip()):
        return None
    numbers = [float(text) for text in name.strip().split("/")]
    east_step, north_step = numbers[:2]
    if min(east_step, north_step) < 1e-3:
        raise InvalidGrid(
            f"grid {name!r} has increments {east_step}/{north_step}; expected at least 0.001 degrees",
            name=name,
        )
    area = numbers[2:] or [*_GLOBAL, 360 - 360 / round(360 / east_step)]
    return _from_area(name, east_step, north_step, *area)


def _from_area(
    name: str, east_step: float, north_step: float, north: float, west: float, south: float, east: float
) -> RowGrid:
    if not (-90 <= south <= north <= 90 and -360 <= west <= 360 and -360 <= east <= 360):
        raise InvalidGrid(
            f"grid {name!r} has the area {north}/{west}/{south}/{east}; "
            "expected north/west/south/east in degrees",
            name=name,
        )
    if east < west:
        east += 360
    n_rows = _count(name, "north to south", north - south, north_step)
    n_columns = _count(name, "west to east", east - west, east_step)
    if n_rows > MAX_ROWS or n_rows * n_columns > MAX_POINTS:
        raise InvalidGrid(f"grid {name!r} has {n_rows} rows of {n_columns} points; too many", name=name)
    spacing = (east - west) / (n_columns - 1) if n_columns > 1 else east_step
    wraps = abs(n_columns * spacing - 360) < RESOLUTION * n_columns
    if n_columns * spacing > 360 + RESOLUTION * n_columns:
        raise InvalidGrid(
            f"grid {name!r} has rows longer than the circle: {n_columns} times {spacing}", name=name
        )
    return RowGrid(
        name=_canonical(east_step, north_step, north, west, south, east, wraps),
        kind="regular_ll",
        latitudes=np.linspace(north, south, n_rows),
        row_start=np.arange(n_rows + 1, dtype=np.int64) * n_columns,
        first_longitude=np.full(n_rows, west),
        spacing=np.full(n_rows, 360.0 / n_columns if wraps else spacing),
        wraps=wraps,
    )


def _count(name: str, direction: str, extent: float, step: float) -> int:
    gaps = round(extent / step)
    if abs(gaps * step - extent) > RESOLUTION * max(gaps, 1):
        raise InvalidGrid(
            f"grid {name!r} spans {extent:g} degrees from {direction}, which {step:g} does not divide",
            name=name,
        )
    return gaps + 1


def _canonical(
    east_step: float, north_step: float, north: float, west: float, south: float, east: float, wraps: bool
) -> str:
    steps = f"{degrees_text(east_step)}/{degrees_text(north_step)}"
    if wraps and (north, west, south) == _GLOBAL:
        return steps
    return f"{steps}/{degrees_text(north)}/{degrees_text(west)}/{degrees_text(south)}/{degrees_text(east)}"
