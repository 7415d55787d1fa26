"""How many calls to the file system does a flush cost, and a look? On Lustre each is a message to a server.

The figures of docs/fdb.md, as upper bounds: whoever makes one larger does so knowingly.
"""

import fcntl
import os
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from dte_hpc.fdb import FDB
from dte_hpc.testing.store import KEY, message_of

CALLS = (
    *("open", "close", "mkdir", "link", "unlink", "rename", "fsync", "fdatasync"),
    *(
        "writev",
        "write",
        "pread",
        "preadv",
        "stat",
        "lstat",
        "access",
        "fstat",
        "scandir",
        "listdir",
        "statvfs",
    ),
)
METADATA = (
    "open",
    "mkdir",
    "link",
    "unlink",
    "rename",
    "stat",
    "lstat",
    "access",
    "scandir",
    "listdir",
    "statvfs",
)
SYNCS = ("fsync", "fdatasync")


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch) -> Iterator[Counter[str]]:
    """Count the calls of this process, by name."""
    counted: Counter[str] = Counter()

    def counting(name: str, real: Any) -> Any:
        def call(*arguments: Any, **options: Any) -> Any:
            counted[name] += 1
            return real(*arguments, **options)

        return call

    for name in CALLS:
        monkeypatch.setattr(os, name, counting(name, getattr(os, name)))
    monkeypatch.setattr(fcntl, "flock", counting("flock", fcntl.flock))
    return counted


def spent(calls: Counter[str]) -> dict[str, int]:
    """Return what was counted since the last time: metadata calls, syncs, writes, reads, locks."""
    found = {
        "metadata": sum(calls[name] for name in METADATA),
        "syncs": sum(calls[name] for name in SYNCS),
        "writes": calls["writev"] + calls["write"],
        "reads": calls["pread"] + calls["preadv"],
        "searches": calls["scandir"] + calls["listdir"],
    }
    calls.clear()
    return found


def assert_at_most(found: dict[str, int], **most: int) -> None:
    assert all(found[name] <= most.get(name, 0) for name in found), (found, most)


def test_what_writing_costs(tmp_path: Path, calls: Counter[str]) -> None:
    with FDB(tmp_path / "store") as store:
        calls.clear()
        for step in range(10):
            store.archive(message_of(step, 100_000), {**KEY, "step": step})
        first_archive = spent(calls)
        store.flush()
        first_flush = spent(calls)
        for step in range(10, 20):
            store.archive(message_of(step, 100_000), {**KEY, "step": step})
        archive = spent(calls)
        store.flush()
        flush = spent(calls)
        print(first_archive, first_flush, archive, flush)
    assert_at_most(first_archive, metadata=30, syncs=4, writes=11, reads=1)
    assert_at_most(first_flush, metadata=3, syncs=4, writes=2)
    assert_at_most(archive, metadata=1, writes=10)
    assert_at_most(flush, metadata=1, syncs=3, writes=2)


def test_what_reading_costs(tmp_path: Path, calls: Counter[str]) -> None:
    root = tmp_path / "store"
    with FDB(root) as store:
        for step in range(10):
            store.archive(message_of(step, 1000), {**KEY, "step": step})
    store = FDB(root)
    calls.clear()
    assert store.retrieve({**KEY, "step": 3}).read() == message_of(3, 1000)
    new_handle = spent(calls)
    assert store.retrieve({**KEY, "step": 4}).read() == message_of(4, 1000)
    again = spent(calls)
    assert len(store.list(KEY)) == 1
    look = spent(calls)
    print(new_handle, again, look)
    assert_at_most(new_handle, metadata=18, reads=6)
    assert_at_most(again, metadata=2, reads=1)
    assert_at_most(look, metadata=2)
