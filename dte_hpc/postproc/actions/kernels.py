"""Which loops bring model levels to pressure levels? Compiled ones; each has a NumPy twin in its test.

Flat loops over arrays, output last, no allocation, and the interpreter's lock is free while they run.
"""

import math

import numba
import numpy as np
from numpy.typing import NDArray

from dte_hpc.base.compiled import cache_slot, frozen

numba.config.CACHE_DIR = cache_slot()  # type: ignore[attr-defined]

Floats = NDArray[np.float64] | NDArray[np.float32]


def warm() -> None:
    """Compile, or load from the cache, what vertical interpolation runs."""
    one = frozen(np.ones(1))
    for kind in (np.float64, np.float32):
        values, out = frozen(np.ones(1, kind)), np.empty((1, 1), kind)
        between(0.5, 0.0, 0.6, 0.0, one, values, values, one, True, out)
        beyond(0.5, 0.0, one, values, one, True, out)


@numba.njit(nogil=True, cache=True)
def between(
    a_above: float,
    b_above: float,
    a_below: float,
    b_below: float,
    surface: NDArray[np.float64],
    above: Floats,
    below: Floats,
    targets: NDArray[np.float64],
    logarithmic: bool,
    out: Floats,
) -> None:
    """Interpolate between two levels, where a target lies between their pressures; elsewhere out stays.

    The pressure of a level is a + b times the pressure at the surface. Linear in the pressure's logarithm,
    or in the pressure. `out` has shape (n_targets, n_points).
    """
    for i in range(surface.size):
        top = a_above + b_above * surface[i]
        bottom = a_below + b_below * surface[i]
        for t in range(targets.size):
            target = targets[t]
            if top <= target and target <= bottom:
                if logarithmic:
                    share = math.log(target / top) / math.log(bottom / top)
                else:
                    share = (target - top) / (bottom - top)
                out[t, i] = above[i] + share * (below[i] - above[i])


@numba.njit(nogil=True, cache=True)
def beyond(
    a: float,
    b: float,
    surface: NDArray[np.float64],
    values: Floats,
    targets: NDArray[np.float64],
    upwards: bool,
    out: Floats,
) -> None:
    """Put a level's values where a target lies above it (or below it)."""
    for i in range(surface.size):
        pressure = a + b * surface[i]
        for t in range(targets.size):
            if (upwards and targets[t] < pressure) or (not upwards and targets[t] > pressure):
                out[t, i] = values[i]
