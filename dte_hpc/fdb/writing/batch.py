"""Which fields come with one call, and into which databases do they go?

Keys that come together are looked at by columns: of each keyword the different values, and for each
field the number of its value. What decides about a field's rule and database has few different
combinations, one or some for a whole batch; each is split once by the schema, and every other value is
made canonical once. So a batch costs a field little more than its place in some arrays.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import repeat
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dte_hpc.base.checksum import ByteLike
from dte_hpc.base.errors import InvalidKey, InvalidMessage
from dte_hpc.base.key import checked_value
from dte_hpc.codecs.layout import Layout, byte_view
from dte_hpc.fdb.finding.matching import Rows, key_numbers
from dte_hpc.fdb.naming.schema import Route
from dte_hpc.fdb.places.lane import Lane
from dte_hpc.fdb.places.lanes import Lanes
from dte_hpc.fdb.writing.facts import checked_bytes, grid_of, layout_of

JOINED_BYTES = 1024 * 1024
_G = ord("G")


@dataclass(frozen=True, slots=True)
class Column:
    """One keyword's values: the different ones, and the number of each field's.

    Attributes
    ----------
    values : sequence
        As they were given.
    codes : ndarray of int64, shape (n,), or None
        None when all fields have the first.
    """

    values: Sequence[Any]
    codes: NDArray[np.int64] | None

    def of(self, row: int) -> Any:
        """Return one field's value."""
        return self.values[0 if self.codes is None else int(self.codes[row])]


Columns = dict[str, Column]
Split = Callable[[Mapping[str, Any], Route, tuple[str, ...]], tuple[Route, tuple[str, ...]]]
Keys = Mapping[str, Any] | Iterable[Mapping[str, Any]]


@dataclass(frozen=True, slots=True)
class Share:
    """The fields of a batch that take one route into one database.

    Attributes
    ----------
    lane, route : Lane, Route
        Theirs.
    rows : ndarray of int64
        Which fields of the batch, ascending.
    names, values : sequence of tuple of str
        Stored keywords and canonical values of each.
    columns : Columns
        What was given, for fields with the same keywords.
    places : ndarray of int64
        Where in those columns these fields are.
    """

    lane: Lane
    route: Route
    rows: Rows
    names: Sequence[tuple[str, ...]]
    values: Sequence[tuple[str, ...]]
    columns: Columns
    places: Rows

    def split_by(self, split: Split) -> "Share":
        """Return the same fields split by another schema, one after another."""
        keys = [{k: c.of(place) for k, c in self.columns.items()} for place in self.places.tolist()]
        found = [split(key, self.route, values) for key, values in zip(keys, self.values, strict=True)]
        return replace(
            self, names=[route.names for route, _ in found], values=[values for _, values in found]
        )


class Messages:
    """The messages of a batch.

    Parameters
    ----------
    messages : ByteLike or sequence of ByteLike
        One buffer of all, one after another, or each.
    lengths : sequence of int, optional
        Of the messages in one buffer.

    Raises
    ------
    InvalidMessage
        If lengths are not given for a buffer, do not fill it, or a message is empty.
    """

    def __init__(self, messages: ByteLike | Sequence[ByteLike], lengths: Sequence[int] | None) -> None:
        self._buffer: ByteLike | None = None
        if lengths is None:
            self.views = self._each(messages)
        else:
            self._buffer = checked_bytes(messages)  # type: ignore[arg-type]
            self.views = _cut(byte_view(self._buffer), lengths)

    def __len__(self) -> int:
        return len(self.views)

    @staticmethod
    def _each(messages: ByteLike | Sequence[ByteLike]) -> list[ByteLike]:
        if isinstance(messages, bytes | bytearray | memoryview) or not isinstance(messages, Iterable):
            raise InvalidMessage(
                "found one buffer without lengths; expected lengths too, or a list of messages"
            )
        return [m if type(m) is bytes and m else checked_bytes(m) for m in messages]

    def buffers(self, rows: Rows) -> list[ByteLike]:
        """Return the bytes of some messages in few buffers, to be written one after another."""
        if self._buffer is not None and len(rows) == len(self):
            return [self._buffer]
        return list(_joined(self.views[row] for row in rows.tolist()))

    def layouts(self, rows: Rows) -> list[Layout | None]:
        """Return how each of some messages is packed, None for bytes that are not GRIB."""
        views = self.views
        return [layout_of(views[row]) if views[row][0] == _G else None for row in rows.tolist()]


def _cut(view: memoryview, lengths: Sequence[int]) -> list[ByteLike]:
    """Return views of the messages in a buffer."""
    sizes = np.asarray(lengths)
    if sizes.ndim != 1 or sizes.dtype.kind not in "iu" or len(sizes) == 0 or int(sizes.min()) <= 0:
        raise InvalidMessage("found lengths that are no positive whole numbers; expected one a message")
    ends = np.cumsum(sizes, dtype=np.int64)
    if int(ends[-1]) != len(view):
        raise InvalidMessage(f"found lengths of {int(ends[-1])} bytes together; expected {len(view)}")
    stops = ends.tolist()
    return [view[start:stop] for start, stop in zip([0, *stops], stops, strict=False)]


def _joined(messages: Iterable[ByteLike]) -> Iterator[ByteLike]:
    """Yield messages, neighbours joined while they are small: a write costs more than a copy."""
    small: list[Any] = []
    n_bytes = 0
    for message in messages:
        if small and n_bytes + len(message) > JOINED_BYTES:
            yield b"".join(small)
            small, n_bytes = [], 0
        small.append(message)
        n_bytes += len(message)
    if small:
        yield small[0] if len(small) == 1 else b"".join(small)


