"""The outline of a message says of packing and grid what the message says."""

import numpy as np
import pytest

from dte_hpc.base.errors import InvalidMessage
from dte_hpc.codecs.decode import grid_name
from dte_hpc.codecs.layout import read_layout, split
from dte_hpc.codecs.outline import outline

FILES = (
    "pl_regular_ll.grib",
    "O32_global.grib2",
    "healpix_H8.grib2",
    "test4.grib",
    "era5-2mt-2019-03-uk.grib",
)


def outlined(message):
    read = []

    def piece(offset, length):
        read.append((offset, length))
        found = bytes(message[offset : offset + length])
        assert len(found) == length
        return found

    return outline(piece, len(message)), read


@pytest.mark.parametrize("name", FILES)
def test_layout_and_grid_are_those_of_the_message(data, name):
    for message in list(split((data / name).read_bytes()))[:6]:
        found, read = outlined(message)
        assert read_layout(found) == read_layout(message)
        assert grid_name(found) == grid_name(message)
        assert len(found) == len(message)
        assert sum(length for _, length in read) <= 2048 + 256 + 4


@pytest.mark.parametrize("name", FILES)
def test_padding_behind_a_message_is_no_part_of_it(data, name):
    message = bytes(next(split((data / name).read_bytes())))
    found, _ = outlined(message + bytes(100))
    assert read_layout(found) == read_layout(message)
    assert grid_name(found) == grid_name(message)


def test_a_grib1_message_whose_length_is_in_units_of_120_bytes(data):
    message = bytearray(next(split((data / "test4.grib").read_bytes())))
    at = read_layout(message).data_offset - 11
    units = -(-(len(message)) // 120)
    short = units * 120 - len(message) + 4
    message[4:7] = (units | 0x800000).to_bytes(3, "big")
    message[at : at + 3] = short.to_bytes(3, "big")
    found, read = outlined(message)
    assert read_layout(found) == read_layout(message)
    assert sum(length for _, length in read) < 8000


def grib2(n_points, bitmap=False, grid_bytes=72):
    """Return a message of one section each, 16 bits a value."""
    bits = np.packbits(np.arange(n_points) % 3 > 0).tobytes() if bitmap else b""
    n_packed = int((np.arange(n_points) % 3 > 0).sum()) if bitmap else n_points
    sections = [
        (1, bytes(16)),
        (3, b"\0" + n_points.to_bytes(4, "big") + bytes(grid_bytes - 10)),
        (4, bytes(29)),
        (5, n_packed.to_bytes(4, "big") + b"\0\0" + bytes(8) + b"\x10\0"),
        (6, (b"\0" if bitmap else b"\xff") + bits),
        (7, b"\x55" * (2 * n_packed)),
    ]
    body = b"".join((len(data) + 5).to_bytes(4, "big") + bytes([n]) + data for n, data in sections) + b"7777"
    return b"GRIB\0\0\0\x02" + (16 + len(body)).to_bytes(8, "big") + body


@pytest.mark.parametrize("bitmap", [False, True])
@pytest.mark.parametrize("grid_bytes", [72, 5000])
def test_a_large_message_costs_few_bytes(bitmap, grid_bytes):
    message = grib2(1_000_000, bitmap, grid_bytes)
    found, read = outlined(message)
    assert read_layout(found) == read_layout(message)
    assert sum(length for _, length in read) < 8000
    assert len(read) < 8


@pytest.mark.parametrize(
    "message",
    [b"x" * 100, b"GRIB", b"GRIB\0\0\0\x03" + bytes(100), grib2(10)[:60], b"GRIB\0\0\x20\x01" + b"\xff" * 40],
)
def test_what_is_no_message_is_refused(message):
    with pytest.raises(InvalidMessage):
        read_layout(outlined(message)[0])


def test_a_section_of_gigabytes_is_not_read():
    message = bytearray(grib2(10))
    message[16:20] = (1 << 31).to_bytes(4, "big")
    with pytest.raises(InvalidMessage):
        outline(lambda offset, length: bytes(message[offset : offset + length]).ljust(length), 1 << 32)
