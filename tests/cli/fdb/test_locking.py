"""dte fdb status, lock, unlock."""

from dte_hpc.fdb import FDB
from dte_hpc.testing.store import KEY

OD = "class=od,expver=0001"
DATABASE = f"{OD},stream=oper,date=20260101,time=0000"


def test_a_locked_database_is_not_there(run, root):
    directory = f"{root}/od:0001:oper:20260101:0000:g"
    key = "{class=od,expver=0001,stream=oper,date=20260101,time=0000,domain=g}"
    assert run("status", "--config", root, OD).out == f"Database: {key}\n  location: {directory}\n"
    told = run("lock", "--config", root, DATABASE, "--list", "--archive")
    assert told.out == f"Database: {key}\n  location: {directory}\n  list: LOCKED\n  archive: LOCKED\n"
    assert run("list", "--config", root, OD, "--porcelain").out == ""
    assert run("status", "--config", root, OD, "--json").json == [
        {
            "key": {k: str(KEY[k]) for k in ("class", "expver", "stream", "date", "time", "domain")},
            "location": directory,
            "locked": ["list", "archive"],
        }
    ]
    assert run("unlock", "--config", root, DATABASE, "--list", "--json").json[0]["locked"] == ["archive"]
    assert len(FDB(root).list()) == 2


def test_mistakes(run, root):
    assert "found nothing to lock" in run("lock", "--config", root, DATABASE).err
    assert "lacks stream" in run("lock", "--config", root, OD, "--list").err
    assert run("status", "--config", root, "class=rd,expver=0001").status == 2
    assert run("status", "--config", root, "class=rd,expver=0001", "--ignore-no-data").status == 0
