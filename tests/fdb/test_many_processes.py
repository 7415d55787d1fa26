"""Many processes write one store while others read it, and some are killed."""

import multiprocessing
import os
import re
import signal
import struct
import tempfile
import threading
import time
import traceback
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from multiprocessing.connection import Connection
from pathlib import Path
from random import Random

import pytest

from dte_hpc.base.errors import StorageFailed, StorageLocked
from dte_hpc.fdb import FDB
from dte_hpc.fdb.upkeep.check import check
from dte_hpc.testing.store import KEY, message_of

spawn = multiprocessing.get_context("spawn")
forkserver = multiprocessing.get_context("forkserver")
forkserver.set_forkserver_preload(["dte_hpc.testing.store", "dte_hpc.fdb.upkeep.check"])
IN_MEMORY = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None
BATCH = 5


def number_of(writer: int, step: int, level: int) -> int:
    return writer * 1_000_000 + step * 100 + level


def write(root: Path, writer: int, n_flushes: int, pipe: Connection) -> None:
    """Flush batches of fields; say so after each flush."""
    store = FDB(root)
    for step in range(n_flushes):
        for level in range(BATCH):
            key = {**KEY, "step": step, "levelist": level, "param": 1000 + writer}
            store.archive(message_of(number_of(writer, step, level), 3000), key)
        store.flush()
        pipe.send(step)
    pipe.close()


def start_writers(
    root: Path, n_writers: int, n_flushes: int
) -> list[tuple[multiprocessing.Process, Connection]]:
    started = []
    for writer in range(n_writers):
        reader, sender = spawn.Pipe(duplex=False)
        process = spawn.Process(target=write, args=(root, writer, n_flushes, sender))
        process.start()
        sender.close()
        started.append((process, reader))
    return started


def read_all(store: FDB) -> dict[int, set[int]]:
    """Return the steps of each writer; every message is compared, and every batch must be whole."""
    listing = store.list()
    columns = [listing.column(keyword).tolist() for keyword in ("param", "step", "levelist")]
    batches: dict[tuple[int, int], int] = {}
    for number, (param, step, level) in enumerate(zip(*columns, strict=True)):
        writer = int(param) - 1000
        assert listing.message(number) == message_of(number_of(writer, int(step), int(level)), 3000)
        batches[writer, int(step)] = batches.get((writer, int(step)), 0) + 1
    assert set(batches.values()) <= {BATCH}, "a flush is visible whole or not at all"
    steps: dict[int, set[int]] = {}
    for writer, step in batches:
        steps.setdefault(writer, set()).add(step)
    return steps


def test_writers_do_not_disturb_each_other_nor_a_reader(tmp_path: Path) -> None:
    root, n_writers, n_flushes = tmp_path / "store", 3, 20
    started = start_writers(root, n_writers, n_flushes)
    reader, seen = FDB(root), dict.fromkeys(range(n_writers), 0)
    while any(process.is_alive() for process, _ in started):
        found = read_all(reader)
        for writer, steps in found.items():
            assert steps == set(range(len(steps))), "flushes become visible in order"
            assert len(steps) >= seen[writer], "what was seen stays"
            seen[writer] = len(steps)
    for process, _ in started:
        process.join(30)
        assert process.exitcode == 0
    for handle in (reader, FDB(root)):
        assert read_all(handle) == {writer: set(range(n_flushes)) for writer in range(n_writers)}
    assert check(FDB(root)).findings == []


Deed = Callable[[Path, int, Connection], None]


