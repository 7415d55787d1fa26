"""Damage to any file loses what it hit and nothing else, and never gives a wrong field."""

import shutil
from pathlib import Path

import numpy as np
import pytest

from dte_hpc.base.errors import CorruptData, StorageFailed
from dte_hpc.base.events import Event, RecordSkipped
from dte_hpc.base.field import Field, Metadata
from dte_hpc.codecs.encode import GribEncoder, Packing
from dte_hpc.codecs.layout import EncodedField
from dte_hpc.fdb import FDB
from dte_hpc.fdb.files.toc import SLOT_BYTES
from dte_hpc.fdb.upkeep.check import check
from dte_hpc.testing.store import KEY, message_of

N = 6


@pytest.fixture
def root(tmp_path: Path) -> Path:
    with FDB(tmp_path / "store") as store:
        for step in range(N):
            store.archive(message_of(step), {**KEY, "step": step})
            store.flush()
    return tmp_path / "store"


def only(root: Path, suffix: str) -> Path:
    return next(path for path in root.glob("*/*") if path.name.endswith(suffix))


def readable(root: Path) -> tuple[set[int], int]:
    """Return the steps that are read right, and how much was reported; a wrong field fails the test."""
    events: list[Event] = []
    listing, good = FDB(root, listener=events.append).list(), set()
    for number, step in enumerate(listing.column("step").tolist()):
        try:
            message = listing.message(number)
        except CorruptData:
            continue
        assert message == message_of(int(step))
        good.add(int(step))
    return good & set(range(N)), sum(isinstance(event, RecordSkipped) for event in events)


