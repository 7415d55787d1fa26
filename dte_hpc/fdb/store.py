"""How are fields stored and found by what they are called?

`FDB` is ECMWF FDB 5's interface: archive, flush, list, inspect, retrieve. Writing is `Writer`'s,
reading `Database`'s, the choice between databases is made here.
"""

import functools
import os
import threading
import time
import weakref
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Literal, get_args

import numpy as np
from numpy.typing import NDArray

from dte_hpc.base.checksum import ByteLike
from dte_hpc.base.errors import (
    FieldNotFound,
    InvalidKey,
    InvalidRequest,
)
from dte_hpc.base.events import FieldStored, Flushed, Listener, ignore
from dte_hpc.base.request import Request, RequestValue
from dte_hpc.codecs.layout import EncodedField, Layout, split
from dte_hpc.fdb.batch import Keys, Messages, Share, grids_of, merged, shares_of
from dte_hpc.fdb.config import config_of
from dte_hpc.fdb.control import Control, is_locked, refuse_if_locked
from dte_hpc.fdb.database import Database
from dte_hpc.fdb.disk import Disk
from dte_hpc.fdb.facts import checked_bytes, grid_of, layout_of
from dte_hpc.fdb.handle import MessageHandle
from dte_hpc.fdb.lane import Lane
from dte_hpc.fdb.lanes import Lanes
from dte_hpc.fdb.listing import Listing, Part
from dte_hpc.fdb.lookup import Lookups
from dte_hpc.fdb.making import Maker
from dte_hpc.fdb.matching import (
    MAX_NAMED,
    Order,
    Wanted,
    joint_column,
    matching_rows,
    narrowed,
    newest_rows,
    request_order,
    wanted_of,
)
from dte_hpc.fdb.schema import Route, Schema, read_schema
from dte_hpc.fdb.seek import ABSENT, UNSURE
from dte_hpc.fdb.spaces import FDBConfig, Use
from dte_hpc.fdb.upkeep import Upkeep
from dte_hpc.fdb.writer import BUFFER_BYTES, Writer

if TYPE_CHECKING:
    from dte_hpc.parallel.mpi import Comm

MAX_OPEN_WRITERS = 32
MEMORY_BYTES = 32 * 1024 * 1024
MIN_BUFFER_BYTES = 32 * 1024
MAX_REPORTED = 10_000
_CONTROL: dict[Use, Control] = {"list": Control.LIST, "retrieve": Control.RETRIEVE}
Databases = list[Database]
Writers = list[Writer]
Shares = list[Share]
Requested = Mapping[str, RequestValue] | Request
Missing = Literal["error", "skip", "report"]


