"""Where are the points of a Lambert conformal grid (GRIB2 template 3.30)?

``lambert/1500x1300/2500/2500/37.5/-12/2/46.5/46.5/6371229``: points along x and y, metres between them,
latitude and longitude of the first point, the orientation (LoV), the two latitudes at which the cone cuts
the Earth (Latin1, Latin2), the figure of the Earth (`earth`), and the scanning mode unless it is 64 (from
south to north).
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
    rf"lambert/(\d{{1,6}})x(\d{{1,6}})((?:/{NUMBER}){{7}})/({FIGURE})(?:/scan/(\d{{1,3}}))?", re.IGNORECASE
)
SAME = 1e-9


def from_name(name: str) -> ConicGrid | None:
    """lambert/1500x1300/2500/2500/37.5/-12/2/46.5/46.5/6371229 (points, metres, first latitude/longitude, LoV, Latin1, Latin2, Earth): Lambert conformal.

    Returns None for a name of another family.
    """  # noqa: E501
    match = _NAME.fullmatch(name.strip())
    if match is None:
        return None
    numbers = [float(number) for number in match[3][1:].split("/")]
    flags = NORTHWARD if match[5] is None else checked_flags(name, int(match[5]))
    return lambert((int(match[1]), int(match[2])), numbers, Earth.of_text(match[4]), flags)


def lambert(shape: tuple[int, int], numbers: list[float], earth: Earth, flags: int) -> ConicGrid:
    """Return a Lambert grid: columns and rows, the seven numbers of its name, Earth and scanning mode.

    Raises
    ------
    InvalidGrid
        When its two latitudes make no cone, or the grid reaches the other pole.
    """
    step_x, step_y, latitude, longitude, orientation, cut_a, cut_b = numbers
    longitude, orientation = (round((angle + 180) % 360 - 180, 6) for angle in (longitude, orientation))
    facts = [metres_text(step_x), metres_text(step_y)]
    facts += [degrees_text(angle) for angle in (latitude, longitude, orientation, cut_a, cut_b)]
    scan = "" if flags == NORTHWARD else f"/scan/{flags}"
    name = f"lambert/{shape[0]}x{shape[1]}/{'/'.join(facts)}/{earth.text}{scan}"
    refuse_off_sphere(name, latitudes=(latitude, cut_a, cut_b), longitudes=(longitude, orientation))
    if max(abs(cut_a), abs(cut_b)) > 89.999 or abs(cut_a + cut_b) < 1e-6:
        raise InvalidGrid(
            f"grid {name} cuts the Earth at {cut_a:g} and {cut_b:g} degrees, which makes no cone; "
            "expected two latitudes off the poles and not opposite",
            name=name,
        )
    cone, scale = _cone(cut_a, cut_b, earth.eccentricity)
    return ConicGrid(
        name=name,
        kind="lambert",
        n_columns=shape[0],
        n_rows=shape[1],
        spacing_x=step_x,
        spacing_y=step_y,
        first_latitude=latitude,
        first_longitude=longitude,
        orientation=orientation,
        cone=cone,
        scale_metres=earth.major_metres * scale,
        eccentricity=earth.eccentricity,
        flags=flags,
    )


def _cone(cut_a: float, cut_b: float, eccentricity: float) -> tuple[float, float]:
    """Return n and the scale of the cone through two latitudes (Snyder 1987, 15-8 and 15-10)."""
    cuts = np.array([cut_a, cut_b])
    (m_a, m_b), (t_a, t_b) = (of(cuts, eccentricity).tolist() for of in (parallel_radius, isometric))
    if abs(cut_a - cut_b) < SAME:
        cone = math.sin(math.radians(cut_a))
    else:
        cone = math.log(m_a / m_b) / math.log(t_a / t_b)
    return cone, m_a / (cone * t_a**cone)
