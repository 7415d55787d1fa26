"""What may an operator do with a store?

Lock databases, ask what is in them, delete fields, purge, compact, wipe, rebuild an index. `Upkeep` is the
part of `dte_hpc.fdb.store.FDB` that does this; the work on one database is done by `control`, `summary`,
`reclaim`, `wipe` and `reindex`.
"""

from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping

from dte_hpc.base.errors import InvalidRequest, StorageLocked
from dte_hpc.base.key import Key
from dte_hpc.base.request import Request, RequestValue
from dte_hpc.fdb.files.database import Database
from dte_hpc.fdb.files.disk import Disk
from dte_hpc.fdb.files.segment import Packed
from dte_hpc.fdb.finding.listing import Listing
from dte_hpc.fdb.finding.matching import matching_rows, newest_rows
from dte_hpc.fdb.naming.schema import Schema
from dte_hpc.fdb.places.lanes import Found, Lanes
from dte_hpc.fdb.places.spaces import Use
from dte_hpc.fdb.upkeep.control import (
    Action,
    Control,
    DatabaseStatus,
    change,
    refuse_if_locked,
    status_of,
)
from dte_hpc.fdb.upkeep.maintenance import maintenance
from dte_hpc.fdb.upkeep.reclaim import ReclaimPlan, reclaim
from dte_hpc.fdb.upkeep.reindex import ReindexPlan, reindex
from dte_hpc.fdb.upkeep.summary import DatabaseStats, axes_of, database_key, stats_of
from dte_hpc.fdb.upkeep.wipe import WipePlan, plan_wipe, sweep, wipe
from dte_hpc.fdb.writing.pending import Rows
from dte_hpc.fdb.writing.publish import Publisher

Axes = dict[str, list[str]]
Requested = Mapping[str, RequestValue] | Request
_USES: dict[Control, Use] = {
    Control.LIST: "list",
    Control.RETRIEVE: "retrieve",
    Control.ARCHIVE: "archive",
    Control.WIPE: "wipe",
}


