"""A handle's first requests for few fields look their entries up, and find what a whole reading finds."""

import runpy
from pathlib import Path

import pytest

from dte_hpc.base.errors import FieldNotFound
from dte_hpc.fdb.fdb5.database import MAX_LOOK_UPS
from dte_hpc.fdb.fdb5.reader import IndexReader

DEFINED = runpy.run_path(str(Path(__file__).with_name("cases.py")))
CASES, BASE = DEFINED["CASES"], DEFINED["BASE"]
REQUESTS = [
    {**BASE, "step": "0", "levelist": "500", "param": "130"},
    {**BASE, "step": "1", "levelist": ["850.5", "500"], "param": "131"},
    {**BASE, "step": ["0", "2"], "param": "130"},
    {**BASE, "step": "37", "levelist": "44", "param": "130"},
    {**BASE, "step": "24", "stream": "wave", "param": "229140"},
    {**BASE, "step": "6", "quantile": "1:3", "param": "167"},
    {**BASE, "step": "6", "param": "167"},
    {"class": "od", "stream": "enfo", "number": "3"},
    {"param": "167"},
    {"step": "99"},
    {"type": "an"},
]


@pytest.mark.parametrize("name", sorted(set(CASES) - {"split"}))
def test_what_is_looked_up_is_what_is_read(kept, name):
    real = kept(name)
    whole = real.open()
    whole.list()
    for request in REQUESTS:
        for masked in (False, True):
            found = real.open().list(request, masked=masked)
            assert real.rows(found) == real.rows(whole.list(request, masked=masked))


def test_what_is_not_there_is_not_found(kept):
    real = kept("pages")
    with pytest.raises(FieldNotFound, match="step=60"):
        real.open().retrieve({**REQUESTS[3], "step": "60"})


def test_few_requests_do_not_read_everything_and_many_do(kept, monkeypatch):
    real, read = kept("pages"), []
    everything = IndexReader.everything
    monkeypatch.setattr(IndexReader, "everything", lambda *a: read.append(1) or everything(*a))
    store = real.open()
    for _ in range(MAX_LOOK_UPS // 2):
        assert store.retrieve(REQUESTS[3]).read() == b"%08d" % (37 * 50 + 44)
    assert read == []
    for _ in range(MAX_LOOK_UPS):
        assert store.retrieve(REQUESTS[3]).read() == b"%08d" % (37 * 50 + 44)
    assert read == [1]
    real.open().list({"step": "37"})
    assert read == [1, 1]


def test_a_damaged_tree_is_read_as_a_whole_and_reported(kept):
    real, skipped = kept("pages"), []
    index = max(real.database.glob("*.index"))
    content = bytearray(index.read_bytes())
    for page in range(1, len(content) // 65536):
        content[page * 65536] ^= 0xFF
    index.write_bytes(content)
    assert len(real.open(skipped).list(REQUESTS[3])) == 0
    assert skipped


def test_what_is_flushed_after_a_look_up_is_seen(kept):
    real = kept("masked")
    toc = real.database / "toc"
    data = toc.read_bytes()
    toc.write_bytes(data[:4096])
    store = real.open()
    assert store.retrieve(REQUESTS[0]).read() == b"step 0 500 130"
    toc.write_bytes(data)
    assert store.retrieve(REQUESTS[0]).read() == b"again"
    assert real.rows(store.list()) == real.told_rows("list")
