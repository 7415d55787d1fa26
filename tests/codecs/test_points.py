"""Single values equal the whole field's, and no other bytes are read."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dte_hpc.base.errors import InvalidMessage, InvalidRequest, UnsupportedPacking
from dte_hpc.codecs import GribEncoder, Packing
from dte_hpc.codecs.decode import decode
from dte_hpc.codecs.points import (
    decode_points,
    decode_ranges,
    find_block_offsets,
    plan_reads,
    runs_of,
    simple_byte_ranges,
)

N = 3001
VALUES = np.random.default_rng(0).normal(280, 20, N)
HOLES = np.where((np.arange(N) % 5 == 1) | (np.arange(N) // 100 == 7), np.nan, VALUES)
FIELDS = {"full": VALUES, "holes": HOLES, "constant": np.full(N, 3.5), "missing": np.full(N, np.nan)}


class Reader:
    """Reads a message and remembers what was asked for."""

    def __init__(self, message) -> None:
        self.view = memoryview(bytes(message))
        self.asked: list[tuple[int, int]] = []

    def __call__(self, offset: int, length: int) -> memoryview:
        self.asked.append((offset, length))
        assert length > 0
        assert offset + length <= len(self.view)
        return self.view[offset : offset + length]


@pytest.fixture(scope="session")
def encoded(oracle):
    made = {}
    for packing in ("simple", "ccsds"):
        for bits in (5, 8, 12, 16, 24, 31, 32):
            for name, values in FIELDS.items():
                encoder = GribEncoder(
                    Packing(packing=packing, bits_per_value=bits, ccsds_block_size=8, ccsds_rsi=4)
                )
                made[packing, bits, name] = encoder.encode(oracle.field(values))
    return made


@settings(max_examples=300, deadline=None)
@given(data=st.data())
def test_points_equal_the_whole(encoded, data) -> None:
    field = encoded[data.draw(st.sampled_from(sorted(encoded)))]
    indices = sorted(data.draw(st.sets(st.integers(0, N - 1), max_size=30)))
    if data.draw(st.booleans()) and indices:
        start = indices[0]
        indices = sorted({*indices, *range(start, min(start + 200, N))})
    gap = data.draw(st.sampled_from([0, 1, 64, 100_000]))
    read = Reader(field.message)
    found = decode_points(field.layout, field.block_offsets, indices, read, gap_bytes=gap)
    np.testing.assert_array_equal(found, decode(field.message)[indices])


def test_one_point_of_16_bits_reads_two_bytes(encoded) -> None:
    field = encoded["simple", 16, "full"]
    read = Reader(field.message)
    decode_points(field.layout, None, [1234], read)
    assert read.asked == [(field.layout.data_offset + 2468, 2)]


def test_one_point_of_ccsds_reads_its_interval(encoded) -> None:
    field = encoded["ccsds", 16, "full"]
    read = Reader(field.message)
    decode_points(field.layout, field.block_offsets, [64, 70, 80], read)
    (begin, length), *others = read.asked
    first, last = field.block_offsets[2:4].astype(int)
    assert not others
    assert (begin, length) == (field.layout.data_offset + first // 8, -(-last // 8) - first // 8)
    plan = plan_reads(field.layout, field.block_offsets, [64, 70, 80], [65, 71, 81])
    assert plan.n_decoded == 17  # from the start of the interval to the last value wanted
    assert plan.n_values == 3


def test_neighbours_are_read_once(encoded) -> None:
    field = encoded["simple", 12, "full"]
    offset, length = simple_byte_ranges(field.layout, [0, 2], [1, 3])
    assert (offset - field.layout.data_offset).tolist() == [0, 3]
    assert length.tolist() == [2, 2]
    assert plan_reads(field.layout, None, [0, 2], [1, 3]).length.tolist() == [2, 2]
    assert plan_reads(field.layout, None, [0, 2], [1, 3], gap_bytes=1).length.tolist() == [5]


def test_constant_fields_read_nothing(encoded) -> None:
    field = encoded["simple", 16, "constant"]
    read = Reader(field.message)
    assert decode_points(field.layout, None, [5, 9], read).tolist() == [3.5, 3.5]
    assert read.asked == []


@pytest.mark.parametrize("name", FIELDS)
def test_offsets_are_found_again(encoded, name: str) -> None:
    field = encoded["ccsds", 12, name]
    found = find_block_offsets(field.message)
    if field.block_offsets is None:
        assert found is None
    else:
        np.testing.assert_array_equal(found, field.block_offsets)
    assert find_block_offsets(encoded["simple", 12, name].message) is None


def test_runs() -> None:
    start, stop = runs_of([3, 4, 5, 9, 11, 12])
    assert start.tolist() == [3, 9, 11]
    assert stop.tolist() == [6, 10, 13]


@pytest.mark.parametrize("indices", [[5, 4], [4, 4], [-1, 3], [N]])
def test_points_that_cannot_be(encoded, indices) -> None:
    field = encoded["simple", 16, "full"]
    with pytest.raises(InvalidRequest):
        decode_points(field.layout, None, indices, Reader(field.message))


def test_ranges_that_cannot_be(encoded) -> None:
    field = encoded["simple", 16, "full"]
    with pytest.raises(InvalidRequest):
        decode_ranges(field.layout, None, [4, 5], [6, 7], Reader(field.message))


def test_what_does_not_belong_together(encoded) -> None:
    field = encoded["ccsds", 16, "full"]
    for offsets in (None, field.block_offsets[:-1], field.block_offsets[::-1]):
        with pytest.raises(InvalidMessage):
            decode_points(field.layout, offsets, [1], Reader(field.message))
    with pytest.raises(InvalidMessage):
        decode_points(field.layout, field.block_offsets, [1], lambda offset, length: b"x")


def test_other_packings_are_refused(encoded) -> None:
    import dataclasses

    layout = dataclasses.replace(encoded["simple", 16, "full"].layout, packing=0)
    with pytest.raises(UnsupportedPacking):
        decode_points(layout, None, [1], lambda offset, length: b"")
