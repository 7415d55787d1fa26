"""A store is found by its configuration, in FDB's words."""

from pathlib import Path
from typing import Any

import pytest

from dte_hpc.base.errors import DteError, InvalidConfig
from dte_hpc.fdb import FDB
from dte_hpc.fdb.config import config_of
from dte_hpc.testing.store import KEY


def test_spaces_and_roots(tmp_path: Path) -> None:
    config = {
        "type": "local",
        "spaces": [
            {"regex": "rd:.*", "roots": [{"path": str(tmp_path / "research")}]},
            {
                "handler": "Default",
                "roots": [
                    {"path": str(tmp_path / "old"), "writable": False},
                    {"path": str(tmp_path / "new")},
                    {"path": str(tmp_path / "unseen"), "writable": False, "visit": False},
                ],
            },
        ],
    }
    with FDB(str(tmp_path / "old")) as old:
        old.archive(b"old", {**KEY, "date": 20250101})
    with FDB(config) as store:
        store.archive(b"research", {**KEY, "class": "rd"})
        store.archive(b"new", KEY)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["new", "old", "research"]
    assert len(FDB(config).list()) == 3
    assert FDB(config).retrieve({"class": "rd"}).read() == b"research"


def test_a_database_goes_where_it_is_already(tmp_path: Path) -> None:
    roots = [str(tmp_path / "a"), str(tmp_path / "b")]
    with FDB(roots[1]) as store:
        store.archive(b"first", KEY)
    with FDB({"spaces": [{"roots": [{"path": root} for root in roots]}]}) as store:
        store.archive(b"second", {**KEY, "step": 6})
        store.archive(b"other", {**KEY, "date": 20300101})
    assert len(list((tmp_path / "b").iterdir())) == len(list((tmp_path / "a").iterdir())) == 1


def test_files_text_and_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    text = f"spaces:\n  - roots:\n      - path: {tmp_path}/store\n"
    file = tmp_path / "etc" / "fdb" / "config.yaml"
    file.parent.mkdir(parents=True)
    file.write_text(text)
    for name in ("FDB_CONFIG", "FDB_CONFIG_FILE", "FDB_HOME"):
        monkeypatch.delenv(name, raising=False)
    with pytest.raises(InvalidConfig, match="FDB_HOME"):
        config_of(None)
    expected = (tmp_path / "store",)
    assert config_of(file).readable_roots() == config_of(text).readable_roots() == expected
    for name, value in (("FDB_HOME", tmp_path), ("FDB_CONFIG_FILE", file), ("FDB_CONFIG", text)):
        monkeypatch.setenv(name, str(value))
        assert config_of(None).readable_roots() == expected
        monkeypatch.delenv(name)


@pytest.mark.parametrize(
    ("config", "message"),
    [
        ({"spaces": []}, r"\$\.spaces"),
        ({"type": "remote", "spaces": [{"roots": [{"path": "x"}]}]}, r"\$\.type: found 'remote'"),
        ({"spaces": [{"roots": []}]}, "no roots"),
        ({"spaces": [{"roots": [{"path": "x", "writeable": True}]}]}, "did you mean 'writable'"),
        ({"spaces": [{"handler": "Best", "roots": [{"path": "x"}]}]}, "handler 'Best'"),
        ({"spaces": [{"regex": "(", "roots": [{"path": "x"}]}]}, "regex"),
    ],
)
def test_mistakes(config: dict[str, Any], message: str) -> None:
    with pytest.raises(InvalidConfig, match=message):
        FDB(config)


def test_no_writable_root(tmp_path: Path) -> None:
    store = FDB({"spaces": [{"roots": [{"path": str(tmp_path), "writable": False}]}]})
    with pytest.raises(DteError, match="writable"):
        store.archive(b"x", KEY)
    with pytest.raises(InvalidConfig, match="cannot be read"):
        FDB(tmp_path, schema=tmp_path / "none")


def test_a_database_keeps_the_schema_it_was_made_with(tmp_path: Path) -> None:
    small = tmp_path / "schema"
    small.write_text("date: Date; time: Time; step: Step;\n[ class, date [ type [ step, param ]]]")
    key = {"class": "od", "date": 20260101, "type": "fc", "step": "06", "param": "t"}
    with FDB(tmp_path / "store", schema=small) as store:
        store.archive(b"one", key)
    wider = tmp_path / "wider"
    wider.write_text("date: Date; step: Integer;\n[ class, date [ type [ step, param, number? ]]]")
    with FDB(tmp_path / "store", schema=wider) as store:
        store.archive(b"two", {**key, "step": "12"})
        with pytest.raises(DteError, match="number"):
            store.archive(b"three", {**key, "step": 18, "number": 1})
        store.flush()
        assert store.list({"step": 6}).column("step").tolist() == ["6"]
        assert len(store.list({"number": 1})) == 0
        assert len(store.list()) == 2


def test_a_file_that_is_no_configuration_is_named(tmp_path: Path) -> None:
    (tmp_path / "notes").write_text("hello")
    with pytest.raises(InvalidConfig, match=r"notes: \$: found str 'hello'; expected a mapping"):
        config_of(tmp_path / "notes")
