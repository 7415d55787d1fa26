"""Whatever is lost of toc and index, GRIB fields are found again in their data files, byte for byte."""

import tempfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dte_hpc.base.errors import CorruptData
from dte_hpc.base.events import RecordSkipped
from dte_hpc.base.field import Field, Metadata
from dte_hpc.codecs.encode import GribEncoder, Packing
from dte_hpc.codecs.layout import EncodedField
from dte_hpc.fdb import FDB
from dte_hpc.fdb.upkeep.check import check
from dte_hpc.testing.store import KEY, message_of

METADATA = {k: v for k, v in KEY.items() if k != "domain"} | {"grid": "O8", "time": 0}
_made: dict[tuple[int, int], EncodedField] = {}


def field_of(step: int, version: int = 0) -> EncodedField:
    """Return one of some fields; odd steps are packed by CCSDS."""
    if (step, version) not in _made:
        packing = Packing(packing=("simple", "ccsds")[step % 2], ccsds_block_size=8, ccsds_rsi=16)
        values = np.random.default_rng(100 * step + version).normal(size=544)
        metadata = Metadata({**METADATA, "step": step})
        _made[step, version] = GribEncoder(packing).encode(Field(metadata=metadata, values=values))
    return _made[step, version]


def put(store: FDB, step: int, version: int = 0) -> None:
    encoded = field_of(step, version)
    store.archive(encoded, {**encoded.metadata, "domain": "g"})


def fields_of(root: Path) -> dict[int, tuple[bytes, list[int] | None]]:
    """Return what a fresh handle reads: of each step the message and its block offsets."""
    listing = FDB(root).list()
    found = {}
    for number, step in enumerate(listing.column("step").tolist()):
        offsets = listing.block_offsets(number)
        found[int(step)] = listing.message(number), None if offsets is None else offsets.tolist()
    return found


def lose(root: Path, *suffixes: str) -> None:
    for path in root.glob("*/*"):
        if path.name.endswith(suffixes):
            path.unlink()


@pytest.fixture
def root(tmp_path: Path) -> Path:
    for part in range(2):
        with FDB(tmp_path / "store") as store:
            for step in range(4):
                put(store, 4 * part + step)
                if step == 1:
                    store.flush()
    return tmp_path / "store"


@pytest.mark.parametrize("suffixes", [("toc",), (".index",), ("toc", ".index")])
def test_what_is_lost_is_found_again(root: Path, suffixes: tuple[str, ...]) -> None:
    before = fields_of(root)
    assert len(before) == 8
    assert [step for step, (_, offsets) in before.items() if offsets] == [1, 3, 5, 7]
    lose(root, *suffixes)
    assert fields_of(root) == {}
    planned = FDB(root).reindex()[0]
    assert (planned.n_fields, planned.n_known, planned.unread_bytes) == (8, 0, 0)
    assert planned.n_bytes == sum(len(message) for message, _ in before.values())
    assert fields_of(root) == {}, "only said, not done"
    assert FDB(root).reindex(doit=True) == (planned,)
    assert fields_of(root) == before
    again = FDB(root).reindex(doit=True)[0]
    assert (again.n_fields, again.n_known, again.unread_bytes) == (0, 0, 0)
    if "toc" not in suffixes:
        with pytest.raises(CorruptData):
            FDB(root).purge()
    FDB(root).purge(doit=True, despite_damage=True)
    assert not check(FDB(root)).is_damaged
    assert fields_of(root) == before


def test_one_damaged_segment_is_made_good(root: Path) -> None:
    before = fields_of(root)
    index = next(root.glob("*/*.index"))
    segments = bytearray(index.read_bytes())
    segments[60] ^= 1
    index.write_bytes(segments)
    assert len(fields_of(root)) == 6
    assert FDB(root).reindex(doit=True)[0].n_fields == 2
    assert fields_of(root) == before


def test_a_later_field_is_not_masked_by_one_found_again(root: Path) -> None:
    lose(root, ".index")
    with FDB(root) as store:
        put(store, 1, version=1)
    plan = FDB(root).reindex(doit=True)[0]
    assert (plan.n_fields, plan.n_known) == (7, 1)
    assert fields_of(root)[1][0] == bytes(field_of(1, 1).message)


def test_bytes_that_are_no_grib_are_counted(root: Path) -> None:
    with FDB(root) as store:
        store.archive(message_of(1, 1000), {**KEY, "step": 50})
        put(store, 9)
        store.archive(b"GRIB" + message_of(2, 500), {**KEY, "step": 51})
    lose(root, "toc", ".index")
    plan = FDB(root).reindex(doit=True)[0]
    assert (plan.n_fields, plan.unread_bytes) == (9, 1000 + 504)
    assert sorted(fields_of(root)) == [*range(8), 9]


def test_a_lost_toc_is_damage_and_nothing_is_removed(root: Path) -> None:
    events: list[object] = []
    lose(root, "toc")
    store = FDB(root, listener=events.append)
    for _ in range(2):
        assert len(store.list()) == 0
    assert [type(event) for event in events] == [RecordSkipped]
    assert check(FDB(root)).is_damaged
    with pytest.raises(CorruptData, match="toc"):
        FDB(root).purge(doit=True)
    FDB(root).reindex(doit=True)
    assert not check(FDB(root)).is_damaged
    FDB(root).purge(doit=True)
    assert len(fields_of(root)) == 8


@settings(max_examples=8, deadline=None)
@given(
    st.lists(st.lists(st.integers(0, 9), min_size=1, max_size=4), min_size=1, max_size=4),
    st.sampled_from([("toc",), (".index",), ("toc", ".index")]),
    st.integers(0, 300),
)
def test_every_field_comes_back(flushes: list[list[int]], suffixes: tuple[str, ...], garbage: int) -> None:
    """Of keys that were archived once; which of several is the newest, no data file tells."""
    with tempfile.TemporaryDirectory() as top:
        root = Path(top) / "store"
        stores = [FDB(root), FDB(root)]
        seen: set[int] = set()
        for number, steps in enumerate(flushes):
            for step in steps:
                if step not in seen:
                    put(stores[number % 2], step)
                seen.add(step)
            stores[number % 2].flush()
        for store in stores:
            store.close()
        before = fields_of(root)
        assert set(before) == seen
        lose(root, *suffixes)
        for path in root.glob("*/*.data"):
            with path.open("ab") as file:
                file.write(message_of(garbage, garbage))
        plan = FDB(root).reindex(doit=True)[0]
        assert plan.n_fields == len(seen)
        assert plan.unread_bytes == garbage * len(list(root.glob("*/*.data")))
        assert fields_of(root) == before
