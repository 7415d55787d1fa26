"""Striping on Lustre, with a program that stands for lfs."""

import os
import stat
from pathlib import Path
from typing import Any

import pytest

from dte_hpc.base.errors import InvalidConfig
from dte_hpc.base.events import Event, NotStriped
from dte_hpc.fdb import FDB
from dte_hpc.fdb.places import lustre
from dte_hpc.fdb.places.config import config_of
from dte_hpc.fdb.places.lustre import Layouts, Stripes, is_lustre, layouts_of, report
from dte_hpc.testing.store import KEY

NAME = "od:0001:oper:20260101:0000:g"
MIB = 1024 * 1024
STRIPED: dict[str, Any] = {
    "data": {"stripe-count": 8, "stripe-size": 8 * MIB},
    "index": {"stripe-count": 1, "stripe-size": MIB},
}


@pytest.fixture(autouse=True)
def no_variables(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if "LUSTRE" in name]:
        monkeypatch.delenv(name)


@pytest.fixture
def calls(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Put a program lfs before all others, which notes its words, and make everything look like Lustre."""
    folder = tmp_path / "bin"
    folder.mkdir()
    program = folder / "lfs"
    program.write_text(
        f'#!/bin/sh\nfor word; do last="$word"; done\n'
        f'echo "$@" "had $(ls "$last" | grep -c -v schema)" >> {tmp_path}/calls\n'
        'test -z "$LFS_FAILS" || { echo "error: $LFS_FAILS" >&2; exit 22; }\n'
    )
    program.chmod(program.stat().st_mode | stat.S_IXUSR)
    monkeypatch.setenv("PATH", f"{folder}:{os.environ['PATH']}")
    mounts = tmp_path / "mounts"
    mounts.write_text("proc /proc proc rw 0 0\n/dev/x / ext4 rw 0 0\nmgs@tcp:/work / lustre rw,flock 0 0\n")
    monkeypatch.setattr(is_lustre, "__defaults__", (str(mounts),))
    return tmp_path / "calls"


def store_of(path: Path, **more: Any) -> dict[str, Any]:
    return {"spaces": [{"roots": [{"path": str(path / "store")}]}], **more}


def test_a_new_database_is_striped_once_before_it_has_data(calls: Path, tmp_path: Path) -> None:
    for step in (0, 6):
        with FDB(store_of(tmp_path, lustre=STRIPED)) as store:
            store.archive(b"x", {**KEY, "step": step})
    assert calls.read_text().splitlines() == [
        f"setstripe -E 8388608 -c 1 -S 1048576 -E -1 -c 8 -S 8388608 {tmp_path}/store/{NAME} had 0"
    ]
    assert len(FDB(tmp_path / "store").list()) == 2


def test_index_and_data_apart_have_layouts_of_their_own(calls: Path, tmp_path: Path) -> None:
    spaces = {
        "catalogueRoots": [{"path": str(tmp_path / "index")}],
        "storeRoots": [{"path": str(tmp_path / "data")}],
    }
    with FDB({"spaces": [spaces], "lustre": STRIPED}) as store:
        store.archive(b"x", KEY)
    assert calls.read_text().splitlines() == [
        f"setstripe -c 1 -S 1048576 {tmp_path}/index/{NAME} had 0",
        f"setstripe -c 8 -S 8388608 {tmp_path}/data/{NAME} had 0",
    ]


def test_nothing_is_set_that_was_not_asked_for(
    calls: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with FDB(store_of(tmp_path)) as store:
        store.archive(b"x", KEY)
    monkeypatch.setenv("FDB_HANDLE_LUSTRE_STRIPE", "0")
    with FDB(store_of(tmp_path, lustre=STRIPED)) as store:
        store.archive(b"x", {**KEY, "date": 20260102})
    assert not calls.exists()


def test_what_lfs_says_against_it_is_told_and_stops_nothing(
    calls: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LFS_FAILS", "stripe count too large")
    told: list[Event] = []
    with FDB(store_of(tmp_path, lustre=STRIPED), listener=told.append) as store:
        store.archive(b"x", KEY)
    assert [e for e in told if isinstance(e, NotStriped)] == [
        NotStriped(where=f"{tmp_path}/store/{NAME}", reason="error: stripe count too large")
    ]
    monkeypatch.setenv("PATH", "/nonexistent")
    with FDB(store_of(tmp_path, lustre=STRIPED), listener=told.append) as store:
        store.archive(b"x", {**KEY, "date": 20260102})
    assert isinstance(told[-2], NotStriped) or any("no program lfs" in str(event) for event in told)
    assert len(FDB(tmp_path / "store").list()) == 2


def test_elsewhere_than_on_lustre_nothing_is_done(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lustre, "set_layout", lambda *_: pytest.fail("called"))
    with FDB(store_of(tmp_path, lustre=STRIPED)) as store:
        store.archive(b"x", KEY)
        assert store.striping() == {f"{tmp_path}/store": "not on Lustre"}
    layouts = Layouts(data=Stripes(stripe_count=8))
    assert report([tmp_path], layouts, data=True, index=True) == {str(tmp_path): "not on Lustre"}


def test_what_is_reported(calls: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    layouts = Layouts(data=Stripes(stripe_count=-1))

    def told(layouts: Layouts | None) -> str:
        return report([tmp_path], layouts, data=True, index=True)[str(tmp_path)]

    assert told(layouts) == "lfs setstripe -E 8388608 -c 1 -E -1 -c -1"
    assert told(None).endswith("(no striping is configured)")
    monkeypatch.setenv("PATH", "/nonexistent")
    assert told(layouts).endswith("(no lfs)")


def test_fdbs_variables(monkeypatch: pytest.MonkeyPatch) -> None:
    assert layouts_of(None, {}) is None
    found = layouts_of(None, {"FDB_DATA_LUSTRE_STRIPE_COUNT": "4", "FDB_INDEX_LUSTRE_STRIPE_SIZE": str(MIB)})
    assert found == Layouts(data=Stripes(stripe_count=4), index=Stripes(stripe_size=MIB))
    own = Layouts(data=Stripes(stripe_count=2))
    assert layouts_of(own, {"FDB_DATA_LUSTRE_STRIPE_COUNT": "4"}) == own
    with pytest.raises(InvalidConfig, match="FDB_DATA_LUSTRE_STRIPE_COUNT"):
        layouts_of(None, {"FDB_DATA_LUSTRE_STRIPE_COUNT": "many"})


def test_where_lustre_is(tmp_path: Path) -> None:
    mounts = tmp_path / "mounts"
    mounts.write_text("a / ext4 rw 0 0\nb /lus lustre rw 0 0\nc /lus/tmp tmpfs rw 0 0\nshort\n")
    assert [is_lustre(path, str(mounts)) for path in ("/lus", "/lus/x/y", "/lustre", "/lus/tmp/x", "/")] == [
        True,
        True,
        False,
        False,
        False,
    ]
    assert not is_lustre("/lus", str(tmp_path / "none"))


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (
            {"data": {"stripe-size": 1000}},
            r"\$\.lustre\.data\.stripe-size: found 1000; expected bytes: a multiple",
        ),
        ({"data": {"stripe-count": -2}}, r"\$\.lustre\.data\.stripe-count: found -2"),
        ({"index-bytes": 0}, r"\$\.lustre\.index-bytes: found 0"),
        ({"datas": {}}, "did you mean 'data'"),
    ],
)
def test_mistakes(tmp_path: Path, given: dict[str, Any], message: str) -> None:
    with pytest.raises(InvalidConfig, match=message):
        config_of(store_of(tmp_path, lustre=given))
