"""Which writers does a handle have, and for which keys?

One for each database it archived into, each with the schema of that database. Only some have open files.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from dte_hpc.base.errors import InvalidKey
from dte_hpc.base.events import Listener
from dte_hpc.fdb.files.disk import Disk
from dte_hpc.fdb.naming.schema import Route, Schema
from dte_hpc.fdb.places.lane import Lane
from dte_hpc.fdb.places.lanes import Lanes
from dte_hpc.fdb.places.making import Maker
from dte_hpc.fdb.upkeep.control import Control, refuse_if_locked
from dte_hpc.fdb.writing.writer import BUFFER_BYTES, Writer

MAX_OPEN_WRITERS = 32
MEMORY_BYTES = 32 * 1024 * 1024
MIN_BUFFER_BYTES = 32 * 1024
Opened = tuple[Writer, Schema]


class Writers:
    """The writers of one handle.

    Parameters
    ----------
    disk : Disk
        The system calls.
    lanes : Lanes
        The databases.
    listener : Listener
        Told of what is made.
    """

    def __init__(self, disk: Disk, lanes: Lanes, listener: Listener) -> None:
        self._disk = disk
        self._lanes = lanes
        self._listener = listener
        self.forget()

    def forget(self) -> None:
        """Have no writers any more."""
        self._by_key: dict[tuple[Lane, tuple[str, ...], tuple[str, ...]], Opened] = {}
        self._by_name: dict[tuple[Lane, str], Opened] = {}
        self._open: list[Writer] = []

    def __iter__(self) -> Iterator[Writer]:
        """Yield each writer."""
        return iter([writer for writer, _ in self._by_name.values()])

    def of(self, lane: Lane, route: Route, values: tuple[str, ...]) -> Opened:
        """Return the writer of a key's database, and that database's schema; it may be archived into.

        Raises
        ------
        StorageLocked
            If the database is locked for archiving.
        InvalidConfig, StorageFailed
            If it cannot be made.
        """
        found = self._by_key.get((lane, route.database, values[: route.n_database]))
        writer, schema = found or self._opened(lane, route, values)
        if writer.n_pending == 0:
            refuse_if_locked(writer.where, Control.ARCHIVE, "nothing was archived")
        return writer, schema

    def _opened(self, lane: Lane, route: Route, values: tuple[str, ...]) -> Opened:
        name = route.directory(values)
        found = self._by_name.get((lane, name))
        if found is None:
            root = self._lanes.root_for(lane, route, values)
            database = self._lanes.database(lane, root, name)
            make = Maker(self._disk, database, lane.schema, lane.layouts, self._listener)
            make()
            own = database.schema()
            schema = lane.schema if own is None or own.same_text(lane.schema) else own
            found = self._by_name[lane, name] = (
                Writer(self._disk, root, name, self._opening, make, database.data_root),
                schema,
            )
            for writer, _ in self._by_name.values():
                writer.buffer_bytes = max(
                    MIN_BUFFER_BYTES, min(BUFFER_BYTES, MEMORY_BYTES // len(self._by_name))
                )
        self._by_key[lane, route.database, values[: route.n_database]] = found
        return found

    def close_clean(self, where: str) -> None:
        """Close the writer of a database and forget it, unless it has unflushed fields."""
        for place, (writer, _) in list(self._by_name.items()):
            if writer.where == where and writer.n_pending == 0:
                writer.close()
                del self._by_name[place]
                self._open = [other for other in self._open if other is not writer]
                self._by_key = {k: found for k, found in self._by_key.items() if found[0] is not writer}

    def _opening(self, writer: Writer) -> None:
        """Park the writer that opened its files longest ago, when too many have open files."""
        self._open = [other for other in self._open if other is not writer]
        while len(self._open) >= MAX_OPEN_WRITERS:
            self._open[0].park()
            del self._open[0]
        self._open.append(writer)

    def close(self, *, keep_files: bool = False) -> None:
        """Close all files; what was not flushed is not kept. `keep_files` as `Writer.close` has it."""
        for writer in self:
            writer.close(keep_files=keep_files)
        self.forget()


def split_alike(
    schema: Schema, key: Mapping[str, Any], route: Route, values: tuple[str, ...]
) -> tuple[Route, tuple[str, ...]]:
    """Split a key by a database's own schema; InvalidKey unless that puts it into the same database."""
    own, own_values = schema.split(key)
    if own.directory(own_values) != route.directory(values):
        raise InvalidKey(
            f"the schema of the database {route.directory(values)} puts the key "
            f"into {own.directory(own_values)}",
            key=dict(key),
        )
    return own, own_values
