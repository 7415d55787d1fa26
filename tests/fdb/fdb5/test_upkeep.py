"""What is done to a store beside reading it: on one that FDB 5 wrote, only what changes nothing."""

import runpy
from pathlib import Path

import pytest

from dte_hpc.base.errors import DteError, InvalidRequest
from dte_hpc.fdb.upkeep.check import check
from dte_hpc.fdb.upkeep.control import Control
from dte_hpc.fdb.upkeep.dump import dump

DEFINED = runpy.run_path(str(Path(__file__).with_name("cases.py")))
BASE, REQUESTS = DEFINED["BASE"], DEFINED["REQUESTS"]
CHANGES = {
    "archive": lambda store: store.archive(b"x", {**BASE, "step": "0", "param": "1"}),
    "delete": lambda store: store.delete(REQUESTS[0]),
    "control": lambda store: store.control({"class": "od"}, "disable", Control.ARCHIVE),
    "wipe": lambda store: store.wipe({"class": "od"}, doit=True),
    "wipe all": lambda store: store.wipe({"class": "od"}, doit=True, unsafe_wipe_all=True),
    "purge": lambda store: store.purge({"class": "od"}, doit=True),
    "compact": lambda store: store.compact({"class": "od"}, doit=True),
    "reindex": lambda store: store.reindex({"class": "od"}, doit=True),
}


def files_of(real):
    return {path: path.read_bytes() for path in real.root.rglob("*") if path.is_file()}


@pytest.mark.parametrize("what", CHANGES)
def test_nothing_changes_a_store_of_theirs(kept, what):
    real = kept("masked")
    before = files_of(real)
    with pytest.raises(DteError, match="is stored as fdb5-toc, which is only read"):
        CHANGES[what](real.open())
    assert files_of(real) == before


def test_figures(kept):
    (stats,) = kept("masked").open().stats()
    assert (stats.n_fields, stats.n_masked, stats.n_flushes) == (12, 3, 5)
    assert (stats.n_bytes, stats.n_masked_bytes) == (182, 42)
    assert (stats.n_data_files, stats.n_index_files) == (2, 2)
    assert stats.toc_bytes == 6 * 1024
    assert stats.index_bytes == 7 * 65536


def test_axes(kept):
    axes = kept("masked").open().axes()
    assert axes["step"] == ["0", "1", "2"]
    assert axes["levelist"] == ["500", "850.5"]


def test_a_lock_of_theirs_is_respected(kept):
    real = kept("masked")
    (real.database / "list.lock").touch()
    assert len(real.open().list()) == 0
    assert real.open().retrieve(REQUESTS[0]).read() == b"again"
    (status,) = real.open().status()
    assert status.disabled == Control.LIST


@pytest.mark.parametrize("name", ["masked", "grib", "sub-tocs-open"])
def test_a_sound_store_checks_clean(kept, name):
    report = check(kept(name).open())
    assert report.findings == []
    assert report.n_fields > 1


def test_what_can_be_seen_to_be_wrong_is_found(kept):
    real = kept("grib")
    data = max(real.database.glob("*.data"), key=lambda path: path.stat().st_size)
    content = bytearray(data.read_bytes())
    content[11] ^= 1
    data.write_bytes(content[:-10])
    with (real.database / "toc").open("ab") as toc:
        toc.write(b"garbage" * 30)
    found = check(real.open()).findings
    assert len(found) == 3
    assert all(finding.damage for finding in found)
    assert found[0].what == "no record is there"


def test_a_toc_of_theirs_is_not_dumped_as_ours(kept):
    (database,) = kept("masked").open().databases()
    with pytest.raises(InvalidRequest, match="fdb-dump-toc"):
        dump(database)
