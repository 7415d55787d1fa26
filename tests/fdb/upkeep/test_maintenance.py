"""Purge, compact, wipe and delete beside readers and writers: what was flushed is never lost or hidden."""

import errno
import fcntl
import os
import threading
import traceback
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from dte_hpc.base.errors import StorageFailed, StorageLocked
from dte_hpc.base.events import Event
from dte_hpc.base.field import Field, Metadata
from dte_hpc.base.key import Key
from dte_hpc.codecs.encode import GribEncoder, Packing
from dte_hpc.fdb import FDB
from dte_hpc.fdb.files.disk import Disk
from dte_hpc.fdb.upkeep import reclaim
from dte_hpc.fdb.upkeep.check import check
from dte_hpc.fdb.upkeep.control import Control
from dte_hpc.fdb.upkeep.maintenance import maintenance
from dte_hpc.testing.store import KEY, message_of

DATABASE = "od:0001:oper:20260101:0000:g"


def flush(store: FDB, step: int, number: int | None = None, length: int = 100) -> None:
    message = message_of(step if number is None else number, length)
    store.archive(message, {**KEY, "step": step})
    store.flush()


def steps(store: FDB) -> list[int]:
    return sorted(int(step) for step in store.list().column("step").tolist())


class Pausing(Disk):
    """Calls somebody when a name is about to be opened or removed, once."""

    def __init__(self, call: str, ending: str, work: Callable[[], object]) -> None:
        self.call, self.ending, self.work = call, ending, work

    def _do(self, call: str, name: str) -> None:
        if call == self.call and name.endswith(self.ending):
            self.call = ""
            self.work()

    def _open(self, directory: int, name: str, flags: int) -> int:
        self._do("open", name)
        fd = super()._open(directory, name, flags)
        self._do("opened", name)
        return fd

    def _unlink(self, directory: int, name: str) -> None:
        self._do("unlink", name)
        super()._unlink(directory, name)

    def _rename(self, parent: int, name: str, new: str) -> None:
        self._do("rename", name)
        super()._rename(parent, name, new)


def flush_and_close(root: Path, *numbers: int) -> None:
    with FDB(root) as store:
        for number in numbers:
            flush(store, number)


def in_child(work: Callable[[], object]) -> int:
    """Do something in a process of its own; return how that ended."""
    child = os.fork()
    if child == 0:
        try:
            work()
            os._exit(0)
        finally:
            traceback.print_exc()
            os._exit(1)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def test_deletions_are_not_listed_as_masked_fields(tmp_path: Path) -> None:
    store = FDB(tmp_path)
    flush(store, 0)
    assert store.delete(KEY) == 1
    assert len(store.list()) == 0
    listing = store.list(masked=True)
    assert [listing.message(n) for n in range(len(listing))] == [message_of(0)]


@pytest.mark.parametrize("n_new", [1, 2])
def test_a_reader_notices_a_database_made_anew(tmp_path: Path, n_new: int) -> None:
    """Though its toc may get the same inode number, and the same size."""
    reader = FDB(tmp_path)
    for attempt in range(10):
        with FDB(tmp_path) as writer:
            flush(writer, 0, number=attempt)
            assert reader.retrieve(KEY).read() == message_of(attempt)
            writer.wipe({}, doit=True)
        with FDB(tmp_path) as writer:
            for step in range(n_new):
                flush(writer, step, number=100 + attempt)
        assert reader.retrieve(KEY).read() == message_of(100 + attempt)
        assert steps(reader) == list(range(n_new))
        with FDB(tmp_path) as writer:
            writer.wipe({}, doit=True)


def test_a_reader_notices_a_toc_that_was_restored_in_place(tmp_path: Path) -> None:
    """Its inode number and its size are as before; only its first record tells."""
    for name, number in (("one", 1), ("two", 2)):
        flush_and_close(tmp_path / name, number)
    one, two = (tmp_path / name / DATABASE for name in ("one", "two"))
    reader = FDB(tmp_path / "one")
    assert steps(reader) == [1]
    for path in two.iterdir():
        (one / path.name).write_bytes(path.read_bytes())
    assert steps(reader) == [2]
    with FDB(tmp_path / "two") as more:
        flush(more, 3)
    for path in two.iterdir():
        (one / path.name).write_bytes(path.read_bytes())
    assert steps(reader) == [2, 3]


def test_a_reader_takes_the_schema_of_a_database_made_anew(tmp_path: Path) -> None:
    """Its optional keyword has a default there, and none in the first one."""
    text = "[ class, expver, stream, date, time, domain [ type, levtype [ step, levelist, param {} ]]]"
    (tmp_path / "one").write_text(text.format(""))
    (tmp_path / "two").write_text(text.format(", number?"))
    root = tmp_path / "root"
    reader = FDB(root, schema=tmp_path / "two")
    for name in ("one", "two"):
        with FDB(root, schema=tmp_path / name) as writer:
            flush(writer, 0)
            assert steps(reader) == [0]
            found = reader.databases()[0].schema()
            assert found is not None
            assert found.same_text(writer.schema)
            writer.wipe({}, doit=True)


