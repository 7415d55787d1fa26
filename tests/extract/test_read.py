"""Do the values that are read alone equal those of the whole message, and is every byte counted?"""

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dte_hpc.base.errors import CorruptData, InvalidConfig, UnsupportedPacking
from dte_hpc.codecs.decode import decode
from dte_hpc.codecs.encode import Packing
from dte_hpc.extract import ReadPolicy, extract
from dte_hpc.extract.account import Account
from dte_hpc.extract.batches import cut
from dte_hpc.extract.explain import estimate
from dte_hpc.extract.pread import PreadReader
from dte_hpc.extract.ranges import Ranges
from dte_hpc.extract.read import read_values
from dte_hpc.extract.run import plan

GRIDS = ("O32", "N32", "F32", "2/2", "0.25/0.25/58/-10/50/2", "H8", "H8n")
BOX = {"type": "boundingbox", "points": [[51.2, -9], [57, 1.5]]}
FEATURES = (
    BOX,
    {"type": "circle", "center": [[53, -4]], "radius": 6},
    {"type": "polygon", "shape": [[50, -9], [57.9, -8], [57, 1.9], [52, 0], [50.5, 1]]},
    {"type": "position", "points": [[51.5, -0.1], [57, -7], [51.5, -0.1]]},
    {"type": "trajectory", "points": [[51, -8], [57, 1]], "axes": ["lat", "lon"], "inflation": 3},
)
TINY = ReadPolicy(batch_bytes=1)
WIDE = ReadPolicy(gap_bytes=1000)


def all_of(query, reader=None, policy=None):
    account = Account()
    values = read_values(
        query, 0, int(query.read_start()[-1]), account, reader=reader, policy=policy or ReadPolicy()
    )
    return values, account


def expected(query):
    parts = []
    for row, place in enumerate(query.place_of_field.tolist()):
        parts.append(decode(query.fields.message(row))[query.places[place].ranges.indices()])
    return np.concatenate(parts)


@pytest.mark.parametrize("packing", ["simple", "ccsds"])
@pytest.mark.parametrize("name", GRIDS)
def test_values_equal_those_of_the_whole_message(made, asked, counting, name, packing):
    made.add(name, packing=packing, levels=(500, 850), steps=(0, 6))
    for feature in FEATURES:
        query, _ = plan(made.store, asked(feature, levelist="500/850", step="0/6"))
        for policy in (None, TINY, WIDE):
            values, account = all_of(query, policy=policy)
            np.testing.assert_array_equal(values, expected(query))
        before = counting.n_bytes, counting.n_reads
        values, account = all_of(query, counting)
        np.testing.assert_array_equal(values, expected(query))
        assert account.bytes_read == counting.n_bytes - before[0]
        assert account.reads == counting.n_reads - before[1]
        assert account.bytes_requested <= account.bytes_read
        if packing == "simple":
            assert account.bytes_read <= 4 * values.size
            assert account.bytes_requested == 2 * values.size
            assert account.bytes_decoded == 8 * values.size


@pytest.mark.parametrize("bits", [1, 7, 8, 12, 16, 17, 24, 31])
def test_every_width_of_packed_value(made, asked, bits):
    made.add("O32", packing=Packing(bits_per_value=bits))
    query, _ = plan(made.store, asked(FEATURES[2], levelist="500", step="0"))
    values, account = all_of(query)
    np.testing.assert_array_equal(values, expected(query))
    assert account.bytes_requested <= (bits * values.size + 7) // 8 + 2 * len(query.places[0].ranges)


@pytest.mark.parametrize("packing", ["simple", "ccsds"])
def test_missing_values_are_read_through_the_bitmap(made, asked, counting, packing):
    made.add("O32", packing=packing, steps=(0, 1), change=lambda v: np.where(v > 268, np.nan, v))
    for feature in FEATURES:
        query, _ = plan(made.store, asked(feature, levelist="500", step="0/1"))
        values, _ = all_of(query, counting)
        np.testing.assert_array_equal(values, expected(query))
    assert np.isnan(values).any()
    assert not np.isnan(values).all()


def test_a_constant_field_needs_no_bytes(made, asked):
    made.add("O32", change=lambda v: np.full_like(v, 3.5))
    query, _ = plan(made.store, asked(BOX, levelist="500", step="0"))
    values, account = all_of(query)
    assert (values == 3.5).all()
    assert account.bytes_read == 0


def test_fields_packed_in_different_ways_come_in_one_answer(made, asked):
    made.add("O32", steps=(0,)).add("O32", packing="ccsds", steps=(1,))
    made.add("O32", packing=Packing(bits_per_value=24), steps=(2,))
    made.add("O32", steps=(3,), change=lambda v: np.full_like(v, 1.0))
    query, _ = plan(made.store, asked(BOX, levelist="500", step="0/1/2/3"))
    np.testing.assert_array_equal(all_of(query)[0], expected(query))


