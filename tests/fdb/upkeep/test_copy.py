"""Fields copied and databases moved between stores."""

import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from dte_hpc.base.errors import CorruptData, InvalidRequest, StorageFailed, StorageLocked
from dte_hpc.base.field import Field, Metadata
from dte_hpc.codecs.encode import GribEncoder, Packing
from dte_hpc.fdb import FDB
from dte_hpc.fdb.upkeep.control import Control
from dte_hpc.fdb.upkeep.copy import around, copy
from dte_hpc.fdb.upkeep.move import move
from dte_hpc.testing.store import KEY, message_of

DATABASE = {k: KEY[k] for k in ("class", "expver", "stream", "date", "time")}


@pytest.fixture
def source(tmp_path):
    with FDB(tmp_path / "source") as store:
        for date in (20260101, 20260102):
            for step in range(5):
                store.archive(message_of(step, 50 + step), {**KEY, "date": date, "step": step})
        store.flush()
        store.archive(message_of(9), {**KEY, "step": 3})
    return FDB(tmp_path / "source")


def same(one, other):
    mine, others = (dict(zip(s.list().keys(), s.retrieve({}), strict=True)) for s in (one, other))
    assert mine == others


def test_only_what_is_not_masked_is_copied(source, tmp_path):
    target = FDB(tmp_path / "target")
    told = []
    done = copy(source.list(), target, progress=lambda *counts: told.append(counts))
    assert (done.n_databases, done.n_fields, done.n_present, done.n_verified) == (2, 10, 0, 10)
    assert told == [(number, 20) for number in range(1, 21)]
    same(source, FDB(tmp_path / "target"))
    assert len(target.list(masked=True)) == 10


def test_what_is_there_is_not_copied_again(source, tmp_path):
    target = FDB(tmp_path / "target")
    copy(source.list({"step": [1, 2]}), target)
    target.archive(b"another", {**KEY, "step": 0})
    target.flush()
    done = copy(source.list(), target)
    assert (done.n_fields, done.n_present, done.n_verified) == (6, 4, 10)
    same(source, target)


def test_nothing_of_a_database_is_there_when_one_of_its_fields_is_damaged(source, tmp_path):
    listing = source.list({"date": 20260102, "step": 4})
    with Path(listing.path(0)).open("r+b") as file:
        file.seek(int(listing.offset[0]) + 3)
        file.write(b"\xff")
    target = FDB(tmp_path / "target")
    with pytest.raises(CorruptData, match="checksum"):
        copy(source.list(), target)
    target.close()
    assert set(FDB(tmp_path / "target").list().column("date")) == {"20260101"}


def test_a_target_that_gives_back_something_else_is_found_out(source, tmp_path):
    class Forgetful(FDB):
        def archive(self, message, key=None):
            if key["step"] != "2":
                super().archive(message, key)

    with pytest.raises(CorruptData, match="step=2"):
        copy(source.list(), Forgetful(tmp_path / "target"))


def test_facts_of_packing_go_along(tmp_path):
    """Block offset tables, which make points of CCSDS fields cheap, cannot be made from the message alone."""
    words = {k: v for k, v in KEY.items() if k != "domain"} | {"date": 20260101, "time": 0, "grid": "O8"}
    encoded = GribEncoder(Packing(packing="ccsds", ccsds_rsi=1)).encode(
        Field(metadata=Metadata(words), values=np.random.default_rng(0).random(544))
    )
    with FDB(tmp_path / "source") as store:
        store.archive(encoded)
    listing = FDB(tmp_path / "source").list()
    target = FDB(tmp_path / "target")
    copy(listing, target)
    copied = target.list()
    assert copied.layout[0] == listing.layout[0]
    assert copied.grid_name(0) == listing.grid_name(0) == "O8"
    offsets = listing.block_offsets(0)
    assert offsets is not None
    assert copied.block_offsets(0).tolist() == offsets.tolist()


def test_a_request_around_keys():
    keys = [{"a": "1", "b": "2"}, {"a": "3", "c": "1"}]
    assert dict(around(keys)) == {"a": ("1", "3")}
    assert dict(around([])) == {}


def test_move(source, tmp_path):
    done = move(source, DATABASE, tmp_path / "target")
    assert [(each.n_fields, each.n_verified) for each in done] == [(5, 5)]
    assert set(source.list().column("date")) == {"20260102"}
    moved = FDB(tmp_path / "target")
    assert moved.retrieve({"step": 3}).read() == message_of(9)
    assert moved.status()[0].disabled is Control.NONE
    move(source, {}, tmp_path / "target")
    assert (len(moved.list()), len(source.list())) == (10, 0)


def test_a_move_that_cannot_be_leaves_the_source_as_it_was(source, tmp_path):
    with pytest.raises(InvalidRequest, match="step"):
        move(source, {**DATABASE, "step": 1}, tmp_path / "target")
    with pytest.raises(InvalidRequest, match="another root"):
        move(source, DATABASE, tmp_path / "source")
    source.control(DATABASE, "disable", Control.RETRIEVE)
    with pytest.raises(StorageLocked, match="RETRIEVE"):
        move(source, DATABASE, tmp_path / "target")
    source.control(DATABASE, "enable", Control.RETRIEVE)
    stranger = next((tmp_path / "source").glob("*0101*")) / "stranger"
    stranger.write_text("x")
    with pytest.raises(StorageFailed, match="stranger"):
        move(source, DATABASE, tmp_path / "target")
    stranger.unlink()
    listing = source.list({"date": 20260101, "step": 4})
    with Path(listing.path(0)).open("r+b") as file:
        file.seek(int(listing.offset[0]) + 3)
        file.write(b"\xff")
    with pytest.raises(CorruptData):
        move(source, DATABASE, tmp_path / "target")
    assert {status.disabled for status in source.status()} == {Control.NONE}
    assert len(source.list()) == 10


WRITE = """
import sys
from dte_hpc.fdb import FDB
from dte_hpc.testing.store import KEY, message_of
with FDB(sys.argv[1] + "/source") as store:
    for step in range(8):
        store.archive(message_of(step), {**KEY, "date": 20260101 + step // 4, "step": step})
"""
MOVE = """
import os, signal, sys
from dte_hpc.fdb import FDB
from dte_hpc.fdb.upkeep.move import move
def die(done, _total):
    if done == int(sys.argv[2]):
        os.kill(os.getpid(), signal.SIGKILL)
move(FDB(sys.argv[1] + "/source"), {}, sys.argv[1] + "/target", progress=die)
"""


def test_a_move_that_is_killed_goes_on(tmp_path):
    """Whenever the process dies, every field is in one store or the other, and another move ends it."""

    def program(text, *words):
        command = [sys.executable, "-c", text, str(tmp_path), *map(str, words)]
        return subprocess.run(command, timeout=60, capture_output=True).returncode

    def fields(*names):
        both = FDB({"spaces": [{"roots": [{"path": str(tmp_path / name)} for name in names]}]})
        return dict(zip(both.list().keys(), both.retrieve({}), strict=True))

    assert program(WRITE) == 0
    before = fields("source")
    for moment in (3, 6):
        assert program(MOVE, moment) == -signal.SIGKILL
        assert fields("source", "target") == before
    assert program(MOVE, 0) == 0
    assert fields("target") == before
    assert list((tmp_path / "source").iterdir()) == []
