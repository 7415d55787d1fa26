"""dte fdb write, copy, move."""

import io
import sys

import pytest

from dte_hpc.codecs.layout import split
from dte_hpc.fdb import FDB
from dte_hpc.testing.store import KEY, message_of

OD = "class=od,expver=0001"
DATABASE = f"{OD},stream=oper,date=20260101,time=0000"


@pytest.fixture
def grib(data):
    return data / "pl_regular_ll.grib"


def test_write(run, grib, tmp_path):
    root = tmp_path / "store"
    assert run("write", "--config", root, grib, "--json").json["fields"] == 240
    assert len(FDB(root).list()) == 240
    told = run("write", "--config", root, grib, grib, "--statistics", "--verbose")
    assert told.out.count("Archiving {") == 480
    assert told.out.splitlines()[-2] == "480 fields, 708,480 (692 KiB)"
    assert run("info", "--config", root, "--json").json["masked-fields"] == 480
    assert FDB(root).retrieve({}).read() == b"".join(split(grib.read_bytes()))


def test_write_from_standard_input(run, grib, tmp_path, monkeypatch):
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(grib.read_bytes())))
    assert run("write", "--config", tmp_path / "store", "-").status == 0
    assert len(FDB(tmp_path / "store").list()) == 240


def test_filters_and_modifiers(run, grib, tmp_path):
    words = ("--include-filter", "levelist=500/850,step=0", "--exclude-filter", "param=130,time=0000")
    told = run("write", "--config", tmp_path / "a", grib, *words, "--modifiers", "expver=0042")
    assert told.status == 0
    listing = FDB(tmp_path / "a").list()
    assert set(listing.column("levelist")) == {"500", "850"}
    assert set(listing.column("expver")) == {"0042"}
    assert set(FDB(tmp_path / "a").list({"param": 130}).column("time")) == {"1200"}
    assert run("write", "--config", tmp_path / "a", grib, "--modifiers", "nokey=1").status == 2


def test_a_file_that_ends_too_early_leaves_nothing(run, grib, tmp_path):
    short = tmp_path / "short.grib"
    whole = grib.read_bytes()
    short.write_bytes(whole[: whole.rindex(b"7777") - 10])
    told = run("write", "--config", tmp_path / "store", short)
    assert (told.status, "message 240 of" in told.err) == (2, True)
    assert len(FDB(tmp_path / "store").list()) == 0
    assert not list(tmp_path.glob("store/*/*.data"))
    assert run("write", "--config", tmp_path / "store", tmp_path / "absent").status == 1


def test_copy_verifies_and_goes_on(run, grib, tmp_path):
    source, target = tmp_path / "source", tmp_path / "target"
    run("write", "--config", source, grib, grib)
    words = ("copy", "--source", source, "--target", target, "--json")
    told = run(*words, f"{OD},date=20240603")
    assert told.json == {"databases": 2, "fields": 120, "bytes": 177_120, "already-there": 0, "verified": 120}
    assert run(*words, OD).json["already-there"] == 120
    assert FDB(target).retrieve({}).read() == FDB(source).retrieve({}).read()
    info = run("info", "--config", target, "--json").json
    assert (info["fields"], info["masked-fields"]) == (240, 0)
    assert run("copy", "--source", source, "--target", target, OD).out.startswith("0 fields")


def test_copy_with_modifiers(run, grib, tmp_path):
    source, target = tmp_path / "source", tmp_path / "target"
    run("write", "--config", source, grib)
    words = ("copy", "--source", source, "--target", target, "--modifiers", "expver=0042")
    assert run(*words, f"{OD},step=6").status == 0
    assert set(FDB(target).list().column("expver")) == {"0042"}


def test_copy_of_damage_and_of_nothing(run, root, tmp_path):
    target = tmp_path / "target"
    words = ("copy", "--source", root, "--target", target)
    assert "nothing in the store" in run(*words, f"{OD},step=12").err
    assert "share the root" in run("copy", "--source", root, "--target", root, OD).err
    data = next((tmp_path / "store").glob("*/*.data"))
    whole = bytearray(data.read_bytes())
    whole[250] ^= 1
    data.write_bytes(whole)
    told = run(*words, OD)
    assert (told.status, "checksum" in told.err) == (1, True)
    assert len(FDB(target).list()) == 0
    assert run(*words, f"{OD},step=6", f"{OD},step=0", "--ignore-errors").status == 0
    assert FDB(target).retrieve({}).read() == message_of(0)


def test_move(run, root, tmp_path):
    target = tmp_path / "target"
    told = run("move", "--config", root, DATABASE, "--dest", target)
    assert (told.status, told.out.startswith("2 fields")) == (0, True)
    assert FDB(target).retrieve({"step": [0, 6]}).read() == message_of(0) + message_of(7)
    assert run("list", "--config", root, OD, "--porcelain").out == ""
    assert list((tmp_path / "store").iterdir()) == []


def test_move_keeps_what_it_is_told_to_keep(run, root, tmp_path):
    assert run("move", "--config", root, DATABASE, "--dest", tmp_path / "target", "--keep").status == 0
    assert len(FDB(root).list()) == 2
    assert run("status", "--config", root, OD, "--json").json[0]["locked"] == ["archive"]


def test_what_cannot_be_moved(run, root, tmp_path):
    target = tmp_path / "target"
    for request, said in (
        (f"{DATABASE},step=6", "step"),
        (OD, "lacks stream"),
        (DATABASE.replace("2026", "2027"), "nothing"),
    ):
        told = run("move", "--config", root, request, "--dest", target)
        assert (told.status, said in told.err) == (2, True)
    assert "another root" in run("move", "--config", root, DATABASE, "--dest", root).err
    with FDB(root) as store:
        store.archive(bytes(40_000), KEY)
        told = run("move", "--config", root, DATABASE, "--dest", target)
        assert (told.status, "at work" in told.err) == (1, True)
    assert run("status", "--config", root, OD, "--json").json[0]["locked"] == []
    run("lock", "--config", root, DATABASE, "--wipe")
    assert "locked" in run("move", "--config", root, DATABASE, "--dest", target).err
    assert not target.exists()
