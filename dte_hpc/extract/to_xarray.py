"""How is an answer, or what a store would answer, seen through xarray?

The only module that imports xarray (extra ``xarray``). Arrays in memory become its arrays as they are;
those of a store are read when their values are asked for, and only the values asked for.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dte_hpc.base.errors import MissingDependency
from dte_hpc.extract.answer import Answer
from dte_hpc.extract.arrays import Array, Arrays, Held, Index, arrays_of

try:
    import xarray as xarray
    from xarray.backends import BackendArray
    from xarray.backends import BackendEntrypoint as BackendEntrypoint
    from xarray.core import indexing
except ImportError as error:
    raise MissingDependency("xarray is not installed; expected pip install 'dte-hpc[xarray]'") from error


def to_xarray(answer: Answer) -> xarray.Dataset:
    """Return an answer as a Dataset, see `arrays.arrays_of`: one variable a parameter, with its units.

    Raises
    ------
    MissingDependency
        When xarray is not installed.
    """
    return dataset(arrays_of(answer))


def labelled(
    values: NDArray[Any],
    dims: Sequence[str],
    coordinates: Mapping[str, tuple[str, NDArray[Any]]],
    name: str,
) -> xarray.DataArray:
    """Return values as a DataArray; of each coordinate the dimension it lies along, and its values."""
    return xarray.DataArray(values, dict(coordinates), list(dims), name)


def dataset(arrays: Arrays) -> xarray.Dataset:
    """Return arrays as a Dataset; nothing is read."""
    return xarray.Dataset(
        {name: _variable(array) for name, array in arrays.variables.items()},
        {name: _variable(array) for name, array in arrays.coordinates.items()},
        dict(arrays.attributes),
    )


def _variable(array: Array) -> xarray.Variable:
    data = array.values if isinstance(array, Held) else indexing.LazilyIndexedArray(Lazy(array))
    return xarray.Variable(array.dims, data, dict(array.attributes))


class Lazy(BackendArray):
    """An array that is read when it is indexed; may be used by several threads, and pickled if its array may.

    Parameters
    ----------
    array : Array
    """

    def __init__(self, array: Array) -> None:
        self.array = array
        self.shape = array.shape
        self.dtype = array.dtype

    def __getitem__(self, key: indexing.ExplicitIndexer) -> NDArray[np.generic]:
        found: NDArray[np.generic] = indexing.explicit_indexing_adapter(
            key, self.shape, indexing.IndexingSupport.OUTER, self._read
        )
        return found

    def _read(self, key: tuple[int | slice | NDArray[np.int64], ...]) -> NDArray[np.generic]:
        along: list[Index] = [np.array([one], np.int64) if isinstance(one, int) else one for one in key]
        alone = tuple(axis for axis, one in enumerate(key) if isinstance(one, int))
        return np.asarray(self.array.read(tuple(along)).squeeze(alone))
