"""Processes archive, delete, purge, compact and list at the same time; their journals say what may be seen.

Every process notes when each of its flushes, deletions and listings began and ended, on the one clock
of the host. A field may be what is seen unless another flush (or deletion) of its key began after its own
had ended, and ended before the look began.
"""

import multiprocessing
import os
import random
import struct
import tempfile
import time
from collections.abc import Iterator
from multiprocessing.connection import Connection
from pathlib import Path
from typing import NamedTuple

import pytest

from dte_hpc.base.errors import CorruptData, StorageLocked
from dte_hpc.fdb import FDB
from dte_hpc.fdb.finding.listing import Listing
from dte_hpc.fdb.upkeep.check import check
from dte_hpc.testing.store import KEY, message_of

forkserver = multiprocessing.get_context("forkserver")
forkserver.set_forkserver_preload(["dte_hpc.testing.store", "dte_hpc.fdb.upkeep.check"])
IN_MEMORY = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None
HEADER = struct.Struct("<II")
ABSENT = (0, 0)
Place = tuple[int, int]
Version = tuple[int, int]


class Change(NamedTuple):
    """A flush or deletion of one key: between two times it became this version."""

    place: Place
    version: Version
    begin: float
    end: float


class Look(NamedTuple):
    """A listing: what was visible some time between two times."""

    seen: dict[Place, Version]
    begin: float
    end: float


def key_of(place: Place) -> dict[str, str | int]:
    return {**KEY, "date": 20260101 + place[0], "step": place[1]}


def message(version: Version) -> bytes:
    return HEADER.pack(*version) + message_of(version[0] * 1_000_000 + version[1], 200 + version[1] % 50)


def look(listing: Listing) -> dict[Place, Version]:
    """Return the version of each key; CorruptData when a compact moved one meanwhile."""
    seen = {}
    for number, (date, step) in enumerate(zip(listing.column("date"), listing.column("step"), strict=True)):
        data = listing.message(number)
        version = HEADER.unpack(data[: HEADER.size])
        assert data == message(version), "a message is whole and what was archived"
        seen[int(date) - 20260101, int(step)] = version
    return seen


class Worker:
    """One process, and its journal."""

    def __init__(self, root: Path, writer: int) -> None:
        self.random = random.Random(writer)
        self.root, self.writer = root, writer
        self.store = FDB(root)
        self.changes: list[Change] = []
        self.looks: list[Look] = []
        self.number = 0

    def place(self) -> Place:
        return self.random.randrange(2), self.random.randrange(5)

    def flush(self) -> None:
        versions: dict[Place, Version] = {}
        for _ in range(self.random.randint(1, 4)):
            self.number += 1
            place = self.place()
            versions[place] = self.writer, self.number
            self.store.archive(message(versions[place]), key_of(place))
        begin = time.monotonic()
        self.store.flush()
        end = time.monotonic()
        self.changes += [Change(place, version, begin, end) for place, version in versions.items()]

    def delete(self) -> None:
        place = self.place()
        begin = time.monotonic()
        if self.store.delete(key_of(place)):
            self.changes.append(Change(place, ABSENT, begin, time.monotonic()))

    def maintain(self) -> None:
        (self.store.purge if self.random.random() < 0.5 else self.store.compact)(doit=True)

    def list(self) -> None:
        handle = self.store if self.random.random() < 0.5 else FDB(self.root)
        for _ in range(100):
            begin = time.monotonic()
            listing = handle.list()
            end = time.monotonic()
            try:
                self.looks.append(Look(look(listing), begin, end))
            except CorruptData:  # moved by a compact after the listing was made
                continue
            return
        raise AssertionError("a listing can be read in one of 100 attempts")

    def reopen(self) -> None:
        self.store.close()
        self.store = FDB(self.root)

    def work(self, n_steps: int) -> None:
        deeds = [self.flush] * 6 + [self.list] * 3 + [self.delete, self.maintain, self.reopen]
        for _ in range(n_steps):
            try:
                self.random.choice(deeds)()
            except StorageLocked:
                continue


def work(root: Path, writer: int, n_steps: int, pipe: Connection) -> None:
    worker = Worker(root, writer)
    try:
        worker.work(n_steps)
        pipe.send((worker.changes, worker.looks))
    except BaseException as error:
        pipe.send(repr(error))
        raise


def may_be(seen: Version, changes: list[Change], begin: float, end: float) -> bool:
    """Whether a version of a key may have been seen between two times."""
    if seen == ABSENT and not any(change.end < begin for change in changes):
        return True
    for change in changes:
        if change.version == seen and change.begin <= end:
            later = (other for other in changes if other.begin > change.end and other.end < begin)
            if not any(later):
                return True
    return False


def run(root: Path, n_processes: int, n_steps: int) -> int:
    """Let processes work, compare what they saw with their journals; return how many looks there were."""
    pipes, processes = [], []
    for writer in range(1, n_processes + 1):
        receiver, sender = forkserver.Pipe(duplex=False)
        processes.append(forkserver.Process(target=work, args=(root, writer, n_steps, sender)))
        processes[-1].start()
        sender.close()
        pipes.append(receiver)
    told = [pipe.recv() for pipe in pipes]
    for process in processes:
        process.join(60)
    assert [one for one in told if isinstance(one, str)] == []
    by_place: dict[Place, list[Change]] = {(date, step): [] for date in range(2) for step in range(5)}
    for change in (change for changes, _ in told for change in changes):
        by_place[change.place].append(change)
    assert not check(FDB(root)).is_damaged
    looks = [one for _, looks in told for one in looks]
    for _ in range(3):
        begin = time.monotonic()
        looks.append(Look(look(FDB(root).list()), begin, time.monotonic()))
        FDB(root).compact(doit=True)
    for one in looks:
        for place, changes in by_place.items():
            seen = one.seen.get(place, ABSENT)
            assert may_be(seen, changes, one.begin, one.end), (place, seen, changes)
    assert looks[-1].seen == looks[-2].seen == looks[-3].seen
    assert check(FDB(root)).findings == []
    return len(looks)


@pytest.fixture
def memory() -> Iterator[Path]:
    """A directory in memory, where nobody waits for a disk."""
    with tempfile.TemporaryDirectory(dir=IN_MEMORY) as path:
        yield Path(path)


def test_processes_see_what_their_journals_allow(memory: Path) -> None:
    run(memory, 3, 30)


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_processes_see_for_long_what_their_journals_allow(tmp_path: Path) -> None:
    assert sum(run(tmp_path / f"{number}", 4, 400) for number in range(5)) > 1000
