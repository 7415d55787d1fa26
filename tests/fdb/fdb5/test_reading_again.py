"""A handle that stays open, on a store that FDB's writers go on with, and on one that is damaged."""

import os
import shutil
import struct
import time

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dte_hpc.base.errors import CorruptData
from dte_hpc.fdb.fdb5.toc import HEADER, scan

KEPT_BYTES = 1024


def file_of(real, ending):
    """Return the first of the database's files with an ending, by name."""
    return sorted(path for path in real.database.iterdir() if path.name.endswith(ending))[0]


def toc_of(real):
    return real.database / "toc"


def shorten(path, n_bytes):
    """Take the end of a file off, and return it."""
    data = path.read_bytes()
    path.write_bytes(data[:n_bytes])
    return data[n_bytes:]


def append(path, data):
    with path.open("ab") as file:
        file.write(data)


def age(path):
    """Make a file look as if nobody had written to it for a while."""
    before = time.time() - 60
    os.utime(path, (before, before))


def record(tag, payload):
    size = -(-(HEADER.size + len(payload)) // 1024) * 1024
    return (HEADER.pack(ord(tag), b"", 3, 52500, 1_800_000_000, 0, 1, 0, b"h", size) + payload).ljust(
        size, b"\0"
    )


def text(word):
    return b"\x0f" + struct.pack(">I", len(word)) + word.encode()


@pytest.mark.parametrize("n_records", [1, 2, 3, 4, 5])
def test_an_open_handle_sees_what_others_flush(kept, n_records):
    real, skipped = kept("masked"), []
    rest = shorten(toc_of(real), 1024 * n_records)
    store = real.open(skipped)
    before = len(store.list())
    store.list().offset, store.list().keys()  # columns that have to grow
    append(toc_of(real), rest)
    assert len(store.list()) > before or n_records >= 4
    assert real.rows(store.list()) == real.told_rows("list")
    assert skipped == []


@pytest.mark.parametrize("which", ["toc", "toc."])
def test_an_open_handle_sees_sub_tocs_grow(kept, which):
    real, skipped = kept("sub-tocs-open"), []
    toc = sorted(p for p in real.database.iterdir() if p.name.startswith(which))[-1 if which == "toc." else 0]
    rest = shorten(toc, 1024)
    store = real.open(skipped)
    assert real.rows(store.list()) != real.told_rows("list")
    append(toc, rest)
    assert real.rows(store.list()) == real.told_rows("list")
    assert skipped == []


def test_a_listing_outlives_what_masks_it(kept):
    real = kept("masked")
    rest = shorten(toc_of(real), 2048)
    store = real.open()
    old = store.list()
    append(toc_of(real), rest)
    assert len(store.list()) > len(old)
    assert {old.message(n) for n in range(len(old))} == {
        f"step 0 {level} {param}".encode() for level in ("500", "850.5") for param in (130, 131)
    }


def test_a_database_made_anew_is_read_anew(kept, tmp_path):
    real, other = kept("masked"), kept("optional")
    store = real.open()
    assert len(store.list()) == 12
    name = real.database.name
    shutil.rmtree(real.database)
    assert len(store.list()) == 0
    shutil.copytree(other.path / name, real.path / name)
    assert len(store.list()) == 6


def test_a_record_being_written_is_waited_for(kept):
    real, skipped = kept("masked"), []
    toc = toc_of(real)
    rest = shorten(toc, 4 * 1024 + 300)
    store = real.open(skipped)
    n_before = len(store.list())
    assert skipped == []
    append(toc, rest)
    assert len(store.list()) >= n_before
    assert real.rows(store.list()) == real.told_rows("list")
    assert skipped == []


def test_a_record_cut_short_is_reported_once_and_hides_nothing(kept):
    real, skipped = kept("masked"), []
    toc = toc_of(real)
    rest = shorten(toc, 5 * 1024)
    append(toc, rest[:300])
    age(toc)
    store = real.open(skipped)
    store.list()
    store.list()
    assert [event.where for event in skipped] == [f"{toc}, bytes 5120 to 5420"]
    append(toc, rest)
    assert real.rows(store.list()) == real.told_rows("list")
    assert len(skipped) == 1


def test_garbage_in_the_toc_is_reported_once(kept):
    real, skipped = kept("masked"), []
    toc = toc_of(real)
    rest = shorten(toc, 2048)
    append(toc, b"garbage" * 1000)
    append(toc, rest)
    store = real.open(skipped)
    for _ in range(3):
        assert real.rows(store.list()) == real.told_rows("list")
        append(toc, record("c", text("nothing.index") + b"\x09\0\0\0\0"))
    assert [event.reason for event in skipped] == ["no record is there"]


def test_a_toc_that_lost_its_beginning(kept):
    real, skipped = kept("masked"), []
    data = toc_of(real).read_bytes()
    toc_of(real).write_bytes(b"\xff" * 1024 + data[1024:])
    assert real.rows(real.open(skipped).list()) == real.told_rows("list")
    assert len(skipped) == 1


@pytest.mark.parametrize(
    "path", ["/elsewhere/od:0001:oper:20260102:0000:g/toc", "../x/toc.1", "tic", "toc.\0x", ""]
)
def test_a_database_laid_over_is_reported_and_not_followed(kept, path):
    real, skipped = kept("masked"), []
    append(toc_of(real), record("s", text(path) + b"\x09\0\0\0\0"))
    store = real.open(skipped)
    assert real.rows(store.list()) == real.told_rows("list")
    assert "of another database is laid over, which is not followed" in skipped[0].reason
    store.list()
    assert len(skipped) == 1


def test_a_sub_toc_that_names_itself_ends(kept):
    real, skipped = kept("sub-tocs-open"), []
    sub = max(path for path in real.database.iterdir() if path.name.startswith("toc."))
    append(sub, record("s", text(sub.name) + b"\x09\0\0\0\0"))
    assert real.rows(real.open(skipped).list()) == real.told_rows("list")


def test_an_old_absolute_path_of_an_own_sub_toc(kept):
    real, skipped = kept("sub-tocs-open"), []
    sub = max(path for path in real.database.iterdir() if path.name.startswith("toc."))
    moved = sub.with_name("toc.moved")
    sub.rename(moved)
    append(toc_of(real), record("s", text(f"/before/{real.database.name}/toc.moved") + b"\x09\0\0\0\0"))
    assert real.rows(real.open(skipped).list()) == real.told_rows("list")
    assert "the toc names it" in skipped[0].reason


def test_an_index_file_that_is_gone_or_short(kept):
    real, skipped = kept("masked"), []
    file_of(real, ".index").unlink()
    shorten(sorted(real.database.glob("*.index"))[-1], 1000)
    store = real.open(skipped)
    assert len(store.list()) == 0
    assert len(skipped) == 5
    store.list()
    assert len(skipped) == 5


def test_a_tree_of_unknown_kind_is_reported(kept):
    real, skipped = kept("masked"), []
    data = toc_of(real).read_bytes()
    toc_of(real).write_bytes(data.replace(b"BTreeIndex", b"CTreeIndex"))
    assert len(real.open(skipped).list()) == 0
    assert any("'CTreeIndex', is not known" in event.reason for event in skipped)


def test_without_its_schema_a_database_cannot_be_read(kept):
    real, skipped = kept("masked"), []
    (real.database / "schema").unlink()
    assert len(real.open(skipped).list()) == 0
    assert "has no schema" in skipped[0].reason


def test_a_schema_of_another_store_is_not_taken(kept):
    real, skipped = kept("masked"), []
    (real.database / "schema").write_text("[ class, expver [ type [ step, param ]]]")
    assert len(real.open(skipped).list()) == 0
    assert "has no rule for class, expver, stream, date, time, domain, type, levtype" in skipped[0].reason


@pytest.mark.parametrize(
    ("offset", "length"), [(10**6, 14), (0, 1 << 62), (1 << 63, 5), (2**64 - 1, 2**64 - 1)]
)
def test_a_field_beyond_its_data_file_is_corrupt_and_allocates_nothing(kept, offset, length):
    real = kept("masked")
    index = max(real.database.glob("*.index"))
    data = bytearray(index.read_bytes())
    data[40 + 40 : 40 + 56] = struct.pack("<2Q", offset, length)
    index.write_bytes(data)
    request = {**real.case["requests"][0], "step": "2"}
    store = real.open()
    assert len(store.list()) == 12
    with pytest.raises(CorruptData, match="ends at byte"):
        store.retrieve(request).read()
    with pytest.raises(CorruptData):
        store.list(request).layout  # noqa: B018


def test_a_data_file_that_is_gone_is_named(kept):
    real = kept("masked")
    for path in real.database.glob("*.data"):
        path.unlink()
    store = real.open()
    with pytest.raises(CorruptData, match=r"\.data cannot be read: No such file"):
        store.retrieve(real.case["requests"][0]).read()


@pytest.mark.parametrize(
    "name",
    ["../../secret", "/etc/passwd", "/elsewhere/od:0001:oper:20260101:0000:g/x.data", "a\0.data", ".."],
)
def test_no_index_leads_out_of_the_roots(kept, name):
    real = kept("masked")
    data = toc_of(real).read_bytes()
    own = max(real.database.glob("*.data")).name.encode()
    start = data.index(own)
    longer = data[: start - 5] + text(name) + data[start + len(own) : 1024 * (start // 1024 + 1)]
    shift = len(name) - len(own)
    block = longer[-(1024 + shift) :].rstrip(b"\0").ljust(1024, b"\0")
    toc_of(real).write_bytes(data[: start // 1024 * 1024] + block + data[start // 1024 * 1024 + 1024 :])
    store = real.open()
    with pytest.raises(CorruptData, match="which is no file in od:0001"):
        [store.list().message(n) for n in range(len(store.list()))]


@pytest.fixture
def again(kept, tmp_path):
    """Return a kept store as it was kept, each time."""
    first = {}

    def fresh(name):
        if name not in first:
            real = kept(name)
            first[name] = real, {path: path.read_bytes() for path in real.database.iterdir()}
        real, files = first[name]
        for path, data in files.items():
            if not path.exists() or path.read_bytes() != data:
                path.write_bytes(data)
        return real

    return fresh


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data(), name=st.sampled_from(["masked", "sub-tocs-open", "wide"]))
def test_damage_anywhere_is_survived(again, data, name):
    real = again(name)
    path = data.draw(st.sampled_from(sorted(p for p in real.database.iterdir() if p.suffix != ".data")))
    content = bytearray(path.read_bytes())
    written = [n for n, byte in enumerate(content) if byte] if len(content) < 1 << 20 else range(4096)
    place = data.draw(st.sampled_from(written))
    how = data.draw(st.sampled_from(["flip", "cut", "insert", "zero"]))
    if how == "flip":
        content[place] ^= 1 << data.draw(st.integers(0, 7))
    elif how == "cut":
        del content[place:]
    elif how == "insert":
        content[place:place] = data.draw(st.binary(min_size=1, max_size=300))
    else:
        content[place : place + 64] = bytes(min(64, len(content) - place))
    path.write_bytes(content)
    skipped = []
    store = real.open(skipped)
    known = {key for key, *_ in real.told_rows("all")}
    listing = store.list(masked=True)
    if path.suffix == ".index":
        assert {key for key, *_ in real.rows(listing)} <= known or how != "flip"
    for number in range(len(listing)):
        try:
            listing.message(number)
        except CorruptData:
            continue


def test_records_are_as_kept(kept):
    toc = toc_of(kept("masked")).read_bytes()
    assert [type(found).__name__ for found in scan(toc, 0)] == ["Init", *["Index"] * 5]
