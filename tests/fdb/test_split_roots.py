"""Index and data on two file systems: catalogueRoots and storeRoots."""

import errno
from pathlib import Path
from typing import Any

import pytest

from dte_hpc.base.errors import InvalidConfig, StorageFailed
from dte_hpc.fdb import FDB
from dte_hpc.fdb.upkeep.check import check
from dte_hpc.testing.faults import FaultyDisk
from dte_hpc.testing.store import KEY, StoreConformance, message_of

NAME = "od:0001:oper:20260101:0000:g"


def config_in(path: Path, *stores: dict[str, Any] | str, handler: str = "Default") -> dict[str, Any]:
    """Return a store whose index is in ``index`` and whose data files are in others."""
    roots = [{"path": str(path / s)} if isinstance(s, str) else s for s in stores or ("data",)]
    spaces = {"catalogueRoots": [{"path": str(path / "index")}], "storeRoots": roots, "handler": handler}
    return {"spaces": [spaces]}


def suffixes(folder: Path) -> set[str]:
    return {path.suffix or path.name for path in folder.rglob("*") if path.is_file()}


class TestSplit(StoreConformance):
    """All that a store promises, with its files in two places."""

    def open(self, path: Path) -> FDB:
        return FDB(config_in(path))


def test_data_is_apart_and_found(tmp_path: Path) -> None:
    with FDB(config_in(tmp_path)) as store:
        store.archive(message_of(1), KEY)
        store.archive(message_of(2, 100_000), {**KEY, "step": 6})
    assert suffixes(tmp_path / "index") == {"schema", "toc", ".index"}
    assert suffixes(tmp_path / "data") == {".data"}
    assert [path.name for path in (tmp_path / "data").iterdir()] == [NAME]
    store = FDB(config_in(tmp_path))
    listing = store.list()
    assert [listing.message(n) for n in (0, 1)] == [message_of(1), message_of(2, 100_000)]
    assert all(path.startswith(f"{tmp_path}/data/{NAME}/") for path in listing.locations()[1])
    assert listing.path(0).startswith(f"{tmp_path}/data/{NAME}/")
    assert store.retrieve({**KEY, "step": [0, 6]}).read() == message_of(1) + message_of(2, 100_000)
    assert check(store).findings == []


def test_writers_may_use_different_store_roots_and_a_root_may_be_moved(tmp_path: Path) -> None:
    for step, root in enumerate("abc"):
        with FDB(config_in(tmp_path, root)) as store:
            store.archive(message_of(step), {**KEY, "step": step})
    (tmp_path / "a").rename(tmp_path / "moved")
    store = FDB(config_in(tmp_path, "b", "c", "moved"))
    assert store.retrieve({**KEY, "step": "0/1/2"}).read() == b"".join(map(message_of, range(3)))
    assert len(store.list()) == 3
    assert check(store).findings == []
    missing = check(FDB(config_in(tmp_path, "b")))
    assert len(missing.findings) == 2
    assert missing.is_damaged


def test_where_data_is_already_more_goes(tmp_path: Path) -> None:
    with FDB(config_in(tmp_path, "b")) as store:
        store.archive(message_of(1), KEY)
    with FDB(config_in(tmp_path, "a", "b")) as store:
        store.archive(message_of(2), {**KEY, "step": 6})
        store.archive(message_of(3), {**KEY, "date": 20260102})
    assert [len(list((tmp_path / root).iterdir())) for root in "ab"] == [1, 1]
    assert len(list((tmp_path / "b" / NAME).iterdir())) == 2
    closed = {"path": str(tmp_path / "b"), "writable": False}
    with pytest.raises(InvalidConfig, match="no space of the store has a writable store root"):
        FDB(config_in(tmp_path, closed)).archive(b"x", {**KEY, "step": 12})
    for handler in ("Random", "LeastUsed", "expver"):
        roots = {"path": str(tmp_path / "a")}, {"path": str(tmp_path / "b")}
        config = config_in(tmp_path, *roots)
        config["spaces"][0]["handler"] = handler if handler != "expver" else "WeightedRandom"
        with FDB(config) as store:
            store.archive(message_of(4), {**KEY, "date": 20260103})
        assert store.retrieve({**KEY, "date": 20260103}).read() == message_of(4)


def test_purge_and_wipe_clear_both_places(tmp_path: Path) -> None:
    with FDB(config_in(tmp_path)) as store:
        for number in range(3):
            store.archive(message_of(number), KEY)
            store.flush()
    with FDB(config_in(tmp_path)) as store:
        store.archive(message_of(9), KEY)
    store = FDB(config_in(tmp_path))
    store.purge(doit=True)
    assert len(list((tmp_path / "data" / NAME).iterdir())) == 1
    store = FDB(config_in(tmp_path))
    assert store.retrieve(KEY).read() == message_of(9)
    plans = store.wipe({"class": "od"}, doit=True)
    assert [path for plan in plans for path in plan.data if "/data/" in path]
    assert not [path for root in ("index", "data") for path in (tmp_path / root).rglob("*") if path.is_file()]


@pytest.mark.parametrize("call", ["write", "fdatasync", "fsync", "open"])
@pytest.mark.parametrize("number", range(1, 8))
def test_any_call_may_fail_once(tmp_path: Path, call: str, number: int) -> None:
    disk = FaultyDisk({(call, number): errno.EIO})
    store = FDB(config_in(tmp_path), disk=disk)
    for attempt in range(3):
        try:
            if not store.dirty:
                store.archive(message_of(1, 50_000), KEY)
            store.flush()
            break
        except StorageFailed:
            assert attempt < 2
    assert FDB(config_in(tmp_path)).retrieve(KEY).read() == message_of(1, 50_000)
