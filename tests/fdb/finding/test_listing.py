"""A listing as columns and as keys."""

from pathlib import Path

import numpy as np
import pytest

from dte_hpc.fdb import FDB
from dte_hpc.fdb.finding import listing
from dte_hpc.testing.store import KEY, message_of


@pytest.fixture
def store(tmp_path: Path) -> FDB:
    """Two databases and two rules' worth of keywords: some fields have a level, one has a number."""
    store = FDB(tmp_path)
    keys = [
        {**KEY, "step": 0, "levelist": 500},
        {k: v for k, v in KEY.items() if k != "levelist"} | {"step": 6},
        {**KEY, "expver": "0002", "step": 0, "number": 3},
    ]
    for number, key in enumerate(keys):
        store.archive(message_of(number, 10 + number), key)
    store.flush()
    return store


def test_columns_hold_everything(store: FDB) -> None:
    found = store.list()
    columns = found.columns()
    assert list(columns) == [*found.keywords, "path", "offset", "length", "checksum"]
    assert {len(column) for column in columns.values()} == {3}
    for number, key in enumerate(found.keys()):
        assert {k: columns[k][number] for k in found.keywords if columns[k][number]} == dict(key)
        assert columns["path"][number] == found.path(number)
    assert columns["length"].tolist() == [10, 11, 12]
    assert columns["step"][0] is columns["step"][2]


def test_an_empty_listing_has_columns_too(tmp_path: Path) -> None:
    columns = FDB(tmp_path).list().columns()
    assert {name: len(column) for name, column in columns.items()} == dict.fromkeys(
        ("path", "offset", "length", "checksum"), 0
    )


def test_columns_make_a_data_frame(store: FDB) -> None:
    pandas = pytest.importorskip("pandas")
    found = store.list()
    frame = pandas.DataFrame(found.columns())
    assert frame.query("levelist == '' and step == '6'").length.tolist() == [11]
    codes, words = found.codes("expver")
    assert pandas.Categorical.from_codes(codes, words.list).tolist() == frame.expver.tolist()


@pytest.mark.parametrize("at_once", [1, 2, 100])
def test_keys_come_some_at_a_time(store: FDB, monkeypatch: pytest.MonkeyPatch, at_once: int) -> None:
    monkeypatch.setattr(listing, "KEYS_AT_ONCE", at_once)
    found = store.list()
    keys = list(found.keys())
    assert keys == [found.key(number) for number in range(3)]
    assert keys == list(found.select(np.arange(3)).keys())
    assert all("" not in key.values() for key in keys)
