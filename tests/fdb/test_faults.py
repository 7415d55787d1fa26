"""When the file system refuses, nothing is lost in silence and nothing is promised that is not so."""

import errno
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

import pytest

from dte_hpc.base.errors import StorageFailed
from dte_hpc.base.events import Event, Flushed
from dte_hpc.fdb import FDB
from dte_hpc.fdb.upkeep.check import check
from dte_hpc.testing.faults import FaultyDisk
from dte_hpc.testing.store import KEY, message_of

BIG = 300_000


def archive(store: FDB, *steps: int, length: int = 100) -> None:
    for step in steps:
        store.archive(message_of(step, length), {**KEY, "step": step})


def stored(root: Path, length: int = 100) -> set[int]:
    """Return the steps a fresh handle reads, each compared with what was archived."""
    listing = FDB(root).list()
    steps = [int(step) for step in listing.column("step").tolist()]
    assert [listing.message(n) for n in range(len(listing))] == [message_of(step, length) for step in steps]
    return set(steps)


@pytest.mark.parametrize("length", [100, BIG])
@pytest.mark.parametrize("number", [errno.EIO, errno.ENOSPC, errno.EDQUOT])
@pytest.mark.parametrize("call", ["write", "fdatasync", "fsync", "open"])
def test_every_call_may_fail_once(tmp_path: Path, call: str, number: int, length: int) -> None:
    """Each call of a first and a second flush fails in turn; the flush raises, and a later one succeeds."""
    disk = FaultyDisk()
    with FDB(tmp_path / "count", disk=disk) as store:
        archive(store, 0, 1, length=length)
        store.flush()
        archive(store, 2, length=length)
    for nth in range(1, disk.calls[call] + 1):
        root = tmp_path / f"{nth}"
        store = FDB(root, disk=FaultyDisk({(call, nth): number}))
        promised: set[int] = set()
        refused = 0
        for steps in ((0, 1), (2,)):
            for step in steps:
                try:
                    archive(store, step, length=length)
                except StorageFailed as error:
                    refused += error.errno == number
                    archive(store, step, length=length)
            try:
                store.flush()
            except StorageFailed as error:
                refused += error.errno == number
                assert stored(root, length) >= promised
                store.flush()
            promised |= set(steps)
            assert stored(root, length) == promised
        assert refused == 1
        store.close()
        assert not check(FDB(root)).is_damaged


def test_a_failed_sync_is_never_trusted(tmp_path: Path) -> None:
    """The flush after a failed data sync reads the fields back and writes them to another file."""
    disk = FaultyDisk({("fdatasync", 2): errno.EIO})
    store = FDB(tmp_path, disk=disk)
    archive(store, 0, 1, 2)
    with pytest.raises(StorageFailed, match="sync of"):
        store.flush()
    before = {path.name for path in tmp_path.glob("*/*.data")}
    assert stored(tmp_path) == set()
    store.flush()
    assert stored(tmp_path) == {0, 1, 2}
    assert not {Path(store.list().path(0)).name} & before


def test_what_a_failed_sync_lost_is_named_and_the_rest_is_kept(tmp_path: Path) -> None:
    store = FDB(tmp_path, disk=FaultyDisk({("fdatasync", 2): errno.EIO}))
    archive(store, 0, 1, 2)
    with pytest.raises(StorageFailed):
        store.flush()
    data = next(tmp_path.glob("*/*.data"))
    whole = bytearray(data.read_bytes())
    whole[150] ^= 1
    data.write_bytes(whole)
    with pytest.raises(StorageFailed, match=r"1 fields in .* are lost") as failure:
        store.flush()
    assert [key["step"] for key in failure.value.lost] == ["1"]
    assert store.dirty
    store.flush()
    assert stored(tmp_path) == {0, 2}


@pytest.mark.parametrize("length", [100, BIG])
def test_a_full_disk_is_survived_once_there_is_room(tmp_path: Path, length: int) -> None:
    disk = FaultyDisk()
    store = FDB(tmp_path, disk=disk)
    archive(store, 0, 1, length=length)
    store.flush()
    disk.room_bytes = length // 2
    for step in (2, 3):
        with suppress(StorageFailed):
            archive(store, step, length=length)
    for _ in range(3):
        if store.dirty:
            with pytest.raises(StorageFailed):
                store.flush()
    assert stored(tmp_path, length) == {0, 1}
    disk.room_bytes = None
    archive(store, 2, 3, 4, length=length)
    store.flush()
    assert stored(tmp_path, length) == {0, 1, 2, 3, 4}
    store.close()
    assert [f for f in check(FDB(tmp_path)).findings if f.damage] == []


@pytest.mark.parametrize("most", [1, 7, 64, 1000])
def test_short_writes_are_continued(tmp_path: Path, most: int) -> None:
    with FDB(tmp_path, disk=FaultyDisk(max_write_bytes=most)) as store:
        archive(store, 0, 1)
    assert stored(tmp_path) == {0, 1}


def test_the_real_kernel_refusing(tmp_path: Path) -> None:
    """With RLIMIT_FSIZE the kernel itself writes short and then says EFBIG."""
    code = """
import resource, signal, sys
from pathlib import Path
sys.path.insert(0, {tests!r})
from dte_hpc.fdb import FDB
from dte_hpc.base.errors import StorageFailed
from dte_hpc.testing.store import KEY, message_of
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
store = FDB({root!r})
resource.setrlimit(resource.RLIMIT_FSIZE, (1_000_000, resource.RLIM_INFINITY))
kept = 0
for step in range(8):
    try:
        store.archive(message_of(step, 300_000), {{**KEY, "step": step}})
        kept += 1
    except StorageFailed as error:
        print("refused", step, error.errno)
        store.archive(message_of(step, 300_000), {{**KEY, "step": step}})
store.flush()
print("flushed")
"""
    source = code.format(tests=str(Path(__file__).parent), root=str(tmp_path / "store"))
    done = subprocess.run(
        [sys.executable, "-c", source], capture_output=True, text=True, timeout=60, check=False
    )
    assert done.stdout.split() == ["refused", "3", "27", "refused", "6", "27", "flushed"], done.stderr
    assert stored(tmp_path / "store", 300_000) == set(range(8))


def test_a_small_flush_costs_few_calls(tmp_path: Path) -> None:
    disk = FaultyDisk()
    store = FDB(tmp_path, disk=disk)
    archive(store, 0)
    store.flush()
    disk.calls.clear()
    archive(store, *range(1, 500))
    store.flush()
    assert disk.calls == {"write": 3, "fdatasync": 3, "open": 1}


def test_a_flush_says_what_it_did(tmp_path: Path) -> None:
    events: list[Event] = []
    with FDB(tmp_path, listener=events.append) as store:
        archive(store, 0, 1)
    flushed = events[-1]
    assert isinstance(flushed, Flushed)
    assert (flushed.n_fields, flushed.n_bytes, len(events)) == (2, 200, 3)


def n_descriptors() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


@pytest.mark.parametrize("flush_between", [True, False])
def test_many_databases_need_few_descriptors(tmp_path: Path, flush_between: bool) -> None:
    before = n_descriptors()
    store = FDB(tmp_path)
    for round_ in range(2):
        for day in range(60):
            key = {**KEY, "date": 20260101 + day % 28, "time": day // 28, "step": round_}
            store.archive(message_of(day, BIG), key)
        assert n_descriptors() - before < 120
        if flush_between:
            store.flush()
    store.flush()
    assert len(store.list()) == 120
    assert len(store.retrieve({"step": 1}).read()) == 60 * BIG
    assert n_descriptors() - before < 200
    store.close()
