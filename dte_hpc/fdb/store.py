"""How are fields stored and found by what they are called?

`FDB` is ECMWF FDB 5's interface: archive, flush, list, inspect, retrieve. Writing is `Writer`'s,
reading `Database`'s, the choice between databases is made here.
"""

import os
import threading
import time
import weakref
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray

from dte_hpc.base.checksum import ByteLike
from dte_hpc.base.errors import (
    FieldNotFound,
    InvalidConfig,
    InvalidKey,
    InvalidMessage,
    InvalidRequest,
    UnsupportedPacking,
)
from dte_hpc.base.events import FieldStored, Flushed, Listener, RecordSkipped, ignore
from dte_hpc.base.request import Request, RequestValue
from dte_hpc.codecs.layout import EncodedField, Layout, read_layout, split
from dte_hpc.fdb.config import FDBConfig, config_of
from dte_hpc.fdb.database import Database, create_database
from dte_hpc.fdb.disk import Disk, OpenFiles
from dte_hpc.fdb.handle import MessageHandle
from dte_hpc.fdb.listing import Listing, Part
from dte_hpc.fdb.matching import Wanted, matching_rows, may_hold, newest_rows, request_order, wanted_of
from dte_hpc.fdb.paths import values_of
from dte_hpc.fdb.schema import Route, Schema, default_schema
from dte_hpc.fdb.writer import BUFFER_BYTES, Writer

if TYPE_CHECKING:
    from dte_hpc.parallel.mpi import Comm

MAX_OPEN_WRITERS = 32
MEMORY_BYTES = 32 * 1024 * 1024
MIN_BUFFER_BYTES = 32 * 1024
Databases = list[Database]
Writers = list[Writer]
Requested = Mapping[str, RequestValue] | Request


