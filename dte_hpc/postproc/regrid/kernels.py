"""Which loops bring values to another grid? Compiled ones; each has a NumPy twin in its test.

Flat loops over arrays, output last, no allocation, no bounds checks (callers have checked sizes and
indices), and the interpreter's lock is free while they run. Indices are unsigned: numba then needs no
test for negative ones, which cost twice the time. A row says how many weights it has in one byte where it
can: offsets of 8 bytes and an inner loop of unknown length took 6.6 ms where this takes 2.7 (O320 to
0.25/0.25, to the same bits; both are bound by memory).
"""

import numba
import numpy as np
from numba import uint64
from numpy.typing import NDArray

from dte_hpc.base.compiled import cache_slot, frozen

numba.config.CACHE_DIR = cache_slot()  # type: ignore[attr-defined]

Floats = NDArray[np.float64] | NDArray[np.float32]
Counts = NDArray[np.uint8] | NDArray[np.uint32]


def warm() -> None:
    """Compile, or load from the cache, what interpolation runs."""
    column, one = np.zeros(1, np.uint32), np.ones(1)
    each: tuple[Counts, ...] = (np.ones(1, np.uint8), np.ones(1, np.uint32))
    for counts in each:
        for kind in (np.float64, np.float32):
            values = frozen(np.ones(1, kind))
            all_finite(values)
            hold(values, np.empty(1))
            weigh(counts, column, one, values, np.empty(1))
            weigh_with_missing(counts, column, one, values, np.empty(1))
        weigh_four(counts, column, one, frozen(np.ones((4, 1))), *np.empty((4, 1)))
        without_missing(counts, column, one, frozen(np.ones(1, bool)), counts, column.copy(), one.copy())
    frame, space = frozen(np.ones((4, 1))), np.empty((3, 1))
    for kind in (np.float64, np.float32):
        to_space(frame, frozen(np.ones(1, kind)), frozen(np.ones(1, kind)), space)
    from_space(frame, frozen(space), np.empty(1), np.empty(1))


def apply_weights(
    counts: Counts,
    indices: NDArray[np.uint32],
    weights: NDArray[np.float64],
    values: Floats,
    out: NDArray[np.float64],
) -> int:
    """Multiply a sparse matrix (rows of weights) with a field; return how many results are missing."""
    chosen = weigh if all_finite(values) else weigh_with_missing
    return int(chosen(counts, indices, weights, values, out))


@numba.njit(nogil=True, cache=True)
def all_finite(values: Floats) -> bool:
    """Whether no value is NaN or infinite. Cost: 0.1 ms for O320."""
    others = 0
    for i in range(values.size):  # no early return: so it is vectorised
        others += values[i] - values[i] != 0
    return others == 0


@numba.njit(nogil=True, cache=True)
def hold(values: Floats, held: NDArray[np.float64]) -> bool:
    """Copy values; return whether all are finite, which costs nothing beside the copy."""
    others = 0
    for i in range(values.size):
        held[i] = values[i]
        others += values[i] - values[i] != 0
    return others == 0


@numba.njit(nogil=True, cache=True)
def to_space(frame: NDArray[np.float64], u: Floats, v: Floats, out: NDArray[np.float64]) -> None:
    """Write x, y and z of vectors u east + v north; NaN where either is. Frame: see `winds.frame_of`."""
    for i in range(uint64(u.size)):
        sine, cosine, height, width = frame[0, i], frame[1, i], frame[2, i], frame[3, i]
        out[0, i] = -sine * u[i] - height * cosine * v[i]
        out[1, i] = cosine * u[i] - height * sine * v[i]
        out[2, i] = width * v[i] + 0.0 * u[i]  # NaN times nothing is NaN: all three miss the same points


@numba.njit(nogil=True, cache=True)
def from_space(
    frame: NDArray[np.float64], xyz: NDArray[np.float64], u: NDArray[np.float64], v: NDArray[np.float64]
) -> None:
    """Write the eastward and northward parts of vectors in space."""
    for i in range(uint64(u.size)):
        sine, cosine, height, width = frame[0, i], frame[1, i], frame[2, i], frame[3, i]
        u[i] = cosine * xyz[1, i] - sine * xyz[0, i]
        v[i] = width * xyz[2, i] - height * (cosine * xyz[0, i] + sine * xyz[1, i])