class Upkeep(ABC):
    """What an operator does with a store."""

    schema: Schema
    _lanes: Lanes
    _disk: Disk

    @abstractmethod
    def flush(self) -> None:
        """Make everything archived through this handle visible."""

    @abstractmethod
    def list(self, request: Requested | None = None, *, masked: bool = False) -> Listing:
        """Return the fields that answer a request."""

    @abstractmethod
    def _release(self, database: Database) -> None:
        """Close the writers of a database that this process has, but those with unflushed fields."""

    # -- asking

    def status(self, request: Requested | None = None) -> tuple[DatabaseStatus, ...]:
        """Return what may not be done with each database that a request is about.

        Raises
        ------
        InvalidRequest
            For a keyword the schema does not have, or a value it cannot have.
        """
        return tuple(status_of(found.database, _key(found)) for found in self._asked(request))

    def stats(self, request: Requested | None = None) -> tuple[DatabaseStats, ...]:
        """Return how many fields, bytes and files each database that a request is about has.

        Raises
        ------
        InvalidRequest
            As `status`.
        """
        with self._lanes.lock:
            return tuple(stats_of(found.database, _key(found)) for found in self._asked(request))

    def axes(self, request: Requested | None = None, *, level: int = 3) -> Axes:
        """Return for each keyword the values that fields which answer a request have.

        Parameters
        ----------
        request : Mapping or Request, optional
            As `list` takes it.
        level : int
            1 for the keywords of databases, 2 for those of indexes too, 3 for all.

        Raises
        ------
        InvalidRequest
            As `list`, and for another level.
        """
        if level not in (1, 2, 3):
            raise InvalidRequest(f"found level {level!r}; expected 1, 2 or 3")
        return axes_of(self.list(request), self.schema, level)

    def enabled(self, identifier: Control) -> bool:
        """Whether the configuration lets something be done with the store at all."""
        use = _USES.get(identifier)
        return use is None or any(lane.allows(use) for lane in self._lanes.lanes)

    # -- locking

    def control(
        self, request: Requested, action: Action, identifiers: Control | Iterable[Control]
    ) -> tuple[DatabaseStatus, ...]:
        """Lock (``disable``) or unlock (``enable``) databases for some things; return how they are then.

        Raises
        ------
        InvalidRequest
            As `status`, and for another action.
        StorageLocked
            If a database is only read (`engine: fdb5-toc`); then none is changed.
        StorageFailed
            If the file system refuses.
        """
        changed = []
        for found in self._asked(request, changes=True):
            change(self._disk, found.database, action, identifiers)
            changed.append(status_of(found.database, _key(found)))
        return tuple(changed)

    # -- removing

    def delete(self, request: Requested) -> int:
        """Delete the fields that answer a request, for everybody and durably; return how many there were.

        What was archived through this handle is flushed first, so it is deleted too. The bytes come back
        with `purge` or `compact`. A field of the same key that is archived later is there again.

        Parameters
        ----------
        request : Mapping or Request
            As `list` takes it; an empty one is refused.

        Raises
        ------
        InvalidRequest
            As `list`, and for an empty request.
        StorageLocked
            If a database is locked for wiping.
        StorageFailed
            If the file system refuses; the databases after that one are as before.
        """
        if not request:
            raise InvalidRequest("found an empty request; expected one that says which fields are deleted")
        self.flush()
        deletions = [(found.database, _tombstones(found)) for found in self._asked(request, "wipe")]
        for database, rows in deletions:
            if len(rows):
                refuse_if_locked(database.where, Control.WIPE, "nothing was deleted")
        for database, rows in deletions:
            if len(rows):
                self._publish(database, rows)
        return sum(len(rows) for _, rows in deletions)

    def purge(
        self, request: Requested | None = None, *, doit: bool = False, despite_damage: bool = False
    ) -> tuple[ReclaimPlan, ...]:
        """Remove the files of which every field is masked, and what dead writers left.

        Parameters
        ----------
        request : Mapping or Request, optional
            Says which databases; None for all.
        doit : bool
            Whether it is done; else only what would be is returned.
        despite_damage : bool
            Whether a damaged database is purged too: what could be rebuilt from its data files is lost.

        Raises
        ------
        CorruptData
            If a database is damaged.
        StorageLocked
            If a database is locked for wiping, or others are at maintenance.
        StorageFailed
            If the file system refuses.
        """
        return self._reclaim(request, move=False, doit=doit, despite_damage=despite_damage)

    def compact(
        self, request: Requested | None = None, *, doit: bool = False, despite_damage: bool = False
    ) -> tuple[ReclaimPlan, ...]:
        """Purge, and rewrite data files that are masked in part; parameters and errors as `purge`."""
        return self._reclaim(request, move=True, doit=doit, despite_damage=despite_damage)

    def _reclaim(
        self, request: Requested | None, *, move: bool, doit: bool, despite_damage: bool
    ) -> tuple[ReclaimPlan, ...]:
        plans = []
        for found in self._asked(request, "wipe"):
            database = found.database
            if doit:
                refuse_if_locked(database.where, Control.WIPE, "nothing was removed")
                self._release(database)
            plans.append(
                reclaim(
                    self._disk, database, _key(found), move=move, doit=doit, despite_damage=despite_damage
                )
            )
        if doit and not request:
            for lane in self._lanes.lanes:
                sweep(self._disk, lane.roots("wipe"))
        return tuple(plans)

    def wipe(
        self, request: Requested, *, doit: bool = False, unsafe_wipe_all: bool = False
    ) -> tuple[WipePlan, ...]:
        """Remove whole databases.

        A request may name keywords of databases only: single fields, or all of one type, are for `delete`.

        Parameters
        ----------
        request : Mapping or Request
            Says which; an empty one means all.
        doit : bool
            Whether it is done; else only what would be is returned.
        unsafe_wipe_all : bool
            Whether unknown files, and those of writers that seem to be at work, are removed too.

        Raises
        ------
        InvalidRequest
            As `status`, and for a keyword that is not of a database.
        StorageLocked
            If a database is locked for wiping, or a writer is at work in it.
        StorageFailed
            If a database has unknown files, or the file system refuses.
        """
        asked = self._asked(request, "wipe")
        for found in asked:
            _refuse_inner_keywords(request, found)
        plans = []
        for found in asked:
            table = found.database.table()
            alive = newest_rows(table, matching_rows(table, {}, ()))
            plans.append(plan_wipe(found.database, _key(found), len(alive)))
            if doit:
                self._release(found.database)
                wipe(self._disk, found.database, unsafe_wipe_all=unsafe_wipe_all)
        return tuple(plans)

    # -- repairing

    def reindex(self, request: Requested | None = None, *, doit: bool = False) -> tuple[ReindexPlan, ...]:
        """Find fields in data files that no readable index knows, by their GRIB headers, and index them.

        Parameters and errors as `purge`. See `dte_hpc.fdb.upkeep.reindex`.
        """
        plans = []
        for found in self._asked(request, "wipe"):
            schema = found.database.schema() or found.lane.schema
            plans.append(reindex(self._disk, found.database, _key(found), schema, doit=doit))
        return tuple(plans)

    def _asked(
        self, request: Requested | None, use: Use = "list", *, changes: bool = False
    ) -> tuple[Found, ...]:
        """Return the databases a request is about: those whose name may answer it, and some field, if any."""
        asked = request if isinstance(request, Request) else Request(request or {})
        with (
            self._lanes.lock
        ):  # a database that one thread reads for the first time, another must not take as read
            found = [f for f in self._lanes.visit(asked, use, everywhere=True) if f.database.exists()]
            answering = tuple(one for one in found if _has_any(one))
        if changes or use == "wipe":
            for one in found:
                if not one.lane.engine.writes:
                    raise StorageLocked(
                        f"{one.database.where} is stored as {one.lane.engine.name}, which is only read",
                        where=one.database.where,
                    )
        return answering

    def _publish(self, database: Database, rows: Rows) -> None:
        with maintenance(database) as directory:
            publisher = Publisher(self._disk, lambda: directory, database.root, database.name)
            try:
                publisher.publish(lambda index: Packed(len(rows), *rows.segment(index, [("", 0, len(rows))])))
            finally:
                publisher.drop()


