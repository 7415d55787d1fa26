"""Many messages in one call are stored as they are one by one."""

import errno
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dte_hpc.base.errors import InvalidKey, InvalidMessage, StorageFailed, StorageLocked
from dte_hpc.base.events import Event, FieldStored
from dte_hpc.base.field import Field, Metadata
from dte_hpc.codecs.encode import GribEncoder
from dte_hpc.fdb import FDB
from dte_hpc.fdb.upkeep.control import Control
from dte_hpc.testing.faults import FaultyDisk
from dte_hpc.testing.store import KEY, message_of


def contents(root: Path) -> list[tuple[dict[str, str], bytes]]:
    listing = FDB(root).list()
    return [(dict(key), listing.message(number)) for number, key in enumerate(listing.keys())]


def test_columns_mappings_and_single_archives_store_the_same(tmp_path: Path) -> None:
    steps, levels = [0, 6, 12, 6], ["500.0", "850", "500", "500"]
    keys = [{**KEY, "step": s, "levelist": level} for s, level in zip(steps, levels, strict=True)]
    messages = [message_of(number, 40 + number) for number in range(4)]
    with FDB(tmp_path / "single") as store:
        for message, key in zip(messages, keys, strict=True):
            store.archive(message, key)
    with FDB(tmp_path / "mappings") as store:
        store.archive_many(messages, keys)
    with FDB(tmp_path / "iterator") as store:
        store.archive_many(messages, iter(keys))
    with FDB(tmp_path / "columns") as store:
        columns = {**KEY, "step": np.array(steps), "levelist": levels}
        store.archive_many(b"".join(messages), columns, lengths=list(map(len, messages)))
    with FDB(tmp_path / "arrays") as store:
        buffer = np.frombuffer(b"".join(messages), np.uint8)
        columns = {**KEY, "step": steps, "levelist": np.array(levels)}
        store.archive_many(buffer, columns, lengths=np.array(list(map(len, messages)), np.int32))
    expected = contents(tmp_path / "single")
    assert len(expected) == 4
    for name in ("mappings", "iterator", "columns", "arrays"):
        assert contents(tmp_path / name) == expected


VALUES = {
    "expver": ["1", "0001", "2"],
    "stream": ["oper", "enfo", "wave"],
    "date": ["2026-01-01", "20260101", 20260102],
    "step": [0, "6", "06", "30m"],
    "levelist": [500, "500.0", "850"],
    "number": [1, "2"],
}
ROWS = st.lists(
    st.fixed_dictionaries(
        {k: st.sampled_from(v) for k, v in VALUES.items() if k not in ("levelist", "number")},
        optional={k: st.sampled_from(VALUES[k]) for k in ("levelist", "number")},
    ),
    min_size=1,
    max_size=12,
)


@settings(max_examples=40, deadline=None)
@given(ROWS)
def test_any_keys_go_where_they_go_alone(tmp_path_factory: pytest.TempPathFactory, rows) -> None:
    """Into several databases, by several rules, with and without optional keywords, in order."""
    folder = tmp_path_factory.mktemp("stores")
    keys = [{**KEY, **row} for row in rows]
    messages = [message_of(number, 30 + number) for number in range(len(rows))]
    with FDB(folder / "single") as store:
        for message, key in zip(messages, keys, strict=True):
            store.archive(message, key)
    with FDB(folder / "many") as store:
        store.archive_many(messages, keys)
    assert contents(folder / "many") == contents(folder / "single")


def test_step_units_are_read(tmp_path: Path) -> None:
    with FDB(tmp_path) as store:
        columns = {**KEY, "step": [30, 1, 60], "stepunits": ["m", "h", "m"], "param": [1, 2, 3]}
        store.archive_many([b"a", b"b", b"c"], columns)
    assert sorted((key["param"], key["step"]) for key, _ in contents(tmp_path)) == [
        ("1", "30m"),
        ("2", "1"),
        ("3", "1"),
    ]


def test_grib_is_known_as_such(tmp_path: Path) -> None:
    encoder = GribEncoder()
    metadata = {**KEY, "grid": "O8"}
    fields = [
        encoder.encode(Field(metadata=Metadata({**metadata, "step": step}), values=np.arange(544.0)))
        for step in (0, 6)
    ]
    messages = [bytes(field.message) for field in fields]
    with FDB(tmp_path) as store:
        store.archive_many([*messages, b"GRIB but not really"], {**KEY, "step": [0, 6, 12]})
    listing = FDB(tmp_path).list()
    assert [listing.grid_name(number) for number in range(3)] == ["O8", "O8", ""]
    assert listing.layout["n_values"].tolist() == [544, 544, 0]


