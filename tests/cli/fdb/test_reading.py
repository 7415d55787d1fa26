"""dte fdb list, inspect, where, read."""

import io
import subprocess
import sys
from pathlib import Path

import pytest

from dte_hpc.cli.main import main
from dte_hpc.fdb import FDB
from dte_hpc.testing.store import KEY, message_of

FDB_KEY = "{class=od,expver=0001,stream=oper,date=20260101,time=0000,domain=g}{type=fc,levtype=pl}"
OD = "class=od,expver=0001"


def test_list_prints_what_fdb_list_prints(run, root):
    told = run("list", "--config", root, "--porcelain", OD)
    assert told.out == "".join(FDB_KEY + f"{{step={s},levelist=500,param=130}}\n" for s in (0, 6))
    told = run("list", "--config", root, f"{OD},step=6", "--full", "--location", "--length", "--timestamp")
    lines = told.out.splitlines()
    assert lines[:2] == ["Listing for request", "list,"]
    fields = [line for line in lines if line.startswith("{")]
    assert [
        f",offset={offset},length=100,remapKey={{}}], length=100, timestamp=" in line
        for line, offset in zip(fields, (100, 200), strict=True)
    ] == [True, True]
    assert f"TocFieldLocation[uri=URI[scheme=file,name={root}/od:0001:oper:20260101:0000:g/" in fields[0]
    assert lines[-2:] == ["Entries       : 2", "Total         : 200 bytes"]


def test_list_as_json(run, root):
    assert [entry["step"] for entry in run("list", "--config", root, "--json", OD).json] == ["0", "6"]
    entries = run("list", "--config", root, "--json", "--location", "--timestamp", OD).json
    assert [entry["keys"]["step"] for entry in entries] == ["0", "6"]
    assert entries[1]["location"]["offset"] == 200
    assert entries[1]["timestamp"] > 1_700_000_000
    assert "length" not in entries[1]


def test_list_of_masked_fields(run, root):
    assert run("list", "--config", root, "--all", "--full").out.count("step=6") == 2
    told = run("list", "--config", root, "--all", "--only-duplicates", "--json", "--location").json
    assert [(entry["keys"]["step"], entry["location"]["offset"]) for entry in told] == [("6", 100)]


def test_list_of_some_levels_and_compact(run, root):
    assert (
        run("list", "--config", root, OD, "--porcelain", "--depth", 1).out
        == FDB_KEY.partition("}")[0] + "}\n"
    )
    assert run("list", "--config", root, OD, "--porcelain", "--depth", 2).out == FDB_KEY + "\n"
    told = run("list", "--config", root, OD, "--json", "--depth", 2).json
    assert told == [
        {
            k: v
            for k, v in run("list", "--config", root, OD, "--json").json[0].items()
            if k not in ("step", "levelist", "param")
        }
    ]
    told = run("list", "--config", root, OD, "--compact", "--porcelain").out
    assert told.endswith("type=fc,levtype=pl,step=0/6,levelist=500,param=130\n")
    assert run("list", "--config", root, OD, "--compact", "--json").json[0]["step"] == ["0", "6"]


def test_several_requests(run, root):
    told = run("list", "--config", root, "--porcelain", f"{OD},step=6", f"{OD},step=0")
    assert [line.partition("step=")[2][0] for line in told.out.splitlines()] == ["6", "0"]


def test_inspect(run, root):
    told = run("inspect", "--config", root, "step=6/0")
    lines = told.out.splitlines()
    assert ["step=6" in lines[0], "step=0" in lines[1], "offset=200,length=100" in lines[0]] == [True] * 3
    assert [e["keys"]["step"] for e in run("inspect", "--config", root, "--json", "step=6/0").json] == [
        "6",
        "0",
    ]
    assert run("inspect", "--config", root, "step=6/12").status == 2
    assert len(run("inspect", "--config", root, "--ignore-no-data", "--json", "step=6/12").json) == 1


def test_where(run, root):
    directory = f"{root}/od:0001:oper:20260101:0000:g"
    assert run("where", "--config", root, OD).out == f"{directory}\n"
    assert run("where", "--config", root, "--json", OD).json == [
        {"root": root, "name": "od:0001:oper:20260101:0000:g", "location": directory}
    ]
    told = run("where", "--config", root, f"{OD},step=12")
    assert (told.status, "nothing in the store" in told.err) == (2, True)
    assert run("where", "--config", root, "--ignore-no-data", f"{OD},step=12").status == 0


def test_read(root, tmp_path, capsysbinary):
    target = tmp_path / "out"
    assert main(["fdb", "read", "--config", root, "step=6/0", str(target), "--statistics"]) == 0
    assert b"MiB/s" in capsysbinary.readouterr().out
    assert target.read_bytes() == message_of(7) + message_of(0)
    assert [path.name for path in tmp_path.iterdir() if path.name.startswith(".")] == []
    assert main(["fdb", "read", "--config", root, "step=0", "-"]) == 0
    assert capsysbinary.readouterr().out == message_of(0)
    assert main(["fdb", "read", "--config", root, "--ignore-no-data", "step=0/12", "-"]) == 0
    assert capsysbinary.readouterr().out == message_of(0)


