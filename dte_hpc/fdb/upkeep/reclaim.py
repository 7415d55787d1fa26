"""How does the space of masked fields come back?

`reclaim` looks for data files in which no field answers anybody any more. It writes the rows of all
others as one segment, and a record of the toc that stands for everything before
(`dte_hpc.fdb.files.toc`); then nothing needs those data files, nor the old index files, and they are
removed. Compacting, it first copies what is left in data files that are masked in part, each message
compared with its checksum. Files that a dead writer left, and no flush refers to, are removed too.

Rows of masked fields stay as long as their data file does, and so do the deletions that mask them: what
could be had back is still told, and no rebuilt index takes a deleted field for a lost one.

Readers and writers may be at work meanwhile: what is flushed later stands after the record. What a writer
that is alive may still refer to is never removed, and what nobody may need is looked at again after the
record is durable. Only one maintenance is in a database at a time (`dte_hpc.fdb.upkeep.maintenance`).
Killed at any instant, it leaves the database as it was or as it should be, and perhaps files for the next
purge.

A listing made before a purge may name files that are gone; reading them says so (CorruptData).
"""

import os
from dataclasses import dataclass, field
from functools import partial

import numpy as np

from dte_hpc.base.checksum import checksum
from dte_hpc.base.errors import CorruptData
from dte_hpc.base.events import Event, RecordSkipped
from dte_hpc.base.key import Key
from dte_hpc.fdb.files.database import Database
from dte_hpc.fdb.files.disk import Disk, open_directory, read_exactly
from dte_hpc.fdb.files.owners import OwnFile, StoredFile, files_in, is_at_work
from dte_hpc.fdb.files.repack import Places, Rows, places_of, repacked
from dte_hpc.fdb.files.table import FILE, Table
from dte_hpc.fdb.files.tables import unpack_table
from dte_hpc.fdb.files.toc import RECLAIMED, SLOT_BYTES, TORN, absent_flushes
from dte_hpc.fdb.finding.matching import key_numbers, newest_rows
from dte_hpc.fdb.places.paths import new_stem
from dte_hpc.fdb.upkeep.maintenance import maintenance
from dte_hpc.fdb.writing.publish import Publisher


@dataclass(frozen=True, slots=True, kw_only=True)
class ReclaimPlan:
    """What a purge or compact of one database removes.

    Attributes
    ----------
    where, key : str, Key
        The database.
    masked_fields, masked_bytes : int
        Fields that a later one masks, or that were deleted, and the bytes of their messages.
    remove : tuple of str
        Paths of data and index files that nothing needs any more.
    leftovers : tuple of str
        Paths of files that a dead writer left and no flush refers to.
    rewritten_bytes : int
        Bytes of messages that are copied to get at the masked ones between them; 0 for a purge.
    """

    where: str
    key: Key
    masked_fields: int
    masked_bytes: int
    remove: tuple[str, ...]
    leftovers: tuple[str, ...]
    rewritten_bytes: int


@dataclass(slots=True)
class _View:
    """A database as it is now.

    Attributes
    ----------
    table, rows : Table, ndarray
        All rows, and those that answer somebody.
    kept : ndarray
        Those that are written again.
    stop : int
        The byte of the toc up to which they were read.
    idle : list of StoredFile
        Data, index and temporary files whose writers are gone. Known before the toc was read, so that
        everything these writers flushed is in it.
    is_damaged, despite_damage : bool
        Whether something cannot be read, and whether that is given up.
    live_bytes : dict
        For each data file, bytes of messages that answer somebody.
    referred : set of str
        Files that some row, or record, refers to.
    """

    table: Table
    rows: Rows
    stop: int
    idle: list[StoredFile]
    kept: Rows = field(default_factory=lambda: np.empty(0, np.int64))
    is_damaged: bool = False
    despite_damage: bool = False
    live_bytes: dict[str, int] = field(default_factory=dict)
    referred: set[str] = field(default_factory=set)


