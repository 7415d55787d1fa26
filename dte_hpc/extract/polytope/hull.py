"""Which half-spaces hold the convex hull of some points?

In two dimensions by the monotone chain; in more by the double description method (Motzkin et al. 1953; as
Fukuda and Prodon 1996 tell it, doi 10.1007/3-540-61576-8_77): the half-spaces a·x <= b that hold all points
are a cone of (b, a), which is cut by one point after another; its extreme rays at the end are the facets.
A hull that is flat has its own plane as two half-spaces, and is taken in that plane.
"""

import numpy as np
from numpy.typing import NDArray

from dte_hpc.extract.polytope.errors import PolytopeError

Float64s = NDArray[np.float64]
Bools = NDArray[np.bool_]

FLAT = 1e-11  # of the hull's size: thinner than this is flat
NEAR = 1e-10
ROUNDING = 32 * float(np.finfo(np.float64).eps)  # of a coordinate, in units of itself
MAX_CORNERS = 1024
MAX_WORK = 1 << 26


def half_spaces(points: Float64s) -> tuple[Float64s, Float64s]:
    """Return a and b of the half-spaces a·x <= b whose intersection is the hull of some points.

    Parameters
    ----------
    points : float64, shape (n, d)

    Returns
    -------
    a : float64, shape (m, d)
        Of length one, after each axis has been scaled to the hull's extent.
    b : float64, shape (m,)

    Raises
    ------
    PolytopeError
        When a hull of three or more dimensions has too many facets to be found one by one.
    """
    centre, size = points.mean(axis=0), np.abs(points).max(axis=0)
    reach = np.abs(points - centre).max(axis=0)
    scale = np.where(reach > FLAT * size, reach, 1.0)
    noise = ROUNDING * float(np.max(size / scale))
    unit = np.unique((points - centre) / scale, axis=0)
    _, sizes, directions = np.linalg.svd(unit, full_matrices=True)
    n_full = int(np.sum(sizes > max(FLAT, noise) * len(unit) ** 0.5))
    own, across = directions[:n_full], directions[n_full:]
    a, b = _full(unit @ own.T, max(NEAR, noise)) if n_full else (np.empty((0, 0)), np.empty(0))
    a = np.concatenate([a @ own, across, -across])
    b = np.concatenate([b, np.zeros(2 * len(across))])
    return a / scale, b + (a / scale) @ centre


def _full(points: Float64s, near: float) -> tuple[Float64s, Float64s]:
    """Return the half-spaces of points that are not all in one plane."""
    if points.shape[1] == 1:
        return np.array([[1.0], [-1.0]]), np.array([points.max(), -points.min()])
    if points.shape[1] == 2:
        return _edges(_chain(points))
    rays = _facets(points, near)
    return -rays[:, 1:], rays[:, 0]


def _chain(points: Float64s) -> Float64s:
    """Return the corners of a plane hull, counter-clockwise."""
    ordered = points[np.lexsort(points.T[::-1])].tolist()
    sides = []
    for run in (ordered, ordered[::-1]):
        side: list[list[float]] = []
        for point in run:
            while len(side) > 1 and _turn(side[-2], side[-1], point) <= 0:
                side.pop()
            side.append(point)
        sides += side[:-1]
    return np.array(sides)


def _turn(a: list[float], b: list[float], c: list[float]) -> float:
    return (b[0] - a[0]) * (c[1] - a[1]) - (b[1] - a[1]) * (c[0] - a[0])


def _edges(corners: Float64s) -> tuple[Float64s, Float64s]:
    along = np.roll(corners, -1, axis=0) - corners
    normal = np.stack([along[:, 1], -along[:, 0]], axis=1)
    normal /= np.hypot(*normal.T)[:, None]
    return normal, np.sum(normal * corners, axis=1)


def _facets(points: Float64s, near: float) -> Float64s:
    """Return the extreme rays (b, -a) of the cone of half-spaces b + (-a)·x >= 0."""
    if len(points) > MAX_CORNERS:
        raise PolytopeError(
            f"a convex hull in {points.shape[1]} dimensions has {len(points)} corners; "
            f"expected {MAX_CORNERS} or fewer"
        )
    rows = np.concatenate([np.ones((len(points), 1)), points], axis=1)
    first = _independent(rows)
    rest = np.setdiff1d(np.arange(len(rows)), first)
    order = np.concatenate([first, rest[np.argsort(-np.square(points[rest]).sum(axis=1), kind="stable")]])
    rays = np.linalg.inv(rows[first]).T
    for done in range(first.size, order.size):
        rays = _cut(_normal(rays), rows[order[:done]], rows[order[done]], near)
    return _normal(rays)


def _normal(rays: Float64s) -> Float64s:
    lengths: Float64s = np.linalg.norm(rays[:, 1:], axis=1)
    return rays / lengths[:, None]


def _independent(rows: Float64s) -> NDArray[np.int64]:
    """Return as many rows as there are columns that span them all, the farthest first."""
    left, chosen = rows.copy(), []
    for _ in range(rows.shape[1]):
        at = int(np.argmax(np.square(left).sum(axis=1)))
        chosen.append(at)
        direction = left[at] / np.linalg.norm(left[at])
        left -= np.outer(left @ direction, direction)
    return np.array(chosen)


def _cut(rays: Float64s, before: Float64s, row: Float64s, near: float) -> Float64s:
    """Return the extreme rays of the cone cut by one more point."""
    side = rays @ row
    out, inside = np.flatnonzero(side < -near), np.flatnonzero(side > near)
    if not out.size:
        return rays
    kept = rays[side >= -near]
    touches = np.abs(rays @ before.T) <= near
    if out.size * inside.size * (len(rays) + len(before)) > MAX_WORK:
        raise PolytopeError(
            f"a convex hull in {rays.shape[1] - 1} dimensions has {len(rays)} facets or more; expected fewer"
        )
    a, b = _neighbours(touches, inside, out, rays.shape[1] - 2)
    return np.concatenate([kept, side[a, None] * rays[b] - side[b, None] * rays[a]])


def _neighbours(
    touches: Bools, inside: NDArray[np.int64], out: NDArray[np.int64], least: int
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return the pairs of rays that share an edge of the cone: no third touches all the points both touch."""
    a, b = (side.ravel() for side in np.meshgrid(inside, out, indexing="ij"))
    both = touches[a] & touches[b]
    count = both.sum(axis=1)
    enough = count >= least
    a, b, both, count = a[enough], b[enough], both[enough], count[enough]
    shared = both.astype(np.float32) @ touches.T.astype(np.float32)
    alone = (shared == count[:, None]).sum(axis=1) == 2
    return a[alone], b[alone]
