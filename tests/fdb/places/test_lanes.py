"""Which databases a handle reads and writes: addressed by name, several stores behind one handle."""

import os
import tarfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dte_hpc.base.errors import DteError, FieldNotFound, InvalidConfig, InvalidKey, InvalidRequest
from dte_hpc.fdb import FDB
from dte_hpc.fdb.places.lane import Lane
from dte_hpc.fdb.places.lanes import SETTLED_NS
from dte_hpc.testing.store import KEY

OPTIONAL = """
date: Date; expver: Expver; step: Step;
[ class=rd, expver, hidden-, date, domain?g [ type [ step, param ]]]
[ class=od/ea, expver, date, domain?g, model? [ type [ step, param ]]]
[ class=!od, expver, date:Year, hidden [ type [ step, param ]]]
"""


def settle(root: Path) -> None:
    """Make a root look as if nothing had been made in it lately."""
    past = root.stat().st_mtime_ns - 2 * SETTLED_NS
    os.utime(root, ns=(past, past))


@pytest.fixture
def no_scan(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(path: Any) -> Any:
        raise AssertionError(f"{path} was searched")

    monkeypatch.setattr(os, "scandir", refuse)
    monkeypatch.setattr(os, "listdir", refuse)


@pytest.fixture
def thousand(tmp_path: Path) -> Path:
    for number in range(1000):
        (tmp_path / f"od:{number:04d}:oper:20260101:0000:g").mkdir()
    with FDB(tmp_path) as store:
        store.archive(b"one", KEY)
        store.archive(b"two", {**KEY, "domain": ""})
    return tmp_path


def test_a_field_among_a_thousand_databases_is_found_without_a_search(thousand: Path, no_scan: None) -> None:
    store = FDB(thousand)
    assert store.retrieve(KEY).read() == b"one"
    assert len(store.list(KEY)) == 1
    assert store.retrieve({**KEY, "domain": ""}).read() == b"two"
    without = {k: v for k, v in KEY.items() if k != "domain"}
    assert store.retrieve(without).read() == b"twoone", "the default, or none"


def test_names_in_a_root_are_remembered_while_it_stays_the_same(
    thousand: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    searched = []
    scan = os.scandir

    def counted(path: Any) -> Any:
        searched.append(path)
        return scan(path)

    monkeypatch.setattr(os, "scandir", counted)
    settle(thousand)
    store = FDB(thousand)
    for n_searched in (1, 1, 1):
        assert len(store.list()) == 2
        assert len(searched) == n_searched
    with FDB(thousand) as writer:
        writer.archive(b"3", {**KEY, "date": 20260102})
    for n_searched in (2, 3):
        assert len(store.list()) == 3
        assert len(searched) == n_searched, "what was made just now may not be all"


def test_a_name_made_in_the_tick_of_a_search_is_not_missed(tmp_path: Path) -> None:
    """The root's mtime does not change again within a tick, so a young list is not relied on."""
    store = FDB(tmp_path)
    with FDB(tmp_path) as writer:
        writer.archive(b"1", KEY)
    now = tmp_path.stat().st_mtime_ns
    assert len(store.list()) == 1
    with FDB(tmp_path) as writer:
        writer.archive(b"2", {**KEY, "date": 20260102})
    os.utime(tmp_path, ns=(now, now))
    assert len(store.list()) == 2


def test_databases_of_another_schema_are_found_too(tmp_path: Path) -> None:
    old = tmp_path / "old"
    old.write_text(
        "date: Date; [ class, date [ expver, stream, time, domain, type, levtype [ step, levelist, param ]]]"
    )
    root = tmp_path / "store"
    with FDB(root, schema=old) as store:
        store.archive(b"old", KEY)
    store = FDB(root)
    assert len(store.list()) == 1
    assert len(store.list({"class": "od"})) == 1
    assert len(store.list(KEY)) == 1
    store = FDB(root, schema=_schema(tmp_path, "date: Date; [ class, expver, date [ type [ step, param ]]]"))
    full = {k: KEY[k] for k in ("class", "expver", "date", "type", "step", "param")}
    assert store.retrieve(full).read() == b"old"
    with pytest.raises(FieldNotFound):
        store.retrieve({**full, "step": 6})


def _schema(path: Path, text: str) -> Path:
    file = path / "schema"
    file.write_text(text)
    return file


VALUES = {
    "class": ["od", "rd", "ea", "xx"],
    "expver": ["1", "0002"],
    "date": ["20260101", "20250101"],
    "domain": ["g", "", "e"],
    "model": ["", "ifs"],
    "hidden": ["1", "2"],
    "type": ["an", "fc"],
    "step": ["0", "0-24", "24"],
    "param": ["t", "q"],
}
KEYS = st.fixed_dictionaries(
    {k: st.sampled_from(VALUES[k]) for k in ("class", "expver", "date", "type", "step", "param")},
    optional={k: st.sampled_from(VALUES[k]) for k in ("domain", "model", "hidden")},
)
REQUESTS = st.fixed_dictionaries(
    {},
    optional={
        k: st.lists(st.sampled_from(v), min_size=1, max_size=2, unique=True) for k, v in VALUES.items()
    },
)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=30, deadline=None)
@given(keys=st.lists(KEYS, min_size=1, max_size=8), requests=st.lists(REQUESTS, min_size=1, max_size=4))
def test_addressing_finds_what_searching_finds(
    keys: list[dict[str, str]],
    requests: list[dict[str, list[str]]],
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    root = tmp_path_factory.mktemp("store")
    schema = _schema(tmp_path_factory.mktemp("schema"), OPTIONAL)
    with FDB(root, schema=schema) as store:
        for number, key in enumerate(keys):
            try:
                store.archive(str(number).encode(), key)
            except InvalidKey:
                continue
    addressed = [_answers(FDB(root, schema=schema), request) for request in requests + keys]
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(Lane, "names", lambda self, wanted: None)
        searched = [_answers(FDB(root, schema=schema), request) for request in requests + keys]
    assert addressed == searched


def _answers(store: FDB, request: dict[str, Any]) -> tuple[bytes, ...]:
    found = []
    for ask in (lambda: store.list(request), lambda: store.inspect(request, missing="skip")):
        try:
            listing = ask()
        except InvalidRequest as error:
            found.append(str(error).encode())
        else:
            found += [listing.message(n) for n in range(len(listing))]
    return tuple(found)


def lanes(path: Path, **more: Any) -> dict[str, Any]:
    """Return two stores behind one handle, and a third for the rest."""
    small = _schema(path, "date: Date; expver: Expver; [ class, expver, date [ type [ step, param ]]]")
    return {
        "type": "select",
        "fdbs": [
            {"select": "class=od,expver=00..", "spaces": [{"roots": [{"path": str(path / "oper")}]}], **more},
            {
                "select": "class=rd",
                "excludes": ["expver=test", "expver=0001,date=2025.*"],
                "schema": str(small),
                "spaces": [{"roots": [{"path": str(path / "research")}]}],
            },
            {"type": "local", "spaces": [{"roots": [{"path": str(path / "rest")}]}]},
        ],
    }


RESEARCH = {"class": "rd", "expver": "abcd", "date": 20260101, "type": "fc", "step": 0, "param": 130}


def test_each_field_goes_to_the_first_store_that_takes_it(tmp_path: Path) -> None:
    with FDB(lanes(tmp_path)) as store:
        store.archive(b"oper", {**KEY, "expver": 1})
        store.archive(b"research", RESEARCH)
        store.archive(b"excluded", {**KEY, "class": "rd", "expver": "test"})
        store.archive(b"old", {**KEY, "class": "rd", "date": 20250101})
        store.archive(b"rest", {**KEY, "class": "ea"})
    found = {
        path.name: sorted(p.name for p in path.iterdir()) for path in tmp_path.iterdir() if path.is_dir()
    }
    assert found == {
        "oper": ["od:0001:oper:20260101:0000:g"],
        "research": ["rd:abcd:20260101"],
        "rest": [
            "ea:0001:oper:20260101:g",
            "rd:0001:oper:20250101:0000:g",
            "rd:test:oper:20260101:0000:g",
        ],
    }
    store = FDB(lanes(tmp_path))
    assert len(store.list()) == 5
    assert store.retrieve(RESEARCH).read() == b"research"
    assert store.retrieve({**KEY, "expver": "1"}).read() == b"oper"
    assert store.retrieve({**KEY, "class": "rd", "expver": "test"}).read() == b"excluded"
    assert len(store.list({"class": "od/ea"})) == 2
    assert len(store.list({"step": 0})) == 5
    assert len(store.list({"stream": "oper"})) == 4, "one store's schema has no stream"
    assert set(store.list().keywords) >= {"class", "stream", "param"}
    with pytest.raises(InvalidRequest, match="unknown keyword 'strem'"):
        store.list({"strem": "oper"})


def test_a_database_is_of_one_store_when_two_share_a_root(tmp_path: Path) -> None:
    spaces = [{"roots": [{"path": str(tmp_path)}]}]
    config = {
        "type": "select",
        "fdbs": [{"select": "class=od", "spaces": spaces}, {"select": "class=rd", "spaces": spaces}],
    }
    with FDB(config) as store:
        store.archive(b"od", KEY)
        store.archive(b"rd", {**KEY, "class": "rd"})
        with pytest.raises(InvalidKey, match="no store of the configuration takes class=ea"):
            store.archive(b"ea", {**KEY, "class": "ea"})
    assert len(FDB(config).list()) == 2
    assert len(FDB(config).databases()) == 2


def test_stores_in_stores(tmp_path: Path) -> None:
    inner = {
        "type": "select",
        "select": "class=od",
        **{k: v for k, v in lanes(tmp_path).items() if k == "fdbs"},
    }
    config = {"type": "select", "fdbs": [inner]}
    with FDB(config) as store:
        store.archive(b"oper", KEY)
        store.archive(b"rest", {**KEY, "expver": "test"})
        with pytest.raises(InvalidKey, match="no store"):
            store.archive(b"research", RESEARCH)
    assert len(FDB(config).list()) == 2


def test_what_a_store_as_a_whole_may_be_used_for(tmp_path: Path) -> None:
    with FDB(lanes(tmp_path)) as store:
        store.archive(b"oper", KEY)
    sealed = FDB(lanes(tmp_path, writable=False))
    sealed.archive(b"elsewhere", {**KEY, "step": 6})
    sealed.flush()
    assert len(list((tmp_path / "rest").iterdir())) == 1, "the next store takes what a closed one does not"
    for more, n_listed, readable in (
        ({"visitable": False}, 1, False),
        ({"list": False}, 1, True),
        ({"retrieve": False}, 2, False),
        ({"visitable": False, "retrieve": True}, 1, True),
    ):
        store = FDB(lanes(tmp_path, **more))
        assert len(store.list()) == n_listed
        assert (len(store.inspect(KEY, missing="skip")) == 1) is readable
    with pytest.raises(DteError, match="writable"):
        FDB({"writable": False, "spaces": [{"roots": [{"path": str(tmp_path)}]}]}).archive(b"x", KEY)


def test_what_a_root_may_be_used_for(tmp_path: Path) -> None:
    root = tmp_path / "store"
    with FDB(root) as store:
        store.archive(b"x", KEY)

    def opened(**flags: bool) -> FDB:
        return FDB({"spaces": [{"roots": [{"path": str(root), **flags}]}]})

    for flags, n_listed, n_found in (
        ({}, 1, 1),
        ({"visit": False}, 0, 0),
        ({"visit": False, "list": True}, 1, 0),
        ({"retrieve": False}, 1, 0),
        ({"list": False}, 0, 1),
    ):
        assert len(opened(**flags).list()) == n_listed
        assert len(opened(**flags).inspect(KEY, missing="skip")) == n_found
    with pytest.raises(InvalidConfig, match="writable"):
        opened(archive=False).archive(b"x", KEY)
    opened(writable=False, archive=True).archive(b"x", KEY)


def test_a_database_in_a_closed_root_is_not_begun_again(tmp_path: Path) -> None:
    """FDB refuses so too: in two roots, which of two fields is the newer would be anybody's guess."""
    with FDB(tmp_path / "old") as store:
        store.archive(b"old", KEY)
    roots: list[dict[str, Any]] = [
        {"path": str(tmp_path / "old"), "writable": False},
        {"path": str(tmp_path / "new")},
    ]
    with pytest.raises(InvalidConfig, match=r"it is in .*old, which is not"):
        FDB({"spaces": [{"roots": roots}]}).archive(b"new", {**KEY, "step": 6})
    with FDB(tmp_path / "new") as store:
        store.archive(b"again", KEY)
    roots[0]["writable"] = True
    with pytest.raises(InvalidConfig, match="is in several roots"):
        FDB({"spaces": [{"roots": roots}]}).archive(b"new", {**KEY, "step": 6})
    for root in ("old", "new"):
        (tmp_path / root / "od:0001:oper:20260101:0000:g" / "duplicates.allow").touch()
    with FDB({"spaces": [{"roots": roots}]}) as store:
        store.archive(b"new", {**KEY, "step": 6})
    assert len(FDB(tmp_path / "new").list()) == 2


def test_old_databases_of_ecmwfs_fdb_and_new_ones_behind_one_handle(tmp_path: Path, data: Path) -> None:
    with tarfile.open(data / "fdb5" / "databases.tar.xz") as archive:
        archive.extractall(tmp_path, filter="data")
    theirs = {
        "engine": "fdb5-toc",
        "schema": str(tmp_path / "schema"),
        "spaces": [{"roots": [{"path": str(tmp_path / "store")}]}],
    }
    ours = {"select": "expver=abcd", "spaces": [{"roots": [{"path": str(tmp_path / "ours")}]}]}
    config = {"type": "select", "fdbs": [ours, theirs]}
    with FDB(config) as store:
        store.archive(b"ours", {**KEY, "expver": "abcd"})
        with pytest.raises(InvalidConfig, match="fdb5-toc, which is only read"):
            store.archive(b"x", KEY)
    store = FDB(config)
    listing = store.list()
    assert len(listing) == len(FDB(theirs).list()) + 1
    for key in tuple(listing.keys()):
        assert len(store.retrieve(key).read()) > 0
    assert store.retrieve({**KEY, "expver": "abcd"}).read() == b"ours"


def test_a_field_that_two_roots_hold_is_found_once_in_the_first(tmp_path: Path) -> None:
    roots = tmp_path / "first", tmp_path / "second"
    for root in roots:
        with FDB(root) as store:
            store.archive(str(root).encode(), KEY)
    both = FDB({"spaces": [{"roots": [{"path": str(root)} for root in roots]}]})
    assert [both.list().message(0), len(both.list())] == [str(roots[0]).encode(), 1]
    assert both.retrieve(KEY).read() == str(roots[0]).encode()
    assert len(both.list(masked=True)) == 2
