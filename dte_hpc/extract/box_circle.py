"""Which strips of a grid's rows lie in a box or a circle? One strip a row, in closed form."""

import numpy as np

from dte_hpc.extract.shapes import EARTH_RADIUS_KM, Box, Circle
from dte_hpc.extract.strips import Float64s, Rows, Strips, rows_between
from dte_hpc.grids.spans import TOLERANCE


def box_strips(box: Box, rows: Rows) -> Strips:
    """Return the strips of a box: costs a few bytes a row touched."""
    row = rows_between(rows, box.south, box.north)
    return Strips(row=row, west=np.full(row.size, box.west), east=np.full(row.size, eastern_edge(box)))


def eastern_edge(box: Box) -> float:
    """Return the longitude of a box's eastern edge, not less than the western one."""
    if box.east >= box.west:
        return box.east
    return float(box.east + 360.0 * max(np.ceil((box.west - box.east) / 360.0), 1.0))


def circle_strips(circle: Circle, rows: Rows) -> Strips:
    """Return the strips of a circle, of either metric."""
    latitude, longitude = circle.centre
    reach = circle.radii[0] if circle.metric == "degrees" else np.degrees(circle.radii[0] / EARTH_RADIUS_KM)
    row = rows_between(rows, latitude - reach, latitude + reach)
    half = (_half_width_plane if circle.metric == "degrees" else _half_width_sphere)(
        circle, rows.latitudes[row]
    )
    kept = ~np.isnan(half)
    return Strips(row=row[kept], west=longitude - half[kept], east=longitude + half[kept])


def _half_width_plane(circle: Circle, latitudes: Float64s) -> Float64s:
    north, east = (radius + TOLERANCE for radius in circle.radii)
    share = 1 - ((latitudes - circle.centre[0]) / north) ** 2
    return np.sqrt(share, out=np.full_like(share, np.nan), where=share >= 0) * east


def _half_width_sphere(circle: Circle, latitudes: Float64s) -> Float64s:
    """Solve hav d = hav Δφ + cos φ cos φ' hav Δλ for Δλ, on each row."""
    angle = circle.radii[0] / EARTH_RADIUS_KM + np.radians(TOLERANCE)
    hav_angle = np.sin(np.minimum(angle, np.pi) / 2) ** 2
    left = hav_angle - np.sin(np.radians(latitudes - circle.centre[0]) / 2) ** 2
    scale = np.cos(np.radians(latitudes)) * np.cos(np.radians(circle.centre[0]))
    share = np.divide(left, scale, out=np.full_like(left, 2.0), where=scale > 1e-15)
    half = np.degrees(2 * np.arcsin(np.sqrt(np.clip(share, 0, 1))))
    return np.where(left < 0, np.nan, np.where(share >= 1, 360.0, half))
