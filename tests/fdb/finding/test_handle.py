"""Messages that are retrieved, as values."""

from pathlib import Path

import numpy as np
import pytest

from dte_hpc.base.errors import InvalidMessage, InvalidRequest
from dte_hpc.base.field import Field, Metadata
from dte_hpc.codecs.decode import decode
from dte_hpc.codecs.encode import GribEncoder, Packing
from dte_hpc.fdb import FDB
from dte_hpc.testing.store import KEY


def values_of(step: int, n: int = 544) -> np.ndarray:
    values = np.sin(np.arange(n) + step)
    values[step] = np.nan
    return values if step % 2 else np.where(np.isnan(values), 0.0, values)


@pytest.fixture(params=["simple", "ccsds"])
def store(tmp_path: Path, request: pytest.FixtureRequest) -> FDB:
    """Fields on O8, every second one with a value missing; one that is constant."""
    encoder = GribEncoder(Packing(packing=request.param))
    store = FDB(tmp_path)
    for step in range(4):
        metadata = Metadata({**KEY, "grid": "O8", "step": step})
        store.archive(encoder.encode(Field(metadata=metadata, values=values_of(step))))
    metadata = Metadata({**KEY, "grid": "O8", "step": 4})
    store.archive(encoder.encode(Field(metadata=metadata, values=np.full(544, 3.0))))
    store.flush()
    return store


def test_values_come_in_request_order(store: FDB) -> None:
    handle = store.retrieve({**KEY, "step": "3/0/4/1", "grid": "O8"})
    table = handle.to_numpy()
    assert table.shape == (4, 544)
    assert table.dtype == np.float64
    for row, message in zip(table, handle, strict=True):
        np.testing.assert_array_equal(row, decode(message))
    assert np.isnan(table).sum(axis=1).tolist() == [1, 0, 0, 1]
    np.testing.assert_allclose(table[1], values_of(0), atol=1e-4)
    np.testing.assert_array_equal(table[2], 3.0)


def test_another_type_is_rounded_to(store: FDB) -> None:
    handle = store.retrieve({**KEY, "step": [0, 1], "grid": "O8"})
    table = handle.to_numpy(np.float32)
    assert table.dtype == np.float32
    np.testing.assert_array_equal(table, handle.to_numpy().astype(np.float32))


def test_no_fields_are_no_rows(store: FDB) -> None:
    assert store.retrieve({**KEY, "step": 99, "grid": "O8"}, missing="skip").to_numpy().shape == (0, 0)


def test_grids_are_not_mixed(store: FDB) -> None:
    metadata = Metadata({**KEY, "grid": "O16", "step": 0})
    store.archive(GribEncoder().encode(Field(metadata=metadata, values=np.arange(1600.0))))
    store.flush()
    with pytest.raises(InvalidRequest, match="from 544 to 1600 points; expected all of them on one grid"):
        store.retrieve({**KEY, "step": 0}).to_numpy()


def test_what_is_no_grib_has_no_values(tmp_path: Path) -> None:
    with FDB(tmp_path) as store:
        store.archive(b"text", KEY)
        store.flush()
        with pytest.raises(InvalidMessage):
            store.retrieve(KEY).to_numpy()
