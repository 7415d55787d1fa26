"""The disk is told to begin writing, and a flush syncs all the same."""

from pathlib import Path

import pytest

from dte_hpc.fdb import FDB
from dte_hpc.fdb.files.disk import Disk
from dte_hpc.fdb.writing import writer
from dte_hpc.testing.store import KEY, message_of


class Telling(Disk):
    """A disk that remembers what it was told."""

    def __init__(self) -> None:
        self.started: list[tuple[int, int]] = []
        self.synced = 0

    def start_writing(self, fd: int, offset: int, length: int) -> None:
        super().start_writing(fd, offset, length)
        self.started.append((offset, length))

    def sync(self, fd: int, name: str) -> None:
        super().sync(fd, name)
        self.synced += name.endswith(".data")


def test_every_so_many_bytes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(writer, "START_BYTES", 150_000)
    disk = Telling()
    with FDB(tmp_path, disk=disk) as store:
        for step in range(5):
            store.archive(message_of(step, 100_000), {**KEY, "step": step})
    assert disk.started == [(0, 200_000), (200_000, 200_000)]
    assert disk.synced == 1
    assert FDB(tmp_path).retrieve({**KEY, "step": "0/to/4"}).read() == b"".join(
        message_of(step, 100_000) for step in range(5)
    )
