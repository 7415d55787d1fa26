"""How does xarray open a store?

    xr.open_dataset({"class": "od", "param": "2t", ...}, engine="dte", store="/scratch/store")
    xr.open_dataset("/scratch/store?class=od,expver=0001,param=2t,date=20260101", engine="dte")
    xr.open_dataset("request.json", engine="dte", store="/scratch/store")
    xr.open_dataset("/scratch/store", engine="dte", request={...}, grid="O320")

The entry point of the group ``xarray.backends``. Nothing but the index is read until values are asked for;
`Dataset.encoding["account"]` counts what was read since.
"""

import os
from collections.abc import Iterable, Mapping
from typing import Any

from dte_hpc.extract.opened import open_named
from dte_hpc.extract.run import Options
from dte_hpc.extract.to_xarray import BackendEntrypoint, dataset, xarray


class DteBackend(BackendEntrypoint):
    """Opens fields of a store as a Dataset that reads only what is asked of it."""

    description = (
        "Fields of a store of dte-hpc, or of ECMWF's FDB, of which only the bytes of a slice are read"
    )
    open_dataset_parameters = ("filename_or_obj", "drop_variables", "store", "request", "grid", "options")
    supports_groups = False

    def open_dataset(  # type: ignore[override]
        self,
        filename_or_obj: str | os.PathLike[str] | Mapping[str, Any],
        *,
        drop_variables: str | Iterable[str] | None = None,
        store: Any = None,
        request: Mapping[str, Any] | str | os.PathLike[str] | None = None,
        grid: str = "",
        options: Options | None = None,
    ) -> xarray.Dataset:
        """Return a Dataset whose arrays read when they are indexed.

        Parameters
        ----------
        filename_or_obj : mapping, or path of a JSON file, or of a store
            A request: MARS keywords, and perhaps a ``feature``; or a store (a root, or FDB's configuration),
            with words behind a ``?`` or in `request`.
        drop_variables : str or iterable of str, optional
            Parameters that are not wanted.
        store : path, mapping or FDB, optional
            Where the fields are, when the first argument is a request; what the environment names when
            absent.
        request : mapping or path of a JSON file, optional
            What is wanted, when the first argument is a store.
        grid : str, optional
            Only fields on this grid.
        options : Options, optional
            How large a request may be.

        Returns
        -------
        Dataset
            One variable a parameter: (number, levelist, reference_time, step) as far as they vary, times
            (latitude, longitude) of a regular grid or ``points`` of any other, or of the feature's shape.
            NaN where missing, or where no field is stored.

        Raises
        ------
        InvalidRequest, FieldNotFound
        """
        arrays, account = open_named(
            filename_or_obj, store=store, request=request, grid=grid, options=options
        )
        opened = dataset(arrays)
        opened.encoding["account"] = account
        dropped = [drop_variables] if isinstance(drop_variables, str) else list(drop_variables or ())
        return opened.drop_vars(dropped)

    def guess_can_open(self, filename_or_obj: Any) -> bool:
        """Return False: a store is opened by ``engine="dte"``."""
        return False
