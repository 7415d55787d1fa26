"""Whatever byte of toc, index or data is hit, nothing wrong is read, and only what was hit is missing.

Two stores: in one, several writers flushed so often that segments were merged twice over; the other was
compacted, and went on. Of every byte it is known which fields may be missing when it is damaged.
"""

import itertools
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pytest

from dte_hpc.base.errors import CorruptData
from dte_hpc.base.events import Event, RecordSkipped, ignore
from dte_hpc.base.field import Field, Metadata
from dte_hpc.codecs.encode import GribEncoder, Packing
from dte_hpc.codecs.layout import EncodedField
from dte_hpc.fdb import FDB
from dte_hpc.fdb.files.database import Database
from dte_hpc.fdb.files.disk import OpenFiles
from dte_hpc.fdb.files.table import Table
from dte_hpc.fdb.files.toc import MERGED, RECLAIMED, SEGMENT, SLOT_BYTES, TocRecord, effective
from dte_hpc.fdb.upkeep.check import check
from dte_hpc.testing.store import KEY, message_of

Span = tuple[int, int]
CCSDS_LEVELS = (1, 2, 3)


def packed_fields() -> list[EncodedField]:
    """Return some fields with block offset tables."""
    rng = np.random.default_rng(5)
    encoder = GribEncoder(Packing(packing="ccsds", ccsds_block_size=8, ccsds_rsi=16))
    metadata = {k: v for k, v in KEY.items() if k != "domain"} | {"grid": "O8", "time": 0}
    fields = []
    for level in CCSDS_LEVELS:
        values = 250 + np.cumsum(rng.normal(size=544)) / 50
        fields.append(
            encoder.encode(Field(metadata=Metadata({**metadata, "levelist": level}), values=values))
        )
    return fields


@dataclass(slots=True)
class Made:
    """A store and what is in it.

    Attributes
    ----------
    versions : dict
        For each (step, level) the messages flushed for it one after another; None is a deletion.
    offsets : dict
        The block offsets of those fields that have some.
    """

    root: Path
    versions: dict[Span, list[bytes | None]] = field(default_factory=dict)
    offsets: dict[Span, list[int]] = field(default_factory=dict)
    number: int = 0

    def put(self, store: FDB, step: int, level: int = 500) -> None:
        """Archive some new field."""
        self.number += 1
        message = message_of(self.number, 40)
        store.archive(message, {**KEY, "step": step, "levelist": level})
        self.versions.setdefault((step, level), []).append(message)

    def put_packed(self, store: FDB, fields: Iterable[EncodedField], step: int) -> None:
        """Archive fields with block offset tables."""
        for encoded in fields:
            store.archive(encoded, {**encoded.metadata, "domain": "g", "step": step})
            place = step, int(encoded.metadata["levelist"])
            self.versions.setdefault(place, []).append(bytes(encoded.message))
            assert encoded.block_offsets is not None
            self.offsets[place] = encoded.block_offsets.tolist()

    def delete(self, store: FDB, step: int) -> None:
        """Delete the fields of a step."""
        assert store.delete({"step": step})
        for place, versions in self.versions.items():
            if place[0] == step:
                versions.append(None)

    @property
    def newest(self) -> dict[Span, bytes]:
        """What is stored."""
        return {place: found[-1] for place, found in self.versions.items() if found[-1] is not None}

    def path(self, suffix: str) -> list[Path]:
        return sorted(path for path in self.root.glob("*/*") if path.name.endswith(suffix))


def make(root: Path, n_slots: int, *, purged: bool) -> Made:
    """Fill a store by three writers and a deleter, until its toc has so many slots."""
    made, fields = Made(root), packed_fields()
    writers = [FDB(root) for _ in range(3)]
    toc = None
    for turn in itertools.count():
        store = writers[turn % 3]
        made.put(store, turn % 23)
        made.put(store, 100 + turn)
        if turn % 7 == 3:
            made.put_packed(store, fields, 1000 + turn % 2)
        store.flush()
        toc = toc or next(root.glob("*/toc"))
        if turn == 8:
            made.delete(store, 104)
        if turn == 10 and purged:
            writers[0].close()
            writers[0] = FDB(root)
            assert store.compact(doit=True)[0].remove
        if toc.stat().st_size >= n_slots * SLOT_BYTES:
            break
    for store in writers:
        store.close()
    return made


@pytest.fixture(scope="module")
def merged_store(tmp_path_factory: pytest.TempPathFactory) -> Made:
    made = make(tmp_path_factory.mktemp("merged") / "store", 275, purged=False)
    assert {r.stop - r.start for r in every_record(made.root) if r.kind == MERGED} == {
        16 * SLOT_BYTES,
        256 * SLOT_BYTES,
    }
    return made


