"""Ranks that flush together: their fields are visible at once or not at all, whatever fails where."""

import errno
import shutil
import time
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest

from dte_hpc.base.errors import DteError, StorageFailed
from dte_hpc.base.events import Event, Flushed
from dte_hpc.base.field import Field, Metadata
from dte_hpc.codecs.encode import GribEncoder, Packing
from dte_hpc.fdb import FDB
from dte_hpc.fdb.files.disk import Disk
from dte_hpc.fdb.files.toc import SEGMENT
from dte_hpc.fdb.upkeep.check import check
from dte_hpc.fdb.writing.together import _owner
from dte_hpc.testing.faults import FaultyDisk
from dte_hpc.testing.store import KEY, message_of

pytestmark = pytest.mark.mpi
LENGTH = 200
DATABASE = "od:0001:oper:20260101:0000:g"
CALLS = ("write", "fdatasync", "fsync", "open")


def archive(store: FDB, rank: int, *steps: int, **more: object) -> None:
    """Archive steps of a rank's own levels."""
    for step in steps:
        store.archive(message_of(1000 * step + rank, LENGTH), {**KEY, "levelist": rank, "step": step, **more})


def stored(root: Path) -> set[tuple[int, int]]:
    """Return (rank, step) of all fields a fresh handle finds, each compared with what was archived."""
    listing = FDB(root).list()
    ranks, steps = (listing.column(name).tolist() for name in ("levelist", "step"))
    found = [(int(rank), int(step)) for rank, step in zip(ranks, steps, strict=True)]
    for number, (rank, step) in enumerate(found):
        assert listing.message(number) == message_of(1000 * step + rank, LENGTH)
    return set(found)


def everything(comm, *steps: int) -> set[tuple[int, int]]:
    return {(rank, step) for rank in range(comm.size) for step in steps}


def n_records(root: Path) -> list[int]:
    """Return how many flushes the toc of each database tells of (merged records have another kind)."""
    return [path.read_bytes()[5::128].count(SEGMENT) for path in sorted(root.glob("*/toc"))]


def looked(comm, look) -> None:
    """Let every rank look, and none go on before all have."""
    comm.Barrier()
    look()
    comm.Barrier()


def test_a_flush_is_one_record_whatever_the_ranks(comm, mpi_tmp_path) -> None:
    events: list[Event] = []
    with FDB(mpi_tmp_path, listener=events.append) as store:
        for step in range(10):
            archive(store, comm.rank, step)
            looked(comm, lambda step=step: seen(comm, mpi_tmp_path, range(step)))
            store.flush_together(comm)
            assert not store.dirty
            looked(comm, lambda step=step: seen(comm, mpi_tmp_path, range(step + 1)))
        told = [event for event in events if isinstance(event, Flushed)]
        assert {(event.n_fields, event.n_bytes) for event in told} == {(1, LENGTH)}
    assert n_records(mpi_tmp_path) == [10]
    assert len(list(mpi_tmp_path.glob("*/*.index"))) == 1
    assert len(list(mpi_tmp_path.glob("*/*.data"))) == comm.size
    assert check(FDB(mpi_tmp_path)).findings == []


def seen(comm, root: Path, steps) -> None:
    assert stored(root) == everything(comm, *steps)


def test_a_rank_without_fields_takes_part(comm, mpi_tmp_path) -> None:
    with FDB(mpi_tmp_path) as store:
        for step in range(2 * comm.size):
            absent = step % comm.size
            if comm.rank != absent or comm.size == 1:
                archive(store, comm.rank, step)
            store.flush_together(comm)
        store.flush_together(comm)
    looked(comm, lambda: None)
    expected = everything(comm, *range(2 * comm.size))
    if comm.size > 1:
        expected -= {(step % comm.size, step) for step in range(2 * comm.size)}
    assert stored(mpi_tmp_path) == expected
    assert n_records(mpi_tmp_path) == [2 * comm.size]


def test_databases_are_spread_over_the_ranks(comm, mpi_tmp_path) -> None:
    """Rank r has fields for every database but number r; each flush is one record a database."""
    n_databases = 12
    with FDB(mpi_tmp_path) as store:
        for step in range(3):
            for day in range(n_databases):
                if day != comm.rank:
                    archive(store, comm.rank, step, date=20260101 + day)
            store.flush_together(comm)
        mine = sum(writer.publisher._file is not None for writer in store._writers)
        owned = comm.allgather(mine)
    present = n_databases if comm.size > 1 else n_databases - 1
    assert n_records(mpi_tmp_path) == [3] * present
    assert sum(owned) == present
    assert max(owned) < present or comm.size == 1
    assert len(FDB(mpi_tmp_path).list()) == 3 * (n_databases - 1) * comm.size


def test_later_ranks_mask_earlier_ones(comm, mpi_tmp_path) -> None:
    with FDB(mpi_tmp_path) as store:
        for number in range(3):
            store.archive(f"{comm.rank}, {number}".encode(), KEY)
        store.flush_together(comm)
    looked(comm, lambda: None)
    assert FDB(mpi_tmp_path).retrieve(KEY).read() == f"{comm.size - 1}, 2".encode()
    listing = FDB(mpi_tmp_path).list(KEY, masked=True)
    messages = [listing.message(number).decode() for number in range(len(listing))]
    assert messages == [f"{rank}, {number}" for rank in range(comm.size) for number in range(3)]


