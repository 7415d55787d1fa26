"""Stores of ECMWF's FDB read by us: every key, place and byte as FDB itself says."""

import runpy
from pathlib import Path

import pytest

from dte_hpc.base.errors import DteError, FieldNotFound
from dte_hpc.extract import extract
from dte_hpc.fdb import FDB

DEFINED = runpy.run_path(str(Path(__file__).with_name("cases.py")))
CASES, BASE = DEFINED["CASES"], DEFINED["BASE"]
KEPT = sorted(set(CASES) - {"split"})


def same(real, skipped):
    store = real.open(skipped)
    for which in ("list", "all"):
        found, told = real.rows(store.list(masked=which == "all")), real.told_rows(which)
        if "like" in real.case:
            found, told = ([(key, *rest) for key, _, *rest in rows] for rows in (found, told))
        if which == "all":  # theirs does not list a field of no bytes as masked; ours keeps it as a deletion
            found = [row for row in found if row[-1]]
        assert found == told
    for request, told in zip(real.case.get("requests", ()), real.told["retrieved"], strict=True):
        assert store.retrieve(request, missing="skip").read().hex() == told
    assert skipped == []


@pytest.mark.parametrize("name", KEPT)
def test_a_kept_store_reads_as_fdb_says(kept, name):
    same(kept(name), [])


@pytest.mark.slow
@pytest.mark.parametrize("name", [name for name, case in CASES.items() if "like" not in case])
def test_a_new_store_reads_as_fdb_says(written, name):
    same(written(CASES[name]), [])


@pytest.mark.parametrize("name", ["masked", "sub-tocs", "wide"])
def test_each_message_comes_out_as_it_went_in(kept, name):
    real = kept(name)
    listing = real.open().list()
    archived = {bytes.fromhex(step[1]) for step in real.case["steps"] if step[0] == "archive"}
    messages = [listing.message(number) for number in range(len(listing))]
    assert len(messages) > 1
    assert set(messages) <= archived


def test_a_missing_field_is_named(kept):
    real = kept("masked")
    with pytest.raises(FieldNotFound, match="levelist=1000"):
        real.open().retrieve(real.case["requests"][2])


def test_the_time_of_a_flush_is_known(kept):
    listing = kept("masked").open().list()
    assert (listing.time > 1_700_000_000).all()


def test_packing_and_grid_come_from_the_headers(kept, tmp_path):
    theirs, ours = kept("grib").open().list(), our_own(tmp_path, kept("grib")).list()
    place = {key: number for number, key in enumerate(ours.keys())}
    order = [place[key] for key in list(theirs.keys())]
    assert len(order) == len(ours) == 12
    assert (theirs.layout == ours.layout[order]).all()
    assert [theirs.grid_name(n) for n in range(12)] == [ours.grid_name(n) for n in order]
    assert {theirs.grid_name(n) for n in range(12)} == {"H8", "10/10"}


def our_own(tmp_path, real):
    store = FDB(tmp_path / "ours", schema=real.root / "schema")
    for what, *arguments in real.case["steps"]:
        if what == "messages":
            store.archive(bytes.fromhex(arguments[0]))
        else:
            store.flush()
    return store


@pytest.mark.parametrize("grid", ["H8", "10/10"])
def test_points_are_extracted_as_from_our_own_store(kept, tmp_path, grid):
    real = kept("grib")
    steps = {"H8": {"start": 0, "end": 6}, "10/10": {"start": 0, "end": 0}}[grid]
    level = {"H8": "500", "10/10": "1000"}[grid]
    request = {
        **BASE,
        "date": "20240603",
        "levelist": level,
        "param": "130",
        "feature": {
            "type": "timeseries",
            "points": [[48.86, 2.35], [-30, 100]],
            "time_axis": "step",
            "range": steps,
        },
    }
    theirs, ours = extract(real.open(), request), extract(our_own(tmp_path, real), request)
    assert theirs.values.size >= 2
    assert (theirs.values == ours.values).all()
    assert theirs.account.bytes_read == ours.account.bytes_read


def test_nothing_is_written_there(kept):
    real = kept("masked")
    before = sorted((path, path.stat().st_size) for path in real.root.rglob("*"))
    with pytest.raises(DteError):
        real.open().archive(b"x", {**BASE, "step": "0", "param": "1"})
    assert before == sorted((path, path.stat().st_size) for path in real.root.rglob("*"))