def test_requests_of_a_file(root, tmp_path, run, monkeypatch):
    requests = tmp_path / "requests"
    requests.write_text("# two\nretrieve,\n  class=od,\n  step = 6\n\nretrieve, step='0' # and one\n")
    target = tmp_path / "out"
    assert run("read", "--config", root, requests, target).status == 0
    assert target.read_bytes() == message_of(7) + message_of(0)
    monkeypatch.setattr(sys, "stdin", io.StringIO("step=0"))
    assert run("read", "--config", root, "-", target, "--json").json["fields"] == 1
    assert target.read_bytes() == message_of(0)
    requests.write_text("# nothing\n")
    assert "found no request" in run("read", "--config", root, requests, target).err


def test_fields_of_a_grib_file(run, data, tmp_path):
    source, target = data / "pl_regular_ll.grib", tmp_path / "out"
    with FDB(tmp_path / "store") as store:
        store.archive(source.read_bytes())
    assert run("read", "--config", tmp_path / "store", "--extract", source, target).status == 0
    assert target.read_bytes() == FDB(tmp_path / "store").retrieve({}).read()


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["list", "--all", "stepp=1"], "did you mean 'step'"),
        (["list", "step"], "key=value"),
        (["list", "a=b,c"], "key=value"),
        (["list", "class=od"], "lacks expver"),
        (["list"], "lacks class, expver"),
        (["list", "class=all,expver=0001"], "lacks class"),
        (["list", "--minimum-keys", "class,step", "class=od"], "lacks step"),
        (["list", "--minimum-keys", ""], "--all means the whole store"),
        (["inspect", "step=12"], "step=12"),
        (["read", "step=12", "nowhere"], "step=12"),
    ],
)
def test_mistakes_are_one_sentence(run, root, words, message):
    told = run(words[0], "--config", root, *words[1:])
    assert (told.status, message in told.err, len(told.err.splitlines())) == (2, True, 1)


def test_a_schema_without_mars_words_needs_no_class(run, tmp_path):
    schema = tmp_path / "schema"
    schema.write_text("[run[kind[day, name]]]")
    with FDB(tmp_path / "store", schema=schema) as store:
        store.archive(b"x", {"run": "a", "kind": "b", "day": "1", "name": "c"})
    words = ("list", "--config", tmp_path / "store", "--schema", schema, "--porcelain")
    assert run(*words, "run=a").out == "{run=a}{kind=b}{day=1,name=c}\n"
    assert "--all means the whole store" in run(*words).err
    assert run(*words, "--all").out == "{run=a}{kind=b}{day=1,name=c}\n"


@pytest.mark.parametrize(
    ("root", "said"),
    [("", "no store was named"), ("absent", "absent is not a directory"), ("x" * 300, "is not a directory")],
)
def test_a_root_that_is_none(run, root, said):
    for words in (("list", "--all"), ("info",), ("check",)):
        told = run(words[0], "--config", root, *words[1:])
        assert (told.status, said in told.err) == (2, True)


def test_a_target_that_cannot_be_written(run, root):
    told = run("read", "--config", root, "step=6", "/absent/out.grib")
    assert told.status == 1
    assert told.err.startswith("dte fdb: ")
    assert "No such file or directory" in told.err
    assert len(told.err.splitlines()) == 1


def test_damage_is_the_store_s_fault_not_the_user_s(run, root):
    data = next(Path(root).glob("*/*.data"))
    whole = bytearray(data.read_bytes())
    whole[50] ^= 1
    data.write_bytes(whole)
    told = run("read", "--config", root, "step=0", "-")
    assert (told.status, "checksum" in told.err) == (1, True)


def test_keys_keep_their_own_database_s_levels(run, tmp_path):
    """Two databases of one store may have been made by different schemas."""
    with FDB(tmp_path / "store") as store:
        store.archive(b"x", KEY)
    other = tmp_path / "schema"
    other.write_text("[class,expver,stream,date,time,domain[levtype[type,step,levelist,param]]]")
    with FDB(tmp_path / "store", schema=other) as store:
        store.archive(b"x", {**KEY, "date": 20260102})
    lines = run("list", "--config", tmp_path / "store", OD, "--porcelain").out.splitlines()
    assert [line.split("}{")[1] for line in lines] == ["type=fc,levtype=pl", "levtype=pl"]


def test_keys_of_many_shapes_are_all_told(run, tmp_path):
    """Fields without a level, and of rules that a value decides, stand beside others."""
    schema = tmp_path / "schema"
    schema.write_text("[a[b=x,c?[d]][c?[b,d]]]")
    keys = [{"a": "1", "b": b, "c": c, "d": d} for d in "12" for b in "xy" for c in ("", "3")]
    with FDB(tmp_path / "store", schema=schema) as store:
        for key in keys:
            store.archive(b"x", {k: v for k, v in key.items() if v})
    told = run("list", "--config", tmp_path / "store", "--schema", schema, "--all", "--porcelain").out
    assert told.splitlines() == [
        f"{{a=1}}{{b=x{k['c'] and ',c=3'}}}{{d={k['d']}}}"
        if k["b"] == "x"
        else f"{{a=1}}{{{k['c'] and 'c=3'}}}{{b=y,d={k['d']}}}"
        for k in keys
    ]


def test_a_reader_that_goes_away(root):
    words = [sys.executable, "-m", "dte_hpc.cli", "fdb", "list", "--config", root, "--all", "--full"]
    process = subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    process.stdout.close()
    assert process.wait(60) == 0
    assert process.stderr.read() == b""
    process.stderr.close()
