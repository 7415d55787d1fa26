"""What would a request read?

Worked out without reading: exactly for grid_simple; for grid_ccsds from the blocks that hold the points,
each as long as the field's mean (their true lengths stand in the index); for anything else the message.
"""

import numpy as np

from dte_hpc.codecs.layout import CCSDS, CONSTANT, OTHER
from dte_hpc.codecs.points import rsi_of
from dte_hpc.extract.account import Account
from dte_hpc.extract.batches import Batch, ReadPolicy, batches, choose_plan
from dte_hpc.extract.query import Query


def estimate(query: Query, account: Account, policy: ReadPolicy) -> None:
    """Write into an account what reading a query would ask for."""
    for batch in batches(query, 0, int(query.read_start()[-1])):
        reads, requested, read, decoded = _of_field(query, batch, policy)
        n = batch.rows.size
        account.reads += n * reads
        account.bytes_requested += n * requested
        account.bytes_read += n * read
        account.bytes_decoded += 8 * n * decoded


def _of_field(query: Query, batch: Batch, policy: ReadPolicy) -> tuple[int, int, int, int]:
    """Return reads, bytes requested, bytes read and values decoded of one field of a batch."""
    layout = batch.layout
    bitmap = (int(batch.stop[-1]) + 7) // 8 if layout.bitmap_offset else 0
    if layout.packing == OTHER:
        length = int(query.fields.length[batch.rows[0]])
        return 1, length, length, layout.n_values
    if layout.packing == CONSTANT:
        return int(bitmap > 0), bitmap, bitmap, 0
    if layout.packing == CCSDS:
        return _compressed(batch, bitmap)
    stop = np.minimum(batch.stop, layout.n_packed)
    start = np.minimum(batch.start, stop)
    some = stop > start
    plan, least = choose_plan(policy, layout, None, start[some], stop[some])
    reads = plan.offset.size + (bitmap > 0)
    return reads, least + bitmap, int(plan.length.sum()) + bitmap, plan.n_decoded


def _compressed(batch: Batch, bitmap: int) -> tuple[int, int, int, int]:
    layout = batch.layout
    size = layout.block_size * layout.rsi
    n_blocks = -(-layout.n_packed // size)
    first, last = (np.minimum(rsi_of(layout, edge), n_blocks - 1) for edge in (batch.start, batch.stop - 1))
    touched = np.zeros(n_blocks + 1, np.int64)
    np.add.at(touched, first, 1)
    np.add.at(touched, last + 1, -1)
    inside = np.cumsum(touched[:-1]) > 0
    n_touched = int(inside.sum())
    n_bytes = layout.data_length * n_touched // max(1, n_blocks) + bitmap
    runs = int(np.count_nonzero(np.diff(inside.astype(np.int8), prepend=0) == 1)) + (bitmap > 0)
    return runs, n_bytes, n_bytes, min(n_touched * size, layout.n_packed)
