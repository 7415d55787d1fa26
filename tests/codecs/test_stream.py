"""Messages out of files and pipes."""

import io
import sys

import pytest

from dte_hpc.base.errors import InvalidMessage
from dte_hpc.codecs import grib
from dte_hpc.codecs.decode import mars_key
from dte_hpc.codecs.layout import split
from dte_hpc.codecs.stream import open_messages


@pytest.mark.parametrize("piece_bytes", [7, 1000, 1_000_000])
@pytest.mark.parametrize("name", ["pl_regular_ll.grib", "era5-2mt-2019-03-uk.grib", "O32_global.grib2"])
def test_messages_are_those_of_a_whole_buffer(data, name, piece_bytes, tmp_path):
    path = tmp_path / name
    path.write_bytes((data / name).read_bytes()[:100_000])
    whole = path.read_bytes()
    end = whole.rindex(b"7777") + 4
    path.write_bytes(whole[:end] + b"\0\0")
    with open_messages(str(path), piece_bytes) as messages:
        found = [bytes(message) for message in messages]
    assert found == [bytes(message) for message in split(whole[:end])]


def test_standard_input(data, monkeypatch):
    monkeypatch.setattr(
        sys, "stdin", io.TextIOWrapper(io.BytesIO((data / "pl_regular_ll.grib").read_bytes()))
    )
    with open_messages("-") as messages:
        assert sum(1 for _ in messages) == 240


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda whole: whole[:-10], "message 240 of"),
        (lambda whole: whole[:20], "message 1 of"),
        (lambda whole: b"", "holds no GRIB"),
        (lambda whole: b"nothing at all", "holds no GRIB"),
        (lambda whole: whole[:1470] + b"xxxx" + whole[1474:], "message 1 of"),
    ],
)
def test_what_is_cut_or_damaged_is_named(data, tmp_path, change, said):
    path = tmp_path / "x.grib"
    whole = (data / "pl_regular_ll.grib").read_bytes()
    path.write_bytes(change(whole[: whole.rindex(b"7777") + 4]))
    with open_messages(str(path)) as messages, pytest.raises(InvalidMessage, match=said):
        list(messages)


def test_a_message_with_other_values(data):
    message = next(split((data / "pl_regular_ll.grib").read_bytes()))
    changed = grib.modified(message, {"expver": "0042", "dataDate": "20250102", "packingType": "grid_ccsds"})
    assert (mars_key(changed)["expver"], mars_key(changed)["date"]) == ("0042", 20250102)
    for key, value in (("nokey", "1"), ("dataDate", "x")):
        with pytest.raises(InvalidMessage, match=f"{key}={value}"):
            grib.modified(message, {key: value})