@pytest.mark.parametrize(
    ("messages", "keys", "lengths", "error", "words"),
    [
        ([b"a", b"b"], {"step": [0, 6, 12]}, None, InvalidKey, "found 3 values of step; expected one, or 2"),
        ([b"a"], [{}, {}], None, InvalidKey, "found 2 keys; expected one for each of 1 messages"),
        ([b"a", b"b"], {"step": [0, "x"]}, None, InvalidKey, "step='x' is no Step"),
        ([b"a", b"b"], {"step": [0, [6]]}, None, InvalidKey, "step is a list; expected one text or number"),
        ([b"a", b"b"], {"step": [0, 6], "colour": "red"}, None, InvalidKey, "keywords not used: colour"),
        ([b"a", b""], {"step": [0, 6]}, None, InvalidMessage, "found a message of 0 bytes"),
        (b"ab", {"step": [0, 6]}, None, InvalidMessage, "found one buffer without lengths"),
        (b"ab", {"step": [0, 6]}, [1, 2], InvalidMessage, "found lengths of 3 bytes together; expected 2"),
        (b"ab", {"step": [0, 6]}, [2, 0], InvalidMessage, "lengths that are no positive whole numbers"),
        (b"ab", {"step": [0, 6]}, [0.5, 1.5], InvalidMessage, "lengths that are no positive whole numbers"),
    ],
)
def test_mistakes_are_found_before_anything_is_written(
    tmp_path: Path, messages, keys, lengths, error, words
) -> None:
    keys = {**KEY, **keys} if isinstance(keys, dict) else [{**KEY, **key} for key in keys]
    store = FDB(tmp_path)
    with pytest.raises(error, match=words):
        store.archive_many(messages, keys, lengths=lengths)
    assert not store.dirty
    assert not list(tmp_path.rglob("*.data"))


def test_no_messages_are_nothing(tmp_path: Path) -> None:
    with FDB(tmp_path) as store:
        store.archive_many([], [])
        store.archive_many([], {**KEY, "step": []})
    assert contents(tmp_path) == []


def test_a_database_made_with_another_schema_keeps_its_own(tmp_path: Path) -> None:
    old = "step: Step; [class, expver, stream, date, time, domain? [type, levtype [param, step, levelist?]]]"
    new = old.replace("[param, step, levelist?]", "[step, levelist?, param]")
    key = {**KEY, "levelist": 500}
    (tmp_path / "old").write_text(old, encoding="utf-8")
    (tmp_path / "new").write_text(new, encoding="utf-8")
    root = tmp_path / "store"
    with FDB(root, schema=tmp_path / "old") as store:
        store.archive(b"a", {**key, "step": 0})
    with FDB(root, schema=tmp_path / "new") as store:
        store.archive_many([b"b", b"c"], {**key, "step": [6, "012"]})
    listing = FDB(root, schema=tmp_path / "new").list()
    assert listing.column("step").tolist() == ["0", "6", "12"]


@pytest.mark.parametrize("length", [10, 50_000])
def test_a_refused_call_takes_nothing_of_its_database(tmp_path: Path, length: int) -> None:
    disk = FaultyDisk({("write", 2): errno.ENOSPC})
    store = FDB(tmp_path, disk=disk)  # the first write is of the schema
    messages, keys = [message_of(n, length) for n in range(50)], {**KEY, "step": list(range(50))}
    with pytest.raises(StorageFailed):
        store.archive_many(messages, keys)
    assert not store.dirty
    store.archive_many(messages, keys)
    store.flush()
    assert [message for _, message in contents(tmp_path)] == messages


def test_a_locked_database_takes_nothing(tmp_path: Path) -> None:
    with FDB(tmp_path) as store:
        store.archive(b"a", KEY)
    store = FDB(tmp_path)
    store.control({}, "disable", Control.ARCHIVE)
    with pytest.raises(StorageLocked):
        store.archive_many([b"b"], [KEY])


def test_the_listener_is_told_of_each(tmp_path: Path) -> None:
    events: list[Event] = []
    store = FDB(tmp_path, listener=events.append)
    store.archive_many([b"a", b"bb"], {**KEY, "step": [0, 6]})
    assert [event.n_bytes for event in events if isinstance(event, FieldStored)] == [1, 2]
