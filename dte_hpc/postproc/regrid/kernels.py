"""Which loops bring values to another grid? Compiled ones; each has a NumPy twin in its test.

Flat loops over arrays, output last, no allocation, no bounds checks (callers have checked sizes and
indices), and the interpreter's lock is free while they run. Indices are unsigned: numba then needs no
test for negative ones, which cost twice the time (0.30 against 0.15 ms for O320 to 1/1).
"""

import numba
import numpy as np
from numba import uint64
from numpy.typing import NDArray

from dte_hpc.base.compiled import cache_slot, frozen

numba.config.CACHE_DIR = cache_slot()  # type: ignore[attr-defined]

Floats = NDArray[np.float64] | NDArray[np.float32]


def warm() -> None:
    """Compile, or load from the cache, what interpolation runs."""
    row, column, one = np.array([0, 1]), np.zeros(1, np.uint32), np.ones(1)
    for kind in (np.float64, np.float32):
        apply_weights(row, column, one, frozen(np.ones(1, kind)), np.empty(1))


@numba.njit(nogil=True, cache=True)
def apply_weights(
    indptr: NDArray[np.int64],
    indices: NDArray[np.uint32],
    weights: NDArray[np.float64],
    values: Floats,
    out: NDArray[np.float64],
) -> int:
    """Multiply a sparse matrix (rows of weights) with a field; missing if the heaviest is missing.

    A row whose inputs are all there is their weighted sum. Where one is NaN: the result is NaN if the
    input of largest weight (the first of equals) is, or all are, or the weights left sum to nothing;
    otherwise the others are weighted anew. Rule: ecmwf/mir, ``src/mir/method/nonlinear/
    MissingIfHeaviestMissing.cc``. A row without weights is missing. Returns how many rows are.
    """
    n_missing = 0
    for row in range(out.size):
        first, last = uint64(indptr[row]), uint64(indptr[row + 1])
        total = 0.0
        for k in range(first, last):
            total += weights[k] * values[indices[k]]
        if total != total or first == last:
            total = _row_with_missing(first, last, indices, weights, values)
            n_missing += total != total
        out[row] = total
    return n_missing


@numba.njit(nogil=True, cache=True)
def _row_with_missing(
    first: int, last: int, indices: NDArray[np.uint32], weights: NDArray[np.float64], values: Floats
) -> float:
    total = 0.0
    left = 0.0
    heaviest = -1.0
    heaviest_missing = True
    for k in range(uint64(first), uint64(last)):
        value = values[indices[k]]
        missing = value != value
        if not missing:
            total += weights[k] * value
            left += weights[k]
        if weights[k] > heaviest:
            heaviest = weights[k]
            heaviest_missing = missing
    if heaviest_missing or abs(left) < 1e-15:
        return np.nan
    return total / left