def reclaim(
    disk: Disk, database: Database, key: Key, *, move: bool, doit: bool, despite_damage: bool = False
) -> ReclaimPlan:
    """Say what is to be removed from a database, and remove it.

    Parameters
    ----------
    disk : Disk
        The system calls.
    database : Database
        That has it.
    key : Key
        Its key.
    move : bool
        Whether data files that are masked in part are rewritten (compact) or left as they are (purge).
    doit : bool
        Whether it is done; else only said.
    despite_damage : bool
        Whether what damaged records and segments refer to may go as well.

    Raises
    ------
    CorruptData
        If the database is damaged: what cannot be read might still be rebuilt from its data files.
    StorageLocked
        If other maintenance is at work in it.
    StorageFailed
        If the file system refuses; what was flushed is as before.
    """
    if not doit:  # many may ask at once, also while another is at work
        view = _view(database, despite_damage)
        return _plan(database, key, view, _chosen(view, move))
    with maintenance(database) as directory:
        view = _view(database, despite_damage)
        moving = _chosen(view, move)
        plan = _plan(database, key, view, moving)
        if len(view.kept) < view.table.n_rows or moving or plan.remove or view.is_damaged:
            _publish(disk, database, directory, view, moving)
        _remove(disk, database, directory, view.idle)
    return plan


def _view(database: Database, despite_damage: bool) -> _View:
    idle = [
        file
        for folder in database.folders
        for file in files_in(folder)
        if file.kind in ("data", "index", "temporary") and not is_at_work(file)
    ]
    damage: list[str] = []

    def listen(event: Event) -> None:
        if isinstance(event, RecordSkipped) and event.reason != TORN:
            damage.append(f"{event.where}: {event.reason}")

    fresh = database.anew(listen)
    table = fresh.table()
    records = fresh.every_record()
    for index, flushes in absent_flushes(records).items():
        damage.append(f"no record of flush {flushes[0]} of {index}")
    if damage and not despite_damage:
        raise CorruptData(
            f"{database.where} is damaged and nothing was removed: {damage[0]}", where=database.where
        )
    alive = newest_rows(table, np.arange(table.n_rows, dtype=np.int64))
    tail = fresh.toc.tail
    stop = fresh.toc.size if tail is None else tail[0]  # the tail may be a record that is being written
    view = _View(
        table,
        alive,
        stop // SLOT_BYTES * SLOT_BYTES,
        idle,
        is_damaged=bool(damage),
        despite_damage=despite_damage,
    )
    if len(alive):
        bytes_of = np.bincount(table.codes(FILE)[alive], weights=table.number("length")[alive].astype(float))
        names = table.words_of(FILE).list
        view.live_bytes = {names[n]: int(bytes_of[n]) for n in np.flatnonzero(bytes_of).tolist()}
    view.referred = {record.index for record in records}
    if table.n_rows:
        view.referred.update(table.words_of(FILE).list)
    return view


def _chosen(view: _View, move: bool) -> set[str]:
    """Return the data files from which messages are moved: idle, and masked in part; choose the rows kept."""
    part = {f.name for f in view.idle if 0 < view.live_bytes.get(f.name, 0) < f.size}
    moving = part if move else set()
    view.kept = _kept(view, moving)
    return moving


def _kept(view: _View, moving: set[str]) -> Rows:
    """Return the rows of files that stay, and the deletions that mask some of them."""
    table = view.table
    if len(view.rows) == table.n_rows:
        return view.rows
    gone = moving | {f.name for f in view.idle if f.name not in view.live_bytes}
    numbers = [n for n, name in enumerate(table.words_of(FILE).list) if name in gone]
    is_field = table.number("length") > 0
    stays = is_field & ~np.isin(table.codes(FILE), numbers)
    stays[view.rows] = True
    everything = np.arange(table.n_rows, dtype=np.int64)
    ids, _ = key_numbers([table.codes(keyword) for keyword in table.keywords], everything)
    found, ids = np.unique(ids, return_inverse=True)
    last, has_some = np.zeros(len(found), np.int64), np.zeros(len(found), np.bool_)
    last[ids] = everything
    has_some[ids[stays]] = True
    deletions = last[has_some & ~is_field[last]]
    stays[deletions] = True
    return np.flatnonzero(stays)


