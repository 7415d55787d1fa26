"""What is a statistic of weighted values, some of them missing?

Along the last axis. A quantile is that of the sample as NumPy has it, and with weights its generalisation:
the k-th smallest value stands at S_k = (k - 1) w_k + (n - 1) (w_1 + ... + w_{k-1}) of S_n, with straight
lines between.
"""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

Float64s = NDArray[np.float64]


def statistic(which: str | float, values: Float64s, weight: Float64s) -> Float64s:
    """Return a statistic of each row.

    Parameters
    ----------
    which : str or float
        A name of `STATISTICS`, or a quantile from 0 to 1.
    values : float64, shape (n, n_values)
        NaN is missing.
    weight : float64, shape (n_values,)

    Returns
    -------
    float64, shape (n,)
        NaN where all values are missing.
    """
    if not isinstance(which, str):
        return _quantile(values, weight, which)
    return STATISTICS[which](values, weight)


def _mean(values: Float64s, weight: Float64s) -> Float64s:
    present = ~np.isnan(values)
    # not a product of matrices: its last bits depend on how many rows there are
    total = np.where(present, weight, 0.0).sum(axis=-1)
    sums = (np.where(present, values, 0.0) * weight).sum(axis=-1)
    mean: Float64s = np.divide(sums, total, out=np.full(len(values), np.nan), where=total > 0)
    return mean


def _std(values: Float64s, weight: Float64s) -> Float64s:
    mean = _mean(values, weight)
    spread: Float64s = np.sqrt(_mean((values - mean[:, None]) ** 2, weight))
    return spread


def _least(values: Float64s, _weight: Float64s) -> Float64s:
    found: Float64s = np.fmin.reduce(values, axis=-1)
    return found


def _greatest(values: Float64s, _weight: Float64s) -> Float64s:
    found: Float64s = np.fmax.reduce(values, axis=-1)
    return found


def _count(values: Float64s, _weight: Float64s) -> Float64s:
    count: Float64s = np.count_nonzero(~np.isnan(values), axis=-1).astype(np.float64)
    return count


def _median(values: Float64s, weight: Float64s) -> Float64s:
    return _quantile(values, weight, 0.5)


def _quantile(values: Float64s, weight: Float64s, share: float) -> Float64s:
    found = np.full(len(values), np.nan)
    for row, line in enumerate(values):
        present = np.flatnonzero(~np.isnan(line))
        if present.size:
            order = present[np.argsort(line[present], kind="stable")]
            heavy = weight[order]
            place = np.arange(order.size) * heavy + (order.size - 1) * (np.cumsum(heavy) - heavy)
            found[row] = np.interp(share * place[-1], place, line[order])
    return found


STATISTICS: dict[str, Callable[[Float64s, Float64s], Float64s]] = {
    "mean": _mean,
    "min": _least,
    "max": _greatest,
    "std": _std,
    "count": _count,
    "median": _median,
}