@numba.njit(nogil=True, cache=True)
def weigh(
    counts: Counts,
    indices: NDArray[np.uint32],
    weights: NDArray[np.float64],
    values: Floats,
    out: NDArray[np.float64],
) -> int:
    """Sum each row's weighted values, all of which are there. A row without weights is missing."""
    n_missing = 0
    k = uint64(0)
    for row in range(uint64(out.size)):
        n = uint64(counts[row])
        if n == 3:  # triangles: nearly every row of linear
            out[row] = (
                weights[k] * values[indices[k]]
                + weights[k + uint64(1)] * values[indices[k + uint64(1)]]
                + weights[k + uint64(2)] * values[indices[k + uint64(2)]]
            )
        else:
            total = 0.0
            for j in range(k, k + n):
                total += weights[j] * values[indices[j]]
            if n == 0:
                total = np.nan
                n_missing += 1
            out[row] = total
        k += n
    return n_missing


@numba.njit(nogil=True, cache=True)
def weigh_four(
    counts: Counts,
    indices: NDArray[np.uint32],
    weights: NDArray[np.float64],
    values: NDArray[np.float64],
    out_0: NDArray[np.float64],
    out_1: NDArray[np.float64],
    out_2: NDArray[np.float64],
    out_3: NDArray[np.float64],
) -> int:
    """Do what `weigh` does for four fields, the rows of `values`; return how many of each are missing."""
    n_missing = 0
    k = uint64(0)
    zero, one, two, three = values[0], values[1], values[2], values[3]
    for row in range(uint64(out_0.size)):
        last = k + uint64(counts[row])
        a = b = c = d = 0.0
        if k == last:
            a = b = c = d = np.nan
            n_missing += 1
        for j in range(k, last):
            index, weight = indices[j], weights[j]
            a += weight * zero[index]
            b += weight * one[index]
            c += weight * two[index]
            d += weight * three[index]
        out_0[row], out_1[row], out_2[row], out_3[row] = a, b, c, d
        k = last
    return n_missing


@numba.njit(nogil=True, cache=True)
def weigh_with_missing(
    counts: Counts,
    indices: NDArray[np.uint32],
    weights: NDArray[np.float64],
    values: Floats,
    out: NDArray[np.float64],
) -> int:
    """Sum each row's weighted values; missing if the heaviest is.

    A row whose inputs are all there is their weighted sum. Where one is NaN: the result is NaN if the
    input of largest weight (the first of equals) is, or all are, or the weights left sum to nothing;
    otherwise the others are weighted anew. Rule: ecmwf/mir, ``src/mir/method/nonlinear/
    MissingIfHeaviestMissing.cc``. A row without weights is missing. Returns how many rows are.
    """
    n_missing = 0
    first = uint64(0)
    for row in range(uint64(out.size)):
        last = first + uint64(counts[row])
        total = 0.0
        for k in range(first, last):
            total += weights[k] * values[indices[k]]
        if total != total or first == last:
            total = _row_with_missing(first, last, indices, weights, values)
            n_missing += total != total
        out[row] = total
        first = last
    return n_missing


@numba.njit(nogil=True, cache=True)
def without_missing(
    counts: Counts,
    indices: NDArray[np.uint32],
    weights: NDArray[np.float64],
    missing: NDArray[np.bool_],
    out_counts: Counts,
    out_indices: NDArray[np.uint32],
    out_weights: NDArray[np.float64],
) -> int:
    """Write the rows that are left when inputs are missing, by the rule of `weigh_with_missing`.

    Returns how many weights that are.
    """
    first = uint64(0)
    end = uint64(0)
    for row in range(uint64(counts.size)):
        last = first + uint64(counts[row])
        left = 0.0
        heaviest = -1.0
        is_missing = True
        n_left = uint64(0)
        for k in range(first, last):
            gone = missing[indices[k]]
            if not gone:
                out_indices[end + n_left] = indices[k]
                out_weights[end + n_left] = weights[k]
                left += weights[k]
                n_left += uint64(1)
            if weights[k] > heaviest:
                heaviest = weights[k]
                is_missing = gone
        if n_left < last - first:
            if is_missing or abs(left) < 1e-15:
                n_left = uint64(0)
            for k in range(end, end + n_left):
                out_weights[k] /= left
        out_counts[row] = n_left
        end += n_left
        first = last
    return int(end)


@numba.njit(nogil=True, cache=True)
def _row_with_missing(
    first: np.uint64,
    last: np.uint64,
    indices: NDArray[np.uint32],
    weights: NDArray[np.float64],
    values: Floats,
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
