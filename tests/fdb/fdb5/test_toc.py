"""Records of FDB's toc: taken when they make sense, looked for again behind what does not."""

import struct

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dte_hpc.base.errors import CorruptData
from dte_hpc.fdb.fdb5.stream import Stream
from dte_hpc.fdb.fdb5.toc import HEADER, Clear, Index, Init, SubToc, begins_record, scan


def text(word):
    data = word.encode()
    return b"\x0f" + struct.pack(">I", len(data)) + data


def number(value, tag=0x0A):
    return bytes([tag]) + struct.pack(">I", value & 0xFFFFFFFF)


def key(**pairs):
    values = b"".join(text(k) + text(v) for k, v in sorted(pairs.items()))
    names = b"".join(text(k) + text("") for k in pairs)
    return number(len(pairs)) + values + number(len(pairs)) + names


def record(tag, payload, version=3, round_to=1024):
    size = -(-(HEADER.size + len(payload)) // round_to) * round_to
    head = HEADER.pack(ord(tag), b"", version, 52500, 1_800_000_000, 5, 42, 0, b"host", size)
    return (head + payload).ljust(size, b"\0")


def index(step="0", offset=0):
    axes = number(2) + text("param") + number(1) + text("130") + text("step") + number(1) + text(step)
    payload = (
        text("fc.index") + number(offset, 9) + text("BTreeIndex") + number(1) + number(7) + text("fc.data")
    )
    payload += b"\x01" + text("size") + axes[:5] + text("axes") + axes[5:] + b"\x02"
    payload += b"\x01" + text("key") + key(type="fc") + text("type") + text("BTreeIndex")
    return record("i", payload + text("time") + number(1_800_000_000, 9) + b"\x02")


INIT = record("t", key(class_="od", expver="0001") + number(0, 5))
RECORDS = [INIT, index("0"), index("1", 65536), record("s", text("toc.1") + number(0, 9)), index("2", 131072)]


def scanned(data):
    found = list(scan(data, 0))
    return [r for r in found if not isinstance(r, tuple)], [g for g in found if isinstance(g, tuple)]


def test_every_kind_of_record():
    records, gaps = scanned(b"".join([*RECORDS, record("c", text("/old/fc.index") + number(65536, 9))]))
    assert not gaps
    assert records[0] == Init({"class_": "od", "expver": "0001"})
    assert records[3] == SubToc("toc.1")
    assert records[5] == Clear("fc.index", 65536)
    assert records[2] == Index(
        file="fc.index",
        offset=65536,
        kind="BTreeIndex",
        files={7: "fc.data"},
        axes={"param": ["130"], "step": ["1"]},
        key={"type": "fc"},
        time=1_800_000_000,
    )


def test_an_offset_beyond_two_gigabytes_is_not_negative():
    records, _ = scanned(index(offset=3 << 30))
    assert records[0].offset == 3 << 30


PAYLOAD_END = len(index("9").rstrip(b"\0"))


@given(st.integers(1, 1023), st.sampled_from(RECORDS))
def test_a_record_cut_short_hides_nothing_behind_it(cut, last):
    records, gaps = scanned(RECORDS[0] + index("9")[:cut] + last)
    is_whole = cut >= PAYLOAD_END
    assert records == scanned(RECORDS[0] + (index("9") if is_whole else b"") + last)[0]
    assert gaps == ([] if is_whole else [(1024, 1024 + cut)])


def test_a_size_that_is_too_large_swallows_no_record():
    grown = index("9")[:104] + struct.pack("<Q", 3072) + index("9")[112:]
    assert scanned(grown + b"".join(RECORDS))[0] == scanned(index("9") + b"".join(RECORDS))[0]


@given(st.binary(min_size=1, max_size=3000))
def test_garbage_is_passed_over(garbage):
    records, gaps = scanned(INIT + garbage + b"".join(RECORDS[1:]))
    assert records == scanned(b"".join(RECORDS))[0]
    assert gaps == [(1024, 1024 + len(garbage))]


@settings(max_examples=300)
@given(st.integers(0, 1024 * len(RECORDS) - 1), st.integers(0, 7))
def test_a_flipped_bit_loses_no_other_record(place, bit):
    data = bytearray(b"".join(RECORDS))
    data[place] ^= 1 << bit
    intact = [r for n, r in enumerate(scanned(b"".join(RECORDS))[0]) if n != place // 1024]
    records, _ = scanned(bytes(data))
    assert [r for r in records if r in intact] == intact
    assert len(records) <= len(RECORDS)


def test_the_rounding_of_records_is_not_presumed():
    tocs = b"".join(record("s", text(f"toc.{n}") + number(0, 9), round_to=64) for n in range(5))
    assert len(scanned(tocs)[0]) == 5


def test_what_may_still_become_a_record():
    assert begins_record(index()[:50])
    assert begins_record(index()[:1000])
    assert not begins_record(index())
    assert not begins_record(b"garbage" * 20)


@pytest.mark.parametrize(
    "payload",
    [
        text("fc.index")[:-1],
        b"\x0f\xff\xff\xff\xff" + b"x" * 100,
        text("a") + number(0, 9) + text("b") + number(0xFFFFFFFF) + b"x" * 50,
        text("\udcff".encode("utf-8", "surrogatepass").decode("latin-1")) + b"\x0b" * 20,
    ],
)
def test_a_wrong_length_is_never_believed(payload):
    records, gaps = scanned(record("i", payload))
    assert records == []
    assert gaps == [(0, 1024)]


def test_a_stream_says_what_it_found():
    with pytest.raises(CorruptData, match="found tag 10 at byte 0 of a stream; expected a string"):
        Stream(number(1), 0, 5).text()
    with pytest.raises(CorruptData, match="found the end at byte 5 of a stream; expected a number"):
        Stream(number(1), 5, 5).number()