def shares_of(keys: Keys, n_fields: int, lanes: Lanes) -> tuple[list[Share], Sequence[str]]:
    """Return a batch by routes and databases, and what each key says of its grid (empty for nothing).

    Raises
    ------
    InvalidKey
        If there are not as many keys as messages, or one does not fit its schema.
    """
    if isinstance(keys, Mapping):
        groups = [(np.arange(n_fields), _columns(keys, n_fields))]
    else:
        groups = list(_grouped(list(keys), n_fields))
    grids = [""] * n_fields
    for rows, columns in groups:
        if "grid" in columns:
            column = columns["grid"]
            for place, row in enumerate(rows.tolist()):
                grids[row] = str(column.of(place) or "")
    return [share for rows, columns in groups for share in _shares(rows, columns, lanes)], grids


def _columns(keys: Mapping[str, Any], n_fields: int) -> Columns:
    columns: Columns = {}
    for keyword, given in keys.items():
        if isinstance(given, str) or not hasattr(given, "__len__"):
            columns[keyword] = Column([given], None)
        elif len(given) != n_fields or getattr(given, "ndim", 1) != 1:
            raise InvalidKey(f"found {len(given)} values of {keyword}; expected one, or {n_fields}")
        else:
            columns[keyword] = coded_column(keyword, given)
    return columns


def coded_column(keyword: str, given: Sequence[Any] | NDArray[Any]) -> Column:
    """Return values as a column."""
    if isinstance(given, np.ndarray):
        words, codes = np.unique(given, return_inverse=True)
        return Column(words.tolist(), codes.astype(np.int64))
    try:
        numbers = {value: number for number, value in enumerate(dict.fromkeys(given))}
    except TypeError:
        for value in given:
            checked_value(keyword, value)
        raise
    if len(numbers) == 1:
        return Column(list(numbers), None)
    return Column(list(numbers), np.fromiter(map(numbers.__getitem__, given), np.int64, len(given)))


def _grouped(keys: Sequence[Mapping[str, Any]], n_fields: int) -> Iterator[tuple[Rows, Columns]]:
    """Yield keys with the same keywords as columns, and which fields they are of."""
    if len(keys) != n_fields:
        raise InvalidKey(f"found {len(keys)} keys; expected one for each of {n_fields} messages")
    alike: dict[tuple[str, ...], list[int]] = {}
    for row, key in enumerate(keys):
        alike.setdefault(tuple(key), []).append(row)
    for keywords, rows in alike.items():
        columns = zip(*(keys[row].values() for row in rows), strict=True)
        yield (
            np.array(rows, np.int64),
            {k: coded_column(k, values) for k, values in zip(keywords, columns, strict=True)},
        )


def _shares(rows: Rows, columns: Columns, lanes: Lanes) -> Iterator[Share]:
    """Yield the shares of keys with the same keywords; their canonical values are made here."""
    deciding = {k for lane in lanes.lanes for k in lane.schema.deciding}
    deciding |= {k for lane in lanes.lanes for c in (*lane.selects, *lane.excludes) for k in c}
    deciding |= {"step", "stepunits"} if "stepunits" in columns else set()
    for places in _alike([c for k, c in columns.items() if k in deciding], len(rows)):
        key = {keyword: column.of(int(places[0])) for keyword, column in columns.items()}
        lane = lanes.writing(key)
        route, values = lane.schema.split(key)
        stored = [
            repeat(value)
            if keyword in deciding or columns[keyword].codes is None
            else _canonical(columns[keyword], canonical, places)
            for (keyword, canonical), value in zip(route.steps, values, strict=True)
        ]
        each = list(zip(*stored, strict=False)) if not all(isinstance(v, repeat) for v in stored) else None
        names, several = [route.names] * len(places), each or [values] * len(places)
        yield Share(lane, route, rows[places], names, several, columns, places)


def _alike(columns: Sequence[Column], n_fields: int) -> Iterator[Rows]:
    """Yield the fields that have the same values in all of some columns, a combination after another."""
    everything = np.arange(n_fields)
    codes = [column.codes for column in columns if column.codes is not None]
    if n_fields == 0 or not codes:
        yield from [everything] if n_fields else []
        return
    ids, _ = key_numbers([c.astype(np.int32) for c in codes], everything)
    order = np.argsort(ids, kind="stable")
    yield from np.split(order, np.flatnonzero(np.diff(ids[order])) + 1)


def _canonical(column: Column, canonical: Mapping[Any, str], places: Rows) -> list[str]:
    """Return some fields' canonical values of a column, each different one made once."""
    codes: Any = column.codes
    words = np.empty(len(column.values), object)
    local = codes if len(places) == len(codes) else codes[places]
    used = range(len(words)) if local is codes else np.unique(local).tolist()
    for number in used:
        words[number] = canonical[column.values[number]]
    found: list[str] = words[local].tolist()
    return found


def merged(shares: Sequence[Share]) -> tuple[Rows, Sequence[tuple[str, ...]], Sequence[tuple[str, ...]]]:
    """Return the rows of several shares in ascending order, with their keywords and values."""
    if len(shares) == 1:
        return shares[0].rows, shares[0].names, shares[0].values
    rows = np.concatenate([share.rows for share in shares])
    order = np.argsort(rows)
    names = [name for share in shares for name in share.names]
    values = [value for share in shares for value in share.values]
    return rows[order], [names[n] for n in order.tolist()], [values[n] for n in order.tolist()]


def grids_of(given: Sequence[str], layouts: Sequence[Layout | None], views: Sequence[ByteLike]) -> list[str]:
    """Return the grid of each field: as its key says, else as its message says, else empty."""
    return [
        grid or (grid_of(view) if layout is not None else "")
        for grid, layout, view in zip(given, layouts, views, strict=True)
    ]
