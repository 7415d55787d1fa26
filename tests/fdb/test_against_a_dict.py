"""Whatever is done to a store, a list of rows that was treated alike says what is in it.

The machine has three handles that write, read and maintain, one that only reads, and after every step a
fresh one. Its model of a database is what was flushed, in order: ``(key, message)``, or ``(key, None)`` for
a deletion. Any handle's disk may refuse a call at any moment. What a failure leaves open (was the toc's
record written?) is looked up on the disk and must be one of the allowed outcomes.
"""

import errno
import functools
import gc
import os
import shutil
import tempfile
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from dte_hpc.base.errors import CorruptData, StorageFailed, StorageLocked
from dte_hpc.base.events import ignore
from dte_hpc.base.field import Field, Metadata
from dte_hpc.codecs.encode import GribEncoder, Packing
from dte_hpc.codecs.layout import EncodedField
from dte_hpc.fdb import FDB
from dte_hpc.fdb.files.database import Database
from dte_hpc.fdb.files.disk import Disk, OpenFiles
from dte_hpc.fdb.files.table import Table
from dte_hpc.fdb.finding.listing import Listing
from dte_hpc.fdb.upkeep.check import check
from dte_hpc.fdb.upkeep.control import Control
from dte_hpc.testing.store import KEY, message_of

Name = frozenset[tuple[str, str]]
Row = tuple[Name, bytes | None]
N_DATES, N_HANDLES, N_KEPT = 2, 3, 4
WHICH, DATES = st.integers(0, N_HANDLES - 1), st.integers(0, N_DATES - 1)
KEYS = st.tuples(DATES, st.integers(0, 3), st.integers(0, 2))
LENGTHS = st.sampled_from([1, 50, 3000, 40_000])
LOCKS = st.sampled_from([Control.LIST, Control.RETRIEVE, Control.ARCHIVE, Control.WIPE])
IN_MEMORY = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None


def key_of(small: tuple[int, int, int]) -> dict[str, str | int]:
    date, step, level = small
    key = {**KEY, "date": 20260101 + date, "step": step, "levelist": level}
    return key if level else {k: v for k, v in key.items() if k != "levelist"}


def name_of(key: object) -> Name:
    return frozenset((str(k), str(v)) for k, v in dict(key).items())  # type: ignore[call-overload]


@functools.cache
def gribs() -> list[tuple[EncodedField, Name]]:
    """Return messages that know their keys, two for each key, with and without block offsets."""
    made = []
    for number in range(8):
        facts = {**KEY, "time": 0, "step": number % 4, "levelist": 700, "grid": "O1"}
        field = Field(metadata=Metadata(facts), values=np.arange(40.0) ** 1.5 + number)
        made.append(GribEncoder(Packing(packing="ccsds" if number % 2 else "simple")).encode(field))
    with tempfile.TemporaryDirectory() as root:
        store = FDB(root)
        names = []
        for encoded in made:
            store.archive(encoded)
            store.flush()
            names.append(name_of(store.list(masked=True).key(len(names))))
    return list(zip(made, names, strict=True))


class MoodyDisk(Disk):
    """Writes as the real one, syncs nothing, and refuses the call that it is told to."""

    def __init__(self) -> None:
        self.calls_left = -1
        self.refused = 0

    def _count(self) -> None:
        self.calls_left -= 1
        if self.calls_left == 0:
            self.refused += 1
            number = errno.EIO if self.refused % 2 else errno.ENOSPC
            raise OSError(number, os.strerror(number))

    def _writev(self, fd: int, buffers: Sequence[memoryview]) -> int:
        self._count()
        return super()._writev(fd, buffers)

    def _fdatasync(self, fd: int) -> None:
        self._count()

    def _fsync(self, fd: int) -> None:
        self._count()

    def _unlink(self, directory: int, name: str) -> None:
        self._count()
        super()._unlink(directory, name)

    def _open(self, directory: int, name: str, flags: int) -> int:
        self._count()
        return super()._open(directory, name, flags)


