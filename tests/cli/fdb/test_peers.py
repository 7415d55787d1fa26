"""The verbs beside ECMWF's own tools: the same fields, requests and options, and the same answers."""

import json
import os
import subprocess
from pathlib import Path
from typing import NamedTuple

import pytest

from dte_hpc.fdb import FDB

SCHEMA = """
param: Param; step: Step; date: Date; levelist: Double; expver: Expver; time: Time;
[ class, expver, stream, date, time, domain? [ type, levtype [ step, levelist?, param ]]]
"""
OD = "class=od,expver=0001"
DATABASE = f"{OD},stream=oper,date=20240603,time=0000"
DATUM = f"{DATABASE},domain=g,type=fc,levtype=pl,step=0/6,levelist=1000/850,param=130/157"
HERE = Path(__file__).parents[3]


class Peer(NamedTuple):
    """A store that ECMWF's fdb-write made, and one of our own with the same fields and schema."""

    tools: Path
    config: Path
    own: Path

    def fdb(self, name, *words):
        """Run one of ECMWF's tools and return what it prints."""
        environment = {**os.environ, "FDB_CONFIG_FILE": str(self.config)}
        ended = subprocess.run(
            [self.tools / f"fdb-{name}", *map(str, words)], env=environment, capture_output=True, text=True
        )
        assert ended.returncode == 0, ended.stderr
        return ended.stdout


@pytest.fixture(scope="module")
def tools():
    python = Path(os.environ.get("DTE_PEERS_PYTHON", HERE / ".venv-peers/bin/python"))
    words = [python, "-c", "import fdb5lib; print(fdb5lib.__path__[0])"]
    if not python.exists() or subprocess.run(words, capture_output=True).returncode:
        pytest.skip("ECMWF's fdb5lib is not there (DTE_PEERS_PYTHON, or .venv-peers in the repository)")
    return Path(subprocess.run(words, capture_output=True, text=True).stdout.strip()) / "bin"


@pytest.fixture(scope="module")
def peer(tools, data, tmp_path_factory):
    """Both stores hold every field twice: half of them are masked."""
    home = tmp_path_factory.mktemp("peers")
    theirs, own, schema = home / "theirs", home / "own", home / "schema"
    theirs.mkdir()
    schema.write_text(SCHEMA)
    config = home / "config.yaml"
    config.write_text(json.dumps({"type": "local", "engine": "toc", "schema": str(schema),
                                  "spaces": [{"roots": [{"path": str(theirs)}]}]}))  # fmt: skip
    ours = home / "own.yaml"
    ours.write_text(json.dumps({"schema": str(schema), "spaces": [{"roots": [{"path": str(own)}]}]}))
    found = Peer(tools, config, ours)
    for _ in range(2):
        found.fdb("write", data / "pl_regular_ll.grib")
        with FDB(ours) as store:
            store.archive((data / "pl_regular_ll.grib").read_bytes())
    return found


def same_lines(one, other):
    assert sorted(one.splitlines()) == sorted(other.splitlines())


@pytest.mark.parametrize(
    "words",
    [
        (OD,),
        (OD, "--length"),
        (OD, "--full"),
        (OD, "--only-duplicates"),
        (OD, "--depth=1"),
        (OD, "--depth=2"),
        (f"{OD},date=20240604,step=6,levelist=500/300,param=t",),
        (f"{OD},param=130/132", "--raw"),
        ("class=od,expver=1,time=12,levelist=1000/to/850/by/-150,step=0/to/12/by/6",),
        (f"{OD},step=0,param=130", f"{OD},step=6,param=157"),
        (f"{OD},step=48",),
    ],
)
def test_list(run, peer, words):
    same_lines(
        run("list", "--config", peer.own, "--porcelain", *words).out, peer.fdb("list", "--porcelain", *words)
    )


@pytest.mark.parametrize("words", [(OD,), (OD, "--depth=1"), (OD, "--full")])
def test_list_as_json(run, peer, words):
    def entries(text):
        return sorted(json.dumps(entry, sort_keys=True) for entry in json.loads(text))

    told = run("list", "--config", peer.own, "--json", *words).out
    assert entries(told) == entries(peer.fdb("list", "--json", *words))


def test_list_compact(run, peer):
    """The same cubes; FDB has the datum's keywords in the order of the alphabet, and its values as text."""

    def cubes(text):
        lines = [line for line in text.splitlines() if line.startswith("class=")]
        pairs = [[pair.split("=") for pair in line.split(",")] for line in lines]
        return sorted(sorted((k, tuple(sorted(values.split("/")))) for k, values in cube) for cube in pairs)

    assert cubes(run("list", "--config", peer.own, OD, "--compact").out) == cubes(
        peer.fdb("list", OD, "--compact")
    )


