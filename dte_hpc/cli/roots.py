"""Is the store that a user named there at all?"""

import os
from typing import TYPE_CHECKING

from dte_hpc.base.errors import InvalidRequest

if TYPE_CHECKING:
    from dte_hpc.fdb import FDB


def refuse_absent(store: "FDB") -> None:
    """Raise InvalidRequest when a root is no directory: to a reader it would be a store without fields."""
    for root in store.config.readable_roots():
        if not os.path.isdir(root):  # noqa: PTH112 - Path.is_dir raises for a path that is too long
            raise InvalidRequest(f"the store's root {root} is not a directory", path=str(root))