def test_what_is_known_of_a_message_travels_too(comm, mpi_tmp_path) -> None:
    """Packing facts, grids and block offset tables are those of each rank's own messages."""
    metadata = Metadata({**KEY, "time": 0, "grid": "O32"}).without("domain")
    encode = GribEncoder(Packing(packing="ccsds")).encode
    values = np.linspace(0, 1, 5248) ** (1 + comm.rank)
    encoded = [
        encode(Field(metadata=metadata.replace(levelist=comm.rank, step=step), values=values + step))
        for step in range(1, 4)
    ]
    with FDB(mpi_tmp_path) as store:
        archive(store, comm.rank, 0)
        for field in encoded:
            store.archive(field)
        store.flush_together(comm)
    listing = FDB(mpi_tmp_path).list({"levelist": comm.rank})
    assert listing.block_offsets(0) is None
    for number, field in enumerate(encoded, 1):
        assert listing.message(number) == bytes(field.message)
        assert listing.layout[number] == np.array(
            tuple(getattr(field.layout, name) for name in listing.layout.dtype.names), listing.layout.dtype
        )
        assert listing.block_offsets(number).tolist() == field.block_offsets.tolist()
        assert listing.block_offsets(number).size > 1


def test_flushes_alone_and_together_alternate(comm, mpi_tmp_path) -> None:
    with FDB(mpi_tmp_path) as store:
        for step in range(6):
            archive(store, comm.rank, step)
            store.flush() if step % 2 else store.flush_together(comm)
    looked(comm, lambda: None)
    assert stored(mpi_tmp_path) == everything(comm, *range(6))
    assert n_records(mpi_tmp_path) == [3 + 3 * comm.size]


def test_a_reader_sees_a_step_whole_or_not_at_all(comm, mpi_tmp_path) -> None:
    is_reader = comm.size > 1 and comm.rank == comm.size - 1
    own = comm.Split(int(is_reader), comm.rank)
    if is_reader:
        read_until_closed(FDB(mpi_tmp_path), n_ranks=comm.size - 1, n_steps=30)
    else:
        with FDB(mpi_tmp_path) as store:
            for step in range(30):
                archive(store, own.rank, step)
                store.flush_together(own)
    own.Free()


