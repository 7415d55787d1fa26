"""Does a script get from us what it gets from ECMWF's pyfdb? Every difference we mean is named."""

import ast
import importlib.util
import subprocess
from pathlib import Path

import pytest

import dte_hpc.fdb.pyfdb as pyfdb

SOURCE = ast.parse(Path(__file__).with_name("operations.py").read_text())
NAMES = [
    node.name
    for node in SOURCE.body
    if isinstance(node, ast.FunctionDef)
    and any(getattr(d, "id", "") == "operation" for d in node.decorator_list)
]
DIFFERENT = {
    # No bytes are no GRIB: their reader fails in a system call.
    ("archive_what_does_not_fit", 9): ["RuntimeError", "UserError"],
    # A database locked for listing is not listed, not even as a database.
    ("locked_databases", "LIST", 1): 1,
    # Axes are those of the fields that are asked for: not of all databases, nor of all fields of an index.
    ("axes", 3, 0, "date"): ["20200101"],
    ("axes", 3, 1, "date"): ["20200101"],
    ("axes", 3, 2, "date"): ["20200101"],
    ("axes", 5, 2, "param"): ["167"],
    # A writer has one data file and one index file in a database, not one for each index.
    ("wipe_tells", 0, 2, 2): [".index"],
    ("wipe_tells", 0, 3, 2): [".data"],
    # So an index is wiped by deleting its fields; files go when nothing in them is needed any more.
    ("wipe_tells", 2): [
        ["CATALOGUE_INFO", "[Database: ea:0001:oper:20200101:1800:g, FDB Owner: OWNER]", []],
        ["CATALOGUE_INFO", "Fields to delete: 4", []],
        [
            "CATALOGUE_SAFE",
            "Protected catalogue URIs (explicitly untouched):",
            [
                ".index",
                "FOLDER/store/ea:0001:oper:20200101:1800:g/schema",
                "FOLDER/store/ea:0001:oper:20200101:1800:g/toc",
            ],
        ],
        ["STORE_SAFE", "Protected store URIs (explicitly untouched):", [".data"]],
    ],
    # A masked field is listed as one as long as its data file stays: here one beside fields of another index.
    ("purge", 4): 23,
}


def differences(theirs, ours, place=()):
    """Yield the places at which two answers differ, no deeper than one that is named as different."""
    if theirs == ours:
        return
    if place in DIFFERENT:
        yield place
    elif isinstance(theirs, dict) and isinstance(ours, dict) and theirs.keys() == ours.keys():
        for key, value in theirs.items():
            yield from differences(value, ours[key], (*place, key))
    elif isinstance(theirs, list) and isinstance(ours, list) and len(theirs) == len(ours):
        for number, (one, other) in enumerate(zip(theirs, ours, strict=True)):
            yield from differences(one, other, (*place, number))
    else:
        yield place


@pytest.mark.parametrize("name", NAMES)
def test_answers_are_the_same(name, theirs, ours):
    found = set(differences(theirs[name], ours[name], (name,)))
    assert found == {place for place in DIFFERENT if place[0] == name}


@pytest.mark.parametrize("place", DIFFERENT, ids=lambda place: "-".join(map(str, place)))
def test_where_we_differ_we_answer_as_said(place, ours):
    answer = ours
    for key in place:
        answer = answer[key]
    assert answer == DIFFERENT[place]


def operations():
    spec = importlib.util.spec_from_file_location("operations", Path(__file__).with_name("operations.py"))
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


WRITE = """
import sys
sys.path.insert(0, sys.argv[1])
import operations, pyfdb
operations.Case(pyfdb, sys.argv[2]).filled()
"""


def test_what_theirs_wrote_is_read_with_ours(peers, tmp_path, theirs):
    words = [peers, "-c", WRITE, Path(__file__).parent, tmp_path / "stores"]
    subprocess.run([str(word) for word in words], check=True, capture_output=True, timeout=60)
    used = operations()
    spaces = [{"roots": [{"path": str(tmp_path / "stores" / "store")}]}]
    schema = str(tmp_path / "stores" / "schema")
    fdb = pyfdb.FDB({"engine": "fdb5-toc", "schema": schema, "spaces": spaces})
    assert used.found(fdb.list({})) == theirs["list_everything"]
    assert fdb.retrieve(dict(used.FIELD, step="12/0")).readall() == b"12-1670-167"
    assert dict(fdb.axes({})) == theirs["axes"][0][2]
    with pytest.raises(RuntimeError, match="UserError"):
        fdb.archive(b"x", used.FIELD)
