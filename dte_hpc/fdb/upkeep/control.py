"""What may be done with a database?

Files in its directory say what may not, with the names of ECMWF's FDB: ``list.lock``, ``retrieve.lock``,
``archive.lock``, ``wipe.lock``. For what is locked the database is not there: a list or retrieve passes it
over, an archive, delete, wipe, purge or compact is refused with `StorageLocked`. ``duplicates.allow``
belongs to FDB's vocabulary (a database may be in several roots) and is kept, but decides nothing here.

A lock is looked at once for each operation and database, when it begins. It is an operator's sign for
what begins later, not a mutual exclusion.
"""

import enum
import os
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from dte_hpc.base.errors import InvalidRequest, StorageLocked
from dte_hpc.base.key import Key
from dte_hpc.fdb.files.database import Database
from dte_hpc.fdb.files.disk import Disk, open_directory

Action = Literal["enable", "disable"]


class Control(enum.Flag):
    """What can be locked; the numbers are FDB's."""

    NONE = 0
    LIST = 1
    RETRIEVE = 2
    ARCHIVE = 4
    WIPE = 8
    UNIQUEROOT = 16


LOCKS = (
    (Control.LIST, "list.lock"),
    (Control.RETRIEVE, "retrieve.lock"),
    (Control.ARCHIVE, "archive.lock"),
    (Control.WIPE, "wipe.lock"),
    (Control.UNIQUEROOT, "duplicates.allow"),
)
_FILE_OF = dict(LOCKS)


@dataclass(frozen=True, slots=True, kw_only=True)
class DatabaseStatus:
    """What may not be done with a database.

    Attributes
    ----------
    root, name, where : Path, str, str
        The root, the directory in it, and its path.
    key : Key
        The database's key.
    disabled : Control
        What is locked; UNIQUEROOT when the database may be in several roots.
    """

    root: Path
    name: str
    where: str
    key: Key
    disabled: Control


def is_locked(where: str, what: Control) -> bool:
    """Whether a database is locked for one thing. Cost: one system call."""
    return os.access(f"{where}/{_FILE_OF[what]}", os.F_OK)


def refuse_if_locked(where: str, what: Control, sentence: str) -> None:
    """Raise StorageLocked when a database is locked for something."""
    if is_locked(where, what):
        name = _FILE_OF[what]
        raise StorageLocked(f"{where} is locked ({name}): {sentence}", where=where, lock=name)


def status_of(database: Database, key: Key) -> DatabaseStatus:
    """Return what may not be done with a database."""
    disabled = Control.NONE
    for what, _ in LOCKS:
        if is_locked(database.where, what):
            disabled |= what
    return DatabaseStatus(
        root=database.root, name=database.name, where=database.where, key=key, disabled=disabled
    )


def change(disk: Disk, database: Database, action: Action, identifiers: Control | Iterable[Control]) -> None:
    """Lock (disable) or unlock (enable) a database for some things, durably.

    FDB's UNIQUEROOT is the other way round: disabling it makes ``duplicates.allow``.

    Raises
    ------
    InvalidRequest
        For another action.
    StorageFailed
        If the file system refuses.
    """
    if action not in ("enable", "disable"):
        raise InvalidRequest(f"found the action {action!r}; expected 'enable' or 'disable'")
    directory = open_directory(database.root, database.name)
    try:
        for what in _single(identifiers):
            name = _FILE_OF[what]
            if action == "disable":
                os.close(disk.open(directory, name, os.O_CREAT | os.O_WRONLY))
            else:
                with suppress(FileNotFoundError):
                    disk.remove(directory, name)
        disk.sync_directory(directory, database.where)
    finally:
        os.close(directory)


def _single(identifiers: Control | Iterable[Control]) -> Iterator[Control]:
    for identifier in (identifiers,) if isinstance(identifiers, Control) else identifiers:
        yield from (what for what, _ in LOCKS if what & identifier)
