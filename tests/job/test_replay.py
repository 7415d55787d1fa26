"""Real files go through the whole engine and come back equal to what ecCodes decodes from them."""

from pathlib import Path

import eccodes
import numpy as np
import pytest

from dte_hpc.codecs.layout import split
from dte_hpc.fdb import FDB

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
