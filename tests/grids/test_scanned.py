"""Scanning modes: own order and row order are one another's inverse, and ranges are the same points."""

import numpy as np
import pytest

from dte_hpc.base.errors import InvalidGrid
from dte_hpc.grids import grid
from dte_hpc.grids.spans import expand, once_each

FLAGS = range(16, 256, 16)


@pytest.mark.parametrize("flags", FLAGS)
@pytest.mark.parametrize("base", ["10/10", "2.5/1.5/40/-10/28/20", "F8"])
def test_orders_are_inverse_and_ranges_are_the_points(base, flags):
    found = grid(f"{base}/scan/{flags}")
    every = np.arange(found.n_points)
    np.testing.assert_array_equal(found.to_row_order(found.from_row_order(every)), every)
    np.testing.assert_array_equal(np.sort(found.from_row_order(every)), every)
    start, stop = np.array([0, 7, 40, found.n_points - 9]), np.array([3, 30, 80, found.n_points])
    own = expand(*found.own_ranges(start, stop))[1]
    np.testing.assert_array_equal(np.sort(own), np.sort(found.from_row_order(expand(start, stop)[1])))
    assert found.base_name == grid(base).name


@pytest.mark.parametrize("flags", [64, 128, 192])
def test_rows_of_different_lengths_are_scanned_by_rows(flags):
    found = grid(f"O8/scan/{flags}")
    lat, lon = found.coordinates()
    assert np.all(np.diff(lat) >= 0) == bool(flags & 64)
    assert (lon[1] > lon[0]) != bool(flags & 128)
    every = np.arange(found.n_points)
    np.testing.assert_array_equal(found.to_row_order(found.from_row_order(every)), every)


@pytest.mark.parametrize(
    "name", ["1/1/scan/0", "1/1/scan/8", "O8/scan/32", "H8n/scan/64", "1/1/scan/64/scan/64"]
)
def test_other_scans_are_refused(name):
    with pytest.raises(InvalidGrid):
        grid(name)


@pytest.mark.parametrize("given", [[], [3], [1, 2, 5], [5, 1, 1, 2], [[3, 1], [1, 0]]])
def test_once_each(given):
    given = np.array(given, np.int64)
    np.testing.assert_array_equal(once_each(given), np.unique(given))
