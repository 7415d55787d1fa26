"""A database that ECMWF's FDB wrote is not written to, however the configuration calls it."""

import struct

import pytest

from dte_hpc.base.errors import InvalidConfig
from dte_hpc.base.events import RecordSkipped
from dte_hpc.fdb import FDB
from dte_hpc.testing.store import KEY

FDB5_RECORD = struct.pack("<B3xII", ord("t"), 3, 52500).ljust(1024, b"\0")


@pytest.fixture
def foreign(tmp_path):
    directory = tmp_path / "od:0001:oper:20260101:0000:g"
    directory.mkdir()
    (directory / "toc").write_bytes(FDB5_RECORD)
    (directory / "schema").write_text(FDB(tmp_path).schema.text)
    return directory


def test_nothing_is_written_into_it(foreign, tmp_path):
    store = FDB(tmp_path)
    with pytest.raises(InvalidConfig, match="fdb5-toc"):
        store.archive(b"x", KEY)
    store.close()
    assert sorted(path.name for path in foreign.iterdir()) == ["schema", "toc"]
    assert (foreign / "toc").read_bytes() == FDB5_RECORD


def test_a_reader_is_told(foreign, tmp_path):
    told = []
    assert len(FDB(tmp_path, listener=told.append).list()) == 0
    assert [isinstance(event, RecordSkipped) and "fdb5-toc" in event.reason for event in told] == [True]


def test_a_toc_of_our_own_that_is_damaged_is_written_to(foreign, tmp_path):
    (foreign / "toc").write_bytes(b"t\0\0garbage")
    with FDB(tmp_path) as store:
        store.archive(b"x", KEY)
    assert len(FDB(tmp_path).list()) == 1
