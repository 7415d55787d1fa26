"""How does a database come to lie in another root?

Copied, verified, and only then removed: the source is locked for archiving first, and nobody may be at
work in it. Whoever kills a move leaves the source whole; the move that is started again goes on.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from dte_hpc.base.errors import InvalidRequest, StorageFailed, StorageLocked
from dte_hpc.base.request import Request, RequestValue
from dte_hpc.fdb.files.database import Database
from dte_hpc.fdb.files.disk import Disk
from dte_hpc.fdb.files.owners import files_in, is_at_work
from dte_hpc.fdb.finding.listing import Listing
from dte_hpc.fdb.finding.matching import matching_rows, newest_rows
from dte_hpc.fdb.naming.schema import Schema
from dte_hpc.fdb.store import FDB
from dte_hpc.fdb.upkeep.control import Control, change, is_locked
from dte_hpc.fdb.upkeep.copy import Copied, Progress, copy, no_progress
from dte_hpc.fdb.upkeep.wipe import wipe


def move(
    store: FDB,
    request: Mapping[str, RequestValue] | Request,
    root: str | Path,
    *,
    keep: bool = False,
    progress: Progress = no_progress,
) -> tuple[Copied, ...]:
    """Move whole databases of a store into another root; return what was copied of each.

    Parameters
    ----------
    store : FDB
        That has them.
    request : Mapping or Request
        Says which; it may name keywords of databases only.
    root : path
        The other root. It is made if there is none.
    keep : bool
        Whether the source stays, locked for archiving.
    progress : callable
        As `dte_hpc.fdb.upkeep.copy.copy`'s, for each database.

    Raises
    ------
    InvalidRequest
        As `FDB.wipe`, and when the root is the database's own.
    StorageLocked
        If a database is locked, or somebody is at work in it; it is as it was.
    StorageFailed
        If a database has files that no writer made, or the file system refuses.
    CorruptData
        As `copy`; the source is as it was.
    """
    plans = store.wipe(request)
    known = {database.where: database for database in store.databases()}
    for plan in plans:
        if plan.where not in known:
            raise StorageLocked(f"{plan.where} is locked for listing; nothing was moved", where=plan.where)
        if plan.unknown:
            raise StorageFailed(f"{plan.where} has files that no writer made: {', '.join(plan.unknown)}")
        if Path(root).resolve() == known[plan.where].root.resolve():
            raise InvalidRequest(f"{plan.where} is in the root {root} already; expected another root")
    return tuple(
        _move_one(known[plan.where], store.schema, Path(root), keep=keep, progress=progress) for plan in plans
    )


def _move_one(database: Database, schema: Schema, root: Path, *, keep: bool, progress: Progress) -> Copied:
    disk, own = Disk(), database.schema() or schema
    with _locked(disk, database), FDB(_config_of(root), schema=own) as target:
        _refuse_if_at_work(database)
        copied, n_rows = Copied(), -1
        while database.table().n_rows != n_rows:
            n_rows = database.table().n_rows
            copied = copy(_everything(database, own), target, progress=progress)
        if not keep:
            wipe(disk, database, unsafe_wipe_all=False)
    return copied


@contextmanager
def _locked(disk: Disk, database: Database) -> Iterator[None]:
    """Keep new writers out; if the move fails, the lock is as it was."""
    for what in (Control.RETRIEVE, Control.WIPE):
        if is_locked(database.where, what):
            raise StorageLocked(f"{database.where} is locked ({what.name}); nothing was moved")
    was_locked = is_locked(database.where, Control.ARCHIVE)
    change(disk, database, "disable", Control.ARCHIVE)
    try:
        yield
    except BaseException:
        if not was_locked and Path(database.where).is_dir():
            change(disk, database, "enable", Control.ARCHIVE)
        raise


def _refuse_if_at_work(database: Database) -> None:
    at_work = [f.path for folder in database.folders for f in files_in(folder) if is_at_work(f)]
    if at_work:
        raise StorageLocked(f"a writer is at work in {database.where}: {at_work[0]}", where=database.where)


def _config_of(root: Path) -> dict[str, object]:
    return {"spaces": [{"roots": [{"path": str(root.absolute())}]}]}


def _everything(database: Database, schema: Schema) -> Listing:
    table = database.table()
    rows = newest_rows(table, matching_rows(table, {}, ()))
    return Listing([(database, table)], np.zeros(len(rows), np.int32), rows, schema.order)