def _key(found: Found) -> Key:
    values = found.lane.engine.values_of(found.database.name) or ()
    return database_key(values, found.database.schema() or found.lane.schema)


def _has_any(found: Found) -> bool:
    """Whether a field of the database answers the request, where that asks for more than the database."""
    inner = set(found.wanted) - set(_key(found))
    if not inner:
        return True
    table = found.database.table()
    return len(matching_rows(table, found.wanted, found.lane.schema.hidden)) > 0


def _refuse_inner_keywords(request: Requested, found: Found) -> None:
    schema = found.database.schema() or found.lane.schema
    outer = {p.keyword for rule in schema.rules for p in rule.levels[0]}
    inner = [keyword for keyword in request if keyword not in outer]
    if inner:
        raise InvalidRequest(
            f"the request names {', '.join(inner)}; a wipe removes whole databases, expected only keywords "
            f"of those ({', '.join(sorted(outer))}); delete removes single fields",
            keywords=inner,
        )


def _tombstones(found: Found) -> Rows:
    """Return rows that mask the fields of a database that answer a request."""
    table = found.database.table()
    rows = newest_rows(table, matching_rows(table, found.wanted, found.lane.schema.hidden))
    columns = {k: (table.codes(k)[rows].tolist(), table.words_of(k).list) for k in table.keywords}
    deleted = Rows()
    for number in range(len(rows)):
        pairs = {k: words[codes[number]] for k, (codes, words) in columns.items()}
        names = tuple(k for k, value in pairs.items() if value)
        deleted.add(names, tuple(pairs[k] for k in names), 0, 0, None, "", None)
    return deleted
