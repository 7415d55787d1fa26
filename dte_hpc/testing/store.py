"""What must every store of fields do?

`StoreConformance` is a class of pytest tests: a subclass says how a store is opened, and every promise
of `dte_hpc.fdb.FDB` that does not depend on its files is tested.
"""

# ruff: noqa: S101, D102, SIM118, PT012 - these are tests; `keys` is a listing's iterator

import abc
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from dte_hpc.base.errors import CorruptData, FieldNotFound, InvalidKey, InvalidMessage, InvalidRequest

KEY: dict[str, str | int] = {
    "class": "od",
    "expver": "0001",
    "stream": "oper",
    "date": 20260101,
    "time": "0000",
    "domain": "g",
    "type": "fc",
    "levtype": "pl",
    "step": 0,
    "levelist": 500,
    "param": 130,
}


def message_of(number: int, length: int = 100) -> bytes:
    """Return bytes that no other number has."""
    return np.random.default_rng(number).bytes(length)


class StoreConformance(abc.ABC):
    """Tests that any store must pass; a subclass is collected by pytest when its name begins with Test."""

    @abc.abstractmethod
    def open(self, path: Path) -> Any:
        """Return a handle of the store in a directory that a test owns, with a MARS-like schema."""

    def test_what_was_flushed_is_read_back(self, tmp_path: Path) -> None:
        store = self.open(tmp_path)
        for step in (0, 6, 12):
            store.archive(message_of(step), {**KEY, "step": step})
        store.flush()
        for handle in (store, self.open(tmp_path)):
            assert handle.retrieve({**KEY, "step": "12/0/6"}).read() == b"".join(map(message_of, (12, 0, 6)))
            assert len(handle.list()) == 3
            assert {key["step"] for key in handle.list({"param": 130}).keys()} == {"0", "6", "12"}

    def test_nothing_is_visible_before_a_flush(self, tmp_path: Path) -> None:
        store = self.open(tmp_path)
        store.archive(message_of(1), KEY)
        assert len(store.list()) == 0
        assert len(self.open(tmp_path).list()) == 0
        with pytest.raises(FieldNotFound):
            store.inspect(KEY)
        store.flush()
        assert len(store.list()) == 1

    def test_an_open_handle_sees_what_others_flush(self, tmp_path: Path) -> None:
        writer, reader = self.open(tmp_path), self.open(tmp_path)
        assert len(reader.list()) == 0
        for step in range(3):
            writer.archive(message_of(step), {**KEY, "step": step})
            writer.flush()
            assert len(reader.list()) == step + 1
            assert reader.retrieve({**KEY, "step": step}).read() == message_of(step)

    def test_a_later_flush_masks_an_earlier_one(self, tmp_path: Path) -> None:
        first, second = self.open(tmp_path), self.open(tmp_path)
        first.archive(message_of(1), KEY)
        second.archive(message_of(2), KEY)
        second.flush()
        assert first.retrieve(KEY).read() == message_of(2)
        first.flush()
        for handle in (first, second):
            assert handle.retrieve(KEY).read() == message_of(1)
            assert len(handle.list()) == 1
            assert len(handle.list(masked=True)) == 2

    def test_the_last_of_one_key_in_one_flush_counts(self, tmp_path: Path) -> None:
        store = self.open(tmp_path)
        for number in range(3):
            store.archive(message_of(number), KEY)
        store.flush()
        assert store.retrieve(KEY).read() == message_of(2)
        assert len(store.list()) == 1

    def test_values_have_one_form(self, tmp_path: Path) -> None:
        store = self.open(tmp_path)
        store.archive(message_of(1), {**KEY, "step": "06", "levelist": 500.0, "time": 0, "expver": "1"})
        store.flush()
        key = next(store.list().keys())
        assert (key["step"], key["levelist"], key["time"], key["expver"]) == ("6", "500", "0000", "0001")
        assert len(store.inspect({**KEY, "step": 6, "expver": 1, "time": "00"})) == 1

    def test_a_wrong_key_is_refused_before_anything_is_written(self, tmp_path: Path) -> None:
        store = self.open(tmp_path)
        for wrong in ({"step": "x"}, {"date": "today"}, {"nothing": 1}, {"class": "a\0b"}, {"time": 2500}):
            with pytest.raises(InvalidKey):
                store.archive(message_of(1), {**KEY, **wrong})
        with pytest.raises(InvalidKey):
            store.archive(message_of(1), {k: v for k, v in KEY.items() if k != "param"})
        with pytest.raises(InvalidMessage):
            store.archive(b"", KEY)
        store.flush()
        assert len(store.list()) == 0

    def test_a_request_that_cannot_be_is_refused(self, tmp_path: Path) -> None:
        store = self.open(tmp_path)
        for wrong in ({"stepp": 0}, {"step": "x"}, {"date": "20261301"}):
            with pytest.raises(InvalidRequest):
                store.list(wrong)

    def test_missing_fields_are_named(self, tmp_path: Path) -> None:
        store = self.open(tmp_path)
        store.archive(message_of(1), KEY)
        store.flush()
        with pytest.raises(FieldNotFound, match="step=6"):
            store.inspect({**KEY, "step": [0, 6]})
        assert len(store.inspect({**KEY, "step": [0, 6]}, missing="skip")) == 1

    def test_columns_and_bytes_of_a_listing(self, tmp_path: Path) -> None:
        store = self.open(tmp_path)
        for step in range(4):
            store.archive(message_of(step, 50 + step), {**KEY, "step": step})
        store.flush()
        listing = store.inspect({**KEY, "step": "3/to/0"})
        assert listing.column("step").tolist() == ["3", "2", "1", "0"]
        assert listing.length.tolist() == [53, 52, 51, 50]
        assert listing.read_at(1, 10, 5) == message_of(2, 52)[10:15]
        assert [listing.message(n) for n in range(4)] == [message_of(3 - n, 53 - n) for n in range(4)]
        assert listing.select([2, 0]).column("step").tolist() == ["1", "3"]
        with pytest.raises(IndexError):
            listing.read_at(1, 50, 5)

    def test_a_handle_is_a_seekable_file(self, tmp_path: Path) -> None:
        store = self.open(tmp_path)
        messages = [message_of(step, 1000 + step) for step in range(5)]
        for step, message in enumerate(messages):
            store.archive(message, {**KEY, "step": step})
        store.flush()
        handle, whole = store.retrieve({**KEY, "step": "0/to/4"}), b"".join(messages)
        assert handle.size == len(whole)
        assert b"".join(iter(lambda: handle.read(777), b"")) == whole
        assert handle.seek(1500) == 1500
        assert handle.read(3000) == whole[1500:4500]
        assert handle.seek(-10, 2) == len(whole) - 10
        assert handle.read() == whole[-10:]
        assert list(handle) == messages

    def test_leaving_by_an_exception_keeps_nothing(self, tmp_path: Path) -> None:
        with pytest.raises(KeyError), self.open(tmp_path) as store:
            store.archive(message_of(1), KEY)
            raise KeyError
        assert len(self.open(tmp_path).list()) == 0
        with self.open(tmp_path) as store:
            store.archive(message_of(1), KEY)
        assert len(self.open(tmp_path).list()) == 1

    def test_changed_bytes_are_never_given_out(self, tmp_path: Path) -> None:
        store = self.open(tmp_path)
        for step in range(3):
            store.archive(message_of(step), {**KEY, "step": step})
        store.flush()
        listing = store.list()
        path = Path(listing.path(1))
        data = bytearray(path.read_bytes())
        data[int(listing.offset[1]) + 50] ^= 4
        path.write_bytes(data)
        assert store.retrieve({**KEY, "step": 0}).read() == message_of(0)
        assert store.retrieve({**KEY, "step": 2}).read() == message_of(2)
        with pytest.raises(CorruptData, match="step=1"):
            store.retrieve({**KEY, "step": 1}).read()
