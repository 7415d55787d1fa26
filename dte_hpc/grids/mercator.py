"""Where are the points of a Mercator grid (GRIB2 template 3.10)?

``mercator/400x300/10000/10000/-20/100/0/6371229``: points along x and y, metres between them, latitude and
longitude of the southwestern point, the latitude at which these metres are true (LaD), and the figure of the
Earth (`earth`). Meridians are parallel to y, so that its rows are circles of latitude.
"""

import re

import numpy as np

from dte_hpc.base.errors import InvalidGrid
from dte_hpc.grids.conformal import isometric, latitude_of, parallel_radius
from dte_hpc.grids.earth import FIGURE, Earth
from dte_hpc.grids.numbers import NUMBER, degrees_text, metres_text, refuse_off_sphere
from dte_hpc.grids.rows import RowGrid

_NAME = re.compile(rf"mercator/(\d{{1,6}})x(\d{{1,6}})((?:/{NUMBER}){{5}})/({FIGURE})", re.IGNORECASE)
MAX_SIDE = 65_536


def from_name(name: str) -> RowGrid | None:
    """mercator/400x300/10000/10000/-20/100/0/6371229 (points, metres, southwestern latitude/longitude, LaD, Earth).

    Returns None for a name of another family.
    """  # noqa: E501
    match = _NAME.fullmatch(name.strip())
    if match is None:
        return None
    numbers = [float(number) for number in match[3][1:].split("/")]
    return mercator((int(match[1]), int(match[2])), numbers, Earth.of_text(match[4]))


def mercator(shape: tuple[int, int], numbers: list[float], earth: Earth) -> RowGrid:
    """Return a Mercator grid: columns and rows, the five numbers of its name in turn, and the Earth.

    Raises
    ------
    InvalidGrid
        When its rows are longer than the circle, or it touches a pole.
    """
    step_x, step_y, latitude, longitude, true_at = numbers
    longitude = round((longitude + 180) % 360 - 180, 6)
    facts = [metres_text(step_x), metres_text(step_y)]
    facts += [degrees_text(angle) for angle in (latitude, longitude, true_at)]
    name = f"mercator/{shape[0]}x{shape[1]}/{'/'.join(facts)}/{earth.text}"
    refuse_off_sphere(name, latitudes=(latitude, true_at), longitudes=(longitude,))
    n_columns, n_rows = shape
    if not (0 < n_columns <= MAX_SIDE and 0 < n_rows <= MAX_SIDE and min(step_x, step_y) > 0):
        raise InvalidGrid(f"grid {name} has no points, or more than {MAX_SIDE} a side", name=name)
    if max(abs(latitude), abs(true_at)) > 89.99:
        raise InvalidGrid(f"grid {name} touches a pole, where Mercator's projection has no points", name=name)
    radius = earth.major_metres * float(parallel_radius(np.array(true_at), earth.eccentricity))
    spacing = float(np.degrees(step_x / radius))
    if n_columns * spacing > 360 + spacing / 2:
        raise InvalidGrid(f"grid {name} has rows longer than the circle", name=name)
    wraps = abs(n_columns * spacing - 360) < 1e-6 * n_columns
    up = -np.log(isometric(np.array(latitude), earth.eccentricity)) + step_y / radius * np.arange(n_rows)
    return RowGrid(
        name=name,
        kind="mercator",
        latitudes=latitude_of(np.exp(-up[::-1]), earth.eccentricity),
        row_start=np.arange(n_rows + 1, dtype=np.int64) * n_columns,
        first_longitude=np.full(n_rows, longitude),
        spacing=np.full(n_rows, 360 / n_columns if wraps else spacing),
        wraps=wraps,
    )
