"""dte fdb wipe, purge, compact, delete, reindex: nothing happens without --doit."""

from pathlib import Path

import pytest

from dte_hpc.fdb import FDB
from dte_hpc.testing.store import KEY, message_of

OD = "class=od,expver=0001"
DATABASE = f"{OD},stream=oper,date=20260101,time=0000"


def files(root):
    return sorted(path.name for path in Path(root).rglob("*") if path.is_file())


@pytest.mark.parametrize("verb", ["wipe", "purge", "compact", "delete", "reindex"])
def test_nothing_happens_without_doit(run, root, verb):
    before = files(root)
    for words in ((), ("--json",), ("--porcelain",)):
        told = run(verb, "--config", root, DATABASE, *words)
        assert told.status == 0, told.err
    assert "--doit" in run(verb, "--config", root, DATABASE).out
    assert files(root) == before
    assert len(FDB(root).list(masked=True)) == 3
    told = run(verb, "--config", root, OD, "--doit")
    assert (told.status, "lacks stream, date, time" in told.err) == (2, True)
    told = run(verb, "--config", root, DATABASE.replace("2026", "2027"), "--doit")
    assert (told.status, "nothing in the store" in told.err) == (2, True)


def test_wipe(run, root):
    plan = run("wipe", "--config", root, DATABASE, "--json").json[0]
    assert (plan["n_fields"], plan["n_bytes"], plan["done"]) == (2, 300, False)
    paths = run("wipe", "--config", root, DATABASE, "--porcelain").out.splitlines()
    assert sorted(Path(path).name for path in paths) == files(root)
    told = run("wipe", "--config", root, DATABASE, "--doit")
    assert "Data URIs deleted:\n    /" in told.out
    assert list(Path(root).iterdir()) == []
    assert run("wipe", "--config", root, f"{DATABASE},step=6").status == 2


def test_wipe_of_unknown_files(run, root):
    stranger = next(Path(root).iterdir()) / "stranger"
    stranger.write_text("x")
    assert "Unknown files" in run("wipe", "--config", root, DATABASE).out
    assert run("wipe", "--config", root, DATABASE, "--doit").status == 1
    assert stranger.exists()
    assert run("wipe", "--config", root, DATABASE, "--doit", "--unsafe-wipe-all").status == 0
    assert not stranger.exists()


def test_a_wipe_of_everything_must_be_meant(run, root):
    assert run("wipe", "--config", root, "--doit").status == 2
    assert run("wipe", "--config", root, "--all", "--doit").status == 0
    assert list(Path(root).iterdir()) == []


def test_delete_then_compact(run, root):
    told = run("delete", "--config", root, f"{DATABASE},step=6", "--doit")
    assert told.out.startswith("{class=od")
    assert "1 fields deleted\npurge or compact" in told.out
    assert FDB(root).list().column("step").tolist() == ["0"]
    plan = run("compact", "--config", root, DATABASE, "--json").json[0]
    assert (plan["masked_bytes"], plan["rewritten_bytes"]) == (200, 100)
    told = run("compact", "--config", root, DATABASE, "--doit")
    assert "Duplicated fields" in told.out
    assert sum(path.stat().st_size for path in Path(root).glob("*/*.data")) == 100
    assert FDB(root).retrieve({**KEY, "step": 0}).read() == message_of(0)
    assert run("check", "--config", root).status == 0


def test_purge(run, tmp_path):
    for number in (1, 2):
        with FDB(tmp_path / "store") as store:
            store.archive(message_of(number), KEY)
    told = run("purge", "--config", tmp_path / "store", DATABASE, "--porcelain", "--doit")
    assert told.out.count(".data\n") == 1
    assert len(list(tmp_path.glob("store/*/*.data"))) == 1
    assert FDB(tmp_path / "store").retrieve(KEY).read() == message_of(2)


def test_reindex(run, data, tmp_path):
    root = tmp_path / "store"
    run("write", "--config", root, data / "O32_global.grib2")
    key = next(FDB(root).list().keys())
    for index in root.glob("*/*.index"):
        index.unlink()
    for toc in root.glob("*/toc"):
        toc.unlink()
    request = ",".join(f"{k}={key[k]}" for k in ("class", "expver", "stream", "date", "time"))
    assert "1 fields to index" in run("reindex", "--config", root, request).out
    assert run("list", "--config", root, "--all", "--porcelain").out == ""
    assert run("reindex", "--config", root, request, "--doit", "--json").json[0]["n_fields"] == 1
    assert dict(next(FDB(root).list().keys())) == dict(key)


def test_errors_may_be_warnings(run, root):
    words = ("wipe", "--config", root, f"{DATABASE},step=6", DATABASE, "--doit")
    told = run(*words, "--ignore-errors")
    assert (told.status, told.err.startswith("dte fdb: warning: ")) == (0, True)
    assert list(Path(root).iterdir()) == []
