"""Do values come out of messages that others packed as ecCodes decodes them, whatever the packing?"""

import numpy as np
import pytest

from dte_hpc.base.errors import InvalidRequest
from dte_hpc.codecs.decode import decode
from dte_hpc.codecs.points import find_block_offsets
from dte_hpc.extract import Account, extract, values_at
from dte_hpc.extract.ranges import Ranges
from dte_hpc.extract.read import KEPT

eccodes = pytest.importorskip("eccodes")
KEY = {
    "class": "od", "stream": "oper", "expver": "0001", "date": "20260101", "time": "0000", "type": "fc",
    "levtype": "pl", "levelist": "500", "step": "0", "param": "130",
}  # fmt: skip
SAMPLES = {1: "reduced_gg_pl_32_grib1", 2: "reduced_gg_pl_32_grib2"}
N_POINTS = 6114
PACKINGS = (
    "grid_simple", "grid_ccsds", "grid_second_order", "grid_second_order_no_SPD",
    "grid_second_order_row_by_row", "grid_complex", "grid_complex_spatial_differencing", "grid_jpeg",
    "grid_png", "grid_ieee", "grid_simple_log_preprocessing",
)  # fmt: skip
ALONE = ("grid_simple", "grid_ccsds")


def wave(n):
    """Return smooth values with some noise."""
    return 280 + 20 * np.sin(np.linspace(0, 60, n)) + np.random.default_rng(1).random(n)


