"""What would a request read, and how long would it take?

Worked out without reading: exactly for grid_simple; for grid_ccsds from the blocks that hold the points,
each as long as the field's mean (their true lengths stand in the index); for anything else the message.
"""

from dataclasses import dataclass

import numpy as np

from dte_hpc.codecs.bitmaps import bitmap_reads
from dte_hpc.codecs.layout import CCSDS, CONSTANT, OTHER, PACKING_NAMES
from dte_hpc.codecs.points import rsi_of
from dte_hpc.extract.account import Account
from dte_hpc.extract.batches import Batch, ReadPolicy, batches, choose_plan
from dte_hpc.extract.cost import Rates, seconds_of_fields
from dte_hpc.extract.pieces import VALUE_BYTES
from dte_hpc.extract.query import Query


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Explanation:
    """What a request comes down to.

    Attributes
    ----------
    feature : str
        Its kind.
    fields, values : int
        Fields that would be touched, and values of the answer before anything is reduced.
    grids : tuple of str
        Names of the grids.
    points, ranges : tuple of int
        Of each set of points: how many points, and in how many index ranges of the grid.
    packings : dict of str to int
        How many fields are packed how.
    answer_bytes : int
        Of the values.
    read_seconds : float
        That reading would take on one rank, with the data in memory: a disk that is slower than
        ``account.bytes_read`` a second adds to it.
    account : Account
        As the answer's would be; its seconds are those that the explanation took.
    """

    feature: str
    fields: int
    values: int
    grids: tuple[str, ...]
    points: tuple[int, ...]
    ranges: tuple[int, ...]
    packings: dict[str, int]
    answer_bytes: int
    read_seconds: float
    account: Account

    def as_dict(self) -> dict[str, object]:
        """Return the same as plain values, for JSON."""
        names = [name for name in self.__slots__ if name != "account"]
        return {**{name: getattr(self, name) for name in names}, "account": self.account.as_dict()}


def explain(query: Query, account: Account, policy: ReadPolicy, rates: Rates) -> Explanation:
    """Return what reading a planned query would touch and take; `cost.measured` gives the rates.

    Writes into the account what would be read.
    """
    with account.phase("estimate"):
        estimate(query, account, policy)
        kinds, counts = np.unique(query.fields.layout["packing"], return_counts=True)
        return Explanation(
            feature=query.feature.kind,
            fields=query.n_fields,
            values=account.points,
            grids=tuple(sorted({place.grid.name for place in query.places})),
            points=tuple(place.n_points for place in query.places),
            ranges=tuple(len(place.ranges) for place in query.places),
            packings={
                PACKING_NAMES[kind]: n for kind, n in zip(kinds.tolist(), counts.tolist(), strict=True)
            },
            answer_bytes=VALUE_BYTES * account.points,
            read_seconds=float(seconds_of_fields(query, rates).sum()),
            account=account,
        )


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
    bitmap = int(bitmap_reads(batch.start, batch.stop)[1].sum()) if layout.bitmap_offset else 0
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
