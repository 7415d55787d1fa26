"""Messages equal ecCodes' own: the whole of grid_simple, the data section of grid_ccsds."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from dte_hpc.base.errors import DteError, InvalidGrid, InvalidPart
from dte_hpc.base.field import Field, Metadata
from dte_hpc.codecs import GribEncoder, Packing, read_layout
from dte_hpc.codecs.decode import decode
from dte_hpc.grids import grid

GRIDS = ["O32", "N32", "F32", "H8", "H8n", "10/10", "0.25/0.25/58/-10/50/2", "1/1/90/-180/-90/179"]
ENCODERS = {
    (packing, bits): GribEncoder(Packing(packing=packing, bits_per_value=bits))
    for packing in ("simple", "ccsds")
    for bits in range(1, 33)
}


def data_section(message) -> bytes:
    layout = read_layout(message)
    return bytes(message[layout.data_offset : layout.data_offset + layout.data_length])


def assert_equals_eccodes(oracle, values, *, bits: int, ccsds: bool) -> None:
    encoder = ENCODERS["ccsds" if ccsds else "simple", bits]
    message = bytes(encoder.encode(oracle.field(values)).message)
    expected = oracle.repacked(message, values, bits=bits, ccsds=ccsds)
    assert data_section(message) == data_section(expected)
    assert message == expected
    np.testing.assert_array_equal(oracle.values(message), decode(message))
    assert (np.isnan(decode(message)) == np.isnan(values)).all()


@pytest.mark.parametrize("ccsds", [False, True])
@pytest.mark.parametrize("bits", range(1, 33))
def test_every_number_of_bits(oracle, bits: int, ccsds: bool) -> None:
    rng = np.random.default_rng(bits)
    for kind in (np.float64, np.float32):
        assert_equals_eccodes(oracle, rng.normal(280, 20, 333).astype(kind), bits=bits, ccsds=ccsds)


@pytest.mark.parametrize("ccsds", [False, True])
@pytest.mark.parametrize(
    "values",
    [
        np.full(7, 273.15),
        np.zeros(9),
        np.full(3, -0.0),
        np.array([-1e-40, 0.0, 1e-40]),
        np.array([1e-310, 3e-310, 2e-310]),
        np.array([1e-45, 2e-44, 3e-44], np.float32),
        np.array([-3e38, 3e38, 0.0]),
        np.array([1e37, 1.0000001e37]),
        np.array([-5.0, -7.25, -6.5]),
        np.array([1.0, np.nextafter(1.0, 2)]),
        np.array([np.nan, 1.0, 2.0, np.nan, 5.5, np.nan, 7.0, 8.0, np.nan]),
        np.array([np.nan, 4.0, np.nan]),
        np.array([np.nan, 4.0, 5.0], np.float32),
        np.array([4.0]),
    ],
    ids=str,
)
def test_odd_values(oracle, values, ccsds: bool) -> None:
    assert_equals_eccodes(oracle, values, bits=16, ccsds=ccsds)


@settings(max_examples=150, deadline=None)
@given(
    st.sampled_from([np.float32, np.float64]).flatmap(
        lambda kind: arrays.arrays(
            kind,
            st.integers(1, 40),
            elements=st.floats(-(2.0**100), 2.0**100, width=np.dtype(kind).itemsize * 8) | st.just(np.nan),
        )
    ),
    st.integers(1, 32),
    st.booleans(),
)
def test_any_values(oracle, values, bits: int, ccsds: bool) -> None:
    if np.isnan(values).all():
        return
    assert_equals_eccodes(oracle, values, bits=bits, ccsds=ccsds)


@pytest.mark.parametrize("packing", ["simple", "ccsds"])
def test_all_missing(oracle, packing: str) -> None:
    message = ENCODERS[packing, 16].encode(oracle.field(np.full(11, np.nan))).message
    assert np.isnan(decode(message)).all()
    assert np.isnan(oracle.values(message)).all()
    assert decode(message).size == 11


@pytest.mark.parametrize("ccsds", [False, True])
@pytest.mark.parametrize("decimal_scale", [-2, 1, 3])
def test_decimal_scale(oracle, decimal_scale: int, ccsds: bool) -> None:
    values = np.random.default_rng(0).normal(2800, 200, 100)
    packing = Packing(packing="ccsds" if ccsds else "simple", bits_per_value=20, decimal_scale=decimal_scale)
    message = GribEncoder(packing).encode(oracle.field(values)).message
    expected = oracle.repacked(message, values, bits=20, ccsds=ccsds, decimal_scale=decimal_scale)
    assert bytes(message) == expected
    assert np.abs(decode(message) - values).max() <= 0.5 * 10.0**-decimal_scale


@pytest.mark.parametrize("name", GRIDS)
def test_the_grid_of_the_message_is_the_field_s(oracle, name: str) -> None:
    points = grid(name)
    values = np.random.default_rng(0).normal(280, 20, points.n_points)
    encoded = GribEncoder().encode(oracle.field(values, grid=name))
    latitude, longitude = oracle.coordinates(encoded.message)
    expected = points.coordinates()
    np.testing.assert_allclose(latitude, expected[0], atol=1e-6)
    np.testing.assert_allclose((longitude - expected[1] + 180) % 360 - 180, 0, atol=1e-6)
    assert encoded.metadata["grid"] == points.name
    assert bytes(encoded.message) == oracle.repacked(encoded.message, values, bits=16)


def test_block_offsets_are_where_libaec_finds_them(oracle) -> None:
    from dte_hpc.codecs import aec

    values = np.random.default_rng(0).normal(280, 20, 20_000)
    encoded = GribEncoder(Packing(packing="ccsds", ccsds_block_size=16, ccsds_rsi=64)).encode(
        oracle.field(values)
    )
    found = aec.find_offsets(np.frombuffer(data_section(encoded.message), np.uint8), 20_000, 16, 16, 64, 14)
    np.testing.assert_array_equal(encoded.block_offsets, found)
    assert encoded.block_offsets.dtype == np.uint64
    assert encoded.block_offsets.size == -(-20_000 // (16 * 64))


@pytest.mark.parametrize(
    ("values", "changes", "error", "says"),
    [
        ([1.0, np.inf], {}, InvalidPart, "infinite"),
        ([1e39, 1e39], {}, InvalidPart, "1e+39"),
        ([1.0, 2.0], {"grid": "O32"}, InvalidPart, "5248"),
        ([1.0, 2.0], {"grid": "Q7"}, InvalidGrid, "Q7"),
        ([1.0, 2.0], {"param": 999999999}, InvalidPart, "paramId"),
        ([1.0, 2.0], {"date": "yesterday"}, InvalidPart, "date"),
        ([1.0, 2.0], {"stattype": "median"}, InvalidPart, "median"),
        ([1.0, 2.0], {"nonsense": 4}, InvalidPart, "nonsense"),
    ],
)
def test_what_is_refused(oracle, values, changes, error: type[DteError], says: str) -> None:
    with pytest.raises(error, match="(?s)" + says.replace("+", r"\+")):
        GribEncoder().encode(oracle.field(values, **changes))


@pytest.mark.parametrize(
    "options",
    [
        {"packing": "jpeg"},
        {"bits_per_value": 0},
        {"bits_per_value": 33},
        {"ccsds_block_size": 7},
        {"ccsds_rsi": 0},
        {"decimal_scale": 200},
    ],
)
def test_impossible_packings(options) -> None:
    with pytest.raises(ValueError, match="expected"):
        Packing(**options)


def test_keep_needs_bits(oracle) -> None:
    with pytest.raises(InvalidPart, match="bitsPerValue"):
        GribEncoder(Packing(bits_per_value="keep")).encode(oracle.field([1.0, 2.0]))


def test_keep_of_other_values_packs_them_anew(oracle) -> None:
    stale = {"bitsPerValue": 12, "referenceValue": 200.0, "binaryScaleFactor": -4, "decimalScaleFactor": 0}
    values = np.random.default_rng(0).normal(28, 2, 50)
    encoder = GribEncoder(Packing(bits_per_value="keep"))
    message = encoder.encode(oracle.field(values, **stale)).message
    assert bytes(message) == oracle.repacked(message, values, bits=12)


def test_values_may_be_anywhere_in_memory(oracle) -> None:
    values = np.arange(101.0)
    unaligned = np.frombuffer(b"x" + values.tobytes(), np.uint8)[1:].view(np.float64)
    strided = np.repeat(values, 2)[::2]
    messages = [
        bytes(GribEncoder().encode(Field(metadata=oracle.field([1.0]).metadata, values=each)).message)
        for each in (values, unaligned, strided)
    ]
    assert messages[0] == messages[1] == messages[2]


def test_a_field_that_cannot_be_packed_is_named() -> None:
    metadata = Metadata({"param": 130, "levtype": "pl", "levelist": 500, "step": 7, "grid": "O32"})
    with pytest.raises(InvalidPart, match=r"^field .*step=7.*: .*infinite value; expected finite"):
        GribEncoder(Packing()).encode(Field(metadata=metadata, values=np.full(5248, np.inf)))
