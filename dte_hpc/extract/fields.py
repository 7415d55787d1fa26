"""How are whole retrieved fields seen through xarray?

dataset_of(FDB("/scratch/store").retrieve({"class": "od", ...}))
"""

from typing import TYPE_CHECKING

from dte_hpc.base.errors import FieldNotFound
from dte_hpc.extract.chosen import as_chosen
from dte_hpc.extract.ground import ground_of
from dte_hpc.extract.opened import on_one_grid
from dte_hpc.extract.stored import FieldReader, stored_arrays
from dte_hpc.fdb import Listing, MessageHandle
from dte_hpc.grids import grid as grid_of_name

if TYPE_CHECKING:
    from dte_hpc.extract.to_xarray import xarray


def dataset_of(handle: MessageHandle | Listing, grid: str = "") -> "xarray.Dataset":
    """Return the fields of a handle or listing as a Dataset.

    Parameters
    ----------
    handle : MessageHandle or Listing
        What `FDB.retrieve`, `FDB.inspect` or `FDB.list` returned.
    grid : str, optional
        Only the fields on this grid.

    Returns
    -------
    Dataset
        One variable a parameter, its dimensions the keys that vary, then those of the grid, as of
        ``engine="dte"``. A field is read when its values are asked for: a whole one is compared with its
        checksum, a part of one is not. Stays in its process.

    Raises
    ------
    FieldNotFound
        When there are no fields.
    InvalidRequest
        When they lie on several grids, or two of a variable cannot be told apart.
    MissingDependency
        When xarray is not installed.
    """
    from dte_hpc.extract.to_xarray import dataset

    fields = handle.listing if isinstance(handle, MessageHandle) else handle
    if not len(fields):
        raise FieldNotFound("the handle holds no fields; expected at least one")
    chosen, name, n_points = on_one_grid(as_chosen(fields), grid)
    known = grid_of_name(name) if name else None
    reader = FieldReader(chosen, known, n_points)
    opened = dataset(stored_arrays(reader, ground_of(known, n_points)))
    opened.encoding["account"] = reader.account
    return opened
