"""dte fdb info, schema, dump, check."""

from pathlib import Path

from dte_hpc.fdb import FDB
from dte_hpc.testing.store import KEY

OD = "class=od,expver=0001"


def test_info(run, root):
    facts = run("info", "--config", root, "--json").json
    assert (facts["fields"], facts["masked-fields"], facts["databases"]) == (2, 1, 1)
    assert f"roots         : {root}\n" in run("info", "--config", root).out


def test_check(run, root):
    assert run("check", "--config", root).status == 0
    data = next(Path(root).glob("*/*.data"))
    whole = bytearray(data.read_bytes())
    whole[50] ^= 1
    data.write_bytes(whole)
    told = run("check", "--config", root, "--json")
    assert told.status == 1
    assert told.json["damaged"]
    assert "step=0" in told.json["findings"][0]["what"]
    assert run("check", "--config", root, "--no-data").status == 0
    assert run("check", "--config", root).out.startswith("damage: ")


def test_schema(run, root, tmp_path):
    store = FDB(root)
    assert run("schema", "--config", root).out.strip() == store.schema.text.strip()
    told = run("schema", "--config", root, "--json", OD).json
    assert [entry["source"] for entry in told] == [store.databases()[0].where]
    assert told[0]["text"].strip() == store.schema.text.strip()
    assert run("schema", "--config", root, "class=rd").status == 2
    assert run("schema", "--config", root, "class=rd", "--ignore-no-data").status == 0


def test_dump(run, root):
    (database,) = run("dump", "--config", root, OD, "--json").json
    first, second = database["records"]
    assert (first["kind"], first["toc-offset"], first["fields"], first["counts"]) == (
        "TOC_SEGMENT",
        0,
        2,
        True,
    )
    assert first["axes"]["step"] == ["0", "6"]
    assert first["files"] == [next(Path(root).glob("*/*.data")).name]
    assert (second["toc-offset"], second["sequence"], second["axes"]["step"]) == (128, 1, ["6"])
    lines = run("dump", "--config", root, OD, "--simple").out.splitlines()
    assert (len(lines), lines[1].startswith("TOC_SEGMENT  20")) == (3, True)
    assert "    step: 0/6\n" in run("dump", "--config", root, OD).out
    assert run("dump", "--config", root, "class=rd,expver=0001").status == 2


def test_dump_shows_damage(run, root):
    toc = next(Path(root).glob("*/toc"))
    index = next(Path(root).glob("*/*.index"))
    toc.write_bytes(b"x" * 40 + toc.read_bytes())
    whole = bytearray(index.read_bytes())
    whole[-1] ^= 1
    index.write_bytes(whole)
    gap, first, second = run("dump", "--config", root, OD, "--json").json[0]["records"]
    assert (gap["kind"], gap["toc-length"]) == ("GAP", 40)
    assert (first["counts"], first["damage"]) == (True, "")
    assert (second["counts"], "checksum" in second["damage"]) == (False, True)
    assert "GAP  bytes 0 to 40" in run("dump", "--config", root, OD).out


def test_dump_of_a_database_without_a_flush(run, tmp_path):
    store = FDB(tmp_path / "store")
    store.archive(b"x", KEY)
    assert run("dump", "--config", tmp_path / "store", OD, "--json").json[0]["records"] == []
    store.close()
