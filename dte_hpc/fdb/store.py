"""How are fields stored and found by what they are called?

`FDB` is ECMWF FDB 5's interface: archive, flush, list, inspect, retrieve. Writing is `Writer`'s,
reading `Database`'s, the choice between databases is made here.
"""

import functools
import os
import time
import weakref
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from dte_hpc.base.checksum import ByteLike
from dte_hpc.base.events import FieldStored, Flushed, Listener, ignore
from dte_hpc.base.request import Request, RequestValue
from dte_hpc.codecs.layout import EncodedField, Layout, split
from dte_hpc.fdb.files.database import Database
from dte_hpc.fdb.files.disk import Disk
from dte_hpc.fdb.finding.finder import Finder, Missing
from dte_hpc.fdb.finding.handle import MessageHandle
from dte_hpc.fdb.finding.listing import Listing
from dte_hpc.fdb.naming.schema import Schema, read_schema
from dte_hpc.fdb.places.config import config_of
from dte_hpc.fdb.places.lanes import Lanes
from dte_hpc.fdb.places.spaces import FDBConfig
from dte_hpc.fdb.upkeep.operator import Upkeep
from dte_hpc.fdb.writing.batch import Keys, Messages, Share, grids_of, merged, shares_of
from dte_hpc.fdb.writing.facts import block_offsets_of, checked_bytes, grid_of, layout_of
from dte_hpc.fdb.writing.writer import Writer
from dte_hpc.fdb.writing.writers import Writers, split_alike

if TYPE_CHECKING:
    from dte_hpc.parallel.mpi import Comm

Shares = list[Share]
Requested = Mapping[str, RequestValue] | Request


class FDB(Upkeep):
    """A store of fields by key.

    Any number of processes may write and read one store at the same time. A handle may be used by
    several threads; its flush makes visible what all of them archived. After a fork the child starts
    without the parent's unflushed fields.

    Parameters
    ----------
    config : path, mapping, FDBConfig or None
        A root directory, FDB's configuration (a YAML file, its text, or what it says), or None for what
        the environment names; see `dte_hpc.fdb.places.config`.
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
        self._finder = Finder(self._lanes)
        self._writers = Writers(self._disk, self._lanes, listener)
        _handles.add(self)

    def _after_fork(self) -> None:
        """Leave the parent's files to the parent."""
        self._writers.close(keep_files=True)
        self._lanes.forget()

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
        with self._lanes.lock:
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
            writer, schema = self._writers.of(share.lane, share.route, share.values[0])
            split = functools.partial(split_alike, schema)
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
        offsets = block_offsets_of(message, layout) if offsets is None else offsets
        grid = str(facts.get("grid") or key.get("grid") or (grid_of(message) if layout is not None else ""))
        with self._lanes.lock:
            lane = self._lanes.writing(key)
            route, values = lane.schema.split(key)
            writer, schema = self._writers.of(lane, route, values)
            if schema is not lane.schema:
                route, values = split_alike(schema, key, route, values)
            writer.add(route.names, values, message, layout, grid, offsets)
        if self._listener is not ignore:
            self._listener(
                FieldStored(key=str(dict(zip(route.names, values, strict=True))), n_bytes=len(message))
            )

    def _release(self, database: Database) -> None:
        for handle in list(_handles):
            with handle._lanes.lock:
                handle._writers.close_clean(database.where)

    @property
    def dirty(self) -> bool:
        """Whether something was archived and not flushed."""
        return any(writer.n_pending for writer in self._writers)

    def flush(self) -> None:
        """Make everything archived through this handle durable and visible to everybody.

        The fields of one database become visible together; several databases one after the other.

        Raises
        ------
        StorageFailed
            If the file system refused. What could not be made durable is kept and tried again by the
            next flush, in new files; see `dte_hpc.fdb.writing.writer`. The other databases were flushed.
        StorageLocked
            If a database was locked for archiving, or is being wiped, before anything of it had reached the
            disk. Its fields are kept too, and the others were flushed.
        """
        failures = []
        with self.flushing() as writers:
            for writer in writers:
                try:
                    writer.flush()
                except OSError as error:
                    failures.append(error)
            try:
                if failures:
                    raise failures[0]
            finally:
                failures.clear()  # an error that its own frame holds would keep the writers' files in use

    def flush_together(self, comm: "Comm") -> None:
        """Flush as one with the handles of other ranks: of each database all their fields, or none.

        Collective over `comm`: every rank calls it, also one that archived nothing. The store must be one
        that all of them see. Where ranks archived the same key, the highest rank's field is the one found.

        Parameters
        ----------
        comm : Comm
            The ranks; see `dte_hpc.fdb.writing.together`.

        Raises
        ------
        DteError
            On every rank the same, StorageFailed mostly; otherwise as `flush`.
        """
        from dte_hpc.fdb.writing.together import flush_together  # MPI, which other handles do without

        flush_together([self], comm)

    @contextmanager
    def flushing(self) -> Iterator[tuple[Writer, ...]]:
        """Hold the handle while somebody flushes its writers; when that succeeds the listener is told."""
        started = time.perf_counter()
        with self._lanes.lock:
            writers = tuple(self._writers)
            n_fields = sum(writer.n_pending for writer in writers)
            n_bytes = sum(writer.pending_bytes for writer in writers)
            yield writers
        self._listener(Flushed(n_fields=n_fields, n_bytes=n_bytes, seconds=time.perf_counter() - started))

    def close(self) -> None:
        """Close all files. What was not flushed is not kept."""
        with self._lanes.lock:
            self._writers.close()

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
        return self._finder.list(asked, masked=masked)

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
        return self._finder.inspect(_request_of(request), missing)

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
        with self._lanes.lock:
            found = self._lanes.visit(Request({}))
            return tuple(database for _, _, database in found if database.exists())


_handles: "weakref.WeakSet[FDB]" = weakref.WeakSet()


def _after_fork() -> None:
    for handle in list(_handles):
        handle._after_fork()


os.register_at_fork(after_in_child=_after_fork)


def _request_of(request: Requested | None) -> Request:
    return request if isinstance(request, Request) else Request(request or {})
