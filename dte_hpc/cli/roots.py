"""Is the store that a user named there at all, and what of it was passed over?"""

import os
from typing import TYPE_CHECKING

from dte_hpc.base.errors import InvalidRequest
from dte_hpc.base.log import log_trouble

if TYPE_CHECKING:
    from dte_hpc.fdb import FDB


def open_store(config: str | None, schema: str | None = None) -> "FDB":
    """Return a store to read, which tells on standard error what it passes over.

    Raises
    ------
    InvalidRequest
        When a root is no directory: to a reader it would be a store without fields.
    """
    from dte_hpc.fdb import FDB

    store = FDB(config, schema=schema, listener=log_trouble)
    for root in store.config.readable_roots():
        if not os.path.isdir(root):  # noqa: PTH112 - Path.is_dir raises for a path that is too long
            raise InvalidRequest(f"the store's root {root} is not a directory", path=str(root))
    return store
