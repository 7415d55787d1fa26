"""Layouts say what ecCodes says; malformed bytes are refused, never followed."""

from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dte_hpc.base.errors import DteError, InvalidMessage, UnsupportedPacking
from dte_hpc.codecs import LAYOUT, GribEncoder, Layout, Packing, octets, read_layout, split
from dte_hpc.codecs.decode import decode, grid_name
from dte_hpc.codecs.layout import message_length
from dte_hpc.codecs.points import decode_points

FILES = sorted((Path(__file__).parents[1] / "data").glob("*.grib*"))


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_layouts_of_real_files(oracle, path: Path) -> None:
    for message in list(split(path.read_bytes()))[:40]:
        layout = read_layout(message)
        names = (
            "bitsPerValue",
            "referenceValue",
            "binaryScaleFactor",
            "decimalScaleFactor",
            "numberOfValues",
        )
        expected = oracle.keys(message, *names, "offsetBeforeData", "totalLength", "editionNumber")
        assert expected[:5] == [
            layout.bits,
            layout.reference,
            layout.binary_scale,
            layout.decimal_scale,
            layout.n_packed,
        ]
        assert expected[5] == layout.data_offset
        assert expected[6:] == [len(message), layout.edition]
        assert Layout.of_record(layout.as_record()) == layout


def test_layout_of_ccsds_and_bitmap(oracle) -> None:
    values = np.where(np.arange(5000) % 7 == 0, np.nan, np.sin(np.arange(5000.0)))
    encoded = GribEncoder(Packing(packing="ccsds", ccsds_rsi=16)).encode(oracle.field(values))
    layout = encoded.layout
    names = ("ccsdsFlags", "ccsdsBlockSize", "ccsdsRsi", "offsetBeforeData", "offsetAfterData")
    expected = oracle.keys(encoded.message, *names, "offsetSection6")
    assert expected[:4] == [layout.ccsds_flags, layout.block_size, layout.rsi, layout.data_offset]
    assert expected[4] == layout.data_offset + layout.data_length
    assert expected[5] + 6 == layout.bitmap_offset
    assert layout.n_values == 5000
    assert layout.n_packed == np.isfinite(values).sum()


def test_the_record_is_small() -> None:
    assert LAYOUT.itemsize == 52


def test_split_passes_over_what_is_between() -> None:
    first, second = (next(split(path.read_bytes())) for path in FILES[:2])
    found = list(split(b"\0\0junk" + bytes(first) + b"\r\n" + bytes(second) + b"tail"))
    assert [bytes(each) for each in found] == [bytes(first), bytes(second)]
    assert [bytes(each) for each in split(np.frombuffer(bytes(first), np.uint8))] == [bytes(first)]


@pytest.mark.parametrize("cut", [1, 4, 5000])
def test_split_refuses_a_cut_message(cut: int) -> None:
    message = bytes(next(split(FILES[0].read_bytes())))
    with pytest.raises(InvalidMessage):
        list(split(message + message[:-cut]))


@pytest.mark.parametrize("data", [b"", b"no message", b"GRIB", b"GRIB\0\0\0\3" + bytes(20)])
def test_what_is_no_message(data: bytes) -> None:
    with pytest.raises(InvalidMessage):
        list(split(data))
    with pytest.raises(InvalidMessage):
        read_layout(data)


def test_large_grib1(oracle) -> None:
    """Above 8 MiB the length counts 120 bytes, and the data section's length the bytes of padding."""
    import eccodes

    handle = eccodes.codes_grib_new_from_samples("regular_ll_pl_grib1")
    for key, value in {"Ni": 2300, "Nj": 2000, "bitsPerValue": 16}.items():
        eccodes.codes_set(handle, key, value)
    eccodes.codes_set_values(handle, np.arange(2300 * 2000.0))
    message = eccodes.codes_get_message(handle)
    eccodes.codes_release(handle)
    assert len(message) > 8 * 1024 * 1024
    assert message[4] & 0x80
    assert [len(each) for each in split(message + message)] == [len(message)] * 2
    np.testing.assert_array_equal(decode(message), oracle.values(message))


def test_several_fields_in_one_message_are_refused() -> None:
    message = bytes(next(split((FILES[0].parent / "healpix_H8.grib2").read_bytes())))
    layout_end = len(message) - 4
    again = message[16 + 21 : layout_end]
    grown = bytearray(message[:layout_end] + again + b"7777")
    grown[8:16] = len(grown).to_bytes(8, "big")
    with pytest.raises(UnsupportedPacking):
        read_layout(bytes(grown))


def whole_and_points(message: bytes) -> None:
    layout = read_layout(message)
    if layout.n_values < 1 << 22:
        decode(message)
    if layout.n_values and layout.packing:
        view = np.frombuffer(message, np.uint8)
        indices = np.unique([0, layout.n_values // 2, layout.n_values - 1])
        offsets = None
        if layout.packing == 2:
            n_rsi = min(-(-layout.n_packed // (layout.block_size * layout.rsi)), 1 << 16)
            offsets = np.arange(n_rsi, dtype=np.uint64)
        decode_points(layout, offsets, indices, lambda offset, length: view[offset : offset + length])


@pytest.fixture(scope="session")
def samples(oracle) -> list[bytes]:
    values = np.random.default_rng(0).normal(280, 20, 700)
    holes = np.where(np.arange(700) % 3 == 0, np.nan, values)
    made = [
        bytes(GribEncoder(Packing(packing=packing, bits_per_value=bits, ccsds_rsi=4)).encode(field).message)
        for packing in ("simple", "ccsds")
        for bits in (7, 16)
        for field in (oracle.field(values), oracle.field(holes), oracle.field(np.full(700, 3.0)))
    ]
    return made + [bytes(next(split(path.read_bytes()))) for path in FILES if "test4" not in path.name]


@settings(max_examples=400, deadline=None)
@given(data=st.data())
def test_no_bytes_crash(samples, data) -> None:
    """Any change to a message decodes to something or is refused in our own words."""
    message = bytearray(data.draw(st.sampled_from(samples)))
    for _ in range(data.draw(st.integers(1, 4))):
        place = data.draw(st.integers(0, min(len(message), 300) - 1) | st.integers(0, len(message) - 1))
        message[place] = data.draw(st.integers(0, 255) | st.sampled_from([0, 1, 0x7F, 0x80, 0xFF]))
    if data.draw(st.booleans()):
        del message[data.draw(st.integers(0, len(message))) :]
    with suppress(DteError):
        octets.read_variable(memoryview(bytes(message))[: message_length(memoryview(bytes(message)))])
    with suppress(DteError):
        grid_name(bytes(message))
    with suppress(DteError):
        if read_layout(bytes(message)).packing:
            whole_and_points(bytes(message))


@settings(max_examples=100, deadline=None)
@given(st.binary(max_size=400))
def test_no_random_bytes_crash(data: bytes) -> None:
    for offered in (data, b"GRIB" + data, b"GRIB\0\0\0\2" + data, b"GRIB\0\0\0\1" + data):
        with suppress(DteError):
            list(split(offered))
        with suppress(DteError):
            read_layout(offered)
