"""Many processes write one store while others read it, and some are killed."""

import multiprocessing
import os
import signal
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from multiprocessing.connection import Connection
from pathlib import Path

import pytest

from dte_hpc.fdb import FDB
from dte_hpc.fdb.check import check
from dte_hpc.testing.store import KEY, message_of

spawn = multiprocessing.get_context("spawn")
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


def kill_cycles(root: Path, n_cycles: int, n_writers: int) -> None:
    for cycle in range(n_cycles):
        started = start_writers(root / f"{cycle}", n_writers, 10_000)
        for _, pipe in started:
            pipe.recv()
        time.sleep(0.003 * (cycle % 7))
        acknowledged = []
        for process, _ in started:
            os.kill(process.pid or 0, signal.SIGKILL)
        for process, pipe in started:
            process.join(30)
            last = 0
            while pipe.poll():
                try:
                    last = pipe.recv()
                except EOFError:
                    break
            acknowledged.append(last)
        store = FDB(root / f"{cycle}")
        found = read_all(store)
        for writer, last in enumerate(acknowledged):
            assert set(range(last + 1)) <= found[writer], "what a flush promised is there"
        report = check(store)
        assert not report.is_damaged, report.findings
        with store:
            store.archive(b"later", KEY)
        assert FDB(root / f"{cycle}").retrieve(KEY).read() == b"later"


def test_killed_writers_lose_nothing_they_flushed(tmp_path: Path) -> None:
    kill_cycles(tmp_path, 2, 2)


@pytest.mark.slow
@pytest.mark.timeout(1200)
def test_many_killed_writers_lose_nothing_they_flushed(tmp_path: Path) -> None:
    kill_cycles(tmp_path, 150, 2)


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
