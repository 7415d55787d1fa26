"""Where are the points of a polar stereographic grid (GRIB2 template 3.20)?

``polar-stereographic/935x824/10000/10000/18.2/-142.9/-111/60/6371229``: points along x and y, metres between
them, latitude and longitude of the first point, the orientation (LoV), the latitude at which these metres
are true (LaD; negative about the south pole), the figure of the Earth (`earth`), and the scanning mode
unless it is 64.
"""

import math
import re

import numpy as np

from dte_hpc.base.errors import InvalidGrid
from dte_hpc.grids.conformal import isometric, parallel_radius
from dte_hpc.grids.conic import ConicGrid
from dte_hpc.grids.earth import FIGURE, Earth
from dte_hpc.grids.numbers import NUMBER, degrees_text, metres_text, refuse_off_sphere
from dte_hpc.grids.scanned import NORTHWARD, checked_flags

_NAME = re.compile(
    rf"polar-stereographic/(\d{{1,6}})x(\d{{1,6}})((?:/{NUMBER}){{6}})/({FIGURE})(?:/scan/(\d{{1,3}}))?",
    re.IGNORECASE,
)
AT_POLE = 1e-8


def from_name(name: str) -> ConicGrid | None:
    """polar-stereographic/935x824/10000/10000/18.2/-142.9/-111/60/6371229 (points, metres, first latitude/longitude, LoV, LaD, Earth).

    Returns None for a name of another family.
    """  # noqa: E501
    match = _NAME.fullmatch(name.strip())
    if match is None:
        return None
    numbers = [float(number) for number in match[3][1:].split("/")]
    flags = NORTHWARD if match[5] is None else checked_flags(name, int(match[5]))
    return polar_stereographic((int(match[1]), int(match[2])), numbers, Earth.of_text(match[4]), flags)


def polar_stereographic(shape: tuple[int, int], numbers: list[float], earth: Earth, flags: int) -> ConicGrid:
    """Return a polar stereographic grid: columns and rows, the six numbers of its name, Earth, scanning mode.

    Raises
    ------
    InvalidGrid
        When no hemisphere follows from the true latitude, or the grid begins at the other pole.
    """
    step_x, step_y, latitude, longitude, orientation, true_at = numbers
    longitude, orientation = (round((angle + 180) % 360 - 180, 6) for angle in (longitude, orientation))
    facts = [metres_text(step_x), metres_text(step_y)]
    facts += [degrees_text(angle) for angle in (latitude, longitude, orientation, true_at)]
    scan = "" if flags == NORTHWARD else f"/scan/{flags}"
    name = f"polar-stereographic/{shape[0]}x{shape[1]}/{'/'.join(facts)}/{earth.text}{scan}"
    refuse_off_sphere(name, latitudes=(latitude, true_at), longitudes=(longitude, orientation))
    if not true_at:
        raise InvalidGrid(
            f"grid {name} is true on the equator; expected a latitude of a hemisphere", name=name
        )
    sign = 1.0 if true_at > 0 else -1.0
    return ConicGrid(
        name=name,
        kind="polar_stereographic",
        n_columns=shape[0],
        n_rows=shape[1],
        spacing_x=step_x,
        spacing_y=step_y,
        first_latitude=latitude,
        first_longitude=longitude,
        orientation=orientation,
        cone=sign,
        scale_metres=sign * earth.major_metres * _scale(abs(true_at), earth.eccentricity),
        eccentricity=earth.eccentricity,
        flags=flags,
    )


def _scale(true_at: float, eccentricity: float) -> float:
    """Return the radius at which t is 1, in half axes of the Earth (Snyder 1987, 21-33 and 21-34)."""
    if 90 - true_at < AT_POLE:
        e = eccentricity
        return 2 / math.sqrt((1 + e) ** (1 + e) * (1 - e) ** (1 - e))
    at = np.array(true_at)
    return float(parallel_radius(at, eccentricity) / isometric(at, eccentricity))
