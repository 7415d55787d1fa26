"""How is the work of a request shared between ranks?

By bytes: the values of all fields, one after another, are cut into as many stretches as there are ranks,
each of about the same cost. A cut falls between fields, or inside a field that is large enough to be
worth it. Every rank works this out alike, from the query alone.
"""

import numpy as np
from numpy.typing import NDArray

from dte_hpc.codecs.layout import CCSDS, SIMPLE
from dte_hpc.extract.query import Query

FIELD_BYTES = 2048  # what opening a field weighs: some microseconds, as 2 KiB read and unpacked
LEAST_CUT_BYTES = 64 * 1024


def shares(query: Query, n_ranks: int) -> NDArray[np.int64]:
    """Return where each rank's stretch of the values read begins: int64, shape (n_ranks + 1,), ascending."""
    begin = query.read_start()
    count = np.diff(begin)
    layout = query.fields.layout
    n_bytes = np.minimum(count * layout["bits"].astype(np.int64) // 8, layout["data_length"].astype(np.int64))
    weight = np.concatenate([[0], np.cumsum(n_bytes + FIELD_BYTES)])
    targets = weight[-1] * np.arange(1, n_ranks) // n_ranks
    field = np.searchsorted(weight, targets, side="right") - 1
    done = (targets - weight[field]) / (weight[field + 1] - weight[field])
    divisible = (
        np.isin(layout["packing"], (SIMPLE, CCSDS))
        & (layout["bitmap_offset"] == 0)
        & (n_bytes > LEAST_CUT_BYTES)
    )
    inside = np.where(divisible[field], done, np.round(done))
    cuts = begin[field] + np.floor(inside * count[field]).astype(np.int64)
    return np.concatenate([begin[:1], cuts, begin[-1:]])
