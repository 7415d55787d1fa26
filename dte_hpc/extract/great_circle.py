"""Where does the shortest way between two places run?

A great circle is cut into lines that are straight in degrees, by halving until none strays from it. Distances
of points from a great circle are taken with unit vectors, which have neither seam nor pole.
"""

import numpy as np
from numpy.typing import NDArray

from dte_hpc.base.errors import InvalidRequest

Float64s = NDArray[np.float64]
Int64s = NDArray[np.int64]

STRAY_DEGREES = 1e-3
LONGEST_DEGREES = 5.0
MAX_NODES = 1_000_000
_QUARTERS = np.array([0.25, 0.5, 0.75])
_HALVINGS = 40


def unit_vectors(latitude: Float64s, longitude: Float64s) -> Float64s:
    """Return the places as unit vectors: float64, shape (..., 3)."""
    lat, lon = np.radians(latitude), np.radians(longitude)
    return np.stack([np.cos(lat) * np.cos(lon), np.cos(lat) * np.sin(lon), np.sin(lat)], axis=-1)


def places_of(vectors: Float64s) -> tuple[Float64s, Float64s]:
    """Return latitude and longitude, in degrees, of unit vectors."""
    x, y, z = np.moveaxis(vectors, -1, 0)
    return np.degrees(np.arctan2(z, np.hypot(x, y))), np.degrees(np.arctan2(y, x))


def angle_between(first: Float64s, second: Float64s) -> Float64s:
    """Return the angle between unit vectors in radians; exact for small ones too."""
    apart = np.linalg.norm(first - second, axis=-1)
    together = np.linalg.norm(first + second, axis=-1)
    angle: Float64s = 2 * np.arctan2(apart, together)
    return angle


def along_great_circles(points: Float64s) -> Float64s:
    """Return a path with as many nodes more as make straight lines in degrees follow its great circles.

    Parameters
    ----------
    points : float64, shape (n, n_axes)
        Latitude, longitude, and other axes, which change evenly along each great circle.

    Raises
    ------
    InvalidRequest
        When two nodes in turn are antipodes.
    """
    if len(points) < 2:
        return points
    nodes = unit_vectors(points[:, 0], points[:, 1])
    angle = angle_between(nodes[:-1], nodes[1:])
    if (angle > np.pi - 1e-9).any():
        at = int(np.argmax(angle))
        raise InvalidRequest(
            f"a path runs from {points[at, :2].tolist()} to its antipode; expected a node between the two, "
            "for every great circle through one passes the other"
        )
    segment, start = _cut(nodes, angle)
    latitude, longitude = places_of(_between(nodes, angle, segment, start))
    share = start[:, None]
    others = points[segment, 2:] * (1 - share) + points[segment + 1, 2:] * share
    dense = np.column_stack([latitude, longitude, others])
    dense[start == 0] = points[segment[start == 0]]
    return np.concatenate([dense, points[-1:]])


def _cut(nodes: Float64s, angle: Float64s) -> tuple[Int64s, Float64s]:
    """Return the segment of each piece and the share of it at which the piece starts, in order."""
    count = np.maximum(np.ceil(np.degrees(angle) / LONGEST_DEGREES), 1).astype(np.int64)
    segment = np.repeat(np.arange(angle.size), count)
    number = np.arange(segment.size) - np.repeat(np.cumsum(count) - count, count)
    start, stop = number / count[segment], (number + 1) / count[segment]
    done: list[tuple[Int64s, Float64s]] = []
    for _ in range(_HALVINGS):
        strays = _strays(nodes, angle, segment, start, stop)
        done.append((segment[~strays], start[~strays]))
        segment, start, stop = segment[strays], start[strays], stop[strays]
        if not segment.size or segment.size > MAX_NODES:
            break
        middle = (start + stop) / 2
        segment = np.concatenate([segment, segment])
        start, stop = np.concatenate([start, middle]), np.concatenate([middle, stop])
    done.append((segment, start))
    pieces, starts = (np.concatenate(columns) for columns in zip(*done, strict=True))
    order = np.lexsort((starts, pieces))
    return pieces[order], starts[order]


def _strays(
    nodes: Float64s, angle: Float64s, segment: Int64s, start: Float64s, stop: Float64s
) -> NDArray[np.bool_]:
    """Return which pieces, drawn straight in degrees, stray from their great circle."""
    first, last = (places_of(_between(nodes, angle, segment, at)) for at in (start, stop))
    east = last[1] - first[1]
    east = east - 360 * np.round(east / 360)
    farthest = np.zeros(segment.size)
    for share in _QUARTERS.tolist():
        straight = unit_vectors(first[0] + share * (last[0] - first[0]), first[1] + share * east)
        true = _between(nodes, angle, segment, start + share * (stop - start))
        farthest = np.maximum(farthest, angle_between(straight, true))
    return np.degrees(farthest) > STRAY_DEGREES


def _between(nodes: Float64s, angle: Float64s, segment: Int64s, share: Float64s) -> Float64s:
    """Return the unit vectors at shares of the way along great circles."""
    whole = angle[segment]
    scale = np.where(whole > 0, np.sin(whole), 1.0)
    near = np.where(whole > 0, np.sin((1 - share) * whole) / scale, 1.0)
    far = np.where(whole > 0, np.sin(share * whole) / scale, 0.0)
    vectors = near[:, None] * nodes[segment] + far[:, None] * nodes[segment + 1]
    result: Float64s = vectors / np.linalg.norm(vectors, axis=-1, keepdims=True)
    return result


def angle_to_arc(points: Float64s, first: Float64s, last: Float64s) -> Float64s:
    """Return how far points are from the arc between two places, radians.

    Parameters
    ----------
    points : float64, shape (n, 3)
    first, last : float64, shape (3,)
        Unit vectors, not antipodes.
    """
    ends = np.minimum(angle_between(points, first), angle_between(points, last))
    normal = np.cross(first, last)
    length = float(np.linalg.norm(normal))
    if length < 1e-12:
        return ends
    normal = normal / length
    beside = (points @ np.cross(normal, first) >= 0) & (points @ np.cross(last, normal) >= 0)
    across = np.abs(np.arcsin(np.clip(points @ normal, -1, 1)))
    return np.where(beside, across, ends)
