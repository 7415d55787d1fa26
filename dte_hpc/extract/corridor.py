"""Which points of a grid lie within a distance of a path of great circles?

Circles along the path, wide enough to cover it, give the points that may; their distances from the great
circle say which do.
"""

import itertools

import numpy as np
from numpy.typing import NDArray

from dte_hpc.extract.great_circle import (
    along_great_circles,
    angle_between,
    angle_to_arc,
    places_of,
    unit_vectors,
)
from dte_hpc.extract.shapes import EARTH_RADIUS_KM, Circle, Corridor, Float64s

LEAST_SPACING_KM = (
    50.0  # narrower corridors are covered by circles of this size: some dozen points each at O1280
)
WIDER = 1.001
TOLERANCE_KM = 1e-6


def covering(corridor: Corridor) -> list[tuple[tuple[Float64s, Float64s], list[Circle]]]:
    """Return the ends of each of the corridor's arcs, as unit vectors, and circles that cover it.

    Raises
    ------
    InvalidRequest
        When two nodes in turn are antipodes.
    """
    along_great_circles(corridor.points)  # refuses antipodes
    nodes = unit_vectors(corridor.points[:, 0], corridor.points[:, 1])
    spacing_km = max(corridor.radius_km, LEAST_SPACING_KM)
    radius_km = min(WIDER * (corridor.radius_km + spacing_km / 2), np.pi * EARTH_RADIUS_KM)
    arcs = []
    for first, last in itertools.pairwise(nodes):
        angle = float(angle_between(first, last))
        count = max(int(np.ceil(angle * EARTH_RADIUS_KM / spacing_km)), 1)
        share = (np.arange(count) + 0.5)[:, None] / count
        between = (
            np.sin((1 - share) * angle) * first + np.sin(share * angle) * last if angle > 0 else first[None]
        )
        latitude, longitude = places_of(between)
        circles = [
            Circle(centre=centre, radius=radius_km, metric="km")
            for centre in zip(latitude.tolist(), longitude.tolist(), strict=True)
        ]
        arcs.append(((first, last), circles))
    return arcs


def within(
    corridor: Corridor, arc: tuple[Float64s, Float64s], latitude: Float64s, longitude: Float64s
) -> NDArray[np.bool_]:
    """Return whether places lie within the corridor's distance of one of its arcs."""
    reach = (corridor.radius_km + TOLERANCE_KM) / EARTH_RADIUS_KM
    return angle_to_arc(unit_vectors(latitude, longitude), *arc) <= reach