def test_a_merged_record_cut_by_a_purge_hides_nothing_from_an_open_handle(tmp_path: Path) -> None:
    """The purge read ten slots; then sixteen were merged; then its record came."""
    with FDB(tmp_path) as first:
        flush(first, 0, number=8)
    with FDB(tmp_path) as second:
        for step in range(9):
            flush(second, step % 2, number=step)
    writer = FDB(tmp_path)
    database = FDB(tmp_path).databases()[0]
    open_handle: list[FDB] = []

    def go_on() -> None:
        for step in range(10, 20):
            flush(writer, step)
        open_handle.append(FDB(tmp_path))
        assert len(open_handle[0].list()) == 12

    disk = Pausing("open", ".index", go_on)
    plan = reclaim.reclaim(disk, database, database_key(), move=False, doit=True)
    assert len(plan.remove) == 3
    expected = [0, 1, *range(10, 20)]
    assert steps(FDB(tmp_path)) == expected
    assert steps(open_handle[0]) == expected
    assert check(FDB(tmp_path)).is_damaged is False


def database_key() -> Key:
    return Key({})


@pytest.mark.parametrize("move", [False, True])
def test_a_reader_between_toc_and_index_is_not_disturbed_by_a_purge(
    tmp_path: Path, move: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The reader has the toc; before it opens the index files that it names, they are gone."""
    from dte_hpc.fdb.files.database import Database

    with FDB(tmp_path) as writer:
        flush(writer, 0, number=7)
        flush(writer, 0)
        flush(writer, 1)
    events: list[Event] = []
    reader = FDB(tmp_path, listener=events.append)
    read, began = Database.read_segment, []

    def after_a_purge(self: Database, record: object) -> object:
        if not began:
            began.append(True)
            maintainer = FDB(tmp_path)
            (maintainer.compact if move else maintainer.purge)(doit=True)
        return read(self, record)  # type: ignore[arg-type]

    monkeypatch.setattr(Database, "read_segment", after_a_purge)
    assert steps(reader) == [0, 1]
    assert events == []
    assert reader.retrieve(KEY).read() == message_of(0)


def test_a_list_beside_a_wipe_sees_all_or_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The toc goes after it was looked at, and before it is opened."""
    from dte_hpc.fdb.files import database

    with FDB(tmp_path) as writer:
        flush(writer, 0)
    reader, opened = FDB(tmp_path), database.open_file

    def after_a_wipe(root: Path, name: str, file: str) -> object:
        if file == "toc":
            monkeypatch.setattr(database, "open_file", opened)
            FDB(tmp_path).wipe({}, doit=True)
        return opened(root, name, file)

    monkeypatch.setattr(database, "open_file", after_a_wipe)
    assert len(reader.list()) == 0
    with FDB(tmp_path) as writer:
        flush(writer, 1)
    assert steps(reader) == [1]


def test_a_killed_wipe_does_not_lock_writers_out(tmp_path: Path) -> None:
    """Wherever it was killed."""

    endings = {"opened": ".lock", "rename": DATABASE, "unlink": ".data"}
    for call, ending in endings.items():
        root = tmp_path / call
        assert in_child(lambda: flush_and_close(root, 0)) == 0  # noqa: B023
        disk = Pausing(call, ending, lambda: os._exit(9))
        assert in_child(lambda: FDB(root, disk=disk).wipe({}, doit=True)) == 9  # noqa: B023
        with FDB(root) as writer:
            flush(writer, 1)
        assert steps(FDB(root)) == ([1] if call == "unlink" else [0, 1])
        assert FDB(root).status()[0].disabled == Control.NONE
        FDB(root).purge(doit=True)
        assert {path.name for path in root.iterdir()} == {DATABASE}
        assert not check(FDB(root)).findings


def test_a_file_being_made_is_not_taken_for_a_dead_writers(tmp_path: Path) -> None:
    """Another thread purges when the file is there and not yet written to."""
    with FDB(tmp_path) as first:
        flush(first, 0)
    database = FDB(tmp_path).databases()[0]
    for ending in (".data", ".index"):
        disk = Pausing(
            "opened",
            ending,
            lambda: reclaim.reclaim(Disk(), database, database_key(), move=False, doit=True),
        )
        writer = FDB(tmp_path, disk=disk)
        flush(writer, 1, number=5, length=100_000)
        assert disk.call == ""
        assert FDB(tmp_path).retrieve({**KEY, "step": 1}).read() == message_of(5, 100_000)


def encoded(step: int, number: int) -> bytes:
    facts = {**KEY, "time": 0, "step": step, "levelist": 500, "grid": "O1"}
    field = Field(metadata=Metadata(facts), values=np.arange(40.0) + number)
    return bytes(GribEncoder(Packing()).encode(field).message)


@pytest.mark.parametrize("n_purges", [0, 1, 2])
def test_a_reindex_does_not_bring_back_what_was_deleted(tmp_path: Path, n_purges: int) -> None:
    """The bytes of a deleted field stay where others of its file are needed."""
    with FDB(tmp_path) as store:
        store.archive(encoded(0, 0))
        store.archive(encoded(1, 1))
        store.flush()
        store.delete({"step": 0})
    for _ in range(n_purges):
        FDB(tmp_path).purge(doit=True)
    plan = FDB(tmp_path).reindex(doit=True)
    assert [one.n_fields for one in plan] == [0]
    assert steps(FDB(tmp_path)) == [1]
    FDB(tmp_path).compact(doit=True)
    FDB(tmp_path).reindex(doit=True)
    assert steps(FDB(tmp_path)) == [1]
    assert not check(FDB(tmp_path)).findings


def test_a_purge_keeps_what_is_masked_in_files_that_stay(tmp_path: Path) -> None:
    """So stats still tell what a compact would give back."""
    with FDB(tmp_path) as store:
        flush(store, 0, number=9)
        flush(store, 1)
        flush(store, 0)
    FDB(tmp_path).purge(doit=True)
    assert [(one.n_fields, one.n_masked) for one in FDB(tmp_path).stats()] == [(2, 1)]
    assert [one.masked_bytes for one in FDB(tmp_path).compact(doit=True)] == [100]
    assert [(one.n_fields, one.n_masked) for one in FDB(tmp_path).stats()] == [(2, 0)]
    assert not check(FDB(tmp_path)).findings


def test_a_record_that_another_one_was_written_into_is_no_success(tmp_path: Path) -> None:
    """A short write of the toc is continued behind what another writer appended meanwhile."""
    other = FDB(tmp_path)
    flush(other, 0)

    class Short(Disk):
        armed = False

        def _writev(self, fd: int, buffers: object) -> int:
            if self.armed and Path(f"/proc/self/fd/{fd}").readlink().name == "toc":
                self.armed = False
                taken = os.write(fd, b"".join(buffers)[:50])  # type: ignore[call-overload]
                flush(other, 2)
                return taken
            return super()._writev(fd, buffers)  # type: ignore[arg-type]

    disk = Short()
    store = FDB(tmp_path, disk=disk)
    store.archive(message_of(1), {**KEY, "step": 1})
    disk.armed = True
    try:
        store.flush()
    except StorageFailed:
        store.flush()
    assert steps(FDB(tmp_path)) == [0, 1, 2]


def test_two_maintenances_exclude_each_other(tmp_path: Path) -> None:
    with FDB(tmp_path) as store:
        flush(store, 0)
    database = FDB(tmp_path).databases()[0]
    with maintenance(database):
        for work in (FDB(tmp_path).purge, FDB(tmp_path).compact, FDB(tmp_path).reindex):
            with pytest.raises(StorageLocked):
                work(doit=True)
        with pytest.raises(StorageLocked):
            FDB(tmp_path).delete(KEY)
        with pytest.raises(StorageLocked):
            FDB(tmp_path).wipe({}, doit=True)
    assert FDB(tmp_path).delete(KEY) == 1


@pytest.mark.filterwarnings("ignore:.*multi-threaded.*:DeprecationWarning")
def test_a_child_forked_meanwhile_does_not_hold_the_database(tmp_path: Path) -> None:
    with FDB(tmp_path) as store:
        flush(store, 0)
    database = FDB(tmp_path).databases()[0]
    ready, go = os.pipe()
    with maintenance(database):
        child = os.fork()
        if child == 0:
            os.close(go)
            os.read(ready, 1)
            os._exit(0)
    try:
        assert len(FDB(tmp_path).purge(doit=True)) == 1
    finally:
        os.close(go)
        os.waitpid(child, 0)
        os.close(ready)


def test_without_locks_of_files_nothing_is_removed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with FDB(tmp_path) as store:
        flush(store, 0)
        flush(store, 0)

    def refused(fd: int, operation: int) -> None:
        raise OSError(errno.ENOSYS, os.strerror(errno.ENOSYS))

    monkeypatch.setattr(fcntl, "flock", refused)
    with pytest.raises(StorageFailed, match="flock"):
        FDB(tmp_path).purge(doit=True)
    assert steps(FDB(tmp_path)) == [0]


def test_maintenance_of_what_was_just_wiped_says_so(tmp_path: Path) -> None:
    with FDB(tmp_path) as store:
        flush(store, 0)
    database = FDB(tmp_path).databases()[0]
    FDB(tmp_path).wipe({}, doit=True)
    with pytest.raises(StorageLocked), maintenance(database):
        pass


def test_a_writer_whose_database_was_wiped_unsafely_goes_on(tmp_path: Path) -> None:
    store = FDB(tmp_path)
    flush(store, 0)
    store.archive(message_of(1, 100_000), {**KEY, "step": 1})
    FDB(tmp_path).wipe({}, doit=True, unsafe_wipe_all=True)
    with pytest.raises(StorageFailed) as failure:
        store.flush()
    assert [key["step"] for key in failure.value.lost] == ["1"]
    assert not store.dirty
    flush(store, 2)
    assert steps(FDB(tmp_path)) == [2]
    assert not check(FDB(tmp_path)).is_damaged


def test_a_file_made_in_a_database_that_is_wiped_is_no_failure(tmp_path: Path) -> None:
    """By a writer that opened the directory before it was renamed."""
    flush_and_close(tmp_path, 0)

    class Late(Disk):
        n_made = 0

        def _rmdir(self, parent: int, name: str) -> None:
            self.n_made += 1
            if self.n_made < 3:
                (tmp_path / name / f"{self.n_made}.data").write_bytes(b"")
            super()._rmdir(parent, name)

    disk = Late()
    FDB(tmp_path, disk=disk).wipe({}, doit=True)
    assert disk.n_made == 3
    assert list(tmp_path.iterdir()) == []


def test_a_small_field_waits_for_a_lock_to_go(tmp_path: Path) -> None:
    """It had not reached the disk when the lock came."""
    store = FDB(tmp_path)
    store.archive(message_of(0), KEY)
    FDB(tmp_path).control({}, "disable", Control.ARCHIVE)
    with pytest.raises(StorageLocked):
        store.flush()
    assert store.dirty
    FDB(tmp_path).control({}, "enable", Control.ARCHIVE)
    store.flush()
    assert steps(store) == [0]


def test_archive_many_respects_a_lock(tmp_path: Path) -> None:
    store = FDB(tmp_path)
    flush(store, 0)
    FDB(tmp_path).control({}, "disable", Control.ARCHIVE)
    with pytest.raises(StorageLocked):
        store.archive_many([message_of(1)], [{**KEY, "step": 1}])
    assert not store.dirty


def test_a_dropped_handle_leaves_no_descriptor(tmp_path: Path) -> None:
    import gc

    def descriptors() -> int:
        return len(list(Path("/proc/self/fd").iterdir()))

    gc.collect()
    before = descriptors()
    for _ in range(3):
        FDB(tmp_path).archive(message_of(0, 100_000), KEY)
        gc.collect()
    assert descriptors() == before
    FDB(tmp_path).purge(doit=True)
    assert not list(tmp_path.glob("*/*.data"))


def test_files_of_a_host_with_a_similar_name_are_not_ours() -> None:
    from dte_hpc.fdb.places.paths import host_token

    one, other = "io-server-deployment-7d4b9c6f8-abcde", "io-server-deployment-7d4b9c6f8-fghij"
    assert host_token(one, "a") != host_token(other, "a")
    assert host_token(one, "a") != host_token(one, "b")
    assert len(host_token(one, "a")) <= 24


def test_a_flush_after_a_purge_by_another_is_not_damage(tmp_path: Path) -> None:
    """Its sequence goes on behind what the purge stands for."""
    store = FDB(tmp_path)
    for number in range(3):
        flush(store, 0, number=number)
    database = FDB(tmp_path).databases()[0]
    reclaim.reclaim(Disk(), database, database_key(), move=True, doit=True)
    flush(store, 1)
    assert not check(FDB(tmp_path)).is_damaged
    assert steps(FDB(tmp_path)) == [0, 1]


def test_threads_flush_and_purge_one_store(tmp_path: Path) -> None:
    """Every flush stays, whatever another thread purges or compacts meanwhile."""
    stop, failures = threading.Event(), []

    def maintain() -> None:
        number = 0
        while not stop.is_set():
            number += 1
            try:
                handle = FDB(tmp_path)
                (handle.compact if number % 2 else handle.purge)(doit=True)
            except StorageLocked:
                continue
            except Exception as error:  # noqa: BLE001 - shown by the test's own thread
                failures.append(error)
                return

    maintainer = threading.Thread(target=maintain)
    maintainer.start()
    store = FDB(tmp_path)
    for number in range(120):
        flush(store, number % 5, number=number)
        if number % 7 == 0:
            store.close()
        assert FDB(tmp_path).list().column("step").tolist().count(str(number % 5)) == 1
    stop.set()
    maintainer.join()
    assert failures == []
    for step in range(5):
        assert FDB(tmp_path).retrieve({**KEY, "step": step}).read() == message_of(115 + step)
    assert not check(FDB(tmp_path)).is_damaged
