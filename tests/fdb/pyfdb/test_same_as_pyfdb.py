"""Does a script get from us what it gets from ECMWF's pyfdb? Every difference we mean is named."""

import ast
from pathlib import Path

import pytest

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