@pytest.fixture(scope="module")
def purged_store(tmp_path_factory: pytest.TempPathFactory) -> Made:
    made = make(tmp_path_factory.mktemp("purged") / "store", 37, purged=True)
    assert {r.kind for r in every_record(made.root)} == {SEGMENT, MERGED, RECLAIMED}
    return made


def database_of(root: Path) -> Database:
    return Database(root, next(p.name for p in root.iterdir() if ":" in p.name), OpenFiles(), ignore)


def every_record(root: Path):
    return database_of(root).every_record()


@dataclass(slots=True)
class Seen:
    """What a fresh handle gave: fields by place, their block offsets, and what it was told."""

    fields: dict[Span, bytes] = field(default_factory=dict)
    offsets: dict[Span, list[int]] = field(default_factory=dict)
    skipped: list[str] = field(default_factory=list)


def look(root: Path) -> Seen:
    """Use a fresh handle in every way there is; only CorruptData of single fields may be raised."""
    seen, events = Seen(), []

    def listen(event: Event) -> None:
        if isinstance(event, RecordSkipped):
            events.append(event)

    store = FDB(root, listener=listen)
    listing = store.list()
    places = list(zip(listing.column("step").tolist(), listing.column("levelist").tolist(), strict=True))
    places = [(int(step), int(level)) for step, level in places]
    assert len(set(places)) == len(places)
    for number, place in enumerate(places):
        try:
            seen.fields[place] = listing.message(number)
        except CorruptData:
            continue
        try:
            offsets = listing.block_offsets(number)
        except CorruptData:
            continue
        if offsets is not None:
            seen.offsets[place] = offsets.tolist()
    if places:
        request = {"step": sorted({s for s, _ in places}), "levelist": sorted({v for _, v in places})}
        found = store.inspect(request, missing="skip")
        assert len(found) == len(places)
        step, level = places[len(places) // 2]
        handle = store.retrieve({**KEY, "step": step, "levelist": level})
        if (step, level) in seen.fields:
            assert handle.read() == seen.fields[step, level]
        assert set(map(int, store.axes()["step"])) == {s for s, _ in places}
    for stats in store.stats():
        assert stats.n_fields == len(places)
    assert len(store.list(masked=True)) >= len(places)
    assert len(set(events)) == len(events), "damage is reported once"
    seen.skipped = [f"{event.where}: {event.reason}" for event in events]
    return seen


class Map:
    """Which fields hang on which bytes of a store.

    Parameters
    ----------
    made : Made
        The store, whole.
    """

    def __init__(self, made: Made) -> None:
        self.made = made
        database = database_of(made.root)
        self.folder = Path(database.where)
        records = database.every_record()
        self.units: list[tuple[set[Span], list[list[tuple[Path, Span]]]]] = []
        for record in effective(r for r in records if r.kind != MERGED):
            table = Table([(database.read_segment(record), record.index, record.offset)])
            carriers = [r for r in records if r.kind == MERGED and r.start <= record.start < r.stop]
            bytes_of = [self._bytes_of(carrier) for carrier in (record, *carriers)]
            self.units.append((set(self._list(table)), bytes_of))
        self.spans: list[tuple[Path, Span, set[Span], set[Span]]] = []
        table = database.table()
        everything = np.arange(table.n_rows)
        (indexes, codes), at = table.table_places(everything)
        lengths, sizes, starts = (table.number(n) for n in ("table", "length", "offset"))
        files = table.words_of("\0file").list
        for row, place in enumerate(self._list(table)):
            if lengths[row]:
                span = (int(at[row]), int(at[row] + lengths[row]))
                self.spans.append((self.folder / indexes[codes[row]], span, set(), {place}))
            if sizes[row]:
                span = (int(starts[row]), int(starts[row] + sizes[row]))
                self.spans.append((self.folder / files[table.codes("\0file")[row]], span, {place}, set()))

    def _bytes_of(self, record: TocRecord) -> list[tuple[Path, Span]]:
        """Return the bytes that a record needs: its slot, and its segment."""
        slot = (record.position, record.position + SLOT_BYTES)
        return [
            (self.folder / "toc", slot),
            (self.folder / record.index, (record.offset, record.offset + record.length)),
        ]

    def _list(self, table: Table) -> list[Span]:
        columns = [
            [int(table.words_of(k).list[code]) for code in table.codes(k)] for k in ("step", "levelist")
        ]
        return list(zip(*columns, strict=True))

    def hit(self, path: Path, start: int, stop: int) -> tuple[set[Span], set[Span]]:
        """Return which fields, and which block offsets, may be missing when some bytes are damaged."""

        def is_hit(place: tuple[Path, Span]) -> bool:
            return place[0] == path and place[1][0] < stop and place[1][1] > start

        fields: set[Span] = set()
        tables: set[Span] = set()
        for places, carriers in self.units:
            if all(any(map(is_hit, carrier)) for carrier in carriers):
                fields |= places
        for where, span, of_fields, of_tables in self.spans:
            if is_hit((where, span)):
                fields |= of_fields
                tables |= of_tables
        return fields, tables | fields

    def judge(self, path: Path, start: int, stop: int, *, cut: bool = False) -> Seen:
        """Look at the damaged store and say whether it gave what it must and nothing that is wrong.

        A toc that was cut between records is that of an earlier time, which nobody can tell.
        """
        seen = look(self.made.root)
        fields, tables = self.hit(path, start, stop)
        what = f"{path.name}, bytes {start} to {stop}: {seen.skipped}"
        newest = self.made.newest
        for place, message in seen.fields.items():
            if message != newest.get(place):
                assert place in fields, f"{place} is not the newest, {what}"
                assert message in self.made.versions[place], f"{place} is wrong, {what}"
                assert seen.skipped or (cut and path.name == "toc"), (
                    f"{place} is an older one, in silence, {what}"
                )
        for place in newest.keys() - fields:
            assert place in seen.fields, f"{place} is missing, {what}"
        for place, offsets in self.made.offsets.items():
            if place in seen.offsets:
                assert seen.offsets[place] == offsets, f"the blocks of {place} are wrong, {what}"
            else:
                assert place in tables or place not in seen.fields, f"no blocks of {place}, {what}"
        return seen


class Changed:
    """A file with other bytes, for a while."""

    def __init__(self, path: Path) -> None:
        self.path, self.whole = path, path.read_bytes()

    def __enter__(self) -> bytes:
        return self.whole

    def __exit__(self, *_: object) -> None:
        self.path.write_bytes(self.whole)


def files_of(made: Made) -> list[Path]:
    return [p for suffix in ("toc", ".index", ".data") for p in made.path(suffix)]


def sampled(size: int, n: int | None, seed: int = 3) -> list[int]:
    """Return some numbers below a size, all when `n` is None."""
    if n is None or n >= size:
        return list(range(size))
    return np.random.default_rng(seed).choice(size, n, replace=False).tolist()


def flip(
    map_: Map, n_toc: int | None, n_index: int | None, n_data: int | None, part: int | None = None
) -> int:
    """Change one bit in each of some bytes of each file, of `PARTS` parts one or all; return how many."""
    count = 0
    for path in files_of(map_.made):
        n = n_toc if path.name == "toc" else n_index if path.suffix == ".index" else n_data
        with Changed(path) as whole:
            for at in sampled(len(whole), n)[slice(part, None, None if part is None else PARTS)]:
                damaged = bytearray(whole)
                damaged[at] ^= 1 << (at * 5 + at // 8) % 8
                path.write_bytes(damaged)
                map_.judge(path, at, at + 1)
                count += 1
    return count


def cut(map_: Map, n: int | None, part: int | None = None) -> int:
    """Cut each file at some lengths, of `PARTS` parts one or all; return how many."""
    count = 0
    for path in files_of(map_.made):
        with Changed(path) as whole:
            for size in sampled(len(whole), n)[slice(part, None, None if part is None else PARTS)]:
                path.write_bytes(whole[:size])
                map_.judge(path, size, len(whole), cut=True)
                count += 1
    return count


def zero(map_: Map, n: int) -> int:
    """Make a range of each file zeros, some times; return how many."""
    count = 0
    rng = np.random.default_rng(11)
    for path in files_of(map_.made):
        with Changed(path) as whole:
            for _ in range(n):
                start = int(rng.integers(len(whole)))
                stop = min(len(whole), start + int(rng.choice([1, 4, 64, 128, 500, 512, 4096])))
                damaged = bytearray(whole)
                damaged[start:stop] = bytes(stop - start)
                if damaged != whole:
                    path.write_bytes(damaged)
                    map_.judge(path, start, stop)
                    count += 1
    return count


def test_stores_are_what_they_should_be(merged_store: Made, purged_store: Made) -> None:
    for made in (merged_store, purged_store):
        seen = look(made.root)
        assert seen.fields == made.newest
        assert seen.offsets == made.offsets
        assert seen.skipped == []
        assert not check(FDB(made.root)).is_damaged
    assert check(FDB(merged_store.root)).findings == []


def test_any_changed_byte(merged_store: Made, purged_store: Made) -> None:
    flip(Map(purged_store), 24, 8, 3)
    flip(Map(merged_store), 8, 3, 1)


def test_any_length(merged_store: Made, purged_store: Made) -> None:
    cut(Map(purged_store), 5)
    cut(Map(merged_store), 2)


def test_any_zeros(merged_store: Made, purged_store: Made) -> None:
    zero(Map(purged_store), 4)
    zero(Map(merged_store), 2)


PARTS = 16


@pytest.mark.slow
@pytest.mark.timeout(390)
@pytest.mark.parametrize("part", range(PARTS))
def test_every_changed_byte(merged_store: Made, purged_store: Made, capsys, part: int) -> None:
    n = flip(Map(purged_store), None, None, 500, part), flip(Map(merged_store), 3000, 600, 200, part)
    with capsys.disabled():
        print(f"\nbytes changed: {sum(n)}, none read wrong")


@pytest.mark.slow
@pytest.mark.timeout(390)
@pytest.mark.parametrize("part", range(PARTS))
def test_every_length(merged_store: Made, purged_store: Made, capsys, part: int) -> None:
    n = cut(Map(purged_store), None, part), cut(Map(merged_store), 500, part)
    with capsys.disabled():
        print(f"\ncuts: {sum(n)}, none read wrong")


@pytest.mark.slow
@pytest.mark.timeout(390)
def test_many_zeros(merged_store: Made, purged_store: Made, capsys) -> None:
    n = zero(Map(purged_store), 300), zero(Map(merged_store), 40)
    with capsys.disabled():
        print(f"\nranges made zero: {sum(n)}, none read wrong")


@pytest.mark.parametrize("n_bytes", [1, 31, 127, 128, 640, 5000])
@pytest.mark.parametrize("zeros", [True, False])
def test_garbage_behind_any_file(purged_store: Made, n_bytes: int, zeros: bool) -> None:
    map_ = Map(purged_store)
    garbage = bytes(n_bytes) if zeros else np.random.default_rng(n_bytes).bytes(n_bytes)
    for path in files_of(purged_store):
        with Changed(path) as whole:
            path.write_bytes(whole + garbage)
            map_.judge(path, len(whole), len(whole) + n_bytes)


def slots_of(whole: bytes) -> list[bytes]:
    return [whole[at : at + SLOT_BYTES] for at in range(0, len(whole), SLOT_BYTES)]


def test_a_slot_copied_over_another_hides_only_that(merged_store: Made, purged_store: Made) -> None:
    for made, n in ((purged_store, 20), (merged_store, 10)):
        toc, map_, rng = made.path("toc")[0], Map(made), np.random.default_rng(1)
        with Changed(toc) as whole:
            slots = slots_of(whole)
            for _ in range(n):
                source, target = rng.choice(len(slots), 2, replace=False).tolist()
                copied = [*slots]
                copied[target] = slots[source]
                toc.write_bytes(b"".join(copied))
                first, last = sorted((source, target))
                seen = look(made.root)
                fields, _ = map_.hit(toc, target * SLOT_BYTES, (target + 1) * SLOT_BYTES)
                moved, _ = map_.hit(toc, source * SLOT_BYTES, (source + 1) * SLOT_BYTES)
                for place, message in made.newest.items():
                    if place not in fields | moved:
                        assert seen.fields.get(place) == message, (source, target)
                for place in fields | moved:
                    if seen.fields.get(place) != made.newest.get(place):
                        assert seen.skipped, (source, target, place)
                        assert place not in seen.fields or seen.fields[place] in made.versions[place]
                assert last < len(slots)
                assert first >= 0


def test_a_slot_again_at_the_end_changes_nothing(merged_store: Made, purged_store: Made) -> None:
    for made in (purged_store, merged_store):
        toc = made.path("toc")[0]
        with Changed(toc) as whole:
            for slot in [*slots_of(whole)[:12], *slots_of(whole)[-20:]]:
                toc.write_bytes(whole + slot)
                assert look(made.root).fields == made.newest


def test_two_flushes_of_one_writer_exchanged_are_told(tmp_path: Path) -> None:
    with FDB(tmp_path) as store:
        for number in range(5):
            store.archive(message_of(number), {**KEY, "step": number // 2})
            store.flush()
    toc = next(tmp_path.glob("*/toc"))
    slots = slots_of(toc.read_bytes())
    slots[2], slots[3] = slots[3], slots[2]
    toc.write_bytes(b"".join(slots))
    assert any("flush 2" in told and "behind flush 3" in told for told in look(tmp_path).skipped)
    assert check(FDB(tmp_path)).is_damaged
