"""How is a whole database removed?

Its directory is renamed, which hides it from everybody at once, and then emptied. A name beginning with
``.wiped.`` is no database; one that a killed wipe left is emptied by the next wipe in that root.

Nothing of a writer at work is lost: while one may still refer to a file of the database it is not wiped.
A wipe first keeps new writers out and then looks for writers; a writer does it vice versa, so one of the
two sees the other (`dte_hpc.fdb.upkeep.maintenance`).
"""

import errno
import os
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from dte_hpc.base.errors import StorageFailed, StorageLocked
from dte_hpc.base.key import Key
from dte_hpc.fdb.files.database import Database
from dte_hpc.fdb.files.disk import Disk, open_directory, storage_failed
from dte_hpc.fdb.files.owners import Kind, files_in, is_at_work
from dte_hpc.fdb.places.paths import new_stem
from dte_hpc.fdb.upkeep.control import Control, refuse_if_locked
from dte_hpc.fdb.upkeep.maintenance import begin_wipe, end_wipe, maintenance

WIPED = ".wiped."
ATTEMPTS = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class WipePlan:
    """What a wipe of one database removes.

    Attributes
    ----------
    where, key : str, Key
        The database.
    catalogue, index, control, data : tuple of str
        Paths of toc and schema, index files, lock files, and data files (with what writers left).
    safe : tuple of str
        Paths of files that stay.
    unknown : tuple of str
        Paths of files that no writer of this store makes; they stop a wipe.
    n_fields, n_bytes : int
        Fields that are not masked, and bytes of all data files.
    """

    where: str
    key: Key
    catalogue: tuple[str, ...]
    index: tuple[str, ...]
    control: tuple[str, ...]
    data: tuple[str, ...]
    safe: tuple[str, ...]
    unknown: tuple[str, ...]
    n_fields: int
    n_bytes: int


def plan_wipe(database: Database, key: Key, n_fields: int) -> WipePlan:
    """Return what a wipe would remove."""
    files = [file for folder in database.folders for file in files_in(folder)]

    def of(*kinds: Kind) -> tuple[str, ...]:
        return tuple(file.path for file in files if file.kind in kinds)

    return WipePlan(
        where=database.where,
        key=key,
        catalogue=of("toc", "schema", "temporary"),
        index=of("index"),
        control=of("lock"),
        data=of("data"),
        safe=(),
        unknown=of("unknown"),
        n_fields=n_fields,
        n_bytes=sum(file.size for file in files if file.kind == "data"),
    )


def wipe(disk: Disk, database: Database, *, unsafe_wipe_all: bool) -> None:
    """Remove a database and everything in it.

    Parameters
    ----------
    disk : Disk
        The system calls.
    database : Database
        To remove.
    unsafe_wipe_all : bool
        Whether unknown files, and files of writers that seem to be at work, go too.

    Raises
    ------
    StorageLocked
        If it is locked, or a writer or other maintenance is at work in it; nothing was removed.
    StorageFailed
        If there are unknown files, and nothing was removed; or if the file system refuses.
    """
    refuse_if_locked(database.where, Control.WIPE, "nothing was removed")
    with maintenance(database) as directory:
        try:
            begin_wipe(disk, directory, database.where)
            if not unsafe_wipe_all:
                _refuse_unsafe(database)
            hidden = list(_hide(disk, database))
        except BaseException:
            end_wipe(directory)
            raise
        for root, name in hidden:
            _empty(disk, root, name)
    sweep(disk, {Path(folder).parent for folder in database.folders})


def sweep(disk: Disk, roots: Iterable[Path]) -> None:
    """Remove what killed wipes left in some roots."""
    for root in roots:
        for name in _left_behind(root):
            _empty(disk, root, name)


def _refuse_unsafe(database: Database) -> None:
    files = [file for folder in database.folders for file in files_in(folder)]
    unknown = [file.path for file in files if file.kind == "unknown"]
    if unknown:
        raise StorageFailed(
            f"{unknown[0]} is no file of a database ({len(unknown)} such); nothing was removed: "
            "take it away, or ask for an unsafe wipe",
            unknown=unknown,
        )
    busy = next((file for file in files if is_at_work(file)), None)
    if busy is not None:
        raise StorageLocked(
            f"the writer {busy.writer} of {busy.path} may be at work; nothing was removed", path=busy.path
        )


def _hide(disk: Disk, database: Database) -> Iterator[tuple[Path, str]]:
    """Rename the database's directories, the one with the toc first; yield where they are now."""
    for folder in database.folders:
        root = Path(folder).parent
        name = f"{WIPED}{new_stem()}"
        parent = open_directory(root)
        try:
            disk.rename(parent, database.name, name)
            disk.sync_directory(parent, str(root))
        finally:
            os.close(parent)
        yield root, name


def _left_behind(root: Path) -> list[str]:
    with suppress(FileNotFoundError), os.scandir(root) as entries:
        return [e.name for e in entries if e.name.startswith(WIPED) and e.is_dir(follow_symlinks=False)]
    return []


def _empty(disk: Disk, root: Path, name: str) -> None:
    """Remove a hidden directory with everything in it; what another wipe removes meanwhile is not missed.

    A writer that found it before it was hidden may make a file in it, and removes that itself.
    """
    parent = open_directory(root)
    try:
        for attempt in range(ATTEMPTS):
            try:
                _remove_entries(disk, root, name)
                disk.remove_directory(parent, name)
                break
            except FileNotFoundError:
                return
            except OSError as error:
                if error.errno != errno.ENOTEMPTY or attempt == ATTEMPTS - 1:
                    sentence = f"the directory {root}/{name} of a wiped database cannot be removed"
                    raise storage_failed(sentence, error) from error
        disk.sync_directory(parent, str(root))
    finally:
        os.close(parent)


def _remove_entries(disk: Disk, root: Path, name: str) -> None:
    directory = open_directory(root, name)
    try:
        for entry in os.listdir(directory):  # noqa: PTH208 - a descriptor, not a path
            _remove_entry(disk, directory, entry)
    finally:
        os.close(directory)


def _remove_entry(disk: Disk, directory: int, name: str) -> None:
    try:
        disk.remove(directory, name)
    except FileNotFoundError:
        return
