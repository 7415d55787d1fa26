"""Which values are read together, and which bytes hold them?

A query's values fall into batches: fields packed alike, wanted at the same points. What is read of a
message weighs bytes against calls: neighbours are one read, and so is most of a data section.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from dte_hpc.base.errors import CorruptData, InvalidConfig
from dte_hpc.codecs.layout import CCSDS, Layout
from dte_hpc.codecs.points import ReadPlan, plan_reads
from dte_hpc.extract.ranges import Ranges
from dte_hpc.extract.store import Fields

Int64s = NDArray[np.int64]
_ALIKE = (
    *("packing", "edition", "bits", "ccsds_flags", "block_size", "rsi"),
    *("n_values", "n_packed", "data_offset", "bitmap_offset", "data_length"),
)
_DATA_LENGTH = -1


class Points(Protocol):
    """Points of one grid."""

    @property
    def ranges(self) -> Ranges:
        """Each point once."""

    @property
    def n_grid_points(self) -> int:
        """Points of the whole grid."""


class Wanted(Protocol):
    """What is to be read: a `Query`, or no more than its fields and points.

    Attributes
    ----------
    fields : Fields
    places : sequence of Points
    place_of_field : int64, shape (n_fields,)
        Which of `places` is wanted of each field.
    """

    @property
    def fields(self) -> Fields:
        """The fields."""

    @property
    def places(self) -> Sequence[Points]:
        """Each set of points once."""

    @property
    def place_of_field(self) -> Int64s:
        """Which of them is wanted of each field."""

    def read_start(self) -> Int64s:
        """Return where each field's values begin among those read: int64, shape (n_fields + 1,)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadPolicy:
    """What reading weighs against what.

    Attributes
    ----------
    gap_bytes : int
        Pieces this near are read as one. The default never reads more than 4 bytes a 16-bit value; where
        a call costs more than bytes (a parallel file system far away), 4096 is better.
    whole_share : float
        Pieces that together are more of a data section than this are read as one.
    batch_bytes : int
        The most memory for bytes read and not yet unpacked.
    map_files : bool
        Whether many small pieces that lie in memory already are copied from there; else each is a call of
        pread, which can be watched and counted.
    """

    gap_bytes: int = 2
    whole_share: float = 0.9
    batch_bytes: int = 64 * 1024 * 1024
    map_files: bool = True

    def __post_init__(self) -> None:
        if self.gap_bytes < 0 or not 0 < self.whole_share <= 1 or self.batch_bytes < 1:
            raise InvalidConfig(
                f"a read policy has a gap of {self.gap_bytes} bytes, a whole share of {self.whole_share} and "
                f"batches of {self.batch_bytes} bytes; expected 0 or more, 0 to 1, and 1 or more"
            )


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Batch:
    """Fields that are packed alike, and the points wanted of each of them.

    Attributes
    ----------
    rows : int64, shape (n,)
        Of the query's fields.
    start, stop : int64, shape (n_ranges,)
        Points, in the message's own order.
    target : int64, shape (n,)
        Where each row's values begin in the output.
    layout : Layout
        Of the first row; the others differ in reference value and scales alone, compressed ones also in
        `data_length`.
    """

    rows: Int64s
    start: Int64s
    stop: Int64s
    target: Int64s
    layout: Layout

    @property
    def n_points(self) -> int:
        """Points wanted of each field."""
        return int((self.stop - self.start).sum())


def batches(query: Wanted, first: int, last: int) -> Iterator[Batch]:
    """Yield the work for the values from `first` to `last`."""
    begin = query.read_start()
    rows = np.arange(np.searchsorted(begin, first, "right") - 1, np.searchsorted(begin, last, "left"))
    rows = rows[begin[rows + 1] > begin[rows]]
    if first >= last or not rows.size:
        return
    low = np.maximum(first - begin[rows], 0)
    high = np.minimum(last, begin[rows + 1]) - begin[rows]
    place = query.place_of_field[rows]
    records = query.fields.layout[rows]
    _refuse_misfits(query, rows, records)
    for part in _alike(place, low, high, records):
        ranges = query.places[int(place[part[0]])].ranges
        start, stop = cut(ranges, int(low[part[0]]), int(high[part[0]]))
        yield Batch(
            rows=rows[part],
            start=start,
            stop=stop,
            target=begin[rows[part]] + low[part] - first,
            layout=Layout.of_record(records[part[0]]),
        )


def cut(ranges: Ranges, low: int, high: int) -> tuple[Int64s, Int64s]:
    """Return start and stop of the ranges that hold points number `low` to `high`, cut at both ends."""
    length = ranges.stop - ranges.start
    if low <= 0 and high >= length.sum():
        return ranges.start, ranges.stop
    before = np.cumsum(length) - length
    start = ranges.start + np.clip(low - before, 0, length)
    stop = ranges.start + np.clip(high - before, 0, length)
    kept = stop > start
    return start[kept], stop[kept]


def _alike(place: Int64s, low: Int64s, high: Int64s, records: NDArray[Any]) -> list[Int64s]:
    """Return the fields split into those that are packed alike and wanted at the same points."""
    if len(records) == 1:
        return [np.zeros(1, np.int64)]
    facts = np.stack([place, low, high, *(records[name].astype(np.int64) for name in _ALIKE)], axis=1)
    facts[(records["packing"] == CCSDS) & (records["bitmap_offset"] == 0), _DATA_LENGTH] = 0  # always differs
    if (facts == facts[0]).all():
        return [np.arange(len(facts))]
    _, code = np.unique(facts, axis=0, return_inverse=True)
    order = np.argsort(code, kind="stable")
    return np.split(order, np.flatnonzero(np.diff(code[order])) + 1)


def _refuse_misfits(query: Wanted, rows: Int64s, records: NDArray[Any]) -> None:
    sizes = np.array([place.n_grid_points for place in query.places])[query.place_of_field[rows]]
    wrong = np.flatnonzero(records["n_values"] != sizes)
    if wrong.size:
        at = int(wrong[0])
        raise CorruptData(
            f"field {int(rows[at])} of the request has {records['n_values'][at]} points; expected the "
            f"{sizes[at]} of its grid",
            n_points=int(records["n_values"][at]),
        )


def choose_plan(
    policy: ReadPolicy,
    layout: Layout,
    offsets: NDArray[np.uint64] | None,
    start: Int64s,
    stop: Int64s,
) -> tuple[ReadPlan, int]:
    """Return what is to be read of a message, and how many bytes the values need at least."""
    plan = plan_reads(layout, offsets, start, stop)
    least = int(plan.length.sum())
    gaps = plan.offset[1:] - (plan.offset + plan.length)[:-1]
    if (gaps <= policy.gap_bytes).any():
        plan = plan_reads(layout, offsets, start, stop, policy.gap_bytes)
    if plan.length.sum() > policy.whole_share * layout.data_length:
        plan = plan_reads(layout, offsets, start, stop, layout.data_length)
    return plan, least