def read_until_closed(store: FDB, n_ranks: int, n_steps: int) -> None:
    n_seen = 0
    while n_seen < n_steps:
        steps = store.list().column("step").tolist()
        assert {steps.count(step) for step in steps} <= {n_ranks}
        assert set(map(int, steps)) == set(range(len(steps) // n_ranks))
        assert len(steps) // n_ranks >= n_seen
        n_seen = len(steps) // n_ranks


def failing(comm, root: Path, bad: int, disk: FaultyDisk) -> tuple[FDB, int]:
    """Two flushes together, of which the bad rank's disk spoils one; each is tried again when it fails."""
    store = FDB(root, disk=disk if comm.rank == bad else None)
    n_refused = 0
    for steps in ((0, 1), (2,)):
        for step in steps:
            try:
                archive(store, comm.rank, step)
            except StorageFailed:
                n_refused += 1
                archive(store, comm.rank, step)
        n_refused = comm.allreduce(n_refused) if steps == (0, 1) else n_refused
        refusal = None
        looked(comm, lambda: None)
        try:
            store.flush_together(comm)
        except StorageFailed as error:
            refusal = f"{error.spokesman} {error}"
        assert len(set(comm.allgather(refusal))) == 1, "all ranks succeed or all raise the same"
        if refusal is not None:
            n_refused += 1
            before = everything(comm, *range(steps[0]))
            # When the toc's own sync was refused, all of it may be visible.
            after = everything(comm, *steps) if "/toc failed" in refusal and "sync" in refusal else set()
            looked(comm, lambda may=(before, before | after): in_one_of(root, may))
            store.flush_together(comm)
        comm.Barrier()
    return store, n_refused


def in_one_of(root: Path, may: tuple[set[tuple[int, int]], ...]) -> None:
    assert stored(root) in may


def rank_of(comm, root: Path, who: str) -> int:
    """Return the rank that publishes, or another one where there is one."""
    owner = _owner(f"{root}/{DATABASE}", range(comm.size))
    return owner if who == "the owner" else (owner + 1) % comm.size


@pytest.mark.parametrize("who", ["the owner", "another"])
@pytest.mark.parametrize("call", CALLS)
def test_every_call_of_a_rank_may_fail_once(comm, mpi_tmp_path, call: str, who: str) -> None:
    """Everybody is told, nothing of the flush is visible, and the next one publishes everything."""
    counted, root = FaultyDisk(), mpi_tmp_path / "count"
    bad = rank_of(comm, root, who)
    failing(comm, root, bad, counted)[0].close()
    total = 0
    for nth in range(1, comm.bcast(counted.calls[call], bad) + 1):
        root = mpi_tmp_path / f"{nth}"
        bad = rank_of(comm, root, who)
        store, n_refused = failing(comm, root, bad, FaultyDisk({(call, nth): errno.EIO}))
        assert n_refused <= 1
        total += n_refused
        looked(comm, lambda root=root: seen(comm, root, (0, 1, 2)))
        store.close()
        comm.Barrier()
        assert not check(FDB(root)).is_damaged
    assert (total > 0) or call == "open"


class OneSyncFails(Disk):
    """A disk that refuses the first sync of a data file in a database of some name."""

    def __init__(self, database: str) -> None:
        super().__init__()
        self.database: str | None = database

    def sync(self, fd: int, name: str) -> None:
        if self.database is not None and self.database in name and name.endswith(".data"):
            self.database = None
            raise StorageFailed(f"the sync of {name} failed")
        super().sync(fd, name)


def test_one_database_fails_and_the_others_are_published(comm, mpi_tmp_path) -> None:
    """The sync of the last rank's first data file fails; the fields of its other database are visible."""
    bad = comm.rank == comm.size - 1
    store = FDB(mpi_tmp_path, disk=OneSyncFails("20260101") if bad else None)
    for day in (20260101, 20260102):
        archive(store, comm.rank, 0, date=day)
    with pytest.raises(StorageFailed, match=r"sync of .*20260101.*\.data") as failure:
        store.flush_together(comm)
    assert failure.value.spokesman == comm.size - 1
    looked(comm, lambda: only_the_second_day(comm, mpi_tmp_path))
    assert store.dirty
    store.flush_together(comm)
    looked(comm, lambda: None)
    assert len(FDB(mpi_tmp_path).list()) == 2 * comm.size
    store.close()


def only_the_second_day(comm, root: Path) -> None:
    assert FDB(root).list().column("date").tolist() == ["20260102"] * comm.size


def test_what_a_failed_sync_lost_on_one_rank_is_told_to_all(comm, mpi_tmp_path) -> None:
    bad = comm.rank == comm.size - 1
    store = FDB(mpi_tmp_path, disk=OneSyncFails("") if bad else None)
    archive(store, comm.rank, 0, 1, 2)
    with pytest.raises(StorageFailed):
        store.flush_together(comm)
    if bad:
        spoil(mpi_tmp_path, message_of(1000 + comm.rank, LENGTH))
    with pytest.raises(StorageFailed, match=r"1 fields in .* are lost") as failure:
        store.flush_together(comm)
    if bad:
        assert [key["step"] for key in failure.value.__cause__.lost] == ["1"]
    store.flush_together(comm)
    looked(comm, lambda: None)
    assert stored(mpi_tmp_path) == everything(comm, 0, 1, 2) - {(comm.size - 1, 1)}
    store.close()


def spoil(root: Path, message: bytes) -> None:
    """Change a byte of a message where it was written."""
    for path in root.glob("*/*.data"):
        whole = bytearray(path.read_bytes())
        at = whole.find(message)
        if at >= 0:
            whole[at + 7] ^= 1
            path.write_bytes(whole)


def test_a_store_that_ranks_do_not_share_is_refused(comm, mpi_tmp_path) -> None:
    """An owner that does not see the files of others publishes nothing."""
    if comm.size == 1:
        pytest.skip("one rank shares its store with itself")
    store = FDB(mpi_tmp_path)
    archive(store, comm.rank, 0)
    comm.Barrier()
    writer = next(iter(store._writers))
    writer._drain()
    comm.Barrier()
    if comm.rank == 0:
        for path in mpi_tmp_path.glob("*/*.data"):
            path.unlink()
    comm.Barrier()
    with pytest.raises(StorageFailed, match=r"no file .* that another rank wrote.*collective-flush: false"):
        store.flush_together(comm)
    looked(comm, lambda: None)
    assert len(FDB(mpi_tmp_path).list()) == 0
    with suppress(DteError):
        store.close()


def test_fields_of_a_database_that_was_wiped_meanwhile_are_said_to_be_lost(comm, mpi_tmp_path) -> None:
    with FDB(mpi_tmp_path) as store:
        archive(store, comm.rank, 0)
        next(iter(store._writers))._drain()
        comm.Barrier()
        if comm.rank == 0:
            shutil.rmtree(mpi_tmp_path / DATABASE)
        comm.Barrier()
        with pytest.raises(StorageFailed) as failure:
            store.flush_together(comm)
        assert [key["step"] for key in failure.value.__cause__.lost] == ["0"]
        assert not store.dirty
        archive(store, comm.rank, 1)
        store.flush_together(comm)
        looked(comm, lambda: seen(comm, mpi_tmp_path, [1]))


def test_a_slow_rank_is_waited_for(comm, mpi_tmp_path) -> None:
    with FDB(mpi_tmp_path) as store:
        archive(store, comm.rank, 0)
        time.sleep(0.2 * comm.rank)
        store.flush_together(comm)
        assert stored(mpi_tmp_path) == everything(comm, 0)
        comm.Barrier()