def test_most_of_a_field_is_read_as_a_whole(made, asked):
    made.add("O32").add("O32", packing="ccsds", params=(131,))
    globe = {"type": "boundingbox", "points": [[-85, -180], [85, 180]]}
    for param in ("130", "131"):
        query, _ = plan(made.store, asked(globe, levelist="500", step="0", param=param))
        values, account = all_of(query)
        np.testing.assert_array_equal(values, expected(query))
        assert account.reads == 1
        assert account.bytes_read <= int(query.fields.layout["data_length"][0])


def test_each_block_is_read_and_decoded_once(made, asked):
    packing = Packing(packing="ccsds", ccsds_block_size=8, ccsds_rsi=2)
    made.add("O32", packing=packing)
    row = {"type": "boundingbox", "points": [[51, -20], [58, 20]]}
    query, _ = plan(made.store, asked(row, levelist="500", step="0"))
    values, account = all_of(query)
    np.testing.assert_array_equal(values, expected(query))
    blocks = np.unique(query.places[0].ranges.indices() // 16)
    assert 8 * values.size <= account.bytes_decoded <= 8 * 16 * blocks.size
    assert 0 < account.bytes_index < account.bytes_whole_fields + 10_000


def test_what_would_be_read_is_what_is_read(made, asked):
    made.add("O32", steps=(0, 1, 2))
    for feature in FEATURES:
        query, account = plan(made.store, asked(feature, levelist="500", step="0/1/2"))
        estimate(query, account, ReadPolicy())
        _, real = all_of(query)
        for name in ("reads", "bytes_requested", "bytes_read", "bytes_decoded"):
            assert getattr(account, name) == getattr(real, name), name


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_any_stretch_of_the_values_is_what_it_is_in_them_all(made, asked, data):
    if not len(made.store.list({})):
        made.add("H8", steps=(0, 1, 2)).add("H8", packing="ccsds", steps=(3, 4))
    query, _ = plan(made.store, asked(BOX | {"points": [[0, 0], [60, 90]]}, levelist="500", step="0/to/4"))
    whole, _ = all_of(query)
    first = data.draw(st.integers(0, whole.size))
    last = data.draw(st.integers(first, whole.size))
    np.testing.assert_array_equal(read_values(query, first, last, Account()), whole[first:last])


@given(
    edges=st.lists(st.integers(0, 200), min_size=2, max_size=12, unique=True).map(sorted),
    ends=st.tuples(st.integers(0, 100), st.integers(0, 100)),
)
def test_ranges_are_cut_at_both_ends(edges, ends):
    pairs = edges[: len(edges) // 2 * 2]
    ranges = Ranges.of(pairs[::2], pairs[1::2])
    low, high = sorted(min(end, ranges.n_points) for end in ends)
    start, stop = cut(ranges, low, high)
    indices = [i for a, b in zip(start, stop, strict=True) for i in range(a, b)]
    assert indices == ranges.indices()[low:high].tolist()


def test_a_file_that_ends_too_early_is_an_error(made, asked):
    made.add("O32")
    request = asked({"type": "position", "points": [[-89, 0]]}, levelist="500", step="0")
    assert extract(made.store, request).values.size == 1
    (data,) = [
        p for p in made.root.rglob("*") if p.is_file() and p.stat().st_size > 9000 and "data" in p.name
    ]
    with data.open("r+b") as file:
        file.truncate(100)
    with pytest.raises(CorruptData, match="expected it to hold them"):
        extract(made.store, request)


def test_pieces_never_overrun_the_memory_they_are_read_into(tmp_path):
    path = tmp_path / "file"
    path.write_bytes(bytes(range(100)))
    with path.open("rb") as file:
        fds = np.array([file.fileno()] * 2, np.int32)
        out = np.zeros(6, np.uint8)
        PreadReader().read(fds, np.array([10, 50]), np.array([4, 2]), out)
        assert out.tolist() == [10, 11, 12, 13, 50, 51]
        with pytest.raises(CorruptData):
            PreadReader().read(fds, np.array([10, 50]), np.array([4, 3]), out)
        with pytest.raises(CorruptData):
            PreadReader().read(fds, np.array([98, 50]), np.array([4, 2]), out)


def test_a_policy_that_makes_no_sense_is_refused():
    for wrong in ({"gap_bytes": -1}, {"whole_share": 0.0}, {"batch_bytes": 0}):
        with pytest.raises(InvalidConfig):
            ReadPolicy(**wrong)


def test_other_packings_are_decoded_whole(made, asked):
    eccodes = pytest.importorskip("eccodes")
    made.add("O32")
    message = made.store.list({}).message(0)
    handle = eccodes.codes_new_from_message(message)
    try:
        eccodes.codes_set(handle, "packingType", "grid_second_order")
    except eccodes.CodesInternalError as error:
        pytest.skip(f"ecCodes does not pack so: {error}")
    finally:
        packed = eccodes.codes_get_message(handle)
        eccodes.codes_release(handle)
    try:
        made.store.archive(packed)
    except UnsupportedPacking as error:
        pytest.skip(str(error))
    made.store.flush()
    query, _ = plan(made.store, asked(BOX, levelist="500", step="0"))
    assert int(query.fields.layout["packing"][0]) == 0
    values, account = all_of(query)
    np.testing.assert_array_equal(values, expected(query))
    assert account.bytes_read == len(packed)
