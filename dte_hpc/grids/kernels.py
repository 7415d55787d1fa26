"""Which point of a tree of boxes is nearest to a place?

The tree is that of `sphere_index`: a heap of boxes in x, y and z over leaves of a few points each. A place
descends into the nearer child first and passes over every box that is farther than the best point so far.
"""

import numba
import numpy as np
from numpy.typing import NDArray

from dte_hpc.base.compiled import cache_slot

numba.config.CACHE_DIR = cache_slot()  # type: ignore[attr-defined]

STACK = 128
TIE = 1e-12
FLOOR = 1e-30
BEYOND = 5.0  # more than the square of the sphere's diameter

F64 = NDArray[np.float64]
I64 = NDArray[np.int64]

_kernel = numba.njit(cache=True, nogil=True, error_model="numpy")


@_kernel
def box_distance(low: F64, high: F64, node: int, x: float, y: float, z: float) -> float:
    """Return the squared distance from a place to a box; 0 inside."""
    a = max(low[node, 0] - x, 0.0, x - high[node, 0])
    b = max(low[node, 1] - y, 0.0, y - high[node, 1])
    c = max(low[node, 2] - z, 0.0, z - high[node, 2])
    return float(a * a + b * b + c * c)


@_kernel
def push_children(
    low: F64, high: F64, node: int, x: float, y: float, z: float, stack: I64, far: F64, top: int
) -> None:
    """Put the two children of a node on the stack, the nearer one last, so that it is looked at first."""
    left = box_distance(low, high, 2 * node, x, y, z)
    right = box_distance(low, high, 2 * node + 1, x, y, z)
    near_first = left <= right
    stack[top] = 2 * node + 1 if near_first else 2 * node
    far[top] = right if near_first else left
    stack[top + 1] = 2 * node if near_first else 2 * node + 1
    far[top + 1] = left if near_first else right


@_kernel
def nearest_points(
    vectors: F64, order: I64, low: F64, high: F64, leaf_size: int, places: F64, nearest: I64
) -> None:
    """Find the point nearest to each place; of equally far ones (to one part in 10^12) the first.

    vectors, order: of each point in the order of the leaves. low, high: box of each node of the heap, whose
    root is node 1; its second half are the leaves.
    """
    n_leaves = low.shape[0] // 2
    n_points = vectors.shape[0]
    stack = np.empty(STACK, np.int64)
    far = np.empty(STACK, np.float64)
    for i in range(places.shape[0]):
        x, y, z = places[i, 0], places[i, 1], places[i, 2]
        best = BEYOND
        found = np.int64(-1)
        stack[0], far[0], top = 1, box_distance(low, high, 1, x, y, z), 1
        while top:
            top -= 1
            node = stack[top]
            if far[top] > best * (1 + TIE) + FLOOR:
                continue
            if node >= n_leaves:
                begin = (node - n_leaves) * leaf_size
                for k in range(begin, min(begin + leaf_size, n_points)):
                    a, b, c = vectors[k, 0] - x, vectors[k, 1] - y, vectors[k, 2] - z
                    distance = a * a + b * b + c * c
                    margin = best * TIE + FLOOR
                    if distance < best - margin or (distance <= best + margin and order[k] < found):
                        best = min(best, distance)
                        found = order[k]
                continue
            push_children(low, high, node, x, y, z, stack, far, top)
            top += 2
        nearest[i] = found


@_kernel
def _insert(best: F64, nearest: I64, distance: float, point: int) -> None:
    """Put a point in its place among the nearest so far, if it is nearer than the last of them."""
    at = best.size
    while at and (distance < best[at - 1] or (distance == best[at - 1] and point < nearest[at - 1])):
        at -= 1
        if at + 1 < best.size:
            best[at + 1], nearest[at + 1] = best[at], nearest[at]
    if at < best.size:
        best[at], nearest[at] = distance, point


@_kernel
def nearest_k_points(
    vectors: F64, order: I64, low: F64, high: F64, leaf_size: int, places: F64, nearest: I64
) -> None:
    """Find the k points nearest to each place, nearest first; of equally far ones the first first.

    As `nearest_points`, but for nearest: of each place a row of k, at most the number of points.
    """
    n_leaves = low.shape[0] // 2
    n_points, k = vectors.shape[0], nearest.shape[1]
    stack = np.empty(STACK, np.int64)
    far = np.empty(STACK, np.float64)
    best = np.empty(k, np.float64)
    for i in range(places.shape[0]):
        x, y, z = places[i, 0], places[i, 1], places[i, 2]
        best[:] = BEYOND
        nearest[i] = n_points
        stack[0], far[0], top = 1, box_distance(low, high, 1, x, y, z), 1
        while top:
            top -= 1
            node = stack[top]
            if far[top] > best[k - 1] * (1 + TIE) + FLOOR:
                continue
            if node >= n_leaves:
                begin = (node - n_leaves) * leaf_size
                for p in range(begin, min(begin + leaf_size, n_points)):
                    a, b, c = vectors[p, 0] - x, vectors[p, 1] - y, vectors[p, 2] - z
                    _insert(best, nearest[i], a * a + b * b + c * c, order[p])
                continue
            push_children(low, high, node, x, y, z, stack, far, top)
            top += 2