class FDB(Upkeep):
    """A store of fields by key.

    Any number of processes may write and read one store at the same time. A handle may be used by
    several threads; its flush makes visible what all of them archived. After a fork the child starts
    without the parent's unflushed fields.

    Parameters
    ----------
    config : path, mapping, FDBConfig or None
        A root directory, FDB's configuration (a YAML file, its text, or what it says), or None for what
        the environment names; see `dte_hpc.fdb.config`.
    schema : Schema, path or None
        In FDB's language; None for the configured or the default one.
    listener : callable
        Told `FieldStored`, `Flushed` and `RecordSkipped`.
    disk : Disk, optional
        The system calls that write; a test may pass one that fails.

    Raises
    ------
    InvalidConfig
        If configuration or schema are wrong.
    """

    def __init__(
        self,
        config: str | Path | Mapping[str, Any] | FDBConfig | None = None,
        *,
        schema: Schema | str | Path | None = None,
        listener: Listener = ignore,
        disk: Disk | None = None,
    ) -> None:
        self.config = config_of(config)
        given = schema if schema is None or isinstance(schema, Schema) else read_schema(schema)
        self._lanes = Lanes(self.config, given, listener)
        self.schema = self._lanes.schema
        self._listener = listener
        self._disk = disk or Disk(permissions=self.config.mode)
        self._lookups = Lookups()
        self._reset()
        _handles.add(self)

    def _reset(self) -> None:
        self._lock = threading.RLock()
        self._by_key: dict[tuple[Lane, tuple[str, ...], tuple[str, ...]], tuple[Writer, Schema]] = {}
        self._writers: dict[tuple[Lane, str], tuple[Writer, Schema]] = {}
        self._open: Writers = []

    def _after_fork(self) -> None:
        """Leave the parent's files to the parent."""
        for writer, _ in self._writers.values():
            writer.close(keep_files=True)
        self._lanes.forget()
        self._reset()

    # -- writing

    def archive(self, message: ByteLike | EncodedField, key: Mapping[str, Any] | None = None) -> None:
        """Store one message under a key, or every GRIB message of a buffer under the keys of its headers.

        The bytes are copied or written before this returns; they are durable and visible after `flush`.
        A key is checked before a byte is written, and all keys of a buffer before its first byte.

        Parameters
        ----------
        message : ByteLike or EncodedField
            With a key: any bytes. Without: GRIB.
        key : Mapping, optional
            Keyword to text or number; every keyword must be used by the schema (``grid`` may be left
            over).

        Raises
        ------
        InvalidKey
            If the key does not fit the schema.
        InvalidMessage
            If the bytes are empty, or without a key are not GRIB.
        StorageFailed
            If the file system refused; this message was not taken, earlier ones are kept for `flush`.
        """
        if isinstance(message, EncodedField):
            offsets = message.block_offsets
            self._archive_one(checked_bytes(message.message), key, message.layout, offsets, message.metadata)
        elif key is not None:
            data = checked_bytes(message)
            self._archive_one(data, key, layout_of(data), None, key)
        else:
            self._archive_headers(message)

    def archive_many(
        self, messages: ByteLike | Sequence[ByteLike], keys: Keys, *, lengths: Sequence[int] | None = None
    ) -> None:
        """Store many messages, each under its key; costs a field a fraction of an `archive`.

        All keys are checked before a byte is written.

        Parameters
        ----------
        messages : ByteLike or sequence of ByteLike
            One buffer with the messages one after another, or each message.
        keys : Mapping, or iterable of Mapping
            Columns: of each keyword one value for all, or a sequence (list, array) of one for each message.
            Or a key for each message.
        lengths : sequence of int, optional
            Bytes of each message; needed with one buffer, and only then.

        Raises
        ------
        InvalidKey
            If a key does not fit the schema, or there are not as many as messages.
        InvalidMessage
            If a message is empty, or `lengths` do not fill the buffer.
        StorageFailed
            If the file system refused. Of each database all of its messages were taken, or none.
        """
        many = Messages(messages, lengths)
        with self._lock:
            shares, grids = shares_of(keys, len(many), self._lanes)
            for writer, parts in self._writers_of(shares).items():
                rows, names, values = merged(parts)
                views, layouts = [many.views[row] for row in rows.tolist()], many.layouts(rows)
                named = grids_of([grids[row] for row in rows.tolist()], layouts, views)
                writer.add_many(names, values, views, many.buffers(rows), layouts, named)
                if self._listener is not ignore:
                    for view, *key in zip(views, names, values, strict=True):
                        self._listener(FieldStored(key=str(dict(zip(*key, strict=True))), n_bytes=len(view)))

    def _writers_of(self, shares: Iterable[Share]) -> dict[Writer, Shares]:
        found: dict[Writer, Shares] = {}
        for share in shares:
            writer, schema = self._open_writer(share.lane, share.route, share.values[0])
            if writer.n_pending == 0:
                refuse_if_locked(writer.where, Control.ARCHIVE, "nothing was archived")
            split = functools.partial(_split_alike, schema)
            found.setdefault(writer, []).append(
                share if schema is share.lane.schema else share.split_by(split)
            )
        return found

    def _archive_headers(self, buffer: ByteLike) -> None:
        from dte_hpc.codecs.decode import mars_key

        messages = [(message, mars_key(message)) for message in split(buffer)]
        for _, key in messages:
            self._lanes.writing(key).schema.split(key)
        for message, key in messages:
            self._archive_one(message, key, layout_of(message), None, key)

    def _archive_one(
        self,
        message: ByteLike,
        key: Mapping[str, Any] | None,
        layout: Layout | None,
        offsets: NDArray[np.uint64] | None,
        facts: Mapping[str, Any],
    ) -> None:
        if key is None:
            from dte_hpc.codecs.decode import mars_key

            key = mars_key(message)
        grid = str(facts.get("grid") or key.get("grid") or (grid_of(message) if layout is not None else ""))
        with self._lock:
            lane = self._lanes.writing(key)
            route, values = lane.schema.split(key)
            found = self._by_key.get((lane, route.database, values[: route.n_database]))
            writer, schema = found or self._open_writer(lane, route, values)
            if schema is not lane.schema:
                route, values = _split_alike(schema, key, route, values)
            if writer.n_pending == 0:
                refuse_if_locked(writer.where, Control.ARCHIVE, "nothing was archived")
            writer.add(route.names, values, message, layout, grid, offsets)
        if self._listener is not ignore:
            self._listener(
                FieldStored(key=str(dict(zip(route.names, values, strict=True))), n_bytes=len(message))
            )

    def _open_writer(self, lane: Lane, route: Route, values: tuple[str, ...]) -> tuple[Writer, Schema]:
        name = route.directory(values)
        found = self._writers.get((lane, name))
        if found is None:
            root = self._lanes.root_for(lane, route, values)
            database = self._lanes.database(lane, root, name)
            make = Maker(self._disk, database, lane.schema, lane.layouts, self._listener)
            make()
            own = database.schema()
            schema = lane.schema if own is None or own.same_text(lane.schema) else own
            found = self._writers[lane, name] = (
                Writer(self._disk, root, name, self._opening, make, database.data_root),
                schema,
            )
            for writer, _ in self._writers.values():
                writer.buffer_bytes = max(
                    MIN_BUFFER_BYTES, min(BUFFER_BYTES, MEMORY_BYTES // len(self._writers))
                )
        self._by_key[lane, route.database, values[: route.n_database]] = found
        return found

    def _release(self, database: Database) -> None:
        for handle in list(_handles):
            with handle._lock:
                handle._close_clean(database.where)

    def _close_clean(self, where: str) -> None:
        """Close the writer of a database and forget it, unless it has unflushed fields."""
        for place, (writer, _) in list(self._writers.items()):
            if writer.where == where and writer.n_pending == 0:
                writer.close()
                del self._writers[place]
                self._open = [other for other in self._open if other is not writer]
                self._by_key = {k: found for k, found in self._by_key.items() if found[0] is not writer}

    def _opening(self, writer: Writer) -> None:
        """Park the writer that opened its files longest ago, when too many have open files."""
        self._open = [other for other in self._open if other is not writer]
        while len(self._open) >= MAX_OPEN_WRITERS:
            self._open[0].park()
            del self._open[0]
        self._open.append(writer)

    @property
    def dirty(self) -> bool:
        """Whether something was archived and not flushed."""
        return any(writer.n_pending for writer, _ in self._writers.values())

    def flush(self) -> None:
        """Make everything archived through this handle durable and visible to everybody.

        The fields of one database become visible together; several databases one after the other.

        Raises
        ------
        StorageFailed
            If the file system refused. What could not be made durable is kept and tried again by the
            next flush, in new files; see `dte_hpc.fdb.writer`. The other databases were flushed.
        """
        failures = []
        with self.flushing() as writers:
            for writer in writers:
                try:
                    writer.flush()
                except OSError as error:
                    failures.append(error)
            if failures:
                raise failures[0]

    def flush_together(self, comm: "Comm") -> None:
        """Flush as one with the handles of other ranks: of each database all their fields, or none.

        Collective over `comm`: every rank calls it, also one that archived nothing. The store must be one
        that all of them see. Where ranks archived the same key, the highest rank's field is the one found.

        Parameters
        ----------
        comm : Comm
            The ranks; see `dte_hpc.fdb.together`.

        Raises
        ------
        DteError
            On every rank the same, StorageFailed mostly; otherwise as `flush`.
        """
        from dte_hpc.fdb.together import flush_together  # MPI, which other handles do without

        flush_together([self], comm)

    @contextmanager
    def flushing(self) -> Iterator[tuple[Writer, ...]]:
        """Hold the handle while somebody flushes its writers; when that succeeds the listener is told."""
        started = time.perf_counter()
        with self._lock:
            writers = tuple(writer for writer, _ in self._writers.values())
            n_fields = sum(writer.n_pending for writer in writers)
            n_bytes = sum(writer.pending_bytes for writer in writers)
            yield writers
        self._listener(Flushed(n_fields=n_fields, n_bytes=n_bytes, seconds=time.perf_counter() - started))

    def close(self) -> None:
        """Close all files. What was not flushed is not kept."""
        with self._lock:
            for writer, _ in self._writers.values():
                writer.close()
            self._reset()

    def __enter__(self) -> "FDB":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        try:
            if kind is None:
                self.flush()
        finally:
            self.close()

    # -- reading

    def list(self, request: Requested | None = None, *, masked: bool = False) -> Listing:
        """Return the fields that answer a request, in the order of their databases and of archiving.

        Parameters
        ----------
        request : Mapping or Request, optional
            Keywords that are absent, or ``all``, ask for every value; None for the whole store.
        masked : bool
            Whether earlier fields of the same key are listed too.

        Raises
        ------
        InvalidRequest
            For a keyword the schema does not have, or a value it cannot have.
        """
        asked = _request_of(request)
        return self._list(asked, masked=masked) or self._list(asked, masked=masked, everywhere=True)

    def _list(
        self, request: Request, use: Use = "list", *, masked: bool = False, everywhere: bool = False
    ) -> Listing:
        parts: list[Part] = []
        rows = []
        with self._lock:
            for lane, wanted, database in self._lanes.visit(request, use, everywhere=everywhere):
                if is_locked(database.where, _CONTROL[use]):
                    continue
                schema = _readable_schema(database) or lane.schema
                asked = wanted if schema.same_text(lane.schema) else _wanted_there(request, schema)
                if asked is None or (table := database.table_for(asked)).n_rows == 0:
                    continue
                found = matching_rows(table, asked, schema.hidden)
                found = table.fields(found) if masked else newest_rows(table, found)
                if len(found):
                    parts.append((database, table))
                    rows.append(found)
        part = np.repeat(np.arange(len(rows), dtype=np.int32), [len(found) for found in rows])
        return Listing(
            parts, part, np.concatenate(rows) if rows else np.empty(0, np.int64), self.schema.order
        )

    def inspect(self, request: Requested, *, missing: Missing = "error") -> Listing:
        """Return the fields a request names, in its order (schema order, the outermost keyword slowest).

        An absent keyword asks for every value, but for an optional one with a default (``domain?g``) it
        asks for the default or for none.

        Parameters
        ----------
        request : Mapping or Request
            What is wanted.
        missing : str
            What to do about fields that are not stored: ``error``, ``skip`` them, or ``report`` them in the
            listing's ``missing`` and ``n_missing``.

        Raises
        ------
        FieldNotFound
            With ``missing="error"``: names the first of the fields that are not there.
        InvalidRequest
            As `list`.
        """
        if missing not in get_args(Missing):
            raise InvalidRequest(f"found missing={missing!r}; expected 'error', 'skip' or 'report'")
        asked = _request_of(request)
        defaults = {k: [default, ""] for k, default in self.schema.defaults.items() if k not in request}
        asked = asked.replace(**defaults) if defaults else asked
        single = self._single(asked, defaults)
        if single is not None:
            return single
        limit = MAX_REPORTED if missing == "report" else MAX_NAMED
        listing, answer = self._answer(asked, defaults, limit)
        if answer.n_missing:
            listing, answer = self._answer(asked, defaults, limit, everywhere=True)
        if answer.n_missing and missing == "error":
            raise _not_found(answer.n_missing, answer.missing, len(answer.rows))
        found = listing.select(answer.rows)
        if missing == "report":
            found.missing, found.n_missing = answer.missing, answer.n_missing
        return found

    def _answer(
        self, request: Request, defaults: Collection[str], limit: int, *, everywhere: bool = False
    ) -> tuple[Listing, Order]:
        """Return what matches a request, and how that answers it."""
        listing = self._list(request, "retrieve", everywhere=everywhere)
        wanted = wanted_of(request, self.schema)
        wanted = {
            k: wanted[k]
            for k in sorted(wanted, key=self.schema.place)
            if k not in self.schema.hidden and k not in defaults
        }
        columns = {k: listing.codes(k) for k in dict.fromkeys((*wanted, *listing.keywords))}
        for k, values in wanted.items():
            if values[0].parts:
                columns[k] = joint_column([listing.codes(stored) for stored, _ in values[0].parts])
        return listing, request_order(wanted, columns, len(listing), limit)

    def _single(self, request: Request, defaults: Collection[str]) -> Listing | None:
        """Return the one field that a request names, None where `_answer` must look."""
        if any(len(values) != 1 for keyword, values in request.items() if keyword not in defaults):
            return None
        found: list[tuple[Part, int]] = []
        with self._lock:
            for lane, asked, database in self._lanes.visit(request, "retrieve", everywhere=False):
                if is_locked(database.where, Control.RETRIEVE):
                    continue
                schema, table = _readable_schema(database) or lane.schema, database.table_for(asked)
                if table.n_rows == 0:
                    continue
                wanted = narrowed(asked, table.keywords)
                if not schema.same_text(lane.schema) or any(not v or v[0].parts for v in wanted.values()):
                    return None
                keywords = frozenset(wanted).difference(defaults)
                row = self._lookups.row(table, wanted, keywords, schema.hidden)
                if row != ABSENT:
                    found.append(((database, table), row))
        if len(found) != 1 or found[0][1] == UNSURE:
            return None
        part, row = found[0]
        return Listing([part], np.zeros(1, np.int32), np.array([row], np.int64), self.schema.order)

    def retrieve(self, request: Requested, *, missing: Missing = "error") -> MessageHandle:
        """Return the messages a request names, in its order, as one seekable file.

        Every message is compared with its checksum when it is read.

        Raises
        ------
        FieldNotFound, InvalidRequest
            As `inspect`; `CorruptData` when reading.
        """
        return MessageHandle(self.inspect(request, missing=missing))

    def striping(self) -> dict[str, str]:
        """Return for each root how the files of new databases there are striped over Lustre, in words."""
        return self._lanes.striping()

    def databases(self) -> tuple[Database, ...]:
        """Return every database of the store, by root and name."""
        with self._lock:
            found = self._lanes.visit(Request({}))
            return tuple(database for _, _, database in found if database.exists())


_handles: "weakref.WeakSet[FDB]" = weakref.WeakSet()


def _after_fork() -> None:
    for handle in list(_handles):
        handle._after_fork()


os.register_at_fork(after_in_child=_after_fork)


def _request_of(request: Requested | None) -> Request:
    return request if isinstance(request, Request) else Request(request or {})


def _wanted_there(request: Request, schema: Schema) -> Wanted | None:
    """Return what is wanted in the words of a database's own schema, None if it cannot have it."""
    try:
        return wanted_of(request, schema)
    except InvalidRequest:
        return None


def _readable_schema(database: Database) -> Schema | None:
    try:
        return database.schema()
    except OSError:
        return None


def _split_alike(
    schema: Schema, key: Mapping[str, Any], route: Route, values: tuple[str, ...]
) -> tuple[Route, tuple[str, ...]]:
    """Split a key by a database's own schema, which must put it into the same database."""
    own, own_values = schema.split(key)
    if own.directory(own_values) != route.directory(values):
        raise InvalidKey(
            f"the schema of the database {route.directory(values)} puts the key "
            f"into {own.directory(own_values)}",
            key=dict(key),
        )
    return own, own_values


def _not_found(n_missing: int, missing: tuple[dict[str, str], ...], n_found: int) -> FieldNotFound:
    named = "; ".join(",".join(f"{k}={v}" for k, v in values.items()) for values in missing)
    more = f"; and {n_missing - len(missing)} more" if n_missing > len(missing) else ""
    return FieldNotFound(
        f"{n_missing} of the fields asked for are not stored ({n_found} are): {named}{more}",
        missing=missing,
        n_missing=n_missing,
    )
