"""Datacubes with a value that says which point it is of."""

import itertools

import numpy as np
import pytest

xarray = pytest.importorskip("xarray")


@pytest.fixture(scope="session")
def cube():
    """Return a function from axes' values to a DataArray of their running numbers."""

    def make(**axes):
        shape = [len(values) for values in axes.values()]
        numbers = np.arange(int(np.prod(shape)), dtype=float).reshape(shape)
        return xarray.DataArray(numbers, dims=tuple(axes), coords=axes, name="number")

    return make


@pytest.fixture(scope="session")
def all_points():
    """Return a function from a DataArray of numbers to the coordinates of every point."""
    return lambda array: np.array(list(itertools.product(*(array[dim].values for dim in array.dims))), float)
