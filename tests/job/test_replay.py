"""Real files go through the whole engine and come back equal to what ecCodes decodes from them."""

from pathlib import Path

import eccodes
import numpy as np
import pytest
from mpi4py import MPI

from dte_hpc.base.errors import InvalidMessage, InvalidPart
from dte_hpc.base.field import Field
from dte_hpc.codecs.encode import GribEncoder, Packing
from dte_hpc.codecs.layout import split
from dte_hpc.fdb import FDB
from dte_hpc.job.replay import replay

IDENTITY = ("class", "stream", "expver", "type", "date", "time", "step", "levtype", "levelist")


def decoded(messages) -> dict[tuple[str, ...], np.ndarray]:
    """Return values by identity, as ecCodes decodes messages of any edition."""
    found = {}
    for message in messages:
        handle = eccodes.codes_new_from_message(bytes(message))
        names = [
            eccodes.codes_get_string(handle, f"mars.{k}") if has(handle, f"mars.{k}") else ""
            for k in IDENTITY
        ]
        parameter = str(eccodes.codes_get_long(handle, "paramId"))
        found[*names, parameter] = eccodes.codes_get_values(handle)
        eccodes.codes_release(handle)
    return found


def has(handle: int, name: str) -> bool:
    return bool(eccodes.codes_is_defined(handle, name))


@pytest.mark.parametrize(
    ("name", "n_fields"),
    [
        ("O32_global.grib2", 1),
        ("era5-2mt-2019-03-uk.grib", 744),
        ("healpix_H8.grib2", 4),
        ("pl_regular_ll.grib", 240),
        ("test4.grib", 4),
    ],
)
def test_a_file_comes_back_equal(dte, data: Path, tmp_path: Path, name: str, n_fields: int) -> None:
    ended = dte("replay", data / name, "--store", tmp_path / "store", "--model", "3", "--io", "2")
    assert (ended.status, ended.err) == (0, ""), ended.err
    listing = FDB(str(tmp_path / "store")).list({})
    assert len(listing) == n_fields
    stored = decoded(listing.message(i) for i in range(n_fields))
    original = decoded(split((data / name).read_bytes()))
    assert stored.keys() == original.keys()
    for key, values in original.items():
        assert np.array_equal(stored[key], values), key
    assert all(listing.message(i)[7] == 2 for i in range(n_fields))  # the edition


def test_a_file_that_is_no_grib_is_refused_with_one_sentence(dte, tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("not a message")
    ended = dte("replay", tmp_path / "notes.txt", "--store", tmp_path / "store")
    assert ended.status != 0
    assert "notes.txt" in ended.err
    assert "Traceback" not in ended.err
    ended = dte("replay", tmp_path / "absent.grib", "--store", tmp_path / "store")
    assert "absent.grib cannot be read" in ended.err


class Alone:
    """One model rank whose client keeps what it is given."""

    rank, size = 0, 1

    def __init__(self) -> None:
        self.client, self.fields, self.comm = self, [], MPI.COMM_SELF

    def write_domain(self, *_words, **_facts) -> None: ...
    def write_field(self, metadata, values) -> None:
        self.fields.append((metadata, values))

    def flush(self) -> None: ...


def replayed(path, content=None):
    """Return how many fields a file has, how many mask an earlier one, and the fields."""
    if content is not None:
        path.write_bytes(content)
    rank = Alone()
    return *replay(rank, [path], lambda *_counts: None), rank.fields


def message(**keys) -> bytes:
    handle = eccodes.codes_grib_new_from_samples("regular_ll_pl_grib2")
    for name, value in keys.items():
        eccodes.codes_set(handle, name, value)
    eccodes.codes_set_values(handle, 250 + np.sin(np.arange(496.0)))
    made: bytes = eccodes.codes_get_message(handle)
    eccodes.codes_release(handle)
    return made


def test_fields_of_one_key_are_counted(tmp_path: Path) -> None:
    n_fields, n_masked, _ = replayed(tmp_path / "three.grib", message() * 2 + message(step=6))
    assert (n_fields, n_masked) == (3, 1)


def test_a_jpeg_keeps_every_value(tmp_path: Path) -> None:
    original = message(packingType="grid_jpeg", bitsPerValue=12)
    _, _, [(metadata, values)] = replayed(tmp_path / "jpeg.grib", original)
    packed = GribEncoder(Packing(bits_per_value="keep")).encode(Field(metadata=metadata, values=values))
    assert np.array_equal(*(next(iter(decoded([m]).values())) for m in (original, packed.message)))


SOUTH_TO_NORTH = {
    "jScansPositively": 1,
    "latitudeOfFirstGridPointInDegrees": 0,
    "latitudeOfLastGridPointInDegrees": 60,
}


def test_rows_from_south_to_north_come_back_as_they_are(tmp_path: Path) -> None:
    original = message(**SOUTH_TO_NORTH)
    _, _, [(metadata, values)] = replayed(tmp_path / "scanned.grib", original)
    packed = GribEncoder(Packing(bits_per_value="keep")).encode(Field(metadata=metadata, values=values))
    assert np.array_equal(*(next(iter(decoded([m]).values())) for m in (original, packed.message)))
    handle = eccodes.codes_new_from_message(bytes(packed.message))
    assert {k: eccodes.codes_get(handle, k) for k in SOUTH_TO_NORTH} == SOUTH_TO_NORTH
    eccodes.codes_release(handle)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", r"it is empty; expected GRIB messages"),
        (b"not a message", "hold no 'GRIB'"),
        (message()[:-9], "all of it"),
        (message(gridType="space_view"), "message 1 lies on a grid that has no name .*: space_view"),
    ],
)
def test_what_cannot_be_replayed_is_a_sentence(content: bytes, said: str, tmp_path: Path) -> None:
    with pytest.raises(InvalidMessage, match=rf"x\.grib.*{said}"):
        replayed(tmp_path / "x.grib", content)


def test_floats_are_not_packed_unasked(tmp_path: Path) -> None:
    _, _, [(metadata, values)] = replayed(tmp_path / "ieee.grib", message(packingType="grid_ieee"))
    with pytest.raises(InvalidPart, match=r"packs no whole numbers.*expected a plan with bits-per-value"):
        GribEncoder(Packing(bits_per_value="keep")).encode(Field(metadata=metadata, values=values))