def _plan(database: Database, key: Key, view: _View, moving: set[str]) -> ReclaimPlan:
    lengths = view.table.number("length")
    real = int((lengths > 0).sum())
    n_bytes = int(lengths[view.rows].sum())
    keep = set(view.live_bytes) - moving
    unused = [f for f in view.idle if f.name in view.referred and f.kind == "data" and f.name not in keep]
    if len(view.kept) < view.table.n_rows or moving or unused:
        unused += [f for f in view.idle if f.name in view.referred and f.kind == "index"]
    return ReclaimPlan(
        where=database.where,
        key=key,
        masked_fields=real - len(view.rows),
        masked_bytes=int(lengths.sum()) - n_bytes,
        remove=tuple(file.path for file in unused),
        leftovers=tuple(file.path for file in view.idle if file.name not in view.referred),
        rewritten_bytes=sum(view.live_bytes[name] for name in moving),
    )


def _publish(disk: Disk, database: Database, directory: int, view: _View, moving: set[str]) -> None:
    """Write the rows that are left as one segment that stands for everything before."""
    publisher = Publisher(disk, lambda: directory, database.root, database.name)
    try:
        if len(view.kept) == 0:
            publisher.stand_for(None, RECLAIMED, 0, view.stop)
            return
        places = _moved(disk, database, view, moving)
        publisher.stand_for(
            lambda index: repacked(
                view.table, view.kept, index, read_table=partial(_read_table, database, view), places=places
            ),
            RECLAIMED,
            0,
            view.stop,
        )
    finally:
        publisher.drop()


def _read_table(database: Database, view: _View, index: str, offset: int, length: int) -> bytes:
    """Return a block offset table that is right; without one, a field is only read more slowly."""
    try:
        data = database.read_table(index, offset, length)
        unpack_table(data, f"{database.where}/{index}, byte {offset}")
    except CorruptData:
        if not view.despite_damage:
            raise
        return b""
    return data


def _moved(disk: Disk, database: Database, view: _View, moving: set[str]) -> Places:
    """Copy the messages that are left in some files into a new one, durably; return where all lie then."""
    places = places_of(view.table, view.kept)
    which = np.isin(places.codes, [n for n, name in enumerate(places.files) if name in moving])
    if not which.any():
        return places
    name = f"{new_stem()}.data"
    folder = open_directory(database.data_root, database.name)
    file = None
    try:
        file = OwnFile.create(disk, folder, name)
        offsets = places.offsets.copy()
        for row in np.flatnonzero(which).tolist():
            message = _message(database, view, places, row)
            disk.write(file.fd, [message], f"{database.where}/{name}")
            offsets[row], file.size = file.size, file.size + len(message)
        disk.sync(file.fd, f"{database.where}/{name}")
        disk.sync_directory(folder, database.where)
    finally:
        if file is not None:
            file.close()
        os.close(folder)
    codes = np.where(which, len(places.files), places.codes)
    used, codes = np.unique(codes, return_inverse=True)
    names = [*places.files, name]
    return Places([names[number] for number in used.tolist()], codes, offsets)


def _message(database: Database, view: _View, places: Places, row: int) -> bytes:
    """Return one message; CorruptData if it is not what was archived."""
    name = places.files[int(places.codes[row])]
    length, offset = int(view.table.number("length")[view.kept[row]]), int(places.offsets[row])
    where = f"{database.where}/{name}"
    message = read_exactly(database.file(name).fd, length, offset, where)
    if checksum(message) != int(view.table.number("checksum")[view.kept[row]]):
        raise CorruptData(
            f"a message in {where}, byte {offset}, does not match its checksum; nothing was removed",
            where=where,
        )
    return message


def _remove(disk: Disk, database: Database, directory: int, idle: list[StoredFile]) -> None:
    """Remove of some files those that nothing refers to now."""
    now = database.anew(lambda _event: None)
    needed = {record.index for record in now.every_record()}
    table = now.table()
    if table.n_rows:
        codes = np.unique(table.codes(FILE)[table.number("length") > 0])
        needed.update(table.words_of(FILE).list[code] for code in codes.tolist())
    for file in idle:
        if file.name not in needed:
            folder = open_directory(os.path.dirname(file.directory), database.name)  # noqa: PTH120
            try:
                disk.remove(folder, file.name)
            finally:
                os.close(folder)
    disk.sync_directory(directory, database.where)
