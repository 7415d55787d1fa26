"""Index segments and block offset tables come back as they were written, and small."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dte_hpc.base.errors import CorruptData
from dte_hpc.codecs.layout import LAYOUT, Layout
from dte_hpc.fdb.files.segment import Segment, checksum_of
from dte_hpc.fdb.files.table import FILE, GRID, Table
from dte_hpc.fdb.files.tables import pack_table, unpack_table
from dte_hpc.fdb.writing.pending import Rows

INDEX = "20260101.000000.host.1.0.index"
WORD = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), min_size=1, max_size=5)


@st.composite
def layouts(draw: st.DrawFn) -> Layout | None:
    if draw(st.booleans()):
        return None
    n_values = draw(st.integers(0, 1 << 40))
    return Layout(
        packing=0,
        edition=draw(st.sampled_from([1, 2])),
        bits=draw(st.integers(0, 64)),
        ccsds_flags=draw(st.integers(0, 255)),
        block_size=draw(st.integers(0, 65535)),
        rsi=draw(st.integers(0, 65535)),
        reference=draw(st.one_of(st.floats(width=32), st.floats())),
        binary_scale=draw(st.integers(-32768, 32767)),
        decimal_scale=draw(st.integers(-32768, 32767)),
        n_values=n_values,
        n_packed=draw(st.integers(0, n_values)),
        data_offset=draw(st.integers(0, (1 << 32) - 1)),
        data_length=draw(st.integers(0, 1 << 50)),
        bitmap_offset=draw(st.integers(0, (1 << 32) - 1)),
    )


@st.composite
def rows(draw: st.DrawFn) -> Rows:
    found = Rows()
    shapes = draw(
        st.lists(st.lists(WORD, min_size=1, max_size=3, unique=True).map(tuple), min_size=1, max_size=2)
    )
    for _ in range(draw(st.integers(1, 6))):
        names = draw(st.sampled_from(shapes))
        values = tuple(draw(WORD) for _ in names)
        length = draw(st.integers(1, 1 << 45))
        offsets = draw(st.none() | st.lists(st.integers(0, 1 << 60), min_size=1, max_size=4))
        array = None if offsets is None else np.sort(np.array(offsets, np.uint64))
        digest = draw(st.integers(0, (1 << 64) - 1))
        found.add(names, values, length, digest, draw(layouts()), draw(st.text("OH0/", max_size=3)), array)
    return found


@settings(max_examples=50, deadline=None)
@given(rows(), st.data())
def test_a_segment_gives_back_its_fields(found: Rows, data: st.DataObject) -> None:
    cut = data.draw(st.integers(0, len(found)))
    runs = [
        (name, start, n)
        for name, start, n in (("a.data", 7, cut), ("b.data", 1 << 40, len(found) - cut))
        if n
    ]
    body, tables = found.segment(INDEX, runs)
    segment = Segment(body, checksum_of(body), "here")
    table = Table([(segment, INDEX, 100)])
    everything = np.arange(len(found))
    for number, (names, values) in enumerate(zip(found.names, found.values, strict=True)):
        stored = {k: table.words_of(k).list[table.codes(k)[number]] for k in table.keywords}
        assert {k: v for k, v in stored.items() if v} == dict(zip(names, values, strict=True))
    assert table.number("length").tolist() == found.lengths
    assert table.number("checksum").tolist() == found.checksums
    starts = [start + sum(found.lengths[first:n]) for first, start, n in _numbered(runs)]
    assert table.number("offset").tolist() == starts
    assert [table.words_of(FILE).list[c] for c in table.codes(FILE)] == [
        n for n, _, k in runs for _ in range(k)
    ]
    assert [table.words_of(GRID).list[c] for c in table.codes(GRID)] == found.grids
    expected = np.array(
        [np.zeros(1, LAYOUT)[0] if f is None else f.as_record() for f in found.layouts], LAYOUT
    )
    assert table.layout(everything).tobytes() == expected.tobytes()
    for number, offsets in enumerate(found.offsets):
        _, at, length = table.table_place(number)
        own = tables[at - 100 - len(body) :][:length]
        assert (length == 0) == (offsets is None)
        if offsets is not None:
            assert unpack_table(own, "here").tolist() == offsets.tolist()


def _numbered(runs: list[tuple[str, int, int]]) -> list[tuple[int, int, int]]:
    first, numbered = 0, []
    for _, start, count in runs:
        numbered += [(first, start, first + n) for n in range(count)]
        first += count
    return numbered


def test_a_changed_segment_is_refused_whatever_the_byte() -> None:
    found = Rows()
    found.add(("a", "b"), ("1", "2"), 10, 5, None, "", None)
    body, _ = found.segment(INDEX, [("a.data", 0, 1)])
    digest = checksum_of(body)
    for at in range(len(body)):
        changed = bytearray(body)
        changed[at] ^= 1
        with pytest.raises(CorruptData):
            Segment(bytes(changed), digest, "here")
        with pytest.raises(CorruptData):
            Segment(body[:at], digest, "here")


@pytest.mark.parametrize("n_fields", [1, 1000])
def test_an_index_is_small(n_fields: int) -> None:
    """Under 400 bytes a field with one flush a field (128 are the toc's), under 40 with one flush of many."""
    key = {"class": "od", "expver": "0001", "stream": "oper", "date": "20260101", "time": "0000"}
    key |= {"domain": "g", "type": "fc", "levtype": "pl", "param": "130", "grid": "O320"}
    found = Rows()
    rng = np.random.default_rng(1)
    names = (*key, "step", "levelist")
    for number in range(n_fields):
        layout = Layout(
            packing=2,
            edition=2,
            bits=16,
            ccsds_flags=14,
            block_size=32,
            rsi=128,
            reference=float(np.float32(rng.random())),
            binary_scale=-int(rng.integers(5)),
            decimal_scale=0,
            n_values=421120,
            n_packed=421120,
            data_offset=180,
            data_length=500_000 + number,
            bitmap_offset=0,
        )
        values = (*key.values(), str(number // 60), str(number % 10))
        found.add(names, values, 500_184 + number, int(rng.integers(1 << 63)), layout, "O320", None)
    body, _ = found.segment(INDEX, [(INDEX.replace("index", "data"), 0, n_fields)])
    assert len(body) + 128 < 400 * n_fields if n_fields == 1 else len(body) < 40 * n_fields


@given(st.lists(st.integers(0, 1 << 62), max_size=50))
def test_block_offsets_come_back(offsets: list[int]) -> None:
    array = np.sort(np.array(offsets, np.uint64))
    data = pack_table(array)
    assert (data == b"") == (not offsets)
    if offsets:
        assert unpack_table(data, "here").tolist() == array.tolist()
        for at in range(len(data)):
            changed = bytearray(data)
            changed[at] ^= 0x10
            with pytest.raises(CorruptData):
                unpack_table(bytes(changed), "here")
        with pytest.raises(CorruptData):
            unpack_table(data[:-1], "here")
