"""A store is found by its configuration, in FDB's words."""

from pathlib import Path
from typing import Any

import pytest

from dte_hpc.base.errors import DteError, InvalidConfig
from dte_hpc.fdb import FDB
from dte_hpc.fdb.places.config import VARIABLES, config_of
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


@pytest.fixture
def bare(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """Take away what the environment says of a store."""
    for name in (*VARIABLES, "FDB_ROOT_DIRECTORY", "FDB_SCHEMA_FILE"):
        monkeypatch.delenv(name, raising=False)
    return monkeypatch


def test_the_environments_order(tmp_path: Path, bare: pytest.MonkeyPatch) -> None:
    """Each is added before the others, and counts then."""

    def text_of(name: str) -> str:
        return f"spaces:\n  - roots:\n      - path: {tmp_path}/{name}\n"

    def found() -> str:
        return config_of(None).readable_roots()[0].name

    folder = tmp_path / "home" / "etc" / "fdb"
    folder.mkdir(parents=True)
    bare.setenv("FDB_ROOT_DIRECTORY", str(tmp_path / "root"))
    assert found() == "root"
    bare.delenv("FDB_ROOT_DIRECTORY")
    bare.setenv("FDB_HOME", str(tmp_path / "home"))
    bare.setattr("sys.argv", ["/usr/bin/tool.py"])
    with pytest.raises(InvalidConfig, match="DTE_FDB_CONFIG, FDB_CONFIG"):
        config_of(None)
    for name in ("config.json", "config.yaml", "dte.yaml", "tool.json"):
        root = name.replace(".", "-")
        yaml = text_of(root)
        json = f'{{"spaces": [{{"roots": [{{"path": "{tmp_path}/{root}"}}]}}]}}'
        (folder / name).write_text(json if name.endswith("json") else yaml)
        assert found() == root
    file = tmp_path / "file.yaml"
    file.write_text(text_of("file"))
    for name, value, root in (
        ("FDB5_CONFIG_FILE", str(file), "file"),
        ("FDB5_CONFIG", text_of("five"), "five"),
        ("FDB_CONFIG_FILE", str(file), "file"),
        ("FDB_CONFIG", text_of("text"), "text"),
    ):
        bare.setenv(name, value)
        assert found() == root
    bare.setenv("FDB_ROOT_DIRECTORY", str(tmp_path / "root"))
    assert found() == "root", "it takes the place of the spaces"
    bare.setenv("DTE_FDB_CONFIG", str(tmp_path / "ours"))
    assert found() == "ours"
    assert config_of(tmp_path / "argument").readable_roots() == (tmp_path / "argument",)
    bare.delenv("DTE_FDB_CONFIG")
    bare.setenv("FDB_CONFIG", "type: select\nfdbs:\n - select: class=od\n - spaces: []\n")
    assert config_of(None).readable_roots() == (tmp_path / "root",)
    bare.delenv("FDB_CONFIG")
    bare.setenv("FDB_CONFIG_FILE", str(tmp_path / "none"))
    with pytest.raises(InvalidConfig, match="cannot be read"):
        config_of(None)


def test_where_the_schema_is(tmp_path: Path, bare: pytest.MonkeyPatch) -> None:
    home = tmp_path / "home"
    usual = home / "etc" / "fdb" / "schema"
    usual.parent.mkdir(parents=True)
    for file in (usual, tmp_path / "named", tmp_path / "own"):
        file.write_text("[ class [ type [ step ]]]")
    root = {"spaces": [{"roots": [{"path": str(tmp_path / "store")}]}]}
    assert FDB(root).schema.source == "the default schema"
    bare.setenv("FDB_HOME", str(home))
    assert FDB(root).schema.source == str(usual)
    bare.setenv("FDB_SCHEMA_FILE", str(tmp_path / "named"))
    assert FDB(root).schema.source == str(tmp_path / "named")
    assert FDB({**root, "schema": "~fdb/etc/fdb/schema"}).schema.source == str(usual)
    bare.delenv("FDB_HOME")
    assert FDB({**root, "schema": "~fdb/etc/fdb/schema", "fdb_home": str(home)}).schema.source == str(usual)
    with pytest.raises(InvalidConfig, match=r"\$\.schema: found '~fdb/x'; expected FDB_HOME to be set"):
        FDB({**root, "schema": "~fdb/x"})


def test_fdbs_own_words_are_read_and_what_has_no_meaning_is_passed_over(tmp_path: Path) -> None:
    config = config_of(
        {
            "type": "local",
            "engine": "toc",
            "store": "file",
            "statistics": True,
            "tocSerialisationVersion": 3,
            "useSubToc": True,
            "preloadTocBTree": False,
            "limits": {"read": 1},
            "visitable": True,
            "permissions": "0640",
            "spaces": [{"catalogueRoots": [{"path": "/c"}], "storeRoots": [{"path": "/s"}], "name": "x"}],
        }
    )
    assert config.readable_roots() == (Path("/c"),)
    assert config.store_roots() == (Path("/s"),)
    disks = tmp_path / "disks"
    disks.write_text(f"# disks\n{tmp_path}/a\n\n{tmp_path}/b\n")
    config = config_of({"spaces": [{"marsDisks": True, "path": str(disks)}]})
    assert [root.name for root in config.readable_roots()] == ["a", "b"]


@pytest.mark.parametrize("given", ["0640", 0o640, "0o640"])
def test_permissions_whatever_the_umask(tmp_path: Path, given: str | int) -> None:
    with FDB({"spaces": [{"roots": [{"path": str(tmp_path)}]}], "permissions": given}) as store:
        store.archive(b"x", KEY)
    (database,) = tmp_path.iterdir()
    assert database.stat().st_mode & 0o777 == 0o750
    assert {path.stat().st_mode & 0o777 for path in database.iterdir()} == {0o640}


@pytest.mark.parametrize(
    ("config", "message"),
    [
        ({"type": "select"}, r"^\$\.fdbs: found no store"),
        ({"type": "select", "fdbs": [{"type": "remote"}]}, r"^\$\.fdbs\[0\]\.type: found 'remote'"),
        (
            {"type": "select", "fdbs": [{"select": "class", "spaces": [{"roots": [{"path": "x"}]}]}]},
            "keyword=regex",
        ),
        (
            {"type": "select", "fdbs": [{"select": "class=(", "spaces": [{"roots": [{"path": "x"}]}]}]},
            "regex",
        ),
        ({"spaces": [{"roots": [{"path": "x"}]}], "engine": "daos"}, r"^\$\.engine: found 'daos'"),
        ({"spaces": [{"roots": [{"path": "x"}]}], "store": "rados"}, r"^\$\.store: found 'rados'"),
        ({"spaces": [{"roots": [{"path": "x"}]}], "permissions": "rw"}, r"^\$\.permissions: found 'rw'"),
        ({"spaces": [{"catalogueRoots": [{"path": "x"}]}]}, r"^\$\.spaces\[0\]\.roots: found only some"),
        ({"spaces": [{"roots": [{"path": ""}]}]}, r"^\$\.spaces\[0\]\.roots\[0\]\.path: found str"),
        ({"spaces": [{"handler": "Best", "roots": [{"path": "x"}]}]}, r"^\$\.spaces\[0\]\.handler: found"),
    ],
)
def test_mistakes_are_named_with_their_place(config: dict[str, Any], message: str) -> None:
    with pytest.raises(InvalidConfig, match=message):
        config_of(config)


def test_posix_classes_in_a_regex(tmp_path: Path) -> None:
    spaces = [
        {"regex": "^od:[[:digit:]]{4}:", "roots": [{"path": str(tmp_path / "digits")}]},
        {"roots": [{"path": str(tmp_path / "rest")}]},
    ]
    with FDB({"spaces": spaces}) as store:
        store.archive(b"x", KEY)
        store.archive(b"x", {**KEY, "expver": "abcd"})
    assert [len(list((tmp_path / name).iterdir())) for name in ("digits", "rest")] == [1, 1]
