"""GRIB messages find their keys, their packing and their grids by themselves."""

from pathlib import Path

import numpy as np
import pytest

from dte_hpc.base.errors import InvalidKey, InvalidMessage
from dte_hpc.base.field import Field, Metadata
from dte_hpc.codecs.encode import GribEncoder, Packing
from dte_hpc.codecs.layout import LAYOUT, read_layout, split
from dte_hpc.fdb import FDB, Schema

DATA = Path(__file__).parents[1] / "data"
METADATA = Metadata(
    {
        "class": "od",
        "stream": "oper",
        "expver": "0001",
        "type": "fc",
        "levtype": "pl",
        "date": 20260101,
        "time": 0,
        "step": 6,
        "levelist": 500,
        "param": 130,
        "grid": "O32",
    }
)


def test_a_file_of_messages_is_archived_by_its_headers(tmp_path: Path) -> None:
    data = (DATA / "pl_regular_ll.grib").read_bytes()
    with FDB(tmp_path) as store:
        store.archive(data)
    listing = FDB(tmp_path).list()
    messages = [bytes(message) for message in split(data)]
    assert sorted(listing.message(n) for n in range(len(listing))) == sorted(messages)
    for number in (0, len(listing) - 1):
        expected = read_layout(listing.message(number)).as_record()
        assert listing.layout[number].tobytes() == expected.tobytes()
    assert listing.layout.dtype == LAYOUT
    assert listing.grid_name(0) == "1/1" or listing.grid_name(0).count("/") >= 1
    assert set(listing.column("levtype").tolist()) == {"pl"}


@pytest.mark.parametrize("packing", ["simple", "ccsds"])
def test_an_encoded_field_has_the_key_of_its_message(tmp_path: Path, packing: str) -> None:
    rng = np.random.default_rng(3)
    field = Field(metadata=METADATA, values=250 + np.cumsum(rng.normal(size=5248)) / 50)
    encoded = GribEncoder(Packing(packing=packing)).encode(field)  # type: ignore[arg-type]
    with FDB(tmp_path / "a") as one, FDB(tmp_path / "b") as other:
        one.archive(encoded)
        other.archive(encoded.message)
    one_list, other_list = FDB(tmp_path / "a").list(), FDB(tmp_path / "b").list()
    assert list(one_list.keys()) == list(other_list.keys())
    assert one_list.message(0) == other_list.message(0) == bytes(encoded.message)
    assert one_list.layout.tobytes() == other_list.layout.tobytes() == encoded.layout.as_record().tobytes()
    assert one_list.grid_name(0) == other_list.grid_name(0) == "O32"
    offsets = one_list.block_offsets(0)
    assert (offsets is None) == (packing == "simple")
    if offsets is not None and encoded.block_offsets is not None:
        assert offsets.tolist() == encoded.block_offsets.tolist()


def test_all_keys_of_a_buffer_are_checked_before_its_first_byte(tmp_path: Path) -> None:
    narrow = Schema("[ class, expver, stream, date, time, domain? [ type, levtype=sfc [ step, param ]]]")
    store = FDB(tmp_path, schema=narrow)
    surface = (DATA / "era5-2mt-2019-03-uk.grib").read_bytes()
    first = bytes(next(iter(split(surface))))
    with pytest.raises(InvalidKey, match="levtype=sfc"):
        store.archive(first + (DATA / "O32_global.grib2").read_bytes())
    assert not store.dirty
    store.archive(first)
    store.flush()
    assert len(store.list()) == 1


def test_what_is_not_grib_needs_a_key(tmp_path: Path) -> None:
    with pytest.raises(InvalidMessage):
        FDB(tmp_path).archive(b"not GRIB at all")
    key = {k: v for k, v in METADATA.items() if k != "grid"}
    with FDB(tmp_path) as store:
        store.archive(b"GRIB but torn", key)
        store.archive(np.arange(10, dtype=np.uint8), {**key, "step": 12})
    listing = FDB(tmp_path).list()
    assert listing.layout["packing"].tolist() == [0, 0]
    assert listing.message(1) == bytes(range(10))
    assert listing.grid_name(0) == ""