class FDB:
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
        self.schema = _schema_of(schema, self.config)
        self._listener = listener
        self._disk = disk or Disk()
        self._files = OpenFiles()
        self._databases: dict[tuple[Path, str], Database] = {}
        self._links: set[str] = set()
        self._reset()
        _handles.add(self)

    def _reset(self) -> None:
        self._lock = threading.RLock()
        self._by_key: dict[tuple[tuple[str, ...], tuple[str, ...]], tuple[Writer, Schema]] = {}
        self._writers: dict[str, tuple[Writer, Schema]] = {}
        self._open: Writers = []

    def _after_fork(self) -> None:
        """Leave the parent's files to the parent."""
        for writer, _ in self._writers.values():
            writer.close(keep_files=True)
        self._files = OpenFiles()
        self._databases = {}
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
            self._archive_one(_checked_bytes(message.message), key, message.layout, offsets, message.metadata)
        elif key is not None:
            data = _checked_bytes(message)
            self._archive_one(data, key, layout_of(data), None, key)
        else:
            self._archive_headers(message)

    def _archive_headers(self, buffer: ByteLike) -> None:
        from dte_hpc.codecs.decode import mars_key

        messages = [(message, mars_key(message)) for message in split(buffer)]
        for _, key in messages:
            self.schema.split(key)
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
        grid = str(facts.get("grid") or key.get("grid") or (_grid_of(message) if layout is not None else ""))
        with self._lock:
            route, values = self.schema.split(key)
            found = self._by_key.get((route.database, values[: route.n_database]))
            writer, schema = found or self._open_writer(route, values)
            if schema is not self.schema:
                route, values = _split_alike(schema, key, route, values)
            writer.add(route.names, values, message, layout, grid, offsets)
        if self._listener is not ignore:
            self._listener(
                FieldStored(key=str(dict(zip(route.names, values, strict=True))), n_bytes=len(message))
            )

    def _open_writer(self, route: Route, values: tuple[str, ...]) -> tuple[Writer, Schema]:
        name = route.directory(values)
        found = self._writers.get(name)
        if found is None:
            root = self.config.root_for(name)
            create_database(self._disk, root, name, self.schema)
            own = self._database(root, name).schema()
            schema = self.schema if own is None or own.same_text(self.schema) else own
            found = self._writers[name] = (Writer(self._disk, root, name, self._opening), schema)
            for writer, _ in self._writers.values():
                writer.buffer_bytes = max(
                    MIN_BUFFER_BYTES, min(BUFFER_BYTES, MEMORY_BYTES // len(self._writers))
                )
        self._by_key[route.database, values[: route.n_database]] = found
        return found

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
        return self._list(asked, wanted_of(asked, self.schema), masked=masked)

    def _list(self, request: Request, wanted: Wanted, *, masked: bool = False) -> Listing:
        parts: list[Part] = []
        rows = []
        with self._lock:
            for database in self._visit(wanted):
                schema = _readable_schema(database) or self.schema
                asked = wanted if schema.same_text(self.schema) else _wanted_there(request, schema)
                table = database.table()
                if asked is None or table.n_rows == 0:
                    continue
                found = matching_rows(table, asked, schema.hidden)
                found = found if masked else newest_rows(table, found)
                if len(found):
                    parts.append((database, table))
                    rows.append(found)
        part = np.repeat(np.arange(len(rows), dtype=np.int32), [len(found) for found in rows])
        return Listing(
            parts, part, np.concatenate(rows) if rows else np.empty(0, np.int64), self.schema.order
        )

    def inspect(self, request: Requested, *, missing: Literal["error", "skip"] = "error") -> Listing:
        """Return the fields a request names, in its order (schema order, the outermost keyword slowest).

        An absent keyword asks for every value, but for an optional one with a default (``domain?g``) it
        asks for the default or for none.

        Raises
        ------
        FieldNotFound
            Unless ``missing="skip"``: names the first of the fields that are not there.
        InvalidRequest
            As `list`.
        """
        if missing not in ("error", "skip"):
            raise InvalidRequest(f"found missing={missing!r}; expected 'error' or 'skip'")
        asked = _request_of(request)
        given = set(request)
        defaults = {k: [default, ""] for k, default in self.schema.defaults.items() if k not in given}
        asked = asked.replace(**defaults) if defaults else asked
        wanted = wanted_of(asked, self.schema)
        listing = self._list(asked, wanted)
        order = [k for k in self.schema.order if k in wanted]
        wanted = {k: wanted[k] for k in order if k not in self.schema.hidden and k not in defaults}
        columns = {k: listing.codes(k) for k in dict.fromkeys((*wanted, *listing.keywords))}
        answer = request_order(wanted, columns, len(listing))
        if answer.n_missing and missing == "error":
            raise _not_found(answer.n_missing, answer.missing, len(answer.rows))
        return listing.select(answer.rows)

    def retrieve(self, request: Requested, *, missing: Literal["error", "skip"] = "error") -> MessageHandle:
        """Return the messages a request names, in its order, as one seekable file.

        Every message is compared with its checksum when it is read.

        Raises
        ------
        FieldNotFound, InvalidRequest
            As `inspect`; `CorruptData` when reading.
        """
        return MessageHandle(self.inspect(request, missing=missing))

    def databases(self) -> tuple[Database, ...]:
        """Return every database of the store, by root and name."""
        with self._lock:
            return tuple(database for database in self._visit({}) if database.exists())

    def _visit(self, wanted: Wanted) -> tuple[Database, ...]:
        found: Databases = []
        for root in self.config.readable_roots():
            try:
                with os.scandir(root) as entries:
                    names = sorted(entry.name for entry in entries if self._is_database(entry))
            except FileNotFoundError:
                continue
            found += [
                self._database(root, name)
                for name in names
                if values_of(name) is not None and (not wanted or may_hold(name, wanted, self.schema))
            ]
        return tuple(found)

    def _is_database(self, entry: "os.DirEntry[str]") -> bool:
        """Whether a directory entry may be a database; of a link that looks like one the listener is told."""
        if entry.is_symlink() and entry.path not in self._links and values_of(entry.name) is not None:
            self._links.add(entry.path)
            if entry.is_dir():
                reason = "it is a symbolic link, which is not followed; name its root in the configuration"
                self._listener(RecordSkipped(where=entry.path, reason=reason))
        return entry.is_dir(follow_symlinks=False)

    def _database(self, root: Path, name: str) -> Database:
        place = (root, name)
        if place not in self._databases:
            self._databases[place] = Database(root, name, self._files, self._listener)
        return self._databases[place]


_handles: "weakref.WeakSet[FDB]" = weakref.WeakSet()


def _after_fork() -> None:
    for handle in list(_handles):
        handle._after_fork()


os.register_at_fork(after_in_child=_after_fork)


def _schema_of(schema: Schema | str | Path | None, config: FDBConfig) -> Schema:
    if isinstance(schema, Schema):
        return schema
    path = schema or config.schema
    if not path:
        return default_schema()
    try:
        return Schema(Path(path).read_text(encoding="utf-8"), str(path))
    except (OSError, UnicodeDecodeError) as error:
        raise InvalidConfig(f"the schema {path} cannot be read: {error}", path=str(path)) from error


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


def _checked_bytes(message: ByteLike) -> ByteLike:
    """Return a message as flat contiguous bytes."""
    if isinstance(message, bytes) and message:
        return message
    try:
        view = memoryview(message).cast("B")  # type: ignore[arg-type]
    except TypeError as error:
        raise InvalidMessage(f"found a {type(message).__name__}; expected contiguous bytes") from error
    if len(view) == 0:
        raise InvalidMessage("found a message of 0 bytes; expected at least one")
    return view


def layout_of(message: ByteLike) -> Layout | None:
    """Return how a message is packed, None for bytes that are not one GRIB message of one field."""
    if bytes(message[:4]) != b"GRIB":
        return None
    try:
        layout = read_layout(message)
    except (InvalidMessage, UnsupportedPacking):
        return None
    return layout


def _grid_of(message: ByteLike) -> str:
    from dte_hpc.codecs.decode import grid_name

    return grid_name(message) or ""