class Round:
    """Processes of one store at work at the same time, killed one after another at random instants.

    Writers tell of each flush that came back. Each has keys of its own, one that it writes again with every
    flush, and one that all of them write; its flushes go to two databases. Maintainers purge and compact,
    or wipe a third database, which everybody writes to and nobody counts on.
    """

    def __init__(self, root: Path, random: Random) -> None:
        self.root, self.random = root, random
        self.told: dict[int, list[int]] = {}

    def kill(self, first: int, n_writers: int, other: Deed) -> None:
        """Start writers and one that does something else, and kill every one."""
        started = []
        for number in range(first, first + n_writers + 1):
            reader, sender = forkserver.Pipe(duplex=False)
            deed = write_on if number < first + n_writers else other
            process = forkserver.Process(target=deed, args=(self.root, number, sender))
            process.start()
            sender.close()
            started.append((number, process, reader))
        self.random.shuffle(started)
        for number, process, reader in started:
            if self.random.random() < 0.8 or number == first + n_writers:
                reader.poll(20)
            time.sleep(self.random.random() * 0.06)
            os.kill(process.pid or 0, signal.SIGKILL)
            told = received(reader, process)
            if number < first + n_writers:
                self.told[number] = told

    def verify(self) -> int:
        """Compare what a new handle sees with what writers were told; return how many flushes they were."""
        store = FDB(self.root)
        listing = store.list({"date": "20260101/20260102"})
        found: dict[int, dict[int, set[int]]] = {}
        again: dict[int, int] = {}
        columns = [listing.column(keyword).tolist() for keyword in ("param", "step", "levelist")]
        for number, (param, _, level) in enumerate(zip(*columns, strict=True)):
            message = listing.message(number)
            writer, step, own_level = FIELD.unpack(message[: FIELD.size])
            assert message == field_of(writer, step, own_level), "every field is whole"
            assert int(param) in (1000 + writer, SHARED)
            if int(param) == SHARED:
                continue
            if int(level) == AGAIN:
                again[writer] = max(step, again.get(writer, -1))
            else:
                found.setdefault(writer, {}).setdefault(step, set()).add(int(level))
        for writer, steps in self.told.items():
            assert set(steps) <= set(found.get(writer, {})), "what a flush promised is there"
            assert not steps or again[writer] >= max(steps), "the last flush of a key is seen"
        assert all(levels == set(range(BATCH)) for steps in found.values() for levels in steps.values())
        report = check(store)
        assert not report.is_damaged, [finding for finding in report.findings if finding.damage]
        return sum(map(len, self.told.values()))


FIELD = struct.Struct("<III")
SHARED, AGAIN, PERHAPS = 999, 99, 20260103


def field_of(writer: int, step: int, level: int) -> bytes:
    return FIELD.pack(writer, step, level) + message_of(number_of(writer, step, level), 100 + level)


def write_on(root: Path, writer: int, pipe: Connection) -> None:
    """Flush, and say so, until killed."""
    try:
        store = FDB(root)
        for step in range(10_000):
            date = 20260101 + step % 2
            key = {**KEY, "date": date, "param": 1000 + writer}
            for level in range(BATCH):
                store.archive(field_of(writer, step, level), {**key, "step": step, "levelist": level})
            store.archive(field_of(writer, step, AGAIN), {**key, "step": 0, "levelist": AGAIN})
            store.archive(field_of(writer, step, AGAIN), {**key, "param": SHARED, "levelist": step % 3})
            with suppress(StorageLocked):  # it is being wiped
                store.archive(field_of(writer, step, 0), {**key, "date": PERHAPS})
            while True:
                try:
                    store.flush()
                    break
                except (StorageFailed, StorageLocked) as error:  # what is being wiped now is made anew
                    if str(PERHAPS) not in str(error):
                        raise
            pipe.send(step)
    except BaseException:
        pipe.send(traceback.format_exc())
        raise


def maintain(root: Path, number: int, pipe: Connection) -> None:
    """Purge, compact and wipe until killed."""
    try:
        deeds = [
            lambda store: store.purge(doit=True),
            lambda store: store.compact(doit=True),
            lambda store: store.wipe({"date": PERHAPS}, doit=True),
        ]
        for turn in range(10_000):
            with suppress(StorageLocked):  # another maintainer is there, or a writer
                deeds[(turn + number) % 3](FDB(root))
            if turn == 0:
                pipe.send(0)
    except BaseException:
        pipe.send(traceback.format_exc())
        raise


def leave(root: Path, number: int, pipe: Connection) -> None:
    """Archive a large field, and wait to be killed."""
    store = FDB(root)
    store.archive(message_of(number, 100_000), {**KEY, "date": 20260102})
    pipe.send(0)
    time.sleep(60)


def received(reader: Connection, process: multiprocessing.process.BaseProcess) -> list[int]:
    """Return what a killed process had told."""
    process.join(30)
    told = []
    while reader.poll():
        try:
            told.append(reader.recv())
        except (EOFError, OSError):
            break
    errors = [text for text in told if isinstance(text, str)]
    assert errors == []
    return told


def used_bytes(root: Path) -> int:
    return sum(path.stat().st_size for path in root.rglob("*"))


def left_in(root: Path) -> list[str]:
    """Return the files that belong to no flush."""
    whole = re.compile(r"(\d+) of \1 bytes belong to no flush|belongs to no flush")
    return [finding.where for finding in check(FDB(root)).findings if whole.fullmatch(finding.what)]