def test_where(run, peer):
    def names(text):
        return sorted(Path(line).name for line in text.splitlines())

    assert names(run("where", "--config", peer.own, OD).out) == names(peer.fdb("where", OD))


def test_axes(run, peer):
    for words in ((OD,), (OD, "--level=1"), (OD, "--level=2")):
        ours = run("axes", "--config", peer.own, "--json", *words).json
        theirs = json.loads(peer.fdb("axes", "--json", *words))
        assert {k: sorted(v) for k, v in ours.items()} == {k: sorted(v) for k, v in theirs.items()}


def test_stats(run, peer):
    ours = run("stats", "--config", peer.own, "--json", OD).json
    theirs = json.loads(peer.fdb("stats", "--json", OD))
    for name in (
        "fields",
        "fieldsSize",
        "duplicates",
        "duplicatesSize",
        "reachable",
        "reachableSize",
        "databases",
    ):
        assert ours[name] == theirs[name]


def test_read(run, peer, tmp_path):
    request, ours, theirs = tmp_path / "request", tmp_path / "ours", tmp_path / "theirs"
    request.write_text(f"# two requests\nretrieve,\n  {DATUM}\n\nretrieve,{DATUM.replace('850', '300')},\n")
    request.write_text(request.read_text().rstrip(",\n") + "\n")
    assert run("read", "--config", peer.own, request, ours).status == 0
    peer.fdb("read", request, theirs)
    assert ours.read_bytes() == theirs.read_bytes()
    assert len(ours.read_bytes()) == 16 * 1476


def test_read_extract(run, peer, data, tmp_path):
    ours, theirs = tmp_path / "ours", tmp_path / "theirs"
    source = data / "pl_regular_ll.grib"
    assert run("read", "--config", peer.own, "--extract", source, ours).status == 0
    peer.fdb("read", "--extract", source, theirs)
    assert ours.read_bytes() == theirs.read_bytes()


def test_inspect(run, peer):
    def keys(text):
        return [line.partition("}, ")[0].split("}{")[2] for line in text.splitlines() if line.startswith("{")]

    ours = run("inspect", "--config", peer.own, DATUM).out
    found = [sorted(key.split(",")) for key in keys(ours)]
    assert found == [sorted(key.split(",")) for key in keys(peer.fdb("inspect", "--output", DATUM))]


def test_status_and_locks(run, peer):
    for words in (("lock", "--list", "--wipe"), ("unlock", "--list"), ("unlock", "--wipe")):
        told = run(words[0], "--config", peer.own, *words[1:], DATABASE).out
        theirs = peer.fdb(words[0], *words[1:], DATABASE)
        assert [line.partition("/")[0] for line in told.splitlines()] == [
            line.partition("/")[0] for line in theirs.splitlines()
        ]


def test_write_with_modifiers_and_filters(run, peer, data, tmp_path):
    source = data / "pl_regular_ll.grib"
    words = (
        "--include-filter=step=6,levelist=500/850",
        "--exclude-filter=param=130",
        "--modifiers=expver=0042",
    )
    theirs = tmp_path / "theirs"
    theirs.mkdir()
    config = json.loads(peer.config.read_text())
    config["spaces"][0]["roots"][0]["path"] = str(theirs)
    other = peer._replace(config=tmp_path / "config.yaml")
    other.config.write_text(json.dumps(config))
    other.fdb("write", *words, source)
    schema = config["schema"]
    assert run("write", "--config", tmp_path / "own", "--schema", schema, *words, source).status == 0
    told = run("list", "--config", tmp_path / "own", "--schema", schema, "--all", "--porcelain").out
    same_lines(told, other.fdb("list", "--minimum-keys=", "--all", "--porcelain"))
    assert len(told.splitlines()) == 2 * 4 * 4


def test_their_store_is_read_and_copied(run, peer, tmp_path):
    """`engine: fdb5-toc`: the same lines, with places and times, and a copy in our own form."""
    config = tmp_path / "theirs.yaml"
    config.write_text(json.dumps({**json.loads(peer.config.read_text()), "engine": "fdb5-toc"}))
    words = (OD, "--porcelain", "--location", "--length")
    same_lines(run("list", "--config", config, *words).out, peer.fdb("list", *words))
    told = run("copy", "--source", config, "--target", tmp_path / "own", OD, "--json").json
    assert (told["fields"], told["verified"]) == (240, 240)
    assert sorted(FDB(tmp_path / "own").retrieve({})) == sorted(FDB(peer.own).retrieve({}))
    assert run("copy", "--source", config, "--target", tmp_path / "own", OD, "--json").json["fields"] == 0
    assert run("stats", "--config", config, "--json", OD).json["duplicates"] == 240
    assert run("check", "--config", config).status == 0
    told = run("wipe", "--config", config, DATABASE, "--doit")
    assert (told.status, "only read" in told.err) == (1, True)
