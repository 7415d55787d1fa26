"""dte fdb hammer."""

from pathlib import Path

import pytest

from dte_hpc.fdb import FDB

SMALL = ("--nsteps", 2, "--nlevels", 3, "--nparams", 2, "--size", 2000)


def test_write_read_list(run, tmp_path):
    root = tmp_path / "store"
    told = run("hammer", "--config", root, *SMALL, "--json").json
    assert (told["fields"], told["processes"], told["kind"]) == (12, 1, "writing")
    assert told["bytes"] == int(FDB(root).list().length.sum())
    for checks in (("--md-check",), ("--full-check",), ()):
        told = run("hammer", "--config", root, *SMALL, "--read", "--json", *checks)
        assert (told.status, told.json["fields"]) == (0, 12)
    assert run("hammer", "--config", root, *SMALL, "--list", "--json").json["fields"] == 12
    assert "Fields written" in run("hammer", "--config", root, *SMALL).out


def test_a_share_of_each_step_and_members(run, tmp_path):
    root = tmp_path / "store"
    words = (*SMALL, "--nensembles", 2, "--levels", "10,20", "--step", 6, "--number", 5)
    run("hammer", "--config", root, *words, "--start-at", 1, "--stop-at", 2)
    listing = FDB(root).list()
    assert len(listing) == 2 * 2 * 2
    assert set(listing.column("step")) == {"6", "7"}
    assert set(listing.column("number")) == {"5", "6"}
    found = zip(listing.column("levelist"), listing.column("param"), strict=True)
    assert set(found) == {("10", "2"), ("20", "1")}
    assert run("hammer", "--config", root, *words, "--list").status == 1
    assert run("hammer", "--config", root, *words, "--read").status == 2


def test_a_file_as_template(run, tmp_path, data):
    root = tmp_path / "store"
    words = ("hammer", "--config", root, "--nsteps", 2, "--nparams", 2, "--no-randomise-data")
    assert run(*words, data / "O32_global.grib2").status == 0
    listing = FDB(root).list()
    assert (set(listing.column("expver")), listing.grid_name(0)) == ({"xxxx"}, "O32")
    assert run(*words, "--read", "--full-check", data / "O32_global.grib2").status == 0


def test_full_check_finds_another_message(run, tmp_path):
    root = tmp_path / "store"
    run("hammer", "--config", root, *SMALL)
    told = run("hammer", "--config", root, *SMALL, "--no-randomise-data", "--read", "--full-check")
    assert (told.status, "not the one this load writes" in told.err) == (1, True)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--nparams", 1000), "expected 1 to 174"),
        (("--nsteps", 0), "0 steps"),
        (("--start-at", 9), "share from 9"),
        (("--processes", 0), "--processes is 0"),
        (("--levels", "a"), "--levels is 'a'"),
        (("--processes", 50), "50 processes share 6 fields"),
        (("--read",), "not a directory"),
    ],
)
def test_mistakes(run, tmp_path, words, said):
    told = run("hammer", "--config", tmp_path / "store", *SMALL, *words)
    assert (told.status, said in told.err) == (2, True)


def test_processes_begin_together(dte, tmp_path):
    root = tmp_path / "store"
    words = ("fdb", "hammer", "--config", root, *SMALL, "--processes", 2, "--json")
    ended = dte(*words)
    assert ended.status == 0, ended.err
    assert '"processes": 2' in ended.out
    assert len({path.name.split(".")[3] for path in Path(root).glob("*/*.data")}) == 2
    assert len(FDB(root).list()) == 12
    ended = dte(*words, "--read", "--md-check", "--nsteps", 3)
    assert (ended.status, "a process of the hammer failed" in ended.err) == (1, True)


def test_ranks_share(outside, tmp_path):
    import sys

    from dte_hpc.job.launch import mpiexec

    root = tmp_path / "store"
    words = (
        mpiexec(),
        "-n",
        2,
        sys.executable,
        "-m",
        "dte_hpc.cli",
        "fdb",
        "hammer",
        "--config",
        root,
        *SMALL,
    )
    ended = outside(*words, "--json", timeout=100)
    assert ended.status == 0, ended.err
    assert ended.out.count('"processes": 2') == 1
    assert len(FDB(root).list()) == 12