def kill_writers(root: Path, n_writers: int, *, a_store: int, at_once: int = 4) -> int:
    """Kill writers at random instants, a maintainer beside them; return how many flushes they told of."""
    n_told = n_killed = 0
    for number in range(n_writers // a_store):
        store = root / f"{number}"
        work = Round(store, Random(number))
        for first in range(0, a_store, at_once):
            work.kill(10 * first, at_once, maintain if first + at_once < a_store else leave)
            n_killed += at_once
            if first % (4 * at_once) == 0:
                work.verify()
            with FDB(store) as later:
                later.archive(b"later", {**KEY, "date": 20260104, "step": first})
            assert FDB(store).retrieve({**KEY, "date": 20260104, "step": first}).read() == b"later"
        n_told += work.verify()
        before, leftovers = used_bytes(store), left_in(store)
        assert leftovers
        FDB(store).purge(doit=True)
        assert left_in(store) == []
        purged = used_bytes(store)
        FDB(store).compact(doit=True)
        assert used_bytes(store) < purged <= before - 100_000
        work.verify()
        assert check(FDB(store)).findings == []
        assert all(database.n_masked == 0 for database in FDB(store).stats())
        assert all(path.name[0] != "." for path in store.iterdir())
    assert n_killed == n_writers
    return n_told


@pytest.fixture
def memory() -> Iterator[Path]:
    """A directory in memory: there a second of work has more instants to be killed at."""
    with tempfile.TemporaryDirectory(dir=IN_MEMORY) as path:
        yield Path(path)


def test_killed_writers_lose_nothing_they_flushed(memory: Path) -> None:
    assert kill_writers(memory, 20, a_store=20) > 20


@pytest.mark.slow
@pytest.mark.timeout(3600)
def test_many_killed_writers_lose_nothing_they_flushed(memory: Path) -> None:
    n_told = kill_writers(memory, 500, a_store=100)
    print(f"500 writers were killed; they had been told of {n_told} flushes")


def create(root: Path, number: int, barrier: threading.Barrier) -> None:
    store = FDB(root)
    barrier.wait()
    store.archive(message_of(number), {**KEY, "step": number})
    store.flush()


def test_creators_may_race(tmp_path: Path) -> None:
    """Threads stand for processes here: each has a handle, and files, of its own."""
    with ThreadPoolExecutor(6) as pool:
        for attempt in range(10):
            root, barrier = tmp_path / f"{attempt}" / "deep" / "store", threading.Barrier(6)
            for done in [pool.submit(create, root, number, barrier) for number in range(6)]:
                done.result()
            assert len(FDB(root).list()) == 6
            assert check(FDB(root)).findings == []


def test_threads_share_a_handle(tmp_path: Path) -> None:
    store = FDB(tmp_path)

    def run(level: int) -> None:
        for step in range(50):
            store.archive(message_of(100 * level + step), {**KEY, "step": step, "levelist": level})
            if step % 10 == 9:
                store.flush()
                assert len(store.list({"levelist": level})) >= step + 1

    threads = [threading.Thread(target=run, args=(level,)) for level in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    store.flush()
    assert len(store.list()) == 200
    request = {**KEY, "step": "0/to/49", "levelist": "0/to/3"}
    found = store.inspect(request)
    keys = [(int(s), int(v)) for s, v in zip(found.column("step"), found.column("levelist"), strict=True)]
    assert keys == [(step, level) for step in range(50) for level in range(4)]
    assert list(store.retrieve(request)) == [message_of(100 * level + step) for step, level in keys]


@pytest.mark.filterwarnings("ignore:.*multi-threaded.*:DeprecationWarning")
def test_a_fork_leaves_the_parents_fields_to_the_parent(tmp_path: Path) -> None:
    store = FDB(tmp_path)
    store.archive(message_of(0), {**KEY, "step": 0})
    store.flush()
    store.archive(message_of(1, 300_000), {**KEY, "step": 1})
    child = os.fork()
    if child == 0:
        try:
            store.archive(message_of(2), {**KEY, "step": 2})
            store.flush()
            store.close()
            os._exit(0 if set(store.list().column("step").tolist()) == {"0", "2"} else 1)
        finally:
            os._exit(2)
    assert os.waitpid(child, 0)[1] == 0
    store.archive(message_of(3), {**KEY, "step": 3})
    store.flush()
    assert store.list().column("step").tolist() == ["0", "2", "1", "3"]
    assert store.retrieve({**KEY, "step": "0/1/2/3"}).size == 300 + 300_000
    assert check(store).findings == []