def seen_in(rows: Sequence[Row]) -> dict[Name, bytes]:
    """Return what is visible of rows."""
    last = dict(rows)
    return {name: message for name, message in last.items() if message is not None}


def contents(listing: Listing) -> list[tuple[Name, bytes]]:
    return [(name_of(key), listing.message(number)) for number, key in enumerate(listing.keys())]


class StoreMachine(RuleBasedStateMachine):
    """Handles write, read and maintain; `rows` is what everybody must see."""

    flushes_at_once = 1

    @initialize()
    def begin(self) -> None:
        gc.freeze()  # what is there now is not looked at when a handle is abandoned
        self.root = Path(tempfile.mkdtemp(dir=IN_MEMORY))
        self.disks = [MoodyDisk() for _ in range(N_HANDLES)]
        self.handles = [FDB(self.root, disk=disk) for disk in self.disks]
        self.reader = FDB(self.root)
        self.pending: list[list[list[tuple[Name, bytes]]]] = [
            [[] for _ in range(N_DATES)] for _ in range(N_HANDLES)
        ]
        self.rows: list[list[Row]] = [[] for _ in range(N_DATES)]
        self.locked = [Control.NONE] * N_DATES
        self.kept: list[tuple[Listing, dict[Name, bytes]]] = []
        self.may_appear: set[tuple[Name, bytes]] = set()
        self.number = 0

    # -- looking at the store past all caches and locks

    def database(self, date: int) -> Database | None:
        name = f"od:0001:oper:{20260101 + date}:0000:g"
        database = Database(self.root, name, OpenFiles(), ignore)
        return database if database.exists() else None

    def n_stored(self, date: int) -> int:
        database = self.database(date)
        table = database.table() if database else Table(())
        return len(table.fields(np.arange(table.n_rows)))

    def stored(self, date: int) -> tuple[list[tuple[Name, bytes]], list[str]]:
        """Return all fields of a database, masked ones included, and the files they are in."""
        database = self.database(date)
        if database is None:
            return [], []
        table = database.table()
        rows = table.fields(np.arange(table.n_rows))
        listing = Listing([(database, table)], np.zeros(len(rows), np.int32), rows, self.reader.schema.order)
        return contents(listing), [listing.path(number) for number in range(len(listing))]

    def is_dirty(self, date: int) -> bool:
        return any(pending[date] for pending in self.pending)

    def tried(self, which: int, work: Callable[[], object]) -> bool:
        """Do something; whether it succeeded. Only a call that was refused excuses a failure."""
        before = self.disks[which].refused
        try:
            work()
        except StorageFailed:
            assert self.disks[which].refused > before
            for pending in self.pending[which]:
                self.may_appear.update(pending)
            return False
        return True

    # -- writing

    def take(
        self, which: int, date: int, fields: list[tuple[Name, bytes]], work: Callable[[], object]
    ) -> None:
        """Archive by some method."""
        locked, pending = Control.ARCHIVE in self.locked[date], self.pending[which][date]
        try:
            if self.tried(which, work):
                assert pending or not locked
                pending.extend(fields)
            else:
                self.may_appear.update(fields)
        except StorageLocked:
            assert locked

    @rule(which=WHICH, small=KEYS, length=LENGTHS)
    def archive(self, which: int, small: tuple[int, int, int], length: int) -> None:
        self.number += 1
        message, key = message_of(self.number, length), key_of(small)
        work = functools.partial(self.handles[which].archive, message, key)
        self.take(which, small[0], [(name_of(key), message)], work)

    @rule(which=WHICH, date=DATES, step=st.integers(0, 3), n_fields=st.integers(1, 5))
    def archive_many(self, which: int, date: int, step: int, n_fields: int) -> None:
        self.number += n_fields
        keys = [key_of((date, step, level + 1)) for level in range(n_fields)]
        messages = [message_of(self.number - n, 10 + n) for n in range(n_fields)]
        work = functools.partial(self.handles[which].archive_many, messages, keys)
        self.take(which, date, list(zip(map(name_of, keys), messages, strict=True)), work)

    @rule(which=WHICH, number=st.integers(0, 7), bare=st.booleans())
    def archive_grib(self, which: int, number: int, bare: bool) -> None:
        encoded, name = gribs()[number]
        work = functools.partial(self.handles[which].archive, encoded.message if bare else encoded)
        self.take(which, 0, [(name, bytes(encoded.message))], work)

    @rule(which=WHICH)
    def flush(self, which: int) -> None:
        before = [self.n_stored(date) for date in range(N_DATES)]
        try:
            flushed = self.tried(which, self.handles[which].flush)
        except StorageLocked:
            pairs = zip(self.pending[which], self.locked, strict=True)
            assert any(pending and Control.ARCHIVE in locked for pending, locked in pairs)
            flushed = False
        writers = list(self.handles[which]._writers)
        for date, pending in enumerate(self.pending[which]):
            left = sum(w.n_pending for w in writers if str(20260101 + date) in w.where)
            assert left == 0 if flushed else left in (0, len(pending))
            n_new = self.n_stored(date) - before[date]
            assert n_new == len(pending) if left == 0 else n_new in (0, len(pending))
            if n_new:
                self.rows[date].extend(pending)
            if left == 0:
                self.pending[which][date] = []

    @rule(which=WHICH, date=DATES, step=st.integers(0, 3), n_flushes=st.integers(16, 40))
    def flush_often(self, which: int, date: int, step: int, n_flushes: int) -> None:
        """Reach merges: each flush has one field."""
        for number in range(n_flushes * self.flushes_at_once):
            self.archive(which, (date, step, 1 + number % 3), 1 + number % 7)
            self.flush(which)

    @rule(which=WHICH)
    def reopen(self, which: int) -> None:
        self.handles[which].close()
        self.replace(which)

    @rule(which=WHICH)
    def abandon(self, which: int) -> None:
        self.replace(which)
        gc.collect()

    def replace(self, which: int) -> None:
        for pending in self.pending[which]:
            self.may_appear.update(pending)
        self.pending[which] = [[] for _ in range(N_DATES)]
        self.handles[which] = FDB(self.root, disk=self.disks[which])

    @rule(which=WHICH, n_calls=st.integers(1, 12))
    def refuse(self, which: int, n_calls: int) -> None:
        """Let one of the next calls of a handle fail."""
        self.disks[which].calls_left = n_calls

    # -- maintaining

    @rule(which=WHICH, dates=st.sampled_from(["20260101", "20260102", "all"]), step=st.integers(0, 3))
    def delete(self, which: int, dates: str, step: int) -> None:
        self.flush(which)
        if any(self.pending[which]):
            return
        deleted = [
            [
                name
                for name in seen_in(rows)
                if {("step", str(step)), ("date", dates)} - {("date", "all")} <= name
            ]
            for rows in self.rows
        ]
        locked = any(d and Control.WIPE in c for d, c in zip(deleted, self.locked, strict=True))
        n_deleted = []
        try:
            request = {"date": dates, "step": step}
            done = self.tried(which, lambda: n_deleted.append(self.handles[which].delete(request)))
            assert not locked
        except StorageLocked:
            assert locked
            return
        for date, names in enumerate(deleted):
            after = [*self.rows[date], *((name, None) for name in names)]
            visible = seen_in(self.stored_rows(date))
            if visible == seen_in(after):
                self.rows[date] = after
            assert visible == seen_in(self.rows[date])
            assert not done or self.rows[date] == after
        assert not done or n_deleted == [sum(map(len, deleted))]

    def stored_rows(self, date: int) -> list[Row]:
        """Return the fields of a database, and deletions of those that nobody sees."""
        rows, _ = self.stored(date)
        database = self.database(date)
        if database is None:
            return []
        table = database.table()
        everything = np.arange(table.n_rows)
        listing = Listing(
            [(database, table)], np.zeros(table.n_rows, np.int32), everything, self.reader.schema.order
        )
        lengths = listing.length.tolist()
        return (
            [
                (name_of(key), listing.message(number) if lengths[number] else None)
                for number, key in enumerate(listing.keys())
            ]
            if rows or lengths
            else []
        )

    @rule(which=WHICH, move=st.booleans(), doit=st.booleans())
    def reclaim(self, which: int, move: bool, doit: bool) -> None:
        handle = self.handles[which]
        names = self.files()
        locked = any(Control.WIPE in control for control in self.locked)
        try:
            work = handle.compact if move else handle.purge
            done = self.tried(which, lambda: work(doit=doit))
            assert not (locked and doit)
        except StorageLocked:
            assert locked
            done = False
        if not doit:
            assert self.files() == names
            return
        for date in range(N_DATES):
            before, after = self.rows[date], self.stored_rows(date)
            assert seen_in(after) == seen_in(before)
            fields = Counter(row for row in after if row[1] is not None)
            assert not fields - Counter(row for row in before if row[1] is not None)
            self.rows[date] = after
            if done and not self.is_dirty(date):
                self.assert_reclaimed(date, move)

    def assert_reclaimed(self, date: int, move: bool) -> None:
        fields, paths = self.stored(date)
        visible = seen_in(self.rows[date])
        needed = {
            path for (name, message), path in zip(fields, paths, strict=True) if visible.get(name) == message
        }
        assert set(paths) == needed, "a file is kept for a field that somebody sees"
        if move:
            assert len(fields) == len(visible)
        database = self.database(date)
        if database is not None:
            kept = {str(path) for path in Path(database.where).glob("*.data")}
            assert kept == set(paths), "no data file belongs to no flush"

    def files(self) -> dict[Path, int]:
        return {path: path.stat().st_size for path in self.root.rglob("*")}

    @rule(which=WHICH, date=DATES, doit=st.booleans())
    def wipe(self, which: int, date: int, doit: bool) -> None:
        names, there = self.files(), self.database(date) is not None
        locked = Control.WIPE in self.locked[date]
        try:
            done = self.tried(which, lambda: self.handles[which].wipe({"date": 20260101 + date}, doit=doit))
            assert not (locked and doit)
        except StorageLocked:
            assert doit
            assert locked or self.is_dirty(date)
            done = False
        if not doit:
            assert self.files() == names
        elif self.database(date) is None:
            self.rows[date], self.locked[date] = [], Control.NONE
        else:
            assert not done or not there

    @rule(which=WHICH, doit=st.booleans())
    def reindex(self, which: int, doit: bool) -> None:
        names = self.files()
        done = self.tried(which, lambda: self.handles[which].reindex(doit=doit))
        if not doit:
            assert self.files() == names
        for date in range(N_DATES):
            before, (after, _) = self.rows[date], self.stored(date)
            new = after[sum(message is not None for _, message in before) :]
            assert all(row in self.may_appear and row[0] not in seen_in(before) for row in new)
            assert done or not new or len(new) >= 1
            self.rows[date] = [*before, *new]

    @rule(which=WHICH, date=DATES, what=LOCKS, lock=st.booleans())
    def control(self, which: int, date: int, what: Control, lock: bool) -> None:
        request, action = {"date": 20260101 + date}, "disable" if lock else "enable"
        there = self.database(date) is not None
        done = self.tried(which, lambda: self.handles[which].control(request, action, what))  # type: ignore[arg-type]
        expected = self.locked[date] | what if lock else self.locked[date] & ~what
        status = FDB(self.root).status(request)
        assert len(status) == there
        if there:
            assert status[0].disabled in ((expected,) if done else (expected, self.locked[date]))
            self.locked[date] = status[0].disabled

    # -- reading

    @rule(which=WHICH)
    def keep(self, which: int) -> None:
        listing = self.handles[which].list()
        self.kept = [*self.kept[1 - N_KEPT :], (listing, self.visible(Control.LIST))]

    @precondition(lambda self: self.kept)
    @rule()
    def read_kept(self) -> None:
        """A listing made earlier gives what was there then, or says that it is gone."""
        for listing, expected in self.kept:
            names = [name_of(key) for key in listing.keys()]  # noqa: SIM118
            assert set(names) == set(expected)
            for number, name in enumerate(names):
                try:
                    assert listing.message(number) == expected[name]
                except CorruptData:
                    continue

    @rule(which=WHICH, smalls=st.lists(KEYS, min_size=1, max_size=3, unique=True))
    def retrieve(self, which: int, smalls: list[tuple[int, int, int]]) -> None:
        visible = self.visible(Control.RETRIEVE)
        for small in smalls:
            key = key_of(small)
            found = self.handles[which].retrieve({"levelist": "", **key}, missing="skip").read()
            assert found == visible.get(name_of(key), b"")

    def visible(self, use: Control) -> dict[Name, bytes]:
        shown = [rows for rows, locked in zip(self.rows, self.locked, strict=True) if use not in locked]
        return {name: message for rows in shown for name, message in seen_in(rows).items()}

    @invariant()
    def agrees(self) -> None:
        fresh = FDB(self.root)
        expected = self.visible(Control.LIST)
        n_rows = sum(
            message is not None
            for rows, locked in zip(self.rows, self.locked, strict=True)
            if Control.LIST not in locked
            for _, message in rows
        )
        for handle in (fresh, self.reader, self.handles[self.number % N_HANDLES]):
            found = contents(handle.list())
            assert len(dict(found)) == len(found)
            assert dict(found) == expected
            assert len(handle.list(masked=True)) == n_rows
            steps = {value for name in expected for keyword, value in name if keyword == "step"}
            assert handle.axes().get("step", []) == sorted(steps)
            stats = {one.key["date"]: one for one in handle.stats()}
            for date, rows in enumerate(self.rows):
                one, visible = stats.get(str(20260101 + date)), seen_in(rows)
                n_fields = sum(message is not None for _, message in rows)
                assert (one.n_fields + one.n_masked if one else 0) == n_fields
                assert (one.n_bytes if one else 0) == sum(map(len, visible.values()))
        retrieved = fresh.retrieve({}, missing="skip")
        assert Counter(retrieved) == Counter(self.visible(Control.RETRIEVE).values())
        for handle, pending in zip(self.handles, self.pending, strict=True):
            assert handle.dirty == any(pending)
        damage = [finding for finding in check(fresh).findings if finding.damage]
        assert damage == []

    def teardown(self) -> None:
        gc.unfreeze()
        for handle in [*self.handles, self.reader]:
            handle.close()
        shutil.rmtree(self.root)


class LongStoreMachine(StoreMachine):
    """The same with flushes enough for merges of merges."""

    flushes_at_once = 2


QUICK = settings(
    max_examples=10,
    stateful_step_count=20,
    deadline=None,
    database=None,
    phases=[Phase.explicit, Phase.generate],  # to make a failure small takes longer than a test may
    suppress_health_check=list(HealthCheck),
)
LONG = settings(QUICK, max_examples=300, stateful_step_count=50)
StoreMachine.TestCase.settings = QUICK
LongStoreMachine.TestCase.settings = LONG
TestStore = StoreMachine.TestCase


@pytest.mark.slow
@pytest.mark.timeout(3600)
class TestStoreForLong(LongStoreMachine.TestCase):  # type: ignore[misc,name-defined]
    """12,500 steps."""