def test_a_toc_cut_anywhere_loses_only_what_was_cut(root: Path) -> None:
    toc = only(root, "toc")
    whole = toc.read_bytes()
    assert len(whole) == N * SLOT_BYTES
    for size in range(len(whole) - 3 * SLOT_BYTES, len(whole) + 1):
        toc.write_bytes(whole[:size])
        assert readable(root)[0] == set(range(size // SLOT_BYTES))
    toc.write_bytes(whole[:-50])
    report = check(FDB(root))
    assert not report.is_damaged, "as if a writer had been killed in its append"
    assert "cut short" in report.findings[0].what


@pytest.mark.parametrize("n_bytes", [1, 127, 128, 129, 300, 1024, 5000])
@pytest.mark.parametrize("zeros", [True, False])
def test_garbage_in_the_toc_hides_nothing_behind_it(root: Path, n_bytes: int, zeros: bool) -> None:
    reader = FDB(root)
    assert len(reader.list()) == N
    with only(root, "toc").open("ab") as toc:
        toc.write(bytes(n_bytes) if zeros else np.random.default_rng(n_bytes).bytes(n_bytes) + b"DTEt")
    with FDB(root) as store:
        store.archive(message_of(99), {**KEY, "step": 99})
    assert readable(root)[0] == set(range(N))
    for handle in (reader, FDB(root)):
        assert handle.retrieve({**KEY, "step": 99}).read() == message_of(99)
    assert readable(root)[1] >= 1
    report = check(FDB(root))
    assert report.is_damaged
    assert report.n_fields == N + 1


def test_a_record_that_becomes_visible_late_is_still_read_in_its_place(root: Path) -> None:
    """Another client's append may be seen before one that stands in front of it."""
    toc = only(root, "toc")
    whole = toc.read_bytes()
    middle = slice(2 * SLOT_BYTES, 3 * SLOT_BYTES)
    hidden = bytearray(whole)
    hidden[middle] = bytes(SLOT_BYTES)
    toc.write_bytes(hidden[:-SLOT_BYTES])
    reader = FDB(root)
    assert set(reader.list().column("step").tolist()) == {"0", "1", "3", "4"}
    with toc.open("r+b") as file:
        file.write(whole)
    assert reader.list().column("step").tolist() == [str(step) for step in range(N)]


@pytest.mark.parametrize("suffix", ["toc", ".index", ".data", "schema"])
def test_a_flipped_bit_is_never_a_wrong_field(root: Path, suffix: str) -> None:
    path = only(root, suffix)
    whole = path.read_bytes()
    rng = np.random.default_rng(7)
    for bit in rng.integers(0, 8 * len(whole), 40).tolist():
        changed = bytearray(whole)
        changed[bit // 8] ^= 1 << bit % 8
        path.write_bytes(changed)
        good, _ = readable(root)
        assert len(good) >= (N if suffix == "schema" else N - 1)
        assert check(FDB(root)).is_damaged or suffix == "schema"


def test_a_short_or_absent_file_is_an_error_with_its_name(root: Path) -> None:
    data = only(root, ".data")
    data.write_bytes(data.read_bytes()[:-10])
    assert readable(root)[0] == set(range(N - 1))
    with pytest.raises(CorruptData, match="data"):
        FDB(root).retrieve({**KEY, "step": N - 1}).read()
    only(root, ".index").unlink()
    assert readable(root) == (set(), N)
    report = check(FDB(root))
    assert len([finding for finding in report.findings if finding.damage]) == N
    assert [finding.what for finding in report.findings if not finding.damage] == [
        "590 of 590 bytes belong to no flush"
    ]


def test_an_intact_store_checks_clean_and_leftovers_are_no_damage(root: Path) -> None:
    assert check(FDB(root)).findings == []
    (only(root, ".data").parent / "20260101.000000.host.1.9.data").write_bytes(b"left")
    report = check(FDB(root))
    assert not report.is_damaged
    assert len(report.findings) == 1
    assert (report.n_databases, report.n_fields, report.n_bytes) == (1, N, 100 * N)


def test_a_damaged_schema_is_not_written_by(root: Path) -> None:
    schema = only(root, "schema")
    schema.write_bytes(schema.read_bytes().replace(b"Step", b"Time", 1))
    assert readable(root)[0] == set(range(N))
    with pytest.raises(CorruptData, match="checksum"):
        FDB(root).archive(b"x", KEY)


def test_symbolic_links_are_not_followed(tmp_path: Path, root: Path) -> None:
    canary = tmp_path / "canary"
    canary.mkdir()
    name = next(root.iterdir()).name
    linked = tmp_path / "linked"
    linked.mkdir()
    (linked / name).symlink_to(canary)
    with pytest.raises(StorageFailed):
        FDB(linked).archive(b"x", KEY)
    assert list(canary.iterdir()) == []
    shutil.move(only(root, ".data"), tmp_path / "moved")
    (root / name / "20260101.0.data").symlink_to(tmp_path / "moved")
    (root / name / "x").symlink_to(canary)
    assert readable(root)[0] == set()
    toc = root / name / "toc"
    toc.rename(tmp_path / "toc")
    toc.symlink_to(tmp_path / "toc")
    assert readable(root)[0] == set()


def test_a_linked_database_is_told_once_and_not_read(tmp_path: Path, root: Path) -> None:
    name = next(root.iterdir()).name
    (tmp_path / "linked").mkdir()
    (tmp_path / "linked" / name).symlink_to(root / name)
    told: list[object] = []
    store = FDB(tmp_path / "linked", listener=told.append)
    assert len(store.list({})) == len(store.list({})) == 0
    assert [event.where for event in told] == [str(tmp_path / "linked" / name)]
    assert "symbolic link" in told[0].reason


def test_a_database_that_may_not_be_read_is_no_empty_store(root: Path, monkeypatch) -> None:
    def refused(path, **_options):
        raise PermissionError(13, "Permission denied", path)

    store = FDB(root)
    monkeypatch.setattr("os.lstat", refused)
    with pytest.raises(PermissionError):
        store.databases()


def slot_of(root: Path, number: int) -> slice:
    return slice(number * SLOT_BYTES, (number + 1) * SLOT_BYTES)


@pytest.mark.parametrize("n_bytes", [1, 3, 4, 5, 6, 40, 60, 119, 120, 121, 127])
def test_a_record_cut_short_by_a_kill_never_stops_a_purge(root: Path, n_bytes: int) -> None:
    toc = only(root, "toc")
    whole = toc.read_bytes()
    toc.write_bytes(whole[: 4 * SLOT_BYTES + n_bytes])
    with FDB(root) as store:
        store.archive(message_of(0), {**KEY, "step": 0})
    assert (toc.stat().st_size, readable(root)) == (6 * SLOT_BYTES, ({0, 1, 2, 3}, 1))
    assert not check(FDB(root)).is_damaged
    for do in (FDB.purge, FDB.compact):
        assert do(FDB(root), doit=True)[0].masked_fields == 1
    assert readable(root) == ({0, 1, 2, 3}, 0), "what was given up is told no more"
    assert not check(FDB(root)).is_damaged


@pytest.mark.parametrize("do", ["purge", "compact"])
@pytest.mark.parametrize("byte", [0, 5, 50, 119, 127])
def test_a_purge_refuses_damage_unless_told_otherwise(root: Path, byte: int, do: str) -> None:
    toc = only(root, "toc")
    whole = bytearray(toc.read_bytes())
    whole[3 * SLOT_BYTES + byte] ^= 4
    toc.write_bytes(whole)
    before = {path: path.read_bytes() for path in root.glob("*/*")}
    for doit in (False, True):
        with pytest.raises(CorruptData, match=r"toc, bytes 384 to 512|flush 3 of"):
            getattr(FDB(root), do)(doit=doit)
    assert {path: path.read_bytes() for path in root.glob("*/*")} == before
    with FDB(root) as store:
        store.archive(message_of(0), {**KEY, "step": 0})
    getattr(FDB(root), do)(doit=True, despite_damage=True)
    assert readable(root) == (set(range(N)) - {3}, 0)
    assert not check(FDB(root)).is_damaged


@pytest.mark.parametrize("n_slots", [1, 4])
def test_lost_sectors_stop_a_purge(root: Path, n_slots: int) -> None:
    toc = only(root, "toc")
    whole = bytearray(toc.read_bytes())
    whole[SLOT_BYTES : (1 + n_slots) * SLOT_BYTES] = bytes(n_slots * SLOT_BYTES)
    toc.write_bytes(whole)
    with pytest.raises(CorruptData):
        FDB(root).purge(doit=True)


def test_flushes_cut_off_before_another_are_missed(root: Path) -> None:
    """Somebody cut the toc while a writer was at work: nothing but the count of its flushes shows it."""
    store = FDB(root)
    for step in range(10, 14):
        store.archive(message_of(step), {**KEY, "step": step})
        store.flush()
        if step == 12:
            toc = only(root, "toc")
            toc.write_bytes(toc.read_bytes()[:-SLOT_BYTES])
    assert any("flush 2" in finding.what for finding in check(FDB(root)).findings if finding.damage)
    with pytest.raises(CorruptData, match="flush 2"):
        FDB(root).purge()


@pytest.fixture
def merged_root(tmp_path: Path) -> Path:
    with FDB(tmp_path / "merged") as store:
        for step in range(18):
            store.archive(message_of(step), {**KEY, "step": step % 17})
            store.flush()
    return tmp_path / "merged"


@pytest.mark.parametrize("byte", [0, 5, 50, 127])
def test_damage_that_a_merged_segment_makes_good_is_named_and_stops_nothing(
    merged_root: Path, byte: int
) -> None:
    toc = only(merged_root, "toc")
    whole = bytearray(toc.read_bytes())
    whole[3 * SLOT_BYTES + byte] ^= 4
    toc.write_bytes(whole)
    events: list[Event] = []
    store = FDB(merged_root, listener=events.append)
    assert len(store.list()) == store.stats()[0].n_fields == 17
    assert events == []
    report = check(FDB(merged_root))
    assert not report.is_damaged
    assert [f.where.rpartition("/")[2] for f in report.findings if "toc" in f.where] == [
        "toc, bytes 384 to 512"
    ]
    index = only(merged_root, ".index")
    segments = bytearray(index.read_bytes())
    segments[100] ^= 1
    index.write_bytes(segments)
    report = check(FDB(merged_root))
    assert not report.is_damaged
    assert any("checksum; a merged segment stands for it" in finding.what for finding in report.findings)
    for do in (FDB.purge, FDB.compact):
        assert do(FDB(merged_root), doit=True)[0].masked_fields == 1
    assert not any("stands for it" in finding.what for finding in check(FDB(merged_root)).findings)
    assert len(FDB(merged_root).list()) == 17


def test_both_a_flush_and_what_stands_for_it_damaged_loses_one_flush(merged_root: Path) -> None:
    toc = only(merged_root, "toc")
    whole = bytearray(toc.read_bytes())
    for slot in (3, 16):
        whole[slot * SLOT_BYTES + 50] ^= 4
    toc.write_bytes(whole)
    events: list[Event] = []
    store = FDB(merged_root, listener=events.append)
    for _ in range(2):
        assert set(map(int, store.list().column("step").tolist())) == set(range(17)) - {3}
        assert store.stats()[0].n_fields == 16
    assert sorted(e.where.rpartition(", ")[2] for e in events if isinstance(e, RecordSkipped)) == [
        "bytes 2048 to 2176",
        "bytes 384 to 512",
    ]
    with pytest.raises(CorruptData):
        FDB(merged_root).purge()


def blocks_of(step: int) -> EncodedField:
    encoder = GribEncoder(Packing(packing="ccsds", ccsds_block_size=8, ccsds_rsi=16))
    metadata = {k: v for k, v in KEY.items() if k != "domain"} | {"grid": "O8", "time": 0, "step": step}
    values = np.random.default_rng(step).normal(size=544)
    return encoder.encode(Field(metadata=Metadata(metadata), values=values))


@pytest.fixture
def blocks_root(tmp_path: Path) -> Path:
    """A store of fields with block offset tables, one of them damaged, and one field masked."""
    with FDB(tmp_path / "blocks") as store:
        for step in (0, 1, 2, 0):
            store.archive(blocks_of(step), {**KEY, "step": step})
            store.flush()
    listing = FDB(tmp_path / "blocks").list({"step": 1})
    table = listing._parts[0][1]
    name, at, length = table.table_place(int(listing._rows[0]))
    index = only(tmp_path / "blocks", name)
    whole = bytearray(index.read_bytes())
    whole[at + length - 1] ^= 1
    index.write_bytes(whole)
    return tmp_path / "blocks"


def test_a_damaged_block_table_is_not_copied(blocks_root: Path) -> None:
    listing = FDB(blocks_root).list()
    assert listing.column("step").tolist() == ["1", "2", "0"]
    with pytest.raises(CorruptData, match="block offset table"):
        listing.block_offsets(0)
    assert check(FDB(blocks_root)).is_damaged
    with pytest.raises(CorruptData, match="block offset table"):
        FDB(blocks_root).compact(doit=True)
    assert len(FDB(blocks_root).list(masked=True)) == 4
    FDB(blocks_root).compact(doit=True, despite_damage=True)
    assert not check(FDB(blocks_root)).is_damaged
    listing = FDB(blocks_root).list()
    expected = [blocks_of(step) for step in (1, 2, 0)]
    assert [listing.message(n) for n in range(3)] == [bytes(field.message) for field in expected]
    assert listing.block_offsets(0) is None
    for number in (1, 2):
        assert listing.block_offsets(number).tolist() == expected[number].block_offsets.tolist()


def test_a_toc_that_seems_huge_is_read_at_once(root: Path) -> None:
    """A hole of a terabyte takes no room on the disk; nor may it in memory, or any time."""
    toc = only(root, "toc")
    with toc.open("r+b") as file:
        file.truncate(1 << 40)
    with FDB(root) as store:
        store.archive(message_of(99), {**KEY, "step": 99})
    assert readable(root)[0] == set(range(N))
    assert FDB(root).retrieve({**KEY, "step": 99}).read() == message_of(99)
    assert check(FDB(root)).is_damaged