def message_of(edition, packing, *, holes=False, constant=False, bits=16, decimal=0):
    """Return a message that ecCodes packed, and what ecCodes says its values are (NaN where missing)."""
    handle = eccodes.codes_grib_new_from_samples(SAMPLES[edition])
    try:
        values = np.full(N_POINTS, 3.25) if constant else wave(N_POINTS)
        if holes:
            eccodes.codes_set(handle, "bitmapPresent", 1)
            eccodes.codes_set(handle, "missingValue", -1e30)
            values[(np.arange(N_POINTS) % 7 == 3) | (np.arange(N_POINTS) // 500 == 4)] = -1e30
        eccodes.codes_set(handle, "bitsPerValue", bits)
        eccodes.codes_set(handle, "decimalScaleFactor", decimal)
        try:
            eccodes.codes_set_values(handle, values)
            eccodes.codes_set(handle, "packingType", packing)
        except eccodes.CodesInternalError as error:
            pytest.skip(f"ecCodes does not pack GRIB{edition} so: {error}")
        if eccodes.codes_get(handle, "packingType") != packing:
            pytest.skip(f"ecCodes packed GRIB{edition} by {eccodes.codes_get(handle, 'packingType')} instead")
        try:
            found = eccodes.codes_get_values(handle)
        except eccodes.CodesInternalError as error:
            pytest.skip(f"ecCodes cannot read its own {packing}: {error}")
        if found.size != N_POINTS:
            pytest.skip(f"ecCodes reads {found.size} values of its own {packing}")
        return eccodes.codes_get_message(handle), np.where(found == -1e30, np.nan, found)
    finally:
        eccodes.codes_release(handle)


def stored(made, *messages):
    """Return the listing of messages, each archived as bytes at a step of its own."""
    for step, message in enumerate(messages):
        made.store.archive(message, {**KEY, "step": str(step)})
    made.store.flush()
    return made.store.list({})


def some_points():
    """Return scattered points, neighbours among them, and the last."""
    scattered = np.random.default_rng(5).choice(N_POINTS, 40, replace=False)
    return np.unique(np.concatenate([scattered, np.arange(2000, 2050), [0, N_POINTS - 1]]))


@pytest.mark.parametrize("holes", [False, True], ids=["full", "holes"])
@pytest.mark.parametrize("edition", [1, 2])
@pytest.mark.parametrize("packing", PACKINGS)
def test_every_packing_gives_what_eccodes_decodes(made, packing, edition, holes):
    message, wanted = message_of(edition, packing, holes=holes)
    fields, account, points = stored(made, message), Account(), some_points()
    np.testing.assert_array_equal(values_at(fields, points, account=account)[0], wanted[points])
    assert account.fields_decoded_whole == (packing not in ALONE)
    if packing not in ALONE:
        assert account.bytes_read == len(message)


@pytest.mark.parametrize("holes", [False, True], ids=["full", "holes"])
@pytest.mark.parametrize("decimal", [0, 2])
@pytest.mark.parametrize("edition", [1, 2])
def test_constant_fields(made, edition, decimal, holes):
    message, wanted = message_of(edition, "grid_simple", constant=True, holes=holes, decimal=decimal)
    np.testing.assert_array_equal(values_at(stored(made, message), np.arange(N_POINTS))[0], wanted)


@pytest.mark.parametrize("bits", [4, 11, 16, 24])
@pytest.mark.parametrize("edition", [1, 2])
def test_every_width(made, edition, bits):
    message, wanted = message_of(edition, "grid_simple", bits=bits)
    points = some_points()
    np.testing.assert_array_equal(values_at(stored(made, message), points)[0], wanted[points])


def test_packings_side_by_side(made):
    pairs = [message_of(2, packing, holes=holes) for packing in ALONE for holes in (False, True)]
    fields = stored(made, *(message for message, _ in pairs))
    order = np.argsort(fields.column("step").astype(int))
    points = some_points()
    found = values_at(fields, points)[order]
    np.testing.assert_array_equal(found, [wanted[points] for _, wanted in pairs])


def test_of_a_bitmap_only_some_words_are_read_again(made):
    message, wanted = message_of(2, "grid_simple", holes=True)
    fields, first, again = stored(made, message), Account(), Account()
    values_at(fields, [N_POINTS - 1], account=first)
    values = values_at(fields, [7, N_POINTS - 2], account=again)
    np.testing.assert_array_equal(values[0], wanted[[7, N_POINTS - 2]])
    assert first.bytes_read > N_POINTS // 8
    assert again.bytes_read <= 2 * (256 + 4)


def test_block_offsets_of_foreign_messages_are_found_once(made):
    message, wanted = message_of(2, "grid_ccsds")
    made.store.archive_many([message], KEY)
    made.store.flush()
    KEPT.forget()
    fields, first, again = made.store.list({}), Account(), Account()
    assert fields.block_offsets(0) is None
    for account in (first, again):
        np.testing.assert_array_equal(values_at(fields, [9, 3000], account=account)[0], wanted[[9, 3000]])
    assert first.bytes_read == again.bytes_read + len(message)


def test_archive_finds_block_offsets(made):
    fields = stored(made, message_of(2, "grid_ccsds")[0])
    np.testing.assert_array_equal(fields.block_offsets(0), find_block_offsets(fields.message(0)))


def test_points_in_any_form(made):
    message, _ = message_of(2, "grid_ccsds")
    fields, whole = stored(made, message, message), decode(message)
    order = [5, 3000, 2, 3000]
    np.testing.assert_array_equal(values_at(fields, order), [whole[order]] * 2)
    mask = np.zeros(N_POINTS, np.bool_)
    mask[[4, 400]] = True
    np.testing.assert_array_equal(values_at(fields, mask), [whole[mask]] * 2)
    np.testing.assert_array_equal(
        values_at(fields, Ranges.of([3, 90], [8, 95]))[1], whole[[*range(3, 8), *range(90, 95)]]
    )
    assert values_at(fields, []).shape == (2, 0)
    for wrong in ([-1], [N_POINTS], [1.5], [[1]], np.zeros(3, np.bool_)):
        with pytest.raises(InvalidRequest):
            values_at(fields, wrong)


def test_fields_of_two_sizes_are_refused(made):
    made.add("O32").add("H8", steps=(1,))
    with pytest.raises(InvalidRequest, match="expected all of one grid"):
        values_at(made.store.list({}), [1])


def test_spectral_fields_have_no_points(made, asked):
    handle = eccodes.codes_grib_new_from_samples("sh_pl_grib2")
    message = eccodes.codes_get_message(handle)
    eccodes.codes_release(handle)
    stored(made, message)
    feature = {"type": "position", "points": [[51.5, -0.1]]}
    with pytest.raises(InvalidRequest, match="points cannot be found on"):
        extract(made.store, asked(feature, levelist="500", step="0"))
